"""A replay of samples whose numbers are not finite: as define-by-run, and never slow for it."""

import math
from itertools import product
from operator import attrgetter
from unittest import mock

import numpy as np
import pytest
from test_tape import by_run, check, taped

from micrograd_es import (
    MLP,
    Tape,
    Value,
    binary_cross_entropy,
    cross_entropy,
    grad,
    maximum,
    minimum,
    vsum,
    where,
)  # fmt: skip
from micrograd_es.engine.making import function
from micrograd_es.engine.ops import TABLE
from micrograd_es.tape import batches, exact

INF, NAN = math.inf, math.nan


def network(activation, sizes, w):
    """A network of scalars, given its inputs."""

    def build(x, w):
        k, a = 0, x
        for size in sizes:
            z = []
            for _ in range(size):
                z.append(vsum([*(p * v for p, v in zip(w[k:], a)), w[k + len(a)]]))
                k += len(a) + 1
            a = [getattr(v, activation)() for v in z]
        return a[0] if len(a) == 1 else cross_entropy(a, 1)

    return build


BUILDS = {
    "a logarithm": (lambda x, w: where(x[0] > 0, w[0] * x[0].log(), 0.0), 1),
    "a reciprocal": (lambda x, w: maximum(w[0] / x[0], w[1] * x[1]), 2),
    "a root": (lambda x, w: where(x[0] > x[1], (w[0] * x[0]).sqrt(), w[1] * x[1]), 2),
    "relu": (network("relu", [4, 3, 1], None), 2),
    "relu and cross-entropy": (network("relu", [5, 3], None), 2),
    "a shared penalty": (
        lambda x, w: (w[0] * x[0]).relu() + 0.1 * vsum([p * p for p in w]) + w[1].sqrt() * x[1], 2,
    ),
    "shared products": (
        lambda x, w: vsum(
            [vsum([p.tanh() * v for p, v in zip(w[k:], x)]).relu() for k in range(4)]
        ), 2,
    ),
}  # fmt: skip
ODD = [0.0, -0.0, -1.0, 1e-308, INF, -INF, NAN]


@pytest.mark.parametrize("odd", [1, 7, 40])
@pytest.mark.parametrize("name", BUILDS)
def test_odd_samples_among_sound_ones_and_alone(name, odd):
    build, n = BUILDS[name]
    rng = np.random.default_rng(odd)
    X = rng.uniform(0.5, 2, (40, n))
    X[rng.permutation(40)[:odd], rng.integers(0, n, odd)] = rng.choice(ODD, odd)
    for theta in (rng.uniform(-1, 1, 48), np.abs(rng.uniform(-1, 1, 48))):
        check(build, X, theta, rtol=1e-10, atol=1e-14)
        for strange in (0.0, INF, NAN):
            theta[rng.integers(0, 3)] = strange
            check(build, X, theta, rtol=1e-10, atol=1e-14)


def test_what_all_samples_share_is_odd_in_each_of_them_alone():
    """Where √w has an infinite slope, a sample in which it meets 0 is nan, as by run."""

    def build(x, w):
        return x[0] * w[0].sqrt() + where(x[0] > 5, w[1].log() * x[0], w[1])

    for X in ([[1.0], [2.0]], [[0.0], [2.0]], [[1.0], [-1.0]], [[-1.0], [-2.0]]):
        check(build, X, [0.0, 0.0])
    many = np.arange(-40, 40)[:, None] / 16
    check(build, many, [0.0, 0.0])
    check(lambda x, w: build(x, w) + vsum([p * q for p, q in zip(w, w[::-1])]), many, [0.0, 2.0])


def test_weights_of_0_and_parts_of_a_batch():
    build, n = BUILDS["relu and cross-entropy"]
    rng = np.random.default_rng(0)
    X, theta = rng.uniform(0.5, 2, (30, n)), rng.uniform(-1, 1, 48)
    X[::4, 0] = -INF
    whole, parts = taped(build, n, theta), taped(build, n, theta)
    parts.memory_limit = 20_000
    weights = (np.arange(30) % 3).astype(float)
    expected = by_run(build, X[weights > 0], theta, weights[weights > 0])
    for tape in (whole, parts):
        np.testing.assert_allclose(tape.value_and_grad(X, weights=weights)[1], expected[1])


@pytest.mark.parametrize("limit", [2**28, 20_000])
@pytest.mark.parametrize("odd", [0, 1, 15, 30])
def test_one_pass_gives_what_two_give(odd, limit):
    build, n = BUILDS["relu and cross-entropy"]
    rng = np.random.default_rng(odd)
    X, theta = rng.uniform(0.5, 2, (30, n)), rng.uniform(-1, 1, 48)
    X[rng.permutation(30)[:odd], 0] = -INF
    tape, cotangent = taped(build, n, theta), rng.uniform(-1, 1, 30)
    tape.memory_limit = limit
    outputs, *gradients = tape.value_and_vjp(X, cotangent)
    np.testing.assert_array_equal(outputs, tape.value(X))
    for found, other in zip(gradients, tape.vjp(X, cotangent)):
        np.testing.assert_array_equal(found, other)
    values, gradient, slopes = by_run(build, X, theta, cotangent)
    expected = values, cotangent[:, None] * slopes, gradient
    for found, other in zip((outputs, *gradients), expected):
        np.testing.assert_allclose(found, other, rtol=1e-10, atol=1e-13)


@pytest.mark.parametrize("name", ["relu", "a logarithm"])
def test_few_odd_samples_are_done_alone_and_many_at_once(name):
    """Neither each sample of the batch for one, nor each of many node by node."""
    build, n = BUILDS[name]
    tape = taped(build, n, np.linspace(-1, 1, 48))
    X = np.full((400, n), 0.5)
    X[7] = 0.0 if name == "a logarithm" else -INF
    with (
        mock.patch.object(exact.Exact, "gradients", autospec=True) as at_once,
        mock.patch.object(
            exact.Sample, "adjoints", autospec=True, return_value=np.zeros(n + 48)
        ) as alone,
    ):
        at_once.return_value = np.zeros((1, n)), np.zeros(48)
        tape.value_and_grad(X)
    assert sum(len(call.args[1]) for call in at_once.call_args_list) + alone.call_count == 1
    X[::2] = X[7]
    with mock.patch.object(batches, "Sample", side_effect=AssertionError):
        _, gradient = tape.value_and_grad(X)
    expected = by_run(build, X, tape.theta)[1]
    np.testing.assert_allclose(gradient, expected, rtol=1e-12, atol=1e-15)


def test_a_cost_of_rows_that_were_not_scaled():
    model = MLP(2, [8, 1], "tanh", "sigmoid", seed=0)
    x, y = [Value(0.0), Value(0.0)], Value(1.0)
    rng = np.random.default_rng(0)
    X = np.c_[rng.normal(0, 300, (60, 2)), rng.integers(0, 2, 60)]
    tape = Tape(binary_cross_entropy(model(x), y), [*x, y], model.parameters())
    values, gradient = tape.value_and_grad(X)
    for k, row in enumerate(X):
        loss = binary_cross_entropy(model(row[:2].tolist()), row[2])
        assert values[k] == pytest.approx(loss.data, rel=1e-12, nan_ok=True)
    assert gradient.shape == (len(model.parameters()),)


def test_a_sum_that_overflows_halfway():
    """1.5·10³⁰⁸ − 10³⁰⁸ + 10³⁰⁸ is finite in the order in which it was written."""
    numbers = [1e308, 1.5, -1e308, 1e308, 1.0]
    given = [Value(v) for v in numbers]
    a, b, c, d, e = given
    y = 1 / ((a * b + c) + d * e).log()
    expected = 1 / math.log(1.5e308)
    assert y.data == expected
    tape = Tape(y, given)
    ones = [1.0, 2.0, 3.0, 4.0, 5.0]
    X = np.array([numbers, ones, numbers])
    np.testing.assert_allclose(tape.value(X), [expected, 1 / math.log(25.0), expected], rtol=1e-14)
    _, gradient, _ = by_run(lambda x, w: 1 / ((w[0] * w[1] + w[2]) + w[3] * w[4]).log(), [[]], X[0])
    tape = Tape(y, [], given)
    found = tape.value_and_grad(np.empty((1, 0)))
    np.testing.assert_allclose(found[0], [expected], rtol=1e-14)
    np.testing.assert_allclose(found[1], gradient, rtol=1e-12)
    # in what all samples share, and where an infinite term makes it nan
    x = Value(1.0)
    shared = Tape(x * y, [x], given)
    np.testing.assert_allclose(shared.value([[2.0], [3.0]]), [2 * expected, 3 * expected])
    z = vsum([x, Value(-1e308), a, Value(-INF)])
    assert Tape(z, [x, a]).value([[1e308, 1e308]]).tolist() == [-INF]


def test_a_mask_of_infinities_is_nothing_odd():
    """Sums with −inf are right as they are: exp(−inf) is 0."""
    w = [Value(0.3 * k - 0.4) for k in range(3)]
    x = [Value(0.0) for _ in range(3)]
    score = vsum([*(p * q for p, q in zip(w, x)), Value(-INF)])
    tape = Tape(score.exp() + w[0], x, w)
    with mock.patch.object(batches, "Sample", side_effect=AssertionError):
        values, gradient = tape.value_and_grad(np.ones((4, 3)))
    assert values.tolist() == [-0.4] * 4
    assert gradient.tolist() == [1.0, 0.0, 0.0]


def test_a_graph_of_inputs_alone():
    """Neither a parameter nor a constant is below."""
    x = Value(1.0)
    tape = Tape(x.log().exp(), [x])
    values, slopes = tape.value([[0.0], [2.0]]), tape.vjp([[0.0], [2.0]], [1.0, 1.0])[0]
    np.testing.assert_allclose(values, [0.0, 2.0])
    np.testing.assert_allclose(slopes, [[NAN], [1.0]])  # 0 · ∞, as by run


def between_two(x):
    """Gradients that two operands share between them."""
    return maximum(x[0], x[1]) + minimum(maximum(x[1], x[2]), x[0]) * 2.0 + x[2] * 0.5


@pytest.mark.parametrize("width", [1, 7, 216])
def test_two_share_a_gradient_as_by_run_whether_equal_or_infinite_or_nan(width):
    leaves = [Value(0.5), Value(1.0), Value(2.0)]
    tape = Tape(between_two(leaves), leaves)
    points = np.array([*product([-INF, -1.0, 0.0, 2.0, INF, NAN], repeat=3)])
    for X in np.split(points, range(width, len(points), width)):
        values, d_inputs, _ = tape.value_and_vjp(X, np.ones(len(X)))
        for sample, value, d in zip(X.tolist(), values, d_inputs):
            three = [Value(v) for v in sample]
            root = between_two(three)
            expected = [root.data, *grad(root, three)]
            np.testing.assert_array_equal([value, *d], expected, err_msg=str(sample))


@pytest.mark.parametrize("exponent", [0.5, -0.5, 1.5, 2, 3, -1, 0, 1 / 3])
@pytest.mark.parametrize("trained", [False, True])
def test_powers_where_a_root_differs(exponent, trained):
    """(−∞)**½ is ∞ and (−0)**½ is 0, which the square root of neither is."""
    x, p = Value(1.0), Value(float(exponent))
    X = [-INF, -0.0, 0.0, INF, -1.0, 4.0]
    tape = Tape(x ** (p if trained else exponent), [x], [p] if trained else [])
    values, slopes, _ = tape.value_and_vjp(np.reshape(X, (6, 1)), np.ones(6))
    for a, value, slope in zip(X, values, slopes[:, 0]):
        v = Value(a)
        y = v ** (Value(float(exponent)) if trained else exponent)
        y.backward()
        assert y.data == pytest.approx(value, rel=1e-15, abs=0, nan_ok=True)
        assert v.grad == pytest.approx(slope, rel=1e-15, abs=0, nan_ok=True)
        assert math.copysign(1, y.data) == math.copysign(1, value) or math.isnan(value)


OF_FEW = [op for op in TABLE.values() if not op.variadic]


@pytest.mark.parametrize("op", OF_FEW, ids=attrgetter("name"))
def test_a_replay_gives_the_zero_of_a_run(op):
    """0 or -0: behind it 1/y is ∞ or -∞."""
    X = [*product((0.0, -0.0, 1.0), repeat=op.arity)]
    leaves = [Value(0.5) for _ in range(op.arity)]
    replayed = Tape(function(op)(*leaves), leaves).value(X)
    for sample, value in zip(X, replayed):
        run = function(op)(*map(Value, sample)).data
        assert run or math.copysign(1, value) == math.copysign(1, run), sample
