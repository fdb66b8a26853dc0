"""The notes' network as a graph with its gradients, and beside them finite differences."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product
from math import tanh
from types import MappingProxyType
from typing import Any, NamedTuple

from micrograd_es import Value, sum_squares
from micrograd_es.engine.functions import products, sum_node
from micrograd_es.formulas.notation import name

# Weights that a reader can follow by hand, of either sign.
X, Y = [0.5, 0.8], [0.0, 1.0]
W = [[[0.4, -0.6], [0.7, -0.3]], [[0.2, 0.5], [0.9, 0.8]]]
B = [[0.1, 0.3], [-0.2, -0.1]]


class Pattern(NamedTuple):
    """One pattern as a graph, by rows of neurons and columns of layers, as Net has it too."""

    cost: Value
    A: Any
    W: Any
    B: Any
    x: list[Value]
    y: list[Value]


def network(numbers: Mapping[str, float] = MappingProxyType({})) -> Pattern:
    """The notes' 2-2-2 network as a graph with its gradients, at other numbers for some names."""

    def leaf(number: float, label: str) -> Value:
        return Value(numbers.get(label, number), label)

    given = [leaf(v, name("x", n)) for n, v in enumerate(X, 1)]
    wanted = [leaf(v, name("ŷ", n)) for n, v in enumerate(Y, 1)]
    weights = [
        [[leaf(W[n][k][m], name("w", n + 1, m + 1, layer=k + 1)) for m in _TWO] for k in _TWO]
        for n in _TWO
    ]
    biases = [[leaf(B[n][k], name("b", n + 1, layer=k + 1)) for k in _TWO] for n in _TWO]
    columns = [given]
    for k in _TWO:
        z = [sum_node((*products(weights[n][k], columns[-1]), biases[n][k])) for n in _TWO]
        for n, v in enumerate(z, 1):
            v.label = name("z", n, layer=k + 1)
        columns.append([v.sigmoid() for v in z])
        for n, v in enumerate(columns[-1], 1):
            v.label = name("a", n, layer=1) if k == 0 else name("y", n)
    cost = sum_squares(columns[-1], wanted)
    cost.label = "C"
    cost.backward()
    return Pattern(cost, list(zip(*columns[1:])), weights, biases, given, wanted)


_TWO = range(2)  # neurons in each of as many layers


def cost(p: Pattern, W: Any, B: Any) -> float:
    """C in the notes' own arithmetic: no graph, and no rule of this package."""
    a = [v.data for v in p.x]
    for layer in _TWO:
        z = [sum(w * v for w, v in zip(W[n][layer], a)) + B[n][layer] for n in _TWO]
        a = [(1 + tanh(v / 2)) / 2 for v in z]  # σ, however large v is
    return sum((y - t.data) ** 2 for y, t in zip(a, p.y))


def differences(p: Pattern, step: float = 1e-5) -> list[float]:
    """ΔC/Δw of each weight, in the order of `in_order`."""
    result = []
    B = [[b.data for b in row] for row in p.B]
    for n, layer, m in product(_TWO, repeat=3):
        costs = []
        for moved in step, -step:
            W = [[[w.data for w in cell] for cell in row] for row in p.W]
            W[n][layer][m] += moved
            costs.append(cost(p, W, B))
        result.append((costs[0] - costs[1]) / (2 * step))
    return result


def in_order(p: Pattern) -> list[Value]:
    """The weights, in the order of `differences`."""
    return [w for row in p.W for cell in row for w in cell]
