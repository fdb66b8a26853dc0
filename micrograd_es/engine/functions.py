"""Functions of Values: rows of the table by name, sums, and a user's own operation."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from math import inf
from typing import Any

from micrograd_es.base.arrays import is_array, is_bool
from micrograd_es.engine import making
from micrograd_es.engine.custom import CustomOperation
from micrograd_es.engine.graph import record
from micrograd_es.engine.ops import TABLE, Operation
from micrograd_es.engine.value import Operand, Value, as_value

_summed = making.function(TABLE["sum"])
# The nodes wᵢ·xᵢ of two sequences of Values. Nine nodes of ten in a network are made here.
products: Callable[[Sequence[Value], Sequence[Value]], list[Value]] = making.each(TABLE["mul"])


def function(op: Operation) -> Callable[..., Any]:
    """A row of the table as a function of Values, numbers and arrays of either.

    On arrays of Values it works element by element, as NumPy's own functions do.
    """

    made = making.function(op)

    def call(*operands: Any) -> Any:
        if any(map(_has_elements, operands)):
            import numpy as np

            return np.frompyfunc(call, op.arity, 1)(*operands)
        return made(*map(as_value, operands))

    call.__name__ = call.__qualname__ = op.name
    return call


def _has_elements(x: Any) -> bool:
    return type(x) is not Value and is_array(x) and x.ndim > 0


_maximum, _minimum, _where, _arctan2, _hypot = (
    function(TABLE[name]) for name in ("maximum", "minimum", "where", "arctan2", "hypot")
)


def maximum(a: Any, b: Any) -> Any:
    """The larger of two Values, as a node; at a tie each takes half of the gradient.

    nan wins over any number, as in NumPy.
    """
    return _maximum(a, b)


def minimum(a: Any, b: Any) -> Any:
    """The smaller of two Values, as a node; at a tie each takes half of the gradient.

    nan wins over any number, as in NumPy.
    """
    return _minimum(a, b)


def arctan2(a: Any, b: Any) -> Any:
    """The angle of the point (b, a), in radians from -π to π, as a node.

    Examples
    --------
    >>> arctan2(Value(1.0), 1.0).data
    0.7853981633974483
    """
    return _arctan2(a, b)


def hypot(a: Any, b: Any) -> Any:
    """√(a² + b²) as a node, without an overflow on the way.

    Examples
    --------
    >>> hypot(Value(3.0), 4.0).data
    5.0
    """
    return _hypot(a, b)


def where(condition: Any, a: Any, b: Any) -> Any:
    """`a` if the condition holds, else `b`, as a node; what is not chosen takes no gradient.

    Parameters
    ----------
    condition : comparison of Values, Value, number or bool
        A comparison such as ``x > 0`` becomes part of the graph and is made anew
        when the graph is replayed. A Value counts as true unless it is 0.
    """
    if is_bool(condition):
        condition = float(condition)
    elif is_array(condition) and condition.dtype == bool:
        condition = condition.astype(float)
    return _where(condition, a, b)


def vsum(values: Iterable[Operand]) -> Value:
    """The sum of the values as one node, correctly rounded.

    The empty sum is a leaf that holds 0.0.
    """
    return sum_node(tuple([as_value(v) for v in values]))


def sum_node(terms: tuple[Value, ...]) -> Value:
    """`vsum` of what is already a tuple of Values."""
    return _summed(*terms) if terms else Value(0.0)


def dot(ws: Iterable[Operand], xs: Iterable[Operand]) -> Value:
    """Σ wᵢ·xᵢ: one node for the sum, and one for each product.

    Raises
    ------
    ValueError
        The two have different lengths.
    """
    left, right = [as_value(w) for w in ws], [as_value(x) for x in xs]
    if len(left) != len(right):
        raise ValueError(f"dot takes two of the same length, not {len(left)} and {len(right)}")
    return sum_node(tuple(products(left, right)))


def logsumexp(values: Iterable[Operand]) -> Value:
    """ln Σ exp(vᵢ) as a node, without an overflow on the way.

    Raises
    ------
    ValueError
        There are no values.

    Examples
    --------
    >>> logsumexp([Value(1000.0), 1000.0]).data
    1000.6931471805599
    """
    terms = _some(values, "logsumexp")
    largest = _largest(terms)
    # an infinite one is itself the result, and not inf - inf
    shift: Value = where(abs(largest) < inf, largest, 0.0)
    return shift + shifted(terms, shift)[1]


def softmax(values: Iterable[Operand]) -> list[Value]:
    """exp(vᵢ) / Σ exp(vⱼ) for each value: a list of nodes that add up to 1.

    Raises
    ------
    ValueError
        There are no values.

    Examples
    --------
    >>> [p.data for p in softmax([Value(1000.0), 1000.0])]
    [0.5, 0.5]
    """
    terms = _some(values, "softmax")
    largest = _largest(terms)
    powers = tuple([(v - largest).exp() for v in terms])
    total = sum_node(powers)
    return [power / total for power in powers]


def log_softmax(values: Iterable[Operand]) -> list[Value]:
    """vᵢ - ln Σ exp(vⱼ), the logarithm of `softmax`, for each value: a list of nodes.

    Raises
    ------
    ValueError
        There are no values.

    Examples
    --------
    >>> [p.data for p in log_softmax([Value(0.0), -1000.0])]
    [0.0, -1000.0]
    """
    terms, total = shifted(_some(values, "log_softmax"))
    return [v - total for v in terms]


def shifted(terms: Sequence[Value], shift: Value | None = None) -> tuple[list[Value], Value]:
    """vᵢ - m, and ln Σ exp(vᵢ - m): the largest, m, or another `shift`, keeps exp in range."""
    m = _largest(terms) if shift is None else shift
    rest = [v - m for v in terms]
    return rest, sum_node(tuple([v.exp() for v in rest])).log()


def _some(values: Iterable[Operand], name: str) -> list[Value]:
    terms = [as_value(v) for v in values]
    if not terms:
        raise ValueError(f"{name} takes at least one value")
    return terms


def _largest(values: Sequence[Value]) -> Value:
    """By halves, so that the graph is shallow."""
    while len(values) > 1:
        pairs = [maximum(a, b) for a, b in zip(values[::2], values[1::2])]
        values = pairs + list(values[len(pairs) * 2 :])
    return values[0]


def custom(f: Callable[..., Any], df: Callable[..., Any], *args: Operand) -> Value:
    """A node ``f(*args)`` whose derivative is the user's own ``df(*args)``.

    Parameters
    ----------
    f : callable
        Takes and gives numbers.
    df : callable
        Takes the same numbers and gives the derivative, or for several arguments a tuple
        with one partial for each. If it works on Values too, it can be differentiated
        again (``create_graph``).

    Examples
    --------
    >>> x = Value(3.0)
    >>> y = custom(lambda z: z**3, lambda z: 3 * z**2, x)
    >>> y.backward()
    >>> y.data, x.grad
    (27.0, 27.0)
    """
    if not args:
        raise ValueError("custom(f, df, *args) takes at least one argument for f")
    operands = tuple([as_value(x) for x in args])
    rule = CustomOperation(getattr(f, "__name__", type(f).__name__).strip("<>"), f, df)
    data, partials = rule.forward([v._data for v in operands])
    return record(Value, rule, data, operands, partials)
