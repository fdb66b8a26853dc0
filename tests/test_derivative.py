"""`grad`: numbers, graphs of derivatives, and derivatives of those."""

from __future__ import annotations

import math

import mpmath
import numpy as np
import pytest
import sympy

from micrograd_es import Value, custom, dot, grad, maximum, minimum, vsum, where
from micrograd_es.engine.functions import function
from micrograd_es.engine.ops import TABLE

# -- numbers ------------------------------------------------------------------------


def test_one_derivative_for_a_value_and_a_list_for_a_list():
    x, y = Value(3.0), Value(2.0)
    z = x * x * y
    assert grad(z, x) == 12.0
    assert grad(z, [x]) == [12.0]
    assert grad(z, (y, x, y)) == [9.0, 12.0, 9.0]
    assert grad(z, (v for v in (x, y))) == [12.0, 9.0]
    assert grad(z, np.array([x, y])) == [12.0, 9.0]
    assert grad(z, []) == []
    assert type(grad(z, x)) is float


def test_no_grad_changes():
    x = Value(3.0)
    y = x * x
    y.backward()
    z = y * 5
    grad(z, [x, y])
    grad(z, x, create_graph=True)
    assert (x.grad, y.grad, z.grad) == (6.0, 1.0, 0.0)


def test_of_interior_nodes_of_itself_and_of_what_is_not_below():
    x, other = Value(3.0), Value(4.0)
    y = x * x
    z = y * 2
    assert grad(z, [y, z, other]) == [2.0, 1.0, 0.0]
    assert grad(y, z) == 0.0
    graphs = grad(z, [y, z, other], create_graph=True)
    assert [g.data for g in graphs] == [2.0, 1.0, 0.0]
    assert all(isinstance(g, Value) for g in graphs)


@pytest.mark.parametrize("bad", [3.0, None, "x", [Value(1.0)]])
def test_the_output_is_a_value(bad):
    with pytest.raises(TypeError, match="output of grad"):
        grad(bad, Value(1.0))


@pytest.mark.parametrize("bad", [3.0, None, ["x"], [Value(1.0), 2.0]])
def test_it_is_taken_with_respect_to_values(bad):
    with pytest.raises(TypeError):
        grad(Value(1.0), bad)


# -- derivatives of derivatives -----------------------------------------------------


def nth(y, x, n):
    for _ in range(n):
        y = grad(y, x, create_graph=True)
    return y.data


ORDERS = range(1, 6)
SMOOTH = {
    "exp": (lambda x: x.exp(), "exp(x)"),
    "log": (lambda x: x.log(), "log(x)"),
    "sqrt": (lambda x: x.sqrt(), "sqrt(x)"),
    "sin": (lambda x: x.sin(), "sin(x)"),
    "cos": (lambda x: x.cos(), "cos(x)"),
    "tanh": (lambda x: x.tanh(), "tanh(x)"),
    "sigmoid": (lambda x: x.sigmoid(), "1/(1 + exp(-x))"),
    "softplus": (lambda x: x.softplus(), "log(1 + exp(x))"),
    "reciprocal": (lambda x: 1 / x, "1/x"),
    "cube": (lambda x: x**3, "x**3"),
    "root": (lambda x: x**0.3, "x**Rational(3, 10)"),
    "tower": (lambda x: x**x, "x**x"),
    "exponent": (lambda x: 2**x, "2**x"),
    "product": (lambda x: x * x.sin() * x.exp(), "x*sin(x)*exp(x)"),
    "quotient": (lambda x: x.sin() / (x * x + 1), "sin(x)/(x**2 + 1)"),
    "sum": (lambda x: vsum([x.exp(), x * x, x]), "exp(x) + x**2 + x"),
    "inside": (lambda x: (x.sin() * 2 - x).tanh(), "tanh(2*sin(x) - x)"),
}


@pytest.mark.parametrize("name", SMOOTH)
def test_to_the_fifth_order(name):
    f, text = SMOOTH[name]
    symbol = sympy.Symbol("x")
    formula = sympy.sympify(text)
    x = Value(0.625)
    with mpmath.workdps(40):
        for n in ORDERS:
            exact = formula.diff(symbol, n).subs(symbol, sympy.Rational(5, 8)).evalf(30)
            assert nth(f(x), x, n) == pytest.approx(float(exact), rel=1e-12, abs=1e-13)


@pytest.mark.parametrize("name", ["tanh", "sigmoid", "softplus"])
@pytest.mark.parametrize("n", ORDERS)
def test_smooth_at_0_to_the_fifth_order(name, n):
    f, text = SMOOTH[name]
    symbol = sympy.Symbol("x")
    x = Value(0.0)
    exact = sympy.sympify(text).diff(symbol, n).subs(symbol, 0)
    assert nth(f(x), x, n) == pytest.approx(float(exact), abs=1e-15)


def test_mixed_derivatives_come_in_any_order():
    x, y = Value(0.7), Value(1.3)
    z = (x * y).sin() * x**y
    dx, dy = grad(z, [x, y], create_graph=True)
    assert grad(dx, y) == pytest.approx(grad(dy, x), rel=1e-13)
    a, b = sympy.symbols("a b")
    exact = (sympy.sin(a * b) * a**b).diff(a, b).subs({a: 0.7, b: 1.3})
    assert grad(dx, y) == pytest.approx(float(exact), rel=1e-12)


@pytest.mark.parametrize("op", TABLE.values(), ids=TABLE)
def test_the_graph_holds_the_same_numbers(op):
    v = [Value(x) for x in op.at]
    y = function(op)(*v)
    assert [g.data for g in grad(y, v, create_graph=True)] == grad(y, v)


def test_pieces_are_flat_inside():
    a, b = Value(2.0), Value(-1.0)
    for y in (maximum(a, b), minimum(a, b), abs(b), a.relu(), where(a > b, a, b)):
        for first in grad(y, [a, b], create_graph=True):
            assert grad(first, [a, b]) == [0.0, 0.0]
    assert nth(a.relu() ** 3, a, 2) == 12.0
    assert nth(abs(b) ** 3, b, 2) == 6.0
    assert nth(maximum(a, b) * a, a, 2) == 2.0


def test_a_tie_is_shared_in_the_graph_too():
    a, b = Value(2.0), Value(2.0)
    assert [g.data for g in grad(maximum(a, b), [a, b], create_graph=True)] == [0.5, 0.5]


def test_an_exponent_that_is_a_number_has_no_graph():
    x = Value(-3.0)
    assert nth(x**2, x, 1) == -6.0
    assert nth(x**2, x, 2) == 2.0
    assert nth(x**2, x, 3) == 0.0


def test_a_branch_not_taken_gives_nothing_in_the_graph_either():
    x = Value(0.0)
    y = where(x > 0, x.log(), x * 2)
    assert [grad(y, x), grad(y, x, create_graph=True).data, nth(y, x, 2)] == [2.0, 2.0, 0.0]
    z = (x.log() + 5).relu() + x
    assert grad(z, x, create_graph=True).data == 1.0


def test_graphs_of_derivatives_have_a_backward_too():
    x = Value(2.0)
    slope = grad(x**3, x, create_graph=True)
    (slope * slope).backward()  # d/dx 9x^4
    assert x.grad == 36 * 8.0


def test_a_hessian_times_a_vector():
    v = [Value(x) for x in (1.0, 2.0, 3.0)]
    cost = dot(v, v) * v[0]
    first = grad(cost, v, create_graph=True)
    along = dot(first, [1.0, 0.0, -1.0])
    assert grad(along, v) == [6 * 1.0 - 2 * 3.0, 2 * 2.0, 2 * 3.0 - 2 * 1.0]


def test_a_long_chain_has_a_graph_of_its_derivative():
    x = Value(1.0)
    y = x
    for _ in range(5000):
        y = y * 1.0001
    assert grad(y, x, create_graph=True).data == pytest.approx(1.0001**5000)


def test_operands_changed_since_are_refused():
    x = Value(2.0)
    y = x * x * x
    x.data = 5.0
    assert grad(y, x) == 12.0  # what was recorded
    with pytest.raises(ValueError, match="mul has been given other data"):
        grad(y, x, create_graph=True)


def test_nan_is_no_other_data():
    x = Value(math.nan)
    assert math.isnan(grad(x * x, x, create_graph=True).data)


# -- a user's own operation ---------------------------------------------------------


def test_custom_operations_whose_derivative_takes_values():
    x = Value(0.7)
    y = custom(lambda z: z**3, lambda z: 3 * z**2, x)
    assert [nth(y, x, n) for n in (1, 2, 3, 4)] == pytest.approx(
        [3 * 0.49, 6 * 0.7, 6.0, 0.0], rel=1e-14
    )
    z = custom(np.sin, np.cos, x)
    assert nth(z, x, 3) == pytest.approx(-math.cos(0.7), rel=1e-15)


def test_custom_operations_whose_derivative_is_constant():
    x, y = Value(2.0), Value(3.0)
    z = custom(lambda a, b: 2 * a + b, lambda a, b: (2.0, 1.0), x, y)
    dx, dy = grad(z, [x, y], create_graph=True)
    assert (dx.data, dy.data) == (2.0, 1.0)
    assert grad(dx, x) == 0.0


def test_custom_operations_whose_derivative_takes_numbers_alone():
    x = Value(0.7)
    for d in (math.cos, lambda z: float(z), lambda z: z.real, lambda z: math.exp(z)):
        y = custom(lambda z: z, d, x)
        assert grad(y, x) == d(0.7)
        with pytest.raises(TypeError, match="cannot be differentiated again"):
            grad(y, x, create_graph=True)
    assert float(x) == 0.7  # a Value is a number again
