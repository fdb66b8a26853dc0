"""NumPy's functions of Values: rows of the table, operators, and the rest as NumPy has it.

NumPy hands a call on to here where one of its functions is given a Value or a comparison
itself. Of an array it only knows that it holds objects, and calls their operators and
methods element by element.
"""

from __future__ import annotations

import operator
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from micrograd_es.base.arrays import is_array, is_bool
from micrograd_es.base.scalars import as_float
from micrograd_es.engine.caller import is_inside
from micrograd_es.engine.comparison import INSTEAD, refusal
from micrograd_es.engine.dispatch import Dispatched
from micrograd_es.engine.functions import function, maximum, minimum, where
from micrograd_es.engine.ops import TABLE


def _clip(a: Any, low: Any, high: Any) -> Any:
    raised = a if low is None else maximum(a, low)
    return raised if high is None else minimum(raised, high)


def _logaddexp(a: Any, b: Any) -> Any:
    lower = -abs(a - b)  # nan where both are one infinity
    return maximum(a, b) + where(lower <= 0, function(TABLE["softplus"])(lower), _LN_2)


_LN_2 = 0.6931471805599453
# By the names that they have in NumPy.
_COMPARISONS: dict[str, Callable[..., Any]] = {
    "less": operator.lt, "less_equal": operator.le,
    "greater": operator.gt, "greater_equal": operator.ge,
}  # fmt: skip
_OPERATIONS: dict[str, Callable[..., Any]] = {
    **_COMPARISONS,
    **{name: function(row) for name, row in TABLE.items() if not row.operator},
    "add": operator.add, "subtract": operator.sub, "multiply": operator.mul,
    "divide": operator.truediv, "floor_divide": operator.floordiv, "remainder": operator.mod,
    "power": operator.pow, "positive": operator.pos, "negative": operator.neg,
    "absolute": operator.abs,
    "logical_and": operator.and_, "logical_or": operator.or_, "logical_not": operator.invert,
    "clip": _clip, "logaddexp": _logaddexp,
}  # fmt: skip
# Those of them that take arrays as well, of whatever mixture.
_ON_ARRAYS = {"maximum", "minimum", "arctan2", "hypot", "clip", "sign"}


def called(ufunc: Any, method: str, inputs: Sequence[Any], settings: Mapping[str, Any]) -> Any:
    """What an elementwise function of NumPy (a "ufunc") gives of Values."""
    name = ufunc.__name__
    plain = method == "__call__" and not settings
    if name in _COMPARISONS:  # NumPy's own functions count on truth values of NumPy's
        plain = plain and not is_inside(sys._getframe(2))
    if plain and name in _OPERATIONS:
        operands = [_operand(x) for x in inputs]
        if name in _ON_ARRAYS or not any(map(is_array, operands)):
            return _OPERATIONS[name](*operands)
    if any(isinstance(x, Dispatched) for x in settings.get("out", ())):
        return NotImplemented
    if name in INSTEAD and method != "reduce":
        raise refusal(name)
    # as objects, one by one
    return getattr(ufunc, method)(*map(_objects, inputs), **settings)


def _objects(x: Any) -> Any:
    """A Value as an array of objects; of long doubles, which stay NumPy's as objects, floats."""
    if isinstance(x, Dispatched):
        import numpy as np

        return np.asarray(x, object)
    kind = {"g": float, "G": complex}.get(getattr(getattr(x, "dtype", None), "char", ""))
    return x.astype(kind) if kind else x


def _operand(x: Any) -> Any:
    """A Value, a comparison, a bool, a float or an array.

    No number stays one of NumPy's, whose operators would ask here again.
    """
    if isinstance(x, Dispatched):
        return x
    if isinstance(x, float):
        return float(x)
    if isinstance(x, (list, tuple)):
        import numpy as np

        x = np.asarray(x)
    if is_array(x):
        return x if x.ndim else _operand(x[()])
    return bool(x) if is_bool(x) else as_float(x)


def answered(
    function: Any, types: Sequence[type], args: Sequence[Any], settings: Mapping[str, Any]
) -> Any:
    """What any other function of NumPy gives where Values are among its arguments."""
    import numpy as np

    if not all(issubclass(kind, (Dispatched, np.ndarray)) for kind in types):
        return NotImplemented
    if function is np.where and len(args) == 3:
        return where(*map(_operand, args))
    if function is np.clip:
        return _clip_of(*args, **settings)
    return function._implementation(*args, **settings)


def _clip_of(a: Any, a_min: Any = None, a_max: Any = None, out: None = None, **bounds: Any) -> Any:
    """With the signature of `numpy.clip`, whose bounds have two names."""
    low, high = bounds.pop("min", a_min), bounds.pop("max", a_max)
    if out is not None or bounds:
        raise TypeError("np.clip of Values takes no out and no settings")
    return _clip(*[x if x is None else _operand(x) for x in (a, low, high)])
