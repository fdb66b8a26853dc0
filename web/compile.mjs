// Compiles the modules in a zip file with the Python that will run them: half the time to import.
// node web/compile.mjs PYODIDE_FOLDER IN.zip OUT.zip

import { readFileSync, writeFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const [folder, from, to] = process.argv.slice(2);
const { loadPyodide } = await import(pathToFileURL(`${folder}/pyodide.mjs`));
const python = await loadPyodide({ indexURL: folder });
python.unpackArchive(new Uint8Array(readFileSync(from)), "zip", { extractDir: "/site" });
python.runPython(`
import py_compile, zipfile
from pathlib import Path
site = Path("/site")
for path in site.rglob("*.py"):
    name = str(path.relative_to(site))
    if name == "micrograd_es/base/ieee.py" or "/demos/" in name:
        continue  # Tape.source quotes the first, and demos are loaded as texts
    py_compile.compile(path, path.with_suffix(".pyc"), name, doraise=True,
                       invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)
    path.unlink()
with zipfile.ZipFile("/out.zip", "w", zipfile.ZIP_DEFLATED, compresslevel=9) as out:
    for path in sorted(site.rglob("*")):
        if path.is_file():
            member = zipfile.ZipInfo(str(path.relative_to(site)))  # of 1980: the same at any time
            out.writestr(member, path.read_bytes(), zipfile.ZIP_DEFLATED)
`);
writeFileSync(to, python.FS.readFile("/out.zip"));
