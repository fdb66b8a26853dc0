"""Plain numbers of an expression: the leaf of the 2 in ``2 * x`` knows that it is no variable."""

from __future__ import annotations

from typing import Any, TypeVar

from micrograd_es.engine.graph import Node


class _NoOperands(tuple[Any, ...]):
    """The operands of a plain number: none, as of any leaf, and by them it is known."""

    __slots__ = ()

    def __reduce__(self) -> str:
        return "NUMBER"


NUMBER = _NoOperands()
N = TypeVar("N", bound=Node)


def constant(leaf: N) -> N:
    """The leaf, marked as a plain number."""
    leaf._a = NUMBER
    return leaf


def is_constant(node: Node) -> bool:
    """Whether the node is a plain number that nobody has given a name."""
    return node._a is NUMBER and not node.label
