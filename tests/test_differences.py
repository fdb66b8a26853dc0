"""Finite differences on a graph, against calculus done by hand and against backward passes."""

from __future__ import annotations

import math
import random

import pytest

from micrograd_es import (
    MLP,
    BackwardPass,
    Value,
    custom,
    detect_anomaly,
    maximum,
    sum_squares,
    where,
)
from micrograd_es.stepping.differences import agree, central_differences


def test_of_leaves_and_of_nodes_between():
    x = Value(3.0)
    y = x * x
    z = y.sin() + x
    differences = central_differences(BackwardPass(z).nodes)
    assert differences[y] == pytest.approx(math.cos(9.0), rel=1e-8)
    assert differences[x] == pytest.approx(6 * math.cos(9.0) + 1, rel=1e-8)
    assert differences[z] == pytest.approx(1.0, rel=1e-8)


def test_change_nothing():
    x = Value(3.0)
    y = (x * x).exp()
    y.backward()
    before = [(v.data, v.grad) for v in (x, y)]
    central_differences(BackwardPass(y).nodes)
    assert [(v.data, v.grad) for v in (x, y)] == before


@pytest.mark.parametrize("seed", range(20))
def test_agree_with_the_gradients_of_random_networks(seed):
    source = random.Random(seed)
    activation = source.choice(["tanh", "sigmoid", "softplus"])
    model = MLP(2, [3, 2], activation=activation, seed=seed)
    cost = sum_squares(model([source.uniform(-1, 1) for _ in range(2)]), [0.0, 1.0])
    steps = BackwardPass(cost)
    grads, differences = steps.at(len(steps)), central_differences(steps.nodes)
    for event in steps:
        if event.node.partials[event.index] is not None:
            assert agree(grads[event.parent], differences[event.parent], cost.data)


def test_follow_the_branch_that_was_taken():
    a, b = Value(1.0), Value(2.0)
    c = maximum(a, b) + where(a < b, a * a, b)
    differences = central_differences(BackwardPass(c).nodes)
    assert differences[a] == pytest.approx(2.0)
    assert differences[b] == pytest.approx(1.0)


def test_where_there_is_no_number_there_is_no_difference():
    x = Value(math.inf)
    assert math.isnan(central_differences(BackwardPass(x * 2).nodes)[x])
    edge = Value(0.0)
    y = custom(lambda v: math.sqrt(v), lambda v: 1.0, edge)
    assert math.isnan(central_differences(BackwardPass(y).nodes)[edge])


def test_are_no_anomaly_of_their_own():
    x = Value(1e-9)
    with detect_anomaly():
        y = x.log()
        central_differences(BackwardPass(y).nodes)  # log of a negative number on one side


@pytest.mark.parametrize(
    ("gradient", "difference", "same"),
    [(1.0, 1.0 + 1e-7, True), (1.0, 1.001, False), (0.0, 1e-10, True), (-1.0, 1.0, False)],
)
def test_agree_to_six_digits(gradient, difference, same):
    assert agree(gradient, difference, 1.0) is same
