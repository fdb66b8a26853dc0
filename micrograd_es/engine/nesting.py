"""Values in lists within lists, or in arrays: each in its order, and results in their nesting."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from micrograd_es.base.arrays import Array, is_array
from micrograd_es.engine.value import Value


def nested(values: Any, what: str, f: Callable[[Value], Any], kind: type = object) -> Any:
    """``f`` of each Value: in lists as they are nested, in an array of that shape and `kind`.

    Raises
    ------
    TypeError
        Something else than a Value stands among them; `what` begins the message.
    """
    if isinstance(values, Value):
        return f(values)
    if is_array(values):
        import numpy as np

        found: Array = np.empty(values.shape, kind)
        for place in np.ndindex(values.shape):
            found[place] = nested(values[place], what, f, kind)
        return found
    if isinstance(values, (str, bytes)) or not isinstance(values, Iterable):
        raise TypeError(f"{what}, not {type(values).__name__}")
    return [nested(v, what, f, kind) for v in values]


def flat(values: Any, what: str) -> list[Value]:
    """All of them in a list, in the order in which they stand."""
    found: list[Value] = []
    nested(values, what, found.append)
    return found
