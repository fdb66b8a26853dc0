"""Value: a number that remembers how it was computed, and `backward()`.

Each operation on Values makes a new node that keeps its operands and, as plain
numbers, its local partials ∂node/∂operand at that moment. `backward()` then needs
no calculus at all: it walks the nodes in reverse topological order and multiplies,
``parent's gradient += node's gradient · local partial``, which is the product of
partials that one writes by hand. The calculus itself stands in `ops`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from operator import index
from typing import TYPE_CHECKING, Any, TypeAlias, Union

from micrograd_es.base.scalars import Number, as_float, is_number
from micrograd_es.engine import graph, making
from micrograd_es.engine.anomaly import watch_backward
from micrograd_es.engine.comparison import Comparison, comparing, decides
from micrograd_es.engine.dispatch import Dispatched
from micrograd_es.engine.drop_in import DropInNode, make_by_hand
from micrograd_es.engine.graph import backward, leaf, native
from micrograd_es.engine.leaving import number_of
from micrograd_es.engine.numbers import constant
from micrograd_es.engine.ops import TABLE, Operation, with_number
from micrograd_es.engine.watching import is_watching

Operand: TypeAlias = Union["Value", Number]
Binary: TypeAlias = Callable[["Value", Operand], "Value"]
Unary: TypeAlias = Callable[["Value"], "Value"]


def apply(op: Operation, *operands: Value) -> Value:
    """The node of a row of the table on its operands."""
    return making.function(op)(*operands)  # type: ignore[no-any-return]


def _binary(op: Operation) -> tuple[Binary, Binary]:
    """``a ∘ b`` and its reflection, for a row of two operands."""
    return making.operators(op)


def _comparing(op: Operation) -> tuple[Callable[..., Comparison], Callable[..., Comparison]]:
    """``a < b``, and ``a > b``: between two Values Python asks b whether it is less."""
    return tuple(map(comparing, _binary(op)))  # type: ignore[return-value]


def _unary(op: Operation) -> Unary:
    """The method for a row of one operand."""
    return making.function(op)


class Value(Dispatched, DropInNode):
    """One scalar node of a computation graph.

    Parameters
    ----------
    data : real number
        Converted to float64. Integers, Fractions and NumPy scalars are welcome.
    label : str
        The name it bears in drawings and explanations.

    Attributes
    ----------
    grad : float
        After ``v.backward()``, dv/d(this node). In a leaf it adds up over calls until it is
        set to 0 or to None; in any other node it is that of the last call.
    parents : tuple of Value
        The operands, in order; ``x * x`` lists x twice.
    partials : tuple of (float or None)
        ∂(this node)/∂(each operand), taken when the node was made. None means that
        the operand takes no gradient at all: a branch that was not taken, or the
        number in ``x ** 2``.

    Raises
    ------
    TypeError
        `data` is not a real number (strings, None, complex, booleans, arrays).
    OverflowError
        `data` is an integer beyond float range.

    Examples
    --------
    >>> x = Value(3.0, label="x")
    >>> y = x * x + 1
    >>> y.backward()
    >>> y.data, x.grad
    (10.0, 6.0)
    """

    __slots__ = ()

    def __init__(
        self,
        data: Number | Comparison,
        _children: str | Iterable[Value] = (),  # or, in its place, the label
        _op: str | Iterable[float] = "",
        label: str = "",
    ) -> None:
        if not isinstance(label, str):
            raise TypeError(f"a label is a string, not {type(label).__name__}")
        self.grad = 0.0
        self._adjoint = None
        self.label = label
        self._b = self._db = None
        if isinstance(data, Comparison):  # a node too, and no number: the sum of it alone
            self._data = data.node._data
            self._rule, self._a, self._da = TABLE["sum"], (data.node,), (1.0,)
        else:
            self._data = as_float(data)
            self._rule = None
            self._a = self._da = ()
        if type(_children) is not tuple or _children or _op:
            make_by_hand(self, _children, _op)

    @property
    def data(self) -> float:
        """The number. It can be assigned; nodes that were made before keep their partials."""
        return graph.taken(self) if graph.taken else self._data

    @data.setter
    def data(self, number: Number) -> None:
        self._data = as_float(number)

    @property
    def op(self) -> str:
        """Name of the operation that made this node; "" for a leaf."""
        return self._rule.name if self._rule else ""

    def backward(self) -> None:
        """Fills `grad` of every node below with d(self)/d(node).

        Raises
        ------
        AnomalyError
            Under `detect_anomaly`, where a gradient turns non-finite.
        TypeError
            The `grad` of a leaf has been set to what is neither a number nor None.

        Whichever it is, no `grad` has changed.
        """
        if is_watching():
            watch_backward(self)
        if graph.taken:
            graph.taken(self)
        backward(self)

    __add__, __radd__ = _binary(TABLE["add"])
    __sub__, __rsub__ = _binary(TABLE["sub"])
    __mul__, __rmul__ = _binary(TABLE["mul"])
    __truediv__, __rtruediv__ = _binary(TABLE["div"])
    __floordiv__, __rfloordiv__ = _binary(TABLE["floor_divide"])
    __mod__, __rmod__ = _binary(TABLE["mod"])
    _raised, __rpow__ = _binary(TABLE["pow"])
    _raised_to_a_number = _binary(with_number(TABLE["pow"], 1))[0]
    __neg__ = _unary(TABLE["neg"])
    __abs__ = _unary(TABLE["abs"])
    __floor__ = _unary(TABLE["floor"])
    __lt__, __gt__ = _comparing(TABLE["less"])
    __le__, __ge__ = _comparing(TABLE["less_equal"])

    def __pow__(self, other: Operand) -> Value:
        # in x ** 2 the exponent is a number and not a variable: nothing is derived for it
        raised = self._raised if isinstance(other, Value) else self._raised_to_a_number
        return raised(other)

    def __pos__(self) -> Value:
        return self

    def __round__(self, n: int | None = None) -> Value:
        # as NumPy does it: to the nearest, and of two to the even one
        n = 0 if n is None else index(n)
        scale = float(f"1e{abs(n)}")
        if n <= 0:
            return (self / scale).rint() * scale if n else self.rint()
        return (self * scale).rint() / scale

    __float__ = number_of

    def __bool__(self) -> bool:
        return decides(self)

    def __repr__(self) -> str:
        label = f", label={self.label!r}" if self.label else ""
        return f"Value(data={self._data!r}, grad={self.grad!r}{label})"

    def __format__(self, spec: str) -> str:
        return format(self.data, spec) if spec else repr(self)

    def conjugate(self) -> Value:
        """Itself, as of any real number: what `np.var` and `np.std` ask for."""
        return self

    # A method for each function of the table, under the name that NumPy asks for.

    if TYPE_CHECKING:
        exp = log = sqrt = sin = cos = tanh = sigmoid = softplus = relu = __neg__
        tan = arctan = sinh = cosh = log1p = expm1 = log2 = log10 = floor = rint = sign = __neg__
        leaky_relu = elu = silu = gelu = erf = erfc = __neg__
        arctan2 = hypot = maximum = minimum = weighted = __add__


for _op in TABLE.values():
    if not (_op.operator or _op.variadic or _op.arity > 2 or _op.name == "abs"):
        setattr(Value, _op.name, _unary(_op) if _op.arity == 1 else _binary(_op)[0])


def as_value(x: Operand | Comparison) -> Value:
    """`x` itself if it is a Value, the node of a comparison, else a new leaf."""
    if isinstance(x, Value):
        return x
    return x.node if isinstance(x, Comparison) else constant(Value(x))


def _operand(x: Any) -> Value | None:
    """The same of whatever an operator is given; None where that is no operand of it."""
    if is_number(x):
        return constant(leaf(Value, float(x)))
    return as_value(x) if isinstance(x, (Value, Comparison)) else None


making.makes(Value, _operand, as_value)
if native:  # the same in C
    Value.data = native.Storage.data  # type: ignore[method-assign]
    if {TABLE["pow"], with_number(TABLE["pow"], 1)} <= making.NATIVE:
        Value.__pow__ = native.Storage.__pow__  # type: ignore[method-assign]
