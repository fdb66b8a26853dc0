"""The recording as a loop over a table of operations, on JAX.

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
from micrograd_es.tape.in_order import InOrder
from micrograd_es.tape.library import Derived, Rule


class _Turn(NamedTuple):
    """One operation: from where in the store, to where, and where a gradient is handed on.

    In a table of arrays the kind is a number.
    """

    kind: Any  # a rule, and whether a gradient always arrives
    operands: Any
    result: Any
    wanted: Any


class Loop:
    """Runs the nodes of a recording, operation by operation."""

    def __init__(self, nodes: InOrder, library: Derived) -> None:
        self._library, self._nodes = library, nodes
        table = list(_table(nodes))
        kinds: dict[tuple[Rule, bool], int] = {row.kind: len(row.operands) for row in table}
        self._kinds = [(rule, always, arity) for (rule, always), arity in kinds.items()]
        self._arity = max(kinds.values(), default=1)
        self._forward = self._columns(table, [*kinds])
        self._backward = self._columns([row for row in table if any(row.wanted)], [*kinds])
        self._value = jax.custom_jvp(self._switch(self._value_of))
        self._value.defjvp(self._derived, symbolic_zeros=True)
        self._partials = self._switch(self._partials_of)
        self._handed_on = self._switch(self._handed_on_of)

    def apart(self, given: Array, weights: Array) -> tuple[Array, Array]:
        """The values (B,), and their weighted gradients to what is given, of each sample.

        A number starts as −0.0, to which each row of the table adds, so that a sum has a row
        for each term. The last number stays so, for operands that there are not.
        """
        places = np.array(self._nodes.given, int)
        store = jnp.full((self._nodes.size + 1, *weights.shape), -0.0, given.dtype)
        numbers, gradients = store.at[places].set(given), jnp.zeros_like(store)
        gradients = gradients.at[self._nodes.output].set(weights)
        if self._kinds:
            numbers, _ = lax.scan(self._turn, numbers, self._forward)
            back = partial(self._turn_back, numbers)
            gradients, _ = lax.scan(back, gradients, self._backward, reverse=True)
        return numbers[self._nodes.output], gradients[places]

    def _turn(self, numbers: Array, row: _Turn) -> tuple[Array, None]:
        y = self._value(row.kind, *[_at(numbers, i) for i in row.operands])
        return _added(numbers, row.result, y), None

    def _turn_back(self, numbers: Array, gradients: Array, row: _Turn) -> tuple[Array, None]:
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

    def _columns(self, table: Sequence[_Turn], kinds: Sequence[Any]) -> _Turn:
        """The table as arrays; what is not there is the last number."""

        def places(rows: Sequence[Sequence[int]]) -> Array:
            filled = [[*row, *[self._nodes.size] * (self._arity - len(row))] for row in rows]
            return np.array(filled, np.int32).reshape(len(table), self._arity)

        wanted = [
            [i if want else self._nodes.size for i, want in zip(row.operands, row.wanted)]
            for row in table
        ]  # fmt: skip
        number = {kind: k for k, kind in enumerate(kinds)}
        return _Turn(
            np.array([number[row.kind] for row in table], np.int32),
            places([row.operands for row in table]),
            np.array([row.result for row in table], np.int32),
            places(wanted),
        )


def _at(store: Array, row: Array) -> Array:
    return lax.dynamic_index_in_dim(store, row, keepdims=False)


def _added(store: Array, row: Array, numbers: Array) -> Array:
    return lax.dynamic_update_index_in_dim(store, _at(store, row) + numbers, row, 0)


def _table(nodes: InOrder) -> Iterator[_Turn]:
    for rule, always, operands, result, wanted in nodes.rows:
        if not rule.variadic:
            yield _Turn((rule, always), operands, result, wanted)
            continue
        for j, want in zip(operands, wanted):
            yield _Turn((TABLE["add"], always), [j, nodes.size], result, [want, False])
