"""Data to train on: points in the plane from a seed, real handwritten digits, and names."""

from __future__ import annotations

import gzip
from math import pi
from pathlib import Path
from typing import Any

from micrograd_es.base.arrays import Array, needing
from micrograd_es.base.scalars import as_count, as_setting

_HERE = Path(__file__).resolve().parent
#: Installed, the demos travel inside the package; in the repository they stand beside it.
DEMOS = _HERE / "demos" if (_HERE / "demos").is_dir() else _HERE.parent / "demos"


def moons(n: int = 100, noise: float = 0.1, seed: int = 0) -> tuple[Array, Array]:
    """Two half circles that hold each other: X, shape (n, 2), and labels -1 or 1, shape (n,).

    Parameters
    ----------
    noise : float
        The standard deviation of what is added to each coordinate, as in all of these.

    Examples
    --------
    >>> X, y = moons(4, noise=0)
    >>> X.round(2).tolist(), y.tolist()
    ([[1.0, 0.0], [-1.0, 0.0], [0.0, 0.5], [2.0, 0.5]], [-1.0, -1.0, 1.0, 1.0])
    """
    np = _numpy("moons")
    first, second = _halves(n)
    upper, lower = np.linspace(0, pi, first), np.linspace(0, pi, second)
    X = np.vstack(
        [
            np.column_stack([np.cos(upper), np.sin(upper)]),
            np.column_stack([1 - np.cos(lower), 0.5 - np.sin(lower)]),
        ]
    )
    return _noisy(X, noise, seed), np.repeat([-1.0, 1.0], [first, second])


def circles(n: int = 100, noise: float = 0.1, seed: int = 0) -> tuple[Array, Array]:
    """A circle around another: X, shape (n, 2), and labels -1 (outside) or 1, shape (n,)."""
    np = _numpy("circles")
    halves = _halves(n)
    turns = np.concatenate([np.arange(half) / max(half, 1) for half in halves])
    X = np.repeat([1.0, 0.5], halves)[:, None] * _directions(turns)
    return _noisy(X, noise, seed), np.repeat([-1.0, 1.0], halves)


def spirals(n: int = 100, noise: float = 0.02, seed: int = 0) -> tuple[Array, Array]:
    """Two arms that wind about each other: X, shape (n, 2), and labels -1 or 1, shape (n,)."""
    np = _numpy("spirals")
    halves = _halves(n)
    radius = np.concatenate([np.linspace(0.1, 1, half) for half in halves])
    turns = radius * 0.75 + np.repeat([0.0, 0.5], halves)
    X = radius[:, None] * _directions(turns)
    return _noisy(X, noise, seed), np.repeat([-1.0, 1.0], halves)


def xor(n: int = 100, noise: float = 0.1, seed: int = 0) -> tuple[Array, Array]:
    """Points about four corners: X, shape (n, 2), and labels, shape (n,).

    A label is 1 about (0, 1) and (1, 0), and -1 about (0, 0) and (1, 1).

    Examples
    --------
    >>> X, y = xor(4, noise=0)
    >>> X.tolist(), y.tolist()
    ([[0.0, 0.0], [1.0, 1.0], [0.0, 1.0], [1.0, 0.0]], [-1.0, -1.0, 1.0, 1.0])
    """
    np = _numpy("xor")
    halves = _halves(n)
    first = np.concatenate([np.arange(half) % 2 for half in halves])
    differ = np.repeat([0, 1], halves)
    X = np.column_stack([first, (first + differ) % 2]).astype(float)
    return _noisy(X, noise, seed), 2.0 * differ - 1


def digits() -> tuple[Array, Array]:
    """1,797 handwritten digits: X, shape (1797, 64), pixels in 0..1, and the classes 0..9.

    References
    ----------
    E. Alpaydin and C. Kaynak, Optical Recognition of Handwritten Digits, UCI Machine
    Learning Repository, 1998 (CC BY 4.0).
    """
    np = _numpy("digits")
    with gzip.open(DEMOS / "data" / "digits.csv.gz", "rt") as file:
        table = np.loadtxt(file, delimiter=",")
    return table[:, :-1] / 16, table[:, -1].astype(int)


def names() -> list[str]:
    """1,655 Spanish first names, in lower case, from the lists of the package Faker (MIT)."""
    return (DEMOS / "data" / "nombres.txt").read_text("utf-8").split()


def _numpy(name: str) -> Any:
    with needing(name):
        import numpy
    return numpy


def _halves(n: int) -> tuple[int, int]:
    n = as_count(n, "n", 0)
    return n // 2, n - n // 2


def _directions(turns: Array) -> Array:
    """Points on the circle of radius 1, shape (n, 2), counterclockwise from (1, 0)."""
    import numpy as np

    return np.column_stack([np.cos(2 * pi * turns), np.sin(2 * pi * turns)])


def _noisy(X: Array, noise: float, seed: int) -> Array:
    import numpy as np

    random = np.random.default_rng(as_count(seed, "seed", 0))
    return X + as_setting(noise, "noise") * random.standard_normal(X.shape)
