// Python and Graphviz: starts them, says how far it is, and answers what a page asks.

import { drawer } from "./graphviz.js";
import { holding } from "./inside.js";
import { within } from "./late.js";
import { counted } from "./progress.js";

async function started({ site, inside, files, wheel }) {
  const at = (path) => new URL(path, site).href;
  // a page that is one file holds the files itself, and its worker has the scripts at its top
  const fetch = holding(inside, site, self.fetch);
  const script = async (name, path) => (self[name] ? self : import(at(path)));
  const whole = files.reduce((sum, [, bytes]) => sum + bytes, 0);
  let loaded = 0;
  let fail;
  const failed = new Promise((_, refuse) => {
    fail = refuse; // Pyodide itself waits for ever for a file that does not come
  });
  failed.catch(() => {}); // of NumPy, later
  const missing = (address) => (why) => {
    const error = new Error(`${address}: ${why}`);
    fail(error);
    throw error;
  };
  self.fetch = counted(
    async (address, ...more) => {
      const response = await fetch(address, ...more).catch(missing(address));
      if (!response.ok) missing(address)(response.status);
      return response;
    },
    (bytes) => {
      loaded += bytes;
      self.postMessage({ loaded: Math.min(loaded, whole), whole });
    },
  );
  const [{ loadPyodide }, draw, ours] = await Promise.all([
    script("loadPyodide", "pyodide/pyodide.mjs"),
    script("Viz", "viz/viz.js").then(({ Viz, instance = Viz.instance }) => drawer(instance)),
    self.fetch(at("app/python.zip")).then((response) => response.arrayBuffer()),
    script("_createPyodideModule", "pyodide/pyodide.asm.js"), // which Pyodide would load next
  ]);
  const python = await Promise.race([
    failed,
    loadPyodide({
      indexURL: new URL("pyodide/", site).href,
      packageBaseUrl: new URL(wheel, site).href,
    }),
  ]);
  python.unpackArchive(ours, "zip", { extractDir: "/site" });
  python.registerJsModule("_browser", { draw });
  const answer = python.runPython(`
import sys
sys.path.insert(0, "/site")
import answers, drawing
lambda path, query: list(answers.answer(path, query))
`);
  let numpy; // comes once, and only for what needs it; the browser refuses another hash
  const need = () => {
    if (!wheel) return null;
    const quiet = () => {}; // Python does without, or says itself what is missing
    const asked = { messageCallback: quiet, errorCallback: quiet };
    numpy ??= within(PATIENCE, python.loadPackage("numpy", asked)).catch(quiet);
    return numpy;
  };
  return { answer, need };
}

const PATIENCE = 8; // seconds for which training waits until NumPy is there
const ARRAYS = /numpy|import \*|Tape|fit|Net\b|micrograd_es\.data/; // programs that work on them

let starting;

/** The first message says what the site has; each later one is a question. */
self.onmessage = async ({ data: { has, id, path, query } }) => {
  try {
    if (has) {
      starting = started(has);
      await starting;
      self.postMessage({ ready: true });
      return;
    }
    const { answer, need } = await starting;
    const code = new URLSearchParams(query).get("code");
    if (path.startsWith("play/") || ARRAYS.test(code)) await need();
    const said = answer(path, query);
    const [status, kind, text] = said.toJs();
    said.destroy();
    self.postMessage({ id, status, kind, text });
  } catch (error) {
    // An exception of Python's is an answer; anything else has ended the interpreter.
    if (has || error.name !== "PythonError") self.postMessage({ dead: String(error) });
    else self.postMessage({ id, status: 500, kind: "text/plain", text: error.message });
  }
};
