"""The notes' names: w₍ₗ₎⁽ⁿ·ᵐ⁾ is the weight from neuron m of layer l-1 to neuron n of l."""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from html import escape
from math import isfinite
from typing import NamedTuple

LONGEST_NAME = 32  # characters of a name in a picture

_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_LOWERED = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")


def superscript(text: str) -> str:
    """The text with its digits and minus signs raised."""
    return text.translate(_RAISED)


def subscript(text: str) -> str:
    """The text with its digits lowered."""
    return text.translate(_LOWERED)


def name(symbol: str, *indices: int, layer: int | None = None) -> str:
    """The symbol with its layer below and its indices above, all counted from 1.

    Examples
    --------
    >>> name("w", 2, 1, layer=1), name("z", 1, layer=2), name("x", 12)
    ('w₍₁₎⁽²·¹⁾', 'z₍₂₎⁽¹⁾', 'x⁽¹²⁾')
    """
    below = "" if layer is None else subscript(f"₍{layer}₎")
    above = superscript(f"⁽{'·'.join(map(str, indices))}⁾") if indices else ""
    return f"{symbol}{below}{above}"


class Name(NamedTuple):
    """What `name` was made of; layer and indices are digits, as they were written."""

    symbol: str
    layer: str
    indices: tuple[str, ...]


_NAME = re.compile(r"([^\W\d_]'?)(?:₍([₀-₉]+)₎)?(?:⁽([⁰¹²³⁴-⁹]+(?:·[⁰¹²³⁴-⁹]+)*)⁾)?")
_PLAIN = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹₀₁₂₃₄₅₆₇₈₉", "01234567890123456789")


def parsed(label: str) -> Name | None:
    """The parts of a label that is one of the notes' names; None for any other label.

    Examples
    --------
    >>> parsed("w₍₁₎⁽²·¹⁾")
    Name(symbol='w', layer='1', indices=('2', '1'))
    >>> parsed("weight") is None
    True
    """
    match = _NAME.fullmatch(label)
    if match is None:
        return None
    layer, above = ((match[i] or "").translate(_PLAIN) for i in (2, 3))
    return Name(match[1], layer, tuple(above.split("·")) if above else ())


def number(x: float | None) -> str:
    """The number as pages, drawings and explanations write it.

    Four significant digits, with an exponent outside 1e-4..1e5; "—" for None, which
    stands for a gradient that is not there yet.

    Examples
    --------
    >>> [number(x) for x in (0.5, -2.0, 12345.6, 1234567.0, 0.00001234, 1e400, None)]
    ['0.5', '−2', '12346', '1.235e6', '1.234e−5', '∞', '—']
    """
    if x is None:
        return "—"
    if not isfinite(x):
        text = str(x).replace("inf", "∞")
    elif x == 0:
        text = "0"  # -0.0 too
    elif 1e-4 <= abs(x) < 1e5:
        text = f"{x:.4g}" if abs(x) < 9999.5 else f"{x:.0f}"
    else:
        digits, exponent = f"{x:.3e}".split("e")
        text = f"{float(digits):g}e{int(exponent)}"
    return text.replace("-", "−")


def latex_number(x: float | None) -> str:
    r"""`number` for LaTeX.

    Examples
    --------
    >>> latex_number(-0.5), latex_number(1234567.0)
    ('-0.5', '1.235 \\cdot 10^{6}')
    """
    text = number(x).replace("−", "-").replace("∞", r"\infty").replace("—", r"\text{—}")
    if text == "nan":
        return r"\mathrm{nan}"
    return re.sub(r"e(-?\d+)", r" \\cdot 10^{\1}", text)


_UNSEEN = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


def shown(text: str) -> str:
    """The text with a sign in place of each character that cannot be seen or be in XML."""
    return _UNSEEN.sub(_sign, text)


def short(text: str, longest: int = LONGEST_NAME) -> str:
    """`shown`, cut to what there is room for."""
    return shown(text if len(text) <= longest else text[: longest - 1] + "…")


def _sign(match: re.Match[str]) -> str:
    code = ord(match[0])
    return chr(0x2400 + code) if code < 0x20 else "␡" if code == 0x7F else "�"


# A sign of an operation, or a space; not the dot between the indices of w₍₁₎⁽²·¹⁾.
_OPEN = re.compile(r"[\s+*/−-]|(?<![⁰¹²³⁴-⁹])·")


def is_open(text: str) -> bool:
    """Whether the text beside another would be misread without parentheses."""
    return _OPEN.search(text) is not None


def quotient(above: str, below: str) -> str:
    """The derivative of one by the other, as it is written in a line.

    Examples
    --------
    >>> quotient("C", "w₍₁₎⁽²·¹⁾"), quotient("a + b", "b")
    ('∂C/∂w₍₁₎⁽²·¹⁾', '∂(a + b)/∂b')
    """
    return "/".join(f"∂({s})" if is_open(s) else f"∂{s}" for s in (above, below))


_NUMBERED = re.compile(r"([^\W\d_])_?(\d+)")  # x1, x_1
_ACCENTS = {"\u0302": "hat", "\u0303": "tilde", "\u0304": "bar"}
_ESCAPES = {
    "\\": r"\textbackslash{}", "^": r"\textasciicircum{}", "~": r"\textasciitilde{}",
    **{c: "\\" + c for c in "{}$&#_%"},
}  # fmt: skip


def latex(label: str) -> str:
    r"""The label as LaTeX: the notes' names as symbols, anything else as text.

    Examples
    --------
    >>> print(latex("w₍₁₎⁽²·¹⁾"), latex("ŷ⁽¹⁾"), latex("x1"), latex("σ"), latex("50 % {"))
    w_{(1)}^{(2,1)} \hat{y}^{(1)} x_{1} \sigma \text{50 \% \{}
    """
    parts, numbered = parsed(label), _NUMBERED.fullmatch(label)
    if parts and (letter := _letter(parts.symbol[0])):
        below = f"_{{({parts.layer})}}" if parts.layer else ""
        above = f"^{{({','.join(parts.indices)})}}" if parts.indices else ""
        return f"{letter}{parts.symbol[1:]}{below}{above}"
    if numbered and (letter := _letter(numbered[1])):
        return f"{letter}_{{{numbered[2]}}}"
    return rf"\text{{{_escaped(label)}}}"


def _letter(letter: str) -> str | None:
    if letter.isascii():
        return letter
    base, *marks = list(unicodedata.normalize("NFD", letter))
    if len(marks) == 1 and marks[0] in _ACCENTS and base.isascii():
        return rf"\{_ACCENTS[marks[0]]}{{{base}}}"
    greek = re.fullmatch(r"GREEK SMALL LETTER (\w+)", unicodedata.name(letter, ""))
    if greek and greek[1] not in ("OMICRON", "FINAL"):
        return "\\" + greek[1].lower().replace("lamda", "lambda")
    return None


def _escaped(text: str) -> str:
    printable = (c if c.isprintable() else " " for c in text)
    return "".join(_ESCAPES.get(c, c) for c in printable)


_TEXT = re.compile(r"\\text\{((?:[^{}\\]|\\text[a-z]+\{\}|\\[^a-z])*)\}")
_UNESCAPES = {v: k for k, v in _ESCAPES.items()}
_ESCAPED = re.compile("|".join(map(re.escape, _UNESCAPES)))


# What a converter cannot know of the formulas here.
_AMENDED = (
    # a prime is drawn raised; as a superscript it would be a speck
    (
        re.compile(r"<msup>(<mi>[^<]*</mi>)<mi>&#x02032;</mi></msup>"),
        r'\1<mo lspace="0" rspace="0">&#x02032;</mo>',
    ),
    # a minus after another operator is a sign, and stands close to its number
    (
        re.compile(r"(<mo(?![^>]*postfix)[^>]*>(?!&#x000(?:29|5D);)[^<]+</mo>)<mo>&#x02212;</mo>"),
        r'\1<mo form="prefix">&#x02212;</mo>',
    ),
    # cos t is not cost
    (re.compile(r"(<mi>[a-z]{2,}</mi>)(?=<m(?!o))"), r'\1<mspace width="0.17em" />'),
)
_PRIVATE = 0xE000  # private characters stand for texts while the formula is converted


@cache
def mathml(source: str) -> str:
    r"""LaTeX as a MathML element, all that is text in it escaped.

    Examples
    --------
    >>> "<mtext>&lt;b&gt;</mtext>" in mathml(r"\text{<b>}")
    True
    """
    from latex2mathml.converter import convert

    texts: list[str] = []

    def taken(match: re.Match[str]) -> str:
        texts.append(_ESCAPED.sub(lambda m: _UNESCAPES[m[0]], match[1]))
        return f" {chr(_PRIVATE + len(texts) - 1)} "

    def given_back(match: re.Match[str]) -> str:
        return f"<mtext>{escape(texts[ord(match[1]) - _PRIVATE])}</mtext>"

    source = _TEXT.sub(taken, source)
    if r"\frac" not in source:
        # where there is no mathematical font, parentheses that stretch are far too tall
        source = source.replace(r"\left(", "(").replace(r"\right)", ")")
    # each matrix in a row of its own, or its brackets are as tall as the tallest beside it
    source = source.replace(r"\begin{bmatrix}", r"{\begin{bmatrix}")
    source = source.replace(r"\end{bmatrix}", r"\end{bmatrix}}")
    element = convert(source)
    for pattern, replacement in _AMENDED:
        element = pattern.sub(replacement, element)
    return re.sub(r"<m[io]>([\ue000-\uf8ff])</m[io]>", given_back, element)
