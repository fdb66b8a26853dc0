"""What the texts of the table mean for floats, for arrays, and where floats raise."""

from __future__ import annotations

import itertools
import math
import types

import numpy as np
import pytest

from micrograd_es.engine.algebra import FLOATS, IEEE, arrays
from micrograd_es.engine.ops import TABLE, Operation

ODD = [0.0, -0.0, 1.0, -1.0, 0.5, -8.0, 3.0, 1e-300, 1e300, 750.0, math.inf, -math.inf, math.nan]


def same(a, b, rtol=1e-13):
    np.testing.assert_allclose(a, b, rtol=rtol, atol=0, equal_nan=True)


def evaluated(algebra, op, operands):
    """The value and each partial."""
    y = algebra.value(op)(*operands)
    return y, [algebra.partial(op, i)(y, *operands) for i in range(len(operands))]


def by_floats(op, operands):
    """The same, however they are found."""
    try:
        return evaluated(FLOATS, op, operands)
    except (ArithmeticError, ValueError):
        return evaluated(IEEE, op, operands)


@pytest.mark.parametrize("op", TABLE.values(), ids=TABLE)
def test_recorded_is_the_value_and_each_partial_that_is_handed_on_by(op):
    y, *kept = FLOATS.recorded(op)(*op.at)
    value, partials = evaluated(FLOATS, op, op.at)
    assert y == value
    wanted = [
        None if not op.takes(i) or (op.piecewise and partial == 0.0) else partial
        for i, partial in enumerate(partials)
    ]
    assert (kept if op.arity == 2 else [*kept[0]]) == wanted


@pytest.mark.parametrize("op", TABLE.values(), ids=TABLE)
def test_floats_and_arrays_say_the_same(op):
    grid = np.array(list(itertools.product(ODD, repeat=op.arity)))
    with np.errstate(all="ignore"):
        y, partials = evaluated(arrays(np), op, grid.T)
    expected = [by_floats(op, row) for row in grid.tolist()]
    same(np.broadcast_to(y, len(grid)), [e[0] for e in expected])
    for i, partial in enumerate(partials):
        same(np.broadcast_to(partial, len(grid)), [e[1][i] for e in expected])


@pytest.mark.parametrize("op", TABLE.values(), ids=TABLE)
def test_where_floats_do_not_raise_ieee_says_the_same(op):
    for operands in itertools.product(ODD, repeat=op.arity):
        try:
            y, partials = evaluated(FLOATS, op, operands)
        except (ArithmeticError, ValueError):
            continue
        exact = evaluated(IEEE, op, operands)
        same([y, *partials], [exact[0], *exact[1]])


@pytest.mark.parametrize(
    ("name", "operands", "y", "partials"),
    [
        ("div", (1.0, 0.0), math.inf, (math.inf, -math.inf)),
        ("div", (0.0, 0.0), math.nan, (math.inf, math.nan)),
        ("log", (0.0,), -math.inf, (math.inf,)),
        ("log", (-1.0,), math.nan, (-1.0,)),
        ("sqrt", (-1.0,), math.nan, (math.nan,)),
        ("exp", (1000.0,), math.inf, (math.inf,)),
        ("pow", (-8.0, 1 / 3), math.nan, (math.nan, math.nan)),
        ("sin", (math.inf,), math.nan, (math.nan,)),
    ],
)
def test_where_floats_raise_ieee_has_an_answer(name, operands, y, partials):
    with pytest.raises((ArithmeticError, ValueError)):
        evaluated(FLOATS, TABLE[name], operands)
    got = evaluated(IEEE, TABLE[name], operands)
    assert all(type(x) is float for x in (got[0], *got[1]))
    same([got[0], *got[1]], [y, *partials])


def test_where_is_lazy_on_floats_alone():
    op = Operation("first", "where(a > 0.0, a, 1.0 / a)", ("1.0",), "{a}", (1.0,))
    assert FLOATS.value(op)(2.0) == 2.0
    assert FLOATS.value(op)(-2.0) == -0.5
    row = Operation("second", "where(a < 1.0, 1.0, 1.0 / 0.0)", ("1.0",), "{a}", (1.0,))
    assert FLOATS.value(row)(0.0) == 1.0  # 1 / 0 was not computed


def test_a_sum_takes_any_number_of_operands():
    total = TABLE["sum"]
    assert FLOATS.recorded(total)(1.0, 2.0, 3.0) == (6.0, (1.0, 1.0, 1.0))
    assert FLOATS.value(total)(*[0.1] * 10) == 1.0  # correctly rounded
    a = np.array([1.0, 2.0])
    np.testing.assert_array_equal(arrays(np).value(total)(a, a, 1.0), [3.0, 5.0])


def test_rows_call_one_another_by_name():
    op = Operation("twice", "sigmoid(a) + tanh(a)", ("1.0",), "{a}", (1.0,))
    expected = FLOATS.value(TABLE["sigmoid"])(0.3) + math.tanh(0.3)
    assert FLOATS.value(op)(0.3) == expected


def test_a_row_sees_nothing_but_the_algebra():
    op = Operation("open", "open(a)", ("1.0",), "{a}", (1.0,))
    with pytest.raises(NameError):
        FLOATS.value(op)(1.0)


def test_other_namespaces_of_arrays_and_their_names():
    """What NumPy calls arctan, mod and pow has other names in the array API standard."""
    other = types.ModuleType("other")
    ours = {"arctan": "atan", "arctan2": "atan2", "mod": "remainder", "pow": "pow"}
    for op in TABLE.values():
        if op.primitive and op.name != "abs":
            function = getattr(np, "power" if op.name == "pow" else op.name)
            setattr(other, ours.get(op.name, op.name), function)
    other.where = np.where
    algebra = arrays(other)
    for op in TABLE.values():
        if not op.variadic:
            same(algebra.value(op)(*op.at), FLOATS.value(op)(*op.at), rtol=1e-15)


def test_a_namespace_without_a_function_says_so_when_it_is_called():
    bare = types.ModuleType("bare")
    bare.where = np.where
    algebra = arrays(bare)
    assert algebra.value(TABLE["relu"])(2.0) == 2.0
    with pytest.raises(NotImplementedError, match="bare has no function tan"):
        algebra.value(TABLE["tan"])(1.0)
