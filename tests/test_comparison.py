"""Truth values that are nodes: joined, pickled, and replayed on other numbers."""

from __future__ import annotations

import copy
import math
import operator
import pickle

import numpy as np
import pytest

from micrograd_es import Tape, Value, grad, where

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
