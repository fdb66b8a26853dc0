"""Builds the site: the engine itself in a browser, as a folder that any host serves.

``python tools/site.py`` writes ``site/`` from this package's wheel and the pinned packages
that ``web/packages.json`` (npm) and ``web/requirements.txt`` (PyPI) name, each with its
hash. ``--serve`` then serves it to this machine; ``--one-file`` also writes it as one
HTML file that opens from a disk. It needs npm and node beside Python.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from base64 import b64encode
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

from site_one import one_file
from site_pages import NAMES, pages, policy
from site_reference import reference
from site_search import anchored, sections

from micrograd_es import __version__

ROOT = Path(__file__).resolve().parent.parent
WEB, WORK = ROOT / "web", ROOT / "build/site"
NOTES = ("notas", "_patron", "_documento", "_errores", "_red")  # the demo of that name
PIP = (sys.executable, "-m", "pip")
PYODIDE = ("pyodide.mjs", "pyodide.asm.js", "pyodide.asm.wasm", "python_stdlib.zip",
           "pyodide-lock.json")  # fmt: skip

# what is unpacked writes nothing outside its folder, where Python is new enough to see to it
if hasattr(tarfile, "data_filter"):
    tarfile.TarFile.extraction_filter = staticmethod(tarfile.data_filter)


def main(words: list[str] | None = None) -> None:
    """Builds as the words say."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--out", type=Path, default=ROOT / "site", help="the folder (site/)")
    parser.add_argument("--serve", type=int, metavar="PORT", help="then serve it to this machine")
    parser.add_argument("--numpy", type=Path, metavar="FILE", help="NumPy's wheel, to put in")
    parser.add_argument("--numpy-sha256", metavar="HASH", help="its hash, if not Pyodide's own")
    parser.add_argument("--one-file", action="store_true", help="also as one HTML for a disk")
    options = parser.parse_args(words)
    wheels = build(options.out, options.numpy, options.numpy_sha256)
    if options.one_file:
        for folder, name in (("", "micrograd_es"), ("en", "micrograd_en")):
            text = one_file(options.out, folder, *classic())
            (options.out / f"{name}.html").write_text(text, "utf-8")
            print(options.out / f"{name}.html")
    if options.serve is not None:
        with server(options.out, options.serve, wheels=wheels) as serving:
            print(f"http://localhost:{serving.server_port}/ (Ctrl-C ends it)", flush=True)
            serving.serve_forever()


def build(out: Path, numpy: Path | None = None, sha256: str | None = None) -> str:
    """Writes the folder anew, and returns where NumPy's wheel comes from."""
    fresh = WORK / "fresh"
    shutil.rmtree(fresh, ignore_errors=True)
    shutil.copytree(WEB / "app", fresh / "app")
    (fresh / "app/sw.js").unlink(missing_ok=True)
    package(fresh)
    wheels = numpy_of(fresh / "pyodide", numpy, sha256)
    heavy = [*(f"pyodide/{name}" for name in PYODIDE), "app/python.zip", "viz/viz.js"]
    # what the worker itself fetches, and is told of as it comes; scripts come on another way
    watched = [[name, (fresh / name).stat().st_size] for name in heavy if "js" not in name]
    has = {"files": watched, "wheel": wheels}
    for name, text in pages(has, __version__):
        path = fresh / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(anchored(text) if path.suffix == ".html" else text, "utf-8", newline="\n")
    reference(fresh / "reference")
    for language in NAMES:
        found = json.dumps(sections(fresh, language))
        index = run("node", str(WEB / "search.mjs"), str(fresh), told=found)
        (fresh / f"search/{language}.json").write_text(index, "utf-8")
    files = sorted(str(p.relative_to(fresh)) for p in fresh.rglob("*") if p.is_file())
    worker = (WEB / "app/sw.js").read_text("utf-8")
    head = f"const VERSION = {json.dumps(digest(fresh))};\nconst FILES = {json.dumps(files)};\n"
    (fresh / "sw.js").write_text(head + worker, "utf-8", newline="\n")
    (fresh / "_headers").write_text(
        f"/app/*\n  Content-Security-Policy: {policy(wheels)}\n", "utf-8"
    )
    (fresh / ".nojekyll").touch()
    shutil.rmtree(out, ignore_errors=True)
    fresh.rename(out)
    return wheels


def numpy_of(folder: Path, wheel: Path | None, sha256: str | None) -> str:
    """Where the browser finds NumPy's wheel: in the site, or at Pyodide's own address.

    Its hash is that of Pyodide's list, which the browser checks, or the one that is given.
    """
    listed = folder / "pyodide-lock.json"
    lock = json.loads(listed.read_text("utf-8"))
    if wheel is None:
        script = (folder / "pyodide.mjs").read_text("utf-8")
        address = re.search(r"`(https://[^`]*/)v\$\{\w+\}/full/`", script)
        assert address is not None
        return f"{address[1]}v{pinned()['pyodide']['version']}/full/"
    ours = lock["packages"]["numpy"]
    found, wanted = hashlib.sha256(wheel.read_bytes()).hexdigest(), sha256 or ours["sha256"]
    if found != wanted:
        raise SystemExit(f"{wheel} has sha256 {found}, and {wanted} is expected")
    copy(wheel, folder / wheel.name)
    ours |= {"sha256": found, "file_name": wheel.name}
    listed.write_text(json.dumps(lock), "utf-8")
    return "pyodide/"


def digest(folder: Path) -> str:
    """A version that changes whenever a file does."""
    told = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            told.update(path.read_bytes())
    return told.hexdigest()[:12]


# -- packages ------------------------------------------------------------------------


def pinned() -> dict[str, dict[str, str]]:
    """The version and the hash of each package of npm's, by its name."""
    packages: dict[str, dict[str, str]] = json.loads((WEB / "packages.json").read_text("utf-8"))
    return packages


def package(fresh: Path) -> None:
    """Pyodide, Graphviz and our modules with those that they import."""
    pyodide, viz, minisearch = (npm(name, **pin) for name, pin in pinned().items())
    for name in PYODIDE:
        copy(pyodide / name, fresh / "pyodide" / name)
    copy(viz / "dist/viz.js", fresh / "viz/viz.js")
    copy(minisearch / "dist/es/index.js", fresh / "search/minisearch.js")
    tree = modules(pyodide, fresh / "app/python.zip")
    (fresh / "LICENSES.txt").write_text(
        licences(tree, pyodide, viz, minisearch), "utf-8", newline="\n"
    )


def classic() -> tuple[list[Path], Path]:
    """Pyodide and Graphviz, and the search, as scripts that are no modules."""
    pyodide, viz, minisearch = (npm(name, **pin) for name, pin in pinned().items())
    engines = [viz / "dist/viz-global.js", pyodide / "pyodide.asm.js", pyodide / "pyodide.js"]
    return engines, minisearch / "dist/umd/index.js"


def npm(name: str, version: str, integrity: str) -> Path:
    """The folder of a package of npm's, whose archive has the hash that is written down."""
    folder = WORK / f"{name.replace('/', '-').lstrip('@')}-{version}"
    archive = folder.with_suffix(f"{folder.suffix}.tgz")
    if not archive.exists():
        WORK.mkdir(parents=True, exist_ok=True)
        run("npm", "pack", "--silent", "--pack-destination", str(WORK), f"{name}@{version}")
    kind, _, wanted = integrity.partition("-")
    found = b64encode(hashlib.new(kind, archive.read_bytes()).digest()).decode()
    if found != wanted:
        archive.unlink()
        raise SystemExit(f"{name} {version} has {kind} {found}, and {wanted} is written down")
    if not folder.exists():
        with tarfile.open(archive) as packed:
            packed.extractall(folder)
    return folder / "package"


def downloaded(names: Path) -> Path:
    """The folder of what a list names, each with the hash that is written down."""
    digest = hashlib.sha256(names.read_bytes()).hexdigest()
    folder = WORK / f"wheels-{digest[:12]}"
    if not folder.exists():
        fresh = folder.with_suffix(".fresh")
        shutil.rmtree(fresh, ignore_errors=True)
        run(*PIP, "download", "-q", "--no-deps", "--require-hashes", "-d", str(fresh), "-r",
            str(names))  # fmt: skip
        fresh.rename(folder)
    return folder


def modules(pyodide: Path, to: Path) -> Path:
    """Writes one zip file with all that Python imports, compiled; returns what it is made of."""
    wheels = downloaded(WEB / "requirements.txt")
    own = WORK / "own"
    shutil.rmtree(own, ignore_errors=True)
    run(*PIP, "wheel", "-q", "--no-deps", "-w", str(own), str(ROOT))
    tree = WORK / "tree"
    shutil.rmtree(tree, ignore_errors=True)
    for wheel in (*wheels.glob("*.whl"), *own.glob("*.whl")):
        with zipfile.ZipFile(wheel) as packed:
            packed.extractall(tree)
    for source in wheels.glob("markupsafe-*.tar.gz"):
        with tarfile.open(source) as packed:
            for member in packed.getmembers():
                path = Path(member.name)
                if path.parent.name == "markupsafe" and path.suffix == ".py":
                    member.name = f"markupsafe/{path.name}"
                    packed.extract(member, tree)
                elif path.name == "LICENSE.txt":
                    member.name = f"{path.parent.name}.dist-info/{path.name}"
                    packed.extract(member, tree)
    for path in (WEB / "python").iterdir():
        if path.is_file():
            copy(path, tree / path.name)
    plain = WORK / "plain.zip"
    with zipfile.ZipFile(plain, "w") as packed:
        for path in sorted(tree.rglob("*")):
            if path.is_file() and wanted(path.relative_to(tree)):
                packed.write(path, path.relative_to(tree))
    run("node", str(WEB / "compile.mjs"), str(pyodide), str(plain), str(to))
    return tree


def licences(tree: Path, *of_npm: Path) -> str:
    """What the site is made of: the licence of each part, as its author has put it there."""
    told = []
    for folder in of_npm:
        said = json.loads((folder / "package.json").read_text("utf-8"))
        told.append((folder, f"{said['name']} {said['version']}", said["license"]))
    for folder in sorted(tree.glob("*.dist-info")):
        about = folder / "METADATA"
        text = about.read_text("utf-8") if about.exists() else ""
        named = re.search(r"^License(?:-Expression)?: (.*)", text, re.MULTILINE)
        told.append((folder, folder.stem.replace("-", " "), named[1] if named else ""))
    parts = []
    for folder, name, licence in told:
        texts = [path.read_text("utf-8").strip() for path in sorted(folder.rglob("LICENSE*"))]
        parts.append("\n\n".join([f"{name}: {licence}".rstrip(": "), *texts]))
    return f"\n\n{'-' * 72}\n\n".join(parts) + "\n"


def wanted(path: Path) -> bool:
    """Whether a file of a wheel is of use in a page: of demos the notes and data sets."""
    if path.parts[:2] == ("micrograd_es", "demos"):
        return path.parts[2] == "data" or path.stem in NOTES
    return not path.parts[0].endswith(".dist-info") or path.name == "METADATA"


def copy(source: Path, to: Path) -> None:
    """Copies a file into a folder that may have to be made."""
    to.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, to)


def run(*words: str, told: str = "") -> str:
    """What a program prints that is told this; ends with its message if it fails."""
    done = subprocess.run(
        words, input=told, capture_output=True, text=True, encoding="utf-8", cwd=ROOT
    )
    if done.returncode:
        raise SystemExit(f"{' '.join(words)}\n{(done.stdout + done.stderr)[-3000:]}")
    return done.stdout


# -- serving -------------------------------------------------------------------------


class Handler(SimpleHTTPRequestHandler):
    """A folder, with the headers that a host should send."""

    below = "/"
    wheels = "pyodide/"
    extensions_map: ClassVar = {
        **SimpleHTTPRequestHandler.extensions_map,
        ".js": "text/javascript",
        ".mjs": "text/javascript",
        ".wasm": "application/wasm",
    }

    def end_headers(self) -> None:
        """Adds them; a page brings its own policy, and a worker only has the one sent with it."""
        if "/app/" in self.path:
            self.send_header("Content-Security-Policy", policy(self.wheels))
        self.send_header("Cache-Control", "no-cache")
        super().end_headers()

    def translate_path(self, path: str) -> str:
        """The file of an address below the subfolder."""
        return super().translate_path("/" + path.removeprefix(self.below))

    def log_message(self, *what: object) -> None:
        """Says nothing."""


def server(
    folder: Path,
    port: int = 0,
    below: str = "/",
    wheels: str = "pyodide/",
    handler: type[Handler] = Handler,
) -> ThreadingHTTPServer:
    """Serves the folder to this machine alone, in a subfolder; port 0 is any free one."""
    here = type("Here", (handler,), {"below": below, "wheels": wheels})
    return ThreadingHTTPServer(("127.0.0.1", port), partial(here, directory=str(folder)))


if __name__ == "__main__":
    main()
