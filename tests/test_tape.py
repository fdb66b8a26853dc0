"""The replay against define-by-run: every operation, batch, shape of graph and odd number."""

import copy
import math
import pickle
import threading
import warnings
from unittest import mock

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from micrograd_es import (
    MLP,
    AnomalyError,
    ElementwiseWarning,
    Tape,
    Value,
    cross_entropy,
    custom,
    detect_anomaly,
    dot,
    grad,
    hinge,
    maximum,
    vsum,
    where,
)
from micrograd_es.data import moons
from micrograd_es.engine.functions import function
from micrograd_es.engine.graph import backward_edges
from micrograd_es.engine.ops import TABLE
from micrograd_es.tape import bound

ODD = [0.0, -0.0, 1.0, -1.0, 0.5, -8.0, 3.0, 1e-300, 1e300, 750.0, math.inf, -math.inf, math.nan]


def by_run(build, X, theta, weights=None):
    """Values, gradient of the weighted sum, and d inputs, by define-by-run."""
    values, d_inputs = [], []
    gradient = np.zeros(len(theta))
    for k, row in enumerate(X):
        x, w = [Value(v) for v in row], [Value(v) for v in theta]
        y = build(x, w)
        values.append(y.data)
        d = grad(y, [*x, *w])
        weight = 1 / len(X) if weights is None else weights[k]
        d_inputs.append(d[: len(x)])
        with np.errstate(all="ignore"):
            gradient += weight * np.array(d[len(x) :])
    return np.array(values), gradient, np.array(d_inputs).reshape(len(X), -1)


def taped(build, n_inputs, theta):
    x, w = [Value(0.5 + k) for k in range(n_inputs)], [Value(v) for v in theta]
    return Tape(build(x, w), x, w)


def check(build, X, theta, rtol=1e-12, atol=1e-300):
    X, theta = np.asarray(X, float), np.asarray(theta, float)
    tape = taped(build, X.shape[1], theta)
    expected = by_run(build, X, theta)
    values, gradient = tape.value_and_grad(X)
    np.testing.assert_allclose(values, expected[0], rtol=rtol, atol=atol)
    np.testing.assert_allclose(tape.value(X), expected[0], rtol=rtol, atol=atol)
    np.testing.assert_allclose(gradient, expected[1], rtol=rtol, atol=atol)
    d_inputs, d_parameters = tape.vjp(X, np.full(len(X), 1 / max(1, len(X))))
    np.testing.assert_allclose(d_parameters, expected[1], rtol=rtol, atol=atol)
    np.testing.assert_allclose(d_inputs * len(X), expected[2], rtol=rtol, atol=atol)


# -- every row of the table -------------------------------------------------------


@pytest.mark.parametrize("op", TABLE.values(), ids=TABLE)
@pytest.mark.parametrize("mixed", ["inputs", "parameters", "both"])
def test_every_operation(op, mixed):
    rng = np.random.default_rng(1)
    arity = op.arity + (2 if op.variadic else 0)
    at = np.array([*op.at, *op.at[:1] * (arity - op.arity)])
    X = at * rng.uniform(0.5, 1.5, size=(7, arity))
    f = function(op)
    if mixed == "inputs":
        check(lambda x, w: f(*x) * w[0], X, [2.0])
    elif mixed == "parameters":
        check(lambda x, w: f(*w) * x[0], X[:, :1], at)
    elif arity > 1:
        check(lambda x, w: f(x[0], *w), X[:, :1], at[1:])
        check(lambda x, w: f(*x, *w), X[:, :-1], at[-1:])


@pytest.mark.parametrize(
    "op", [op for op in TABLE.values() if not op.variadic], ids=lambda o: o.name
)
def test_odd_numbers_give_the_same_inf_and_nan(op):
    f = function(op)
    if op.arity == 1:
        X = np.array(ODD)[:, None]
    else:
        X = np.array([(a, b, *ODD[1 : op.arity - 1]) for a in ODD for b in ODD])
    check(lambda x, w: f(*x) + w[0] * 0.0, X, [1.0])


def test_a_branch_that_is_not_taken_contributes_nothing_even_where_it_is_infinite():
    def build(x, w):
        return where(x[0] > 0, x[0], x[0].log() * w[0]) + maximum(x[0], 1.0).sqrt()

    check(build, [[0.0], [-1.0], [2.0], [1.0]], [3.0])


def test_comparisons_are_made_anew_in_each_sample():
    tape = taped(lambda x, w: where(x[0] < w[0], -x[0], 2 * x[0]), 1, [1.0])
    assert tape.value([[0.5], [3.0]]).tolist() == [-0.5, 6.0]


# -- shapes of graphs -----------------------------------------------------------------

BUILDS = {
    "a parameter itself": (lambda x, w: w[0], 1, 1),
    "an input itself": (lambda x, w: x[0], 1, 1),
    "a constant": (lambda x, w: Value(3.0), 1, 1),
    "unused inputs and parameters": (lambda x, w: x[1] * w[1], 3, 3),
    "x twice": (lambda x, w: x[0] * x[0] + w[0] * w[0], 1, 1),
    "powers": (lambda x, w: (x[0] ** 2 + 1) ** w[0] + 2.0 ** x[0], 1, 1),
    "sum of sums": (lambda x, w: (x[0] + w[0]) + (x[1] + (w[1] + (x[0] + w[0]))), 2, 2),
    "the same term twice": (lambda x, w: vsum([x[0], x[0], w[0], w[0], w[0]]), 1, 1),
    "a dot": (lambda x, w: dot(w, x) + w[0], 3, 3),
    "a dot of inputs": (lambda x, w: dot(x, x[::-1]) * w[0], 4, 1),
    "a dot of one pair twice": (lambda x, w: vsum([w[0] * x[0], w[0] * x[0]]), 1, 1),
    "products shared by two sums": (
        lambda x, w: (lambda p: (p + x[0]).tanh() * (p + x[1]))(w[0] * x[0]), 2, 1,
    ),
    "a layer and a half": (
        lambda x, w: vsum([(dot(w[k : k + 3], x) + w[k]).tanh() for k in range(0, 6, 3)]), 3, 9,
    ),
    "weights shared by two layers": (
        lambda x, w: dot(w[:2], [dot(w[:2], x).tanh(), dot(w[2:4], x).tanh()]), 2, 4,
    ),
    "two samples in one graph": (
        lambda x, w: vsum([dot(w, x[:2]).tanh(), dot(w, x[2:]).tanh()]), 4, 2,
    ),
    "several biases": (
        lambda x, w: vsum([vsum([*w[k : k + 2], x[k] * x[0]]).sin() for k in (0, 2)]), 3, 4,
    ),
    "a matrix of parameters times itself": (
        lambda x, w: vsum([dot(w[i : i + 2], w[j::2]) * x[i + j] for i in (0, 2) for j in (0, 1)]),
        4, 4,
    ),
    "only parameters": (lambda x, w: (w[0] * w[1]).sin() + w[0] / w[1], 0, 2),
    "static sum in a batched one": (
        lambda x, w: x[0] * w[0] + 0.1 * vsum([p * p for p in w]), 1, 4,
    ),
}  # fmt: skip


@pytest.mark.parametrize("batch", [1, 2, 9, 300])
@pytest.mark.parametrize("name", BUILDS)
def test_every_shape_of_graph(name, batch):
    build, n_inputs, n_parameters = BUILDS[name]
    rng = np.random.default_rng(3)
    check(build, rng.uniform(0.2, 2, (batch, n_inputs)), rng.uniform(0.2, 2, n_parameters))


@pytest.mark.parametrize("name", BUILDS)
def test_an_empty_batch(name):
    build, n_inputs, n_parameters = BUILDS[name]
    tape = taped(build, n_inputs, np.ones(n_parameters))
    values, gradient = tape.value_and_grad(np.empty((0, n_inputs)))
    assert values.shape == (0,)
    assert gradient.tolist() == [0.0] * n_parameters
    d_inputs, d_parameters = tape.vjp(np.empty((0, n_inputs)), [])
    assert d_inputs.shape == (0, n_inputs)
    assert d_parameters.tolist() == [0.0] * n_parameters


@pytest.mark.parametrize("activation", ["relu", "tanh", "sigmoid", "softplus", "linear"])
def test_networks(activation):
    model = MLP(3, [5, 4, 3], activation, seed=2)
    n = len(model.parameters())
    theta = [p.data for p in model.parameters()]

    def build(x, w):
        k = 0
        a = x
        for size, below, last in ((5, 3, False), (4, 5, False), (3, 4, True)):
            z = []
            for _ in range(size):
                z.append(vsum([*(p * v for p, v in zip(w[k : k + below], a)), w[k + below]]))
                k += below + 1
            a = z if last or activation == "linear" else [getattr(v, activation)() for v in z]
        assert k == n
        return cross_entropy(a, 1)

    rng = np.random.default_rng(0)
    check(build, rng.normal(size=(6, 3)), theta, rtol=1e-10)


def test_many_samples_written_out_in_one_graph_become_matrix_products():
    X, y = moons(20, seed=1)
    model = MLP(2, [8, 8, 1], seed=3)
    loss = hinge([model(x) for x in X], y) + 1e-4 * vsum([p * p for p in model.parameters()])
    tape = Tape(loss, parameters=model.parameters())
    assert "(8, 8) · (8, 20)" in tape.summary()
    values, gradient = tape.value_and_grad()
    loss.backward()
    assert values == pytest.approx([loss.data], rel=1e-13)
    np.testing.assert_allclose(
        gradient, [p.grad for p in model.parameters()], rtol=1e-11, atol=1e-14
    )


UNARY = ["tanh", "sigmoid", "relu", "sin", "softplus", "exp", "neg", "abs"]
BINARY = ["add", "sub", "mul", "div", "maximum", "minimum", "pow"]


@st.composite
def graphs(draw):
    """Instructions for a random graph over 2 inputs, 2 parameters and 2 constants."""
    instructions = []
    for size in range(6, 6 + draw(st.integers(1, 25))):
        if draw(st.booleans()):
            instructions.append((draw(st.sampled_from(UNARY)), draw(st.integers(0, size - 1))))
        else:
            a, b = draw(st.integers(0, size - 1)), draw(st.integers(0, size - 1))
            instructions.append((draw(st.sampled_from([*BINARY, "add", "mul"])), a, b))
    return instructions


@pytest.mark.parametrize("apart", [1, bound._APART])
@settings(max_examples=60, deadline=None)
@given(instructions=graphs(), batch=st.integers(1, 4))
def test_random_graphs(instructions, batch, apart):
    def build(x, w):
        values = [*x, *w, Value(0.75), Value(-1.25)]
        for name, *operands in instructions:
            values.append(function(TABLE[name])(*[values[k] for k in operands]))
        return vsum(values[6:])

    rng = np.random.default_rng(len(instructions))
    X, theta = rng.uniform(-2, 2, (batch, 2)), rng.uniform(-2, 2, 2)
    with mock.patch.object(bound, "_APART", apart):  # samples from which it goes row by row
        check(build, X, theta, rtol=1e-6, atol=left_by_rounding(build, X, theta))


def left_by_rounding(build, X, theta):
    """What may be left where numbers as large as those of these graphs cancel."""
    largest = 0.0
    for x in X:
        for edge in backward_edges(build(list(map(Value, x)), list(map(Value, theta)))):
            numbers = edge.contribution, edge.after, edge.node.data
            largest = max([largest, *[abs(n) for n in numbers if math.isfinite(n)]])
    return 1e-14 * largest


@settings(max_examples=60, deadline=None)
@given(graphs(), st.lists(st.sampled_from(ODD[:7] + ODD[-3:]), min_size=8, max_size=8))
@example([("add", 0, 1), ("maximum", 0, 1), ("add", 0, 0), ("add", 0, 8)], [0.0, -0.0] * 4)
def test_random_graphs_at_odd_numbers(instructions, numbers):
    def build(x, w):
        values = [*x, *w, Value(0.0), Value(-1.0)]
        for k, (name, *operands) in enumerate(instructions):
            chosen = [values[k] for k in operands]
            if len(chosen) == 2 and k % 3 == 0:
                values.append(where(chosen[0] < chosen[1], values[-1].log(), 1 / chosen[1]))
            values.append(function(TABLE[name])(*chosen))
        return vsum(values[6:])

    check(build, np.reshape(numbers[:6], (3, 2)), numbers[6:], rtol=1e-6, atol=1e-9)


# -- the interface -------------------------------------------------------------------------


def test_one_output_in_a_list():
    x, w = Value(2.0), Value(3.0)
    values, gradient = Tape([w * x], [x], [w]).value_and_grad([[1.0], [2.0]])
    assert (values.tolist(), gradient.tolist()) == ([3.0, 6.0], [1.5])


def test_several_outputs():
    x, w = [Value(1.0), Value(2.0)], [Value(3.0)]
    outputs = [x[0] * w[0], x[1], w[0], x[1]]
    tape = Tape(outputs, x, w)
    X = np.array([[1.0, 2.0], [4.0, 5.0]])
    np.testing.assert_array_equal(tape.value(X), [[3, 2, 3, 2], [12, 5, 3, 5]])
    d_inputs, d_parameters = tape.vjp(X, [[1, 10, 100, 1000], [0, 0, 0, 0]])
    np.testing.assert_array_equal(d_inputs, [[3, 1010], [0, 0]])
    assert d_parameters.tolist() == [101.0]
    with pytest.raises(ValueError, match="vjp"):
        tape.value_and_grad(X)
    assert Tape(outputs[:1], x, w).value(X).shape == (2, 1)


def test_outputs_and_gradients_in_one_pass():
    tape = taped(lambda x, w: x[0] * w[0], 1, [2.0])
    X, cotangent = np.array([[1.0], [10.0]]), np.array([1.0, 3.0])
    values, d_inputs, gradient = tape.value_and_vjp(X, cotangent)
    assert values.tolist() == [2.0, 20.0]
    assert (d_inputs.tolist(), gradient.tolist()) == ([[2.0], [6.0]], [31.0])
    assert tape.value_and_vjp(X, cotangent, [3.0])[0].tolist() == [3.0, 30.0]
    several = Tape([X_, W_], [X_], [W_]).value_and_vjp(X, np.ones((2, 2)))
    assert several[0].tolist() == [[1.0, 2.0], [10.0, 2.0]]


def test_weights():
    tape = taped(lambda x, w: x[0] * w[0], 1, [2.0])
    assert tape.value_and_grad([[1.0], [10.0]], weights=[1.0, 3.0])[1].tolist() == [31.0]
    assert tape.value_and_grad([[1.0], [10.0]])[1].tolist() == [5.5]


def test_theta_is_read_at_recording_assigned_and_written_back():
    x, w = Value(1.0), Value(2.0)
    tape = Tape(x * w, [x], [w])
    w.data = 5.0
    assert tape.theta.tolist() == [2.0]
    assert tape.value([[3.0]], theta=[7]).tolist() == [21.0]
    tape.theta = [4]
    assert tape.value([[3.0]]).tolist() == [12.0]
    assert w.data == 5.0
    tape.write_back()
    assert w.data == 4.0
    assert type(w.data) is float


def test_constants_keep_what_they_were_at_recording():
    x, c = Value(1.0), Value(2.0)
    tape = Tape(x * c, [x])
    c.data = 9.0
    assert tape.value([[3.0]]).tolist() == [6.0]


def test_a_copy_keeps_the_constants_too():
    x, c, w = Value(1.0), Value(2.0), Value(5.0)
    tape = Tape(x * c + w, [x], [w])
    tape.theta, tape.memory_limit = [7.0], 10_000
    c.data = w.data = 9.0
    for again in (copy.copy(tape), copy.deepcopy(tape), pickle.loads(pickle.dumps(tape))):
        assert again.value([[3.0]]).tolist() == [13.0]
        assert (again.theta.tolist(), again.memory_limit) == ([7.0], 10_000)
        # where the sample is done again, too
        assert again.vjp([[math.inf]], [1.0])[0].tolist() == [[2.0]]
        assert pickle.loads(pickle.dumps(again)).value([[3.0]]).tolist() == [13.0]


def test_what_is_given_ends_the_graph():
    x = Value(2.0)
    middle = x.exp()
    tape = Tape(middle * middle, [middle])
    assert tape.value([[3.0]]).tolist() == [9.0]


def test_results_are_arrays_of_their_own():
    tape = taped(lambda x, w: x[0] * w[0], 1, [2.0])
    first, gradient = tape.value_and_grad([[1.0]])
    tape.value_and_grad([[5.0]])
    assert (first.tolist(), gradient.tolist()) == ([2.0], [1.0])


@pytest.mark.parametrize("limit", [1, 200, 4000])
def test_a_memory_limit_changes_no_result(limit):
    def build(x, w):
        return (dot(w, x).tanh() * x[0]).sigmoid()

    X = np.random.default_rng(0).normal(size=(50, 3))
    whole, parts = taped(build, 3, [0.1, 0.2, 0.3]), taped(build, 3, [0.1, 0.2, 0.3])
    parts.memory_limit = limit
    weights = np.linspace(0, 1, 50)
    a, b = (t.value_and_grad(X, weights=weights) for t in (whole, parts))
    np.testing.assert_array_equal(a[0], b[0])
    np.testing.assert_allclose(a[1], b[1], rtol=1e-13)
    c, d = (t.vjp(X, weights) for t in (whole, parts))
    np.testing.assert_array_equal(c[0], d[0])


@pytest.mark.parametrize(
    ("limit", "error"),
    [(-1, ValueError), (np.nan, ValueError), (None, TypeError), ("9", TypeError)],
)
def test_a_memory_limit_is_refused_before_anything_runs(limit, error):
    x = Value(2.0)
    tape = Tape(x * x, [x])
    before = tape.memory_limit
    with pytest.raises(error, match="memory_limit is a number"):
        tape.memory_limit = limit
    assert tape.memory_limit == before
    tape.memory_limit = 1e3
    assert tape.value([[3.0]]) == [9.0]


def test_threads():
    model = MLP(2, [8, 1], "tanh", seed=0)
    x = [Value(0.0), Value(0.0)]
    tape = Tape(model(x), x, model.parameters())
    rng = np.random.default_rng(0)
    batches = [rng.normal(size=(size, 2)) for size in (1, 5, 30, 5) * 5]
    expected = [tape.value_and_grad(X) for X in batches]
    found = [None] * len(batches)

    def work(k):
        for _ in range(10):
            found[k] = tape.value_and_grad(batches[k])

    threads = [threading.Thread(target=work, args=(k,)) for k in range(len(batches))]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    for a, b in zip(expected, found):
        np.testing.assert_array_equal(a[0], b[0])
        np.testing.assert_array_equal(a[1], b[1])


def test_a_tape_is_pickled():
    tape = taped(lambda x, w: (x[0] * w[0]).tanh(), 1, [2.0])
    again = pickle.loads(pickle.dumps(tape))
    np.testing.assert_array_equal(again.value([[0.3]]), tape.value([[0.3]]))


def test_a_deep_chain():
    def build(x, w):
        v = x[0]
        for _ in range(3000):
            v = (v * w[0]).sin()
        return v

    check(build, [[0.3], [0.9]], [1.01])


def test_summary_says_what_is_left_over():
    text = taped(lambda x, w: (x[0] * w[0]).exp(), 1, [1.0]).summary()
    assert "mul" in text
    assert "exp" in text


def test_summary_counts_what_is_alike():
    x = [Value(1.0) for _ in range(4)]
    model = MLP(4, [4, 4, 4, 1], seed=0)
    lines = Tape(model(x), x, model.parameters()).summary().splitlines()
    assert "  3 × matrix product (4, 5) · (5, 1)" in lines
    assert "  1 dot products of 4" in lines
    inner = x[0] * x[1] + x[2] * x[3]
    lines = Tape(inner * x[1] + x[2] * inner, x).summary().splitlines()
    assert "  2 dot products of 2" in lines
    assert len(lines) == 5


# -- custom operations ------------------------------------------------------------------


def test_a_custom_operation_of_arrays():
    check(
        lambda x, w: custom(
            lambda z: np.exp(-z * z), lambda z: -2 * z * np.exp(-z * z), x[0] * w[0]
        ),
        [[0.5], [1.5]],
        [0.7],
    )
    check(
        lambda x, w: custom(lambda a, b: a * b + 1, lambda a, b: (b, a), x[0], w[0]),
        [[0.5], [1.5]],
        [0.7],
    )
    check(lambda x, w: custom(lambda z: 3 * z, lambda z: 3.0, x[0] * w[0]), [[0.5]], [0.7])


@pytest.mark.parametrize(
    ("f", "df"),
    [
        (math.atan, lambda z: 1 / (1 + z * z)),
        (lambda z: z if z > 0 else 0.1 * z, lambda z: 1.0 if z > 0 else 0.1),
        (lambda z: float(np.max([z, 0.1])), lambda z: float(z > 0.1)),
    ],
)
def test_a_custom_operation_that_takes_no_arrays_is_replayed_one_by_one(f, df):
    X = np.array([[0.5], [-1.5], [2.0]])

    def build(x, w):
        return custom(f, df, x[0] * w[0])

    with pytest.warns(ElementwiseWarning) as caught:
        tape = taped(build, 1, [0.7])
    assert len(caught) == 1
    expected = by_run(build, X, [0.7])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        values, gradient = tape.value_and_grad(X)
    np.testing.assert_allclose(values, expected[0], rtol=1e-14)
    np.testing.assert_allclose(gradient, expected[1], rtol=1e-13)


def decides_by_all(z):
    """For numbers the identity below 3; arrays are looked at as a whole."""
    return z if np.max(z) < 3 else 0 * z


def with_a_mask(z):
    slope = np.zeros_like(z)
    slope[z > 0] = 1.0
    return slope


def sorted_out(z):
    z = np.asarray(z)
    return z if not (z > 3).any() else 0 * z


@pytest.mark.parametrize(
    "f",
    [
        decides_by_all, sorted_out,
        lambda z: z if np.amax(z) < 3 else 0 * z,
        lambda z: np.where(np.all(np.less(z, 3)), z, 0 * z),
        lambda z: z * (np.linalg.norm(z) < 3),
        lambda z: z if np.add.reduce(np.atleast_1d(z)) < 3 else 0 * z,
        lambda z: z * float(np.size(np.extract(z < 3, z)) > 0),
    ],
)  # fmt: skip
def test_a_custom_operation_that_looks_at_several_elements_is_replayed_one_by_one(f):
    def build(x, w):
        return custom(f, f, x[0] * w[0])

    X = np.array([[0.5], [5.0], [1.0], [2.5]])
    with pytest.warns(ElementwiseWarning):
        tape = taped(build, 1, [1.0])
    assert tape.value(X).tolist() == [0.5, 0.0, 1.0, 2.5]
    assert tape.value_and_grad(X)[1].tolist() == [(0.25 + 1.0 + 6.25) / 4]


@pytest.mark.parametrize(
    "f",
    [
        np.tanh, with_a_mask,
        lambda z: 1 / (1 + np.exp(-z)),
        lambda z: np.where(z > 0, z, 0.1 * z),
        lambda z: (z > 0).astype(float) * z,
        lambda z: (z > 0) * z + np.clip(z, -1, 1) ** 2,
        lambda z: np.select([z > 1, z > 0], [z, 2 * z], 0 * z),
        lambda z: np.logaddexp(0, z) + np.maximum(z, 0) - np.ones_like(z),
        lambda z: 3.0,
    ],
)  # fmt: skip
def test_a_custom_operation_that_works_element_by_element_takes_arrays(f):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check(lambda x, w: custom(f, f, x[0] * w[0]), [[0.5], [-1.5], [2.0]], [0.7])


# -- anomalies --------------------------------------------------------------------------


def test_an_anomaly_names_node_and_sample():
    x, w = Value(1.0, "x"), Value(2.0, "w")
    y = (x * w).log()
    tape = Tape(y, [x], [w])
    tape.memory_limit = 1  # one sample a part: the number still counts from the start
    with detect_anomaly(), pytest.raises(AnomalyError, match=r"sample 2.*log") as caught:
        tape.value([[1.0], [2.0], [0.0]])
    assert caught.value.node is y
    assert caught.value.sample == 2


def test_an_anomaly_of_a_gradient():
    x, w = Value(1.0, "x"), Value(2.0, "w")
    y = (x * w).sqrt()
    tape = Tape(y, [x], [w])
    with detect_anomaly():
        tape.value([[0.0]])
        with pytest.raises(AnomalyError, match="gradient") as caught:
            tape.value_and_grad([[1.0], [0.0]])
    assert caught.value.node is y
    assert caught.value.sample == 1
    assert tape.theta.tolist() == [2.0]
    assert w.data == 2.0


def test_without_detect_anomaly_numbers_follow_ieee():
    tape = taped(lambda x, w: (x[0] * w[0]).log(), 1, [1.0])
    assert tape.value([[0.0], [1.0]]).tolist() == [-math.inf, 0.0]


# -- what is refused ---------------------------------------------------------------------

X_, W_ = Value(1.0), Value(2.0)
TAPE = Tape(X_ * W_, [X_], [W_])
TWO = Tape([X_, W_], [X_], [W_])


@pytest.mark.parametrize(
    ("make", "error", "says"),
    [
        (lambda: Tape(3.0), TypeError, None),
        (lambda: Tape([]), ValueError, "at least one"),
        (lambda: Tape([1.0]), TypeError, "output"),
        (lambda: Tape(X_, [1.0]), TypeError, "input"),
        (lambda: Tape(X_, [], ["w"]), TypeError, "parameter"),
        (lambda: Tape(X_, [X_, X_]), ValueError, "twice"),
        (lambda: Tape(X_, [X_], [X_]), ValueError, "twice"),
        (lambda: TAPE.value(), ValueError, r"\(B, 1\)"),
        (lambda: TAPE.value([1.0]), ValueError, r"\(B, 1\)"),
        (lambda: TAPE.value([[1.0, 2.0]]), ValueError, r"\(B, 1\)"),
        (lambda: TAPE.value([["a"]]), TypeError, "real"),
        (lambda: TAPE.value([[True]]), TypeError, "real"),
        (lambda: TAPE.value([[1j]]), TypeError, "real"),
        (lambda: TAPE.value([[None]]), TypeError, "real"),
        (lambda: TAPE.value([[1.0], []]), ValueError, "lengths"),
        (lambda: TAPE.value([[1.0]], theta=[1.0, 2.0]), ValueError, r"\(1,\)"),
        (lambda: TAPE.value_and_grad([[1.0]], weights=[1.0, 2.0]), ValueError, r"\(1,\)"),
        (lambda: TAPE.vjp([[1.0]], [[1.0]]), ValueError, r"\(1,\)"),
        (lambda: TWO.vjp([[1.0]], [1.0]), ValueError, r"\(1, 2\)"),
        (lambda: setattr(TAPE, "theta", [1.0, 2.0]), ValueError, r"\(1,\)"),
    ],
)
def test_refuses(make, error, says):
    with pytest.raises(error, match=says):
        make()


@pytest.mark.parametrize("chosen", [[0], [1], [0, 4], [3, 7, 9], [11]])
def test_some_parameters_of_a_layer_are_trained(chosen):
    """The others, in the same matrix product, are constants."""
    model = MLP(2, [3, 1], "tanh", seed=0)
    y = vsum([model([0.3, -0.7]), model([1.5, 0.2])])
    parameters = [model.parameters()[i] for i in chosen]
    tape = Tape(y, parameters=parameters)
    wanted = grad(y, parameters)
    np.testing.assert_allclose(tape.value_and_grad()[1], wanted, rtol=1e-12)
    np.testing.assert_allclose(tape.vjp(None, [1.0])[1], wanted, rtol=1e-12)


@pytest.mark.parametrize("k", [0, 1])
def test_some_factors_of_a_layer_are_trained(k):
    """A layer of an input as it is and of one that a parameter has scaled."""

    def build(x, w):
        mixed = [x[0], x[1]]
        mixed[k] = w[0] * x[k]
        return vsum([dot(w[1:3], mixed).tanh(), dot(w[3:5], mixed).tanh()])

    check(build, [[0.3, -0.7], [1.5, 0.2]], [0.5, 1.0, -2.0, 0.7, 3.0])


def test_a_part_in_which_no_sample_is_finite():
    x, w = Value(1.0), Value(2.0)
    tape = Tape(w / x, [x], [w])
    tape.memory_limit = 1
    values, gradient = tape.value_and_grad([[0.0], [1.0]])
    assert values.tolist() == [math.inf, 2.0]
    assert gradient.tolist() == [math.inf]
