"""The promises of the engine, each kept by a test that bears its number and name.

2 IEEE 754 and kinks, 3 chain rule, 4 scale, 5 sameness, 6 threads.
"""

from __future__ import annotations

import copy
import gc
import itertools
import json
import math
import os
import pickle
import random
import subprocess
import sys
import threading
import weakref

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from micrograd_es import (
    BackwardPass,
    Tape,
    Value,
    custom,
    dot,
    draw_graph,
    explain,
    grad,
    maximum,
    minimum,
    mse,
    vsum,
    where,
)
from micrograd_es.engine.functions import function
from micrograd_es.engine.graph import topological_order
from micrograd_es.engine.ops import TABLE

INF, NAN = math.inf, math.nan

# -- 2: IEEE 754 and kinks ----------------------------------------------------------

# name: function, the point, the value, the derivatives
ROWS = {
    "1/0 is inf": (lambda a: 1 / a, [0.0], INF, [-INF]),
    "1/-0 is -inf": (lambda a: 1 / a, [-0.0], -INF, [-INF]),
    "-1/0 is -inf": (lambda a: -1 / a, [0.0], -INF, [INF]),
    "0/0 is nan": (lambda a, b: a / b, [0.0, 0.0], NAN, [INF, NAN]),
    "49/49 is 1": (lambda a, b: a / b, [49.0, 49.0], 1.0, [1 / 49, -1 / 49]),
    "log(0) is -inf": (lambda a: a.log(), [0.0], -INF, [INF]),
    "log(-1) is nan": (lambda a: a.log(), [-1.0], NAN, [-1.0]),
    "(-8)**(1/3) is nan": (lambda a: a ** (1 / 3), [-8.0], NAN, [NAN]),
    "(-8)**3 is -512": (lambda a: a**3, [-8.0], -512.0, [192.0]),
    "0**-1 is inf": (lambda a: a**-1, [0.0], INF, [-INF]),
    "exp(1000) is inf": (lambda a: a.exp(), [1000.0], INF, [INF]),
    "exp(-1000) is 0": (lambda a: a.exp(), [-1000.0], 0.0, [0.0]),
    "1e200 squared is inf": (lambda a: a * a, [1e200], INF, [2e200]),
    "inf - inf is nan": (lambda a, b: a - b, [INF, INF], NAN, [1.0, -1.0]),
    "0 * inf is nan": (lambda a, b: a * b, [0.0, INF], NAN, [INF, 0.0]),
    "sin(inf) is nan": (lambda a: a.sin(), [INF], NAN, [NAN]),
    "sqrt(-1) is nan": (lambda a: a.sqrt(), [-1.0], NAN, [NAN]),
    "sqrt'(0) is inf": (lambda a: a.sqrt(), [0.0], 0.0, [INF]),
    "relu(nan) is nan": (lambda a: a.relu(), [NAN], NAN, [1.0]),
    "relu'(0) is 0": (lambda a: a.relu(), [0.0], 0.0, [0.0]),
    "relu'(-0) is 0": (lambda a: a.relu(), [-0.0], 0.0, [0.0]),
    "relu of the smallest number": (lambda a: a.relu(), [5e-324], 5e-324, [1.0]),
    "abs'(0) is 0": (lambda a: abs(a), [0.0], 0.0, [0.0]),
    "abs of -inf": (lambda a: abs(a), [-INF], INF, [-1.0]),
    "max splits a tie": (lambda a, b: maximum(a, b), [2.0, 2.0], 2.0, [0.5, 0.5]),
    "min splits a tie": (lambda a, b: minimum(a, b), [2.0, 2.0], 2.0, [0.5, 0.5]),
    "max(0, -0) is a tie": (lambda a, b: maximum(a, b), [0.0, -0.0], 0.0, [0.5, 0.5]),
    "max with nan is nan": (lambda a, b: maximum(a, b), [1.0, NAN], NAN, None),
    "min with nan is nan": (lambda a, b: minimum(a, b), [NAN, 1.0], NAN, None),
    "d(x**0)/dx at 0 is 0": (lambda a: a**0, [0.0], 1.0, [0.0]),
    "d(x**y) at 0, 0": (lambda a, b: a**b, [0.0, 0.0], 1.0, [0.0, 0.0]),
    "d(x**1)/dx at 0 is 1": (lambda a: a**1, [0.0], 0.0, [1.0]),
    "d(0**y)/dy is 0": (lambda a, b: a**b, [0.0, 2.0], 0.0, [0.0, 0.0]),
    "sigmoid(1000) is 1": (lambda a: a.sigmoid(), [1000.0], 1.0, [0.0]),
    "sigmoid(-1000) is 0": (lambda a: a.sigmoid(), [-1000.0], 0.0, [0.0]),
    "tanh(1000) is 1": (lambda a: a.tanh(), [1000.0], 1.0, [0.0]),
    "softplus(1000) is 1000": (lambda a: a.softplus(), [1000.0], 1000.0, [1.0]),
    "softplus(-inf) is 0": (lambda a: a.softplus(), [-INF], 0.0, [0.0]),
    "d(a/b)/db where a**2 overflows": (
        lambda a, b: a / b, [1e300, 1e200], 1e100, [1e-200, -1e-100],
    ),
    "d(a/b)/db where b**2 underflows": (
        lambda a, b: a / b, [1e-300, 1e-200], 1e-100, [1e200, -1e100],
    ),
    "log of a branch not taken": (
        lambda a: where(a > 0, a.log(), a * 2), [0.0], 0.0, [2.0],
    ),
    "sqrt of a branch not taken": (
        lambda a: where(a > 0, a.sqrt(), 0.0) + a, [0.0], 0.0, [1.0],
    ),
    "the root that max leaves": (lambda a: maximum(a.sqrt(), 1.0) + a, [0.0], 1.0, [1.0]),
    "the log under a dead relu": (lambda a: (a.log() + 5).relu() + a, [0.0], 0.0, [1.0]),
    "the pole that min leaves": (lambda a: minimum(1 / a, 7.0) + a, [0.0], 7.0, [1.0]),
    "nan in a branch not taken": (lambda a: where(a < 0, a * NAN, a), [1.0], 1.0, [1.0]),
}  # fmt: skip


def same(a, b):
    np.testing.assert_allclose(a, b, rtol=4e-16, atol=0, equal_nan=True)


def replayed(f, at):
    """Value and derivatives as a Tape gives them, recorded somewhere else."""
    for elsewhere in (0.75, 1.25):
        inputs = [Value(elsewhere) for _ in at]
        tape = Tape(f(*inputs), inputs)
        d_inputs, _ = tape.vjp([at, at], [1.0, 1.0])
        yield tape.value([at])[0], d_inputs[1]
        parameters = [Value(elsewhere) for _ in at]
        tape = Tape(f(*parameters), parameters=parameters)
        values, gradient = tape.value_and_grad(theta=at)
        yield values[0], gradient


@pytest.mark.parametrize("row", ROWS)
def test_promise_2_ieee_and_kinks_by_run(row):
    f, at, value, derivatives = ROWS[row]
    v = [Value(x) for x in at]
    y = f(*v)
    same(y.data, value)
    if derivatives is not None:
        same(grad(y, v), derivatives)
        y.backward()
        same([x.grad for x in v], derivatives)


@pytest.mark.parametrize("row", ROWS)
def test_promise_2_ieee_and_kinks_replayed(row):
    f, at, value, derivatives = ROWS[row]
    for y, d in replayed(f, at):
        same(y, value)
        if derivatives is not None:
            same(d, derivatives)


# -- 3: the chain rule --------------------------------------------------------------


def network(x, w):
    """Diamonds, fan-outs and leaves used many times."""
    h = [(a * b + a).tanh() for a in w for b in x]
    z = vsum([h[0] * h[1], h[1] * h[1], h[-1], *h])
    return maximum(z, h[0]) * z.sigmoid() + dot(w, w) * 0.5


@pytest.mark.parametrize("n", [1, 2, 3, 7])
def test_promise_3_chain_rule_n_passes_give_n_times_the_gradient(n):
    x, w = [Value(0.5), Value(-0.25)], [Value(0.375), Value(1.5), Value(-0.75)]
    y = network(x, w)
    once = grad(y, [*x, *w])
    for _ in range(n):
        y.backward()
    # adding a number to itself n times is exact for these n but for a last place
    added = [list(itertools.accumulate([d] * n))[-1] for d in once]
    assert [v.grad for v in (*x, *w)] == added
    assert added == pytest.approx([n * d for d in once], rel=1e-15)


def test_promise_3_chain_rule_2_and_4_passes_are_exact():
    x, w = [Value(0.5), Value(-0.25)], [Value(0.1), Value(1.5), Value(-0.7)]
    y = network(x, w)
    once = grad(y, [*x, *w])
    for n in (1, 2, 3, 4):
        y.backward()
        if n != 3:
            assert [v.grad for v in (*x, *w)] == [n * d for d in once]


def test_promise_3_chain_rule_losses_that_share_nodes_add_up():
    x = [Value(0.5), Value(-0.25)]
    w = [Value(0.375), Value(1.5), Value(-0.75)]
    shared = network(x, w)
    first, second = shared * 3.0, shared.exp() + w[0]
    expected = [a + b for a, b in zip(grad(first, w), grad(second, w))]
    for order in ((first, second), (second, first)):
        for v in w:
            v.grad = 0.0
        for loss in order:
            loss.backward()
        assert [v.grad for v in w] == pytest.approx(expected, rel=1e-15)
    together = first + second
    assert grad(together, w) == pytest.approx(expected, rel=1e-14)


def test_promise_3_chain_rule_a_value_times_itself():
    x = Value(3.0)
    for y, d in (
        (x * x, 6.0), (x + x, 2.0), (x - x, 0.0), (x / x, 0.0), (x * x * x, 27.0),
        (x**x, 27 * (math.log(3) + 1)), (vsum([x] * 5), 5.0), (dot([x, x], [x, 2]), 8.0),
        (maximum(x, x), 1.0), (where(x > x, x, x * x), 6.0), (mse([x], [x]), 0.0),
        (custom(lambda a, b: a * b, lambda a, b: (b, a), x, x), 6.0),
    ):  # fmt: skip
        assert grad(y, x) == pytest.approx(d, rel=1e-15)


def test_promise_3_chain_rule_diamonds():
    x = Value(1.0)
    y = x
    for _ in range(60):  # 2^60 paths
        y = y + y
    assert grad(y, x) == 2.0**60
    z = x
    for _ in range(10):
        z = z * 2 + z * 3
    assert grad(z, x) == 5.0**10


def test_promise_3_chain_rule_fan_out():
    x = Value(2.0)
    y = x * x
    z = vsum(y * k for k in range(1001))
    z.backward()
    assert (y.grad, x.grad) == (500500.0, 2002000.0)


def test_promise_3_chain_rule_higher_orders():
    x = Value(1.25)
    y = x * x * x * x * x
    for expected in (5 * 1.25**4, 20 * 1.25**3, 60 * 1.25**2, 120 * 1.25, 120.0, 0.0):
        y = grad(y, x, create_graph=True)
        assert y.data == pytest.approx(expected, rel=1e-14)


# -- 4: scale -----------------------------------------------------------------------

MILLION = 1_000_000


@pytest.fixture
def without_collector():
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def chain(x, n):
    y = x
    for _ in range(n):
        y = -y
    return y


@pytest.mark.usefixtures("without_collector")
def test_promise_4_scale_a_million_nodes_deep():
    assert sys.getrecursionlimit() <= 5000
    x = Value(3.0, "x")
    y = chain(x, MILLION)
    assert y.data == 3.0
    y.backward()
    assert x.grad == 1.0
    assert repr(y) == "Value(data=3.0, grad=1.0)"
    with pytest.raises(ValueError, match="beyond limit"):
        draw_graph(y)
    other = copy.deepcopy(y)
    leaf = topological_order(other)[-1]
    assert (leaf.label, leaf.grad) == ("x", 1.0)
    del other
    other = pickle.loads(pickle.dumps(y))
    assert topological_order(other)[-1].label == "x"
    del other
    last, middle = weakref.ref(y), weakref.ref(y.parents[0].parents[0])
    del y
    assert last() is None
    assert middle() is None


def test_promise_4_scale_everything_else_at_30_000_nodes(tmp_path):
    x = Value(3.0, "x")
    y = chain(x, 30_000)
    steps = BackwardPass(y)
    assert len(steps) == 30_000
    with pytest.raises(ValueError, match="30000"):
        steps.save_html(tmp_path / "page.html")
    assert list(tmp_path.iterdir()) == []
    assert explain(y, x).total == 1.0
    assert grad(y, x, create_graph=True).data == 1.0
    assert Tape(y, [x]).value([[5.0]])[0] == 5.0
    assert vsum([x] * 30_000).data == 90_000.0


@pytest.mark.usefixtures("without_collector")
def test_promise_4_scale_nothing_is_left_for_the_collector():
    x = Value(0.5)
    model = network([x, Value(1.0)], [Value(0.1), Value(0.2)])
    model.backward()
    slope = grad(model, x, create_graph=True)
    grad(slope, x)
    dropped = [
        copy.deepcopy(model),
        pickle.loads(pickle.dumps(model)),
        BackwardPass(model),
        custom(math.sin, math.cos, x),
        x < model,
    ]
    inside = weakref.ref(model.parents[0])
    del model, slope, dropped
    assert inside() is None
    assert gc.collect() == 0


# -- 5: sameness --------------------------------------------------------------------

PROGRAM = """
import json, random
import numpy as np
from micrograd_es import MLP, Adam, BackwardPass, Net, Tape, Value, draw_graph, explain, fit, mse
bits = lambda numbers: [float(x).hex() for x in numbers]
model = MLP(2, [4, 3, 1], "tanh", seed=11)
out = {"start": bits(p.data for p in model.parameters())}
X, Y = np.random.default_rng(0).normal(size=(12, 2)), np.linspace(-1, 1, 12)
loss = mse([model(x) for x in X], Y)
loss.backward()
out["gradient"] = bits(p.grad for p in model.parameters())
out["events"] = bits(e.after for e in BackwardPass(loss))
costs = fit(model, X, Y[:, None], mse, optimizer=Adam(model.parameters(), 0.1), epochs=3,
            batch_size=5, seed=2)
out["fit"] = bits(costs) + bits(p.data for p in model.parameters())
net = Net(N=2, L=2, lr=1.0, seed=5)
out["net"] = bits(net.learn([[1, 0], [0, 1]], [[0, 1], [1, 0]], tol=0.2))
a, b = Value(2.0, "a"), Value(3.0, "b")
y = (a * b + a).tanh() * b
out["dot"] = draw_graph(y).source
out["text"] = explain(y, a).text
print(json.dumps(out))
"""


def run(hash_seed):
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", PROGRAM],
        check=True, capture_output=True, text=True, env=environment, timeout=300,
    )  # fmt: skip
    return json.loads(result.stdout)


def test_promise_5_sameness_same_seed_same_bits_in_every_process():
    first, second, third = (run(seed) for seed in ("0", "1", "random"))
    assert first == second == third
    assert len(set(first["start"])) > 10


ARGUMENT = st.floats(-4, 4, allow_subnormal=False)
ULP = 2.0**-52


@pytest.mark.parametrize("op", TABLE.values(), ids=TABLE)
@settings(derandomize=True, deadline=None, max_examples=60)
@given(data=st.data())
def test_promise_5_sameness_replay_within_4_ulp_an_operation(op, data):
    at = [data.draw(ARGUMENT) for _ in range(op.arity)]
    v = [Value(x) for x in at]
    y = function(op)(*v)
    tape = Tape(y, v)
    # one row and many: they take different ways through NumPy
    for X in ([at], [at] * 9):
        np.testing.assert_allclose(tape.value(X)[-1], y.data, rtol=4 * ULP, atol=0)
        d_inputs, _ = tape.vjp(X, [1.0] * len(X))
        np.testing.assert_allclose(d_inputs[-1], grad(y, v), rtol=4 * ULP, atol=0)


# -- 6: threads ---------------------------------------------------------------------


@pytest.fixture
def switching():
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def together(work, n=8):
    """Runs ``work(k)`` for k < n at the same time; an error in one is an error here."""
    errors, start = [], threading.Barrier(n)

    def body(k):
        try:
            start.wait()
            work(k)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=body, args=(k,)) for k in range(n)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert errors == []


@pytest.mark.usefixtures("switching")
def test_promise_6_threads_shared_leaves_lose_nothing():
    w = [Value(0.5 * k) for k in range(20)]
    passes = 60

    def work(k):
        for _ in range(passes):
            dot(w, [1.0 + k] * len(w)).backward()

    together(work)
    total = passes * sum(1.0 + k for k in range(8))
    assert [v.grad for v in w] == [total] * len(w)


@pytest.mark.usefixtures("switching")
def test_promise_6_threads_independent_graphs():
    def result(k):
        source = random.Random(k)
        x = [Value(source.uniform(-1, 1)) for _ in range(2)]
        w = [Value(source.uniform(-1, 1)) for _ in range(4)]
        y = network(x, w)
        y.backward()
        return y.data, [v.grad for v in (*x, *w)]

    expected = [result(k) for k in range(8)]
    found = {}

    def work(k):
        for _ in range(20):
            found.setdefault(k, []).append(result(k))

    together(work)
    assert all(found[k] == [expected[k]] * 20 for k in range(8))


@pytest.mark.usefixtures("switching")
def test_promise_6_threads_one_tape_for_all():
    x, w = [Value(0.1), Value(0.2)], [Value(0.3), Value(-0.4)]
    tape = Tape(network(x, w), x, w)
    X = np.random.default_rng(0).normal(size=(8, 50, 2))
    expected = [tape.value_and_grad(rows) for rows in X]

    def work(k):
        for _ in range(20):
            values, gradient = tape.value_and_grad(X[k])
            np.testing.assert_array_equal(values, expected[k][0])
            np.testing.assert_array_equal(gradient, expected[k][1])

    together(work)
