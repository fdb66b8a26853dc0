"""Graphs of derivatives, recorded where one branch is taken and replayed where another is."""

import itertools

import mpmath
import numpy as np
import pytest

from micrograd_es import MLP, Tape, Value, grad, maximum, vsum, where

# A function of x and w, and the same without branches: what it is for x > 0, and for x <= 0.
CASES = {
    "sqrt": (
        lambda x, w: where(x > 0, w * x.sqrt(), 0.0),
        lambda x, w: w * mpmath.sqrt(x),
        lambda x, w: 0,
    ),
    "log": (
        lambda x, w: where(x > 0, w * w * x.log(), x),
        lambda x, w: w * w * mpmath.log(x),
        lambda x, w: x,
    ),
    "a reciprocal": (
        lambda x, w: where(x > 0, w / x, 0.0),
        lambda x, w: w / x,
        lambda x, w: 0,
    ),
    "a power": (
        lambda x, w: where(x > 0, w * x**0.3, x * w * w),
        lambda x, w: w * x ** mpmath.mpf(0.3),
        lambda x, w: x * w * w,
    ),
    "one in another": (
        lambda x, w: where(x > 0, where(x > 1, w * x.log(), x * w), -x / w),
        lambda x, w: w * mpmath.log(x) if x > 1 else x * w,
        lambda x, w: -x / w,
    ),
    "maximum": (
        lambda x, w: maximum(w * abs(x).log(), where(x > 0, -100.0, 100.0)),
        lambda x, w: w * mpmath.log(x),
        lambda x, w: 100,
    ),
    "relu": (
        lambda x, w: (w / x).relu() ** 2 + x,
        lambda x, w: (w / x) ** 2 + x,
        lambda x, w: x,
    ),
    "shared by several": (
        lambda x, w: (lambda s: where(x > 0, s * s, 0.0) + where(x > 0, s + w, w * w))(x.sqrt()),
        lambda x, w: x + mpmath.sqrt(x) + w,
        lambda x, w: w * w,
    ),
    "a sum below": (
        lambda x, w: where(x > 0, vsum([x.sqrt(), x.log(), w * w]), w * x),
        lambda x, w: mpmath.sqrt(x) + mpmath.log(x) + w * w,
        lambda x, w: w * x,
    ),
}  # fmt: skip
W = 3.0
POINTS = [2.0, 0.5, -1.0, 0.0]
ORDERS = [which for n in (1, 2, 3) for which in itertools.product((0, 1), repeat=n)]


def derivative(f, x, w, which):
    y = f(x, w)
    for k in which:
        y = grad(y, (x, w)[k], create_graph=True)
    return y


def truth(case, point, which):
    """The derivative, and its own with respect to x and to w."""
    _, right, left = CASES[case]
    branch = right if point > 0 else left
    counts = [(which.count(0) + i, which.count(1) + j) for i, j in ((0, 0), (1, 0), (0, 1))]
    with mpmath.workdps(60):
        return [float(mpmath.diff(branch, (point, W), n)) for n in counts]


@pytest.mark.parametrize("which", ORDERS, ids=lambda which: "".join("xw"[k] for k in which))
@pytest.mark.parametrize("case", CASES)
def test_a_branch_that_is_not_taken_contributes_nothing_wherever_it_was_recorded(case, which):
    f, *_ = CASES[case]
    points = POINTS[:-1] if case == "relu" else POINTS  # where w / x jumps
    expected = np.array([truth(case, point, which) for point in points])
    for point, numbers in zip(points, expected):
        x, w = Value(point), Value(W)
        d = derivative(f, x, w, which)
        np.testing.assert_allclose([d.data, *grad(d, [x, w])], numbers, rtol=1e-12, atol=1e-12)
        tape = Tape(d, [x], [w])
        X = np.array(points)[:, None]
        np.testing.assert_allclose(tape.value(X), expected[:, 0], rtol=1e-12, atol=1e-12)
        d_inputs, d_parameters = tape.vjp(X, np.ones(len(X)))
        np.testing.assert_allclose(d_inputs[:, 0], expected[:, 1], rtol=1e-12, atol=1e-12)
        np.testing.assert_allclose(d_parameters, [expected[:, 2].sum()], rtol=1e-12, atol=1e-12)


def test_an_infinite_input_below_a_relu():
    for recorded in (2.0, -np.inf):
        x, w = Value(recorded), Value(W)
        slope = grad((w * x + 1.0).relu(), w, create_graph=True)
        assert Tape(slope, [x], [w]).value([[-np.inf], [2.0]]).tolist() == [0.0, 2.0]


def test_the_slope_of_a_network_of_relu_is_the_same_wherever_it_was_recorded():
    model = MLP(2, [8, 8, 1], "relu", seed=1)
    rng = np.random.default_rng(0)
    X = rng.normal(size=(20, 2))
    found = []
    for at in X[:5]:
        x = [Value(v) for v in at]
        slopes = grad(model(x), x, create_graph=True)
        tape = Tape(vsum([s * s for s in slopes]), x, model.parameters())
        found.append(tape.value_and_grad(X))
    for values, gradient in found:
        np.testing.assert_allclose(values, found[0][0], rtol=1e-12)
        np.testing.assert_allclose(gradient, found[0][1], rtol=1e-12, atol=1e-14)
    by_run = []
    for row in X:
        x = [Value(v) for v in row]
        by_run.append(sum(s * s for s in grad(model(x), x)))
    np.testing.assert_allclose(found[0][0], by_run, rtol=1e-12)
