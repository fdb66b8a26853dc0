"""The functions that the table is written out into: the numbers of its texts, in one call or none.

With native code C makes the nodes of most rows, and has to give the same bits.
"""

from __future__ import annotations

import gc
import operator
import struct
import sys
from fractions import Fraction
from itertools import product
from math import inf, nan

import pytest

from micrograd_es.engine import making
from micrograd_es.engine.algebra import FLOATS, IEEE
from micrograd_es.engine.functions import products, sum_node
from micrograd_es.engine.ops import TABLE, with_number
from micrograd_es.engine.value import Value, apply

NUMBERS = (-inf, -1e300, -2.5, -1.0, -0.3, -0.0, 0.0, 1e-310, 0.5, 1.0, 3.0, 800.0, 1e300, inf, nan)
ROWS = [*TABLE.values(), with_number(TABLE["pow"], 1)]
OPERATORS = {
    "add": operator.add, "sub": operator.sub, "mul": operator.mul, "div": operator.truediv,
    "floor_divide": operator.floordiv, "mod": operator.mod, "pow": operator.pow,
}  # fmt: skip


def bits(numbers):
    """What can be compared: nan is itself, and -0.0 is not 0.0."""
    return [x if x is None else struct.pack("d", x) if x == x else "nan" for x in numbers]


def from_the_texts(op, numbers):
    """Value and partials as the compiled texts have them, each compiled for itself."""
    for algebra in (FLOATS, IEEE):
        try:
            y = algebra.value(op)(*numbers)
            partials = [algebra.partial(op, i)(y, *numbers) for i in range(len(numbers))]
        except (ArithmeticError, ValueError):
            continue
        kept = [
            None if not op.takes(i) or (op.piecewise and not partial) else partial
            for i, partial in enumerate(partials)
        ]
        return bits([y, *kept])
    raise AssertionError(op.name)


@pytest.mark.parametrize("op", ROWS, ids=lambda op: f"{op.name}{op.number or ''}")
def test_a_node_has_the_numbers_of_the_texts_of_its_row(op):
    arity = 3 if op.variadic else op.arity
    for numbers in product(NUMBERS if arity < 3 else NUMBERS[::2], repeat=arity):
        operands = tuple(map(Value, numbers))
        node = apply(op, *operands)
        assert type(node) is Value
        assert node._rule is op
        assert node.parents == operands
        assert bits([node.data, *node.partials]) == from_the_texts(op, numbers), numbers
        assert (node.grad, node.label, vars(node)) == (0.0, "", {})


@pytest.mark.parametrize("name", OPERATORS)
@pytest.mark.parametrize("number", [2, -0.0, 0.5, Fraction(1, 3), 10**25])
def test_a_number_on_either_side_is_a_leaf(name, number):
    operate, op = OPERATORS[name], TABLE[name]
    for at in (-1.5, 0.0, 2.0):
        v = Value(at)
        left, right = operate(number, v), operate(v, number)
        exponent = with_number(op, 1) if name == "pow" else op
        for node, rule, numbers in (
            (left, op, (float(number), at)),
            (right, exponent, (at, float(number))),
        ):
            assert bits([node.data, *node.partials]) == from_the_texts(rule, numbers)
        assert left.parents[1] is right.parents[0] is v
        assert left.parents[0].parents == right.parents[1].parents == ()


@pytest.mark.parametrize("name", OPERATORS)
@pytest.mark.parametrize("other", ["1", None, 1j, True, [1.0], object()])
def test_what_is_no_number_is_refused_on_either_side(name, other):
    for pair in ((Value(1.0), other), (other, Value(1.0))):
        with pytest.raises(TypeError):
            OPERATORS[name](*pair)
    with pytest.raises(OverflowError):
        OPERATORS[name](Value(1.0), 10**400)


def test_products_are_the_nodes_of_the_operator():
    ws, xs = [[Value(x) for x in pair] for pair in zip(*product(NUMBERS, repeat=2))]
    for w, x, node in zip(ws, xs, products(ws, xs), strict=True):
        same = w * x
        assert (node._rule, node.parents) == (same._rule, same.parents)
        assert bits([node.data, *node.partials]) == bits([same.data, *same.partials])


def calls(f, *operands):
    """How many functions written in Python run while f does."""
    found = []
    gc.disable()  # others may look on when it collects
    sys.setprofile(lambda frame, event, argument: found.append(frame) if event == "call" else None)
    try:
        f(*operands)
    finally:
        sys.setprofile(None)
        gc.enable()
    return len(found)


@pytest.mark.parametrize("name", sorted(OPERATORS))
def test_an_operator_between_two_values_is_one_call(name):
    written = TABLE[name] not in making.NATIVE
    # in x ** y Python looks first whether y is a number
    assert calls(OPERATORS[name], Value(1.5), Value(-0.5)) == written * (1 + (name == "pow"))


@pytest.mark.parametrize("name", ["exp", "log", "sqrt", "sin", "relu", "arctan2", "maximum"])
def test_a_function_of_the_table_is_one_call(name):
    operands = [Value(x) for x in TABLE[name].at]
    written = TABLE[name] not in making.NATIVE
    assert calls(getattr(operands[0], name), *operands[1:]) == written


def test_the_written_functions_bear_the_names_of_their_rows():
    assert Value.tanh.__qualname__ == "Value.tanh"
    assert Value.tanh.__doc__ == "``tanh(self)`` as a new node."
    assert Value.hypot.__doc__ == "``hypot(self, b)`` as a new node."


def test_a_subclass_is_an_operand_and_its_results_are_values():
    class Mine(Value):
        __slots__ = ()

    for node in (Mine(2.0) * Value(3.0), Value(2.0) * Mine(3.0), 2.0 * Mine(3.0), Mine(2.0) * 3.0):
        assert (type(node), node.data) == (Value, 6.0)
    assert type(sum_node((Mine(1.0), Value(2.0)))) is Value
