"""What ``x > 0`` gives: a truth value that is a node of the graph too."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from micrograd_es.base.arrays import is_bool
from micrograd_es.engine.graph import Node

_decisions: ContextVar[list[Comparison] | None] = ContextVar("decisions", default=None)


@contextmanager
def decisions() -> Iterator[list[Comparison]]:
    """Collects the comparisons that decide something outside the graph.

    So do an ``if``, ``max``, ``np.maximum`` and ``np.where``: a replay would keep what they
    have decided.
    """
    found: list[Comparison] = []
    token = _decisions.set(found)
    try:
        yield found
    finally:
        _decisions.reset(token)


class Comparison(int):
    """A truth value that remembers what was compared.

    It is 1 or 0 and serves wherever a bool does. Given to `where`, it becomes part
    of the graph, so that a replay on other numbers compares anew; so do ``p & q``,
    ``p | q`` and ``~p``.

    Attributes
    ----------
    node : Value
        The same as a node: 1.0 or 0.0.
    """

    node: Any

    def __repr__(self) -> str:
        return repr(self == 1)

    def __bool__(self) -> bool:
        found = _decisions.get()
        if found is not None:
            found.append(self)
        return self == 1

    def __and__(self, other: Any) -> Any:
        if not (isinstance(other, int) or is_bool(other)):
            return NotImplemented
        return comparison(self.node * _truth(other))

    def __or__(self, other: Any) -> Any:
        if not (isinstance(other, int) or is_bool(other)):
            return NotImplemented
        return ~comparison((~self).node * (1.0 - _truth(other)))

    def __invert__(self) -> Comparison:
        return comparison(1.0 - self.node)


def comparison(node: Node) -> Comparison:
    """The truth value of a node that is 1.0 or 0.0."""
    result = Comparison(node._data)
    result.node = node
    return result


def comparing(operate: Callable[..., Any]) -> Callable[..., Any]:
    """An operation whose result is a node, as one whose result is its truth value."""

    def compare(a: Any, b: Any) -> Any:
        node = operate(a, b)
        return node if node is NotImplemented else comparison(node)

    return compare


def _truth(x: Any) -> Any:
    return x.node if isinstance(x, Comparison) else float(bool(x))
