"""The slope of a function at a point, from its values alone: finite differences.

Steps go from far to near; what is far shows most digits, and what is near is right about
where the function bends.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from math import inf, isfinite, nan, ulp

# A ladder of steps: enough of them that five agree by chance once in thousands of times,
# and no power of two, for which the roundings of one step are those of the next.
_STEPS, _RATIO, _AGREEING = 10, 1.5, 5
# The error, next to the steepest slope of a ladder, with which its slope is clear.
_LIMIT = 1e-3
# So many floats are at least between x and the points beside it.
_FINEST = 2.0**8


@dataclass(frozen=True)
class Slope:
    """A slope, as one ladder of steps shows it.

    Attributes
    ----------
    slope : float
        nan where none is to be seen.
    error : float
        How far off it may be.
    step : float
        The least step of the ladder.
    noise : float
        How far off a value of the function may be.
    steep : float
        The steepest slope to either side that is more than noise.
    kink : bool
        Whether the slopes to the left and to the right are two numbers.
    clear : bool
        Whether the function moves by more than noise.
    other : Slope, optional
        Another one that it may have as well: the function goes in steps, as one does that
        rounds, and is flat between them.
    """

    slope: float = nan
    error: float = inf
    step: float = 0.0
    noise: float = 0.0
    steep: float = 0.0
    kink: bool = False
    clear: bool = False
    other: Slope | None = None

    @property
    def allowed(self) -> float:
        """How far from it a derivative may be that is the same."""
        return 10 * self.error + 1e-9 * abs(self.slope)

    def contradicts(self, other: Slope) -> bool:
        """Whether the two cannot be one slope."""
        return abs(self.slope - other.slope) > 3 * (self.error + other.error)


def slope(f: Callable[[float], float], x: float, noise: float | None = None) -> Slope:
    """df/dx at `x` from the ladder of steps that shows it best.

    A ladder counts only if nothing nearer to `x` contradicts it: far from a kink, the other
    side of it may look like the whole function.

    Parameters
    ----------
    noise : float, optional
        How far off f(x) may be, where it is known.
    """
    y, steep = f(x), 0.0
    clear: list[Slope] = []
    flat = Slope()
    if not (isfinite(x) and isfinite(y)):
        return flat
    for tops in _scales(x):
        for h in tops:
            seen = _extrapolated(f, x, y, h, noise)
            if h <= max(1.0, abs(x)) / 4:
                steep = max(steep, seen.steep)
            if not (isfinite(seen.error) and _holds(f, x, y, seen)):
                continue
            if not seen.clear:
                flat = min(flat, seen, key=lambda s: s.error)
                break  # smaller steps show still less
            if seen.error <= 1e-8 * max(abs(seen.slope), _LIMIT * seen.steep):
                return seen
            clear.append(seen)
    best = _nearest(clear) or flat
    if noise is None and best.clear and isfinite(flat.error) and flat.contradicts(best):
        best = replace(best, other=flat) if _jumps(f, x, y, flat, best) else flat
    return replace(best, steep=max(best.steep, steep))


def _nearest(clear: list[Slope]) -> Slope | None:
    """The most exact of those that agree with all that are nearer."""
    best: Slope | None = None
    for seen in sorted(clear, key=lambda s: s.step):
        if best and seen.contradicts(best):
            break
        if best is None or seen.error < best.error:
            best = seen
    return best


def _scales(x: float) -> Iterator[Iterator[float]]:
    """Where to look: near `x` as large as it is, then around 1, then far out."""

    def down(h: float, to: float) -> Iterator[float]:
        while h > to:
            yield h
            h /= 32

    finest = _FINEST * ulp(x)
    if x:
        yield down(abs(x) / 4, finest)
    if abs(x) < 1:
        yield down(1 / 4, max(finest, abs(x)))
    for factor in (8, 256):
        yield iter([factor * max(1.0, abs(x))])


def _extrapolated(
    f: Callable[[float], float], x: float, y: float, h: float, noise: float | None
) -> Slope:
    """The slope by Richardson's extrapolation from central differences.

    References
    ----------
    C. J. F. Ridders, "Accurate computation of F'(x) and F'(x) F''(x)", Advances in
    Engineering Software 4 (1982). Here an error is the spread of five estimates, since
    two may be near each other by chance.
    """
    steps = [h / _RATIO**k for k in range(_STEPS)]
    central: list[float] = []
    sides: list[tuple[float, float]] = []
    largest = abs(y)
    for step in steps:
        right, left = x + step, x - step
        y_right, y_left = f(right), f(left)
        central.append((y_right - y_left) / (right - left))
        sides.append(((y - y_left) / (x - left), (y_right - y) / (right - x)))
        largest = max(largest, abs(y_right), abs(y_left))
    gaps = [abs(a - b) for a, b in sides]
    if not all(map(isfinite, [x - h, x + h, *central, *gaps])):
        return Slope()
    near = _off(noise, y, y_left, y_right)
    steep = [max(abs(a), abs(b)) for a, b in sides]
    steep = [s if s * step > 4 * near else 0.0 for s, step in zip(steep, steps)]
    slope, spread = _settled(central)
    error = spread + _off(noise, largest) / step
    if noise is None:
        near = max(near, spread * step)
    jumps = gaps[-1] > 2 * gaps[0] + 0.01 * max(steep)  # or all that happens is nearer to x
    clear = error < _LIMIT * max(steep) and not jumps
    if not clear and any(steep[-_AGREEING:]):
        error = inf
    kink = clear and gaps[-1] > max(gaps[0] / 2, 0.01 * max(steep))
    return Slope(slope, error, step, near, max(steep), kink, clear)


def _off(noise: float | None, *values: float) -> float:
    """How far off values of the function are: by its noise, or as little as any is."""
    return max(16 * ulp(max(map(abs, values))), 2 * (noise or 0.0))


def _holds(f: Callable[[float], float], x: float, y: float, seen: Slope) -> bool:
    """Whether nearer to `x` the function still has that slope, as far as can be seen."""
    h, factor = seen.step, 32.0
    while (h := h / factor) >= _FINEST * ulp(x):
        right, left = x + h, x - h
        y_right, y_left = f(right), f(left)
        unsure = 8 * max(seen.noise, _off(None, y, y_left, y_right)) / h + 2 * seen.error
        if not abs((y_right - y_left) / (right - left) - seen.slope) <= unsure:
            return False
        if unsure > seen.steep:
            break
        if h < 1e-15 * seen.step:  # around 0 there is no end to how near one can go
            factor *= factor
    return True


def _jumps(f: Callable[[float], float], x: float, y: float, flat: Slope, seen: Slope) -> bool:
    """Whether the function leaves the flat place around `x` in a jump, and not in a kink."""
    still = _off(None, y)
    for side in (1.0, -1.0):
        low, high = flat.step, seen.step
        if abs(f(x + side * high) - y) <= still:
            continue
        while low < (middle := (low + high) / 2) < high:
            if abs(f(x + side * middle) - y) <= still:
                low = middle
            else:
                high = middle
        if abs(f(x + side * high) - y) > 4 * still + 8 * seen.steep * ulp(x):
            return True
    return False


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
