"""The reference of the site: every public name, as pdoc writes it, with the site's search."""

from __future__ import annotations

import re
import warnings
from pathlib import Path

from site_pages import WEB, environment

from micrograd_es.base.languages import gettext as _
from micrograd_es.base.languages import speaking


def reference(folder: Path) -> None:
    """Every public name, with its docstring, signature and examples, as pdoc writes it."""
    try:
        import pdoc.render
    except ImportError:
        raise SystemExit('the reference is written by pdoc: pip install ".[site]"') from None
    pdoc.render.configure(
        docformat="numpy",
        show_source=False,
        search=False,  # the site has one for all its pages
        template_directory=WEB / "reference",
    )
    pdoc.render.env.globals["search_of_site"] = _search_box
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of types that are imported for checks alone
        names = ("micrograd_es", "micrograd_es.data")
        pdoc.pdoc(*names, "!micrograd_es[.](?!data$).*", output_directory=folder)
    for path in folder.rglob("*.html"):
        text = path.read_text("utf-8")
        for written, amended in _OF_PDOC:
            text = re.sub(written, amended, text)
        path.write_text(text, "utf-8")


# What a keyboard and a screen reader miss in pdoc's pages.
_OF_PDOC = (
    (
        r'<a class="headerlink" href="#([^"]*)">',
        r'<a class="headerlink" href="#\1" aria-label="\1">',
    ),
    (r"<(/?)h6\b", r"<\1h2"),  # the first heading below a name
    (r"<(pre|div class=\"attr [^\"]*\")>", r'<\1 tabindex="0">'),
)


def _search_box(root: str) -> str:
    with speaking("en"):
        return environment().get_template("search.html").render(_=_, language="", root=root)
