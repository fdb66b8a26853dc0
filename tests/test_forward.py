"""`jvp` and `ForwardPass`: the chain rule from the operands up."""

from __future__ import annotations

import gc
import math
import random

import mpmath
import numpy as np
import pytest

from micrograd_es import (
    MLP,
    AnomalyError,
    BackwardPass,
    ForwardPass,
    Value,
    custom,
    detect_anomaly,
    grad,
    jvp,
    maximum,
    vsum,
    where,
)
from micrograd_es.engine.functions import function
from micrograd_es.engine.ops import TABLE

torch = pytest.importorskip("torch")

# -- jvp ------------------------------------------------------------------------------


def smooth(m, x, y, z):
    """A function of three numbers in the names of `m`: of Values, of PyTorch, of mpmath."""
    return m.sin(x * y) * m.exp(z) + x / (y + 2), m.tanh(x - z) * y * y, x * z + y


class Methods:
    sin, exp, tanh = (staticmethod(lambda v, f=f: getattr(v, f)()) for f in ("sin", "exp", "tanh"))


AT, DIRECTION = (0.7, 1.3, -0.4), (0.25, -2.0, 0.5)


def test_as_in_torch():
    values = [Value(x) for x in AT]
    ours = jvp(smooth(Methods, *values), values, DIRECTION)
    tensors, along = (tuple(torch.tensor(n, dtype=torch.float64)) for n in (AT, DIRECTION))
    _, theirs = torch.autograd.functional.jvp(lambda *v: smooth(torch, *v), tensors, along)
    assert isinstance(ours, list)
    assert ours == pytest.approx([float(t) for t in theirs], rel=1e-13)


def test_as_finite_differences():
    with mpmath.workdps(60):
        h = mpmath.mpf(10) ** -20
        ahead, behind = (
            smooth(mpmath, *(mpmath.mpf(x) + s * d * h for x, d in zip(AT, DIRECTION)))
            for s in (1, -1)
        )
        exact = [float((a - b) / (2 * h)) for a, b in zip(ahead, behind)]
    values = [Value(x) for x in AT]
    assert jvp(smooth(Methods, *values), values, DIRECTION) == pytest.approx(exact, rel=1e-13)


@pytest.mark.parametrize("op", TABLE.values(), ids=TABLE)
def test_each_operation_in_each_direction(op):
    v = [Value(x) for x in op.at]
    y = function(op)(*v)
    for i, partial in enumerate(grad(y, v)):
        assert jvp(y, v[i], 1.0) == partial
        assert jvp(y, v, [float(k == i) for k in range(len(v))]) == partial


def test_its_form_is_that_of_the_outputs():
    x, y = Value(3.0), Value(2.0)
    z = x * x * y
    assert type(jvp(z, x, 1)) is float
    assert jvp(z, x, 1) == 12.0
    assert jvp([z], x, 1) == [12.0]
    assert jvp([[z, x], [y]], [x, y], [1, 10]) == [[102.0, 1.0], [10.0]]
    assert jvp((v for v in (z, x)), (v for v in (x, y)), (n for n in (1, 10))) == [102.0, 1.0]
    found = jvp(np.array([[z, x]]), np.array([x, y]), np.array([1, 10]))
    assert found.dtype == float
    assert found.tolist() == [[102.0, 1.0]]
    assert jvp([], x, 1.0) == []
    assert jvp(z, [], []) == 0.0


def test_a_direction_has_the_form_of_what_it_belongs_to():
    w = [[Value(1.0), Value(2.0)], [Value(3.0)]]
    y = w[0][0] * w[0][1] * w[1][0]
    assert jvp(y, w, [[1.0, 0.0], [1.0]]) == 8.0
    a = np.array([[Value(1.0), Value(2.0)], [Value(3.0), Value(4.0)]])
    total = (a * a).sum()
    assert jvp(total, a, np.ones((2, 2))) == jvp(total, a, [[1, 1], [1, 1]]) == 20.0
    one = np.empty((), object)
    one[()] = a[0, 0]
    assert jvp(total, one, 3.0) == 6.0


@pytest.mark.parametrize(
    ("direction", "error"),
    [
        ([1.0], ValueError), ([1.0, 2.0, 3.0], ValueError), ([], ValueError),
        (1.0, TypeError), ("ab", TypeError), (None, TypeError), ([1.0, "2"], TypeError),
        ([1.0, None], TypeError), ([1.0, True], TypeError), ([1.0, [2.0]], TypeError),
        ([1.0, 1j], TypeError), ([1.0, Value(2.0)], TypeError),
    ],
)  # fmt: skip
def test_a_direction_that_is_none(direction, error):
    x, y = Value(3.0), Value(2.0)
    with pytest.raises(error):
        jvp(x * y, [x, y], direction)


@pytest.mark.parametrize("bad", [3.0, None, "x", [Value(1.0), 2.0], np.ones(2)])
def test_outputs_and_what_they_are_derived_by_are_values(bad):
    x = Value(1.0)
    with pytest.raises(TypeError, match="outputs of jvp are Values"):
        jvp(bad, x, 1.0)
    with pytest.raises(TypeError, match="with respect to Values"):
        jvp(x, bad, [1.0, 1.0])


def test_nodes_between_and_nodes_given_twice_add_up():
    x = Value(3.0)
    y = x * x
    z = y * x
    assert jvp(z, [y, x], [1.0, 1.0]) == sum(grad(z, [y, x]))
    assert jvp(z, [x, x], [1.0, 2.0]) == 3 * 27.0
    assert jvp([x, y, z, Value(1.0)], y, 2.0) == [0.0, 2.0, 6.0, 0.0]


def test_nothing_comes_along_a_branch_that_was_not_taken():
    x = Value(0.0)
    y = where(x > 0, x.log(), x * 2) + maximum(x, 1.0) + (x.sqrt() - 1).relu()
    assert jvp(y, x, 1.0) == grad(y, x) == 2.0
    assert jvp(y, x, 0.0) == 0.0
    assert math.isnan(jvp(x.sqrt(), x, 0.0))  # 0 · ∞, as the product with the gradient is


def test_no_grad_changes():
    x = Value(3.0)
    y = x * x
    y.backward()
    jvp(y * 5, x, 1.0)
    assert (x.grad, y.grad) == (6.0, 1.0)


def test_a_users_operation_and_a_network():
    x = Value(0.5)
    assert jvp(custom(math.sin, math.cos, x), x, 2.0) == 2 * math.cos(0.5)
    model, rng = MLP(3, [5, 4, 2], "tanh", seed=7), random.Random(1)
    p = model.parameters()
    along = [rng.gauss(0, 1) for _ in p]
    outputs = model([0.5, -1.0, 2.0])
    expected = [math.fsum(g * d for g, d in zip(grad(y, p), along)) for y in outputs]
    assert jvp(outputs, p, along) == pytest.approx(expected, rel=1e-12)


def test_a_deep_graph():
    x = Value(1.0)
    y = x
    for _ in range(100_000):
        y = y + x
    assert jvp(y, x, 1.0) == 100_001.0


def test_an_anomaly_is_told():
    x = Value(0.0, "x")
    y = x.sqrt() * 2
    with detect_anomaly(), pytest.raises(AnomalyError, match=r"tangent turned inf.*sqrt\(x=0.0\)"):
        jvp(y, x, 1.0)
    with detect_anomaly():
        assert jvp(y, Value(1.0), 1.0) == 0.0


# -- the pass, step by step -----------------------------------------------------------


def sample():
    a, b, c = Value(1.0, "a"), Value(2.0, "b"), Value(3.0, "c")
    return 2 * (a * b + a * c) ** 2, a, b, c


def test_one_event_an_edge_as_many_as_backward():
    f, a, *_ = sample()
    steps = ForwardPass(f, a)
    assert steps.root is f
    assert len(steps) == len(BackwardPass(f)) == sum(len(v.parents) for v in steps.nodes)
    for e in steps:
        assert e.parent is e.node.parents[e.index]
        assert e.upstream == e.tangent
        assert e.contribution == e.tangent * e.partial
        assert e.after == e.before + e.contribution
        if e.arrives:
            assert e.partial == e.node.partials[e.index]


def test_n_forward_passes_give_what_one_backward_pass_gives():
    f, *leaves = sample()
    backward = BackwardPass(f)
    gradients = backward.at(len(backward))
    for v in leaves:
        steps = ForwardPass(f, v)
        assert steps.at(len(steps))[f] == gradients[v] == grad(f, v)
        for node, tangent in steps.at(len(steps)).items():
            assert tangent == grad(node, v)


def test_an_operand_hands_on_only_what_is_final():
    x = Value(3.0)
    y = x * x
    steps = ForwardPass(y * y + y.tanh() * x, x)
    for k, e in enumerate(steps):
        assert steps.final_at[e.parent] <= k < steps.final_at[e.node]
    assert steps.final_at[x] == 0


def test_tangents_at_any_place_and_moving():
    f, a, b, c = sample()
    steps = ForwardPass(f, b)
    start = steps.at(0)
    assert start.pop(b) == 1.0
    assert set(start.values()) == {0.0}
    for k, e in enumerate(steps):
        assert steps.at(k)[e.node] == e.before
        assert steps.at(k + 1)[e.node] == e.after
    assert steps.back() is None
    assert [steps.forward() for _ in range(len(steps))] == steps.events == list(steps)
    assert steps.forward() is None
    assert steps.seek(3) == steps.at(3)
    assert steps.back() is steps[2]
    for k in (-1, len(steps) + 1):
        with pytest.raises(IndexError, match="this forward pass has"):
            steps.at(k)
    assert (a.grad, c.grad, f.grad) == (0.0, 0.0, 0.0)


def test_from_a_node_between_and_from_the_root():
    x = Value(3.0)
    y = x * x
    z = y * x
    steps = ForwardPass(z, y)
    assert steps.at(len(steps)) == {x: 0.0, y: 1.0, z: 3.0}
    assert ForwardPass(x, x).at(0) == {x: 1.0}
    steps = ForwardPass(z, z)
    assert steps.at(len(steps)) == {x: 0.0, y: 0.0, z: 1.0}


def test_branches_not_taken_and_infinite_partials_bring_nothing():
    x = Value(0.0)
    y = where(x > 0, x.log(), x * 2) + vsum([x.sqrt() * 0.0, x]).relu()
    steps = ForwardPass(y, x)
    assert steps.at(len(steps))[y] == grad(y, x) == 2.0
    (e,) = [e for e in steps if e.node.op == "where" and e.parent.op == "log"]
    assert (e.tangent, e.partial, e.contribution, e.arrives) == (math.inf, 0.0, 0.0, False)


@pytest.mark.parametrize("bad", [3.0, None, "x", [Value(1.0)]])
def test_it_goes_from_a_value_to_a_value(bad):
    for pair in ((bad, Value(1.0)), (Value(1.0), bad)):
        with pytest.raises(TypeError, match="from one Value to another"):
            ForwardPass(*pair)


def test_it_leads_to_the_root():
    with pytest.raises(ValueError, match="not made of it"):
        ForwardPass(Value(1.0) * 2, Value(1.0))


def test_a_dropped_pass_is_freed_at_once():
    gc.collect()
    gc.disable()
    try:
        f, a, *_ = sample()
        steps = ForwardPass(f, a)
        steps.seek(3)
        del steps, f, a, _
        assert gc.collect() == 0
    finally:
        gc.enable()


def test_play_without_a_terminal_prints_every_event(capsys):
    f, a, *_ = sample()
    ForwardPass(f, a).play()
    printed = capsys.readouterr().out
    assert "∂(a·b)" in printed
    assert "100" in printed
    assert f"{grad(f, a):g}" in printed
