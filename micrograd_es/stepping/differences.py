"""Finite differences on a recorded graph: what each gradient of a page is checked against."""

from __future__ import annotations

from math import isclose, isfinite

from micrograd_es.engine.algebra import computed
from micrograd_es.engine.custom import CustomOperation, NumbersAlone
from micrograd_es.engine.value import Value


def central_differences(nodes: list[Value]) -> dict[Value, float]:
    """d(last of the nodes)/d(each) from the values alone, with no derivative rule.

    `nodes` is a whole graph, each after its operands. Each node in turn is moved a
    little to either side, and what stands above it is computed again.
    """
    result = {}
    for k, node in enumerate(nodes):
        h = 6e-6 * max(1.0, abs(node.data))
        high, low = node.data + h, node.data - h
        if not isfinite(node.data):
            result[node] = float("nan")
        else:
            result[node] = (_root_with(nodes, k, high) - _root_with(nodes, k, low)) / (high - low)
    return result


def _root_with(nodes: list[Value], k: int, x: float) -> float:
    moved = {nodes[k]: x}
    for node in nodes[k + 1 :]:
        if not moved.keys().isdisjoint(node.parents):
            moved[node] = _value(node, [moved.get(p, p.data) for p in node.parents])
    return moved.get(nodes[-1], nodes[-1].data)


def _value(node: Value, operands: list[float]) -> float:
    assert node._rule is not None
    if isinstance(node._rule, NumbersAlone):  # it cannot be computed at other numbers
        return float("nan")
    if isinstance(node._rule, CustomOperation):
        try:
            return node._rule.forward(operands)[0]
        except (ArithmeticError, ValueError):  # math.log at the edge of its domain
            return float("nan")
    return computed(node._rule, *operands)


def agree(gradient: float, difference: float, root: float) -> bool:
    """Whether a gradient and a central difference of a `root` of that size are one number."""
    return isclose(gradient, difference, rel_tol=1e-6, abs_tol=1e-9 * max(1.0, abs(root)))
