"""A user's own operations in a replay: on arrays where they take them, else one by one.

A function of numbers may take arrays and still not work on each element alone: one that
decides by ``np.max(z)`` does not, and no numbers that are tried need tell. So it is called
with a `_Probe`, which is like an array and knows only what is done element by element.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import cache
from typing import Any, TypeAlias

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from micrograd_es.base.errors import ElementwiseWarning
from micrograd_es.base.scalars import as_float
from micrograd_es.engine.custom import CustomOperation
from micrograd_es.tape.recording import Recording

Array: TypeAlias = Any  # of NumPy, JAX or PyTorch
Function: TypeAlias = Callable[..., Array]
Customs: TypeAlias = Callable[[CustomOperation], tuple[Function, Callable[[int], Function]]]


def array_functions(
    recording: Recording, one_by_one: Callable[[Function], Function] | None = None
) -> Customs:
    """For each custom operation, on arrays, its value and ``partial(i)(y, *operands)``.

    Parameters
    ----------
    one_by_one : callable, optional
        Makes a function of numbers one of arrays; by default NumPy's does, with a warning.
    """

    @cache
    def functions(rule: CustomOperation) -> tuple[Function, Callable[[int], Function]]:
        def value(*operands: Array) -> Array:
            return rule.value(operands)

        def partial(i: int) -> Function:
            return lambda y, *operands: rule.partials(operands)[i]

        if is_elementwise(rule, recording):
            return value, partial
        mapped = one_by_one
        if mapped is None:
            mapped = _one_by_one
            warnings.warn(
                f"{rule.name} takes no arrays element by element, and is replayed one by one",
                ElementwiseWarning,
                stacklevel=5,
            )
        return mapped(value), cache(lambda i: mapped(partial(i)))

    return functions


def is_elementwise(rule: CustomOperation, recording: Recording) -> bool:
    """Whether the user's functions work on each element of an array alone."""
    numbers = [v.data for v in next(v for v in recording.nodes if v._rule is rule).parents]
    # two samples that differ: their number has no say in the result either
    pairs = [np.array([x, x + 0.25]) for x in numbers]
    probes = [_Probe(pair) for pair in pairs]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            probed = [rule.value(probes), *rule.partials(probes)]
            together = [rule.value(pairs), *rule.partials(pairs)]
            apart = [rule.forward([p[k] for p in map(np.ndarray.tolist, pairs)]) for k in (0, 1)]
    except Exception:
        return False
    return all(isinstance(x, _Probe) or np.ndim(x) == 0 for x in probed) and all(
        np.ndim(a) <= 1
        and np.shape(a) in ((), (2,))
        and np.allclose(a, [(y, *d)[n] for y, d in apart], rtol=1e-12, atol=0, equal_nan=True)
        for n, a in enumerate(together)
    )


# Functions of NumPy that are no ufuncs, and work element by element on their first argument
# or, as `np.where`, on all.
_ELEMENTWISE = {
    np.where, np.clip, np.select, np.nan_to_num, np.round, np.fix, np.sinc, np.real, np.interp,
    np.copy, np.zeros_like, np.ones_like, np.full_like,
}  # fmt: skip


class _Probe(NDArrayOperatorsMixin):
    """An array on which nothing can be done but operations element by element.

    It is no truth value, no number, no sequence and no array of NumPy's: a function that
    decides by its elements, picks some or puts them together raises an error.
    """

    def __init__(self, numbers: Array) -> None:
        self._numbers = numbers
        self.shape, self.ndim, self.size = numbers.shape, numbers.ndim, numbers.size
        self.dtype = numbers.dtype

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **named: Any) -> Any:
        if method != "__call__" or ufunc.signature or named.keys() - {"dtype"}:
            return NotImplemented
        return _wrapped(ufunc(*map(_unwrapped, inputs), **named))

    def __array_function__(self, function: Any, types: Any, given: Any, named: Any) -> Any:
        if function not in _ELEMENTWISE:
            return NotImplemented
        return _wrapped(function(*map(_unwrapped, given), **named))

    def __array__(self, *_: Any, **__: Any) -> Array:
        raise TypeError("what would be done with a plain array is not seen")

    def __bool__(self) -> bool:
        raise TypeError("the elements differ")

    def __len__(self) -> int:
        return len(self._numbers)

    def __setitem__(self, mask: Any, number: float) -> None:
        self._numbers[mask._numbers] = float(number)

    def astype(self, kind: Any) -> _Probe:
        return _Probe(self._numbers.astype(kind))

    def copy(self) -> _Probe:
        return _Probe(self._numbers.copy())

    def clip(self, *bounds: Any) -> Any:
        return np.clip(self, *bounds)


def _unwrapped(x: Any) -> Any:
    if isinstance(x, (list, tuple)):
        return [_unwrapped(element) for element in x]
    return x._numbers if isinstance(x, _Probe) else x


def _wrapped(x: Any) -> Any:
    return tuple(map(_wrapped, x)) if isinstance(x, tuple) else _Probe(x)


def _one_by_one(f: Function) -> Function:
    def of_numbers(*numbers: float) -> float:
        return as_float(f(*numbers))

    return lambda *arrays: np.asarray(np.frompyfunc(of_numbers, len(arrays), 1)(*arrays), float)
