"""A user's own operation: a function and its derivative, outside the table."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, ClassVar

from micrograd_es.base.arrays import quiet
from micrograd_es.base.scalars import as_float

making_graph: ContextVar[bool] = ContextVar("making_graph", default=False)


@contextmanager
def no_floats() -> Iterator[None]:
    """Has a Value that becomes a float be a TypeError while a user's function makes a graph.

    It would be a constant, as in math.cos(v), and its derivative silently 0.
    """
    token = making_graph.set(True)
    try:
        yield
    finally:
        making_graph.reset(token)


@dataclass(frozen=True, eq=False)
class OwnOperation:
    """What a user has made a node by; it has the place of a row of the table."""

    name: str

    # what a row of the table may have, and this has not
    piecewise: ClassVar[bool] = False
    variadic: ClassVar[bool] = False
    number: ClassVar[int | None] = None

    @property
    def sign(self) -> str:
        """What stands in its node in a picture; the name where it is empty."""
        return ""

    def takes(self, i: int) -> bool:
        """Whether operand `i` ever takes a gradient."""
        return True


@dataclass(frozen=True, eq=False)
class CustomOperation(OwnOperation):
    """What `custom` makes a node by."""

    f: Callable[..., Any]
    df: Callable[..., Any]

    def value(self, numbers: Sequence[Any]) -> Any:
        """``f`` at the numbers (or arrays)."""
        return _quietly(self.f, numbers)

    def partials(self, numbers: Sequence[Any]) -> tuple[Any, ...]:
        """``df`` at the numbers (or arrays, or Values): one partial an operand."""
        result = _quietly(self.df, numbers)
        given = tuple(result) if isinstance(result, (tuple, list)) else (result,)
        if len(given) != len(numbers):
            raise ValueError(
                f"the derivative of {self.name} should give {len(numbers)} partials, "
                f"one for each argument, and gave {len(given)}"
            )
        return given

    def partial_graphs(self, values: Sequence[Any]) -> tuple[Any, ...]:
        """``df`` at Values, recorded as graphs.

        Raises
        ------
        TypeError
            It works on numbers alone.
        """
        try:
            with no_floats():
                return self.partials(values)
        except (TypeError, AttributeError) as error:
            raise TypeError(
                f"{self.name} cannot be differentiated again: its derivative takes no Values"
            ) from error

    def forward(self, numbers: Sequence[float]) -> tuple[float, tuple[float, ...]]:
        """Value and partials as floats."""
        return as_float(self.value(numbers)), tuple(map(as_float, self.partials(numbers)))


def _quietly(f: Callable[..., Any], numbers: Sequence[Any]) -> Any:
    with quiet():
        try:
            return f(*numbers)
        # on floats 1 / 0.0 raises and (z > 0).astype(float) has no meaning; on NumPy's both have
        except (ArithmeticError, AttributeError) as error:
            if not all(isinstance(x, float) for x in numbers):
                raise
            try:
                from numpy import float64
            except ImportError:
                raise error from None
            with quiet():
                return f(*map(float64, numbers))
