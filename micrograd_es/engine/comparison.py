"""What ``x > 0`` gives: a truth value that is a node of the graph wherever arithmetic meets it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from micrograd_es.base.arrays import is_bool
from micrograd_es.engine.caller import asker, outside
from micrograd_es.engine.dispatch import Dispatched
from micrograd_es.engine.graph import Node
from micrograd_es.engine.leaving import leaves

_decisions: ContextVar[list[Node] | None] = ContextVar("decisions", default=None)


@contextmanager
def decisions() -> Iterator[list[Any]]:
    """Collects the nodes that decide something outside the graph, as an ``if`` does.

    So do ``x or 1.0``, ``max`` and ``any``: a replay keeps what they have decided.
    """
    found: list[Node] = []
    token = _decisions.set(found)
    try:
        yield found
    finally:
        _decisions.reset(token)


def decides(node: Node) -> bool:
    """Whether the number of the node is true, which whoever collects decisions is told."""
    found = _decisions.get()
    if found is not None:
        found.append(node)
    return node._data != 0.0


# Functions that hand on one of several things, as comparisons have it, which a graph cannot
# see; and what is a node instead.
_OURS = "of micrograd_es, also of arrays"
INSTEAD = {
    **dict.fromkeys(("max", "amax", "maximum", "fmax"), f"maximum(a, b) {_OURS}"),
    **dict.fromkeys(("min", "amin", "minimum", "fmin"), f"minimum(a, b) {_OURS}"),
    "clip": f"minimum(maximum(a, low), high) {_OURS}",
    "sign": "v.sign(), of each Value v",
}
# Of Values alone these give a Value, always.
_ONE_OF_MANY = {"max", "amax", "min", "amin"}


def refusal(name: str) -> TypeError:
    """The error of a function that chooses by comparing."""
    return TypeError(f"{name} chooses by comparing, outside the graph; a node is {INSTEAD[name]}")


def _by_node(name: str) -> Callable[..., Any]:
    def operate(self: Comparison, *other: Any) -> Any:
        return getattr(self.node, name)(*other)

    return operate


class Comparison(Dispatched):
    """A truth value that remembers what was compared.

    In arithmetic and in the functions of this package it is its node, 1.0 or 0.0, so that
    ``(x > 0) * x`` is a part of the graph and compares anew where the graph is replayed;
    ``p & q``, ``p | q`` and ``~p`` are comparisons too. In an ``if`` it is a bool.

    Attributes
    ----------
    node : Value
        The same as a node: 1.0 or 0.0.
    with_number : bool
        Whether one of the two is a plain number.

    Raises
    ------
    TypeError
        ``max(v, 0)``, ``np.maximum(array, 0)`` or the like would choose by it.
    """

    __slots__ = ("node", "with_number")

    node: Any
    with_number: bool

    def __init__(self, node: Node, with_number: bool = False) -> None:
        self.node = node
        self.with_number = with_number

    def __bool__(self) -> bool:
        frame = sys._getframe(1)
        if asker(frame).function:  # and not an `if`, as nearly always
            name = asker(outside(frame)).function
            if name in INSTEAD and (self.with_number or name not in _ONE_OF_MANY):
                raise refusal(name)
        return decides(self.node)

    def __int__(self) -> int:
        return int(bool(self))

    __index__ = __int__

    def __float__(self) -> float:
        frame = sys._getframe(1)
        if not asker(frame).assigns:  # an array may well take it as a truth value
            leaves(self.node, frame)
        return float(bool(self))

    def __eq__(self, other: object) -> bool:
        return bool(self) == other

    def __hash__(self) -> int:
        return hash(bool(self))

    def __repr__(self) -> str:
        return repr(self.node.data != 0.0)

    __pos__, __neg__, __abs__ = map(_by_node, ("__pos__", "__neg__", "__abs__"))
    __add__, __radd__ = _by_node("__add__"), _by_node("__radd__")
    __sub__, __rsub__ = _by_node("__sub__"), _by_node("__rsub__")
    __mul__, __rmul__ = _by_node("__mul__"), _by_node("__rmul__")
    __truediv__, __rtruediv__ = _by_node("__truediv__"), _by_node("__rtruediv__")
    __floordiv__, __rfloordiv__ = _by_node("__floordiv__"), _by_node("__rfloordiv__")
    __mod__, __rmod__ = _by_node("__mod__"), _by_node("__rmod__")
    __pow__, __rpow__ = _by_node("__pow__"), _by_node("__rpow__")
    __lt__, __gt__ = _by_node("__lt__"), _by_node("__gt__")
    __le__, __ge__ = _by_node("__le__"), _by_node("__ge__")

    def __and__(self, other: Any) -> Any:
        return Comparison(self.node * _truth(other)) if _is_truth(other) else NotImplemented

    def __or__(self, other: Any) -> Any:
        if not _is_truth(other):
            return NotImplemented
        return ~Comparison((~self).node * (1.0 - _truth(other)))

    __rand__, __ror__ = __and__, __or__

    def __invert__(self) -> Comparison:
        return Comparison(1.0 - self.node)


def comparing(operate: Callable[..., Any]) -> Callable[..., Any]:
    """An operation whose result is a node, as one whose result is its truth value."""

    def compare(a: Any, b: Any) -> Any:
        node = operate(a, b)
        if node is NotImplemented:
            return node
        return Comparison(node, not isinstance(b, (Node, Comparison)))

    return compare


def _is_truth(x: object) -> bool:
    return isinstance(x, (Comparison, int)) or is_bool(x)


def _truth(x: Any) -> Any:
    return x.node if isinstance(x, Comparison) else float(bool(x))
