"""How a formula is written: for a terminal or in LaTeX, with names or with numbers.

The way an operation looks comes from its row of the table: the LaTeX of `notation`
also says, read as plain text, how it looks in a terminal.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import cache
from math import isfinite
from string import Formatter

from micrograd_es.engine.ops import TABLE
from micrograd_es.formulas import notation
from micrograd_es.formulas.symbols import Call, Formula, Number, Product, Sum, Symbol

# How tightly a piece holds together; a looser one in a tighter place needs parentheses.
SUM, PRODUCT, POWER, ATOM = range(4)
_RAISED = tuple("⁰¹²³⁴⁵⁶⁷⁸⁹⁾'")


# Before an operand: a function that has no parentheses of its own, a root, a power, a slash.
_OPEN_LATEX = re.compile(r"(\\\w+(?<!floor)(_\{\w+\})?|\\(mathrm|operatorname)\{\w+\}) $")
_OPEN_TEXT = re.compile(r"[√^/]$")


class Style:
    """Writes formulas."""

    def __init__(self, latex: bool, numbers: bool) -> None:
        self.latex = latex
        self.numbers = numbers

    def write(self, formula: Formula) -> str:
        """The formula as a string."""
        return self.piece(formula)[0]

    def piece(self, f: Formula) -> tuple[str, int]:
        if isinstance(f, Number):
            return self._product(Product(f.value, []))
        if isinstance(f, Symbol):
            if self.numbers:
                return self._number(f.value)
            level = SUM if notation.is_open(f.name) else ATOM
            return (notation.latex if self.latex else notation.shown)(f.name), level
        if isinstance(f, Sum):
            return self._sum(f), SUM
        if isinstance(f, Product):
            return self._product(f)
        assert isinstance(f, Call)
        return self._call(f)

    def _number(self, x: float) -> tuple[str, int]:
        text = (notation.latex_number if self.latex else notation.number)(x)
        return text, SUM if x < 0 else ATOM if text.replace(".", "").isdigit() else POWER

    def wrapped(self, piece: tuple[str, int], at_least: int) -> str:
        """The piece, in parentheses where it is looser than its place."""
        text, level = piece
        if level >= at_least:
            return text
        return rf"\left({text}\right)" if self.latex else f"({text})"

    def joined(self, name: str, a: str, b: str = "") -> str:
        """Two pieces with the sign of an operation."""
        return _template(TABLE[name].notation, self.latex).format(a=a, b=b)

    def _sum(self, f: Sum) -> str:
        text = self.wrapped(self.piece(f.terms[0]), SUM)
        for term in f.terms[1:]:
            negative, term = _without_sign(term)
            piece = self.wrapped(self.piece(term), PRODUCT)
            text = self.joined("sub" if negative else "add", text, piece)
        return text

    def _product(self, f: Product) -> tuple[str, int]:
        above, below = _as_fraction(f.coefficient)
        over = [(b, e) for b, e in f.powers if not _is_negative(e)]
        under = [(b, Number(-e.value)) for b, e in f.powers if _is_negative(e)]
        if under and f.coefficient and (1 / abs(f.coefficient)).is_integer():
            above, below = (1.0 if f.coefficient > 0 else -1.0), 1 / abs(f.coefficient)
        text, level = self._factors(abs(above), over)
        if under or below != 1:
            bottom = self._factors(below, under)
            if self.latex:
                text, level = self.joined("div", text, bottom[0]), ATOM
            else:
                tight = bottom[1] if bottom[0].isdigit() or len(under) < 2 else PRODUCT
                top = self.wrapped((text, level), PRODUCT)
                text = self.joined("div", top, self.wrapped((bottom[0], tight), POWER))
                level = PRODUCT
        if above < 0:  # of nan and 0 there is no sign to put in front
            return self.joined("neg", self.wrapped((text, level), PRODUCT)), SUM
        return text, level

    def _factors(self, c: float, powers: Sequence[tuple[Formula, Formula]]) -> tuple[str, int]:
        pieces = [self._power(b, e) for b, e in powers]
        if c != 1 or not pieces:
            pieces.insert(0, self._number(c))
        if len(pieces) == 1:
            return pieces[0]
        first, *rest = (self.wrapped(p, POWER) for p in pieces)
        if c != 1 and _can_touch(first, rest[0], self.latex):
            glue = " " if self.latex and not rest[0].startswith(r"\left(") else ""
            first, rest = first + glue + rest[0], rest[1:]
        for piece in rest:
            first = self.joined("mul", first, piece)
        return first, PRODUCT

    def _power(self, base: Formula, exponent: Formula) -> tuple[str, int]:
        piece = self.piece(base)
        if isinstance(exponent, Number) and exponent.value == 1:
            return piece
        if "^" in piece[0] or piece[0].endswith(_RAISED):
            piece = (piece[0], min(piece[1], POWER))
        bottom, top = self.wrapped(piece, ATOM), self.piece(exponent)
        if self.latex:
            return self.joined("pow", bottom, top[0]), POWER
        if isinstance(exponent, Number) and exponent.value.is_integer():
            return bottom + notation.superscript(f"{exponent.value:.0f}"), POWER
        return self.joined("pow", bottom, self.wrapped(top, ATOM)), POWER

    def _call(self, f: Call) -> tuple[str, int]:
        pieces = [self.piece(x) for x in f.operands]
        if f.prime:
            return self._primed(f, [text for text, _ in pieces]), ATOM
        text = ""
        parts = [part[:2] for part in Formatter().parse(_template(f.template, self.latex))]
        for (literal, slot), (following, _) in zip(parts, [*parts[1:], ("", None)]):
            text += literal
            if slot:
                piece = pieces[ord(slot) - ord("a")]
                # `\ln x`, `e^x` and `x/y` leave open where the operand ends; `\sigma(x)` does not
                bare = (_OPEN_LATEX if self.latex else _OPEN_TEXT).search(text)
                text += self.wrapped(piece, ATOM) if bare or following[:1] == "/" else piece[0]
        return text, ATOM if text[-1] in ")]|}⌋" else POWER

    def _primed(self, f: Call, operands: list[str]) -> str:
        name = re.split(r"[ ({]*\{", _template(f.template, self.latex))[0].rstrip("( ")
        if len(operands) > 1:
            n = f"_{{{f.prime}}}" if self.latex else notation.subscript(str(f.prime))
            return f"{name}'{n}({', '.join(operands)})"
        return f"{name}'({operands[0]})"


def _without_sign(f: Formula) -> tuple[bool, Formula]:
    if isinstance(f, Number) and f.value < 0:
        return True, Number(-f.value)
    if isinstance(f, Product) and f.coefficient < 0:
        return True, -f
    return False, f


def _is_negative(exponent: Formula) -> bool:
    return isinstance(exponent, Number) and exponent.value < 0


def _as_fraction(c: float) -> tuple[float, float]:
    """2/3 as 2 and 3; what four decimals hold stays a decimal number."""
    if isfinite(c) and abs(float(f"{c:.4g}") - c) > 4e-16 * abs(c):
        near = Fraction(c).limit_denominator(1000)
        exact = abs(near.numerator) < 10**5  # and is written with all its digits
        if near and exact and abs(float(near) - c) <= 4e-16 * abs(c):
            return float(near.numerator), float(near.denominator)
    return c, 1.0


def _can_touch(number: str, piece: str, latex: bool) -> bool:
    """Whether the two read as a product without a sign between: 2x, 2(a + b)."""
    if not number.replace(".", "").isdigit():
        return False
    if piece.startswith((r"\frac", r"\left|") if latex else "|"):
        return False
    return not re.match(r"[\d.−-]|[eE][\d−]", piece)


@cache
def _template(template: str, latex: bool) -> str:
    if latex:
        return template
    for pattern, replacement in _PLAIN:
        template = re.sub(pattern, replacement, template)
    return template.replace("-", "−")


def _character(match: re.Match[str]) -> str:
    return _CHARACTERS.get(match[1], match[1])


_CHARACTERS = {"sigma": "σ", "cdot": "·", "le": "≤", "lfloor": "⌊", "rfloor": "⌋"}


def _applied(match: re.Match[str]) -> str:
    r"""``\ln {a}`` and ``\log_2 {a}``: a function's operand stands in parentheses."""
    base = notation.subscript((match[2] or "").strip("_{}"))
    return f"{match[1]}{base}({{a}})"


_PLAIN: tuple[tuple[str, str | Callable[[re.Match[str]], str]], ...] = (
    (r"\\frac\{\{(.*?\})\}\}\{\{(.*?\})\}\}", r"\1/\2"),
    (r"\\sqrt\{\{(.*?\})\}\}", r"√\1"),
    (r"\\left|\\right", ""),
    (r"\\(?:mathrm|operatorname)\{\{(.*?)\}\}", r"\\\1"),
    (r"\\([lr]floor) ?", _character),
    (r"\\([a-z]+)(_\d|_\{\{\d+\}\})? \{a\}", _applied),
    (r"\\(\w+)", _character),
    (r"\{\{(.*?\}?)\}\}", r"\1"),
)
