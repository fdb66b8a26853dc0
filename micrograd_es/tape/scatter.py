"""Calls of a replay that NumPy does not have: gradients added to rows that are no slice."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from micrograd_es.base.arrays import Array


def repeats(rows: Array) -> int:
    """How many times each row comes, if it is always the same and at once; else 0."""
    different = len(np.unique(rows))
    times = len(rows) // different
    first = rows[::times]
    same = len(first) == different and len(first) * times == len(rows)
    return times if same and (rows.reshape(-1, times) == first[:, None]).all() else 0


def _flat(d: Array) -> Array:
    return d if d.ndim == 2 else d.reshape(-1, d.shape[-1])


def put_rows(adjoints: Array, at: Any, d: Array) -> None:
    """Writes gradients where nothing has arrived yet."""
    adjoints[at] = _flat(d)


def add_rows(adjoints: Array, at: Any, d: Array) -> None:
    """Adds gradients to rows of which none comes twice."""
    adjoints[at] += _flat(d)


def add_some(adjoints: Array, at: Any, d: Array, chosen: Array) -> None:
    """Adds the chosen gradients, one to a row."""
    adjoints[at] += _flat(d)[chosen]


def add_runs(adjoints: Array, at: Array, d: Array, order: Array, starts: Array) -> None:
    """Adds gradients that, in that order, come in runs for one row each."""
    adjoints[at] += np.add.reduceat(_flat(d)[order], starts, axis=0)


def add_counts(adjoints: Array, at: Array, place: Array, d: Array) -> None:
    """Adds numbers alone: a count with weights is the fastest sum by index."""
    adjoints[at] += np.bincount(place, d.ravel())


def store(function: Callable[..., Array], operands: Sequence[Array], out: Array) -> None:
    """Keeps what a user's own function gives."""
    out[...] = function(*operands)


def store_product(
    function: Callable[..., Array], y: Array, operands: Sequence[Array], g: Array, out: Array
) -> None:
    """Keeps the gradient times what a user's own derivative gives."""
    np.multiply(g, function(y, *operands), out)
