"""A batch on NumPy: in parts that fit into memory, and again where numbers are not finite."""

from __future__ import annotations

import threading
from itertools import pairwise
from math import ceil, isfinite
from typing import Any

import numpy as np

from micrograd_es.base.arrays import Array
from micrograd_es.engine.ops import Operation
from micrograd_es.engine.watching import is_watching
from micrograd_es.tape.bound import Bound
from micrograd_es.tape.customs import Customs
from micrograd_es.tape.exact import Exact, Sample
from micrograd_es.tape.expressions import divides
from micrograd_es.tape.program import Elementwise, Program
from micrograd_es.tape.recording import BATCHED, STATIC, Recording

_NONE = np.array([], dtype=int)
_TURNED = 256  # samples that are turned into columns at a time


class Batches:
    """Runs a program on batches of any size, from any thread.

    Parameters
    ----------
    custom : callable
        For a custom operation its value and its partials on arrays.

    Attributes
    ----------
    memory_limit : int
        Bytes that a run may take for its numbers; larger batches run in parts.
    """

    def __init__(self, program: Program, recording: Recording, custom: Customs) -> None:
        self._program, self._recording, self._custom = program, recording, custom
        self.memory_limit = 2**28
        self._own = threading.local()  # of each thread
        # numbers and adjoints, and what a step computes on the way
        widest = max(map(len, program.steps), default=0)
        self._sample_bytes = 8 * (2 * program.sizes[BATCHED] + 8 * widest + 1)
        # the factors of all products, and gradients of what else all samples share
        read = sum(rows.size for step in program.steps for rows in step.operands)
        self._exact_bytes = 16 * (4 * program.sizes[BATCHED] + program.sizes[STATIC] + read + 1)
        self._input_runs = _runs(program.inputs)
        self._divided = [
            (step.store, step.rows)
            for step in program.steps
            if isinstance(step, Elementwise)
            and isinstance(step.rule, Operation)
            and divides(step.rule)
        ]

    def run(
        self, X: Array, theta: Array, cotangent: Array | None = None, everything: bool = False
    ) -> tuple[Array, Array, Array]:
        """Outputs (B, n); with a cotangent d parameters (P,), and with `everything` d inputs."""
        with np.errstate(all="ignore"):
            parts = [
                self._part(
                    X[p], theta, None if cotangent is None else cotangent[p], everything, p.start
                )
                for p in self._parts(len(X))
            ]
        if len(parts) == 1:
            return parts[0]
        if not parts:
            none = np.empty((0, len(self._recording.outputs)))
            return none, np.empty(X.shape), np.zeros(len(theta))
        outputs, d_inputs, gradients = zip(*parts)
        return np.concatenate(outputs), np.concatenate(d_inputs), sum(gradients)

    def _parts(self, batch: int) -> list[slice]:
        """The batch in parts that fit into the memory limit.

        Several are of one size, or one sample less, so that the arrays of both are kept.
        """
        room = self.memory_limit // self._sample_bytes
        number = 1 if batch <= room else ceil(batch / max(1, room // 2))
        ends = [batch * k // number for k in range(number + 1)]
        return [slice(a, b) for a, b in pairwise(ends) if b > a]

    def _part(
        self, X: Array, theta: Array, cotangent: Array | None, everything: bool, first: int
    ) -> tuple[Array, Array, Array]:
        """The same of a part of the batch, of which the first sample is number `first`.

        A sample that is not finite makes the sums over all samples nan. Where that is so, the
        sound ones are run once more without the odd ones, and those are done exactly.
        """
        bound = self._bound(len(X))
        outputs, by_run = self._forward(bound, X, theta, first)
        if cotangent is None:
            return outputs, _NONE, np.zeros(len(theta))
        odd = by_run
        # of two that share a gradient both have all of it where one of them is nan
        divided = [bound.numbers[store][rows] for store, rows in self._divided]
        if len(nan := _not_finite(divided, len(X), np.isnan)):
            odd = np.union1d(odd, nan)
        d_inputs, gradient = self._backward(bound, cotangent, odd, everything)
        while not (_is_finite(gradient) and _is_finite(d_inputs)) and len(odd) < len(X):
            gradients = bound.adjoints[BATCHED][bound.arrived[everything]]
            found = np.union1d(odd, _not_finite([bound.numbers[BATCHED], gradients], len(X)))
            # where it is none of them, it is in what all samples share
            odd = found if len(found) > len(odd) else np.arange(len(X))
            d_inputs, gradient = self._backward(bound, cotangent, odd, everything)
        if len(odd) > len(by_run):
            few = len(odd) * len(self._recording.nodes) < 32 * len(self._program.steps)
            if few or is_watching():  # which is to find the node
                by_run = odd
            odd = np.setdiff1d(odd, by_run)
            room = max(1, self.memory_limit // self._exact_bytes)
            for k in np.split(odd, range(room, len(odd), room)) if len(odd) else ():
                d, dg = self._exact.gradients(X[k], theta, cotangent[k], everything)
                gradient += dg
                if everything:
                    d_inputs[k] = d
        for k in by_run.tolist():
            seeds = [*zip(self._recording.outputs, cotangent[k].tolist())]
            d = self._sample(X, theta, k, first).adjoints(seeds, sum(self._recording.given))
            if everything:
                d_inputs[k] = d[: X.shape[1]]
            gradient += d[X.shape[1] :]
        return outputs, d_inputs, gradient

    def _forward(self, bound: Bound, X: Array, theta: Array, first: int) -> tuple[Array, Array]:
        """Outputs (B, n), and the samples that have been done node by node."""
        for start in range(0, len(X), _TURNED):  # some samples at a time, which stay in the cache
            some = slice(start, start + _TURNED)
            for rows, columns in self._input_runs:
                bound.numbers[BATCHED][rows, some] = X[some, columns].T
        bound.parameters[:] = theta
        outputs = bound.forward()
        watching = is_watching()
        odd = _not_finite(bound.numbers if watching else bound.sums, len(X))
        if len(odd) and not watching:
            odd = odd[self._exact.overflown(X[odd], theta)]
        for k in odd.tolist():
            sample = self._sample(X, theta, k, first)
            outputs[k] = [sample.values[i].data for i in self._recording.outputs]
        return outputs, odd

    def _backward(
        self, bound: Bound, cotangent: Array, odd: Array, everything: bool
    ) -> tuple[Array, Array]:
        """d inputs (B, inputs) if wanted and d parameters (P,), without the `odd` samples."""
        batch, (p, n) = len(cotangent), self._recording.given
        if len(odd):
            if len(odd) == batch:
                return np.zeros((batch, n)) if everything else _NONE, np.zeros(p)
            # nothing arrives at what stands in their place, and its partials are finite
            sound = min({*range(len(odd) + 1)} - {*odd.tolist()})
            bound.numbers[BATCHED][:, odd] = bound.numbers[BATCHED][:, [sound]]
            cotangent = cotangent.copy()
            cotangent[odd] = 0.0
        bound.backward(cotangent, everything)
        gradient = bound.gradient.copy()
        if not everything:
            return _NONE, gradient
        return bound.adjoints[BATCHED][self._program.inputs].T, gradient

    def _bound(self, batch: int) -> Bound:
        """The calls and arrays of this thread for a size of batch, made once."""
        known: dict[int, Bound] = self._own.__dict__.setdefault("bound", {})
        if batch not in known:
            # a whole batch and a shorter last one come in turns: keep both if they fit
            room = self.memory_limit // self._sample_bytes
            while known and (len(known) > 7 or sum(known) + batch > room):
                del known[next(iter(known))]
            known[batch] = Bound(self._program, self._custom, batch)
            constants = slice(self._recording.given[STATIC], self._program.leaves)
            known[batch].numbers[STATIC][constants, 0] = [*self._recording.constants.values()]
        return known[batch]

    @property
    def _exact(self) -> Exact:
        """This thread's own."""
        if not hasattr(self._own, "exact"):
            constants = np.array([*self._recording.constants.values()])
            self._own.exact = Exact(self._program, self._custom, constants)
        exact: Exact = self._own.exact
        return exact

    def _sample(self, X: Array, theta: Array, k: int, first: int) -> Sample:
        return Sample(self._recording, [*X[k].tolist(), *theta.tolist()], first + int(k))


def _runs(rows: list[int]) -> list[tuple[slice, slice]]:
    """Where columns of X go: rows that follow each other, and their columns."""
    cuts = [k for k in range(1, len(rows)) if rows[k] != rows[k - 1] + 1]
    return [
        (slice(rows[a], rows[a] + b - a), slice(a, b))
        for a, b in pairwise([0, *cuts, len(rows)])
        if b > a
    ]


def _is_finite(numbers: Array) -> bool:
    # a sum of squares is finite only if all of them are, and takes next to no time
    return isfinite(np.vdot(numbers, numbers)) or bool(np.isfinite(numbers).all())


def _is_not_finite(numbers: Array) -> Array:
    return ~np.isfinite(numbers)


def _not_finite(rows: list[Array], batch: int, is_odd: Any = _is_not_finite) -> Array:
    """The samples in which a number is nan or infinite, or nan alone; all, if all share it."""
    found = [numbers for numbers in rows if not _is_finite(numbers)]
    if not found:
        return _NONE
    odd = np.zeros(batch, bool)
    for numbers in found:
        odd |= is_odd(numbers).any(axis=0)
    return np.flatnonzero(odd)
