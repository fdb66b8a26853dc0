"""The program as calls that are ready to be made: NumPy functions with their arrays.

For one size of batch, all arrays are made once, and every call knows its operands and
where its result goes. A replay then is ``for call in calls: call()`` and allocates next
to nothing. Nothing is zeroed either: what arrives first at a row of the adjoints is
written there, and only what comes later is added.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from math import prod
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided

from micrograd_es.base.arrays import Array
from micrograd_es.engine.custom import CustomOperation
from micrograd_es.engine.ops import Operation
from micrograd_es.tape import scatter
from micrograd_es.tape.customs import Customs
from micrograd_es.tape.expressions import CallWriter
from micrograd_es.tape.program import Elementwise, Product, Program, SumStep
from micrograd_es.tape.recording import BATCHED, STATIC
from micrograd_es.tape.rows import Rows, as_slice
from micrograd_es.tape.scatter import repeats

Call = Callable[[], Any]

# Samples from which on a call for each row costs less than copies of the rows, gathered
# from where they lie and scattered back.
_APART = 256


class Bound:
    """A program on arrays of its own for one size of batch.

    Parameters
    ----------
    custom : callable
        For a custom operation its value and its partials on arrays.

    Attributes
    ----------
    numbers, adjoints : list of ndarray
        One row a node, of all samples together (n, 1) and of each (n, B).
    parameters, gradient : ndarray, shape (P,)
        The parameters among the numbers, and their adjoints.
    sums : list of ndarray
        The numbers that are sums of so many terms that their order matters.
    arrived : dict of bool to ndarray
        The rows (n, B) of adjoints that a backward pass writes.
    """

    def __init__(self, program: Program, custom: Customs, batch: int) -> None:
        self._program, self._custom = program, custom
        shapes = [(program.sizes[STATIC], 1), (program.sizes[BATCHED], batch)]
        self.numbers = [np.zeros(shape) for shape in shapes]
        self.adjoints = [np.zeros(shape) for shape in shapes]
        self.numbers[BATCHED][program.ones] = 1.0
        self._scratch: dict[Any, Array] = {}
        given = program.given[STATIC]
        self.parameters, self.gradient = (
            store[STATIC][:given, 0] for store in (self.numbers, self.adjoints)
        )
        self._outputs, self._seeds = (
            [rows[s][r] for s, r in program.outputs] for rows in (self.numbers, self.adjoints)
        )
        self._backward: dict[bool, list[Call]] = {}
        self.arrived: dict[bool, Array] = {}
        self.sums = [
            self.numbers[step.store][step.rows]
            for step in program.steps
            if isinstance(step, SumStep) and step.terms > 2
        ]
        self._forward: list[Call] = []
        self._steps = list(program.steps)
        if batch >= _APART:
            self._steps = [row for step in program.steps for row in _row_by_row(step)]
        for step in self._steps:
            _Calls(self, self._forward).forward(step)

    def forward(self) -> Array:
        """Fills `numbers`, of which the rows that are given are there; the outputs, (B, n)."""
        for call in self._forward:
            call()
        outputs = np.empty((self.numbers[BATCHED].shape[1], len(self._outputs)))
        for k, numbers in enumerate(self._outputs):
            outputs[:, k] = numbers
        return outputs

    def backward(self, seeds: Array, everything: bool) -> None:
        """Fills `adjoints` of what is given.

        Parameters
        ----------
        seeds : shape (B, n)
            What arrives at the outputs.
        everything : bool
            False where the parameters alone are asked for.
        """
        if everything not in self._backward:
            self._backward[everything] = self._backward_calls(everything)
        for place in self._seeds:  # an output may be listed twice
            place.fill(0.0)
        for place, seed in zip(self._seeds, seeds.T):
            place += seed if len(place) == len(seed) else seed.sum()
        for call in self._backward[everything]:
            call()

    def _backward_calls(self, everything: bool) -> list[Call]:
        calls: list[Call] = []
        written = [np.zeros(len(a), bool) for a in self.adjoints]
        for store, row in self._program.outputs:
            written[store][row] = True
        for step in reversed(self._steps):
            if everything or step.trained:
                _Calls(self, calls, written).backward(step, everything)
        self.arrived[everything] = written[BATCHED].copy()
        # what is given and has had nothing
        for array, there, given in zip(self.adjoints, written, self._program.given):
            missing = np.flatnonzero(~there[:given])
            if len(missing) and (everything or array is self.adjoints[STATIC]):
                calls.append(partial(array.__setitem__, as_slice(missing), 0.0))
        return calls

    def scratch(self, slot: int, shape: tuple[int, ...], dtype: Any) -> Array:
        """An array that is free again when the step is over."""
        key, size = (slot, dtype), prod(shape)
        if key not in self._scratch or self._scratch[key].size < size:
            self._scratch[key] = np.empty(size, dtype)
        return self._scratch[key][:size].reshape(shape)


class _Calls(CallWriter):
    """Writes the calls of one step."""

    def __init__(self, bound: Bound, calls: list[Call], written: list[Array] | None = None) -> None:
        super().__init__(calls, bound.scratch)
        self._bound, self._written = bound, written or []

    # -- operands and results -------------------------------------------------------

    def read(self, rows: Rows) -> Array:
        """The rows as an array of the shape of the indices, then the batch."""
        store = self._bound.numbers[rows.store]
        if rows.single:
            row: Array = store[rows.at]
            return row
        if rows.steps is not None:
            return rows.view(store)
        buffer = self.temporary((*rows.shape, store.shape[1]))
        flat = buffer.reshape(-1, store.shape[1])
        self.emit(np.take, store, rows.at, 0, flat, "clip")
        return buffer

    def target(self, rows: Rows) -> Array | None:
        """Where a gradient for the rows can be written, if nothing has been yet."""
        if rows.steps is None or not rows.unique or self._written[rows.store][rows.at].any():
            return None
        self._written[rows.store][rows.at] = True
        return rows.view(self._bound.adjoints[rows.store])

    def add(self, rows: Rows, d: Array) -> None:
        """Adds gradients, of the shape of the indices and then the batch, to the rows."""
        adjoints = self._bound.adjoints[rows.store]
        if rows.store == STATIC and d.shape[-1] != 1:
            reduced = self.temporary((*d.shape[:-1], 1))
            self.emit(np.add.reduce, d, -1, None, reduced, True)
            d = reduced
        if rows.single:
            reduced = self.temporary((1, d.shape[-1]))
            self.emit(np.add.reduce, d, 0, None, reduced, True)
            d = reduced
        written = self._written[rows.store]
        there = written[rows.at]
        if rows.unique and not there.any():
            written[rows.at] = True
            if rows.steps is not None:
                self.emit(np.copyto, rows.view(adjoints), d)
            else:
                self.emit(scatter.put_rows, adjoints, rows.at, d)
            return
        if not there.all():
            new = np.unique(np.arange(len(adjoints))[rows.at])
            new = new[~written[new]]
            written[new] = True
            self.emit(adjoints.__setitem__, as_slice(new), 0.0)
        if rows.single or (rows.unique and rows.steps is not None):
            place = adjoints[rows.at] if rows.single else rows.view(adjoints)
            self.emit(np.add, place, d, place)
        else:
            self._scatter(adjoints, rows, d)

    def _scatter(self, adjoints: Array, rows: Rows, d: Array) -> None:
        batch, at = adjoints.shape[1], np.asarray(rows.at)
        if rows.unique:
            self.emit(scatter.add_rows, adjoints, rows.at, d)
        elif (times := repeats(at)) and d.flags.c_contiguous:
            # a bias, written out for many samples
            sums = self.temporary((len(at) // times, batch))
            self.emit(np.add.reduce, d.reshape(-1, times, batch), 1, None, sums)
            self.emit(scatter.add_rows, adjoints, at[::times], sums)
        elif batch == 1:
            known, place = np.unique(at, return_inverse=True)
            self.emit(scatter.add_counts, adjoints[:, 0], known, place.ravel(), d)
        else:
            # rows that come several times: in rounds, in each of which they are different
            order = np.argsort(at, kind="stable")
            starts = np.flatnonzero(np.diff(at[order], prepend=-1))
            counts = np.diff(starts, append=len(at))
            if counts.max() <= 4:
                for k in range(counts.max()):
                    chosen = order[starts[counts > k] + k]
                    self.emit(scatter.add_some, adjoints, at[chosen], d, chosen)
            else:
                self.emit(scatter.add_runs, adjoints, at[order][starts], d, order, starts)

    # -- steps ------------------------------------------------------------------------

    def forward(self, step: Any) -> None:
        out = self._bound.numbers[step.store][step.rows]
        if isinstance(step, SumStep):
            self._sum(step, out)
            return
        operands = [self.read(rows) for rows in step.operands]
        if isinstance(step.rule, CustomOperation):
            function, _ = self._bound._custom(step.rule)
            self.emit(scatter.store, function, operands, out)
        else:
            self.put(self.value_of(step.rule, operands, out), out)

    def backward(self, step: Any, everything: bool) -> None:
        g = self._bound.adjoints[step.store][step.rows]
        there = self._written[step.store][step.rows]
        if not there.any():
            return  # nothing arrives here, and so nothing is handed on
        if not there.all():
            new = np.flatnonzero(~there) + step.rows.start
            self._written[step.store][new] = True
            self.emit(self._bound.adjoints[step.store].__setitem__, new, 0.0)
        if isinstance(step, SumStep):
            self._sum_backward(step, g, everything)
        else:
            self._elementwise_backward(step, g, everything)

    def _elementwise_backward(self, step: Elementwise, g: Array, everything: bool) -> None:
        operands = [self.read(rows) for rows in step.operands]
        y = self._bound.numbers[step.store][step.rows]
        rule = step.rule
        for k, (rows, want) in enumerate(zip(step.operands, step.wants(everything))):
            if not want:
                continue
            out = None
            if rows.store == step.store and not rows.single:
                out = self.target(rows)
            if isinstance(rule, Operation):
                d = self.pulled_back(rule, k, y, operands, g, out)
            else:
                d = self.temporary(g.shape) if out is None else out
                partial_ = self._bound._custom(rule)[1](k)
                self.emit(scatter.store_product, partial_, y, operands, g, d)
            if out is None:
                self.add(rows, d)
            else:
                self.put(d, out)

    def _sum(self, step: SumStep, out: Array) -> None:
        first = True
        for product in step.products:
            if product.matrix:
                left, right = self._matrices(product)
                place = out if first else self.temporary(out.shape)
                self.emit(np.matmul, left, right, place.reshape(len(left), -1))
                part = place
            else:
                a, b = self.read(product.left), self.read(product.right)
                part = self._products(a, b, out if first else None, out.shape)
            first = self._added(part, out, first)
        for rows, _ in step.plain:
            terms = self.read(rows)
            if len(terms) == 1:
                part = terms[0]
            elif len(terms) == 2:
                part = out if first else self.temporary(out.shape)
                self.emit(np.add, *terms, part)
            else:
                part = self.temporary(terms.shape[1:])
                self.emit(np.add.reduce, terms, 0, None, part)
            first = self._added(part, out, first)

    def _added(self, part: Array, out: Array, first: bool) -> bool:
        if first:
            self.put(part, out)
        else:
            self.emit(np.add, out, part, out)
        return False

    def _products(self, a: Array, b: Array, out: Array | None, shape: tuple[int, ...]) -> Array:
        """Σ a·b over the first axis."""
        out = self.temporary(shape) if out is None else out
        if len(a) == 1:
            self.emit(np.multiply, a[0], b[0], out)
            return out
        terms = self.temporary((len(a), *shape))
        self.emit(np.multiply, a, b, terms)
        self.emit(np.add.reduce, terms, 0, None, out)
        return out

    def _matrices(self, product: Product) -> tuple[Array, Array]:
        """The factors of a matrix product, (M, k) and (k, S·B)."""
        right = self.read(product.right)
        if right.shape[-1] == 1:
            right = right[..., 0]
        elif right.shape[1] == 1:
            right = right[:, 0]
        elif right.strides[1] == right.shape[2] * right.strides[2]:  # samples follow each other
            size = right.shape[1] * right.shape[2]
            right = as_strided(right, (len(right), size), right.strides[::2])
        else:
            copy = self.temporary(right.shape)
            self.emit(np.copyto, copy, right)
            right = copy.reshape(len(copy), -1)
        return self.read(product.left)[..., 0], right

    def _sum_backward(self, step: SumStep, g: Array, everything: bool) -> None:
        for product in step.products:
            to_left, to_right = product.wants(everything)
            if product.matrix:
                left, right = self._matrices(product)
                flat = g.reshape(len(left), -1)
                if to_left:
                    self._to_left(product.left, flat, right)
                if to_right:
                    self._to_right(product.right, left, flat, g.shape[-1])
                continue
            upstream = g
            if to_left and to_right and product.left == product.right:  # squares
                upstream, to_right = self.temporary(g.shape), False
                self.emit(np.multiply, g, 2.0, upstream)
            a, b = self.read(product.left), self.read(product.right)
            for rows, other, want in ((product.left, b, to_left), (product.right, a, to_right)):
                if want:
                    out = self.target(rows) if rows.store == step.store else None
                    place = self.temporary((*rows.shape, g.shape[-1])) if out is None else out
                    self.emit(np.multiply, upstream[None], other, place)
                    if out is None:
                        self.add(rows, place)
        for rows in step.wanting(everything):
            # the terms of one sum go each its way, unless they are alike
            alike = rows.unique and not self._written[rows.store][rows.at].any()
            alone = [rows] if len(step) > 1 or alike else rows.terms()
            for term in alone:
                self._to_terms(term, g)

    def _to_left(self, rows: Rows, g: Array, right: Array) -> None:
        """G · Xᵀ, which sums over the samples as well."""
        out = self.target(rows)
        place = self.temporary(rows.shape) if out is None else out[..., 0]
        self.emit(_product(g), g, right.T, place)
        if out is None:
            self.add(rows, place[..., None])

    def _to_right(self, rows: Rows, left: Array, g: Array, batch: int) -> None:
        """Wᵀ · G."""
        shape = (*rows.shape, batch)
        out = self.target(rows)
        place = self.temporary(shape) if out is None or not out.flags.c_contiguous else out
        self.emit(_product(left.T), left.T, g, place.reshape(len(left.T), -1))
        if out is None:
            self.add(rows, place)
        elif place is not out:
            self.emit(np.copyto, out, place)

    def _to_terms(self, rows: Rows, g: Array) -> None:
        """The gradient itself, to each term of a sum."""
        if rows.store == STATIC and g.shape[-1] != 1:
            reduced = self.temporary((len(g), 1))
            self.emit(np.add.reduce, g, -1, None, reduced, True)
            g = reduced
        self.add(rows, np.broadcast_to(g, (rows.shape[0], *g.shape)))


def _product(left: Array) -> Any:
    """What multiplies matrices: of one column and one row, each with each."""
    return np.multiply if left.shape[1] == 1 else np.matmul  # which is slow at that


def _row_by_row(step: Any) -> list[Any]:
    """The step as steps of one row, where its operands would have to be gathered."""
    together = isinstance(step, SumStep) and any(p.matrix for p in step.products)
    if together or len(step) == 1 or all(rows.steps is not None for rows in step.operands):
        return [step]
    return [step.of(place) for place in range(len(step))]
