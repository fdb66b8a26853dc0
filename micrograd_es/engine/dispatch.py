"""What NumPy asks a Value or a comparison when one of its functions is given it."""

from __future__ import annotations

from functools import cache
from typing import Any


class Dispatched:
    """What NumPy's functions leave the work to; NumPy calls the two methods and nobody else."""

    __slots__ = ()

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **settings: Any) -> Any:
        return _numpys().called(ufunc, method, inputs, settings)

    def __array_function__(self, function: Any, types: Any, args: Any, settings: Any) -> Any:
        return _numpys().answered(function, types, args, settings)


@cache
def _numpys() -> Any:
    """The file that answers, which needs Values and so cannot be imported before there are any."""
    from micrograd_es.engine import numpys

    return numpys
