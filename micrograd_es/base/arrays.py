"""NumPy's arrays, where NumPy is: recognised without importing it, asked for by name."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from math import nan, sqrt
from typing import TYPE_CHECKING, Any, TypeAlias, TypeGuard

from micrograd_es.base import ieee
from micrograd_es.base.scalars import as_float

if TYPE_CHECKING:
    import numpy as np

Array: TypeAlias = "np.ndarray[Any, Any]"


def is_array(x: object) -> TypeGuard[Array]:
    """Whether `x` is an array of NumPy; as long as nobody has imported NumPy, nothing is."""
    numpy = sys.modules.get("numpy")
    return numpy is not None and isinstance(x, numpy.ndarray)


def is_bool(x: object) -> bool:
    """Whether `x` is a truth value, Python's or NumPy's."""
    numpy = sys.modules.get("numpy")
    return isinstance(x, bool) or (numpy is not None and isinstance(x, numpy.bool_))


@contextmanager
def needing(name: str) -> Iterator[None]:
    """Has a NumPy that is missing be an error that says what it is needed for."""
    try:
        yield
    except ImportError as error:
        if (error.name or "").split(".")[0] != "numpy":
            raise
        raise ImportError(f"{name} needs NumPy: pip install numpy", name="numpy") from error


class Vector:
    """Floats with the arithmetic of a one-dimensional array, for where NumPy is not loaded."""

    def __init__(self, numbers: list[float]) -> None:
        self._numbers = numbers

    def _with(self, other: Any, f: Callable[[float, float], float]) -> Vector:
        numbers = self._numbers
        others = other._numbers if isinstance(other, Vector) else [other] * len(numbers)
        return Vector([f(a, b) for a, b in zip(numbers, others)])

    def __add__(self, other: Any) -> Vector:
        return self._with(other, lambda a, b: a + b)

    def __sub__(self, other: Any) -> Vector:
        return self._with(other, lambda a, b: a - b)

    def __mul__(self, other: Any) -> Vector:
        return self._with(other, lambda a, b: a * b)

    def __truediv__(self, other: Any) -> Vector:
        return self._with(other, ieee.divide)

    def __pow__(self, other: Any) -> Vector:
        return self._with(other, _power)

    __radd__, __rmul__ = __add__, __mul__

    def __array__(self, *_: Any) -> Any:  # met again when NumPy has been loaded meanwhile
        import numpy

        return numpy.array(self._numbers)

    def tolist(self) -> list[float]:
        """The numbers, as of an array."""
        return self._numbers


def _power(a: float, b: float) -> float:
    """a ** b, which NumPy takes a root or a square for where it is one."""
    if b == 0.5:
        return sqrt(a) if a >= 0.0 else nan
    return a * a if b == 2.0 else ieee.pow(a, float(b))


def vector(numbers: list[float]) -> Any:
    """The numbers as an array; as a `Vector` as long as nobody has imported NumPy."""
    numpy = sys.modules.get("numpy")
    return numpy.array(numbers) if numpy else Vector(numbers)


def quiet() -> AbstractContextManager[Any]:
    """Holds back NumPy's warnings of infinities and nan, where it is loaded."""
    numpy = sys.modules.get("numpy")
    return numpy.errstate(all="ignore") if numpy else nullcontext()


def as_array(numbers: object, what: str) -> Array:
    """An array of float64; the array itself if it is one.

    Raises
    ------
    TypeError
        They are no real numbers.
    ValueError
        They make no array: rows of different lengths.
    """
    import numpy as np

    if type(numbers) is np.ndarray and numbers.dtype == np.float64:
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
    if is_array(numbers):
        return bool(numbers.dtype == bool)
    if not isinstance(numbers, (list, tuple)):
        return is_bool(numbers)
    kinds = {*map(type, numbers)}
    plain = all(kind in (float, int) or kind.__name__ == "float64" for kind in kinds)
    return not plain and any(map(_holds_booleans, numbers))
