// Python and Graphviz: starts them, says how far it is, and answers what a page asks.

import { drawer } from "./graphviz.js";
import { counted } from "./progress.js";

async function started({ site, inside, files, wheel }) {
  const at = (path) => new URL(path, site).href;
  // a page that is one file holds the files itself, and its worker has the scripts at its top
  const held = new Map(Object.entries(inside).map(([path, blob]) => [at(path), blob]));
  const script = async (name, path) => (self[name] ? self : import(at(path)));
  const { fetch } = self;
  const whole = files.reduce((sum, [, bytes]) => sum + bytes, 0);
  let loaded = 0;
  self.fetch = counted(
    async (address, ...more) => {
      const blob = held.get(String(address));
      return blob ? new Response(blob) : fetch(address, ...more);
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
  const python = await loadPyodide({
    indexURL: new URL("pyodide/", site).href,
    packageBaseUrl: new URL(wheel, site).href,
  });
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
    numpy ??= Promise.race([
      python.loadPackage("numpy", { messageCallback: quiet, errorCallback: quiet }).catch(quiet),
      new Promise((done) => setTimeout(done, 1000 * PATIENCE)),
    ]);
    return numpy;
  };
  return { answer, need };
}

const PATIENCE = 8; // seconds for which training waits until NumPy is there
const ARRAYS = /numpy|import%20\*|Tape|fit|Net\b|micrograd_es\.data/; // what works on them

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
    if (path.startsWith("play/") || ARRAYS.test(query)) await need();
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
