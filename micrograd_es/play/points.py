"""The points of the page, of class -1 or 1: the data sets of 60, and which are held out.

They come from Python's own generator, so that an address has the same points everywhere.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import cos, pi, sin
from random import Random

COUNT = 60
#: The plane that the page shows is -EDGE..EDGE, both ways.
EDGE = 2.0
#: The name of no data set: all points are the user's own.
OWN = "own"


def count(name: str) -> int:
    """How many points a data set has."""
    return 0 if name == OWN else COUNT


def points(name: str, seed: int, noise: float = 0.0) -> list[tuple[float, float, float]]:
    """x⁽¹⁾, x⁽²⁾ and the class of each of 60 points.

    Parameters
    ----------
    noise : float
        Standard deviation of what is added to each coordinate, beyond the noise of its own
        that a data set may have.
    """
    if name == OWN:
        return []
    noisy = Random(f"{seed} noise")

    def placed(x: float) -> float:
        if noise:
            x += noise * noisy.gauss(0.0, 1.0)
        return round(min(max(x, -EDGE), EDGE), 3)

    return [(placed(x), placed(y), c) for x, y, c in _drawn(name, Random(seed))]


def _drawn(name: str, random: Random) -> Iterator[tuple[float, float, float]]:
    half = COUNT // 2
    for i in range(COUNT):
        c = -1.0 if i < half else 1.0
        along = i % half / (half - 1)
        if name == "moons":
            x, y = _around(1.0, pi * along)
            if c > 0:
                x, y = 1 - x, 0.5 - y
            x, y = (1.1 * (z - z0 + random.gauss(0.0, 0.12)) for z, z0 in ((x, 0.5), (y, 0.25)))
        elif name == "circles":
            x, y = _around(1.4 if c < 0 else 0.5, random.uniform(0, 2 * pi))
            x, y = (z + random.gauss(0.0, 0.12) for z in (x, y))
        elif name == "xor":
            c = -c
            x, y = (random.uniform(0.15, 1.5) for _ in range(2))
            sign = 1 if i % 2 else -1
            x, y = x * sign * c, y * sign
        elif name == "spiral":
            turn = 0.1 + 0.9 * along
            x, y = _around(1.7 * turn, 1.5 * pi * turn + pi * (c > 0))
            x, y = (z + random.gauss(0.0, 0.04) for z in (x, y))
        elif name == "blobs":
            x, y = (0.8 * c + random.gauss(0.0, 0.4) for _ in range(2))
        else:
            raise ValueError(f"there is no data set {name!r}")
        yield x, y, c


def held_out(numbers: list[int], percent: int, seed: int) -> list[bool]:
    """Which of the points of these numbers are kept from training.

    Of each ten numbers that follow one another, one in ten for each 10 percent; so a point
    stays on its side whatever happens to others.
    """
    tens = 1 + max(numbers, default=0) // 10
    random = Random(f"{seed} test")
    ranks = [rank for _ in range(tens) for rank in random.sample(range(10), 10)]
    return [10 * ranks[n] < percent for n in numbers]


def _around(radius: float, angle: float) -> tuple[float, float]:
    return radius * cos(angle), radius * sin(angle)
