"""The tree of errors, as its docstring draws it."""

from __future__ import annotations

import pickle
import re

import pytest

import micrograd_es
from micrograd_es import AnomalyError, Value
from micrograd_es.base import errors


def drawn():
    """(error, its base) as the tree in the docstring has them."""
    base = ""
    for line in errors.__doc__.split("::\n")[1].splitlines():
        names = re.findall(r"[A-Z]\w*(?:Error|Warning)\b", line)
        if names and "──" in line:
            yield names[0], base
        elif names:
            base = names[0]


def test_the_tree_is_the_one_that_is_drawn():
    ours = {
        name: cls
        for name, cls in vars(errors).items()
        if isinstance(cls, type) and cls.__module__ == errors.__name__
    }
    tree = dict(drawn())
    assert tree.keys() == ours.keys()
    for name, base in tree.items():
        assert ours[name].__base__.__name__ == base


@pytest.mark.parametrize("name", [name for name, _ in drawn()])
def test_each_is_public_and_can_be_raised(name):
    cls = getattr(micrograd_es, name)
    assert cls.__doc__
    with pytest.raises(cls, match="what went wrong"):
        raise cls("what went wrong")


def test_an_anomaly_knows_where():
    node = Value(1.0)
    error = AnomalyError("text", node, 3)
    assert (str(error), error.node, error.sample) == ("text", node, 3)
    assert (AnomalyError("text").node, AnomalyError("text").sample) == (None, None)


def test_an_anomaly_is_pickled_with_what_it_knows():
    error = pickle.loads(pickle.dumps(AnomalyError("text", Value(1.0) * 2, 3)))
    assert (str(error), error.node.data, error.sample) == ("text", 2.0, 3)
