"""What computes the graphs of a training: NumPy where it is, and else Python alone, slower.

Both kinds have the same methods. Samples are what `rows` makes of lists, to be computed again and
again, and parameters what `vector` makes of a list, which has an array's arithmetic.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

from micrograd_es.base.arrays import Vector
from micrograd_es.engine.value import Value
from micrograd_es.tape.plain import Plain

Values: TypeAlias = "Sequence[Value]"


class Replayed:
    """The graph below the outputs on NumPy's arrays."""

    slow = False

    def __init__(self, outputs: Values, inputs: Values, parameters: Values) -> None:
        from micrograd_es.tape.tape import Tape

        self._tape = Tape(outputs, inputs, parameters)

    @staticmethod
    def vector(numbers: Sequence[Any]) -> Any:
        """The numbers as an array."""
        import numpy

        return numpy.array(numbers)

    rows = vector

    def value(self, X: Any, theta: Any) -> list[list[float]]:
        """The outputs of every sample."""
        values: list[list[float]] = self._tape.value(X, theta).tolist()
        return values

    def value_and_grad(self, X: Any, theta: Any) -> tuple[list[float], Any]:
        """The one output of every sample, and its mean gradient by the parameters."""
        values, gradient = self._tape.value_and_grad(X, theta)
        return values.tolist(), gradient


class Written:
    """The graph below the outputs as a program in Python."""

    slow = True
    vector, rows = Vector, list

    def __init__(self, outputs: Values, inputs: Values, parameters: Values) -> None:
        self._plain = Plain(outputs, inputs, parameters)

    def value(self, X: Any, theta: Any) -> list[list[float]]:
        """The outputs of every sample."""
        return self._plain.value(X, theta.tolist())

    def value_and_grad(self, X: Any, theta: Any) -> tuple[list[float], Any]:
        """The one output of every sample, and its mean gradient by the parameters."""
        values, gradient = self._plain.value_and_grad(X, theta.tolist())
        return values, Vector(gradient)


Program: TypeAlias = "Replayed | Written"


def programs() -> type[Replayed] | type[Written]:
    """The faster kind of those that there are."""
    try:
        import numpy  # noqa: F401
    except ImportError:
        return Written
    return Replayed
