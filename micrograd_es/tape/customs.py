"""A user's own operations in a replay: on arrays where they take them, else one by one."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from micrograd_es.base.errors import ElementwiseWarning
from micrograd_es.engine.custom import CustomOperation
from micrograd_es.tape.recording import Recording

Array = Any
Functions: TypeAlias = tuple[Callable[..., Array], list[Callable[..., Array]]]


def array_functions(recording: Recording) -> Callable[[CustomOperation, int], Functions]:
    """For each custom operation its value and its partials, as functions of arrays.

    Whether a function takes arrays is tried once, on the numbers of the recording.
    """

    def functions(rule: CustomOperation, arity: int) -> Functions:
        numbers = [v.data for v in next(v for v in recording.nodes if v.rule is rule).parents]
        if not _takes_arrays(rule, numbers):
            warnings.warn(
                f"{rule.name} takes no arrays, and is replayed element by element",
                ElementwiseWarning,
                stacklevel=5,
            )
            return _one_by_one(rule, arity)
        return (
            lambda *arrays: rule.value(arrays),
            [_partial(rule, i) for i in range(arity)],
        )

    return functions


def _partial(rule: CustomOperation, i: int) -> Callable[..., Array]:
    return lambda y, *arrays: rule.partials(arrays)[i]


def _takes_arrays(rule: CustomOperation, numbers: list[float]) -> bool:
    # two samples that differ: a function that looks at one of them betrays itself
    pairs = [np.array([x, x + 0.25]) for x in numbers]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            together = [rule.value(pairs), *rule.partials(pairs)]
            apart = [rule.forward([p[k] for p in map(np.ndarray.tolist, pairs)]) for k in (0, 1)]
    except Exception:
        return False
    return all(
        np.ndim(a) <= 1
        and np.shape(a) in ((), (2,))
        and np.allclose(a, [(y, *d)[n] for y, d in apart], rtol=1e-12, atol=0, equal_nan=True)
        for n, a in enumerate(together)
    )


def _one_by_one(rule: CustomOperation, arity: int) -> Functions:
    def partials(*numbers: float) -> tuple[float, ...]:
        return rule.forward(numbers)[1]

    value = np.frompyfunc(lambda *numbers: rule.forward(numbers)[0], arity, 1)

    def partial(i: int) -> Callable[..., Array]:
        each = np.frompyfunc(lambda *numbers: partials(*numbers)[i], arity, 1)
        return lambda y, *arrays: _as_floats(each(*arrays))

    return lambda *arrays: _as_floats(value(*arrays)), [partial(i) for i in range(arity)]


def _as_floats(objects: Any) -> Array:
    return np.asarray(objects, dtype=float)
