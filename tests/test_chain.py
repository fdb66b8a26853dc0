"""The chain rule on recorded nodes."""

from __future__ import annotations

import math
import os
import subprocess
import sys

import pytest

from micrograd_es import Value, grad, maximum, vsum, where
from micrograd_es.engine.graph import adjoints_of, backward_edges, one_pass, topological_order


def test_each_node_once_and_before_its_operands():
    x, w = Value(2.0), Value(3.0)
    y = (x * w + x) * (x * w).tanh() + vsum([x, x, w])
    order = topological_order(y)
    place = {v: i for i, v in enumerate(order)}
    assert order[0] is y
    assert len(place) == len(order) == 9
    assert all(place[v] < place[p] for v in order for p in v.parents)


def test_the_order_depends_on_the_graph_alone():
    def names():
        v = [Value(1.0, label=f"v{i}") for i in range(6)]
        y = (v[3] * v[1] + v[5]) / (v[0] - v[2]) + v[4] ** v[1]
        return [n.label or n.op for n in topological_order(y)]

    assert names() == names()
    assert [n.label for n in topological_order(Value(1.0, "a") + Value(2.0, "b"))] == ["", "a", "b"]


def test_a_leaf_is_its_own_order():
    x = Value(1.0)
    assert topological_order(x) == [x]
    assert adjoints_of(x, [x]) == {x: 1.0}
    assert list(backward_edges(x)) == []


def test_a_node_with_many_paths_is_walked_once():
    a, b = Value(1.0), Value(1.0)
    first, exact = a, (0, 1)
    for _ in range(300):  # 10^62 paths
        a, b = b, a + b
        exact = exact[1], sum(exact)
    assert len(topological_order(b)) == 302
    assert grad(b, first) == pytest.approx(exact[0], rel=1e-13)


def test_adjoints_sum_over_all_users():
    x = Value(3.0)
    y = x * x
    z = y + y * x
    adjoints = adjoints_of(z, topological_order(z))
    assert adjoints[z] == 1.0
    assert adjoints[y] == 1.0 + 3.0
    assert adjoints[x] == 4.0 * 6.0 + 9.0


def test_what_only_branches_not_taken_use_is_absent():
    x = Value(0.0)
    inner = x.log()
    y = where(Value(1.0), 5.0, inner)
    adjoints = adjoints_of(y, topological_order(y))
    assert inner not in adjoints
    assert x not in adjoints


def test_edges_are_the_multiplications_of_backward():
    x, w = Value(2.0), Value(3.0)
    y = x * w
    z = y * y + x
    edges = list(backward_edges(z))
    for e in edges:
        assert e.parent is e.node.parents[e.index]
        assert e.contribution == e.upstream * e.partial
        assert e.after == e.before + e.contribution
        assert e.partial == e.node.partials[e.index]
    last = {e.parent: e.after for e in edges}
    assert last | {z: 1.0} == adjoints_of(z, topological_order(z))
    assert [(e.parent, e.before, e.after) for e in edges if e.parent is y] == [
        (y, 0.0, 6.0),
        (y, 6.0, 12.0),
    ]


def test_what_an_interrupted_walk_has_left_means_nothing_to_the_next():
    x = Value(3.0)
    y = x * x
    broken = 2 * y
    broken._a = 5  # no node: the walk ends there, when it has marked y and x
    with pytest.raises(AttributeError):
        topological_order(broken)
    assert topological_order(y) == [y, x]
    assert adjoints_of(y, topological_order(y)) == {y: 1.0, x: 6.0}


def test_a_walk_within_a_walk_is_refused_and_does_not_wait_for_itself():
    x = Value(3.0)
    y = x * x
    with one_pass, pytest.raises(RuntimeError, match="within another"):
        y.backward()  # as a signal handler would
    y.backward()
    assert x.grad == 6.0


FORKED = """
import os, signal, threading, time
from micrograd_es import Value
from micrograd_es.engine.graph import one_pass
held = threading.Event()
def hold():
    with one_pass:
        held.set()
        time.sleep(0.2)
threading.Thread(target=hold).start()
held.wait()
child = os.fork()
if not child:
    signal.alarm(20)
    x = Value(3.0)
    (x * x).backward()
    os._exit(x.grad != 6.0)
raise SystemExit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) != 0)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no forks on this system")
def test_a_process_forked_while_another_thread_walks_can_walk():
    assert subprocess.run([sys.executable, "-c", FORKED], check=False).returncode == 0


def test_edges_that_carry_nothing_are_edges_too():
    a, b = Value(1.0), Value(2.0)
    y = maximum(a * 1.0, b)
    carried = {(e.node.op, e.index): (e.upstream, e.partial, e.after) for e in backward_edges(y)}
    assert carried[("maximum", 0)] == (1.0, 0.0, 0.0)
    assert carried[("maximum", 1)] == (1.0, 1.0, 1.0)
    assert carried[("mul", 0)] == (0.0, 0.0, 0.0)


def test_another_order_hands_on_what_has_arrived():
    x = Value(3.0)
    y = x * x
    z = y * 2
    edges = list(backward_edges(z, [y, z]))  # y before its user
    assert [e.after for e in edges if e.parent is x] == [0.0, 0.0]


@pytest.mark.parametrize("value", [math.inf, math.nan])
def test_a_partial_that_is_not_finite_is_multiplied_as_it_is(value):
    x = Value(1.0)
    y = x * value
    z = y * 0.0
    edges = {e.node: e for e in backward_edges(z) if e.parent in (x, y)}
    assert edges[z].after == 0.0
    assert math.isnan(edges[y].after)
    assert math.isnan(edges[y].contribution)


@pytest.mark.parametrize(
    ("graph", "arrives", "settles"),
    [
        (lambda x: x**2, [True, False], [True, False]),  # the exponent is a number
        (lambda x: x ** Value(2.0), [True, True], [True, True]),
        (lambda x: x * 0.0, [True, True], [True, True]),  # a factor of zero is a factor
        (lambda x: x * math.nan, [True, True], [True, True]),
        (lambda x: (-x).relu(), [False, False], [True, True]),  # nor below a dead relu
        (lambda x: (x * 0.0 - 1).relu(), [False] * 5, [True] * 5),
        (lambda x: maximum(x, 1.0), [True, False], [True, True]),
    ],
)
def test_an_edge_says_whether_a_gradient_goes_that_way(graph, arrives, settles):
    edges = list(backward_edges(graph(Value(3.0))))
    assert [e.arrives for e in edges] == arrives
    assert [e.settles for e in edges] == settles
    assert all(e.before == e.after for e in edges if not e.arrives)


def test_an_edge_arrives_whatever_its_operand_has_become():
    x = Value(3.0)
    y = x * x
    x.data = 4.0
    assert [e.arrives for e in backward_edges(y)] == [True, True]
