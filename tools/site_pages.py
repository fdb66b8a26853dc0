"""The pages of the site, in both languages, with what is prepared in them."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from functools import cache
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import jinja2

from micrograd_es.base.languages import LANGUAGES, get_language, speaking
from micrograd_es.base.languages import gettext as _
from micrograd_es.base.palette import DARK, repainted, stylesheet
from micrograd_es.base.templating import template

WEB = Path(__file__).resolve().parent.parent / "web"
sys.path.insert(0, str(WEB / "python"))

import answers  # noqa: E402

NAMES = {"es": "Español", "en": "English"}
FIRST = {"f": "2*(a*b+c)**2", "at": "a:1,b:2,c:3"}


def pages(has: dict[str, Any], version: str) -> Iterator[tuple[str, str]]:
    """Each file's name and text."""
    yield "app/palette.css", stylesheet() + repainted(".graph")
    yield "app/icon.svg", template("play", "icon.svg").render(colour=DARK)
    for language in LANGUAGES:
        with speaking(language):
            site = Pages(has, version)
            yield from site.tried()


class Pages:
    """The pages in the language spoken."""

    def __init__(self, has: dict[str, Any], version: str) -> None:
        self._has, self._version = has, version
        self._folder = "" if get_language() == "es" else f"{get_language()}/"

    def page(self, address: str, source: str, **more: Any) -> tuple[str, str]:
        """A page's file and its text; its address is one and the same in each language."""
        root = "../" * (self._folder + address).count("/")
        own = root + self._folder
        html = _environment().get_template(source).render(
            _=_,
            language=get_language(),
            languages=[
                (code, name, f"{root}{'' if code == 'es' else code + '/'}{address}")
                for code, name in NAMES.items()
            ],
            root=root,
            own=own,
            here=address,
            menu=menu(),
            kind=source.removesuffix(".html"),
            policy=policy(),
            version=self._version,
            has=self._has,
            texts=texts(),
            **more,
        )  # fmt: skip
        return self._folder + address, html

    def tried(self) -> Iterator[tuple[str, str]]:
        """The page on which one types."""
        yield self.page(
            "index.html",
            "try.html",
            title=_("Try it"),
            picture=picture(**FIRST),
            examples=[(name, urlencode({"f": f, "at": at})) for name, f, at in examples()],
        )


def menu() -> list[tuple[str, str]]:
    """The pages at the top of every page."""
    return [("index.html", _("Try it"))]


def texts() -> dict[str, str]:
    """What the scripts say."""
    return {
        "starting": _("Python starts: {loaded} of {whole} MB"),
        "cannot": _("Python does not start here. Loading the page again may help."),
        "died": _(
            "That was too much for the Python in this page: it starts anew. "
            "Try something smaller."
        ),
        "fault": _("Something is wrong in this page itself. Its console says more."),
        "slider": _("Slider of {name}"),
        "copied": _("Copied"),
    }  # fmt: skip


def examples() -> list[tuple[str, str, str]]:
    """Expressions to begin with: what they show, the text, the numbers."""
    return [
        (_("a product and a sum"), "2*(a*b+c)**2", "a:1,b:2,c:3"),
        (_("a sum at a fan-out"), "x*x + 3*x", "x:2"),
        (_("a neuron"), "sigmoid(w*x+b)", "w:0.8,x:1.5,b:-0.4"),
        (_("its cost"), "(tanh(w1*x1+w2*x2+b)-y)**2", "w1:0.5,x1:1,w2:-0.3,x2:2,b:0.1,y:1"),
        (_("a neuron that is off"), "relu(w*x+b)", "w:-1,x:2,b:0.5"),
        (_("a chain"), "exp(sin(x**2))", "x:0.7"),
    ]


@cache
def _environment() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(WEB / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def picture(f: str, at: str) -> dict[str, str]:
    """What Python answers for an expression, as the page shows it before Python is there."""
    query = urlencode({"f": f, "at": at, "lang": get_language()})
    status, _kind, text = answers.answer("try", query)
    if status != 200:
        raise ValueError(f"{f} at {at}: {text}")
    told: dict[str, str] = json.loads(text)
    return told | {"f": f, "at": at}


@cache
def policy() -> str:
    """What a page and its worker may do: their own scripts, and that of the stepping page."""
    steps = unescape(answers.answer("steps", urlencode({"f": "a*b"})).text)
    script = re.search(r"script-src ([^;]*)", steps)
    assert script is not None
    return "; ".join(
        [
            "default-src 'self'",
            f"script-src 'self' 'wasm-unsafe-eval' {script[1]}",
            "style-src 'self' 'unsafe-inline'",
            "img-src 'self' data: blob:",
            "connect-src 'self'",
            "base-uri 'none'",
            "form-action 'none'",
        ]
    )
