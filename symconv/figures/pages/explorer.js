(function () {
  const { sides, targets, limits, start, words, taps } = SETTINGS;
  const find = (selector) => document.querySelector(selector);
  const sliders = Object.fromEntries(Object.keys(limits).map((name) => [name, find("#size-" + name)]));
  const tie = find("#tie"), expression = find("#expression"), choice = find("#mode");
  let axes = start.axes, mode = R.modes[choice.value], v = {}, triples = [], chosen = { array: "dx", index: [1, 1] }, pointed = null;

  // the row of x that stands at padded row t, counted from the first row of x; null where none does
  const row = (t) => mode.row({ ...v, t });

  // the relation on one axis, as form.enumerate_axis; taps that no row feeds are kept, with m null
  function enumerate(v) {
    const all = [];
    for (let o = 0; o < R.extents.o(v); o++)
      for (let k = 0; k < R.extents.k(v); k++) {
        const t = R.inputIndex({ ...v, o, k });
        all.push({ o, k, t, m: row(t) });
      }
    return all;
  }

  const letter = (array) => sides[array.replace("d", "")];
  const extent = (array) => R.extents[letter(array)](v);

  // the terms of one entry: on each axis the triples that hold its index, all combinations over the axes
  function terms(array, index) {
    let found = [[]];
    for (let axis = 0; axis < axes; axis++) {
      const here = triples.filter((t) => (mode.filled || t.m !== null) && t[letter(array)] === index[axis]);
      found = found.flatMap((before) => here.map((t) => [...before, t]));
    }
    return found.map((each) => ({
      // x by the padded rows, where the window reads it: a row may stand at several
      factors: targets[array].map((factor) => [factor, each.map((t) => t[factor === "x" ? "t" : letter(factor)])]),
      tap: each.reduce((flat, t) => flat * v.K + t.k, 0)
    }));
  }

  const name = (array, index) => {
    const apart = extent(array) > 9 && axes > 1 ? "," : "";
    return `<i>${array}</i><sub>${index.map((i) => i + 1).join(apart)}</sub>`;
  };

  // what stands at padded rows of x, by axis: an entry of it, the constant, or zero
  const rowsAt = (index) => index.map(row);
  function standing(index) {
    const rows = rowsAt(index);
    return rows.every((m) => m !== null) ? name("x", rows) : mode.filled ? "<i>v</i>" : "0";
  }
  const told = (array, index) => array === "x" ? standing(index) : name(array, index);

  // numbers beside letters: small ones for what is given, and what the terms come to for what is computed
  const GIVEN = { x: [3, 5], w: [5, 2], dy: [2, 3] };
  const given = (array, index) => (index.reduce((sum, i, axis) => sum + GIVEN[array][axis] * i, array.length + 1) % 7) - 3;
  function value(array, index) {
    if (array === "x") {
      const rows = rowsAt(index);
      return rows.every((m) => m !== null) ? given("x", rows) : mode.filled ? 2 : 0;
    }
    if (array in GIVEN) return given(array, index);
    const sum = terms(array, index).reduce((total, term) => total + term.factors.reduce((product, [factor, at]) => product * value(factor, at), 1), 0);
    return array === "y" ? sum + 1 : sum;
  }
  const signed = (number) => String(number).replace("-", "\u2212");
  const shown = (array, index) => find("#numbers").checked ? signed(value(array, index)) : told(array, index);

  // drawing ----------------------------------------------------------------------------------------------------------

  function places(from, to) {
    const line = Array.from({ length: to - from }, (_, i) => from + i);
    return axes === 1 ? line.map((i) => [i]) : line.flatMap((i) => line.map((j) => [i, j]));
  }

  function drawBoard(board) {
    const array = board.dataset.array, cells = board.querySelector(".cells"), result = array in targets;
    const from = array === "x" ? -v.p : 0, to = extent(array) + (array === "x" ? v.q : 0);
    cells.style.gridTemplateColumns = `repeat(${to - from}, calc(var(--cell) - 1px))`;
    cells.style.setProperty("--columns", to - from);
    cells.classList.toggle("long", axes > 1 && extent(array) > 9);
    const read = new Set(triples.map((t) => array === "x" ? t.t : t.m));
    cells.replaceChildren(...places(from, to).map((index) => {
      const outside = index.some((i) => i < 0 || i >= extent(array));
      const cell = document.createElement(result ? "button" : "div");
      cell.className = "cell " + (outside ? "zero" : array.replace("d", ""));
      if (array === "x") {
        const rows = rowsAt(index), fed = rows.every((m) => m !== null);
        cell.dataset.row = fed ? rows.join(",") : "";
        if (outside && fed) cell.className = "cell x echo";
      }
      if (letter(array) === "m" && index.some((i) => !read.has(i))) cell.classList.add("unread");
      cell.dataset.index = index.join(",");
      cell.innerHTML = `<span class="label">${shown(array, index)}</span>`;
      if (result) {
        cell.type = "button";
        cell.tabIndex = -1;
        cell.setAttribute("aria-label", array + " " + index.map((i) => i + 1).join(" "));
      }
      return cell;
    }));
  }

  const boards = [...document.querySelectorAll(".board")];
  const board = Object.fromEntries(boards.map((each) => [each.dataset.array, each]));
  const cellAt = (array, index) => board[array].querySelector(`[data-index="${index.join(",")}"]`);

  // the number of a term, beside those of others that have the same factor
  function count(cell, term) {
    const mark = cell.querySelector(".term") || document.createElement("span");
    mark.className = "term";
    mark.textContent += (mark.textContent && ",") + term;
    cell.append(mark);
  }

  function light() {
    document.querySelectorAll(".lit, .chosen, .fed").forEach((cell) => {
      cell.classList.remove("lit", "chosen", "fed");
      cell.querySelectorAll(".term").forEach((mark) => mark.remove());
    });
    const { array, index } = pointed || chosen;
    if (!(array in targets)) return feed(array, index);
    const found = terms(array, index);
    found.forEach((term, i) => term.factors.forEach(([factor, at]) => {
      const cell = cellAt(factor, at);
      cell.classList.add("lit");
      paint(cell, term.tap);
      count(cell, i + 1);
    }));
    cellAt(array, index).classList.add("chosen");
    if (array === "dx" && mode.moves) // where the row stands that this is the gradient of
      board.x.querySelectorAll(`[data-row="${index.join(",")}"]`).forEach((cell) => cell.classList.add("fed"));
    const products = found.map((term, i) =>
      `<span class="product" style="--lit: var(--tap${term.tap % taps}); --lit-edge: var(--tap${term.tap % taps}-edge)"><span class="ordinal">${i + 1}</span>` +
      term.factors.map(([factor, at]) => told(factor, at)).join("\u2009") + "</span>");
    if (array === "y") products.push("<i>b</i>");
    const none = letter(array) === "m" ? words.empty : words.empty_tap;
    expression.innerHTML = name(array, index) + " = " + (found.length || array === "y" ? products.join(" + ") : `0 <span class="name">(${none})</span>`) +
      (find("#numbers").checked ? ` = <strong>${signed(value(array, index))}</strong>` : "");
  }

  // where an entry of x, w or dy goes: the entries of y, or of dx, that have it as a factor, each with the other factor
  function feed(array, index) {
    const result = array === "dy" ? "dx" : "y", other = array === "w" ? "x" : "w";
    let met = [[]];
    for (let axis = 0; axis < axes; axis++) {
      const here = triples.filter((t) => t.m !== null && t[letter(array)] === index[axis]);
      met = met.flatMap((before) => here.map((t) => [...before, t]));
    }
    const pairs = met.map((each) => [each.map((t) => t[letter(result)]), each.map((t) => t[other === "x" ? "t" : letter(other)]),
      each.reduce((flat, t) => flat * v.K + t.k, 0)]);
    pairs.forEach(([goal, at, tap], i) => [cellAt(result, goal), cellAt(other, at)].forEach((cell) => {
      cell.classList.add("lit");
      paint(cell, tap);
      count(cell, i + 1);
    }));
    cellAt(array, index).classList.add("chosen");
    const said = pairs.map(([goal, at, tap], i) =>
      `<span class="product" style="--lit: var(--tap${tap % taps}); --lit-edge: var(--tap${tap % taps}-edge)"><span class="ordinal">${i + 1}</span>` +
      `${name(result, goal)} (${told(other, at)})</span>`);
    expression.innerHTML = name(array, index) + ` <span class="name">${pairs.length ? words.feeds : words.feeds_nothing}</span> ` + said.join(", ");
  }

  function paint(element, tap) {
    element.style.setProperty("--lit", `var(--tap${tap % taps})`);
    element.style.setProperty("--lit-edge", `var(--tap${tap % taps}-edge)`);
  }

  // one size of cell for all arrays: on a wide page three of them fit side by side, otherwise the widest does
  function fit() {
    const room = find("#arrays").clientWidth, abreast = axes === 2 && innerWidth > 700;
    const columns = (array) => Number(board[array].querySelector(".cells").style.getPropertyValue("--columns"));
    const pairs = [["x", "dx"], ["w", "dw"], ["y", "dy"]].map((pair) => Math.max(...pair.map(columns)));
    const wide = abreast ? pairs.reduce((a, b) => a + b) : Math.max(...pairs);
    const size = Math.max(14, Math.min(abreast ? 44 : 40, Math.floor((room - (abreast ? 90 : 6)) / wide)));
    document.querySelectorAll(".cells").forEach((cells) => {
      cells.style.setProperty("--cell", size + "px");
      cells.classList.toggle("small", size < 22);
      cells.classList.toggle("medium", size < 33);
    });
  }

  // choosing ---------------------------------------------------------------------------------------------------------

  function choose(array, index, focus) {
    const last = extent(array) - 1;
    chosen = { array, index: index.slice(0, axes).map((i) => Math.max(0, Math.min(last, i))) };
    while (chosen.index.length < axes) chosen.index.push(Math.min(last, chosen.index[0]));
    for (const target in targets) {
      const own = target === array ? chosen.index : Array(axes).fill(0);
      board[target].querySelectorAll("button").forEach((cell) => { cell.tabIndex = -1; });
      cellAt(target, own).tabIndex = 0;
    }
    if (focus) cellAt(array, chosen.index).focus();
    light();
  }

  const indexOf = (cell) => cell.dataset.index.split(",").map(Number);
  const steps = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };

  for (const target in targets) {
    const cells = board[target].querySelector(".cells");
    const of = (event) => event.target.closest("button.cell");
    cells.addEventListener("pointerover", (event) => {
      if (event.pointerType !== "touch" && of(event)) { pointed = { array: target, index: indexOf(of(event)) }; light(); }
    });
    cells.addEventListener("pointerleave", () => { if (pointed) { pointed = null; light(); } });
    cells.addEventListener("focusin", (event) => { pointed = null; choose(target, indexOf(of(event)), false); });
    cells.addEventListener("click", (event) => { if (of(event)) { pointed = null; choose(target, indexOf(of(event)), true); } });
    cells.addEventListener("keydown", (event) => {
      const last = extent(target) - 1, at = indexOf(of(event));
      let to = null;
      if (event.key in steps) {
        const [down, right] = steps[event.key];
        to = axes === 1 ? [at[0] + (right || down)] : [at[0] + down, at[1] + right];
      } else if (event.key === "Home") to = at.map(() => 0);
      else if (event.key === "End") to = at.map(() => last);
      if (!to) return;
      event.preventDefault();
      choose(target, to, true);
    });
  }

  for (const source of ["x", "w", "dy"]) {
    const cells = board[source].querySelector(".cells");
    const pointAt = (event) => {
      const cell = event.target.closest(".cell");
      if (!cell || indexOf(cell).some((i) => i < 0 || i >= extent(source))) return;
      pointed = { array: source, index: indexOf(cell) };
      light();
    };
    cells.addEventListener("pointerover", pointAt);
    cells.addEventListener("click", pointAt);
    cells.addEventListener("pointerleave", () => { if (pointed) { pointed = null; light(); } });
  }

  // playing: one entry of the chosen array after the other
  const player = find("#play");
  let timer = null;
  function playing(on) {
    if (timer) clearInterval(timer);
    timer = on ? setInterval(() => {
      const all = places(0, extent(chosen.array)), at = all.findIndex((each) => each.join() === chosen.index.join());
      pointed = null;
      choose(chosen.array, all[(at + 1) % all.length], false);
    }, 900) : null;
    player.setAttribute("aria-pressed", String(on));
    player.textContent = on ? words.pause : words.play;
  }
  player.addEventListener("click", () => playing(!timer));

  // sizes ------------------------------------------------------------------------------------------------------------

  function update() {
    axes = Number(find('input[name="axes"]:checked').value);
    document.body.classList.toggle("one", axes === 1);
    document.body.classList.toggle("two", axes === 2);
    for (const each in limits) {
      const slider = sliders[each];
      slider.max = limits[each][axes];
      if (tie.checked && each === "q") slider.value = sliders.p.value;
      v[each] = Number(slider.value);
      find("#value-" + each).textContent = slider.value;
    }
    sliders.q.disabled = tie.checked;
    mode = R.modes[choice.value];
    const fits = R.slack(v) >= 0, most = mode.most(v), possible = fits && Math.max(v.p, v.q) <= most, message = find("#impossible");
    document.body.classList.toggle("impossible", !possible);
    message.hidden = possible;
    if (!possible) {
      const told = { ...v, most, mode: choice.selectedOptions[0].textContent, span: R.span(v), room: v.H + v.p + v.q };
      message.textContent = (fits ? words.too_much : words.impossible).replace(/\{(\w+)\}/g, (_, key) => told[key]);
    } else {
      v.O = R.O(v);
      v.r = R.r(v);
      triples = enumerate(v);
      for (const size of ["O", "r"]) {
        find("#told-" + size).innerHTML = R.told[size](v);
        find("#size-" + size).textContent = v[size];
      }
      find("#name-r").textContent = v.r ? words.remainder : words.no_remainder;
      find("#alike").hidden = axes === 1;
      find("#legend-border").textContent = mode.moves ? words.legend_border : mode.filled ? words.legend_constant : words.legend_zero;
      for (const target in mode.formulas) {
        find(`[data-formula="${target}"] [data-numbers]`).innerHTML = mode.formulas[target](v);
        find(`[data-formula="${target}"] [data-letters]`).innerHTML = mode.letters[target];
      }
      boards.forEach(drawBoard);
      fit();
      pointed = null;
      choose(chosen.array, chosen.index, false);
    }
    remember();
    tellParent();
  }

  function remember() {
    const state = [...Object.keys(limits).map((each) => each + "=" + v[each]), "axes=" + axes, ...(choice.value === "zeros" ? [] : ["mode=" + choice.value])].join("&");
    try { history.replaceState(null, "", "#" + state); } catch (error) { /* a page without an address of its own */ }
  }

  function recall() {
    const asked = new URLSearchParams(location.hash.slice(1));
    const wanted = asked.get("axes");
    if (wanted === "1" || wanted === "2") find(`input[name="axes"][value="${wanted}"]`).checked = true;
    if (asked.get("mode") in R.modes) choice.value = asked.get("mode");
    for (const each in limits) {
      sliders[each].max = limits[each][Number(find('input[name="axes"]:checked').value)];
      const value = asked.get(each);
      if (value !== null && /^\d+$/.test(value)) sliders[each].value = value;
    }
    if (asked.has("p") || asked.has("q")) tie.checked = sliders.p.value === sliders.q.value;
  }

  // a page that shows this one in an iframe may give it the height it asks for
  function tellParent() {
    if (parent !== window) parent.postMessage({ symconv: "explorer", height: document.documentElement.scrollHeight }, "*");
  }

  find("form").addEventListener("input", update);
  addEventListener("resize", () => { fit(); tellParent(); });
  addEventListener("hashchange", () => { recall(); update(); });
  recall();
  update();
})();
