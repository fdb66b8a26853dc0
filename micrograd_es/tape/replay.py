"""The program run on the arrays of any namespace of the array API standard.

This is the replay of JAX and PyTorch; NumPy's is in `bound`. An array that cannot be
written into (JAX's) is replaced instead, through `put` and `accumulate`. There is no way
to do a sample again here, as NumPy's replay does: what a node gets from above as exactly
0 it hands on as exactly 0, so that the infinite partial of a branch that was not taken
stays out of the gradient.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from micrograd_es.engine.algebra import arrays
from micrograd_es.engine.custom import CustomOperation
from micrograd_es.tape.program import Elementwise, Program, SumStep

Array = Any


class Interpreter:
    """Runs a program on the arrays of one namespace.

    Parameters
    ----------
    custom : callable
        For a custom operation and its number of operands, value and partials on arrays.
    put, accumulate : callable
        The store with numbers in some of its rows, or added to them.
    """

    def __init__(
        self,
        program: Program,
        custom: Callable[[CustomOperation, int], Any],
        xp: Any,
        put: Callable[..., Array],
        accumulate: Callable[..., Array],
    ) -> None:
        self.xp, self.put, self.accumulate = xp, put, accumulate
        self.program = program
        algebra = arrays(xp)
        self._value: dict[int, Callable[..., Array]] = {}
        self._partials: dict[int, list[Callable[..., Array]]] = {}
        for k, step in enumerate(program.steps):
            if isinstance(step, Elementwise):
                rule = step.rule
                if isinstance(rule, CustomOperation):
                    self._value[k], self._partials[k] = custom(rule, len(step.operands))
                else:
                    self._value[k] = algebra.value(rule)
                    self._partials[k] = [algebra.partial(rule, i) for i in range(rule.arity)]

    def forward(self, stores: list[Array]) -> None:
        """Fills the stores, of which the rows that are given are there already."""
        for k, step in enumerate(self.program.steps):
            if isinstance(step, Elementwise):
                numbers = self._value[k](*[rows.read(stores) for rows in step.operands])
            else:
                assert isinstance(step, SumStep)
                numbers = self._sum(step, stores)
            stores[step.store] = self.put(stores[step.store], step.rows, numbers)

    def _sum(self, step: SumStep, stores: list[Array]) -> Array:
        xp, total = self.xp, None
        for product in step.products:
            left, right = product.left.read(stores), product.right.read(stores)
            if product.matrix:
                k = right.shape[0]
                part = xp.matmul(left.reshape(-1, k), right.reshape(k, -1))  # W · X
                part = part.reshape(len(step), -1)
            else:
                part = xp.sum(left * right, axis=0)
            total = part if total is None else total + part
        for rows, _ in step.plain:
            terms = rows.read(stores)
            part = terms[0] if terms.shape[0] == 1 else xp.sum(terms, axis=0)
            total = part if total is None else total + part
        return total

    def backward(self, stores: list[Array], adjoints: list[Array], everything: bool) -> None:
        """Carries the adjoints, which hold those of the outputs, to what is given.

        `everything` is False where only the parameters' gradients are asked for: then
        nothing is carried to where no parameter is.
        """
        for k in range(len(self.program.steps) - 1, -1, -1):
            step = self.program.steps[k]
            if not (everything or step.trained):
                continue
            g = adjoints[step.store][step.rows]
            if isinstance(step, Elementwise):
                self._elementwise(k, step, stores, adjoints, g, everything)
            else:
                assert isinstance(step, SumStep)
                self._sum_backward(step, stores, adjoints, g, everything)

    def _elementwise(
        self,
        k: int,
        step: Elementwise,
        stores: list[Array],
        adjoints: list[Array],
        g: Array,
        everything: bool,
    ) -> None:
        wanted = step.wanted if everything else step.to_parameters
        operands = [rows.read(stores) for rows in step.operands]
        y = stores[step.store][step.rows]
        for rows, partial, want in zip(step.operands, self._partials[k], wanted):
            if want:
                local = partial(y, *operands)
                none = (local if step.rule.piecewise else g) == 0.0
                d = self.xp.where(none, 0.0, g * local)
                d = self.xp.astype(d, g.dtype)  # a choice of two numbers has one of its own
                rows.add(self.xp, self.accumulate, adjoints, d)

    def _sum_backward(
        self,
        step: SumStep,
        stores: list[Array],
        adjoints: list[Array],
        g: Array,
        everything: bool,
    ) -> None:
        xp = self.xp
        for product in step.products:
            to_left, to_right = product.to_parameters
            if to_left or (everything and product.left.store):
                factor = product.right.read(stores)
                if product.matrix:  # G · Xᵀ, which sums over the batch as well
                    k = factor.shape[0]
                    flat = g.reshape(product.left.shape[0], -1)
                    d = xp.matmul(flat, factor.reshape(k, -1).T)[..., None]
                else:
                    d = g[None] * factor
                product.left.add(xp, self.accumulate, adjoints, d)
            if to_right or (everything and product.right.store):
                factor = product.left.read(stores)
                if product.matrix:  # Wᵀ · G
                    m, k = product.left.shape
                    d = xp.matmul(factor.reshape(m, k).T, g.reshape(m, -1))
                    d = d.reshape(*product.right.shape, g.shape[-1])
                else:
                    d = g[None] * factor
                product.right.add(xp, self.accumulate, adjoints, d)
        for rows, to_parameters in step.plain:
            if to_parameters or (everything and rows.store):
                d = g if rows.store else xp.sum(g, axis=-1, keepdims=True)
                d = xp.broadcast_to(d[None], (rows.shape[0], *d.shape))
                rows.add(xp, self.accumulate, adjoints, d)
