"""What counts as a real number, and its float64."""

from __future__ import annotations

import operator
from decimal import Decimal
from math import isfinite
from numbers import Real
from typing import Any, TypeAlias, TypeGuard, Union

import numpy as np

Number: TypeAlias = Union[float, Real, "np.number[Any]"]

_FLOAT64 = np.dtype(float)


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
    if isinstance(x, np.ndarray) and x.size == 1 and not np.ma.is_masked(x):
        return as_float(x.item())
    shape = f" of shape {x.shape}" if isinstance(x, np.ndarray) else ""
    raise TypeError(f"expected a real number, got {type(x).__name__}{shape}")


def is_number(x: object) -> TypeGuard[Number]:
    """Whether `x` is one real number; booleans and arrays are not."""
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


def as_array(numbers: object, what: str) -> np.ndarray[Any, Any]:
    """An array of float64; the array itself if it is one.

    Raises
    ------
    TypeError
        They are no real numbers.
    ValueError
        They make no array: rows of different lengths.
    """
    if type(numbers) is np.ndarray and numbers.dtype is _FLOAT64:
        return numbers
    if np.ma.is_masked(numbers):
        raise TypeError(f"{what} should hold real numbers, and some are masked")
    try:
        array = np.asarray(numbers)
    except ValueError:
        raise ValueError(f"the rows of {what} are of different lengths") from None
    if array.dtype == object:  # fractions, large integers; or what is no number at all
        array = np.asarray(np.frompyfunc(as_float, 1, 1)(array), dtype=float)
    if array.dtype.kind not in "fiu" or _holds_booleans(numbers):
        kind = "bool" if array.dtype.kind in "fiu" else array.dtype
        raise TypeError(f"{what} should hold real numbers, not {kind}")
    return array.astype(float, copy=False)


def _holds_booleans(numbers: object) -> bool:
    """Whether NumPy has made numbers of some: in a list beside numbers, True is taken as 1."""
    if isinstance(numbers, np.ndarray):
        return bool(numbers.dtype == bool)
    if not isinstance(numbers, (list, tuple)):
        return isinstance(numbers, (bool, np.bool_))
    kinds = {*map(type, numbers)}
    plain = kinds <= {float, int, np.float64}
    return not plain and any(map(_holds_booleans, numbers))
