"""Forward mode: the chain rule from the operands up, with the same multiplications.

A node's tangent is Σ ∂node/∂v · direction(v). A forward pass gives the tangents of all
nodes in one direction; a backward pass gives the derivatives of one node in all directions.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any

from micrograd_es.base.arrays import is_array
from micrograd_es.base.scalars import as_float
from micrograd_es.engine import graph
from micrograd_es.engine.anomaly import anomaly
from micrograd_es.engine.derivative import WRT, Values
from micrograd_es.engine.graph import Edge, topological_order
from micrograd_es.engine.nesting import flat, nested
from micrograd_es.engine.value import Value
from micrograd_es.engine.watching import is_watching

_OUTPUTS = "the outputs of jvp are Values"


def jvp(output: Values, wrt: Values, direction: Any) -> Any:
    """Σ ∂output/∂wrt · direction, by one forward pass; no `.grad` changes.

    Parameters
    ----------
    output : Value, or several in lists or in an array
        One float for a Value; a list, or an array of floats, of the same form for several.
    wrt : Value, or several in lists or in an array
    direction : float, or several in the form of `wrt`
        One number for each Value of `wrt`.

    Raises
    ------
    TypeError
        `output` or `wrt` holds something else than Values, `direction` than real numbers.
    ValueError
        `direction` has more or fewer numbers than `wrt` has Values.

    Examples
    --------
    >>> x, y = Value(3.0), Value(2.0)
    >>> jvp(x * x * y, [x, y], [1.0, 0.0])
    12.0
    >>> jvp([x * y, x + y], [x, y], [1.0, 10.0])
    [32.0, 11.0]
    """
    output = nested(output, _OUTPUTS, lambda v: v)
    seeds: dict[Value, float] = {}
    for v, number in _paired(nested(wrt, WRT, lambda v: v), direction):
        seeds[v] = seeds.get(v, 0.0) + number
    tangents = _tangents(topological_order(*flat(output, _OUTPUTS))[::-1], seeds)
    return nested(output, _OUTPUTS, lambda v: tangents.get(v, 0.0), float)


def _paired(wrt: Any, direction: Any) -> Iterator[tuple[Value, float]]:
    """Each Value of `wrt` with its number."""
    wrt = wrt.tolist() if is_array(wrt) else wrt
    if isinstance(wrt, Value):
        yield wrt, as_float(direction)
        return
    if isinstance(direction, (str, bytes)) or not isinstance(direction, Iterable):
        raise TypeError(f"a direction has the form of wrt, and is not a {type(direction).__name__}")
    numbers = list(direction)
    if len(numbers) != len(wrt):
        raise ValueError(f"a direction has the form of wrt: {len(wrt)} entries, not {len(numbers)}")
    for v, number in zip(wrt, numbers):
        yield from _paired(v, number)


def _tangents(nodes: Sequence[Value], seeds: dict[Value, float]) -> dict[Value, float]:
    """The tangent of each node, given after its operands, that a seed is or leads to.

    As in a backward pass, nothing comes along a branch that was not taken, which is not
    the same as 0.0.
    """
    tangents, watching = dict(seeds), is_watching()
    if graph.taken and nodes:
        graph.taken(nodes[-1])
    for node in nodes:
        for parent, partial in zip(node.parents, node.partials):
            if partial is not None and parent in tangents:
                tangents[node] = tangents.get(node, 0.0) + tangents[parent] * partial
        if watching and node._rule and not isfinite(tangents.get(node, 0.0)):
            raise anomaly(node, f"the tangent turned {tangents[node]}, forward through")
    return tangents


@dataclass(frozen=True)
class ForwardEdge(Edge):
    """One multiplication of a forward pass: ``after = before + tangent · partial``.

    It goes from the operand to the node, whose tangent turns from `before` to `after`.
    Along a branch that was not taken, and from an operand that does not depend on what
    is derived by, nothing comes: `arrives` is False and nothing is added.
    """

    @property
    def tangent(self) -> float:
        """That of the operand: what is handed on, as `upstream` is in a backward pass."""
        return self.upstream

    @property
    def source(self) -> Any:
        """The operand."""
        return self.parent

    @property
    def target(self) -> Any:
        """The node."""
        return self.node

    @property
    def settles(self) -> bool:
        """Whether the node now has a tangent, even if it is 0; here always."""
        return True


def forward_edges(nodes: Iterable[Value], wrt: Value) -> Iterator[ForwardEdge]:
    """The multiplications of a forward pass over nodes, each after its operands; one an edge."""
    tangents = {wrt: 1.0}
    for node in nodes:
        for index, (parent, partial) in enumerate(zip(node.parents, node.partials)):
            before, tangent = tangents.get(node, 0.0), tangents.get(parent)
            if tangent is None or partial is None:
                yield ForwardEdge(
                    node, parent, index, tangent or 0.0, 0.0, 0.0, before, before, False
                )
            else:
                contribution = tangent * partial
                tangents[node] = after = before + contribution
                yield ForwardEdge(
                    node, parent, index, tangent, partial, contribution, before, after
                )
