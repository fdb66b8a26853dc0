"""`check_gradient`: gradients against finite differences, with no rule of calculus."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import pairwise
from math import inf, isfinite, nan, ulp

from micrograd_es.base.errors import GradientError
from micrograd_es.base.scalars import as_float, is_number
from micrograd_es.engine.anomaly import unwatched
from micrograd_es.engine.derivative import grad
from micrograd_es.engine.leaving import left_at
from micrograd_es.engine.value import Value

# A ladder of steps: enough of them that five agree by chance once in thousands of times,
# and no power of two, for which the roundings of one step are those of the next.
_STEPS, _RATIO, _AGREEING = 10, 1.5, 5


@dataclass(frozen=True)
class Partial:
    """One derivative by the chain rule and by finite differences.

    Attributes
    ----------
    inputs : tuple of int
        Which numbers of `at` it is taken with respect to: one, or two of second order.
    gradient, difference : float
        The derivative, either way; `difference` is nan where the function has none that
        finite differences can see.
    allowed : float
        How far they may be apart: ten times what the differences are sure of, and
        1e-9 of the difference.
    kink : bool
        Whether the slopes to the left and to the right are two numbers.
    left : str
        Where something that was computed from the input became a float, if anything did.
    """

    inputs: tuple[int, ...]
    gradient: float
    difference: float
    allowed: float
    kink: bool
    left: str = ""

    def __bool__(self) -> bool:
        return abs(self.gradient - self.difference) <= self.allowed

    @property
    def name(self) -> str:
        """``df/d at[0]``, or ``d²f/d at[0] d at[1]``."""
        below = " ".join(f"d at[{i}]" for i in self.inputs)
        return f"{'df' if len(self.inputs) == 1 else 'd²f'}/{below}"

    def __str__(self) -> str:
        verdict = "agrees" if self else "DIFFERS"
        numbers = f"gradient {self.gradient!r}, finite difference {self.difference!r}"
        why = ""
        if not self and self.kink:
            why = "; the function has a kink there"
        elif self.difference != self.difference:
            why = "; there is no derivative to be seen there"
        if not self and self.left:
            why += f"; what was computed from it became a float in {self.left}"
        return f"{self.name} {verdict}: {numbers} (may be {self.allowed:.1e} apart){why}"


@dataclass(frozen=True)
class GradientReport:
    """What `check_gradient` found: true where all derivatives agree."""

    partials: tuple[Partial, ...]

    def __bool__(self) -> bool:
        return all(self.partials)

    def __str__(self) -> str:
        return "\n".join(map(str, self.partials)) or "no inputs, nothing to compare"


def check_gradient(
    f: Callable[..., Value],
    at: float | Iterable[float],
    order: int = 1,
    raise_exception: bool = True,
) -> GradientReport:
    """A report, true where the derivatives of `f` agree with finite differences of its values.

    Differences over many steps are extrapolated to a step of 0. That gives about ten digits,
    and tells how many of them are right. At a kink the difference is the mean of the slopes
    on both sides.

    Parameters
    ----------
    f : callable
        Takes one Value for each number of `at` and gives a Value.
    order : {1, 2}
        2 also compares every second derivative, by `grad` with ``create_graph``.

    Raises
    ------
    GradientError
        They differ, unless `raise_exception` is False. It names the input and both numbers.

    Examples
    --------
    >>> bool(check_gradient(lambda x, y: x * y.sin(), [2.0, 0.5], order=2))
    True
    """
    if order not in (1, 2):
        raise ValueError(f"the order is 1 or 2, not {order!r}")
    numbers = [as_float(x) for x in ([at] if is_number(at) else at)]  # type: ignore[union-attr]
    report = GradientReport(tuple(_partials(f, numbers, order)))
    if raise_exception and not report:
        raise GradientError("\n".join(str(p) for p in report.partials if not p))
    return report


def _partials(f: Callable[..., Value], at: list[float], order: int) -> Iterator[Partial]:
    def output_at(*numbers: float) -> list[float]:
        return [_called(f, numbers)[1].data]

    @cache
    def gradients_at(*numbers: float) -> list[float]:
        values, output = _called(f, numbers)
        return grad(output, values)

    values, output = _called(f, at)
    for i, gradient in enumerate(grad(output, values)):
        partial, left = _compared((i,), gradient, output_at, 0, at), left_at(values[i])
        yield replace(partial, left=f"line {left.line} of {left.file}" if left else "")
    if order == 2:
        for i, first in enumerate(grad(output, values, create_graph=True)):
            for j, second in enumerate(grad(first, values)):
                yield _compared((i, j), second, gradients_at, i, at)


def _called(f: Callable[..., Value], numbers: Sequence[float]) -> tuple[list[Value], Value]:
    values = [Value(x) for x in numbers]
    output = f(*values)
    if not isinstance(output, Value):
        raise TypeError(f"the function to check gives a Value, not {type(output).__name__}")
    return values, output


def _compared(
    inputs: tuple[int, ...],
    gradient: float,
    f: Callable[..., list[float]],
    component: int,
    at: list[float],
) -> Partial:
    """A gradient beside the slope of one component of `f` along the last of the inputs."""
    moved = inputs[-1]

    def along(x: float) -> float:
        try:
            return f(*at[:moved], x, *at[moved + 1 :])[component]
        except (ArithmeticError, ValueError):  # a function of the user's, outside its domain
            return nan

    with unwatched():
        seen = _slope(along, at[moved])
    allowed = 10 * seen.error + 1e-9 * abs(seen.slope)
    return Partial(inputs, gradient, seen.slope, allowed, seen.kink)


# -- finite differences -------------------------------------------------------------


@dataclass(frozen=True)
class _Seen:
    """A slope as one ladder of steps shows it.

    `doubt` is the error next to the steepest slope of the ladder; what is seen at all has
    less than `_LIMIT`. `still` says that not even roundings move.
    """

    slope: float = nan
    error: float = inf
    doubt: float = inf
    kink: bool = False
    still: bool = False


# The doubt of a ladder on which nothing moves but roundings (the function is constant
# there, or the steps are too small to tell), and of a kink, which may be one that is
# seen from afar.
_FLAT, _KINK, _LIMIT = 1e-4, 5e-4, 1e-3


def _slope(f: Callable[[float], float], x: float) -> _Seen:
    """df/dx at `x` from the ladder of steps that shows it best."""
    y, best, flat = f(x), _Seen(), False
    if not (isfinite(x) and isfinite(y)):
        return best
    for tops in _scales(x):
        for h in tops:
            seen = _extrapolated(f, x, y, h)
            if flat and not seen.still:
                break  # what moves only farther out is no slope that roundings hide here
            flat = seen.still and h > max(1.0, abs(x)) / 8
            if (seen.doubt, seen.error) < (best.doubt, best.error):
                best = seen
            if seen.doubt == _FLAT:
                break  # and so it is with smaller steps
            if seen.doubt < _KINK and seen.error <= 1e-8 * abs(seen.slope):
                return seen
        if best.doubt < 1e-6:
            break
    return best if best.doubt < _LIMIT else _Seen()


def _scales(x: float) -> Iterator[Iterator[float]]:
    """Where to look: near `x` as large as it is, then around 1, then far out."""

    def down(h: float, to: float) -> Iterator[float]:
        while h > to:
            yield h
            h /= 32

    finest = 2.0**8 * ulp(x)
    if x:
        yield down(abs(x) / 4, finest)
    if abs(x) < 1:
        yield down(1 / 4, max(finest, abs(x)))
    for factor in (8, 256):
        yield iter([factor * max(1.0, abs(x))])


def _extrapolated(f: Callable[[float], float], x: float, y: float, h: float) -> _Seen:
    """The slope by Richardson's extrapolation from central differences.

    References
    ----------
    C. J. F. Ridders, "Accurate computation of F'(x) and F'(x) F''(x)", Advances in
    Engineering Software 4 (1982). Here an error is the spread of five estimates, since
    two may be near each other by chance.
    """
    central: list[float] = []
    sides: list[tuple[float, float]] = []
    largest = abs(y)
    for k in range(_STEPS):
        right, left = x + h / _RATIO**k, x - h / _RATIO**k
        y_right, y_left = f(right), f(left)
        central.append((y_right - y_left) / (right - left))
        sides.append(((y - y_left) / (x - left), (y_right - y) / (right - x)))
        largest = max(largest, abs(y_right), abs(y_left))
    gaps = [abs(a - b) for a, b in sides]
    if not all(map(isfinite, central + gaps)):
        return _Seen()
    h_last = h / _RATIO ** (_STEPS - 1)
    rounding = 16 * ulp(largest) / h_last
    steep = [max(abs(a), abs(b)) for a, b in sides]
    wiggle = max(steep[-_AGREEING:])
    slope, error = _settled(central)
    error += rounding
    jumps = gaps[-1] > 2 * gaps[0] + 0.01 * max(steep)  # or all that happens is nearer to x
    if wiggle == 0 or (
        wiggle * h_last <= 1e-10 * largest and (jumps or error > _FLAT * max(steep))
    ):
        return _Seen(0.0, rounding + wiggle, _FLAT, still=wiggle == 0)
    kink = gaps[-1] > max(gaps[0] / 2, 0.01 * max(steep))
    doubt = inf if jumps else max(error / max(steep), _KINK if kink else 0.0)
    return _Seen(slope, error, doubt, kink)


def _settled(column: list[float]) -> tuple[float, float]:
    """What the columns of Ridders' tableau come to, and the least spread of five in a row."""
    slope, error, power = nan, inf, 1.0
    while len(column) >= _AGREEING:
        last = column[-_AGREEING:]
        if max(last) - min(last) < error:
            slope, error = last[-1], max(last) - min(last)
        power *= _RATIO**2
        column = [b + (b - a) / (power - 1) for a, b in pairwise(column)]
    return slope, error
