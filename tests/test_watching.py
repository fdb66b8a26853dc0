"""`no_grad`: where operations give leaves, and where they do not. `test_anomaly` has the rest."""

from __future__ import annotations

import asyncio
import copy
import math
import pickle
import threading

import numpy as np
import pytest

from micrograd_es import (
    MLP,
    SGD,
    AnomalyError,
    Net,
    Tape,
    Value,
    check_gradient,
    custom,
    detect_anomaly,
    dot,
    fit,
    grad,
    hessian,
    maximum,
    mse,
    no_grad,
    vsum,
    where,
)
from micrograd_es.engine import graph
from micrograd_es.engine.functions import function
from micrograd_es.engine.ops import TABLE
from micrograd_es.engine.watching import enable_grad


def is_leaf(v):
    return not v.parents and not v.partials and v.op == "" and v._rule is None


@pytest.mark.parametrize("op", TABLE.values(), ids=TABLE)
def test_each_operation_gives_a_leaf_of_the_same_number(op):
    f, operands = function(op), [Value(x) for x in op.at]
    with no_grad():
        found = f(*operands)
    assert is_leaf(found)
    assert found.data == f(*operands).data
    assert f(*operands).parents == tuple(operands)


def test_whatever_makes_nodes_gives_leaves():
    x, y = Value(2.0, "x"), Value(3.0)
    with no_grad():
        made = [
            x * y, 1 + x, x**2, 2**x, x.exp(), vsum([x, y]), dot([x], [y]), maximum(x, y),
            where(x > y, x, y), (x > y).node, custom(math.sin, math.cos, x), np.exp(x),
            MLP(2, [3, 1], seed=1)([x, y]), np.float64(2) * x,
        ]  # fmt: skip
    assert all(map(is_leaf, made))
    made[0].backward()
    assert (made[0].grad, x.grad) == (1.0, 0.0)


def test_a_prediction_is_the_same():
    model = MLP(2, [4, 2], "tanh", seed=3)
    with no_grad():
        found = model([0.5, -1.0])
    assert [v.data for v in found] == [v.data for v in model([0.5, -1.0])]
    assert [v.label for v in found] == ["y⁽¹⁾", "y⁽²⁾"]


def test_it_ends_with_its_block_may_be_nested_and_decorates():
    x = Value(2.0)
    with no_grad():
        with no_grad():
            assert is_leaf(x * x)
        assert is_leaf(x * x)
        with enable_grad():
            assert (x * x).parents == (x, x)
        assert is_leaf(x * x)
    assert (x * x).parents == (x, x)
    with pytest.raises(KeyError), no_grad():
        raise KeyError
    assert (x * x).parents == (x, x)

    @no_grad()
    def squared(v):
        return v * v

    assert is_leaf(squared(x))
    assert is_leaf(squared(x))
    assert (x * x).parents == (x, x)


def test_nodes_made_outside_are_looked_at_by_nobody():
    assert graph.watch is None
    with no_grad():
        assert graph.watch
        with detect_anomaly():
            assert graph.watch
        assert graph.watch
    with enable_grad():
        assert graph.watch is None
    assert graph.watch is None


def test_other_threads_record():
    x, found = Value(2.0), []
    with no_grad():
        thread = threading.Thread(target=lambda: found.append(x * x))
        thread.start()
        thread.join()
        assert is_leaf(x * x)
    assert found[0].parents == (x, x)


def test_other_tasks_record():
    x = Value(2.0)

    async def leaves():
        with no_grad():
            for _ in range(5):
                await asyncio.sleep(0)
                assert is_leaf(x * x)

    async def nodes():
        for _ in range(5):
            await asyncio.sleep(0)
            assert (x * x).parents == (x, x)

    async def both():
        await asyncio.gather(leaves(), nodes(), leaves())

    asyncio.run(both())


def test_an_anomaly_is_told_with_its_operands():
    with no_grad(), detect_anomaly(), pytest.raises(AnomalyError, match=r"log\(x=0.0\)"):
        Value(0.0, "x").log()


def test_what_was_recorded_can_be_derived_and_copied():
    x = Value(3.0, "x")
    y = x * x * x
    with no_grad():
        assert grad(y, x) == 27.0
        assert grad(y, x, create_graph=True).parents
        assert hessian(y, [x]) == [[18.0]]
        y.backward()
        copies = [copy.deepcopy(y), pickle.loads(pickle.dumps(y))]
    assert x.grad == 27.0
    for c in copies:
        assert c.op == "mul"
        assert grad(c, c.parents[0]) == 3.0


def test_what_derives_by_itself_records():
    X, Y = [[-1.0], [0.0], [1.0]], [-1.0, 1.0, 3.0]
    with no_grad():
        assert check_gradient(lambda a, b: a * b.sin(), [2.0, 0.5], order=2)
        model = MLP(1, [1], seed=0)
        fit(model, X, Y, mse, SGD(model.parameters(), lr=0.5), epochs=50, progress=False)
        net = Net(2, 1, lr=1.0, seed=0)
        costs = net.learn([[1, 0], [0, 1]], [[0, 1], [1, 0]], tol=0.05)
    assert [p.data for p in model.parameters()] == pytest.approx([2.0, 1.0])
    assert costs[-1] < costs[0]


def test_a_replay_of_what_is_infinite_is_done_again_node_by_node():
    x, w = Value(1.0), Value(2.0)
    tape = Tape(where(x > 0, x.log(), 0.0) * w, [x], [w])
    with no_grad():
        values, gradient = tape.value_and_grad([[0.0], [1e-300]])
    assert values.tolist() == [0.0, 2 * math.log(1e-300)]
    assert gradient.tolist() == [math.log(1e-300) / 2]
