"""How a graph of any depth is pickled and copied without recursion."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Set
from copy import deepcopy
from typing import Any, TypeVar

from micrograd_es.engine import graph
from micrograd_es.engine.graph import Node, Storage, leaf, make_again, topological_order

N = TypeVar("N", bound=Node)


class CopiedNode(Node):
    """A node that can be copied and pickled with all that is below it."""

    __slots__ = ()

    def __reduce__(self) -> tuple[Any, ...]:
        state = getattr(self, "__dict__", None)
        return _restore, (_below(self), *_contents(self), self.parents), state

    def __setstate__(self, attributes: dict[str, Any]) -> None:
        _give(self, attributes)

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        for node in reversed(topological_order(self)):
            if id(node) not in memo:
                parents = tuple([memo[id(p)] for p in node.parents]) or node.parents
                memo[id(node)] = copy = _restore(None, *_contents(node), parents)
                if there := getattr(node, "__dict__", None):
                    _give(copy, deepcopy(there, memo))
        return memo[id(self)]


def _give(node: Node, attributes: dict[str, Any]) -> None:
    for name, x in attributes.items():
        Storage.__setattr__(node, name, x)  # which sees what may lead back to the node


def _contents(
    node: Node,
) -> tuple[type[Node], Any, float, float, str, tuple[float | None, ...]]:
    data = graph.taken(node) if graph.taken else node._data
    return type(node), node._rule, data, node.grad, node.label, node.partials


def _restore(
    below: _Below | None,
    kind: type[N],
    rule: Any,
    data: float,
    grad: float,
    label: str,
    partials: tuple[float | None, ...],
    parents: tuple[Any, ...],
) -> N:
    """A node from a pickle or of a copy; `below` has only been there to go first."""
    # not recorded: a watch has nothing to say of a node that was there before
    node = leaf(kind, data)
    make_again(node, rule, parents, partials)
    node.grad = grad
    node.label = label
    return node


class _Below:
    """Pickles as the list of the nodes below a root, each after its operands.

    A pickler that meets it first never descends more than one step. The list goes
    through the pickler's own memo, so that what is shared in one pickle stays
    shared.
    """

    def __init__(self, root: Node) -> None:
        self._root = root

    def _nodes(self) -> Iterator[Node]:
        order = topological_order(self._root)
        outer, _current.nodes = _current.nodes, set(order)
        try:
            yield from reversed(order[1:])
        finally:
            _current.nodes = outer

    def __reduce__(self) -> tuple[Any, ...]:
        return list, (), None, self._nodes()


class _Current(threading.local):
    """The nodes that are being handed to a pickler in this thread."""

    nodes: Set[Node] = frozenset()


_current = _Current()


def _below(node: Node) -> _Below | None:
    """What has to be pickled before the node itself; None where that is under way."""
    return _Below(node) if node.parents and node not in _current.nodes else None
