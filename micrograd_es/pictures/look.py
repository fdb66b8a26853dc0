"""How texts look in pictures: their font, and how they are cut and escaped."""

from __future__ import annotations

from html import escape

from micrograd_es.formulas.notation import short

# DejaVu Sans and Verdana are the widest of the common fonts: text that is measured in
# them fits its box in whatever a reader's machine has instead.
FONT = "DejaVu Sans,Verdana,sans-serif"


def html(text: str) -> str:
    """The text for an HTML-like label of Graphviz, in which a backslash is special too."""
    return escape(short(text)).replace("\\", "\\\\")
