(function (root) {
  "use strict";
  // a page may hold the same steps laid out for several widths
  var films = [];
  root.querySelectorAll("g.step").forEach(function (step) {
    var film = films[films.length - 1];
    if (film && film[0].parentNode === step.parentNode) film.push(step); else films.push([step]);
  });
  var steps = films[0];
  var counter = root.querySelector("[data-counter]");
  var said = root.querySelector("[data-said]");
  var play = root.querySelector('[data-action="play"]');
  var at = 0, timer = null;

  function show(i) {
    at = (i + steps.length) % steps.length;
    films.forEach(function (film) {
      film.forEach(function (step, j) { step.style.display = j === at ? "" : "none"; step.style.visibility = "visible"; });
    });
    counter.textContent = at + 1 + " / " + steps.length;
    if (said) said.textContent = steps[at].getAttribute("data-title");
  }
  function running(on) {
    if (timer) clearInterval(timer);
    timer = on ? setInterval(function () { show(at + 1); }, 1000) : null;
    play.setAttribute("aria-pressed", String(on));
    play.setAttribute("aria-label", play.getAttribute(on ? "data-pause" : "data-play"));
    var sign = play.querySelector("text") || play;
    sign.textContent = on ? "❚❚" : "►";
  }
  var actions = {
    first: function () { running(false); show(0); },
    previous: function () { running(false); show(at - 1); },
    play: function () { running(!timer); },
    next: function () { running(false); show(at + 1); },
    last: function () { running(false); show(steps.length - 1); }
  };
  var keys = { ArrowRight: "next", ArrowLeft: "previous", ArrowDown: "next", ArrowUp: "previous", Home: "first", End: "last", " ": "play" };

  root.querySelectorAll("[data-action]").forEach(function (button) {
    var act = actions[button.getAttribute("data-action")];
    button.addEventListener("click", act);
    if (button.tagName.toLowerCase() !== "button") button.addEventListener("keydown", function (event) {
      if (event.key === "Enter" || event.key === " ") { event.preventDefault(); event.stopPropagation(); act(); }
    });
  });
  document.addEventListener("keydown", function (event) {
    if (event.altKey || event.ctrlKey || event.metaKey || !(event.key in keys)) return;
    var picture = event.target.closest && event.target.closest(".picture");
    if (picture && picture.scrollWidth > picture.clientWidth && /Left|Right/.test(event.key)) return;  // it is scrolled
    if (event.key === " " && event.target.tagName && event.target.tagName.toLowerCase() === "button") return;
    event.preventDefault();
    actions[keys[event.key]]();
  });
  // where this does not run the steps move by themselves
  root.classList.add("stepped");
  var controls = root.querySelector(".controls");
  if (controls) controls.setAttribute("visibility", "visible");
  show(0);
})(document.documentElement);
