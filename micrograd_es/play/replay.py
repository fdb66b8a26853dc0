"""A graph computed anew on other numbers, node by node."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from micrograd_es.chain import topological_order
from micrograd_es.derivative import grad
from micrograd_es.engine import Value, apply
from micrograd_es.play.points import Array


class Tape:
    """Replays the graph below `output` for each row of inputs."""

    def __init__(self, output: Value, inputs: Sequence[Value], parameters: Sequence[Value]) -> None:
        self._inputs, self._parameters = inputs, parameters
        self._order = topological_order(output)[::-1]

    def _run(self, row: Array, theta: Array) -> Value:
        for v, x in zip([*self._inputs, *self._parameters], [*row.tolist(), *theta.tolist()]):
            v.data = x
        new: dict[Value, Any] = {}
        for node in self._order:
            rule: Any = node.rule
            new[node] = apply(rule, *[new[p] for p in node.parents]) if rule else node
        result: Value = new[self._order[-1]]
        return result

    def value(self, X: Array, theta: Array) -> Array:
        """The output for each row."""
        return np.array([self._run(row, theta).data for row in X])

    def value_and_grad(self, X: Array, theta: Array) -> tuple[Array, Array]:
        """The output for each row, and the gradient of its mean."""
        outputs = [self._run(row, theta) for row in X]
        gradients = [grad(output, self._parameters) for output in outputs]
        return np.array([v.data for v in outputs]), np.mean(gradients, axis=0)
