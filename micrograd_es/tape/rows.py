"""Rows of a store: how a step reads its operands, and how gradients come back to them.

A store is an array with one row a node. A step's operands are rows of it, and where
they lie one after the other they are a slice, which costs nothing to read.
"""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided

from micrograd_es.base.arrays import Array


class Rows:
    """Rows of a store as an array of indices of any shape.

    Parameters
    ----------
    store : int
        STATIC or BATCHED.
    indices : array of int
        The row for each place.

    Attributes
    ----------
    at : slice or array of int
        The rows, one after the other.
    single : bool
        It is one row for all places.
    unique : bool
        No row comes twice.
    first, steps : int, tuple of int or None
        The first row and the distance to the next along each axis; None where that is
        not always the same.
    """

    def __init__(self, store: int, indices: Any) -> None:
        indices = np.asarray(indices, dtype=np.intp)
        self.store = store
        self.shape = indices.shape
        self.at: Any
        self.steps: tuple[int, ...] | None
        flat = indices.ravel()
        self.first = first = int(flat[0])
        if flat.size == 1:
            self.at, self.single, self.unique = slice(first, first + 1), False, True
            self.steps = (0,) * indices.ndim
            return
        # one row for all places of an operation: it is broadcast
        self.single = indices.ndim == 1 and flat.size > 1 and bool((flat == first).all())
        if self.single:
            self.at = slice(first, first + 1)
        elif bool((np.diff(flat) == 1).all()):
            self.at = slice(first, first + flat.size)
        else:
            self.at = flat
        self.steps = _steps(indices)
        self.unique = isinstance(self.at, slice) and not self.single
        if not isinstance(self.at, slice):
            self.unique = len(set(flat.tolist())) == flat.size

    def of(self, place: int) -> Rows:
        """The rows of one place of an operation: the last axis of the indices, cut to one."""
        if self.steps is None:
            indices = self.at.reshape(self.shape)
        else:
            indices = self.first + sum(np.ix_(*map(np.multiply, self.steps, _counts(self.shape))))
        return Rows(self.store, indices[..., place : place + 1])

    @property
    def size(self) -> int:
        """How many there are."""
        return prod(self.shape)

    def flat(self) -> Array:
        """The row for each place, one after the other."""
        if self.single:
            return np.full(self.size, self.first)
        return np.arange(self.at.start, self.at.stop) if isinstance(self.at, slice) else self.at

    def terms(self) -> list[Rows]:
        """The rows one by one."""
        return [Rows(self.store, [[row]]) for row in self.flat().tolist()]

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Rows)
            and self.store == other.store
            and np.array_equal(np.r_[self.at], np.r_[other.at])
        )

    def view(self, store: Array) -> Array:
        """Rows at equal distances, in the shape of the indices, then the batch; no copy."""
        if len(self.shape) == 1 and isinstance(self.at, slice):
            return store[self.at]
        assert self.steps is not None
        row, number = store.strides
        strides = (*[step * row for step in self.steps], number)
        return as_strided(store[self.first :], (*self.shape, store.shape[1]), strides)


def together(rows: Array) -> bool:
    """Whether rows follow each other."""
    return len(rows) == 1 or bool((rows[1:] - rows[:-1] == 1).all())


def as_slice(rows: Array) -> Any:
    """The rows as a slice where they follow each other."""
    return slice(int(rows[0]), int(rows[-1]) + 1) if together(rows) else rows


def _counts(shape: tuple[int, ...]) -> list[Array]:
    return [np.arange(size) for size in shape]


def _steps(indices: Any) -> tuple[int, ...] | None:
    """The distance from one index to the next along each axis, where it is always the same."""
    first, steps = indices.flat[0], []
    expected = np.full(indices.shape, first)
    for axis, size in enumerate(indices.shape):
        step = 0
        if size > 1:
            step = int(np.take(indices, 1, axis=axis).flat[0] - first)
        steps.append(step)
        along = [1] * indices.ndim
        along[axis] = size
        expected = expected + step * np.arange(size).reshape(along)
    return tuple(steps) if (expected == indices).all() else None
