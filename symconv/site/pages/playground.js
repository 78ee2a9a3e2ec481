// The form, its state in the address, and the verdicts.
const form = document.getElementById("claim");
const result = document.getElementById("result");
const state = document.getElementById("state");
const FIELDS = ["formula", "stride", "dilation", "padding"];
let worker = null;
let asked = 0;

function element(tag, text, css) {
  const made = document.createElement(tag);
  if (text !== undefined) made.textContent = text;
  if (css) made.className = css;
  return made;
}

function request() {
  const given = Object.fromEntries(FIELDS.map((name) => [name, form.elements[name].value.trim()]));
  return { ...given, transposed: form.elements.transposed.checked };
}

function remember(given) {
  const told = new URLSearchParams(FIELDS.map((name) => [name, given[name]]));
  if (given.transposed) told.set("transposed", "1");
  history.replaceState(null, "", `#${told}`);
}

function restore() {
  const told = new URLSearchParams(location.hash.slice(1));
  for (const name of FIELDS) if (told.has(name)) form.elements[name].value = told.get(name);
  form.elements.transposed.checked = told.has("transposed");
  return told.has("formula");
}

function sizes(table) {
  return Object.entries(table).map(([name, value]) => `${name} = ${value}`).join(", ");
}

function failure(found) {
  const said = [`fails at ${sizes(found.sizes)}`];
  if (found.product === null) said.push("the result has another length there");
  else if (found.product) {
    const factors = found.product.replace("dy", "dy[o]*").replace("w", "w[k]*").replace("x", "x[m]*").replace(/\*$/, "");
    said.push(`${factors} with ${sizes(found.indices)} counts ${found.formula} in the formula, ${found.derivative} in the derivative`);
  }
  return said.join("; ");
}

function show(answer) {
  result.replaceChildren();
  if (answer.error) {
    result.append(element("p", answer.error, "error"));
    return;
  }
  for (const each of answer.results) {
    const row = element("section", undefined, `verdict ${each.verdict.toLowerCase()}`);
    const head = element("h3");
    head.append(element("strong", each.verdict), ` at stride ${each.stride}, dilation ${each.dilation}`);
    row.append(head);
    if (each.counterexample) row.append(element("p", failure(each.counterexample)));
    if (each.condition) row.append(element("p", `right when ${each.condition} (${each.covers})`, "condition"));
    if (each.reason) row.append(element("p", each.reason));
    row.append(element("p", `${each.scope}. Decided by ${answer.engine}.`, "scope"));
    result.append(row);
  }
}

function start() {
  if (worker) return;
  state.textContent = "loading Python and z3 …";
  worker = new Worker("worker.js", { type: "module" });
  worker.onmessage = ({ data }) => {
    if (data.ready) state.textContent = "";
    else if (data.failed) {
      state.textContent = window.crossOriginIsolated
        ? `the solver did not load: ${data.failed}`
        : "the solver needs a page served over http(s) from this folder: python3 -m http.server, then open it again";
    } else if (data.id === asked) {
      state.textContent = "";
      show(data.answer);
    }
  };
}

function decide() {
  start();
  const given = request();
  remember(given);
  asked += 1;
  state.textContent = state.textContent || "deciding …";
  worker.postMessage({ id: asked, request: given });
}

form.addEventListener("submit", (event) => { event.preventDefault(); decide(); });
for (const button of document.querySelectorAll("[data-formula]")) {
  button.addEventListener("click", () => {
    form.elements.formula.value = button.dataset.formula;
    form.elements.stride.value = button.dataset.stride || "1";
    decide();
  });
}
addEventListener("hashchange", () => { if (restore()) decide(); });
if (restore()) decide(); else start();

const layer = document.getElementById("layer");
const read = document.getElementById("derivation");
function open() { read.src = layer.value; }
layer.addEventListener("change", open);
