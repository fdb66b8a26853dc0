"""Samples of a replay whose numbers or gradients are not finite, done as define-by-run does.

The array program multiplies by the 0 of a branch that was not taken, which is nan where
the other factor is infinite, and adds in another order than `Value` does. The first is
mended by `Exact`, for many samples at once. Where the order matters, because a sum has
overflowed halfway, the sample is a graph of Values again: a `Sample`, which also names the
node where an anomaly is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from micrograd_es.base.errors import AnomalyError
from micrograd_es.engine.anomaly import watch_backward
from micrograd_es.engine.custom import CustomOperation
from micrograd_es.engine.graph import adjoints_of, record, topological_order
from micrograd_es.engine.value import Value, apply
from micrograd_es.engine.watching import enable_grad, is_watching
from micrograd_es.tape.customs import Array, Customs
from micrograd_es.tape.library import NEITHER, Keeps, Library, Rule
from micrograd_es.tape.program import Elementwise, Product, Program, SumStep
from micrograd_es.tape.recording import STATIC, Recording
from micrograd_es.tape.replay import FIRST, INPUTS, LEAVES, Arrays, Interpreter
from micrograd_es.tape.rows import Rows


class _Arrivals(Library):
    """NumPy's arrays, in which a gradient is a complex number.

    Its imaginary part counts from how many sides something has arrived: where that is 0,
    nothing has, which is not the same as 0.0 (0.0 times an infinite partial is nan; nothing
    is nothing). Sums of gradients add up both parts at once.
    """

    def floats(self, numbers: Any, like: Array) -> Array:
        return np.asarray(numbers, float)

    def fixed(self, numbers: Array) -> Array:
        return numbers

    def scattered(self, d: Array, rows: Any, size: int) -> Array:
        total = np.zeros((size, *d.shape[1:]), d.dtype)
        np.add.at(total, rows, d)
        return total

    def hand_on(self, rule: Rule, g: Array, local: Array, keeps: bool) -> Array:
        if rule.piecewise:
            g = np.where(local == 0.0, 0.0, g)
        return self.times(g, local)

    def times(self, a: Array, b: Array, keeps: Keeps = NEITHER) -> Array:
        if not np.iscomplexobj(a):
            return a * b
        arrives = a.imag != 0.0
        product = a.real * b
        d = np.empty(product.shape, complex)
        d.real, d.imag = np.where(arrives, product, 0.0), arrives
        return d

    def dot(self, a: Array, b: Array, keeps: Keeps = NEITHER) -> Array:
        if np.iscomplexobj(b):
            return self.dot(b.T, a.T).T
        if not np.iscomplexobj(a):
            return np.matmul(a, b)
        arrives, g = a.imag != 0.0, a.real
        total = 1j * arrives.any(axis=1, keepdims=True)
        # 0 times what is finite is 0; and where all has arrived, there is no 0 of nothing
        everything = arrives.all(axis=0)
        plain = everything | np.isfinite(b).all(axis=1)
        total = total + np.matmul(g[:, plain], b[plain])
        rest = np.flatnonzero(~plain & arrives.any(axis=0))
        for k in np.array_split(rest, len(a) * b[rest].size // 2**20 + 1):
            terms = np.where(arrives[:, k, None], g[:, k, None] * b[k], 0.0)
            total += terms.sum(axis=1)
        return total


class Exact(Interpreter):
    """A program on NumPy's arrays, exactly as define-by-run.

    Parameters
    ----------
    custom : callable
        For a custom operation its value and its partials on arrays.
    constants : shape (constants,)
    """

    def __init__(self, program: Program, custom: Customs, constants: Array) -> None:
        super().__init__(program, _Arrivals(np, custom))
        self._constants = constants
        self._apart = False

    def numbers(self, X: Array, theta: Array) -> Arrays:
        """The numbers of each array of the program."""
        return self.forward(np.concatenate([theta, self._constants])[:, None], X.T)

    def overflown(self, X: Array, theta: Array) -> Array:
        """The samples in which a sum is not finite because of what it was halfway."""
        numbers = self.numbers(X, theta)
        small = [2.0**-60 * array for array in numbers]  # whose sums do not overflow
        found = np.zeros(len(X), bool)
        for k, step in enumerate(self.steps, FIRST):
            if isinstance(step, SumStep) and not np.isfinite(y := numbers[k]).all():
                anyhow = self.sum(step, small)
                same = np.isfinite(y) | (y == anyhow) | (np.isnan(y) & np.isnan(anyhow))
                found |= ~same.all(axis=0)
        return np.flatnonzero(found)

    def _shares_odd(self, X: Array, theta: Array) -> bool:
        """Whether what all samples share has numbers or partials that are not finite."""
        shared = [k for k, s in enumerate(self.steps) if s.store == STATIC and s.trained]
        numbers = self.numbers(X[:1], theta) if shared else []
        for step, y in [(self.steps[k], numbers[FIRST + k]) for k in shared]:
            operands = [self.read(rows, numbers) for rows in step.operands]
            found = [y, *operands]
            if isinstance(step, Elementwise):
                wanted = [i for i, want in enumerate(step.to_parameters) if want]
                found += [self.library.partial(step.rule, i)(y, *operands) for i in wanted]
            if not all(np.isfinite(x).all() for x in found):
                return True
        return False

    def gradients(
        self, X: Array, theta: Array, cotangent: Array, everything: bool
    ) -> tuple[Array, Array]:
        """d inputs (B, inputs), 0 unless everything is wanted, and d parameters (P,)."""
        self._apart = len(X) > 1 and self._shares_odd(X, theta)
        numbers = self.numbers(X, theta)
        adjoints = self.seeded((cotangent + 1j * (cotangent != 0.0)).T)
        self.backward(numbers, adjoints, everything)
        inputs, leaves = (
            np.zeros(numbers[k].shape) if adjoints[k] is None else adjoints[k].real
            for k in (INPUTS, LEAVES)
        )
        return inputs.T, leaves[: len(theta), 0]

    # What all samples share has a gradient of its own in each of them, as long as something
    # on the way to the parameters may be infinite.

    def gathered(self, rows: Rows, g: Array) -> Array:
        return g if self._apart else super().gathered(rows, g)

    def to_left(self, step: SumStep, product: Product, factor: Array, g: Array) -> Array:
        if not (self._apart and product.matrix):
            return super().to_left(step, product, factor, g)
        g = g.reshape(product.left.shape[0], 1, -1, g.shape[-1])
        return self.library.times(g, factor).sum(axis=2)

    def to_right(self, step: SumStep, product: Product, factor: Array, g: Array) -> Array:
        if not (self._apart and product.matrix):
            return super().to_right(step, product, factor, g)
        g = g.reshape(product.left.shape[0], 1, -1, g.shape[-1])
        return self.library.times(g, factor[:, :, None]).sum(axis=0)


class Sample:
    """The graph of one sample, at the numbers given for inputs and parameters."""

    def __init__(self, recording: Recording, given: Sequence[float], number: int) -> None:
        self._number = number
        self.values: list[Value] = []
        self._recorded: dict[Value, Value] = {}
        with enable_grad():
            for i, node in enumerate(recording.nodes):
                if i < len(given):
                    value = Value(given[i], node.label)
                elif i in recording.constants:
                    value = Value(recording.constants[i], node.label)
                else:
                    value = self._computed(node, [self.values[j] for j in recording.operands[i]])
                self.values.append(value)
                self._recorded[value] = node

    def _computed(self, node: Value, operands: list[Value]) -> Value:
        rule = node._rule
        assert rule is not None
        try:
            if isinstance(rule, CustomOperation):
                data, partials = rule.forward([v.data for v in operands])
                value = record(Value, rule, data, tuple(operands), partials)
            else:
                value = apply(rule, *operands)
        except AnomalyError as error:
            raise self._named(error, node) from None
        value.label = node.label
        return value

    def adjoints(self, seeds: Sequence[tuple[int, float]], first: int) -> Array:
        """The gradient of Σ seed·node, given in seeds, with respect to the first nodes."""
        total = np.zeros(first)
        with np.errstate(all="ignore"):
            for i, seed in seeds:
                root = self.values[i]
                self._watch(root)
                reached = adjoints_of(root, topological_order(root))
                if seed:
                    given = self.values[:first]
                    total += seed * np.array([reached.get(value, 0.0) for value in given])
        return total

    def _watch(self, root: Value) -> None:
        if is_watching():
            try:
                watch_backward(root)
            except AnomalyError as error:
                raise self._named(error, self._recorded[error.node or root]) from None

    def _named(self, error: AnomalyError, node: Value) -> AnomalyError:
        return AnomalyError(f"in sample {self._number}: {error}", node, self._number)
