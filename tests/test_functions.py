"""Functions of Values: choices, sums and products, on Values, numbers and arrays."""

from __future__ import annotations

import math

import numpy as np
import pytest

from micrograd_es import (
    Tape,
    Value,
    dot,
    grad,
    log_softmax,
    logsumexp,
    maximum,
    minimum,
    softmax,
    vsum,
    where,
)
from micrograd_es.engine.functions import function, products, sum_node
from micrograd_es.engine.ops import TABLE

# -- one of two ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("a", "b", "larger", "d_larger", "d_smaller"),
    [
        (2.0, 1.0, 2.0, [1.0, 0.0], [0.0, 1.0]),
        (1.0, 2.0, 2.0, [0.0, 1.0], [1.0, 0.0]),
        (2.0, 2.0, 2.0, [0.5, 0.5], [0.5, 0.5]),
        (math.inf, 2.0, math.inf, [1.0, 0.0], [0.0, 1.0]),
        (0.0, -0.0, 0.0, [0.5, 0.5], [0.5, 0.5]),
    ],
)
def test_the_larger_and_the_smaller(a, b, larger, d_larger, d_smaller):
    x, y = Value(a), Value(b)
    assert maximum(x, y).data == larger
    assert minimum(x, y).data == min(a, b)
    assert grad(maximum(x, y), [x, y]) == d_larger
    assert grad(minimum(x, y), [x, y]) == d_smaller
    assert minimum(x, y).data == -maximum(-x, -y).data


def test_nan_wins_over_any_number():
    for f in (maximum, minimum):
        assert math.isnan(f(Value(math.nan), 1.0).data)
        assert math.isnan(f(1.0, Value(math.nan)).data)


def test_numbers_become_leaves():
    y = maximum(1.0, 2.0)
    assert isinstance(y, Value)
    assert y.data == 2.0
    x = Value(3.0)
    assert maximum(x, 2).parents[0] is x


@pytest.mark.parametrize(
    ("condition", "data"),
    [(True, 1.0), (False, 2.0), (np.True_, 1.0), (np.False_, 2.0), (3, 1.0), (0.0, 2.0),
     (Value(-1.0), 1.0), (Value(0.0), 2.0), (math.nan, 1.0)],
    ids=repr,
)  # fmt: skip
def test_where_takes_the_branch_that_the_condition_says(condition, data):
    a, b = Value(1.0), Value(2.0)
    y = where(condition, a, b)
    assert y.data == data
    assert grad(y, [a, b]) == ([1.0, 0.0] if data == 1.0 else [0.0, 1.0])


def test_a_comparison_is_part_of_the_graph():
    x = Value(3.0)
    y = where(x > 2, x * 10, x)
    condition = y.parents[0]
    assert condition.op == "less"
    assert condition.parents[1] is x
    assert (y.data, grad(y, x)) == (30.0, 10.0)


def test_where_makes_no_gradient_for_its_condition():
    c = Value(1.0)
    y = where(c, 5.0, 7.0)
    y.backward()
    assert c.grad == 0.0


def test_choices_on_arrays_elementwise():
    v = np.array([Value(1.0), Value(-2.0), Value(3.0)])
    assert [y.data for y in maximum(v, 0.0)] == [1.0, 0.0, 3.0]
    assert [y.data for y in minimum(0.0, v)] == [0.0, -2.0, 0.0]
    assert [y.data for y in maximum(v, v[::-1])] == [3.0, -2.0, 3.0]
    assert [y.data for y in where(np.array([True, False, True]), v, 9.0)] == [1.0, 9.0, 3.0]
    assert [y.data for y in where(np.array([1, 0, 0]), v, np.zeros(3))] == [1.0, 0.0, 0.0]
    assert maximum(np.ones((2, 1)), v).shape == (2, 3)
    assert [y.data for y in where(v > 0, v, 0.0)] == [1.0, 0.0, 3.0]


@pytest.mark.parametrize("bad", ["1", None, 1j, True])
def test_choices_refuse_what_is_no_number(bad):
    for f in (maximum, minimum):
        with pytest.raises(TypeError):
            f(Value(1.0), bad)
    with pytest.raises(TypeError):
        where(True, Value(1.0), bad)


@pytest.mark.parametrize("bad", ["1", None, 1j])
def test_conditions_that_are_none(bad):
    with pytest.raises(TypeError):
        where(bad, 1.0, 2.0)


@pytest.mark.parametrize("op", TABLE.values(), ids=TABLE)
def test_a_row_as_a_function(op):
    y = function(op)(*op.at)
    assert isinstance(y, Value)
    assert y.op == function(op).__name__ == op.name
    arrays = [np.array([x, x]) for x in op.at]
    assert [v.data for v in function(op)(*arrays)] == [y.data, y.data]


# -- sums ---------------------------------------------------------------------------


def test_a_sum_is_one_node():
    v = [Value(float(k)) for k in range(5)]
    y = vsum(v)
    assert (y.op, y.data, y.parents) == ("sum", 10.0, tuple(v))
    assert grad(y, v) == [1.0] * 5


def test_a_sum_of_values_and_numbers_and_of_a_generator():
    x = Value(2.0)
    assert vsum([x, 1, np.float32(0.5)]).data == 3.5
    assert vsum(x * k for k in range(4)).data == 12.0
    assert vsum(np.array([x, x])).data == 4.0
    assert grad(vsum([x, x, x]), x) == 3.0


def test_the_empty_sum_is_a_leaf():
    for y in (vsum([]), dot([], []), sum_node(())):
        assert (y.data, y.op, y.parents) == (0.0, "", ())


def test_a_sum_is_correctly_rounded_in_any_order():
    numbers = [1e100, 1.0, -1e100, 1e-20, 0.1]
    for k in range(5):
        assert vsum(numbers[k:] + numbers[:k]).data == math.fsum(numbers)
    assert vsum([0.1] * 10).data == 1.0


@pytest.mark.parametrize(
    ("numbers", "data"),
    [
        ([math.inf, 1.0], math.inf),
        ([math.inf, -math.inf], math.nan),
        ([math.nan, 1.0], math.nan),
        ([1.7e308, 1.7e308], math.inf),
        ([-1.7e308, -1.7e308], -math.inf),
    ],
)
def test_a_sum_of_odd_numbers(numbers, data):
    x = [Value(n) for n in numbers]
    y = vsum(x)
    assert y.data == pytest.approx(data, nan_ok=True)
    assert grad(y, x) == [1.0, 1.0]


def test_a_sum_of_no_numbers():
    for bad in (["1"], [None], "12", [True], [[1.0]]):
        with pytest.raises(TypeError):
            vsum(bad)


# -- products -----------------------------------------------------------------------


def test_a_dot_product_is_a_sum_over_products():
    w, x = [Value(2.0), Value(3.0)], [Value(5.0), Value(7.0)]
    y = dot(w, x)
    assert (y.op, y.data) == ("sum", 31.0)
    assert [p.op for p in y.parents] == ["mul", "mul"]
    assert [p.parents for p in y.parents] == list(zip(w, x))
    assert grad(y, [*w, *x]) == [5.0, 7.0, 2.0, 3.0]


def test_a_dot_product_with_numbers_and_iterators():
    w = [Value(2.0), Value(3.0)]
    assert dot(w, [10, np.int8(100)]).data == 320.0
    assert dot(iter(w), np.array([1.0, 2.0])).data == 8.0
    assert dot(w, w).data == 13.0
    assert grad(dot(w, w), w) == [4.0, 6.0]


@pytest.mark.parametrize(("ws", "xs"), [([1.0], []), ([1.0, 2.0], [1.0]), ([], [1.0])])
def test_a_dot_product_of_different_lengths(ws, xs):
    with pytest.raises(ValueError, match=f"not {len(ws)} and {len(xs)}"):
        dot(ws, xs)


def test_products_are_those_of_the_operator():
    w, x = [Value(2.0), Value(math.inf)], [Value(3.0), Value(0.0)]
    for made, (a, b) in zip(products(w, x), zip(w, x)):
        expected = a * b
        assert (made.op, made.parents, made.partials) == ("mul", (a, b), expected.partials)
        assert made.data == pytest.approx(expected.data, nan_ok=True)


# -- softmax and its kin ------------------------------------------------------------

NUMBERS = [
    [0.3, -1.2, 2.0, 0.7, 0.3],
    [5.0],
    [1000.0, 1000.0, 999.0],
    [-1000.0, -1001.0],
    [1e300, -1e300],
    [-math.inf, 0.0, 1.0],
    [math.inf, 1.0],
    [-math.inf, -math.inf],
    [math.nan, 1.0],
]


@pytest.mark.parametrize("numbers", NUMBERS, ids=repr)
@pytest.mark.parametrize("f", [softmax, log_softmax, logsumexp])
def test_they_are_those_of_torch(f, numbers):
    torch = pytest.importorskip("torch")
    values = [Value(x) for x in numbers]
    t = torch.tensor(numbers, dtype=torch.float64, requires_grad=True)
    ours, theirs = f(values), getattr(torch, f.__name__)(t, 0)
    found = [ours.data] if f is logsumexp else [v.data for v in ours]
    assert found == pytest.approx(theirs.reshape(-1).tolist(), rel=1e-14, nan_ok=True)
    if all(map(math.isfinite, numbers)):
        weights = [0.5 + k for k in range(len(found))]
        dot([ours] if f is logsumexp else ours, weights).backward()
        (theirs.reshape(-1) * torch.tensor(weights, dtype=torch.float64)).sum().backward()
        assert [v.grad for v in values] == pytest.approx(t.grad.tolist(), rel=1e-12, abs=1e-15)


@pytest.mark.parametrize("f", [softmax, log_softmax, logsumexp])
def test_they_take_numbers_iterators_and_arrays_and_are_replayed(f):
    x = [Value(0.5), Value(-1.0), Value(2.0)]
    expected = np.array([v.data for v in np.ravel(f(x))])
    for given in (iter(x), np.array(x), np.array([0.5, -1.0, 2.0]), [x[0], -1, x[2]]):
        assert [v.data for v in np.ravel(f(given))] == expected.tolist()
    made = f([v * 1 for v in x])
    tape = Tape(made, x)
    X = np.array([[0.5, -1.0, 2.0], [3.0, 3.0, -700.0]])
    assert tape.value(X)[0] == pytest.approx(expected, rel=1e-14)
    other = [v.data for v in np.ravel(f(X[1]))]
    assert tape.value(X)[1] == pytest.approx(np.array(other), rel=1e-14)


@pytest.mark.parametrize(
    ("bad", "error"),
    [([], ValueError), ([None], TypeError), ([[1.0, 2.0]], TypeError), (1.0, TypeError)],
)
@pytest.mark.parametrize("f", [softmax, log_softmax, logsumexp])
def test_they_refuse(f, bad, error):
    with pytest.raises(error):
        f(bad)


# -- rounding -----------------------------------------------------------------------


def test_rounding_is_numpy_s_and_a_node_without_a_slope():
    rng = np.random.default_rng(0)
    for n in (None, 0, 1, 2, 5, -1, -2):
        for x in [*(rng.standard_normal(50) * 1000), 0.5, 1.5, 2.5, -0.5, 25.0, 35.0, 0.125]:
            v = Value(x)
            y = round(v, n) if n is not None else round(v)
            assert y.data == np.round(x, n or 0)
            y.backward()
            assert v.grad == 0.0
    assert [v.data for v in np.round(np.array([Value(1.26), Value(-0.75)]), 1)] == [1.3, -0.8]
    assert np.rint(Value(2.5)).data == 2.0


@pytest.mark.parametrize("x", [math.inf, -math.inf, math.nan])
def test_rounding_what_is_not_finite(x):
    assert round(Value(x)).data == pytest.approx(x, nan_ok=True)
    assert round(Value(x), 2).data == pytest.approx(x, nan_ok=True)


def test_rounding_to_what_is_no_count_of_places():
    with pytest.raises(TypeError):
        round(Value(1.0), 1.5)
