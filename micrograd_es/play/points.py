"""The points of the page, of class -1 or 1: the data sets of 60, and which are held out."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np

from micrograd_es.data import moons

Array: TypeAlias = "np.ndarray[Any, Any]"

COUNT = 60
#: The plane that the page shows is -EDGE..EDGE, both ways.
EDGE = 2.0
#: The name of no data set: all points are the user's own.
OWN = "own"


def count(name: str) -> int:
    """How many points a data set has."""
    return 0 if name == OWN else COUNT


def points(name: str, seed: int, noise: float = 0.0) -> tuple[Array, Array]:
    """X, shape (60, 2), and the classes, shape (60,): -1 in the first half, 1 in the second.

    Parameters
    ----------
    noise : float
        Standard deviation of what is added to each coordinate, beyond the noise of its own
        that a data set may have.
    """
    if name == OWN:
        return np.empty((0, 2)), np.empty(0)
    random = np.random.default_rng(seed)
    half = COUNT // 2
    classes = np.repeat([-1.0, 1.0], half)
    if name == "moons":
        X, classes = moons(COUNT, noise=0.12, seed=seed)
        X = 1.1 * (X - [0.5, 0.25])
    elif name == "circles":
        X = _around(np.repeat([1.4, 0.5], half), random.uniform(0, 2 * np.pi, COUNT))
        X += 0.12 * random.standard_normal(X.shape)
    elif name == "xor":
        X = random.uniform(0.15, 1.5, (COUNT, 2))
        X[half:, 0] *= -1
        X[::2] *= -1
        classes = -classes
    elif name == "spiral":
        turn = np.tile(np.linspace(0.1, 1, half), 2)
        X = _around(1.7 * turn, 1.5 * np.pi * turn + np.pi * (classes > 0))
        X += 0.04 * random.standard_normal(X.shape)
    elif name == "blobs":
        X = 0.8 * classes[:, None] + 0.4 * random.standard_normal((COUNT, 2))
    else:
        raise ValueError(f"there is no data set {name!r}")
    if noise:
        X = X + noise * np.random.default_rng([seed, 1]).standard_normal(X.shape)
    return np.round(np.clip(X, -EDGE, EDGE), 3), classes


def held_out(numbers: list[int], percent: int, seed: int) -> Array:
    """Which of the points of these numbers are kept from training, shape (n,), as booleans.

    Of each ten numbers that follow one another, one in ten for each 10 percent; so a point
    stays on its side whatever happens to others.
    """
    tens = 1 + max(numbers, default=0) // 10
    random = np.random.default_rng([seed, 2])
    ranks = np.concatenate([random.permutation(10) for _ in range(tens)])
    chosen: Array = 10 * ranks[numbers] < percent
    return chosen


def _around(radius: Array, angle: Array) -> Array:
    return np.column_stack([radius * np.cos(angle), radius * np.sin(angle)])
