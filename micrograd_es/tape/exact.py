"""One sample of a replay done define-by-run, node by node.

The array program adds in another order than `Value` does, and multiplies by the 0 of a
branch that was not taken. Both matter only where numbers are infinite or nan, and there
the sample is done again here, exactly as a graph of Values would be.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from micrograd_es.base.errors import AnomalyError
from micrograd_es.engine.anomaly import watch_backward
from micrograd_es.engine.custom import CustomOperation
from micrograd_es.engine.graph import adjoints_of, record, topological_order
from micrograd_es.engine.value import Value, apply
from micrograd_es.engine.watching import enable_grad, is_watching
from micrograd_es.tape.recording import Recording

Array = Any


class Sample:
    """The graph of one sample, at the numbers given for inputs and parameters."""

    def __init__(self, recording: Recording, given: Sequence[float], number: int) -> None:
        self._number = number
        self.values: list[Value] = []
        self._recorded: dict[Value, Value] = {}
        with enable_grad():
            for i, node in enumerate(recording.nodes):
                if i < len(given):
                    value = Value(given[i], node.label)
                elif i in recording.constants:
                    value = Value(recording.constants[i], node.label)
                else:
                    value = self._computed(node, [self.values[j] for j in recording.operands[i]])
                self.values.append(value)
                self._recorded[value] = node

    def _computed(self, node: Value, operands: list[Value]) -> Value:
        rule = node.rule
        assert rule is not None
        try:
            if isinstance(rule, CustomOperation):
                data, partials = rule.forward([v.data for v in operands])
                value = record(Value, rule, data, tuple(operands), partials)
            else:
                value = apply(rule, *operands)
        except AnomalyError as error:
            raise self._named(error, node) from None
        value.label = node.label
        return value

    def adjoints(self, seeds: Sequence[tuple[int, float]], wanted: Sequence[int]) -> Array:
        """The gradient of Σ seed·node with respect to the wanted nodes, given in seeds."""
        total = np.zeros(len(wanted))
        with np.errstate(all="ignore"):
            for i, seed in seeds:
                root = self.values[i]
                self._watch(root)
                reached = adjoints_of(root, topological_order(root))
                if seed:
                    total += seed * np.array([reached.get(self.values[j], 0.0) for j in wanted])
        return total

    def _watch(self, root: Value) -> None:
        if is_watching():
            try:
                watch_backward(root)
            except AnomalyError as error:
                raise self._named(error, self._recorded[error.node or root]) from None

    def _named(self, error: AnomalyError, node: Value) -> AnomalyError:
        return AnomalyError(f"in sample {self._number}: {error}", node, self._number)
