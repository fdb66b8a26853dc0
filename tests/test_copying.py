"""Graphs pickled and copied: equal, of their own, at any depth, and shared as before."""

from __future__ import annotations

import copy
import pickle
import threading

import pytest

from micrograd_es import MLP, Value, maximum, mse, vsum, where
from micrograd_es.engine.graph import topological_order

PROTOCOLS = range(pickle.HIGHEST_PROTOCOL + 1)
# Protocols 0 and 1 need __reduce__ and no more; all are for graphs as well.
WAYS = [copy.deepcopy] + [lambda v, p=p: pickle.loads(pickle.dumps(v, p)) for p in PROTOCOLS]
way = pytest.mark.parametrize("again", WAYS, ids=["copy", *(f"pickle{p}" for p in PROTOCOLS)])


def sample():
    x, w = Value(0.5, "x"), Value(-2.0, "w")
    y = vsum([x * w, (w * w).tanh(), maximum(x, w), where(x > w, x**2, w)])
    y.label = "y"
    y.backward()
    return y, x, w


def shape(root):
    """All that a graph is, with its nodes by number."""
    order = topological_order(root)
    number = {v: i for i, v in enumerate(order)}
    return [
        (v.data, v.grad, v.label, v._rule, [number[p] for p in v.parents], v.partials)
        for v in order
    ]


@way
def test_an_equal_graph_of_its_own(again):
    y, _, _ = sample()
    other = again(y)
    assert shape(other) == shape(y)
    assert not set(topological_order(other)) & set(topological_order(y))
    before = shape(y)
    other.backward()
    assert shape(y) == before
    assert topological_order(other)[-1].grad == 2 * topological_order(y)[-1].grad


@way
def test_what_was_shared_stays_shared(again):
    x = Value(3.0)
    first, second = x * 2, x + 1
    a, b, c = again((first, second, x))
    assert a.parents[0] is b.parents[0] is c
    b, c, a = again([second, x, first])
    assert a.parents[0] is b.parents[0] is c
    named = again({"loss": first, "leaf": x})
    assert named["loss"].parents[0] is named["leaf"]


@way
def test_a_node_and_one_above_it(again):
    x = Value(3.0)
    y = x * 2
    z = y * y
    for top, inner in (again((z, y)), again((y, z))[::-1]):
        assert top.parents == (inner, inner)


@way
def test_a_loss_and_its_model(again):
    model = MLP(2, [2, 1], seed=0)
    loss = mse([model([1.0, 2.0])], [0.0])
    other, its_loss = again((model, loss))
    assert set(other.parameters()) <= set(topological_order(its_loss))
    its_loss.backward()
    assert [p.grad for p in other.parameters()] != [0.0] * 9
    assert [p.grad for p in model.parameters()] == [0.0] * 9


@way
def test_deep_and_wide(again):
    x = Value(1.0)
    y = x
    for _ in range(5_000):  # far beyond the recursion limit
        y = y + x
    other = again(y)
    assert len(topological_order(other)) == 5_001
    assert other.data == 5_001.0
    wide = again(vsum([Value(1.0)] * 1000 + [Value(float(k)) for k in range(1000)]))
    assert len(set(wide.parents)) == 1001


@way
def test_a_leaf(again):
    x = Value(3.0, "x")
    x.grad = 2.0
    other = again(x)
    assert other is not x
    assert shape(other) == shape(x)


class Parameter(Value):
    def __init__(self, data, kin):
        super().__init__(data, "p")
        self.kin = kin


@pytest.mark.parametrize("again", [*WAYS, copy.copy])
def test_a_class_of_ones_own_stays_what_it_is(again):
    first = Parameter(3.0, [])
    second = Parameter(4.0, [first])
    other = again(second)
    assert type(other) is Parameter
    assert (other.data, other.label) == (4.0, "p")
    assert [type(p) for p in other.kin] == [Parameter]
    top = again(first * second)
    assert [type(p) for p in top.parents] == [Parameter, Parameter]
    assert top.parents[1].kin[0] is top.parents[0]
    assert type(top) is Value


def test_copies_keep_a_memo():
    x = Value(3.0)
    y = x * 2
    memo = {}
    other = copy.deepcopy(y, memo)
    assert copy.deepcopy(x, memo) is other.parents[0]
    assert copy.deepcopy(y, memo) is other


def test_a_shallow_copy_is_a_node_on_the_same_operands():
    x = Value(3.0)
    y = x * 2
    other = copy.copy(y)
    assert other is not y
    assert other.parents == y.parents
    assert (other.data, other.op) == (6.0, "mul")


def test_a_pickler_that_fails_leaves_nothing_behind():
    x = Value(3.0)
    x.label = lambda: None  # cannot be pickled
    y = (x * 2) * 3
    with pytest.raises((pickle.PicklingError, AttributeError)):
        pickle.dumps(y)
    x.label = "x"
    assert shape(pickle.loads(pickle.dumps(y))) == shape(y)


def test_pickling_in_many_threads():
    ys = [sample()[0] for _ in range(8)]
    wrong = []

    def work(y):
        for _ in range(20):
            if shape(pickle.loads(pickle.dumps(y))) != shape(y):
                wrong.append(y)

    threads = [threading.Thread(target=work, args=(y,)) for y in ys]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert wrong == []
