// the layer that the sliders say: its sizes by axis, the relation on each axis, and what follows of them; nothing is drawn here
function makeLayer(targets) {
  const layer = { axes: 1, kind: R.kinds.convolution, mode: R.modes.zeros, values: [], triples: [] };

  // sizes in the names of the relation: in a transposed layer x stands where it has y
  const own = (v) => layer.kind.exchanged ? { ...v, H: v.O, O: v.H } : v;
  const letter = (array) => layer.kind.sides[array.replace("d", "")];
  const single = (array) => !letter(array); // b and db, which are one number
  const extent = (array, axis) => single(array) ? 1 : R.extents[letter(array)](own(layer.values[axis]));
  const whole = (array) => layer.values.reduce((found, _, axis) =>
    found.flatMap((index) => Array.from({ length: extent(array, axis) }, (_, i) => [...index, i])), [[]]);

  // sets the layer; why there is none, or null
  function set(kind, mode, sizes) {
    Object.assign(layer, { kind, mode: kind.exchanged ? R.modes.zeros : mode, axes: sizes.length });
    const values = [];
    for (const size of sizes) {
      const v = { ...size, r: size.e };
      if (kind.exchanged) {
        if (v.e >= Math.max(v.s, v.d)) return { word: "impossible_extra", told: v };
        v.O = kind.O(v);
        if (v.O < 1) return { word: "impossible_crop", told: v };
      } else {
        if (R.slack(v) < 0) return { word: "impossible", told: { ...v, span: R.span(v), room: v.H + v.p + v.q } };
        const most = layer.mode.most(v);
        if (Math.max(v.p, v.q) > most) return { word: "too_much", told: { ...v, most } };
        v.O = kind.O(v);
        v.r = R.r(v);
      }
      values.push(v);
    }
    layer.values = values;
    layer.triples = values.map((_, axis) => enumerate(axis));
    return null;
  }

  // the row that stands at padded row t, counted from the first inner one; null where none does
  const row = (axis, t) => layer.mode.row({ ...own(layer.values[axis]), t });
  const rowsAt = (index) => index.map((t, axis) => row(axis, t));

  // the relation on one axis, as loss.enumerate_axis; taps that no row feeds are kept, with m null
  function enumerate(axis) {
    const v = own(layer.values[axis]), all = [];
    for (let o = 0; o < R.extents.o(v); o++)
      for (let k = 0; k < R.extents.k(v); k++) {
        const t = R.inputIndex({ ...v, o, k });
        all.push({ o, k, t, m: row(axis, t) });
      }
    return all;
  }

  // what on each axis is kept of the triples, all combinations over the axes
  const combined = (keeps) => layer.triples.reduce((found, triples, axis) => {
    const here = triples.filter((t) => keeps(t, axis));
    return found.flatMap((before) => here.map((t) => [...before, t]));
  }, [[]]);
  const tapOf = (each) => each.reduce((flat, t, axis) => flat * layer.values[axis].K + t.k, 0);
  // where an array is read: that with the border by its padded rows, since a row may stand at several
  const placed = (array, each) => each.map((t) => t[array === layer.kind.padded ? "t" : letter(array)]);

  // the terms of one entry
  function terms(array, index) {
    if (single(array)) return whole("dy").map((at, i) => ({ factors: [["dy", at]], tap: i }));
    const found = combined((t, axis) => (layer.mode.filled || t.m !== null) && t[letter(array)] === index[axis]);
    return found.map((each) => ({ factors: targets[array].map((factor) => [factor, placed(factor, each)]), tap: tapOf(each) }));
  }

  // where an entry of x, w, b or dy goes: the entries of y, or of dx, that it is in, each with what it is multiplied by there
  function fed(array, index) {
    if (single(array)) return whole("y").map((goal, i) => ({ result: "y", goal, others: [], tap: i }));
    const result = array === "dy" ? "dx" : "y", other = array === "w" ? "x" : "w", alone = layer.mode.filled && array === "w";
    const met = combined((t, axis) => (alone || t.m !== null) && t[letter(array)] === index[axis]);
    return met.map((each) => ({ result, goal: each.map((t) => t[letter(result)]), others: [[other, placed(other, each)]], tap: tapOf(each) }));
  }

  const name = (array, index) => {
    if (single(array)) return `<i>${array}</i>`;
    const apart = layer.axes > 1 && index.some((_, axis) => extent(array, axis) > 9) ? "," : "";
    return `<i>${array}</i><sub>${index.map((i) => i + 1).join(apart)}</sub>`;
  };

  const said = (array, index) => single(array) ? array : array + " " + index.map((i) => i + 1).join(" ");

  // what stands at a place: an entry, and on the border an entry, the constant or zero
  function told(array, index) {
    if (array !== layer.kind.padded) return name(array, index);
    const rows = rowsAt(index);
    return rows.every((m) => m !== null) ? name(array, rows) : layer.mode.filled ? "<i>v</i>" : "0";
  }

  // numbers beside letters: small ones for what is given, and what the terms come to for what is computed
  const GIVEN = { x: [3, 5, 2], w: [5, 2, 3], dy: [2, 3, 5] };
  const given = (array, index) => (index.reduce((sum, i, axis) => sum + GIVEN[array][axis] * i, array.length + 1) % 7) - 3;
  function value(array, index) {
    const rows = array === layer.kind.padded ? rowsAt(index) : index;
    if (rows.some((m) => m === null)) return layer.mode.filled ? 2 : 0;
    if (array === "b") return 1;
    if (array in GIVEN) return given(array, rows);
    const products = terms(array, index).map((term) => term.factors.reduce((product, [factor, at]) => product * value(factor, at), 1));
    return products.reduce((a, b) => a + b, array === "y" ? value("b", []) : 0);
  }

  return Object.assign(layer, { set, letter, extent, rowsAt, terms, fed, name, said, told, value });
}
