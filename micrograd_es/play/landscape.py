"""The landscape of the cost: its height over the plane in which a training moved most."""

from __future__ import annotations

from typing import Any

import numpy as np

from micrograd_es.play.points import Array
from micrograd_es.play.training import Training

SIDE = 25  # so many places each way


def landscape(run: Training, updates: int) -> dict[str, Any]:
    """The cost at SIDE × SIDE places around the way to that update, and the way itself.

    The two directions are the principal ones of the way; before it has two, those of the
    gradient, and of a fixed random one, stand in. Places are said in -1..1.

    References
    ----------
    H. Li et al., Visualizing the Loss Landscape of Neural Nets, NeurIPS 2018, section 7.2.
    """
    path = run.path(updates)
    theta, gradient = run.at(updates)
    directions = _two_directions(path - theta, gradient)
    way = (path - theta) @ directions.T
    middle = (way.min(axis=0) + way.max(axis=0)) / 2
    radius = max(1.3 * np.abs(way - middle).max(), 0.1 * float(np.linalg.norm(theta)), 1e-3)
    line = np.linspace(-1, 1, SIDE)
    costs = [
        run.cost(theta + (middle + radius * np.array([x, y])) @ directions)
        for y in line
        for x in line
    ]
    return {
        "side": SIDE,
        "costs": [float(f"{c:.4g}") if np.isfinite(c) else None for c in costs],
        "way": np.round((way - middle) / radius, 4).tolist(),
        "radius": float(f"{radius:.4g}"),
    }


def _two_directions(path: Array, gradient: Array) -> Array:
    """Two of length 1, at right angles, as rows: those first along which there is most."""
    _u, sizes, rows = np.linalg.svd(path, full_matrices=False)
    found = [row for size, row in zip(sizes, rows) if size > 1e-9 * (1 + sizes[0])]
    random = np.random.default_rng(0).standard_normal((2, path.shape[1]))
    chosen: list[Array] = []
    for candidate in [*found, gradient, *random]:
        rest = candidate / (np.linalg.norm(candidate) or 1.0)
        for before in chosen:
            rest = rest - (rest @ before) * before
        size = np.linalg.norm(rest)
        if size > 1e-6 and len(chosen) < 2:
            # of the two signs the one in which its largest part is positive
            rest = rest / size
            chosen.append(rest * np.sign(rest[np.argmax(np.abs(rest))]))
    return np.array(chosen)
