"""Nodes in C and in Python: one program gives the same bits, errors and graphs by both."""

from __future__ import annotations

import copy
import functools
import gc
import os
import pickle
import subprocess
import sys
import weakref

import pytest

from micrograd_es import Value, custom, vsum, where
from micrograd_es.engine import graph, making
from micrograd_es.engine.graph import adjoints_of, make_again, topological_order
from micrograd_es.engine.ops import TABLE, with_number


class Mine(Value):
    """A node that is visited by the collector."""


native = pytest.mark.skipif(not graph.native, reason="without native code")

PROGRAM = r"""
import copy, itertools, pickle, random, struct
from math import inf, nan
from micrograd_es import AnomalyError, Value, custom, detect_anomaly, grad, no_grad, vsum
from micrograd_es.engine.functions import function, products
from micrograd_es.engine.graph import topological_order
from micrograd_es.engine.ops import TABLE

def bits(x):
    return x if x is None else "nan" if x != x else struct.pack("<d", x).hex()

def tell(root):
    order = topological_order(root)
    places = {node: k for k, node in enumerate(order)}
    for v in order:
        print(type(v).__name__, v.op, v._op, v.label, bits(v.data), bits(v.grad),
              [places[p] for p in v.parents], [bits(d) for d in v.partials])

chance = random.Random(5)
NUMBERS = [-inf, -1e308, -3.0, -0.5, -0.0, 0.0, 5e-324, 0.1, 1.0, 2.0, 710.0, 1e308, inf, nan]
def identity(z):
    return z

def one(z):
    return 1.0

class Mine(Value):
    def tanh(self):
        return 2 * super().tanh()
for trial in range(150):
    ordinary = trial % 2
    draw = (lambda: chance.gauss(0, 1)) if ordinary else (lambda: chance.choice(NUMBERS))
    values = [(Mine if chance.random() < 0.1 else Value)(draw(), f"v{k}") for k in range(4)]
    values[0].grad, values[1].grad, values[2].grad = None, 3, 0.5
    for step in range(25):
        op = chance.choice(list(TABLE.values()))
        operands = chance.choices(values, k=op.arity + 3 * op.variadic)
        a, b = chance.choices(values, k=2)
        values.append(chance.choice([
            lambda: function(op)(*operands), lambda: a + b, lambda: a * draw(), lambda: draw() - a,
            lambda: a / b, lambda: 3 / a, lambda: a ** 2, lambda: a ** b, lambda: 2 ** a,
            lambda: a % b, lambda: a // 2, lambda: a.maximum(2), lambda: (a >= b).node,
            lambda: -a, lambda: abs(a), a.tanh, a.relu,
            lambda: vsum(products(values[:3], values[1:4])), lambda: (a < b) * a,
            lambda: round(a, 1),
            lambda: custom(identity, one, a), lambda: vsum([a, draw(), 1]),
        ])())
    root = vsum(values[-8:]) if chance.random() < 0.5 else values[-1]
    for _ in range(2):
        root.backward()
    tell(root)
    tell(pickle.loads(pickle.dumps(root)))
    tell(copy.deepcopy(root))
    print([bits(x) for x in grad(root, values[:4])])
empty = vsum([])
for _ in range(2):
    empty.backward()
tell(empty)
for wrong in ("1", None, 1j, True, [1.0], 10**400):
    for act in (lambda v: v + wrong, lambda v: wrong * v, lambda v: v - wrong, lambda v: wrong / v,
                lambda v: setattr(v, "data", wrong),
                lambda v: (setattr(v, "grad", wrong), v.backward())):
        try:
            print(act(Value(1.5)))
        except Exception as error:
            print(type(error).__name__, error)
for given, named in (((1,), {}), ((1.5, "y"), {}), ((1.5,), {"label": "y"}), ((), {}),
                     ((1.5, "y"), {"label": "z"}), ((1.5,), {"label": 3}), ((1.5,), {"name": "y"}),
                     ((), {"data": 2, "label": "y"}), (("1",), {}), ((10**400,), {}), ((True,), {}),
                     ((1.5, (Value(2.0),), "f"), {}), ((1.5, (Value(2.0),), (3.0,), "y"), {}),
                     ((Value(1) < 2,), {}), ((1.5, 3), {}), ((1.5, ""), {})):
    for kind in (Value, Mine):
        try:
            tell(kind(*given, **named))
        except Exception as error:
            print(type(error).__name__, error)
try:
    with detect_anomaly():
        Value(-1.0, "a").log()
except AnomalyError as error:
    print(error, error.node.parents)
with no_grad():
    v = Value(2.0) * 3 + 1
    print(v, v.parents, v.partials, v.op)
"""


@native
def test_one_program_gives_the_same_by_both():
    found = [
        subprocess.run(
            [sys.executable, "-W", "ignore", "-c", PROGRAM],
            env={**os.environ, "MICROGRAD_ES_NATIVE": switch},
            capture_output=True, text=True, timeout=600,
        )
        for switch in ("0", "1")
    ]  # fmt: skip
    assert not found[0].stderr
    assert len(found[0].stdout) > 100_000
    assert found[0].stdout.splitlines() == found[1].stdout.splitlines()


@native
def test_c_makes_the_nodes_of_every_row():
    assert {*TABLE.values(), with_number(TABLE["pow"], 1)} == making.NATIVE


@native
def test_the_collector_visits_no_value_but_those_of_subclasses_with_more_in_them():
    x = Value(2.0, "x")
    nodes = [x, x * x, x + 1, 3 - x, x.tanh(), x**2, vsum([x, x]), copy.deepcopy(x), x.hypot(2)]
    assert not any(map(gc.is_tracked, nodes))
    assert gc.is_tracked(Mine(2.0))


@native
def test_a_deep_graph_is_freed_and_what_hangs_on_its_nodes_with_it():
    class Thing:
        pass

    x = v = Value(1.0)
    things = []
    for _ in range(100_000):
        v = v * x
    v.thing = thing = Thing()
    things.append(weakref.ref(thing))
    del v, thing
    assert things[0]() is None


@pytest.mark.parametrize("join", [lambda v, x: vsum([v, x, v]), lambda v, x: Mine(0.0, (v, x))])
def test_a_deep_graph_of_other_nodes_is_freed_too(join):
    v, x = Value(1.0), Value(2.0)
    first = weakref.ref(v)
    for _ in range(50_000):
        v = join(v, x)
    last = weakref.ref(v)
    del v
    gc.collect()
    assert first() is last() is None


def _cache(v):
    v.cache = v * 2


def _cache_in_a_list(v):
    v.cache = [vsum([v, v * 2, 1]), where(v, v, 2)]


def _cache_later(v):
    v.cache = []
    v.cache.append((v * 2).tanh() + 1)
    v.cache.append(custom(lambda z: z, lambda z: 1.0, v))


def _cache_in_a_gradient(v):
    v.grad = v * 2


def _cache_two(v):
    v.other = other = Value(3.0) * v
    other.back = other + v
    assert other.back.parents == (other, v)


@pytest.mark.parametrize("kind", [Value, Mine])
@pytest.mark.parametrize(
    "lead", [_cache, _cache_in_a_list, _cache_later, _cache_in_a_gradient, _cache_two]
)
def test_a_circle_through_an_attribute_is_collected(kind, lead):
    gc.collect()
    v = kind(1.0)
    used = vsum([v * k for k in range(3)])
    lead(v)
    used.backward() if lead is not _cache_in_a_gradient else None
    gc.collect()  # nothing that is used is lost
    assert used.parents[1].parents[0] is v
    gone = weakref.ref(v)
    del v, used
    gc.collect()
    assert gone() is None


def test_a_node_with_an_attribute_that_leads_nowhere_is_not_visited():
    x = Value(1.0)
    x.name, x.size = "x", 3.0
    assert gc.is_tracked(x) is gc.is_tracked(x * 2) is (graph.native is None)


def test_the_parts_of_a_node_can_be_set_one_by_one():
    x, y = Value(2.0), Value(3.0)
    for node in (x * y, x + 0, x.exp(), vsum([x, y, x]), Value(1.0)):
        make_again(node, TABLE["mul"], (x, y), (3.0, None))
        assert (node.parents, node.partials, node.op) == ((x, y), (3.0, None), "mul")
        node._a, node._b, node._da, node._db = y, x, None, 0.5
        assert (node.parents, node.partials) == ((y, x), (None, 0.5))
        assert adjoints_of(node, topological_order(node)) == {node: 1.0, x: 0.5}
        node._b = node._db = None
        node._a, node._da = (x, y, x), (1.0, None, 2.0)
        assert (node.parents, node.partials) == ((x, y, x), (1.0, None, 2.0))
        assert adjoints_of(node, topological_order(node)) == {node: 1.0, x: 3.0}
        node.__init__(5.0, "again")
        assert (node.parents, node.partials, node.op, node.label) == ((), (), "", "again")
        assert topological_order(node) == [node]


@pytest.mark.parametrize("operand", [5, "x", object()])
def test_a_walk_that_meets_no_node_is_an_error(operand):
    x = Value(3.0)
    node = 2 * x
    node._a = operand
    with pytest.raises(AttributeError):
        topological_order(node)
    with pytest.raises(AttributeError):
        adjoints_of(node, [node])


def test_a_sum_is_correctly_rounded_and_of_what_is_not_finite_as_ieee_754_has_it():
    inf = float("inf")
    for terms, expected in (
        ([0.1] * 10, 1.0), ([1e100, 1.0, -1e100], 1.0), ([1e308, 1e308, -1e308], inf),
        ([inf, 1.0], inf), ([-0.0], 0.0), ([1e-16, 1.0, 1e16], 1e16 + 2),
        ([2.0**53, 1.0, 1e-300], 2.0**53 + 2),
        ([10.0**k for k in range(-300, 300, 4)], None),
    ):  # fmt: skip
        found = vsum(map(Value, terms)).data
        if expected is None:
            import math

            expected = math.fsum(terms)
        assert found == expected, terms
    assert str(vsum([Value(inf), Value(-inf)]).data) == "nan"


def raised(y):
    try:
        raise ValueError(y)
    except ValueError as error:
        return error


def begun(y):
    def numbers():
        yield y

    generator = numbers()
    next(generator)
    return generator


# What leads from an attribute of x back to it, by a y that was computed from it.
CIRCLES = {
    "itself": lambda x, y: setattr(x, "y", y),
    "a list in a list": lambda x, y: setattr(x, "y", [[y]]),
    "a dict of tuples": lambda x, y: setattr(x, "y", {"y": (1, y)}),
    "a closure": lambda x, y: setattr(x, "y", lambda: y),
    "a default": lambda x, y: setattr(x, "y", lambda y=y: y),
    "a partial": lambda x, y: setattr(x, "y", functools.partial(print, y)),
    "a generator": lambda x, y: setattr(x, "y", begun(y)),
    "an exception": lambda x, y: setattr(x, "y", raised(y)),
    "a gradient": lambda x, y: setattr(x, "grad", [[y]]),
    "a new __dict__": lambda x, y: setattr(x, "__dict__", {"y": [y]}),
}


@pytest.mark.parametrize("kind", [Value, Mine])
@pytest.mark.parametrize("name", CIRCLES)
def test_a_circle_is_freed(name, kind):
    x = kind(1.0)
    CIRCLES[name](x, x * 2)
    gone = weakref.ref(x)
    del x
    gc.collect()
    assert gone() is None


@pytest.mark.parametrize("kind", [Value, Mine])
@pytest.mark.parametrize(
    "copied", [copy.copy, copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))]
)
def test_a_circle_of_a_copy_is_freed(copied, kind):
    x = kind(1.0)
    x.y = [x * 2]
    other = copied(x)
    assert other.y[0].data == 2.0
    gone = weakref.ref(other)
    del x, other
    gc.collect()
    assert gone() is None
