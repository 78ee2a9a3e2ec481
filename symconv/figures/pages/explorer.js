(function () {
  const { targets, limits, start, words, taps } = SETTINGS;
  const find = (selector) => document.querySelector(selector);
  const checked = (name) => find(`input[name="${name}"]:checked`).value;
  const sliders = Object.fromEntries(Object.keys(limits).map((name) => [name, find("#size-" + name)]));
  const tie = find("#tie"), expression = find("#expression"), choice = find("#mode"), turned = find("#transposed");
  const layer = makeLayer(targets);
  // the sizes by axis, the axis that the sliders show, and how many there are
  let sizes = start.sizes.map((each) => ({ ...each })), axis = 0, axes = start.axes;
  let chosen = { array: "dx", index: [1, 1, 1] }, pointed = null;
  const signed = (number) => String(number).replace("-", "\u2212");
  const shown = (array, index) => find("#numbers").checked ? signed(layer.value(array, index)) : layer.told(array, index);

  // drawing ----------------------------------------------------------------------------------------------------------

  const places = (ranges) => ranges.reduce((found, [from, to]) =>
    found.flatMap((index) => Array.from({ length: to - from }, (_, i) => [...index, from + i])), [[]]);

  // the rows that are drawn of an array on each axis: those of the border, too, where it has one
  const ranges = (array) => layer.values.map((v, axis) => {
    const border = array === layer.kind.padded ? [v.p, v.q] : [0, 0];
    return [-border[0], layer.extent(array, axis) + border[1]];
  });

  // with three axes one slice beside the other
  function drawBoard(board) {
    const array = board.dataset.array, cells = board.querySelector(".cells"), all = ranges(array), columns = all[axes - 1][1] - all[axes - 1][0];
    const side = array === layer.kind.padded ? "t" : layer.letter(array);
    const read = layer.triples.map((triples) => new Set(triples.map((t) => t[side])));
    cells.style.setProperty("--columns", columns);
    cells.replaceChildren(...places(axes === 3 ? all.slice(0, 1) : []).map((first) => {
      const slice = document.createElement("div");
      slice.className = "slice";
      slice.style.gridTemplateColumns = `repeat(${columns}, calc(var(--cell) - 1px))`;
      slice.replaceChildren(...places(all.slice(first.length)).map((rest) => drawCell(array, [...first, ...rest], read)));
      return slice;
    }));
  }

  function drawCell(array, index, read) {
    const outside = index.some((i, axis) => i < 0 || i >= layer.extent(array, axis));
    const cell = document.createElement(outside ? "div" : "button");
    cell.className = "cell " + (outside ? "zero" : array.replace("d", ""));
    if (array === layer.kind.padded) {
      const rows = layer.rowsAt(index), fed = rows.every((m) => m !== null);
      cell.dataset.row = fed ? rows.join(",") : "";
      if (outside && fed) cell.className = "cell x echo";
    }
    if (layer.letter(array) === "m" && index.some((i, axis) => !read[axis].has(i))) cell.classList.add("unread");
    cell.dataset.index = index.join(",");
    cell.innerHTML = `<span class="label">${shown(array, index)}</span>`;
    if (!outside) {
      cell.type = "button";
      cell.tabIndex = -1;
      cell.setAttribute("aria-label", layer.said(array, index));
    }
    return cell;
  }

  const boards = [...document.querySelectorAll(".board")];
  const board = Object.fromEntries(boards.map((each) => [each.dataset.array, each]));
  const cellAt = (array, index) => board[array].querySelector(`[data-index="${index.join(",")}"]`);

  // a cell that has to do with a term: in the colour of its tap, with its number beside those of others
  function mark(cell, tap, number) {
    cell.classList.add("lit");
    cell.style.setProperty("--lit", `var(--tap${tap % taps})`);
    cell.style.setProperty("--lit-edge", `var(--tap${tap % taps}-edge)`);
    const numbers = cell.querySelector(".term") || document.createElement("span");
    numbers.className = "term";
    numbers.textContent += (numbers.textContent && ",") + number;
    cell.append(numbers);
  }
  const product = (tap, number, text) =>
    `<span class="product" style="--lit: var(--tap${tap % taps}); --lit-edge: var(--tap${tap % taps}-edge)"><span class="ordinal">${number}</span>${text}</span>`;

  function light() {
    document.querySelectorAll(".lit, .chosen, .fed").forEach((cell) => {
      cell.classList.remove("lit", "chosen", "fed");
      cell.querySelectorAll(".term").forEach((numbers) => numbers.remove());
    });
    const { array, index } = pointed || chosen;
    (array in targets ? lightTerms : lightFed)(array, index);
    cellAt(array, index).classList.add("chosen");
    // what scrolls is reached by Tab
    if (expression.scrollHeight > expression.clientHeight + 1) expression.tabIndex = 0;
    else expression.removeAttribute("tabindex");
  }

  function lightTerms(array, index) {
    const found = layer.terms(array, index);
    found.forEach((term, i) => term.factors.forEach(([factor, at]) => mark(cellAt(factor, at), term.tap, i + 1)));
    if (array === "dx" && layer.mode.moves) // where the row stands that this is the gradient of
      board.x.querySelectorAll(`[data-row="${index.join(",")}"]`).forEach((cell) => cell.classList.add("fed"));
    const said = found.map((term, i) => product(term.tap, i + 1, term.factors.map(([factor, at]) => layer.told(factor, at)).join("\u2009")));
    if (array === "y") {
      said.push("<i>b</i>");
      cellAt("b", Array(axes).fill(0)).classList.add("fed");
    }
    const none = array === "dw" ? words.empty_tap : layer.kind.exchanged ? words.empty_cropped : words.empty;
    expression.innerHTML = layer.name(array, index) + " = " + (said.length ? said.join(" + ") : `0 <span class="name">(${none})</span>`) +
      (find("#numbers").checked ? ` = <strong>${signed(layer.value(array, index))}</strong>` : "");
  }

  function lightFed(array, index) {
    const found = layer.fed(array, index), nothing = layer.kind.exchanged ? words.feeds_cropped : words.feeds_nothing;
    found.forEach((each, i) => [[each.result, each.goal], ...each.others].forEach((at) => mark(cellAt(...at), each.tap, i + 1)));
    const told = (each) => each.others.map((other) => ` (${layer.told(...other)})`).join("");
    const said = found.map((each, i) => product(each.tap, i + 1, layer.name(each.result, each.goal) + told(each)));
    expression.innerHTML = layer.name(array, index) + ` <span class="name">${said.length ? words.feeds : nothing}</span> ` + said.join(", ");
  }

  // one size of cell for all arrays: on a wide page three of them fit side by side, otherwise the widest does. Letters are never
  // small: where a cell is too narrow for a name it has the indices alone, and where for these, nothing
  function fit() {
    const room = find("#arrays").clientWidth, abreast = axes === 2 && innerWidth > 700;
    const columns = (array) => Number(board[array].querySelector(".cells").style.getPropertyValue("--columns"));
    const pairs = [["x", "dx"], ["w", "dw"], ["y", "dy"]].map((pair) => Math.max(...pair.map(columns)));
    const wide = abreast ? pairs.reduce((a, b) => a + b) : Math.max(...pairs), largest = abreast ? 44 : 42;
    const size = Math.max(14, Math.min(largest, Math.floor((room - (abreast ? 90 : 6)) / wide)));
    const long = axes > 1 && boards.some((each) => layer.values.some((_, axis) => layer.extent(each.dataset.array, axis) > 9));
    const index = long ? 5 * axes : axes, named = 22 + 6.5 * index, numbered = 5 + 6.5 * index;
    document.querySelectorAll(".cells").forEach((cells) => {
      cells.style.setProperty("--cell", size + "px");
      cells.classList.toggle("small", size < Math.max(20, numbered));
      cells.classList.toggle("medium", size < Math.max(33, named));
    });
  }

  // choosing ---------------------------------------------------------------------------------------------------------

  function choose(array, index, focus) {
    const last = layer.values.map((_, axis) => layer.extent(array, axis) - 1);
    chosen = { array, index: last.map((most, axis) => Math.max(0, Math.min(most, index[axis] ?? index[0]))) };
    for (const each in board) {
      const own = each === array ? chosen.index : Array(axes).fill(0);
      board[each].querySelectorAll("button").forEach((cell) => { cell.tabIndex = -1; });
      cellAt(each, own).tabIndex = 0;
    }
    if (focus) cellAt(array, chosen.index).focus();
    light();
  }

  const indexOf = (cell) => cell.dataset.index.split(",").map(Number);
  // keys and how far they go: on the last axis, the one before, and the first of three
  const steps = { ArrowLeft: [-1, 0, 0], ArrowRight: [1, 0, 0], ArrowUp: [0, -1, 0], ArrowDown: [0, 1, 0], PageUp: [0, 0, -1], PageDown: [0, 0, 1] };
  function moved(target, at, key) {
    if (key === "Home") return at.map(() => 0);
    if (key === "End") return at.map((_, axis) => layer.extent(target, axis) - 1);
    if (!(key in steps)) return null;
    if (axes === 1) return [at[0] + steps[key].reduce((a, b) => a + b)];
    return at.map((i, axis) => i + steps[key][axes - 1 - axis]);
  }

  const leave = () => { if (pointed) { pointed = null; light(); } };
  for (const array in board) {
    const cells = board[array].querySelector(".cells");
    const of = (event) => event.target.closest("button.cell");
    cells.addEventListener("pointerover", (event) => {
      if (event.pointerType !== "touch" && of(event)) { pointed = { array, index: indexOf(of(event)) }; light(); }
    });
    cells.addEventListener("pointerleave", leave);
    cells.addEventListener("focusin", (event) => { pointed = null; choose(array, indexOf(of(event)), false); });
    cells.addEventListener("click", (event) => { if (of(event)) { pointed = null; choose(array, indexOf(of(event)), true); } });
    cells.addEventListener("keydown", (event) => {
      const to = moved(array, indexOf(of(event)), event.key);
      if (!to) return;
      event.preventDefault();
      choose(array, to, true);
    });
  }

  // playing: one entry of the chosen array after the other
  const player = find("#play");
  let timer = null;
  function playing(on) {
    if (timer) clearInterval(timer);
    timer = on ? setInterval(() => {
      const all = places(layer.values.map((_, axis) => [0, layer.extent(chosen.array, axis)]));
      const at = all.findIndex((each) => each.join() === chosen.index.join());
      pointed = null;
      choose(chosen.array, all[(at + 1) % all.length], false);
    }, 900) : null;
    player.setAttribute("aria-pressed", String(on));
    player.textContent = on ? words.pause : words.play;
  }
  player.addEventListener("click", () => playing(!timer));

  // sizes ------------------------------------------------------------------------------------------------------------

  // a slider that was moved sets its size on the axis that it is of, or on all
  function readSliders() {
    const before = sizes[axis];
    for (const each in limits) {
      sliders[each].max = limits[each][axes];
      const value = Number(sliders[each].value);
      if (value !== before[each]) (checked("axis") === "0" ? sizes : [before]).forEach((size) => { size[each] = value; });
    }
    for (const size of sizes) {
      for (const each in limits) size[each] = Math.min(size[each], limits[each][axes]);
      if (tie.checked) size.q = size.p;
    }
  }

  function showSliders() {
    axis = Math.max(0, Math.min(axes, Number(checked("axis"))) - 1);
    for (const each in limits) {
      sliders[each].max = limits[each][axes];
      sliders[each].value = sizes[axis][each];
      find("#value-" + each).textContent = sizes[axis][each];
    }
    sliders.q.disabled = tie.checked;
    find("#slider-e").hidden = !turned.checked;
    find("#borders").hidden = turned.checked;
    find("#each-axis").hidden = axes === 1;
    document.querySelectorAll('input[name="axis"]').forEach((each) => { each.parentElement.hidden = Number(each.value) > axes; });
  }

  const alike = () => sizes.slice(0, axes).every((size) => Object.keys(limits).every((each) => size[each] === sizes[0][each]));

  function showLayer() {
    const { kind, mode } = layer, v = layer.values[axis], other = kind.exchanged ? kind : mode;
    find("#letters-O").innerHTML = kind.size;
    find("#told-O").innerHTML = kind.told(v);
    find("#told-r").innerHTML = R.told.r(v);
    for (const size of ["O", "r"]) find("#size-" + size).textContent = v[size];
    find("#line-r").hidden = kind.exchanged;
    find("#name-r").textContent = v.r ? words.remainder : words.no_remainder;
    find("#alike").hidden = axes === 1;
    find("#alike").textContent = " \u00b7 " + (alike() ? words.axes_alike : words.of_axis.replace("{axis}", axis + 1));
    find("#legend-border").textContent = mode.moves ? words.legend_border : mode.filled ? words.legend_constant : words.legend_zero;
    find("#legend-hatched").textContent = kind.exchanged ? words.legend_unwritten : words.legend_hatched;
    for (const target in other.formulas) {
      find(`[data-formula="${target}"] [data-numbers]`).innerHTML = other.formulas[target](v);
      find(`[data-formula="${target}"] [data-letters]`).innerHTML = other.letters[target];
    }
    boards.forEach(drawBoard);
    fit();
    pointed = null;
    choose(chosen.array, chosen.index, false);
  }

  function update() {
    axes = Number(checked("axes"));
    ["one", "two", "three"].forEach((word, i) => document.body.classList.toggle(word, axes === i + 1));
    readSliders();
    showSliders();
    const kind = R.kinds[turned.checked ? "transposed" : "convolution"], message = find("#impossible");
    const broken = layer.set(kind, R.modes[choice.value], sizes.slice(0, axes));
    document.body.classList.toggle("impossible", broken !== null);
    message.hidden = broken === null;
    if (broken) {
      const told = { ...broken.told, mode: choice.selectedOptions[0].textContent };
      message.textContent = words[broken.word].replace(/\{(\w+)\}/g, (_, key) => told[key]);
    } else showLayer();
    remember();
    tellParent();
  }

  // the address: H=5, or H=5x7 where the axes differ
  function remember() {
    const along = (each) => { const all = sizes.slice(0, axes).map((size) => size[each]); return all.every((n) => n === all[0]) ? all[0] : all.join("x"); };
    const state = Object.keys(limits).filter((each) => each !== "e" || turned.checked).map((each) => each + "=" + along(each));
    state.push("axes=" + axes, ...(turned.checked ? ["transposed=1"] : choice.value === "zeros" ? [] : ["mode=" + choice.value]));
    try { history.replaceState(null, "", "#" + state.join("&")); } catch (error) { /* a page without an address of its own */ }
  }

  function recall() {
    const asked = new URLSearchParams(location.hash.slice(1)), wanted = asked.get("axes");
    if (["1", "2", "3"].includes(wanted)) find(`input[name="axes"][value="${wanted}"]`).checked = true;
    if (asked.get("mode") in R.modes) choice.value = asked.get("mode");
    if (asked.has("transposed")) turned.checked = asked.get("transposed") === "1";
    axes = Number(checked("axes"));
    for (const each in limits) {
      const said = asked.get(each), [least, ...most] = limits[each];
      if (said === null || !/^\d+(x\d+)*$/.test(said)) continue;
      const values = said.split("x").map((n) => Math.max(least, Math.min(most[axes - 1], Number(n))));
      sizes.forEach((size, axis) => { size[each] = values[Math.min(axis, values.length - 1)]; });
    }
    if (asked.has("p") || asked.has("q")) tie.checked = sizes.every((size) => size.p === size.q);
    for (const each in limits) {
      sliders[each].max = limits[each][axes];
      sliders[each].value = sizes[axis][each];
    }
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
