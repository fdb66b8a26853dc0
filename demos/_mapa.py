"""The map of a model of two inputs, which the demos draw under their points."""

from __future__ import annotations

from typing import Any

import numpy as np

from micrograd_es import Module, Tape, Value
from micrograd_es.pictures.chart import Cells


def decision_map(model: Any, low: tuple[float, float], high: tuple[float, float]) -> Cells:
    """The model's output over a rectangle, squashed into -1..1; its sign is the class."""
    n = 64
    inputs = [Value(0.0), Value(0.0)]
    assert isinstance(model, Module)
    tape = Tape(model(inputs), inputs, model.parameters())
    x, y = (a + (np.arange(n) + 0.5) * (b - a) / n for a, b in zip(low, high))
    grid = np.column_stack([np.tile(x, n), np.repeat(y, n)])
    return Cells(low[0], high[0], low[1], high[1], np.tanh(tape.value(grid)).reshape(n, n))
