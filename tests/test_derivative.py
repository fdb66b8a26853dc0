"""`grad`: numbers, graphs of derivatives, and derivatives of those."""

from __future__ import annotations

import math

import mpmath
import numpy as np
import pytest
import sympy

from micrograd_es import (
    MLP,
    Value,
    custom,
    dot,
    grad,
    hessian,
    jacobian,
    maximum,
    minimum,
    vsum,
    where,
)
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


# -- several at once ----------------------------------------------------------------


def test_a_gradient_has_the_nesting_of_what_it_is_taken_by():
    x, y, z = Value(2.0), Value(3.0), Value(5.0)
    f = x * y * z
    assert grad(f, [[x, y], [z]]) == [[15.0, 10.0], [6.0]]
    assert grad(f, [x, (y, [z])]) == [15.0, [10.0, [6.0]]]
    assert grad(f, ([v] for v in (x, y))) == [[15.0], [10.0]]
    graphs = grad(f, [[x, y], [z]], create_graph=True)
    assert [[g.data for g in row] for row in graphs] == [[15.0, 10.0], [6.0]]
    assert grad(graphs[0][0], [[y], z]) == [[5.0], 3.0]


def test_a_gradient_has_the_shape_of_an_array():
    w = np.array([[Value(float(3 * i + j)) for j in range(3)] for i in range(2)])
    f = (w * w).sum() + w[0, 0]
    found = grad(f, w)
    assert (found.shape, found.dtype) == ((2, 3), float)
    assert found.tolist() == [[1.0, 2.0, 4.0], [6.0, 8.0, 10.0]]
    assert grad(f, w.T).tolist() == found.T.tolist()
    assert grad(f, [w, w[0]])[1].tolist() == [1.0, 2.0, 4.0]
    graphs = grad(f, w, create_graph=True)
    assert (graphs.shape, graphs.dtype) == ((2, 3), object)
    assert grad(graphs[1, 2], w).tolist() == [[0.0, 0.0, 0.0], [0.0, 0.0, 2.0]]
    alone = np.empty((), object)
    alone[()] = w[0, 1]
    assert (grad(f, alone).shape, float(grad(f, alone))) == ((), 2.0)
    assert grad(f, np.empty((0, 2), object)).shape == (0, 2)


@pytest.mark.parametrize("bad", [[["x"]], [[Value(1.0)], [None]], np.ones(2), {"a": Value(1.0)}])
def test_only_values_may_be_nested(bad):
    for f in grad, jacobian, hessian:
        with pytest.raises(TypeError, match="with respect to Values, not"):
            f(Value(1.0), bad)


def curved(x, y, z):
    """Three functions of three numbers, for Values and for tensors."""
    return x * y.sin() + z**3, (x / (y + 2)) * z.exp(), (x * z).tanh() - y * y


POINTS = [(0.7, 1.3, -0.4), (-1.5, 0.25, 0.5), (2.0, 3.0, -1.0)]


@pytest.mark.parametrize("at", POINTS)
def test_a_jacobian_is_that_of_torch_and_of_finite_differences(at):
    torch = pytest.importorskip("torch")
    v = [Value(x) for x in at]
    found = jacobian(curved(*v), v)
    tensor = torch.tensor(at, dtype=torch.float64)
    theirs = torch.autograd.functional.jacobian(lambda t: torch.stack(curved(*t)), tensor)
    np.testing.assert_allclose(found, theirs.numpy(), rtol=1e-12)
    functions = (
        lambda x, y, z: x * mpmath.sin(y) + z**3,
        lambda x, y, z: (x / (y + 2)) * mpmath.exp(z),
        lambda x, y, z: mpmath.tanh(x * z) - y * y,
    )
    with mpmath.workdps(40):
        exact = [[float(mpmath.diff(f, at, n)) for n in np.eye(3, dtype=int).tolist()]
                 for f in functions]  # fmt: skip
    np.testing.assert_allclose(found, exact, rtol=1e-12)


@pytest.mark.parametrize("at", POINTS)
def test_a_hessian_is_that_of_torch_and_of_finite_differences(at):
    torch = pytest.importorskip("torch")
    v = [Value(x) for x in at]
    found = hessian(curved(*v)[1] * v[0], v)
    tensor = torch.tensor(at, dtype=torch.float64)
    theirs = torch.autograd.functional.hessian(lambda t: curved(*t)[1] * t[0], tensor)
    np.testing.assert_allclose(found, theirs.numpy(), rtol=1e-12)
    with mpmath.workdps(40):
        exact = [
            [
                float(mpmath.diff(lambda x, y, z: x * (x / (y + 2)) * mpmath.exp(z), at, n))
                for n in (np.eye(3, dtype=int)[i] + np.eye(3, dtype=int)).tolist()
            ]
            for i in range(3)
        ]
    np.testing.assert_allclose(found, exact, rtol=1e-12, atol=1e-15)


def test_a_network_and_its_jacobian_and_hessian():
    torch = pytest.importorskip("torch")
    model = MLP(3, [4, 2], "tanh", seed=5)
    x = [Value(n) for n in (0.5, -1.0, 0.25)]
    y = model(x)
    theirs = model.to_torch()
    at = torch.tensor([v.data for v in x], dtype=torch.float64)
    np.testing.assert_allclose(
        jacobian(y, x), torch.autograd.functional.jacobian(theirs, at).detach(), rtol=1e-12
    )
    np.testing.assert_allclose(
        hessian(y[0], x),
        torch.autograd.functional.hessian(lambda t: theirs(t)[0], at).detach(),
        rtol=1e-11,
    )


def test_rows_are_outputs_and_columns_are_values_however_they_are_given():
    x, y, z = Value(2.0), Value(3.0), Value(5.0)
    a, b = x * y, y + z
    rows = [[3.0, 2.0, 0.0], [0.0, 1.0, 1.0]]
    assert jacobian([a, b], [x, y, z]) == rows
    assert jacobian([[a], [b]], [[x], [y, z]]) == rows
    assert jacobian(np.array([a, b]), np.array([x, y, z])) == rows
    assert jacobian((v for v in (a, b)), (v for v in (x, y, z))) == rows
    assert jacobian(a, [x, y]) == [[3.0, 2.0]]
    assert jacobian([a, b], y) == [[2.0], [1.0]]
    assert jacobian([a, a], [y, y]) == [[2.0, 2.0]] * 2
    assert jacobian([], [x]) == []
    assert jacobian([a], []) == [[]]
    assert hessian(a, [x, y, z]) == [[0.0, 1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 0.0]]
    assert hessian(x**3, x) == [[12.0]]
    assert hessian(a, []) == []
    assert all(type(n) is float for row in jacobian([a, b], [x]) for n in row)
    assert x.grad == a.grad == 0.0


def test_a_hessian_at_a_kink_and_of_a_branch_not_taken():
    x = Value(0.0)
    assert hessian(x.relu() + abs(x) + x * x, x) == [[2.0]]
    assert hessian(where(x > 0, x.log(), x**3 * 2), x) == [[0.0]]


@pytest.mark.parametrize("bad", [3.0, None, "x", [Value(1.0), 2.0]])
def test_outputs_are_values(bad):
    with pytest.raises(TypeError, match="outputs of jacobian are Values"):
        jacobian(bad, Value(1.0))
    with pytest.raises(TypeError, match="output of grad"):
        hessian(bad, Value(1.0))


def test_a_hessian_of_what_cannot_be_derived_again_is_refused():
    x = Value(0.5)
    with pytest.raises(TypeError, match="cannot be differentiated again"):
        hessian(custom(math.sin, math.cos, x), x)
