"""The recorded graph: nodes, an order, and the chain rule with one multiplication an edge.

Nothing here knows calculus. A node has `parents` and, as numbers, the `partials`
∂node/∂parent; a backward pass multiplies and adds.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from threading import RLock
from typing import Any, TypeVar

from micrograd_es.base.native import extension
from micrograd_es.base.scalars import as_float

N = TypeVar("N", bound="Node")


class Storage:
    """What a node holds. Where there is native code C holds it, and makes and walks nodes.

    To the bit it does what is written here. The garbage collector does not visit a Value there,
    unless somebody's attribute may lead back to it: operands are older than their node, and so
    nodes make no circle by themselves.
    """

    __slots__ = (
        "__dict__", "__weakref__",
        "_a", "_adjoint", "_b", "_da", "_data", "_db", "_rule", "grad", "label",
    )  # fmt: skip

    _data: float
    _a: Any
    _b: Any
    _da: Any
    _db: float | None
    _adjoint: Any
    grad: float
    label: str
    _rule: Any


native = extension("micrograd_es.engine._nodes")
if native:
    Storage = native.Storage  # type: ignore[misc]


class Node(Storage):
    """What one operation leaves behind: a number, its operands, and the local partials.

    Nearly all nodes have two operands, `_a` and `_b`, with the partials `_da` and `_db`. Any
    other number of them stands in the tuples `_a` and `_da`, and then `_b` and `_db` are None.
    A tuple for each node would be one more object for the garbage collector to visit, and half
    of what building a graph costs is that.

    `_rule` is what made it, by which it can be computed and derived again; None for a leaf.
    `_adjoint` is where a walk over the graph keeps what it needs; between walks it means nothing.
    `topological_order` marks what it has seen, and `hand_on` puts the gradient there, or None
    where none arrives. These names have a bar in front, since a node bears any other attribute.
    """

    __slots__ = ()

    @property
    def parents(self) -> tuple[Any, ...]:
        """The operands, in order."""
        return self._a if self._b is None else (self._a, self._b)

    @property
    def partials(self) -> tuple[float | None, ...]:
        """∂(this node)/∂(each operand)."""
        return tuple(self._da) if self._b is None else (self._da, self._db)


# Looks at each new node, while somebody asks for it (`watching`).
watch: Callable[[Any], None] | None = None
# The same of each node whose number is taken out of the graph, which it gives.
taken: Callable[[Any], float] | None = None
_new = Storage.__new__


def watched_by(look: Callable[[Any], None] | None, tell: Callable[[Any], float] | None) -> None:
    """Has somebody look at each new node and be told of each number taken, or nobody."""
    global watch, taken
    watch, taken = look, tell
    if native:
        native.watch(look, tell)


def leaf(kind: type[N], data: float) -> N:
    """A new node of that class that no operation has made."""
    node = _new(kind)
    node._data = data
    node._a = node._da = ()
    node._b = node._db = None
    node.grad = 0.0
    node._adjoint = None
    node.label = ""
    node._rule = None
    return node


def record(
    kind: type[N],
    rule: Any,
    data: float,
    parents: tuple[Any, ...],
    partials: tuple[float | None, ...],
) -> N:
    """A new node of that class; rows of the table have it written out (`making`)."""
    node = leaf(kind, data)
    make_again(node, rule, parents, partials)
    if watch:
        watch(node)
    return node


def make_again(
    node: Node, rule: Any, parents: tuple[Any, ...], partials: tuple[float | None, ...]
) -> None:
    """Has a node that is there already be the result of an operation; nobody looks at it."""
    node._rule = rule
    if len(parents) == 2:
        node._a, node._b = parents
        node._da, node._db = partials
    else:
        node._a, node._da = parents, partials
        node._b = node._db = None


if native:
    leaf, make_again = native.leaf, native.make_again

# -- walks over a whole graph -------------------------------------------------------

# A walk writes into the `_adjoint` of nodes, which threads may share: so one walk at a time.
one_pass = RLock()
# A process forks only between walks: in the child, nobody would be there to end one.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=one_pass.acquire, after_in_parent=one_pass.release, after_in_child=one_pass.release
    )


def topological_order(*roots: N) -> list[N]:
    """The nodes below the roots, each before its operands; a single root comes first.

    The order depends on the graph alone, and is found without recursion.

    Raises
    ------
    RuntimeError
        A signal handler or a finalizer calls it in the middle of such a walk.
    """
    with _alone():
        return _order(*roots)


def _alone() -> Any:
    if one_pass._is_owned():  # type: ignore[attr-defined]
        raise RuntimeError(
            "a walk over a graph cannot begin within another, as in a signal handler"
        )
    return one_pass


def _order(*roots: N) -> list[N]:
    order: list[N] = []
    stack: list[N | None] = [*roots]
    # The mark of this walk. Every walk has its own, so that what another one has left in
    # `_adjoint` counts for nothing and need not be cleared.
    seen = object()
    while stack:
        node = stack.pop()
        if node is None:  # the node under this None is next: all that is below it is done
            order.append(stack.pop())  # type: ignore[arg-type]
            continue
        while node._b is not None and node._adjoint is not seen:
            node._adjoint = seen
            stack += (node, None, node._a)
            node = node._b  # as if it had been put there and taken again
        if node._adjoint is not seen:
            node._adjoint = seen
            stack += (node, None, *node._a)
    order.reverse()
    return order


def hand_on(root: N, order: Sequence[N]) -> list[N]:
    """The leaves that a gradient reaches; `_adjoint` of every node is d(root)/d(node).

    A node that `root` uses only through branches that were not taken is not
    reached: its adjoint is None, which is not the same as 0.0 (0.0 times an
    infinite partial is nan; nothing is nothing). The caller holds `one_pass`.
    """
    for node in order:
        node._adjoint = None
    root._adjoint = 1.0
    leaves: list[N] = []
    for node in order:
        upstream, b = node._adjoint, node._b
        if upstream is None:
            continue
        if b is not None:  # nearly all nodes: without a loop
            a, da, db = node._a, node._da, node._db
            if da is not None:
                a._adjoint = (a._adjoint or 0.0) + upstream * da
            if db is not None:
                b._adjoint = (b._adjoint or 0.0) + upstream * db
        elif node._a:
            for parent, partial in zip(node._a, node._da):
                if partial is not None:
                    parent._adjoint = (parent._adjoint or 0.0) + upstream * partial
        else:
            leaves.append(node)
    return leaves


def accumulate(leaves: Sequence[Any]) -> None:
    """Adds to the `_adjoint` of each leaf the gradient that it has already.

    Raises
    ------
    TypeError
        A gradient has been set to what is neither a number nor None.
    """
    for leaf in leaves:
        if leaf.grad is not None:
            leaf._adjoint = as_float(leaf.grad) + (leaf._adjoint or 0.0)


def fill(order: Sequence[Any]) -> None:
    """Puts the `_adjoint` of each node into its `grad`."""
    for node in order:
        # a leaf that no gradient has reached keeps what it has
        if node._adjoint is not None or node._rule or node.grad is None:
            node.grad = node._adjoint or 0.0


def backward(root: Any) -> None:
    """Adds d(root)/d(leaf) to the `grad` of each leaf below, and fills that of any other node."""
    with _alone():
        if native and native.backward(root):
            return
        order = _order(root)
        accumulate(hand_on(root, order))
        try:
            fill(order)
        except BaseException:  # Ctrl-C, say: what has begun is finished first
            fill(order)
            raise


if native:
    _order, hand_on, accumulate, fill = (
        native.order, native.hand_on, native.accumulate, native.fill
    )  # fmt: skip


def adjoints_of(root: N, order: Sequence[N]) -> dict[N, float]:
    """d(root)/d(node) for every node that a gradient reaches."""
    if taken:
        taken(root)
    with one_pass:
        hand_on(root, order)
        return {node: node._adjoint for node in order if node._adjoint is not None}


@dataclass(frozen=True)
class Edge:
    """One multiplication of a backward pass: ``after = before + upstream · partial``.

    `contribution` is that product. Where the edge leads into a branch that was not taken, or
    lies below one, no gradient goes this way: `arrives` is False and nothing is added.
    """

    node: Any
    parent: Any
    index: int
    upstream: float
    partial: float
    contribution: float
    before: float
    after: float
    arrives: bool = True

    @property
    def source(self) -> Any:
        """Who hands on: the node."""
        return self.node

    @property
    def target(self) -> Any:
        """Who is given something: the operand."""
        return self.parent

    @property
    def settles(self) -> bool:
        """Whether the operand now has a gradient, even if it is 0; the 2 in ``x**2`` never has."""
        return bool(self.node._rule.number != self.index)


def backward_edges(root: N, order: Iterable[N] | None = None) -> Iterator[Edge]:
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
