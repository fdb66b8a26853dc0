"""The program as a loop over a table of operations, on JAX.

XLA takes its time for each step of a program that is written out. A graph without
repetition, of hundreds of steps of few nodes, is a table here: one row an operation, with
the rows of its operands and of its result in a store of all numbers. One turn of the loop
is compiled, whatever the number of rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.custom_derivatives import SymbolicZero

from micrograd_es.engine.ops import TABLE
from micrograd_es.tape.customs import Array, Function
from micrograd_es.tape.library import Derived, Rule
from micrograd_es.tape.program import Program, SumStep
from micrograd_es.tape.recording import BATCHED
from micrograd_es.tape.rows import Rows


class _Row(NamedTuple):
    """One operation: from where in the store, to where, and where a gradient is handed on.

    In a table of arrays the kind is a number.
    """

    kind: Any  # a rule, and whether a gradient always arrives
    operands: Any
    result: Any
    wanted: Any


class Loop:
    """Runs a program, operation by operation."""

    def __init__(self, program: Program, library: Derived) -> None:
        self._library, self._leaves = library, program.leaves
        places = _places(program)
        self._size = sum(program.sizes)
        self._inputs = places[BATCHED][program.inputs]
        self._ones = places[BATCHED][program.ones]
        [(store, row)] = program.outputs
        self._output = int(places[store][row])
        table = list(_table(program, places))
        kinds: dict[tuple[Rule, bool], int] = {row.kind: len(row.operands) for row in table}
        self._kinds = [(rule, always, arity) for (rule, always), arity in kinds.items()]
        self._arity = max(kinds.values())
        self._forward = self._columns(table, [*kinds])
        self._backward = self._columns([row for row in table if any(row.wanted)], [*kinds])
        self._value = jax.custom_jvp(self._switch(self._value_of))
        self._value.defjvp(self._derived, symbolic_zeros=True)
        self._partials = self._switch(self._partials_of)
        self._handed_on = self._switch(self._handed_on_of)

    def evaluate(self, leaves: Array, inputs: Array, weights: Array) -> tuple[Array, Array]:
        """The values (B,), and the gradient of their weighted sum to the leaves (n, 1).

        A number starts as −0.0, to which each row of the table adds, so that a sum has a row
        for each term. The last number stays so, for operands that there are not.
        """
        store = jnp.full((self._size + 1, inputs.shape[1]), -0.0, inputs.dtype)
        store = store.at[: self._leaves].set(leaves).at[self._inputs].set(inputs)
        numbers, _ = lax.scan(self._turn, store.at[self._ones].set(1.0), self._forward)
        gradients = jnp.zeros_like(store).at[self._output].set(weights)
        back = partial(self._turn_back, numbers)
        gradients, _ = lax.scan(back, gradients, self._backward, reverse=True)
        return numbers[self._output], gradients[: self._leaves].sum(axis=1, keepdims=True)

    def _turn(self, numbers: Array, row: _Row) -> tuple[Array, None]:
        y = self._value(row.kind, *[_at(numbers, i) for i in row.operands])
        return _added(numbers, row.result, y), None

    def _turn_back(self, numbers: Array, gradients: Array, row: _Row) -> tuple[Array, None]:
        operands = [_at(numbers, i) for i in row.operands]
        # the gradients go through the switch, or else XLA would read them while it adds to
        # them, and copy all of them in each turn
        g, y = _at(gradients, row.result), _at(numbers, row.result)
        for place, d in zip(row.wanted, self._handed_on(row.kind, *operands, y, g)):
            gradients = _added(gradients, place, d)
        return gradients, None

    def _derived(self, given: Sequence[Array], directions: Sequence[Any]) -> tuple[Array, Array]:
        y, total = self._value(*given), jnp.zeros_like(given[1])
        piecewise = jnp.array([rule.piecewise for rule, *_ in self._kinds])[given[0]]
        for direction, local in zip(directions[1:], self._partials(*given, y)):
            if not isinstance(direction, SymbolicZero):
                direction = jnp.where(piecewise & (local == 0.0), 0.0, direction)
                total = total + self._library.times(direction, local, (True, False))
        return y, total

    # -- one operation, of a kind ---------------------------------------------------------

    def _value_of(self, kind: Any, *operands: Array) -> Array:
        rule, _, arity = kind
        return self._library.value(rule)(*operands[:arity])

    def _partials_of(self, kind: Any, *given: Array) -> list[Array]:
        (rule, _, arity), (*operands, y) = kind, given
        return [
            jnp.broadcast_to(
                self._library.floats(self._library.partial(rule, k)(y, *operands[:arity]), y),
                y.shape,
            )
            if k < arity and rule.takes(k)
            else jnp.zeros_like(y)
            for k in range(self._arity)
        ]

    def _handed_on_of(self, kind: Any, *given: Array) -> list[Array]:
        (rule, always, _), (*numbers, g) = kind, given
        partials = self._partials_of(kind, *numbers)
        return [self._library.hand_on(rule, g, local, not always) for local in partials]

    def _switch(self, of: Function) -> Function:
        """A function of the number of a kind."""
        branches = [partial(of, kind) for kind in self._kinds]
        return lambda kind, *arrays: lax.switch(kind, branches, *arrays)

    def _columns(self, table: Sequence[_Row], kinds: Sequence[Any]) -> _Row:
        """The table as arrays; what is not there is the last number."""

        def places(rows: Sequence[Sequence[int]]) -> Array:
            filled = [[*row, *[self._size] * (self._arity - len(row))] for row in rows]
            return np.array(filled, np.int32).reshape(len(table), self._arity)

        wanted = [
            [i if want else self._size for i, want in zip(row.operands, row.wanted)]
            for row in table
        ]  # fmt: skip
        number = {kind: k for k, kind in enumerate(kinds)}
        return _Row(
            np.array([number[row.kind] for row in table], np.int32),
            places([row.operands for row in table]),
            np.array([row.result for row in table], np.int32),
            places(wanted),
        )


def _at(store: Array, row: Array) -> Array:
    return lax.dynamic_index_in_dim(store, row, keepdims=False)


def _added(store: Array, row: Array, numbers: Array) -> Array:
    return lax.dynamic_update_index_in_dim(store, _at(store, row) + numbers, row, 0)


def _places(program: Program) -> list[Array]:
    """The places of the rows of either store in one for all."""
    static, batched = program.sizes
    return [np.arange(static), static + np.arange(batched)]


def _table(program: Program, places: Sequence[Array]) -> Iterator[_Row]:
    nothing = sum(program.sizes)

    def of(rows: Rows) -> Array:
        found = places[rows.store][rows.at]
        return found if rows.single else found.reshape(rows.shape)

    for step in program.steps:
        results, n = places[step.store][step.rows], len(step)
        if not isinstance(step, SumStep):
            operands = [np.broadcast_to(of(rows), n) for rows in step.operands]
            for result, *those in zip(results, *operands):
                yield _Row((step.rule, step.always), those, result, step.to_parameters)
            continue
        for product in step.products:
            left, right = of(product.left), of(product.right)
            if product.matrix:
                left, right = (
                    np.repeat(left.T, right.shape[1], axis=1), np.tile(right, len(left)),
                )  # fmt: skip
            for result, *factors in zip(np.tile(results, len(left)), left.flat, right.flat):
                yield _Row((TABLE["mul"], step.always), factors, result, product.to_parameters)
        for rows, trained in step.plain:
            terms = of(rows)
            for result, term in zip(np.tile(results, len(terms)), terms.flat):
                yield _Row((TABLE["add"], step.always), [term, nothing], result, [trained, False])
