"""A recorded graph as functions of Python alone: what a `Tape` computes, for where NumPy is not."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

from micrograd_es.engine.value import Value
from micrograd_es.tape import source
from micrograd_es.tape.recording import record

Numbers = Sequence[float]


class Plain:
    """The graph below the outputs; a sample is a list of numbers, and slow to compute.

    Parameters
    ----------
    outputs, inputs, parameters : sequence of Values
        As those of a `Tape`.
    """

    def __init__(
        self, outputs: Sequence[Value], inputs: Sequence[Value], parameters: Sequence[Value]
    ) -> None:
        self._recording = record(outputs, inputs, parameters)

    @cached_property
    def _values(self) -> Any:
        return _defined(source.values(self._recording), "values")

    @cached_property
    def _value_and_grad(self) -> Any:
        return _defined(source.source(self._recording, "python"), "value_and_grad")

    def value(self, X: Sequence[Numbers], theta: Numbers) -> list[list[float]]:
        """The outputs of every sample."""
        values = self._values
        return [values(x, theta) for x in X]

    def value_and_grad(
        self, X: Sequence[Numbers], theta: Numbers
    ) -> tuple[list[float], list[float]]:
        """The one output of every sample, and the mean of its derivatives by the parameters."""
        function = self._value_and_grad
        found = [function(x, theta) for x in X]
        slopes = zip(*[by_parameters for _value, _by_inputs, by_parameters in found])
        return [value for value, *_more in found], [sum(column) / len(X) for column in slopes]


def _defined(text: str, name: str) -> Any:
    names: dict[str, Any] = {}
    exec(compile(text, "<plain>", "exec"), names)
    return names[name]
