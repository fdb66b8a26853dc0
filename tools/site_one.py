"""Pages of the site as a single HTML file, which opens from a disk.

The first page is there as it is, with all that it loads; the others are texts in it, which it
shows in frames, and one Python answers all of them.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import re
from base64 import b64encode
from pathlib import Path

from markupsafe import escape

_INSIDE = ("play/index.html", "lessons/*.html", "notes.html", "python.html", "teachers.html",
           "guide.html", "how-it-works.html", "proofs.html")  # fmt: skip


def one_file(site: Path, folder: str, engines: list[Path], search: Path) -> str:
    """The text of the file, of the pages in a folder of the built site, which is a language.

    `engines` are Pyodide and Graphviz, and `search` MiniSearch, as scripts that are no modules.
    """
    app, home = site / "app", site / folder
    paths = [path for pattern in _INSIDE for path in sorted(home.glob(pattern))]
    names = [path.relative_to(home).as_posix() for path in paths]
    reference = sorted((site / "reference").rglob("*.html"))
    paths += reference
    names += [path.relative_to(site).as_posix() for path in reference]
    page = (home / "index.html").read_text("utf-8")
    # the steps come over the other pages too
    page = re.sub(
        r"(<dialog.*?</dialog>\n)(.*?</main>\n)", r"\2<div id='pages'></div>\n\1", page, count=1,
        flags=re.DOTALL,
    )  # fmt: skip
    page = re.sub(r'<span class="languages">.*?</span>', "", page, count=1, flags=re.DOTALL)
    first = _joined(search, app / "one.js", app / "search.js")
    page, script = _alone(home / "index.html", page, first)
    has = json.loads(re.search(r'id="site"[^>]*>(.*?)</script>', page)[1])["has"]
    needed = [name for name, _bytes in has["files"]]
    needed += ["pyodide/pyodide-lock.json", f"search/{folder or 'es'}.json"]
    files = {name: (site / name).read_bytes() for name in needed}
    worker = "\n".join(
        [*(path.read_text("utf-8") for path in engines), _joined(app / "worker.js", waits=False)]
    )
    files["app/worker.js"] = worker.encode()
    inside = [script]
    for path, name in zip(paths, names):
        text, script = _alone(path, _MENU.sub("", path.read_text("utf-8")))
        files[f"pages/{name}"] = text.encode()
        inside.append(script)
    held = "".join(
        f'<script type="text/plain" data-file="{name}">'
        f"{b64encode(gzip.compress(content, mtime=0)).decode()}</script>\n"
        for name, content in files.items()
    )
    # nothing for a service worker, and no NumPy to be fetched
    page = re.sub(r'"version": "[^"]*"', '"version": ""', page)
    page = re.sub(r'"wheel": "[^"]*"', '"wheel": ""', page)
    allowed = " ".join(sorted({f"'sha256-{_digest(script)}'" for script in inside if script}))
    for old, new in (
        ("script-src 'self'", f"script-src {allowed} blob:"),
        ("connect-src 'self'", "connect-src blob:"),
        ("default-src 'self'", "default-src blob:"),
    ):
        page = page.replace(str(escape(old)), str(escape(new)), 1)
    return page.replace("</body>", f"{held}</body>", 1)


# What the first page has for all; in the reference, the search and the languages stand alone.
_MENU = re.compile(
    r'<nav class="site".*?</nav>|<div class="search".*?</script>|'
    r'<p><a href="[./]*index.html">.*?</p>',
    re.DOTALL,
)


def _alone(path: Path, page: str, script: str = "") -> tuple[str, str]:
    """A page with its styles and its script in it, and that script, if it is not given."""
    entry = bool(script)
    style = ""
    for link in re.findall(r'<link rel="stylesheet" href="([^"]*)">\n?', page):
        style += (path.parent / link).read_text("utf-8")
    source = re.search(r'<script type="module" src="([^"]*)"></script>', page)
    if source and not script:
        script = _joined(path.parent / source[1])
        script = _LATER.sub(
            lambda line: f"(async () => {{\n{_joined(path.parent / line[1])}\n}})()", script
        )
    if not entry:  # the first page's policy is that of its frames too
        page = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>\n', "", page)
        page = re.sub(r'<div id="starting".*?</div>\n', "", page)
        page = re.sub(r"<nav aria-label=.*?</nav>", "", page, flags=re.DOTALL)
    page = re.sub(r'<link rel="(icon|stylesheet)"[^>]*>\n', "", page)
    page = re.sub(r'<script [^>]*src="[^"]*"></script>\n?', "", page)
    style += ".served { display: none; }"
    if entry:  # its links and buttons do nothing before its script is there
        style += "body:not([data-python]) :is(a, button) { pointer-events: none; }"
        style += "#pages iframe:not([title]) { pointer-events: none; }"  # nor do those of others
    page = page.replace("</head>", f"<style>{style}</style>\n</head>", 1)
    if script:
        page = page.replace("</body>", f'<script type="module">{script}</script>\n</body>', 1)
    return page, script


def _joined(*entries: Path, waits: bool = True) -> str:
    """Modules with those that they import as one, which asks for no others: a disk gives none.

    Each is a function that returns what it exports; it `waits` where one has to.
    """
    found: dict[Path, str] = {}
    begin, end = ("await (async () => {", "})();") if waits else ("(() => {", "})();")

    def read(path: Path) -> str:
        name = f"of_{path.stem}"
        if path in found:
            return name
        text = _IMPORT.sub(
            lambda line: (
                f"const {line[1].replace(' as ', ': ')} = {read(path.parent / line[2])};\n"
            ),
            path.read_text("utf-8"),
        )
        exported = ", ".join(names.strip("{ }") for names in _EXPORT.findall(text))
        text = re.sub("^export ", "", text, flags=re.MULTILINE)
        found[path] = f"const {name} = {begin}\n{text}\nreturn {{ {exported} }};\n{end}"
        return name

    for entry in entries:
        read(entry)
    return "\n".join(found.values())


_IMPORT = re.compile(r'^import (\{[^}]*\}) from "\./([^"]*)";\n', re.MULTILINE)
_LATER = re.compile(r'import\(new URL\("([^"]*)", location\.href\)\)')
_EXPORT = re.compile(
    r"^export (?:async )?(?:function|class|const|let) (\w+|\{[^}]*\})", re.MULTILINE
)


def _digest(text: str) -> str:
    return b64encode(hashlib.sha256(text.encode()).digest()).decode()
