"""Arrays of Values for a user's own formula in NumPy, where ``np.maximum`` is a node too."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from micrograd_es.base.arrays import Array
from micrograd_es.engine.numpys import called
from micrograd_es.engine.value import Value


class ValueArray(np.ndarray[Any, Any]):
    """An array of objects whose elementwise functions are those of Values."""

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **settings: Any) -> Any:
        if out := settings.get("out"):
            settings["out"] = tuple(map(_plain, out))
        result = called(ufunc, method, [*map(_plain, inputs)], settings)
        return _ours(result) if isinstance(result, np.ndarray) else result


def value_array(values: Iterable[Value]) -> Array:
    """The Values as an array that hands functions of NumPy on to them."""
    return _ours(np.array([*values]))


def _plain(x: Any) -> Any:
    return x.view(np.ndarray) if isinstance(x, ValueArray) else x


def _ours(array: Array) -> Array:
    return array.view(ValueArray) if array.dtype == object else array
