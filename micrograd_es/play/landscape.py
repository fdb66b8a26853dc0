"""The landscape of the cost: its height over the plane in which a training moved most."""

from __future__ import annotations

from math import hypot, isfinite, isqrt
from operator import mul
from random import Random
from typing import Any

from micrograd_es.play.training import Training

SIDE = 25  # so many places each way
_WORK = 400_000  # where Python alone does it: places by points by parameters, about a second

Vector = list[float]


def landscape(run: Training, updates: int) -> dict[str, Any]:
    """The cost at so many places around the way to that update, and the way itself.

    The two directions are the principal ones of the way; before it has two, those of the
    gradient, and of a fixed random one, stand in. Places are said in -1..1.

    References
    ----------
    H. Li et al., Visualizing the Loss Landscape of Neural Nets, NeurIPS 2018, section 7.2.
    """
    theta, gradient = (numbers.tolist() for numbers in run.at(updates))
    path = [[a - b for a, b in zip(before, theta)] for before in run.path(updates)]
    u, v = _two_directions(path, gradient)
    way = [(_dot(moved, u), _dot(moved, v)) for moved in path]
    middle = [(min(along) + max(along)) / 2 for along in zip(*way)]
    furthest = max(abs(x - m) for place in way for x, m in zip(place, middle))
    radius = max(1.3 * furthest, 0.1 * hypot(*theta), 1e-3)
    side = SIDE
    if run.slow:
        side = min(13, max(5, isqrt(_WORK // (len(theta) * len(run.held_out)))))
    line = [2 * i / (side - 1) - 1 for i in range(side)]

    def height(x: float, y: float) -> float | None:
        x, y = middle[0] + radius * x, middle[1] + radius * y
        cost = run.cost([t + x * a + y * b for t, a, b in zip(theta, u, v)])
        return float(f"{cost:.4g}") if isfinite(cost) else None

    return {
        "side": side,
        "costs": [height(x, y) for y in line for x in line],
        "way": [[round((x - m) / radius, 4) for x, m in zip(place, middle)] for place in way],
        "radius": float(f"{radius:.4g}"),
    }


def _two_directions(path: list[Vector], gradient: Vector) -> list[Vector]:
    """Two of length 1, at right angles: those first along which there is most."""
    random = Random(0)
    chance = [[random.gauss(0.0, 1.0) for _ in gradient] for _ in range(2)]
    chosen: list[Vector] = []
    whole = max(hypot(*moved) for moved in path) or 1.0
    path = [[x / whole for x in moved] for moved in path]  # so that no square overflows
    while len(chosen) < 2:
        path = [_beside(moved, chosen) for moved in path]
        furthest = max(path, key=lambda moved: hypot(*moved))
        if hypot(*furthest) > 1e-9 * (1 + 1 / whole):
            direction = _principal(path, furthest)
        else:  # the first of the others that has a part of its own
            others = [_beside(_unit(other), chosen) for other in (gradient, *chance)]
            direction = next(other for other in others if hypot(*other) > 1e-6)
        # of the two signs the one in which its largest part is positive
        sign = 1.0 if max(direction, key=abs) > 0 else -1.0
        chosen.append([sign * x for x in _unit(_beside(direction, chosen))])
    return chosen


def _principal(path: list[Vector], direction: Vector) -> Vector:
    """The direction along which the squares of the path are largest, by power iteration."""
    columns = list(zip(*path))
    direction = _unit(direction)
    for _ in range(200):
        along = [_dot(moved, direction) for moved in path]
        before, direction = direction, _unit([_dot(column, along) for column in columns])
        if max(abs(a - b) for a, b in zip(before, direction)) < 1e-12:
            break
    return direction


def _beside(x: Vector, directions: list[Vector]) -> Vector:
    """What is left of x at right angles to these."""
    for direction in directions:
        along = _dot(x, direction)
        x = [a - along * b for a, b in zip(x, direction)]
    return x


def _unit(x: Vector) -> Vector:
    length = hypot(*x) or 1.0
    return [a / length for a in x]


def _dot(x: Any, y: Any) -> float:
    along: float = sum(map(mul, x, y))
    return along
