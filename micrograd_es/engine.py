"""Value: a number that remembers how it was computed, and `backward()`.

Each operation on Values makes a new node that keeps its operands and, as plain
numbers, its local partials ∂node/∂operand at that moment. `backward()` then needs
no calculus at all: it walks the nodes in reverse topological order and multiplies,
``parent's gradient += node's gradient · local partial``, which is the product of
partials that one writes by hand. The calculus itself stands in `ops`.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeAlias, Union

from micrograd_es import anomaly
from micrograd_es.algebra import FLOATS, ieee
from micrograd_es.chain import hand_on, one_pass, topological_order
from micrograd_es.comparison import Comparison, comparing
from micrograd_es.copying import Below, below
from micrograd_es.custom import CustomOperation, making_graph
from micrograd_es.ops import TABLE, Operation
from micrograd_es.scalars import Number, as_float, is_number

Operand: TypeAlias = Union["Value", Number]

_new = object.__new__


class Value:
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
        After ``v.backward()``, dv/d(this node). Leaves accumulate over calls until
        it is set to 0; an interior node's grad is that of the last pass.
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

    # Nearly all nodes have two operands, a and b, with the partials da and db. Any other
    # number of them stands in the tuples a and da, and then b and db are None. A tuple for
    # each node would be one more object for the garbage collector to visit, and half of
    # what building a graph costs is that.
    __slots__ = ("__weakref__", "_data", "a", "adjoint", "b", "da", "db", "grad", "label", "rule")

    # above that of NumPy's scalars and not above that of its arrays: before version 2,
    # np.float64(1) > v asked only then what v makes of it
    __array_priority__ = 0.0

    a: Any
    b: Value | None
    da: Any
    db: float | None
    adjoint: Any  # for the length of one walk: its mark, then a float or None
    grad: float
    label: str
    rule: Operation | CustomOperation | None

    def __init__(self, data: Number, label: str = "") -> None:
        if not isinstance(label, str):
            raise TypeError(f"a label is a string, not {type(label).__name__}")
        self._data = as_float(data)
        self.grad = 0.0
        self.adjoint = None
        self.label = label
        self.rule = None
        self.a = self.da = ()
        self.b = self.db = None

    @property
    def data(self) -> float:
        """The number. It can be assigned; what was recorded before keeps its partials."""
        return self._data

    @data.setter
    def data(self, number: Number) -> None:
        self._data = as_float(number)

    @property
    def parents(self) -> tuple[Value, ...]:
        """The operands, in order."""
        return self.a if self.b is None else (self.a, self.b)

    @property
    def partials(self) -> tuple[float | None, ...]:
        """∂(this node)/∂(each operand)."""
        return self.da if self.b is None else (self.da, self.db)

    @property
    def op(self) -> str:
        """Name of the operation that made this node; "" for a leaf."""
        return self.rule.name if self.rule else ""

    def backward(self) -> None:
        """Fills `grad` of every node below with d(self)/d(node).

        Raises
        ------
        AnomalyError
            Under `detect_anomaly`, where a gradient turns non-finite; then no
            `grad` has changed.
        """
        if anomaly.is_watching():
            anomaly.watch_backward(self)
        order = topological_order(self)
        with one_pass:
            hand_on(self, order)
            for node in order:
                if node.rule:
                    node.grad = node.adjoint or 0.0
                else:
                    node.grad += node.adjoint or 0.0

    # The names that scripts written for micrograd use.

    _prev = parents
    _op = op

    def _backward(self) -> None:
        for parent, partial in zip(self.parents, self.partials):
            if partial is not None:
                parent.grad += self.grad * partial

    # Operators. The binary ones, and a method for each named function of one
    # operand, are made from the operation table below the class.

    if TYPE_CHECKING:

        def __add__(self, other: Operand) -> Value: ...
        def __radd__(self, other: Operand) -> Value: ...
        def __sub__(self, other: Operand) -> Value: ...
        def __rsub__(self, other: Operand) -> Value: ...
        def __mul__(self, other: Operand) -> Value: ...
        def __rmul__(self, other: Operand) -> Value: ...
        def __truediv__(self, other: Operand) -> Value: ...
        def __rtruediv__(self, other: Operand) -> Value: ...
        def __rpow__(self, other: Operand) -> Value: ...
        def __lt__(self, other: Operand) -> Comparison: ...
        def __le__(self, other: Operand) -> Comparison: ...
        def __gt__(self, other: Operand) -> Comparison: ...
        def __ge__(self, other: Operand) -> Comparison: ...
        def exp(self) -> Value: ...
        def log(self) -> Value: ...
        def sqrt(self) -> Value: ...
        def sin(self) -> Value: ...
        def cos(self) -> Value: ...
        def tanh(self) -> Value: ...
        def sigmoid(self) -> Value: ...
        def softplus(self) -> Value: ...
        def relu(self) -> Value: ...

    def __neg__(self) -> Value:
        return apply(TABLE["neg"], self)

    def __abs__(self) -> Value:
        return apply(TABLE["abs"], self)

    def __pow__(self, other: Operand) -> Value:
        if isinstance(other, Value):
            return apply(TABLE["pow"], self, other)
        if not is_number(other):
            return NotImplemented
        power = apply(_POWER, self, Value(other))
        power.rule = TABLE["pow"]
        return power

    def __float__(self) -> float:
        if making_graph.get():
            raise TypeError("a Value that becomes a float leaves the graph being made")
        return self._data

    def __bool__(self) -> bool:
        return self._data != 0.0

    def conjugate(self) -> Value:
        """Itself, as of any real number: what `np.var` and `np.std` ask for."""
        return self

    def __repr__(self) -> str:
        label = f", label={self.label!r}" if self.label else ""
        return f"Value(data={self._data!r}, grad={self.grad!r}{label})"

    def __format__(self, spec: str) -> str:
        return format(self._data, spec) if spec else repr(self)

    def __reduce__(self) -> tuple[Any, ...]:
        return _restore, (
            below(self), self._data, self.grad, self.label, self.rule, self.parents, self.partials,
            type(self)
        ), getattr(self, "__dict__", None)  # fmt: skip

    def __deepcopy__(self, memo: dict[int, Any]) -> Value:
        for node in reversed(topological_order(self)):
            if id(node) not in memo:
                parents = tuple([memo[id(p)] for p in node.parents])
                memo[id(node)] = _restore(
                    None, node._data, node.grad, node.label, node.rule, parents, node.partials,
                    type(node)
                )  # fmt: skip
                if hasattr(node, "__dict__"):  # of a class of the user's, made from this one
                    vars(memo[id(node)]).update(deepcopy(vars(node), memo))
        copy: Value = memo[id(self)]
        return copy


# -- recording ----------------------------------------------------------------


def as_value(x: Operand) -> Value:
    """`x` itself if it is a Value, else a new leaf."""
    return x if isinstance(x, Value) else Value(x)


def record(
    rule: Operation | CustomOperation | None,
    data: float,
    parents: tuple[Value, ...],
    partials: tuple[float | None, ...],
    kind: type[Value] = Value,
) -> Value:
    """A new node. Every operation ends here."""
    node = _new(kind)
    node._data = data
    node.grad = 0.0
    node.adjoint = None
    node.label = ""
    node.rule = rule
    if len(parents) == 2:
        node.a, node.b = parents
        node.da, node.db = partials
    else:
        node.a, node.da = parents, partials
        node.b = node.db = None
    if anomaly.watches and anomaly.is_watching():
        anomaly.watch_forward(node)
    return node


def _restore(
    below: Below | None,
    data: float,
    grad: float,
    label: str,
    rule: Operation | CustomOperation | None,
    parents: tuple[Value, ...],
    partials: tuple[float | None, ...],
    kind: type[Value],
) -> Value:
    """A node from a pickle or of a copy; `below` has only been there to go first."""
    node = record(rule, 0.0, parents, partials, kind)
    node._data = data  # only now: a watch has nothing to say of a node that was there before
    node.grad = grad
    node.label = label
    return node


def _with_branches(op: Operation) -> Operation:
    """The row whose partial is None, not 0.0, where a branch is not taken."""
    return replace(op, df=tuple(f"({text}) or None" for text in op.df)) if op.piecewise else op


# x ** 2: the exponent is a number and not a variable, so nothing is derived for it
_POWER = replace(TABLE["pow"], df=(TABLE["pow"].df[0], "None"))
_ROWS = {op: _with_branches(op) for op in (*TABLE.values(), _POWER)}
FORWARD = {op: FLOATS.forward(row) for op, row in _ROWS.items()}


def apply(op: Operation, *operands: Value) -> Value:
    """The node of a row of the table on its operands."""
    numbers = [v._data for v in operands]
    try:
        data, partials = FORWARD[op](*numbers)
    except (ArithmeticError, ValueError):
        data, partials = ieee(_ROWS[op], numbers)
    return record(op, data, operands, partials)


def _operators(op: Operation) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """``a ∘ b`` and its reflection, for a row of two operands."""
    forward, row = FORWARD[op], _ROWS[op]

    def operate(a: Value, b: Any) -> Any:
        if not isinstance(b, Value):
            if not is_number(b):
                return NotImplemented
            b = Value(b)
        try:
            data, partials = forward(a._data, b._data)
        except (ArithmeticError, ValueError):
            data, partials = ieee(row, (a._data, b._data))
        return record(op, data, (a, b), partials)

    def reflected(b: Value, a: Any) -> Any:
        return operate(Value(a), b) if is_number(a) else NotImplemented

    return operate, reflected


for _symbol, _name in {
    "add": "add", "sub": "sub", "mul": "mul", "truediv": "div", "pow": "pow"
}.items():  # fmt: skip
    _operate, _reflected = _operators(TABLE[_name])
    if _symbol != "pow":  # __pow__ is above: it tells x ** 2 from x ** y
        setattr(Value, f"__{_symbol}__", _operate)
    setattr(Value, f"__r{_symbol}__", _reflected)

# a > b is b < a: between two Values Python asks b, since a gives NotImplemented
for _symbol, _mirrored, _name in ("lt", "gt", "less"), ("le", "ge", "less_equal"):
    _operate, _reflected = _operators(TABLE[_name])
    setattr(Value, f"__{_symbol}__", comparing(_operate))
    setattr(Value, f"__{_mirrored}__", comparing(_reflected))


def _method(op: Operation) -> Callable[[Value], Value]:
    def method(self: Value) -> Value:
        return apply(op, self)

    method.__name__ = op.name
    method.__qualname__ = f"Value.{op.name}"
    method.__doc__ = f"``{op.name}(self)`` as a new node."
    return method


for _op in TABLE.values():
    if _op.arity == 1 and not _op.variadic and _op.name not in ("neg", "abs"):
        setattr(Value, _op.name, _method(_op))
