"""Data for the demos: two-dimensional toys from a seed, and real handwritten digits."""

from __future__ import annotations

import gzip
from pathlib import Path

from micrograd_es.base.arrays import Array, needing

_HERE = Path(__file__).resolve().parent
#: Installed, the demos travel inside the package; in the repository they stand beside it.
DEMOS = _HERE / "demos" if (_HERE / "demos").is_dir() else _HERE.parent / "demos"


def moons(n: int = 100, noise: float = 0.1, seed: int = 0) -> tuple[Array, Array]:
    """Two half circles that hold each other: X, shape (n, 2), and labels -1 or 1, shape (n,)."""
    with needing("moons"):
        import numpy as np

    random = np.random.default_rng(seed)
    upper = np.linspace(0, np.pi, n // 2)
    lower = np.linspace(0, np.pi, n - n // 2)
    X = np.vstack(
        [
            np.column_stack([np.cos(upper), np.sin(upper)]),
            np.column_stack([1 - np.cos(lower), 0.5 - np.sin(lower)]),
        ]
    )
    y = np.repeat([-1.0, 1.0], [len(upper), len(lower)])
    return X + noise * random.standard_normal(X.shape), y


def digits() -> tuple[Array, Array]:
    """1,797 handwritten digits: X, shape (1797, 64), pixels in 0..1, and the classes 0..9.

    References
    ----------
    E. Alpaydin and C. Kaynak, Optical Recognition of Handwritten Digits, UCI Machine
    Learning Repository, 1998 (CC BY 4.0).
    """
    with needing("digits"):
        import numpy as np

    with gzip.open(DEMOS / "data" / "digits.csv.gz", "rt") as file:
        table = np.loadtxt(file, delimiter=",")
    return table[:, :-1] / 16, table[:, -1].astype(int)


def names() -> list[str]:
    """1,655 Spanish first names, in lower case, from the lists of the package Faker (MIT)."""
    return (DEMOS / "data" / "nombres.txt").read_text("utf-8").split()
