"""The page on which one types as a single HTML file, which opens from a disk."""

from __future__ import annotations

import gzip
import hashlib
import json
import re
from base64 import b64encode
from pathlib import Path

from markupsafe import escape

# each after those that it imports
_PAGE = ("engine.js", "live.js", "inside.js", "page.js", "try.js")
_WORKER = ("progress.js", "graphviz.js", "worker.js")


def one_file(site: Path, page: str, scripts: list[Path]) -> str:
    """The text of a built page with all that it loads inside.

    `scripts` are Pyodide's and Graphviz's, as scripts that are no modules.
    """
    app = site / "app"
    style = "".join(
        (app / name).read_text("utf-8") for name in ("palette.css", "menu.css", "site.css")
    )
    script = _joined(app, _PAGE)
    has = json.loads(re.search(r'id="site"[^>]*>(.*?)</script>', page)[1])["has"]
    names = [name for name, _bytes in has["files"]] + ["pyodide/pyodide-lock.json"]
    files = {name: (site / name).read_bytes() for name in names}
    worker = "\n".join([*(path.read_text("utf-8") for path in scripts), _joined(app, _WORKER)])
    files["app/worker.js"] = worker.encode()
    held = "".join(
        f'<script type="text/plain" data-file="{name}">'
        f"{b64encode(gzip.compress(content, mtime=0)).decode()}</script>\n"
        for name, content in files.items()
    )
    page = re.sub(r'<link rel="(icon|stylesheet)"[^>]*>\n', "", page)
    page = re.sub(r'<script [^>]*src="[^"]*"></script>\n?', "", page)
    page = re.sub(r'<nav class="site".*?</nav>|<footer>.*?</footer>', "", page, flags=re.DOTALL)
    page = re.sub(r'"version": "[^"]*"', '"version": ""', page)  # nothing for a service worker
    told = b64encode(hashlib.sha256(script.encode()).digest()).decode()
    for old, new in (
        ("script-src 'self'", f"script-src 'sha256-{told}' blob:"),
        ("connect-src 'self'", "connect-src blob:"),
        ("default-src 'self'", "default-src blob:"),
    ):
        page = page.replace(str(escape(old)), str(escape(new)), 1)
    return page.replace("</head>", f"<style>{style}</style>\n</head>", 1).replace(
        "</body>", f'{held}<script type="module">{script}</script>\n</body>', 1
    )


def _joined(app: Path, names: tuple[str, ...]) -> str:
    """The modules as one, which has no others to ask for: a page from disk may not."""
    text = "\n".join((app / name).read_text("utf-8") for name in names)
    return re.sub(r"^(import [^;(]*;\n|export )", "", text, flags=re.MULTILINE)
