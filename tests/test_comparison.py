"""Truth values that are nodes: joined, pickled, and replayed on other numbers."""

from __future__ import annotations

import copy
import math
import operator
import pickle

import numpy as np
import pytest

from micrograd_es import Tape, Value, dot, grad, maximum, vsum, where
from micrograd_es.engine.comparison import decisions

INSIDE = {
    "and": lambda x: (x > 0) & (x < 2),
    "not or": lambda x: ~((x <= 0) | (x >= 2)),
    "or not": lambda x: ~(~(x > 0) | ~(x < 2)),
    "and a bool": lambda x: (x > 0) & True & (x < 2) & np.True_,
    "or a bool": lambda x: ((x > 0) | False) & (np.float64(1.0) > x / 2),
}


@pytest.mark.parametrize("inside", INSIDE.values(), ids=INSIDE)
def test_joined_they_are_part_of_the_graph(inside):
    leaf = Value(1.0)
    tape = Tape(where(inside(leaf), 3 * leaf, -leaf), [leaf])
    at = [-1.0, 0.0, 0.5, 2.0, 3.0, math.nan]
    for number, replayed in zip(at, tape.value(np.array(at)[:, None])):
        x = Value(number)
        holds = inside(x)
        assert repr(holds) == repr(bool(inside(np.float64(number))))
        y = where(holds, 3 * x, -x)
        assert grad(y, x) == (3.0 if holds else -1.0)
        np.testing.assert_equal([y.data, replayed], [3 * number if holds else -number] * 2)


@pytest.mark.parametrize("join", [operator.and_, operator.or_])
def test_joined_with_what_is_no_truth_value(join):
    positive = Value(1.0) > 0
    for wrong in (1.0, "a", None, Value(1.0)):
        with pytest.raises(TypeError):
            join(positive, wrong)
    truths = np.array([True, False])
    np.testing.assert_array_equal(join(positive, truths), join(True, truths))


def test_copies_and_pickles():
    x = Value(3.0)
    positive = x > 0
    for p in (positive, positive & (x < 2)):
        for again in (copy.deepcopy(p), pickle.loads(pickle.dumps(p))):
            assert repr(again) == repr(p)
            assert (again.node.op, again.node.data) == (p.node.op, p.node.data)
            assert again.node is not p.node


MASKS = {
    "leaky relu": (lambda z: (z > 0) * z + (z <= 0) * (0.1 * z), lambda z: z if z > 0 else 0.1 * z),
    "what is not": (lambda z: (1 - (z > 0)) * z, lambda z: 0 if z > 0 else z),
    "a Value of it": (lambda z: Value(z > 0) * z, lambda z: z if z > 0 else 0),
    "a sum of them": (lambda z: vsum([z > 0, z > 1, z]), lambda z: (z > 0) + (z > 1) + z),
    "Python's sum": (lambda z: sum([z > 0, z > 1]) + z, lambda z: (z > 0) + (z > 1) + z),
    "dot": (lambda z: dot([z > 0, 2.0], [z, z > 1]), lambda z: (z > 0) * z + 2 * (z > 1)),
    "NumPy's sum": (lambda z: np.sum([z > 0, z]), lambda z: (z > 0) + z),
    "an array": (lambda z: (np.array([1.0, 2.0]) * (z > 0) * z)[1], lambda z: 2 * z * (z > 0)),
    "one of NumPy's numbers": (lambda z: np.float64(3) * (z > 0) - z, lambda z: 3 * (z > 0) - z),
    "powers": (lambda z: 2 ** (z > 0) + (z > 0) ** 2 + z, lambda z: 2 ** (z > 0) + (z > 0) + z),
    "a quotient": (
        lambda z: (z > 0) / 2 + 1 / (1 + (z > 0)) + z,
        lambda z: (z > 0) / 2 + 1 / (1 + (z > 0)) + z,
    ),
    "of each other": (lambda z: ((z > 0) - (z > 1)) * z, lambda z: z * ((z > 0) - (z > 1))),
    "compared again": (lambda z: where((z > 0) > 0.5, z, -z), lambda z: z if z > 0 else -z),
    "a maximum": (lambda z: maximum(z > 0, z), lambda z: max(float(z > 0), z)),
    "negated": (lambda z: -(z > 0) * z + abs(z > 1), lambda z: -(z > 0) * z + (z > 1)),
}


@pytest.mark.parametrize(("ours", "plain"), MASKS.values(), ids=MASKS)
def test_a_mask_in_arithmetic_is_a_part_of_the_graph(ours, plain):
    at = [-1.5, -0.5, 0.0, 0.5, 1.0, 2.5]
    expected = [float(plain(z)) for z in at]
    assert [ours(Value(z)).data for z in at] == expected
    for recorded in (-1.0, 0.25, 3.0):
        z = Value(recorded)
        tape = Tape(ours(z), [z])
        np.testing.assert_array_equal(tape.value(np.array(at)[:, None]), expected)


def test_in_python_it_is_a_truth_value():
    x = Value(2.0)
    assert (x > 1) == True  # noqa: E712  (what it is for)
    assert (x > 1) == (x < 3)
    assert (x > 1) != (x > 3)
    assert {x > 1, x > 3} == {True, False}
    assert ["no", "yes"][x > 1] == "yes"
    assert (int(x > 1), float(x > 3), f"{x > 1}") == (1, 0.0, "True")
    assert sum(1 for limit in (1, 2, 3) if x > limit) == 1
    with pytest.raises(TypeError):
        (x > 1) + "a"


@pytest.mark.parametrize(
    "decide",
    [
        lambda x: 1 if x > 0 else 2, lambda x: x or 1.0, lambda x: not x, lambda x: max(x, 1 * x),
        lambda x: any([x > 0]), lambda x: np.where(np.array([x]) > 0, 1, 2), lambda x: int(x > 0),
        lambda x: (x > 0) == True, lambda x: [1, 2][x > 0],  # noqa: E712
    ],
)  # fmt: skip
def test_what_decides_outside_the_graph_is_told(decide):
    with decisions() as found:
        decide(Value(3.0))
    assert len(found) == 1
    with decisions() as found:
        x = Value(3.0)
        repr(x > 0), (x > 0) * x, where(x > 0, x, 1), ~(x > 0) & (x < 1)
    assert found == []
