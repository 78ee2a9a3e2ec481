// z3 in a worker of its own. It starts threads, for which its loop must stay free; so the worker that asks waits on shared memory:
// int 0 says that the answer is there, int 1 how many bytes it has.
const here = new URL(".", self.location.href).href;
importScripts(`${here}vendor/z3/z3-built.js`);
const ready = initZ3({ locateFile: (name) => `${here}vendor/z3/${name}`, mainScriptUrlOrBlob: `${here}vendor/z3/z3-built.js` });
ready.then(() => postMessage({ ready: true }), (error) => postMessage({ failed: String(error) }));

onmessage = async ({ data: { script, shared } }) => {
  const z3 = await ready;
  const config = z3._Z3_mk_config();
  const context = z3._Z3_mk_context(config);
  z3._set_noop_error_handler(context);
  let answer = "";
  try {
    answer = await z3.async_call(() => z3.ccall("async_Z3_eval_smtlib2_string", "void", ["number", "string"], [context, script])) || "";
  } catch (error) {
    answer = `(error "${error}")`;
  }
  if (typeof answer === "number") answer = z3.UTF8ToString(answer);
  z3._Z3_del_context(context);
  z3._Z3_del_config(config);
  const state = new Int32Array(shared, 0, 2);
  const bytes = new TextEncoder().encode(answer).slice(0, shared.byteLength - 8);
  new Uint8Array(shared, 8).set(bytes);
  Atomics.store(state, 1, bytes.length);
  Atomics.store(state, 0, 1);
  Atomics.notify(state, 0);
};
