"""Graphviz as the page has it draws in the place of a program, which a browser does not start."""

from __future__ import annotations

import _browser
from pyodide.ffi import JsException

from micrograd_es.pictures import dot


def draw(source: str, engine: str, format: str) -> bytes:
    """The picture.

    Raises
    ------
    ValueError
        It knows no such format: SVG it does, PNG and PDF it does not.
    """
    try:
        picture: str = _browser.draw(source, engine, format)
    except JsException as error:
        raise ValueError(str(error)) from None
    return picture.encode()


dot.renderer = draw
