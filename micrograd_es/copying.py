"""How a graph of any depth is pickled and copied without recursion."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Set
from typing import TYPE_CHECKING, Any

from micrograd_es.chain import topological_order

if TYPE_CHECKING:
    from micrograd_es.engine import Value


class Below:
    """Pickles as the list of the nodes below a root, each after its operands.

    A pickler that meets it first never descends more than one step. The list goes
    through the pickler's own memo, so that what is shared in one pickle stays
    shared.
    """

    def __init__(self, root: Value) -> None:
        self._root = root

    def _nodes(self) -> Iterator[Value]:
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

    nodes: Set[Value] = frozenset()


_current = _Current()


def below(node: Value) -> Below | None:
    """What has to be pickled before the node itself; None where that is under way."""
    return Below(node) if node.parents and node not in _current.nodes else None
