"""A user's own operation: a function and its derivative."""

from __future__ import annotations

import math
import pickle
from copy import deepcopy

import numpy as np
import pytest

from micrograd_es import Value, custom, grad
from micrograd_es.engine.custom import CustomOperation


def g(z):
    return 1 / (1 + np.exp(-z))


def d_g(z):
    return g(z) * (1 - g(z))


def test_the_notes_g_and_d_g_are_one_operation():
    z = Value(0.3, "z")
    a = custom(g, d_g, z)
    assert (a.op, a.parents) == ("g", (z,))
    assert a.data == g(0.3)
    a.backward()
    assert z.grad == d_g(0.3)


def test_its_derivative_is_believed():
    x = Value(3.0)
    assert grad(custom(math.sin, lambda z: 42.0, x), x) == 42.0


def test_several_arguments_have_a_partial_each():
    x, y = Value(3.0), Value(4.0)
    h = custom(math.hypot, lambda a, b: (a / math.hypot(a, b), b / math.hypot(a, b)), x, y)
    assert h.data == 5.0
    assert grad(h, [x, y]) == [0.6, 0.8]
    twice = custom(lambda a, b: a * b, lambda a, b: [b, a], x, x)
    assert grad(twice, x) == 6.0


def test_numbers_become_leaves():
    y = custom(lambda a, b: a * b, lambda a, b: (b, a), Value(3.0), np.int8(2))
    assert y.parents[1].data == 2.0
    assert custom(abs, lambda z: 1.0, 2).data == 2.0


def test_what_it_gives_becomes_a_float():
    for result in (3, np.float32(3.0), np.array([3.0])):
        y = custom(lambda z, r=result: r, lambda z, r=result: r, Value(1.0))
        assert type(y.data) is float
        assert (y.data, y.partials) == (3.0, (3.0,))


def test_names():
    class Twice:
        def __call__(self, z):
            return 2 * z

    x = Value(1.0)
    assert custom(math.sin, math.cos, x).op == "sin"
    assert custom(lambda z: z, lambda z: 1.0, x).op == "lambda"
    assert custom(Twice(), lambda z: 2.0, x).op == "Twice"


def test_division_by_zero_is_ieees():
    x = Value(0.0)
    y = custom(lambda z: 1 / z, lambda z: -1 / z**2, x)
    assert (y.data, y.partials) == (math.inf, (-math.inf,))
    z = custom(lambda z: np.exp(z), lambda z: np.exp(z), Value(1000.0))  # without a warning
    assert z.data == math.inf


def test_what_only_numpys_floats_have():
    x = Value(2.0)
    y = custom(lambda z: z.clip(0.0, 1.5), lambda z: (z < 1.5).astype(float), x)
    assert (y.data, y.partials) == (1.5, (0.0,))


def test_what_the_function_raises_goes_through():
    with pytest.raises(ValueError, match=r"math domain error|expected a positive input"):
        custom(math.log, lambda z: 1 / z, Value(-1.0))
    with pytest.raises(KeyError):
        custom({}.__getitem__, lambda z: 1.0, Value(1.0))


def test_no_arguments():
    with pytest.raises(ValueError, match="at least one argument"):
        custom(lambda: 1.0, lambda: ())


@pytest.mark.parametrize("partials", [(1.0,), (1.0, 2.0, 3.0), (), 1.0])
def test_as_many_partials_as_arguments(partials):
    with pytest.raises(ValueError, match="should give 2 partials"):
        custom(lambda a, b: a, lambda a, b: partials, Value(1.0), Value(2.0))


@pytest.mark.parametrize("bad", ["1", None, 1j, True, [1.0], np.array([1.0, 2.0])])
def test_results_are_real_numbers(bad):
    x = Value(1.0)
    with pytest.raises(TypeError, match="expected a real number"):
        custom(lambda z: bad, lambda z: 1.0, x)
    with pytest.raises(TypeError, match="expected a real number"):
        custom(lambda z: z, lambda z: (bad,), x)
    with pytest.raises(TypeError, match="expected a real number"):
        custom(lambda z: z, lambda z: 1.0, bad)


def test_arithmetic_errors_on_other_numbers_go_through():
    rule = CustomOperation("f", lambda a: a / 0, lambda a: 1.0)
    with pytest.raises(ZeroDivisionError):
        rule.value([1])  # an int: there is nothing else to try


def test_copies_and_pickles_of_named_functions():
    z = Value(0.3)
    a = custom(g, d_g, z)
    for again in (deepcopy(a), pickle.loads(pickle.dumps(a))):
        assert again is not a
        assert (again.data, again.op, again.partials) == (a.data, "g", a.partials)
        again.backward()
        assert again.parents[0].grad == d_g(0.3)
    assert z.grad == 0.0
