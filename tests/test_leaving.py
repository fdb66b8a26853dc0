"""Values that become floats: said once a line, unless it is meant, and found again afterwards."""

from __future__ import annotations

import array
import logging
import math
import statistics
import warnings
import weakref

import numpy as np
import pytest

from micrograd_es import DetachedWarning, GradientError, Value, check_gradient, explain, grad
from micrograd_es.base.languages import speaking
from micrograd_es.engine.leaving import left_at

E = math.exp


def into(numbers, place, value):
    numbers[place] = value


def added(numbers, value):
    numbers[1] += value


def caught(f, *args):
    """The warnings of a call, each time that there is a reason for one."""
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        f(*args)
    assert all(w.category is DetachedWarning for w in found)
    return found


UNSEEN = {
    "an item": (lambda v: into(np.zeros(3), 1, v), "dtype=object"),
    "added to an item": (lambda v: added(np.zeros(3), v), "dtype=object"),
    "a slice": (lambda v: into(np.zeros(3), slice(0, 2), [v, 1.0]), "dtype=object"),
    "an array of Values": (lambda v: into(np.zeros(2), slice(None), np.array([v, v])), "dtype=obj"),
    "an array of Python's": (lambda v: into(array.array("d", [0.0]), 0, v), "dtype=object"),
    "a new array": (lambda v: np.array([v, 1.0], dtype=float), "dtype=object"),
    "filled": (lambda v: np.zeros(2).fill(v), "dtype=object"),
    "full": (lambda v: np.full(2, v, dtype=float), "dtype=object"),
    "exp": (lambda v: math.exp(v), r"v\.exp\(\)"),
    "exp by another name": (lambda v: E(v), r"v\.exp\(\)"),
    "exp in a variable": (lambda v: (lambda f: f(v))(math.exp), r"v\.exp\(\)"),
    "atan": (lambda v: math.atan(v), r"v\.arctan\(\)"),
    "atan2": (lambda v: math.atan2(1.0, v), r"v\.arctan2\(w\)"),
    "hypot of many": (lambda v: math.hypot(*[v, 2.0]), r"v\.hypot\(w\)"),
    "pow": (lambda v: math.pow(v, 2), r"v \*\* w"),
    "fsum": (lambda v: math.fsum([v, 1]), r"vsum\(values\)"),
    "a choice": (lambda v: math.log(v if v.data > 0 else 1.0), r"v\.log\(\)"),
    "gamma": (lambda v: math.gamma(v), "custom"),
    "ceil": (lambda v: np.ceil(v), "custom"),
    "ceil of an array": (lambda v: np.ceil(np.array([v])), "custom"),
    "interp": (lambda v: np.interp(v, [0.0, 9.0], [0.0, 1.0]), "interp takes"),
    "a sum of floats": (lambda v: np.sum(np.array([v, v]), dtype=float), "sum takes"),
    "a mean": (lambda v: statistics.fmean([v]), "fmean takes"),
    "a comparison": (lambda v: math.exp(v > 0), r"v\.exp\(\)"),
}


@pytest.mark.parametrize(("use", "cure"), UNSEEN.values(), ids=UNSEEN)
def test_what_is_easily_overlooked_is_said_where_it_happens(use, cure):
    v = Value(2.0) * 2
    with pytest.warns(DetachedWarning, match=cure) as found:
        use(v)
    assert {w.filename for w in found} == {__file__}
    lines = {w.lineno for w in found}
    assert len(lines) == 1
    with open(__file__, encoding="utf-8") as file:
        line = file.read().splitlines()[lines.pop() - 1]
    assert "lambda v:" in line or "numbers[" in line


MEANT = {
    "float": lambda v: float(v),
    "float in a variable": lambda v: (lambda to: to(v))(float),
    "for each": lambda v: (list(map(float, [v])), [*map(float, [v])], sorted([v], key=float)),
    "the method": lambda v: v.__float__(),
    "complex": lambda v: complex(v),
    "%": lambda v: "%.2f and %g" % (v, v),  # noqa: UP031 (what is tested)
    "format": lambda v: (f"{v:.2f}", str.format("{:g} {}", v, v), format(v, "e")),
    "printed": lambda v: (print(v, [v]), print(np.array([v]), repr(np.array([v])))),
    "logged": lambda v: logging.getLogger("nobody").warning("%f", v),
    "data": lambda v: math.exp(v.data),
    "asked about": lambda v: (math.isnan(v), math.isinf(v), math.isfinite(v), math.isclose(v, 1)),
    "of NumPy's": lambda v: (np.float64(v), np.float32(v), np.array([v]).astype(float)),
    "saved as text": lambda v: np.savetxt(logging.os.devnull, np.array([v])),
    "objects": lambda v: (into(np.zeros(2, object), 0, v), np.array([v, 1.0]), np.full(2, v)),
    "functions": lambda v: (np.exp(v), np.maximum(0, v), np.sum([v, v]), np.float64(2) * v),
    "a leaf": lambda v: (math.exp(Value(1.0)), into(np.zeros(2), 0, Value(1.0))),
    "predictions": lambda v: into(np.zeros(2), 0, v > 0),
    "one of several": lambda v: [float][0](v),
}


@pytest.mark.parametrize("use", MEANT.values(), ids=MEANT)
def test_what_is_meant_is_not_mentioned(use, capsys):
    assert caught(use, Value(2.0) * 2) == []


def test_once_a_line_until_it_is_switched_off():
    def many():
        h, v = np.zeros(3), Value(1.0) * 2
        for i in range(3):
            h[i] = v * i
        math.exp(v)
        return h

    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("default")
        many()
    assert len(found) == 2
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", DetachedWarning)
        assert many().tolist() == [0.0, 2.0, 4.0]


def test_as_an_error_it_comes_through_numpy():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(DetachedWarning, match="dtype=object"):
            into(np.zeros(2), 0, Value(1.0) * 2)


def test_the_cures_keep_the_gradient():
    w = Value(2.0)
    h = np.zeros(3, dtype=object)
    for i in range(3):
        h[i] = w * 2
    assert grad(h.sum(), w) == 6.0
    assert grad((w * 2).exp(), w) == pytest.approx(2 * math.exp(4))


# -- found again ----------------------------------------------------------------------


def cut(w):
    h = np.zeros(3)
    h[0] = w * 2
    return Value(h.sum()) + 1


def line_of_the_cut():
    return cut.__code__.co_firstlineno + 2


@pytest.mark.filterwarnings("ignore::micrograd_es.DetachedWarning")
def test_explain_says_what_became_a_float():
    w, q = Value(2.0, "w"), Value(2.0, "q")
    f = cut(w)
    line = line_of_the_cut()
    with speaking("en"):
        expected = f"became a float in line {line} of test_leaving.py"
        assert explain(f, w).why == f"0: w is not connected to f: what uses it {expected}"
        assert expected in explain(f, w).text
        assert explain(f, q).why == "0: q is not connected to f"
    with speaking("es"):
        assert f"float en la línea {line} de test_leaving.py" in explain(f, w).why
    z = w * 3  # a node inside, of which something leaves
    y = Value(math.exp(z + 1))
    with speaking("en"):
        assert "became a float" in explain(y, z).why
        float(q * 2)
        assert "became" not in explain(y, q).why


@pytest.mark.filterwarnings("ignore::micrograd_es.DetachedWarning")
def test_check_gradient_says_what_became_a_float():
    with pytest.raises(GradientError, match=rf"line {line_of_the_cut()} of test_leaving\.py"):
        check_gradient(cut, 2.0)
    report = check_gradient(lambda x, y: Value(math.exp(x)) * y, [0.5, 2.0], raise_exception=False)
    wrong, right = report.partials
    assert "became a float" in str(wrong)
    assert "became" not in str(right)


@pytest.mark.filterwarnings("ignore::micrograd_es.DetachedWarning")
def test_what_is_remembered_keeps_no_graph():
    w = Value(2.0)
    v = w * 2
    math.exp(v)
    gone = weakref.ref(v)
    del v
    assert gone() is None
    assert left_at(w).file == "test_leaving.py"
    assert left_at(Value(1.0)) is None
    deep = w
    for _ in range(30_000):
        deep = deep * 1.0
    math.exp(deep)
    assert left_at(deep)
