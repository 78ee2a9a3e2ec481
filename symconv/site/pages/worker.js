// Decides formulas: Python (Pyodide) reads them and writes the claim, z3 (WebAssembly) answers. Everything lies beside this file.
import { loadPyodide } from "./vendor/pyodide/pyodide.mjs";

const here = new URL(".", import.meta.url).href;

function solver() {
  const z3 = new Worker(`${here}z3.js`);
  return new Promise((resolve, reject) => {
    z3.onmessage = ({ data }) => (data.ready ? resolve(z3) : reject(new Error(data.failed)));
    z3.onerror = (event) => reject(new Error(event.message));
  });
}

async function python() {
  const made = await loadPyodide({ indexURL: `${here}vendor/pyodide/` });
  made.unpackArchive(await (await fetch(`${here}symconv.zip`)).arrayBuffer(), "zip", { extractDir: "/lib/symconv-site" });
  made.runPython("import sys; sys.path.insert(0, '/lib/symconv-site')");
  return made.pyimport("symconv.site.verdict").judge;
}

const ready = Promise.all([solver(), python()]).then(([z3, judge]) => {
  const ask = (script) => {
    const shared = new SharedArrayBuffer(1 << 18);
    const state = new Int32Array(shared, 0, 2);
    z3.postMessage({ script, shared });
    Atomics.wait(state, 0, 0);
    return new TextDecoder().decode(new Uint8Array(shared, 8, state[1]).slice());
  };
  postMessage({ ready: true });
  return (request) => judge(request, ask);
});
ready.catch((error) => postMessage({ failed: String(error) }));

onmessage = async ({ data }) => {
  try {
    postMessage({ id: data.id, answer: JSON.parse((await ready)(JSON.stringify(data.request))) });
  } catch (error) {
    postMessage({ id: data.id, answer: { error: String(error).split("\n").filter(Boolean).pop() } });
  }
};
