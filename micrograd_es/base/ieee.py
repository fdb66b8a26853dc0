"""Functions of floats that give what IEEE 754 says where Python's raise: 1/0, log(0), exp(1000).

Each is complete with `math` and the others of this file: `Tape.source` quotes them in the programs
that it writes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence


def whole(function: Callable[..., float], *x: float) -> float:
    """A function of `math`, where it raises an error too."""
    try:
        return function(*x)
    except OverflowError:  # an infinity, of the sign that it has nearer to 0
        near = [math.copysign(1.0, v) for v in x]
        return x[0] if math.isinf(x[0]) else math.copysign(math.inf, function(*near))
    except (ValueError, ZeroDivisionError):
        if function in (math.log, math.log2, math.log10) and x[0] == 0.0:
            return -math.inf
        if function is math.log1p and x[0] == -1.0:
            return -math.inf
        if function is math.atanh and abs(x[0]) == 1.0:
            return math.copysign(math.inf, x[0])
        return math.nan


def divide(a: float, b: float) -> float:
    """a / b, where b is 0 too."""
    if b != 0.0:
        return a / b
    if a == 0.0 or a != a:
        return math.nan
    return math.copysign(math.inf, a) * math.copysign(1.0, b)


def pow(a: float, b: float) -> float:
    """a ** b, but never a complex number."""
    try:
        return math.pow(a, b)
    except (OverflowError, ValueError):
        if a < 0.0 and not b.is_integer():
            return math.nan
        return math.copysign(math.inf, a) if b % 2.0 == 1.0 else math.inf


def floor(a: float) -> float:
    """The whole number below, as a float that keeps the sign of 0."""
    return math.copysign(math.floor(a), a) if math.isfinite(a) else a


def rint(a: float) -> float:
    """The nearest whole number, as a float that keeps the sign of 0."""
    return math.copysign(round(a), a) if math.isfinite(a) else a


def mod(a: float, b: float) -> float:
    """a % b, where b is 0 too."""
    return a % b if b else math.nan


def floor_divide(a: float, b: float) -> float:
    """a // b, where b is 0 too."""
    return a // b if b else divide(a, b)


def total(terms: Sequence[float]) -> float:
    """The sum of all terms, rounded once."""
    try:
        return math.fsum(terms)
    except (OverflowError, ValueError):
        return sum(terms[1:], terms[0])
