"""The recording node by node, in the order of define-by-run.

A program adds the terms of a sum, and what arrives at a node, in an order of its own. Where that
leaves the floats on its way, this is what is run in its place.
"""

from __future__ import annotations

from typing import NamedTuple

from micrograd_es.tape.customs import Array
from micrograd_es.tape.library import Library, Rule
from micrograd_es.tape.recording import Recording


class Row(NamedTuple):
    """One node: its rule, the places of its operands and its own, and where it hands on."""

    rule: Rule
    always: bool
    operands: list[int]
    result: int
    wanted: list[bool]


class InOrder:
    """The nodes below the only output, each after its operands.

    Parameters
    ----------
    everything : bool
        Whether inputs are to be given gradients, too.

    Attributes
    ----------
    rows : list of Row
        In reverse they hand on gradients in the order of `topological_order`.
    given : list of int
        The places of the inputs, the parameters and the constants.
    output, size : int
        The place of the output, and how many places there are.
    """

    def __init__(self, recording: Recording, everything: bool) -> None:
        operands = recording.operands
        asked = [t or (everything and s) for t, s in zip(recording.trained, recording.store)]
        [self.output], self.size = recording.outputs, len(operands)
        self.given = [*range(sum(recording.given)), *recording.constants]
        self.rows: list[Row] = []
        for i in _order(self.output, operands):
            if operands[i]:
                rule = recording.rule(i)
                wanted = [bool(rule.takes(k) and asked[j]) for k, j in enumerate(operands[i])]
                self.rows.append(Row(rule, recording.always[i], [*operands[i]], i, wanted))


def _order(output: int, operands: list[tuple[int, ...]]) -> list[int]:
    """The nodes below a node as `topological_order` finds them, each after its operands."""
    order: list[int] = []
    stack: list[int | None] = [output]
    seen = [False] * len(operands)
    while stack:
        i = stack.pop()
        if i is None:
            order.append(stack.pop())  # type: ignore[arg-type]
        elif not seen[i]:
            seen[i] = True
            stack += (i, None, *operands[i])
    return order


class NodeByNode:
    """Runs them one by one, on the arrays of one library."""

    def __init__(self, nodes: InOrder, library: Library) -> None:
        self._nodes, self._library = nodes, library

    def apart(self, given: Array, weights: Array) -> tuple[Array, Array]:
        """The values (B,), and their weighted gradients to what is given, of each sample.

        Parameters
        ----------
        given : shape (inputs, parameters and constants, B)
        """
        library, xp = self._library, self._library.xp
        numbers = dict(zip(self._nodes.given, given))
        for rule, _, operands, result, _ in self._nodes.rows:
            y = library.value(rule)(*[numbers[j] for j in operands])
            numbers[result] = xp.broadcast_to(library.floats(y, given), weights.shape)
        adjoints = {self._nodes.output: weights}
        for rule, always, operands, result, wanted in reversed(self._nodes.rows):
            if result in adjoints:
                y, below = numbers[result], [numbers[j] for j in operands]
                for k, (j, want) in enumerate(zip(operands, wanted)):
                    if want:
                        local = library.floats(library.partial(rule, k)(y, *below), given)
                        d = library.hand_on(rule, adjoints[result], local, not always)
                        adjoints[j] = adjoints[j] + d if j in adjoints else d
        nothing = xp.zeros_like(weights)
        gradients = [adjoints.get(j, nothing) for j in self._nodes.given]
        return numbers[self._nodes.output], xp.stack(gradients)
