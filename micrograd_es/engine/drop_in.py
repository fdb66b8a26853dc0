"""What scripts written for micrograd and for microgpt ask of a node, and nodes that they make.

In micrograd an operation makes a node itself, and gives it a closure that hands the node's
gradient on to its operands::

    out = Value(t, (self,), "tanh")
    def _backward():
        self.grad += (1 - t**2) * out.grad
    out._backward = _backward

What a closure adds is linear in ``out.grad``. So it is called once, with 1 there, and what it
has added are the partials: from then on the node is like any other, and the closure, which
refers to its node, is let go. microgpt gives the partials themselves: ``Value(data, children,
local_grads)``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from math import nan
from typing import Any

from micrograd_es.base.scalars import as_float
from micrograd_es.engine import graph
from micrograd_es.engine.copying import CopiedNode
from micrograd_es.engine.custom import NumbersAlone, OwnOperation
from micrograd_es.engine.graph import Node, make_again, one_pass


@dataclass(frozen=True, eq=False)
class ByHand(NumbersAlone):
    """What a node made by hand is the result of: nothing is known of it but a name."""

    sign: str = ""

    why = (
        "a node made by hand has only its numbers; custom(f, df, x) makes one that has both, as in "
        "custom(math.tanh, lambda z: 1 - math.tanh(z) ** 2, x)"
    )


class DropInNode(CopiedNode):
    """A node with the names that it has in micrograd and in microgpt."""

    __slots__ = ()

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if cls.__eq__ is not object.__eq__ or cls.__hash__ is not object.__hash__:
            raise TypeError(
                f"{cls.__name__} cannot have an __eq__ or __hash__ of its own: two nodes of a "
                "graph are two even where their numbers are equal; compare their .data"
            )

    @property
    def _op(self) -> str:
        """The sign of the operation; of ``x ** 2`` it is ``**2``."""
        rule = self._rule
        if isinstance(rule, ByHand):
            return rule.sign
        if rule is None or isinstance(rule, OwnOperation):
            return rule.name if rule else ""
        number = "" if rule.number is None else _written(self.parents[rule.number]._data)
        return f"{rule.operator or rule.sign or rule.name}{number}"

    @property
    def _children(self) -> tuple[Any, ...]:
        """The operands, without an exponent that is a number."""
        return tuple([v for v, _ in self._handed()])

    @property
    def _prev(self) -> set[Any]:
        return {*self._children}

    @property
    def _local_grads(self) -> tuple[float, ...]:
        return tuple([partial or 0.0 for _, partial in self._handed()])

    def _handed(self) -> list[tuple[Any, float | None]]:
        edges = zip(self.parents, self.partials)
        number = self._rule.number if self._rule else None
        return [edge for i, edge in enumerate(edges) if i != number]

    @property
    def _backward(self) -> Callable[[], None]:
        """Hands the gradient of this one node on to its operands, when called."""
        return partial(_hand_on, self)

    @_backward.setter
    def _backward(self, closure: Callable[[], Any] | None) -> None:
        _read(self, closure or (lambda: None))


def make_by_hand(node: Node, children: str | Iterable[Any], op: str | Iterable[Any]) -> None:
    """Has a node be the result of an operation on those operands; a string is its label.

    Its partials are what `op` gives, where that is no name; else nothing is handed on until
    a closure is read.

    Raises
    ------
    TypeError
        The operands are no Values, or the partials no real numbers.
    ValueError
        There is not one partial for each operand.
    """
    if isinstance(children, str):
        node.label = children
        return
    operands = tuple(children) if isinstance(children, Iterable) else (None,)
    if not all(isinstance(v, Node) for v in operands):
        raise TypeError(
            "a number is followed by a label or by its operands: Values in a tuple, list or set"
        )
    name = op if isinstance(op, str) else ""
    given = [None] * len(operands) if isinstance(op, str) else [as_float(g) for g in op]
    if len(given) != len(operands):
        raise ValueError(f"{len(operands)} children have as many local gradients, not {len(given)}")
    if operands:
        _become(node, name, operands, tuple(given))


def _become(
    node: Node, name: str, operands: tuple[Any, ...], partials: tuple[float | None, ...]
) -> None:
    make_again(node, ByHand(name or "f", name), operands, partials)
    if graph.watch:
        graph.watch(node)


def _read(node: DropInNode, closure: Callable[[], Any]) -> None:
    """Has the partials of a node be what a closure adds to the gradients, read from it once.

    An operand listed twice counts once, with all that it is given. A Value that is not listed
    and is given something is an operand, too. Where numbers have no result, as 1/0 has none,
    the partials are nan.
    """
    listed = dict.fromkeys(node.parents)
    values = {v: None for v in (*listed, *_held(closure)) if v is not node}
    with one_pass:  # others may be adding to the same gradients
        before = [(v, v.grad) for v in (node, *values)]
        try:
            for v in values:
                v.grad = 0.0
            node.grad = 1.0
            closure()
            found = {v: _number(v.grad) for v in values}
        except (ArithmeticError, ValueError):
            found = dict.fromkeys(values, nan)
        finally:
            for v, gradient in before:
                v.grad = gradient
    operands = tuple([v for v in values if v in listed or found[v]])
    if operands:
        _become(node, node._op, operands, tuple([found[v] for v in operands]))


def _held(closure: Callable[[], Any]) -> Iterator[Node]:
    """The Values that a closure has taken with it."""
    for cell in getattr(closure, "__closure__", None) or ():
        try:
            content = cell.cell_contents
        except ValueError:  # a name that has no value as yet
            continue
        yield from [v for v in _each(content) if isinstance(v, Node)]


def _each(content: Any) -> Iterable[Any]:
    return content if isinstance(content, (list, tuple, set)) else [content]


def _hand_on(node: Node) -> None:
    grads = {v: 0.0 if v.grad is None else as_float(v.grad) for v in (node, *node.parents)}
    for parent, factor in zip(node.parents, node.partials):
        if factor is not None:
            grads[parent] += grads[node] * factor
    for v, gradient in grads.items():
        v.grad = gradient


def _written(x: float) -> str:
    return str(int(x)) if x.is_integer() else repr(x)


def _number(gradient: Any) -> float:
    """A gradient as a float; whoever forgets a ``.data`` in a closure has made it a Value."""
    return as_float(gradient._data if isinstance(gradient, Node) else gradient)
