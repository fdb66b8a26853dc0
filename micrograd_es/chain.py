"""The chain rule on recorded nodes: an order, and one multiplication an edge.

Nothing here knows calculus. A node has `parents` and, as numbers, the `partials`
∂node/∂parent; a backward pass multiplies and adds. The two walks over a whole graph
take both from where they lie: in the slots a, b, da and db.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from threading import RLock
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from micrograd_es.engine import Value

# Held while marks or adjoints stand in the nodes: threads may share some of them.
one_pass = RLock()
if hasattr(os, "register_at_fork"):  # a child has no thread that could let go of it
    os.register_at_fork(
        before=one_pass.acquire, after_in_parent=one_pass.release, after_in_child=one_pass.release
    )


def topological_order(root: Value) -> list[Value]:
    """The nodes below `root`, `root` first, each before its operands.

    The order depends on the graph alone, and is found without recursion.

    Raises
    ------
    RuntimeError
        A signal handler or a finalizer calls it in the middle of such a walk.
    """
    if one_pass._is_owned():  # type: ignore[attr-defined]
        raise RuntimeError(
            "a walk over a graph cannot begin within another, as in a signal handler"
        )
    order: list[Value] = []
    stack: list[Value | None] = [root]
    seen = object()  # a mark of this walk alone: what another has left says nothing here
    with one_pass:
        while stack:
            node = stack.pop()
            if node is None:  # everything below the node that is next is done
                order.append(stack.pop())  # type: ignore[arg-type]
            elif node.adjoint is not seen:
                node.adjoint = seen
                if node.b is not None:
                    stack += (node, None, node.a, node.b)
                elif node.a:
                    stack += (node, None, *node.a)
                else:
                    order.append(node)
    order.reverse()
    return order


def hand_on(root: Value, order: list[Value]) -> None:
    """Fills `adjoint` of every node with d(root)/d(node), where a gradient reaches it.

    A node that `root` uses only through branches that were not taken is not
    reached: its adjoint is None, which is not the same as 0.0 (0.0 times an
    infinite partial is nan; nothing is nothing). The caller holds `one_pass`.
    """
    for node in order:
        node.adjoint = None
    root.adjoint = 1.0
    for node in order:
        upstream, b = node.adjoint, node.b
        if upstream is None:
            continue
        if b is not None:  # nearly all nodes: without a loop
            a, da, db = node.a, node.da, node.db
            if da is not None:
                a.adjoint = (a.adjoint or 0.0) + upstream * da
            if db is not None:
                b.adjoint = (b.adjoint or 0.0) + upstream * db
        else:
            for parent, partial in zip(node.a, node.da):
                if partial is not None:
                    parent.adjoint = (parent.adjoint or 0.0) + upstream * partial


def adjoints_of(root: Value, order: list[Value]) -> dict[Value, float]:
    """d(root)/d(node) for every node that a gradient reaches."""
    with one_pass:
        hand_on(root, order)
        return {node: node.adjoint for node in order if node.adjoint is not None}


@dataclass(frozen=True)
class Edge:
    """One multiplication of a backward pass: ``after = before + upstream · partial``.

    `contribution` is that product. Where no gradient goes this way, into a branch that
    was not taken or below one, it does not arrive and the numbers are 0.0.
    """

    node: Value
    parent: Value
    index: int
    upstream: float
    partial: float
    contribution: float
    before: float
    after: float
    arrives: bool = True

    @property
    def settles(self) -> bool:
        """Whether the operand has a gradient afterwards, if only 0: no constant exponent has."""
        return self.node.op != "pow" or self.node.partials[self.index] is not None


def backward_edges(root: Value, order: Iterable[Value] | None = None) -> Iterator[Edge]:
    """The multiplications of `adjoints_of`, in its order, one an edge.

    Another `order` is for seeing what it does: a node hands on what has arrived when
    its turn comes, so the gradients are wrong wherever it comes before all its users.
    """
    adjoints = {root: 1.0}
    for node in topological_order(root) if order is None else order:
        upstream = adjoints.get(node)
        for index, (parent, partial) in enumerate(zip(node.parents, node.partials)):
            before = adjoints.get(parent, 0.0)
            if upstream is None or partial is None:
                yield Edge(node, parent, index, upstream or 0.0, 0.0, 0.0, before, before, False)
            else:
                contribution = upstream * partial
                adjoints[parent] = after = before + contribution
                yield Edge(
                    node, parent, index, upstream, partial, contribution, before, after
                )  # fmt: skip
