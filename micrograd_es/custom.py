"""A user's own operation: a function and its derivative, outside the table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from micrograd_es.scalars import as_float


@dataclass(frozen=True, eq=False)
class CustomOperation:
    """What `custom` makes a node of; it has the place of a row of the table."""

    name: str
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

    def forward(self, numbers: Sequence[float]) -> tuple[float, tuple[float, ...]]:
        """Value and partials as floats."""
        return as_float(self.value(numbers)), tuple(map(as_float, self.partials(numbers)))


def _quietly(f: Callable[..., Any], numbers: Sequence[Any]) -> Any:
    with np.errstate(all="ignore"):
        try:
            return f(*numbers)
        except ArithmeticError:  # 1 / 0.0 raises on floats and is inf on NumPy's
            if not all(isinstance(x, float) for x in numbers):
                raise
            return f(*map(np.float64, numbers))
