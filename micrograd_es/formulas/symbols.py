"""The algebra of symbols: the operation table read as formulas, simplified on the way.

A formula is a sum of products of powers, in which functions of the table and names
stand as they are. Adding and multiplying formulas collects what is alike, as a person
would: no ``1 ·``, no ``+ 0``, signs in front, x² for x · x.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable
from typing import Any, TypeAlias, Union

from micrograd_es.engine.algebra import LAZY, Algebra, computed
from micrograd_es.engine.ops import TABLE, Operation

Term: TypeAlias = Union["Formula", float]


class Formula:
    """An expression that knows what it comes to.

    Attributes
    ----------
    value : float
        The number that it comes to; which branch of a rule is taken depends on it.
    key : tuple
        Equal formulas have equal keys.
    size : int
        How many names and numbers it shows.
    text, latex : str
        For a terminal, and for a notebook or paper.
    numbers, latex_numbers : str
        The same, with numbers put in for the names.
    """

    value: float
    key: tuple[Any, ...]
    size: int = 1

    @property
    def text(self) -> str:
        return _written(self, latex=False, numbers=False)

    @property
    def latex(self) -> str:
        return _written(self, latex=True, numbers=False)

    @property
    def numbers(self) -> str:
        return _written(self, latex=False, numbers=True)

    @property
    def latex_numbers(self) -> str:
        return _written(self, latex=True, numbers=True)

    def valued(self, value: float) -> Formula:
        """The same formula, of which the exact value is known."""
        result = copy.copy(self)
        result.value = value
        return result

    def __add__(self, other: Term) -> Formula:
        return apply(TABLE["add"], self, other)

    def __radd__(self, other: Term) -> Formula:
        return apply(TABLE["add"], other, self)

    def __sub__(self, other: Term) -> Formula:
        return apply(TABLE["sub"], self, other)

    def __rsub__(self, other: Term) -> Formula:
        return apply(TABLE["sub"], other, self)

    def __mul__(self, other: Term) -> Formula:
        return apply(TABLE["mul"], self, other)

    def __rmul__(self, other: Term) -> Formula:
        return apply(TABLE["mul"], other, self)

    def __truediv__(self, other: Term) -> Formula:
        return apply(TABLE["div"], self, other)

    def __rtruediv__(self, other: Term) -> Formula:
        return apply(TABLE["div"], other, self)

    def __neg__(self) -> Formula:
        return apply(TABLE["neg"], self)

    def __abs__(self) -> Formula:
        return apply(TABLE["abs"], self)

    # Comparisons choose the branch, so they are of numbers.

    def __lt__(self, other: Term) -> bool:
        return self.value < as_formula(other).value

    def __le__(self, other: Term) -> bool:
        return self.value <= as_formula(other).value

    def __gt__(self, other: Term) -> bool:
        return self.value > as_formula(other).value

    def __ge__(self, other: Term) -> bool:
        return self.value >= as_formula(other).value

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.text}>"


class Number(Formula):
    """A constant."""

    def __init__(self, value: float) -> None:
        self.value = value
        self.key = ("number", value)


class Symbol(Formula):
    """A name; symbols of different owners differ, even under one name.

    Where the name is itself an expression, `formula`, it is written as that one is.
    """

    def __init__(
        self, name: str, value: float, owner: object = None, formula: Formula | None = None
    ) -> None:
        self.name = name
        self.formula = formula
        self.value = value
        self.key = ("symbol", name, id(owner))


class Sum(Formula):
    """At least two terms."""

    def __init__(self, terms: list[Formula]) -> None:
        self.terms = terms
        self.value = float(sum(t.value for t in terms))
        self.key = ("sum", *(t.key for t in terms))
        self.size = sum(t.size for t in terms)


class Product(Formula):
    """A coefficient and at least one power (base, exponent)."""

    def __init__(self, coefficient: float, powers: list[tuple[Formula, Formula]]) -> None:
        self.coefficient = coefficient
        self.powers = powers
        self.value = coefficient
        for base, exponent in powers:
            self.value *= computed(TABLE["pow"], base.value, exponent.value)
        self.key = ("product", coefficient, *((b.key, e.key) for b, e in powers))
        self.size = (coefficient not in (1.0, -1.0)) + sum(
            b.size + (e.size if e.key != _ONE.key else 0) for b, e in powers
        )


class Call(Formula):
    """A function of the table, or a user's own, or (``prime``) its derivative.

    `template` is LaTeX, with ``{a}``, ``{b}``, … for the operands.
    """

    def __init__(
        self, name: str, template: str, operands: tuple[Formula, ...], value: float, prime: int = 0
    ) -> None:
        self.name = name
        self.template = template
        self.operands = operands
        self.value = value
        self.prime = prime  # 0: the function; else by which operand it is derived, from 1
        self.key = ("call", name, prime, *(x.key for x in operands))
        self.size = 1 + sum(x.size for x in operands)


_ZERO, _ONE = Number(0.0), Number(1.0)


def as_formula(x: Term) -> Formula:
    """`x` itself, or a number as a formula."""
    return x if isinstance(x, Formula) else Number(float(x))


def apply(op: Operation, *operands: Term) -> Formula:
    """The formula of a row of the table on its operands."""
    formulas = tuple(as_formula(x) for x in operands)
    if op.name in _SIMPLIFIED:
        return _SIMPLIFIED[op.name](*formulas)
    value = computed(op, *(x.value for x in formulas))
    return Call(op.name, op.notation, formulas, value)


# -- what is simplified ---------------------------------------------------------


def total(terms: Iterable[Term]) -> Formula:
    """The sum, like terms collected and numbers added up."""
    found: dict[Any, tuple[float, Formula]] = {}
    todo = [as_formula(t) for t in terms][::-1]
    while todo:
        term = todo.pop()
        if isinstance(term, Sum):
            todo.extend(term.terms[::-1])
            continue
        coefficient, rest = _split(term)
        before = found.get(rest.key, (0.0, rest))[0]
        found[rest.key] = before + coefficient, rest
    collected = [_scaled(c, rest) for c, rest in found.values() if c != 0]
    if not collected:
        return Number(0.0)
    return collected[0] if len(collected) == 1 else Sum(collected)


def _split(f: Formula) -> tuple[float, Formula]:
    """Coefficient and the rest, which is 1 for a number."""
    if isinstance(f, Number):
        return f.value, _ONE
    if isinstance(f, Product):
        return f.coefficient, _product(1.0, f.powers)
    return 1.0, f


def _scaled(c: float, f: Formula) -> Formula:
    if f is _ONE:
        return Number(c)
    return _product(c, f.powers if isinstance(f, Product) else [(f, _ONE)])


def _powers(f: Formula) -> tuple[float, list[tuple[Formula, Formula]]]:
    if isinstance(f, Number):
        return f.value, []
    if isinstance(f, Product):
        return f.coefficient, f.powers
    return 1.0, [(f, _ONE)]


def _times(f: Formula, g: Formula) -> Formula:
    (c, left), (d, right) = _powers(f), _powers(g)
    found: dict[Any, tuple[Formula, Formula]] = {}
    for base, exponent in (*left, *right):
        if base.key in found:
            exponent = total((found[base.key][1], exponent))
        found[base.key] = (base, exponent)
    powers = [(b, e) for b, e in found.values() if e.key != _ZERO.key]
    return _product(c * d, powers)


def _product(c: float, powers: list[tuple[Formula, Formula]]) -> Formula:
    if c == 0 or not powers:
        return Number(c)
    if c == 1 and len(powers) == 1 and powers[0][1].key == _ONE.key:
        return powers[0][0]
    return Product(c, powers)


def _reciprocal(f: Formula) -> Formula:
    c, powers = _powers(f)
    if c == 0:
        return Product(1.0, [(f, Number(-1.0))])
    return _product(1.0 / c, [(b, _times(Number(-1.0), e)) for b, e in powers])


def _power(f: Formula, e: Formula) -> Formula:
    if isinstance(e, Number):
        if e.value == 1:
            return f
        if e.value == 0:
            return Number(1.0)
        if e.value == -1:
            return _reciprocal(f)
        if isinstance(f, Number):
            return Number(computed(TABLE["pow"], f.value, e.value))
        c, powers = _powers(f)
        if c == 1 and len(powers) == 1 and e.value.is_integer():
            (base, exponent), *_ = powers
            return _product(1.0, [(base, _times(exponent, e))])
    return Product(1.0, [(f, e)])


_SIMPLIFIED: dict[str, Callable[..., Formula]] = {
    "add": lambda a, b: total((a, b)),
    "sub": lambda a, b: total((a, _times(Number(-1.0), b))),
    "mul": _times,
    "weighted": _times,
    "div": lambda a, b: _times(a, _reciprocal(b)),
    "neg": lambda a: _times(Number(-1.0), a),
    "pow": _power,
    "sum": lambda *terms: total(terms),
}


def _function(op: Operation) -> Callable[..., Formula]:
    return lambda *operands: apply(op, *operands)


SYMBOLS = Algebra(
    {name: _function(op) for name, op in TABLE.items()} | {"total": total}, reading=LAZY
)


def _written(formula: Formula, latex: bool, numbers: bool) -> str:
    from micrograd_es.formulas.writing import Style

    return Style(latex, numbers).write(formula)
