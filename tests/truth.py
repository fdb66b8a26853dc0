"""What every row of the operation table should give, in mpmath: the textbook's formulas.

Nothing here comes from the package but the names of the rows. A row that has no formula here,
because it is new, is read from its own text, and its partials are central differences.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import mpmath

from micrograd_es.engine.algebra import LAZY, Algebra, primitive
from micrograd_es.engine.ops import TABLE

Function = Callable[..., Any]


class Truth(NamedTuple):
    value: Function
    partials: tuple[Function, ...]


def truths(m: Any) -> dict[str, Truth]:
    """The truth of each row in the numbers of `m`: ``mpmath.mp``, or ``mpmath.fp`` for floats."""

    def sigmoid(a):
        return 1 / (1 + m.exp(-a)) if a >= 0 else m.exp(a) / (1 + m.exp(a))

    def power(a, b):
        if a > 0:
            return m.exp(b * m.log(a))
        if a < 0 and b == m.floor(b):
            return power(-a, b) * (-1 if b % 2 else 1)
        return m.power(a, b)

    def erfc(a):  # which mpmath has only where it is a number of usual size
        return m.erfc(max(min(a, 1000), -1000))

    def normal(a):
        return erfc(-a / m.sqrt(2)) / 2

    def hypot(a, b):
        return m.sqrt(a * a + b * b)

    def quotient(a, b):
        if m is mpmath.fp:
            return a // b
        with m.workdps(1400):  # so many digits may stand before the point
            return m.floor(a / b)

    def remainder(a, b):
        if m is mpmath.fp:
            return a % b
        with m.workdps(1400):
            return a - b * quotient(a, b)

    def branch(condition, a, b):
        return a if condition else b

    def half(x, y):
        return branch(x > y, 1, branch(x < y, 0, m.mpf(0.5)))

    smooth = {
        "add": (lambda a, b: a + b, lambda a, b: 1, lambda a, b: 1),
        "sub": (lambda a, b: a - b, lambda a, b: 1, lambda a, b: -1),
        "mul": (lambda a, b: a * b, lambda a, b: b, lambda a, b: a),
        "div": (lambda a, b: a / b, lambda a, b: 1 / b, lambda a, b: -a / (b * b)),
        "neg": (lambda a: -a, lambda a: -1),
        # b - 1 is b where b is huge
        "pow": (power, lambda a, b: b * power(a, b) / a if b else 0,
                lambda a, b: power(a, b) * m.log(a)),
        "exp": (m.exp, m.exp),
        "log": (m.log, lambda a: 1 / a),
        "sqrt": (m.sqrt, lambda a: 1 / (2 * m.sqrt(a))),
        "sin": (m.sin, m.cos),
        "cos": (m.cos, lambda a: -m.sin(a)),
        "tanh": (m.tanh, lambda a: 4 * sigmoid(2 * a) * sigmoid(-2 * a)),
        "sigmoid": (sigmoid, lambda a: sigmoid(a) * sigmoid(-a)),
        "softplus": (lambda a: max(a, 0) + m.log1p(m.exp(-abs(a))), sigmoid),
        "tan": (m.tan, lambda a: 1 + m.tan(a) ** 2),
        "arctan": (m.atan, lambda a: 1 / (1 + a * a)),
        "arctan2": (m.atan2, lambda a, b: b / (a * a + b * b), lambda a, b: -a / (a * a + b * b)),
        "sinh": (m.sinh, m.cosh),
        "cosh": (m.cosh, m.sinh),
        "log1p": (m.log1p, lambda a: 1 / (1 + a)),
        "expm1": (m.expm1, m.exp),
        "log2": (lambda a: m.log(a, 2), lambda a: 1 / (a * m.log(2))),
        "log10": (lambda a: m.log(a, 10), lambda a: 1 / (a * m.log(10))),
        "hypot": (hypot, lambda a, b: a / hypot(a, b), lambda a, b: b / hypot(a, b)),
        "mod": (remainder, lambda a, b: 1, lambda a, b: -quotient(a, b)),
        "elu": (lambda a: m.expm1(a) if a < 0 else a, lambda a: m.exp(min(a, 0))),
        "silu": (lambda a: a * sigmoid(a), lambda a: sigmoid(a) * (1 + a * sigmoid(-a))),
        "gelu": (lambda a: a * normal(a), lambda a: normal(a) + a * m.npdf(a)),
        "erf": (m.erf, lambda a: 2 / m.sqrt(m.pi) * m.exp(-a * a)),
        "erfc": (erfc, lambda a: -2 / m.sqrt(m.pi) * m.exp(-a * a)),
        "sum": (lambda *a: sum(a), lambda *a: 1),
    }  # fmt: skip
    with_kinks = {
        "floor": (m.floor, lambda a: 0),
        "sign": (lambda a: branch(a > 0, 1, branch(a < 0, -1, a)), lambda a: 0),
        "rint": (getattr(m, "nint", round), lambda a: 0),
        "floor_divide": (quotient, *[lambda a, b: 0] * 2),
        "abs": (abs, lambda a: branch(a < 0, -1, branch(a > 0, 1, 0))),
        "relu": (lambda a: branch(a <= 0, 0, a), lambda a: branch(a <= 0, 0, 1)),
        "leaky_relu": (lambda a: a * branch(a > 0, 1, m.mpf(0.01)),
                       lambda a: branch(a > 0, 1, m.mpf(0.01))),
        "maximum": (max, half, lambda a, b: half(b, a)),
        "minimum": (min, lambda a, b: half(b, a), half),
        "where": (lambda a, b, c: b if a else c, lambda a, b, c: 0,
                  lambda a, b, c: 1 if a else 0, lambda a, b, c: 0 if a else 1),
        "less": (lambda a, b: m.mpf(a < b), *[lambda a, b: 0] * 2),
        "less_equal": (lambda a, b: m.mpf(a <= b), *[lambda a, b: 0] * 2),
    }  # fmt: skip
    found = {name: Truth(value, tuple(df)) for name, (value, *df) in (smooth | with_kinks).items()}
    return {name: found.get(name) or read(name, m) for name in TABLE}


def read(name: str, m: Any) -> Truth:
    """A row as its own text says, and central differences of that, which use no rule."""
    names = {
        "pow": m.power, "total": sum, "mod": lambda a, b: a - b * m.floor(a / b),
        "floor_divide": lambda a, b: m.floor(a / b), "log2": lambda a: m.log(a, 2),
        "rint": getattr(m, "nint", round),
    }  # fmt: skip
    value = Algebra(names, lambda n: primitive(m, n), LAZY).value(TABLE[name])

    def partial(i: int) -> Function:
        return lambda *operands: difference(value, operands, i, m)

    def in_floats(f: Function) -> Function:
        return lambda *operands: float(f(*map(mpmath.mpf, operands)))

    if m is mpmath.fp:  # which lacks functions, and no step is small enough there
        exact = read(name, mpmath.mp)
        return Truth(in_floats(exact.value), tuple(map(in_floats, exact.partials)))
    return Truth(value, tuple(partial(i) for i in range(len(TABLE[name].df))))


def difference(f: Function, operands: Any, i: int, m: Any) -> Any:
    """∂f/∂(operand i) as a central difference, with a step far below what a float can show."""
    with m.workdps(800):  # so that it also shows next to the least and the greatest floats
        a = m.mpf(operands[i])
        # small beside every operand: a function of two may bend where both are small
        h = m.mpf(10) ** -35 * min([m.mpf(1), *(abs(m.mpf(x)) for x in operands if x)])
        low, high = ([*operands[:i], x, *operands[i + 1 :]] for x in (a - h, a + h))
        return (f(*high) - f(*low)) / (2 * h)


def ulps(found: float, true: Any) -> float:
    """How far a float is from the truth, in units of the last place that the truth has.

    Where the truth is below the normal floats, those are of 2**-1074; beyond all floats,
    the float nearest to it is the infinity.
    """
    if isinstance(true, mpmath.mpc) or mpmath.isnan(true):
        return 0.0 if math.isnan(found) else math.inf
    if mpmath.isinf(true):
        return 0.0 if found == float(true) else math.inf
    if math.isnan(found):
        return math.inf
    if math.isinf(found):  # as if the floats went on
        found = mpmath.mpf(2) ** 1024 * (1 if found > 0 else -1)
        return 0.0 if abs(true) >= abs(found) and true * found > 0 else _in_ulps(true - found, true)
    return _in_ulps(true - mpmath.mpf(found), true)


def _in_ulps(error: Any, true: Any) -> float:
    exponent = mpmath.frexp(true)[1] - 53 if true else -1074
    return float(abs(error) / mpmath.mpf(2) ** min(max(exponent, -1074), 971))
