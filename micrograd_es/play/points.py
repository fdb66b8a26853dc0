"""The data sets of the page: 60 points in the plane, of class -1 or 1."""

from __future__ import annotations

import numpy as np

from micrograd_es.base.arrays import Array
from micrograd_es.data import moons

COUNT = 60
#: The plane that the page shows is -EDGE..EDGE, both ways.
EDGE = 2.0


def points(name: str, seed: int) -> tuple[Array, Array]:
    """X, shape (60, 2), and the classes, shape (60,): -1 in the first half, 1 in the second."""
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
    return np.round(np.clip(X, -EDGE, EDGE), 3), classes


def _around(radius: Array, angle: Array) -> Array:
    return np.column_stack([radius * np.cos(angle), radius * np.sin(angle)])
