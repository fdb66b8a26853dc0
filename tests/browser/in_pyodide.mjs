// Runs pytest in the Python of the built site, under node.
// node in_pyodide.mjs SITE WHEELS TESTS PROGRAM NUMPY [words of pytest…], where NUMPY is its name or empty

import { readdirSync, readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const [site, wheels, tests, program, numpy, ...words] = process.argv.slice(2);
const { loadPyodide } = await import(pathToFileURL(`${site}/pyodide/pyodide.mjs`));
const python = await loadPyodide({ indexURL: `${site}/pyodide/` });
const unpack = (archive, extractDir) =>
  python.unpackArchive(new Uint8Array(readFileSync(archive)), "zip", { extractDir });
unpack(`${site}/app/python.zip`, "/site");
for (const name of readdirSync(wheels)) {
  if (name.endsWith(".whl")) unpack(`${wheels}/${name}`, "/wheels");
}
// node measures no texts: all letters are of one width here, and what is drawn is a picture still
globalThis.OffscreenCanvas = class {
  getContext = () => ({ measureText: ({ length }) => ({ width: 60 * length }) });
};
const { drawer } = await import(pathToFileURL(`${site}/app/graphviz.js`));
const { instance } = await import(pathToFileURL(`${site}/viz/viz.js`));
python.registerJsModule("_browser", { draw: await drawer(instance) });
if (numpy) await python.loadPackage(numpy, { messageCallback: () => {} });
python.FS.mkdirTree("/project/tests");
python.FS.mount(python.FS.filesystems.NODEFS, { root: tests }, "/project/tests");
python.globals.set("words", python.toPy(words));
try {
  process.exitCode = python.runPython(readFileSync(program, "utf8"));
} catch (error) {
  console.error(`${error}\nThis test ended the interpreter: ${globalThis.test}`);
  process.exitCode = 1;
}
