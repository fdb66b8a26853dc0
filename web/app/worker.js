// Python and Graphviz: starts them, says how far it is, and answers what a page asks.

import { drawer } from "./graphviz.js";
import { counted } from "./progress.js";

const site = new URL("..", import.meta.url);

/** The bytes of a file of the site. */
async function file(path) {
  const response = await fetch(new URL(path, site));
  if (!response.ok) throw new Error(`${path}: ${response.status}`);
  return response.arrayBuffer();
}

async function started({ files, wheel }) {
  const whole = files.reduce((sum, [, bytes]) => sum + bytes, 0);
  let loaded = 0;
  self.fetch = counted(self.fetch, (bytes) => {
    loaded += bytes;
    self.postMessage({ loaded: Math.min(loaded, whole), whole });
  });
  const [{ loadPyodide }, ours, draw] = await Promise.all([
    import(new URL("pyodide/pyodide.mjs", site)),
    file("app/python.zip"),
    drawer(new URL("viz/viz.js", site)),
  ]);
  const python = await loadPyodide({
    indexURL: new URL("pyodide/", site).href,
    packageBaseUrl: wheel ? new URL(wheel, site).href : undefined,
  });
  python.unpackArchive(ours, "zip", { extractDir: "/site" });
  python.registerJsModule("_browser", { draw });
  return python.runPython(`
import sys
sys.path.insert(0, "/site")
import _browser
from micrograd_es.pictures import dot
dot.renderer = lambda source, engine, format: _browser.draw(source, engine, format).encode()
import answers
lambda path, query: list(answers.answer(path, query))
`);
}

let starting; // a function of path and query, once it is there

/** The first message says what the site has; each later one is a question. */
self.onmessage = async ({ data: { has, id, path, query } }) => {
  try {
    if (has) {
      starting = started(has);
      await starting;
      self.postMessage({ ready: true });
      return;
    }
    const said = (await starting)(path, query);
    const [status, kind, text] = said.toJs();
    said.destroy();
    self.postMessage({ id, status, kind, text });
  } catch (error) {
    // An exception of Python's is an answer; anything else has ended the interpreter.
    if (has || error.name !== "PythonError") self.postMessage({ dead: String(error) });
    else self.postMessage({ id, status: 500, kind: "text/plain", text: error.message });
  }
};
