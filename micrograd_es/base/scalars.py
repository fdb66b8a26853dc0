"""What counts as a real number, and its float64."""

from __future__ import annotations

import operator
import sys
from decimal import Decimal
from math import isfinite
from numbers import Real
from typing import TYPE_CHECKING, Any, TypeAlias, TypeGuard, Union

if TYPE_CHECKING:
    import numpy as np

Number: TypeAlias = Union[float, Real, "np.number[Any]"]


def as_float(x: object) -> float:
    """`x` as a float64, exactly where it is an integer or a NumPy number.

    Raises
    ------
    TypeError
        It is not a real number: a string, None, complex, a boolean, an array of
        more than one element.
    OverflowError
        It is an integer beyond float range.
    """
    if type(x) is float:
        return x
    if is_number(x):
        return float(x)
    numpy = sys.modules.get("numpy")  # as long as nobody has imported it, there is no array
    array: Any = x if numpy and isinstance(x, numpy.ndarray) else None
    if array is not None and array.size == 1 and not numpy.ma.is_masked(array):  # type: ignore[union-attr]
        return as_float(array.item())
    shape = "" if array is None else f" of shape {array.shape}"
    raise TypeError(f"expected a real number, got {type(x).__name__}{shape}")


def is_number(x: object) -> TypeGuard[Number]:
    """Whether `x` is one real number; booleans and arrays are not."""
    if type(x) is float or type(x) is int:  # nearly always, and the question below takes time
        return True
    return isinstance(x, (Real, Decimal)) and not isinstance(x, bool)


def as_count(n: Any, what: str, least: int = 1) -> int:
    """`n` as an integer from `least` upwards.

    Raises
    ------
    TypeError
        It is no integer.
    ValueError
        It is less.
    """
    if isinstance(n, bool) or not hasattr(n, "__index__"):
        raise TypeError(f"{what} is an integer, not {type(n).__name__}")
    if operator.index(n) < least:
        raise ValueError(f"{what} is an integer from {least} upwards, not {n!r}")
    return operator.index(n)


def as_setting(x: Any, what: str) -> float:
    """`x` as a finite number from 0 upwards.

    Raises
    ------
    TypeError
        It is not a real number.
    ValueError
        It is less than 0, infinite or nan.
    """
    if not is_number(x):
        raise TypeError(f"{what} is a number, not {type(x).__name__}")
    number = float(x)
    if not (number >= 0 and isfinite(number)):
        raise ValueError(f"{what} is a number from 0 upwards, not {x!r}")
    return number
