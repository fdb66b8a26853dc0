"""How numbers and names are read wherever a person writes them: in one way, comma or point."""

from __future__ import annotations

import re
import unicodedata

# What formulas/notation writes can be read again; base/templates/reading.js reads alike.
NUMBER = r"(?:(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+−-]?[0-9]+)?|∞)"
_ONE = NUMBER.replace(r"\.", "[.,]") + "|inf(?:inity)?|nan"
_NUMBER = re.compile(rf"([+−-]?(?:{_ONE}))(?:\s*/\s*([+−-]?(?:{_ONE})))?", re.IGNORECASE)

#: A letter, then letters, digits and digits below: x1, x₁, ŷ; and the notes' w₍₁₎⁽²·¹⁾.
NAME = (
    "[^\\W\\d⁰¹²³⁴-⁹₀-₉](?:[^\\W⁰¹²³⁴-⁹]|[\u0300-\u036f])*"
    "(?:₍[₀-₉]+₎)?(?:⁽[⁰¹²³⁴-⁹]+(?:·[⁰¹²³⁴-⁹]+)*⁾)?"
)
_SCRIPT = re.compile("([⁰¹²³⁴-⁹₀-₉⁽⁾₍₎]+)")


def read_number(text: str) -> float:
    """The number that a text says: ``0.3`` and ``0,3`` alike, also ``1/3``, ``−2`` and ``∞``.

    Raises
    ------
    ValueError
        It says none.

    Examples
    --------
    >>> [read_number(text) for text in ("0,3", "0.3", " −1,5e−3 ", "1/4")]
    [0.3, 0.3, -0.0015, 0.25]
    """
    match = _NUMBER.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is no number")
    above, below = (float(_ascii(part)) for part in (match[1], match[2] or "1"))
    if below == 0:
        raise ValueError(f"{text!r} is no number")
    return above / below


def _ascii(text: str) -> str:
    return text.replace("−", "-").replace(",", ".").replace("∞", "inf")


def as_name(text: str) -> str:
    """The name as it is read: the µ of a keyboard is the Greek μ, and x₁ keeps its digit below."""
    parts = _SCRIPT.split(unicodedata.normalize("NFC", text))
    return "".join(
        part if i % 2 else unicodedata.normalize("NFKC", part) for i, part in enumerate(parts)
    )
