"""What the network is given of a point: its coordinates, and what is computed from them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import pi
from typing import Any

from micrograd_es.engine.value import Value
from micrograd_es.formulas.notation import name

#: By the name that stands in an address.
FEATURES: dict[str, Callable[[Value, Value], Value]] = {
    "x1": lambda x, y: x,
    "x2": lambda x, y: y,
    "x1x1": lambda x, y: x**2,
    "x2x2": lambda x, y: y**2,
    "x1x2": lambda x, y: x * y,
    "sinx1": lambda x, y: (pi * x).sin(),
    "sinx2": lambda x, y: (pi * y).sin(),
}

_X, _Y = name("x", 1), name("x", 2)
#: As one writes them.
WRITTEN = {
    "x1": _X,
    "x2": _Y,
    "x1x1": f"({_X})²",
    "x2x2": f"({_Y})²",
    "x1x2": f"{_X} · {_Y}",
    "sinx1": f"sin(π {_X})",
    "sinx2": f"sin(π {_Y})",
}


def point(x: float, y: float) -> list[Value]:
    """The two coordinates as leaves, with their names."""
    return [Value(x, label=_X), Value(y, label=_Y)]


def seen(features: Sequence[str], at: list[Value]) -> list[Any]:
    """The network's inputs at a point, as nodes on its coordinates."""
    return [FEATURES[feature](*at) for feature in features]
