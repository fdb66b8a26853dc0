"""The notes' class: shapes, forms, gradients against finite differences, outcomes."""

import copy
import math
import pickle
import warnings
from fractions import Fraction

import numpy as np
import pytest

from micrograd_es import AnomalyError, ConvergenceWarning, Net, Value, grad, mse, sum_squares
from micrograd_es.nn.net import FORMS, d_sigmoid, sigmoid

SHAPES = {
    "weighted-sum": ((3, 2, 3), (3, 2)),
    "mean-input": ((3, 2), (3, 2)),
    "mean-output": ((3, 2, 3), (3, 2, 3)),
}
X = np.array([[0.2, -0.4, 0.9], [1.0, 0.0, -1.0]])
Y = np.array([[0.1, 0.9, 0.5], [0.3, 0.2, 0.8]])


def by_hand(form, W, B, x, g):
    """The notes' formulas, written with NumPy and no engine."""
    a = np.asarray(x)
    for layer in range(W.shape[1]):
        if form == "weighted-sum":
            a = g(W[:, layer] @ a + B[:, layer])
        elif form == "mean-input":
            a = g(W[:, layer] * a.mean() + B[:, layer])
        else:
            a = g(W[:, layer] * a + B[:, layer]).mean(axis=1)
    return a


def numpy_sigmoid(z):
    return 1 / (1 + np.exp(-z))


@pytest.mark.parametrize("form", FORMS)
def test_shapes(form):
    net = Net(3, L=2, form=form)
    w, b = SHAPES[form]
    assert net.W.shape == net.grad_C_W.shape == w
    assert net.B.shape == net.grad_C_B.shape == b
    assert net.A.shape == (3, 2)
    assert (net.W >= 0).all()
    assert (net.W < 1).all()


@pytest.mark.parametrize("form", FORMS)
def test_predict_is_the_notes_formula_for_one_pattern_and_many(form):
    net = Net(3, L=2, form=form, seed=1)
    expected = [by_hand(form, net.W, net.B, x, numpy_sigmoid) for x in X]
    np.testing.assert_allclose(net.predict(X), expected, rtol=1e-13)
    np.testing.assert_allclose(net.predict(X[0]), expected[0], rtol=1e-13)
    assert net.predict(X[:0]).shape == (0, 3)


@pytest.mark.parametrize("form", FORMS)
def test_A_holds_the_activations_neuron_first_layer_second(form):
    net = Net(3, L=2, form=form, seed=1)
    y = net.predict(X[0])
    np.testing.assert_array_equal(net.A[:, -1], y)
    one = by_hand(form, net.W[:, :1], net.B[:, :1], X[0], numpy_sigmoid)
    np.testing.assert_allclose(net.A[:, 0], one, rtol=1e-13)


ACTIVATIONS = {
    "sigmoid": (sigmoid, d_sigmoid, numpy_sigmoid),
    "tanh of NumPy": (np.tanh, lambda z: 1 - np.tanh(z) ** 2, np.tanh),
    "of floats alone": (
        lambda z: math.atan(z),
        lambda z: 1 / (1 + z * z),
        np.arctan,
    ),
}
COSTS = {
    "mse": (mse, lambda y, p: np.mean((y - p) ** 2)),
    "sum_squares": (sum_squares, lambda y, p: np.sum((y - p) ** 2)),
    "the notes' own": (lambda Y, P: np.mean((Y - P) ** 2), lambda y, p: np.mean((y - p) ** 2)),
    "not symmetric": (lambda Y, P: np.sum(Y * P * P), lambda y, p: np.sum(y * p * p)),
    "a hinge of NumPy": (lambda Y, P: np.mean(np.maximum(0, 2 * Y - P)),) * 2,
    "with an if": (lambda Y, P: sum((y - p) ** 2 if y > 0.5 else y * p for y, p in zip(Y, P)),) * 2,
    "the worst": (lambda Y, P: np.max(np.abs(Y - P)),) * 2,
}


@pytest.mark.filterwarnings("ignore::micrograd_es.ElementwiseWarning")
@pytest.mark.parametrize("patterns", [slice(0, 1), slice(0, 2), 0], ids=["(1,N)", "(2,N)", "(N,)"])
@pytest.mark.parametrize("cost", COSTS)
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("form", FORMS)
def test_gradients_are_those_of_finite_differences(form, activation, cost, patterns):
    g, d_g, plain_g = ACTIVATIONS[activation]
    C, plain_C = COSTS[cost]
    net = Net(3, L=2, g=g, d_g=d_g, C=C, form=form, seed=2)
    dW, dB = net.gradients(X[patterns], Y[patterns])
    assert dW is net.grad_C_W
    assert dB is net.grad_C_B

    def total(W, B):
        pairs = zip(np.atleast_2d(X[patterns]), np.atleast_2d(Y[patterns]))
        return np.mean([plain_C(y, by_hand(form, W, B, x, plain_g)) for x, y in pairs])

    for array, gradient in (net.W, dW), (net.B, dB):
        assert gradient.shape == array.shape
        for place in np.ndindex(array.shape):
            kept = array[place]
            array[place] = kept + 1e-5
            above = total(net.W, net.B)
            array[place] = kept - 1e-5
            below = total(net.W, net.B)
            array[place] = kept
            assert gradient[place] == pytest.approx((above - below) / 2e-5, rel=1e-5, abs=1e-9)


@pytest.mark.parametrize("form", FORMS)
def test_learn_reaches_the_tolerance(form):
    net = Net(2, L=2, lr=2.0, form=form, seed=0)
    costs = net.learn([1.0, 0.0], [0.4, 0.6], tol=0.005)
    assert costs.converged
    assert costs[-1] <= 0.005 < costs[-2]
    assert costs[0] == max(costs)
    np.testing.assert_allclose(np.mean((net.predict([1.0, 0.0]) - [0.4, 0.6]) ** 2), costs[-1])


def test_one_epoch_moves_against_the_gradient_that_it_leaves():
    net = Net(3, L=2, lr=0.5, seed=0)
    W, B = net.W.copy(), net.B.copy()
    with pytest.warns(ConvergenceWarning):
        costs = net.learn(X, Y, tol=0, max_epochs=1)
    assert len(costs) == 2
    assert not costs.converged
    np.testing.assert_array_equal(net.W, W - 0.5 * net.grad_C_W)
    np.testing.assert_array_equal(net.B, B - 0.5 * net.grad_C_B)
    other = Net(3, L=2, seed=1)
    other.W, other.B = W, B
    np.testing.assert_array_equal(other.gradients(X, Y)[0], net.grad_C_W)


def test_learning_goes_on_from_where_it_is():
    net, at_once = (Net(3, L=1, lr=0.5, seed=0) for _ in range(2))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        net.learn(X, Y, tol=0, max_epochs=3)
        net.learn(X, Y, tol=0, max_epochs=4)
        at_once.learn(X, Y, tol=0, max_epochs=7)
    np.testing.assert_array_equal(net.W, at_once.W)


def test_already_good_enough_changes_nothing():
    net = Net(2, seed=0)
    W = net.W.copy()
    costs = net.learn([1, 0], [0, 1], tol=10)
    assert costs.converged
    assert len(costs) == 1
    np.testing.assert_array_equal(net.W, W)


def test_the_same_seed_gives_the_same_numbers():
    def trained(seed):
        net = Net(2, L=2, lr=1.0, seed=seed)
        net.learn([1, 0], [0, 1], tol=0.05)
        return net.W.tolist()

    assert trained(4) == trained(4) != trained(5)


def test_W_and_B_are_assignable_and_live():
    net = Net(2)
    net.W = np.zeros((2, 1, 2), dtype=np.uint8)
    net.B = [[Fraction(1, 2)], [0]]
    assert net.W.dtype == net.B.dtype == float
    net.B[1, 0] = -0.5
    np.testing.assert_allclose(net.predict([5, 5]), numpy_sigmoid(np.array([0.5, -0.5])))


def test_the_recorded_pattern_has_the_notes_names():
    net = Net(2, L=2, C=sum_squares, seed=0)
    p = net.graph([1, 0], [0, 1])
    assert p.W[1, 0, 0].label == "w₍₁₎⁽²·¹⁾"
    assert p.B[1, 1].label == "b₍₂₎⁽²⁾"
    assert [v.label for v in p.A.flat] == ["a₍₁₎⁽¹⁾", "y⁽¹⁾", "a₍₁₎⁽²⁾", "y⁽²⁾"]
    assert p.cost.label == "C"
    dW, _ = net.gradients([1, 0], [0, 1])
    assert dW[1, 0, 0] == pytest.approx(grad(p.cost, p.W[1, 0, 0]), rel=1e-14)


def test_a_cost_that_turns_infinite_stops_with_the_last_finite_parameters():
    net = Net(2, lr=1e200, g=lambda z: z, d_g=lambda z: z * 0 + 1, seed=0)
    with pytest.raises(AnomalyError, match="cost"):
        net.learn([1, 2], [3, 4], tol=0)
    assert np.isfinite(net.W).all()
    assert np.isfinite(net.B).all()
    assert np.isfinite(net.predict([1, 2])).all()


def test_nets_are_copied_and_pickled():
    net = Net(2, L=2, seed=0)
    net.predict([1, 0])
    for other in copy.deepcopy(net), pickle.loads(pickle.dumps(net)):
        np.testing.assert_array_equal(other.predict([1, 0]), net.predict([1, 0]))
        other.W[:] = 0
    assert net.W.any()


def test_sigmoid_of_anything():
    z = np.array([-1000.0, 0.0, 1000.0])
    assert sigmoid(z).tolist() == [0.0, 0.5, 1.0]
    assert d_sigmoid(z).tolist() == [0.0, 0.25, 0.0]
    assert sigmoid(0) == 0.5
    assert sigmoid(Value(0.0)).op == "sigmoid"
    assert sigmoid(np.array([Value(0.0)]))[0].data == 0.5
    x = Value(0.3)
    assert d_sigmoid(x).data == pytest.approx(grad(sigmoid(x), x), rel=1e-15)


@pytest.mark.parametrize(
    ("make", "error", "says"),
    [
        (lambda: Net(0), ValueError, "N"),
        (lambda: Net(2.0), TypeError, "int"),
        (lambda: Net(True), TypeError, "bool"),
        (lambda: Net(2, L=0), ValueError, "L"),
        (lambda: Net(2, lr=-1), ValueError, "lr"),
        (lambda: Net(2, lr=math.nan), ValueError, "lr"),
        (lambda: Net(2, form="mean"), ValueError, "weighted-sum"),
        (lambda: Net(2, g="tanh"), TypeError, "g is a function"),
        (lambda: Net(2, g=np.tanh), ValueError, "derivative"),
        (lambda: Net(2, seed="a"), TypeError, None),
        (lambda: setattr(Net(2), "W", np.zeros((2, 2))), ValueError, r"\(2, 1, 2\)"),
        (lambda: setattr(Net(2), "B", [["a"], ["b"]]), TypeError, "real"),
        (lambda: Net(2).predict([1, 2, 3]), ValueError, r"\(2,\) or \(n, 2\)"),
        (lambda: Net(2).predict(np.zeros((1, 1, 2))), ValueError, r"\(n, 2\)"),
        (lambda: Net(2).predict([[1, 2], [3]]), ValueError, None),
        (lambda: Net(2).predict(["a", "b"]), TypeError, "real"),
        (lambda: Net(2).predict([None, 1]), TypeError, "real"),
        (lambda: Net(2).predict([1j, 1]), TypeError, "real"),
        (lambda: Net(2).predict([True, False]), TypeError, "real"),
        (lambda: Net(2).predict([10**400, 1]), OverflowError, None),
        (lambda: Net(2).learn([1, 2], [1]), ValueError, "Y"),
        (lambda: Net(2).learn([1, 2], [[1, 2]]), ValueError, "same"),
        (lambda: Net(2).learn(np.zeros((0, 2)), np.zeros((0, 2))), ValueError, "no patterns"),
        (lambda: Net(2).learn([1, 2], [1, 2], max_epochs=-1), ValueError, "max_epochs"),
        (lambda: Net(2).learn([1, 2], [1, 2], max_epochs=1.5), TypeError, None),
        (lambda: Net(2, C=lambda y, p: 1.0).learn([1, 2], [1, 2]), TypeError, "Value"),
        (
            lambda: Net(2, C=lambda y, p: y[0] * math.log(p[0])).learn([1, 2], [1, 2]),
            TypeError,
            "leaves the graph",
        ),
        (lambda: Net(2).graph([[1, 2]], [1, 2]), ValueError, r"\(2,\)"),
    ],
)
def test_refuses(make, error, says):
    with pytest.raises(error, match=says):
        make()


def test_an_activation_of_ones_own_sigmoid_may_keep_the_default_derivative():
    Net(2, g=lambda z: 1 / (1 + np.exp(-z)))


def test_what_is_refused_leaves_the_net_as_it_was():
    net = Net(2, seed=0)
    before = net.W.copy()
    with pytest.raises(ValueError, match="shape"):
        net.learn([1, 2], [1])
    np.testing.assert_array_equal(net.W, before)
    assert not net.grad_C_W.any()


@pytest.mark.parametrize(("y", "lr"), [(1e154, 0.01), (1.0, 1e308)])
def test_a_cost_that_overflows_is_an_anomaly_and_no_warning(y, lr):
    net = Net(2, lr=lr, C=sum_squares, g=lambda z: z, d_g=lambda z: 1.0, seed=0)
    with pytest.raises(AnomalyError, match="the cost turned"):
        net.learn([[1.0, 2.0]] * 10, [[y, -y]] * 10, tol=0)
    assert np.isfinite(net.W).all()


CHOOSING = {
    "hinge": lambda Y, P: np.mean(np.maximum(0, 1 - (2 * Y - 1) * P)),
    "clip": lambda Y, P: np.mean((np.clip(P, 0.25, 0.5) - Y) ** 2),
    "sign": lambda Y, P: np.mean(np.sign(P - 0.5) * (P - Y)),
    "minimum": lambda Y, P: np.sum(np.minimum(np.abs(P - Y), (P - Y) ** 2)) / 2,
}


@pytest.mark.parametrize("C", CHOOSING.values(), ids=CHOOSING)
def test_a_cost_of_NumPy_that_chooses_decides_anew_for_each_pattern(C):
    inputs, targets = [[1.0, 0.0], [0.0, 1.0], [-3.0, 2.0]], [[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]
    net = Net(2, L=2, C=C, seed=5)
    expected = np.mean(
        [Net(2, L=2, C=C, seed=5).gradients(x, y)[0] for x, y in zip(inputs, targets)], 0
    )
    np.testing.assert_allclose(net.gradients(inputs, targets)[0], expected, rtol=1e-12)
    costs = [C(np.array(y), net.predict(x)) for x, y in zip(inputs, targets)]
    assert net.learn(inputs, targets, max_epochs=1, tol=1e9)[0] == pytest.approx(np.mean(costs))
