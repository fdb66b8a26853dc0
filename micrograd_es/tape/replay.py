"""The program run on the arrays of any library, the numbers of each step in their own.

This is the replay of JAX and PyTorch, and NumPy's of samples whose numbers are not finite
(`exact`); NumPy's other one is in `bound`. Nothing is written into an array that is there.
"""

from __future__ import annotations

from math import prod
from typing import Any, NamedTuple

import numpy as np

from micrograd_es.tape.customs import Array
from micrograd_es.tape.library import Library
from micrograd_es.tape.program import Elementwise, Product, Program, SumStep
from micrograd_es.tape.recording import BATCHED, STATIC
from micrograd_es.tape.rows import Rows, as_slice

Arrays = list[Any]

# The arrays: parameters and constants; inputs; 1; and from there on one of each step.
LEAVES, INPUTS, ONE, FIRST = range(4)


class Interpreter:
    """Runs a program on the arrays of one library."""

    def __init__(self, program: Program, library: Library) -> None:
        self.steps, self.library, self.xp = program.steps, library, library.xp
        homes = [np.zeros((size, 2), int) for size in program.sizes]  # an array and a row in it
        for k in range(program.leaves):
            homes[STATIC][k] = LEAVES, k
        for k, row in enumerate(program.inputs):
            homes[BATCHED][row] = INPUTS, k
        homes[BATCHED][program.ones] = ONE, 0
        for k, step in enumerate(self.steps, FIRST):
            homes[step.store][step.rows] = [(k, row) for row in range(len(step))]
        self._homes = homes
        self._sizes = [program.leaves, len(program.inputs), 1, *map(len, self.steps)]
        self._places: dict[int, _Places] = {}
        self.outputs = [Rows(store, [row]) for store, row in program.outputs]

    def evaluate(self, leaves: Array, inputs: Array, weights: Array) -> tuple[Array, Array]:
        """The values (B,) of one output, and the gradient of their weighted sum to the leaves."""
        numbers = self.forward(leaves, inputs)
        adjoints = self.seeded(weights[None])
        self.backward(numbers, adjoints, everything=False)
        values = self.read(self.outputs[0], numbers)[0]
        gradient = adjoints[LEAVES]
        return (
            self.xp.broadcast_to(values, weights.shape),
            self.xp.zeros_like(leaves) if gradient is None else gradient,
        )

    def forward(self, leaves: Array, inputs: Array) -> Arrays:
        """All numbers: parameters and constants, (n, 1), inputs, (n, B), 1, and each step's."""
        one = self.xp.broadcast_to(self.library.floats(1.0, inputs), (1, inputs.shape[1]))
        numbers = [leaves, inputs, one]
        seen = [*numbers]
        for step in self.steps:
            if isinstance(step, Elementwise):
                operands = [self.read(rows, seen) for rows in step.operands]
                y = self.applied(step, operands)
            else:
                y = self.sum(step, numbers)
            y = self.xp.broadcast_to(y, (len(step), y.shape[-1]))
            numbers.append(y)
            seen.append(self.seen(step, y, seen))
        return numbers

    def applied(self, step: Elementwise, operands: Arrays) -> Array:
        """An operation on its operands."""
        return self.library.floats(self.library.value(step.rule)(*operands), operands[0])

    def seen(self, step: Elementwise | SumStep, y: Array, seen: Arrays) -> Array:
        """What a step has computed as operations are to see it, who have seen what was before."""
        return y

    def sum(self, step: SumStep, numbers: Arrays) -> Array:
        """The sums of a step."""
        total = None
        for product in step.products:
            left, right = self.read(product.left, numbers), self.read(product.right, numbers)
            if product.matrix:
                k = right.shape[0]
                part = self.library.dot(left.reshape(-1, k), right.reshape(k, -1))  # W · X
                part = part.reshape(len(step), -1)
            else:
                part = self._total(self.library.times(left, right))
            total = part if total is None else total + part
        for rows, _ in step.plain:
            part = self._total(self.read(rows, numbers))
            total = part if total is None else total + part
        return total

    def _total(self, terms: Array) -> Array:
        return terms[0] if terms.shape[0] == 1 else self.xp.sum(terms, axis=0)

    def seeded(self, seeds: Array) -> Arrays:
        """The adjoints before a backward pass: what arrives at each output, (outputs, B)."""
        adjoints = [None] * len(self._sizes)
        for rows, seed in zip(self.outputs, seeds):
            self.add(rows, seed[None], adjoints)
        return adjoints

    def backward(self, numbers: Arrays, adjoints: Arrays, everything: bool) -> None:
        """Carries the adjoints from the outputs, where they are, to what is given.

        `everything` is False where only the parameters' gradients are asked for: then
        nothing is carried to where no parameter is. An adjoint that is None is 0.
        """
        for k in range(len(self.steps) - 1, -1, -1):
            step, g = self.steps[k], adjoints[FIRST + k]
            if g is None or not (everything or step.trained):
                continue
            if isinstance(step, Elementwise):
                self._elementwise(step, numbers, adjoints, g, numbers[FIRST + k], everything)
            else:
                self._sum_backward(step, numbers, adjoints, g, everything)

    def _elementwise(
        self, step: Elementwise, numbers: Arrays, adjoints: Arrays, g: Array, y: Array, all_: bool
    ) -> None:
        operands = [self.read(rows, numbers) for rows in step.operands]
        for i, (rows, want) in enumerate(zip(step.operands, step.wants(all_))):
            if want:
                local = self.library.floats(self.library.partial(step.rule, i)(y, *operands), y)
                self.add(rows, self.library.hand_on(step.rule, g, local, not step.always), adjoints)

    def _sum_backward(
        self, step: SumStep, numbers: Arrays, adjoints: Arrays, g: Array, all_: bool
    ) -> None:
        for product in step.products:
            to_left, to_right = product.wants(all_)
            if to_left:
                d = self.to_left(step, product, self.read(product.right, numbers), g)
                self.add(product.left, d, adjoints)
            if to_right:
                d = self.to_right(step, product, self.read(product.left, numbers), g)
                self.add(product.right, d, adjoints)
        for rows in step.wanting(all_):
            d = self.gathered(rows, g)
            self.add(rows, self.xp.broadcast_to(d, (rows.shape[0], *d.shape)), adjoints)

    def to_left(self, step: SumStep, product: Product, factor: Array, g: Array) -> Array:
        """What a product hands on to its left factors: the gradient times the right ones."""
        keeps = (not step.always, False)
        if not product.matrix:
            return self.library.times(g[None], factor, keeps)
        m, k = product.left.shape  # G · Xᵀ, which sums over the samples as well
        return self.library.dot(g.reshape(m, -1), factor.reshape(k, -1).T, keeps)[..., None]

    def to_right(self, step: SumStep, product: Product, factor: Array, g: Array) -> Array:
        """What it hands on to its right factors."""
        if not product.matrix:
            return self.library.times(g[None], factor, (not step.always, False))
        m, k = product.left.shape  # Wᵀ · G
        turned = self.library.turned(factor.reshape(m, k))
        d = self.library.dot(turned, g.reshape(m, -1), (False, not step.always))
        return d.reshape(*product.right.shape, g.shape[-1])

    # -- rows -------------------------------------------------------------------------

    def _place(self, rows: Rows) -> _Places:
        if id(rows) not in self._places:  # the program keeps them, and so their id
            self._places[id(rows)] = _Places(rows, self._homes[rows.store])
        return self._places[id(rows)]

    def read(self, rows: Rows, numbers: Arrays) -> Array:
        """The rows, in the shape of the indices, then the batch."""
        places = self._place(rows)
        parts = [self._found(numbers[array], at) for array, at, _ in places.parts]
        read = parts[0] if len(parts) == 1 else self.xp.concatenate(parts, axis=0)
        if places.order is not None:
            read = read[places.order]
        return read if len(rows.shape) == 1 else read.reshape(*rows.shape, read.shape[-1])

    def _found(self, array: Array, at: Any) -> Array:
        if not isinstance(at, _Repeated):
            return _cut(array, at)
        found = _cut(array, at.at)
        n, batch = found.shape
        found = self.xp.broadcast_to(found[None, :, None], (at.times, n, at.each, batch))
        return found.reshape(at.times * n * at.each, batch)

    def gathered(self, rows: Rows, g: Array) -> Array:
        """A gradient, summed over the samples where they share the rows."""
        if rows.store == STATIC and g.shape[-1] != 1:
            return self.xp.sum(g, axis=-1, keepdims=True)
        return g

    def add(self, rows: Rows, g: Array, adjoints: Arrays) -> None:
        """Adds gradients, of the shape of the indices and then the batch, to the rows."""
        g = self.gathered(rows, g)
        if rows.single:
            g = self.xp.sum(g, axis=0, keepdims=True)
        elif g.ndim != 2:
            g = g.reshape(prod(rows.shape), g.shape[-1])
        for array, at, position in self._place(rows).parts:
            part = _cut(g, position)
            if array == LEAVES and part.shape[-1] != 1:
                part = self.xp.sum(part, axis=-1, keepdims=True)
            part = self._spread(part, at, self._sizes[array])
            known = adjoints[array]
            adjoints[array] = part if known is None else known + part

    def _spread(self, g: Array, at: Any, size: int) -> Array:
        """Gradients of some rows among zeros for the others."""
        if isinstance(at, _Repeated):
            g = g.reshape(at.times, len(g) // (at.times * at.each), at.each, g.shape[-1])
            return self._spread(self.xp.sum(g, axis=(0, 2)), at.at, size)
        if not isinstance(at, slice):
            return self.library.scattered(g, at, size)
        zeros = self.xp.zeros_like(g[:1])
        around = [(at.start, zeros), (1, g), (size - at.stop, zeros)]
        parts = [x if x is g else self.xp.broadcast_to(x, (n, x.shape[1])) for n, x in around if n]
        return g if len(parts) == 1 else self.xp.concatenate(parts, axis=0)


class _Places:
    """Where rows of a store are: for each array its rows, and their positions among all."""

    def __init__(self, rows: Rows, homes: Array) -> None:
        arrays, at = homes[rows.at].T
        self.parts: list[tuple[int, Any, Any]] = []
        order: list[int] = []
        for array in dict.fromkeys(arrays.tolist()):
            position = np.flatnonzero(arrays == array)
            self.parts.append((array, _as_repeated(at[position]), as_slice(position)))
            order += position.tolist()
        self.order = None if order == sorted(order) else np.argsort(order)


class _Repeated(NamedTuple):
    """Rows of which each comes `each` times, and all of that `times` times.

    A compiler sees that what they hold has to be computed once.
    """

    at: Any
    each: int
    times: int


def _as_repeated(rows: Array) -> Any:
    """Rows as a slice, as a repetition, or as they are."""
    n = len(rows)
    each = int(np.gcd.reduce([n, *(np.flatnonzero(np.diff(rows)) + 1)]))
    once = rows[::each]
    period = next(
        p
        for p in range(1, len(once) + 1)
        if not len(once) % p and (once.reshape(-1, p) == once[:p]).all()
    )
    if period == n:
        return as_slice(rows)
    return _Repeated(as_slice(once[:period]), each, len(once) // period)


def _cut(rows: Array, at: Any) -> Array:
    return rows if isinstance(at, slice) and at == slice(0, len(rows)) else rows[at]
