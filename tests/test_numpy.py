"""NumPy's functions on Values and arrays of Values: a node, or an error that names ours."""

from __future__ import annotations

import functools
import math
import operator
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from micrograd_es import Tape, Value, dot, grad, maximum, minimum, vsum, where
from micrograd_es.engine.comparison import Comparison, decisions

NUMPY = tuple(map(int, np.__version__.split(".")[:2]))
trapezoid = getattr(np, "trapezoid" if NUMPY >= (2, 0) else "trapz")
POINT = [1.5, -0.5, 2.25]
# Of one number each, at numbers between 0 and 2.
OF_ONE = ["exp", "log", "sqrt", "sin", "cos", "tan", "tanh", "arctan", "sinh", "cosh", "log1p",
          "expm1", "log2", "log10", "floor", "rint", "square", "abs", "negative",
          "reciprocal"]  # fmt: skip


# A function of three numbers or Values, by NumPy; and the same by PyTorch, of a tensor.
ON_VALUES = {
    "maximum": (lambda a, b, c: np.maximum(0, a) * np.maximum(b, 0) + np.maximum(a, c), None),
    "minimum": (lambda a, b, c: np.minimum(1, a) * np.minimum(b, 0) + np.minimum(a, c), None),
    "clip": (lambda a, b, c: np.clip(a, 0, 1) + np.clip(b, -1, 1) * np.clip(2.0, b, c),
             lambda x: x[0].clamp(0, 1) + x[1].clamp(-1, 1) * x[2].clamp(max=2.0)),
    "clip from one side": (lambda a, b, c: np.clip(a, None, 1) + np.clip(a_min=1, a_max=None, a=c),
                           lambda x: x[0].clamp(max=1) + x[2].clamp(min=1)),
    "where": (lambda a, b, c: np.where(a > 0, a * c, b) + np.where(b > 0, 7.0, b * a), None),
    "sign": (lambda a, b, c: np.sign(a) * b + np.sign(b) * c,
             lambda x: x[0].sign() * x[1] + x[1].sign() * x[2]),
    "arctan2": (lambda a, b, c: np.arctan2(2, a) * np.arctan2(b, c), None),
    "hypot": (lambda a, b, c: np.hypot(2, a) * np.hypot(b, c), None),
    "logaddexp": (lambda a, b, c: np.logaddexp(2, a) * np.logaddexp(b, c) + np.logaddexp(a, a),
                  lambda x: x[0].new_tensor(2.0).logaddexp(x[0]) * x[1].logaddexp(x[2])
                  + x[0].logaddexp(x[0])),
    "round": (lambda a, b, c: np.round(1.2 * a, 1) * b + np.round(1.2 * c), None),
    "operators": (lambda a, b, c: np.add(2, a) * np.subtract(b, 1) / np.multiply(2, c)
                  + np.power(c, 2) - np.power(2, a) + np.negative(b) + np.positive(c)
                  + np.square(a) + np.reciprocal(b) + np.remainder(c, 2) * np.floor_divide(c, 1),
                  None),
    "of one": (lambda a, b, c: np.sum(a) * np.mean(b) + np.max(c) * np.dot(a, b)
               + np.linalg.norm(np.stack([a, b])), None),
    "polyval": (lambda a, b, c: np.polyval([1.0, 2.0, 3.0], a) * np.polyval([b, c], 2.0),
                lambda x: (x[0] ** 2 + 2 * x[0] + 3) * (2 * x[1] + x[2])),
}  # fmt: skip
ON_ARRAYS = {
    "prod": (lambda v: np.prod(v), lambda x: x.prod()),
    "cumsum": (lambda v: np.cumsum(v) @ np.array([1.0, 2.0, 3.0]),
               lambda x: x.cumsum(0) @ x.new_tensor([1.0, 2.0, 3.0])),
    "cumprod": (lambda v: np.cumprod(v) @ np.array([1.0, 2.0, 3.0]),
                lambda x: x.cumprod(0) @ x.new_tensor([1.0, 2.0, 3.0])),
    "max and min": (lambda v: np.max(v) * np.min(v) + v.max() - 2 * v.min(), None),
    "norm": (lambda v: np.linalg.norm(v), lambda x: x.norm()),
    "norms": (lambda v: np.linalg.norm(v, 1) * np.linalg.norm(v, np.inf),
              lambda x: x.norm(1) * x.norm(math.inf)),
    "var": (lambda v: np.var(v) + np.var(v, ddof=1), None),
    "std": (lambda v: np.std(v) * np.mean(v), None),
    "dot": (lambda v: np.dot(v, v[::-1]) + np.dot(v, [1.0, 2.0, 3.0]), None),
    "outer": (lambda v: np.outer(v, np.arange(3.0)).sum() * np.outer(v, v)[0, 2],
              lambda x: 3 * x.sum() * x[0] * x[2]),
    "trapezoid": (lambda v: trapezoid(v, dx=0.5) + trapezoid([1.0, 2.0, 4.0], v), None),
    "polyval": (lambda v: np.polyval(v, 2.0), lambda x: 4 * x[0] + 2 * x[1] + x[2]),
    "arctan2": (lambda v: np.arctan2(v, v[::-1]).sum(), None),
    "hypot": (lambda v: np.hypot(v, v[::-1]).prod(), None),
    "logsumexp": (lambda v: np.log(np.sum(np.exp(v - np.max(v)))),
                  lambda x: (x - x.max()).logsumexp(0)),
    "round": (lambda v: np.round(1.2 * v, 1) @ v + np.round(1.2 * v).sum(), None),
    "sum and mean": (lambda v: np.sum(v) * np.mean(v), None),
    "average": (lambda v: np.average(v, weights=[1, 2, 3]) * np.average([1, 2, 3], weights=v),
                None),
    "median": (lambda v: np.median(v) * np.median(v[:2]), lambda x: x[0] * x[:2].mean()),
    "sort": (lambda v: np.sort(v) @ np.array([1.0, 2.0, 3.0]),
             lambda x: x.sort()[0] @ x.new_tensor([1.0, 2.0, 3.0])),
    "products": (lambda v: np.inner(v, v) * np.vdot(v, [1.0, 2.0, 3.0]) + np.trace(np.outer(v, v))
                 + np.matmul(v, v[::-1]) * np.tensordot(v, v, 1), None),
    "kron": (lambda v: np.kron(v, [1.0, 2.0]) @ np.arange(6.0), None),
    "convolve": (lambda v: np.convolve(v, [1.0, 2.0]).prod(), None),
    "stacked": (lambda v: np.concatenate([v, v[:1]]).prod() + np.stack([v, v])[1].sum(), None),
    "with a Value": (lambda v: (np.maximum(v, v[0]) * np.hypot([1.0, 2.0, 3.0], v[1])
                                + np.clip(v, v[1], 1) + np.arctan2(np.ones(3), v[2])).sum(), None),
    "scaled": (lambda v: (v * v[0] + np.array([1.0, 2.0, 3.0]) / v[1] - v[2] ** v).sum(), None),
    "by a matrix": (lambda v: (np.arange(9.0).reshape(3, 3) @ v).prod(), None),
    "diff and cross": (lambda v: np.diff(v).prod() + np.cross(v, v[::-1])[0], None),
    "where": (lambda v: np.where([True, False, True], v, v[0]).sum(), None),
    "einsum": (lambda v: np.einsum("i,ij,j->", v, np.arange(9.0).reshape(3, 3), v), None),
}  # fmt: skip


def slopes(f, at):
    """By central differences of the same function of NumPy on floats."""
    h, found = 1e-6, []
    for k in range(len(at)):
        ends = [f([x + step * (i == k) for i, x in enumerate(at)]) for step in (h, -h)]
        found.append((ends[0] - ends[1]) / (2 * h))
    return found


CASES = {
    **{name: (lambda x, f=f: f(*x), theirs) for name, (f, theirs) in ON_VALUES.items()},
    **{f"array: {name}": (lambda x, f=f: f(np.array(x)), theirs)
       for name, (f, theirs) in ON_ARRAYS.items()},
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_value_and_gradient(name):
    if name == "array: einsum" and NUMPY < (1, 25):
        pytest.skip("which takes no objects there")
    f, theirs = CASES[name]
    v = [Value(x) for x in POINT]
    y = f(v)
    assert isinstance(y, Value)
    assert y.data == pytest.approx(f(POINT), rel=1e-14)
    assert grad(y, v) == pytest.approx(slopes(f, POINT), rel=1e-7, abs=1e-7)
    if theirs is not None:
        torch = pytest.importorskip("torch")
        x = torch.tensor(POINT, dtype=torch.float64, requires_grad=True)
        by_torch = theirs(x)
        by_torch.backward()
        assert y.data == pytest.approx(by_torch.item(), rel=1e-14)
        assert grad(y, v) == pytest.approx(x.grad.tolist(), rel=1e-13)


@pytest.mark.parametrize("name", OF_ONE)
def test_value_and_gradient_of_one_and_of_an_array(name):
    f, at = getattr(np, name), [0.7, 1.3]
    v = [Value(x) for x in at]
    alone, together = [f(x) for x in v], f(np.array(v))
    for found in (alone, together):
        assert all(isinstance(y, Value) for y in found)
        assert [y.data for y in found] == pytest.approx(f(at), rel=1e-14)
        expected = [slopes(lambda x: f(x[0]), [x])[0] for x in at]
        assert [grad(y, x) for y, x in zip(found, v)] == pytest.approx(expected, rel=1e-7)


@pytest.mark.parametrize("name", ["maximum", "minimum", "clip", "where", "sign", "operators"])
def test_what_is_chosen_is_part_of_the_graph(name):
    f = ON_VALUES[name][0]
    v = [Value(x) for x in POINT]
    with decisions() as decided:
        tape = Tape(f(*v), v)
    assert decided == []
    others = np.array([[-1.5, 0.5, 2.5], [0.25, 2.0, -3.0], [3.0, -1.0, 0.5]])
    expected = [f(*map(np.float64, row)) for row in others]
    np.testing.assert_allclose(tape.value(others), expected, rtol=1e-14)


def test_each_is_a_node_of_the_table():
    v, w = Value(1.5), Value(-0.5)
    for made, name, operands in [
        (np.maximum(0, v), "maximum", (0.0, 1.5)), (np.minimum(v, w), "minimum", (1.5, -0.5)),
        (np.sign(w), "sign", (-0.5,)), (np.arctan2(2, v), "arctan2", (2.0, 1.5)),
        (np.hypot(np.float32(2), v), "hypot", (2.0, 1.5)), (np.exp(v), "exp", (1.5,)),
        (np.where(v > 0, v, 0), "where", (1.0, 1.5, 0.0)), (np.power(v, 2), "pow", (1.5, 2.0)),
        (np.where(True, 2, v), "where", (1.0, 2.0, 1.5)), (np.multiply(2, v), "mul", (2.0, 1.5)),
    ]:  # fmt: skip
        assert (made.op, tuple(p.data for p in made.parents)) == (name, operands)
    assert np.power(v, 2).partials == (3.0, None)  # the exponent is a number, as in v ** 2
    assert np.maximum(v, v).partials == (0.5, 0.5)
    assert np.sign(v).partials == (None,)


def test_the_logarithm_of_a_sum_of_exponentials_at_its_ends():
    inf, nan = math.inf, math.nan
    for a, b, expected in [
        (-inf, -inf, -inf), (inf, inf, inf), (inf, -inf, inf), (-inf, 2.0, 2.0), (nan, 1.0, nan),
        (1000.0, -1000.0, 1000.0), (inf, nan, nan),
    ]:  # fmt: skip
        np.testing.assert_equal(np.logaddexp(Value(a), b).data, expected)


# -- a comparison -------------------------------------------------------------------


def test_a_comparison_is_its_node_in_functions_of_numpy():
    x = Value(2.0)
    for made, data in [
        (np.maximum(x > 0, 0.5), 1.0), (np.exp(x < 0), 1.0), (np.float64(2) * (x > 0), 2.0),
        (np.add(x > 0, x > 1), 2.0), (np.clip(x > 0, 0, 0.25), 0.25), (np.sign(x > 3), 0.0),
        (np.hypot(3 * (x > 1), 4), 5.0), ((x > 0) // 2 + (x > 0) % 2 + 3 % (x > 0), 1.0),
        (3 // (x > 0), 3.0), (+(x > 0), 1.0), (np.sum([x > 0, x > 3]) + x, 3.0),
    ]:  # fmt: skip
        assert isinstance(made, Value)
        assert made.data == data
    assert isinstance(np.mean(x > 0), Value)


COMPARED = {
    "a number of NumPy's": lambda x: np.float64(1) < x,
    "and the other way": lambda x: x >= np.float32(1),
    "greater": lambda x: np.greater(x, 1),
    "less_equal": lambda x: np.less_equal(1, x),
    "and": lambda x: np.logical_and(x > 1, True),
    "or": lambda x: np.logical_or(False, x > 1),
    "not": lambda x: np.logical_not(x <= 1),
    "bitwise": lambda x: np.True_ & (x > 1),
}


@pytest.mark.parametrize("compare", COMPARED.values(), ids=COMPARED)
def test_what_compares_gives_a_comparison(compare):
    x = Value(3.0)
    with decisions() as decided:
        found = compare(x)
        tape = Tape(where(found, x, 0), [x])
    assert isinstance(found, Comparison)
    assert decided == []
    np.testing.assert_array_equal(tape.value([[0.0], [2.0]]), [0.0, 2.0])


def test_arrays_are_compared_as_ever():
    v = np.array([Value(1.0), Value(3.0)])
    for found in (v > 2, v > Value(2.0), np.greater(v, Value(2.0)), np.array([1, 3]) > Value(2.0)):
        assert found.dtype == bool
        assert found.tolist() == [False, True]
    assert (v == v[0]).tolist() == [True, False]
    assert np.float64(1.0) != v[0]
    assert np.equal(v[0], v[0])
    for number in (np.longdouble(1), np.clongdouble(1)):  # objects of which stay NumPy's
        assert number != v[0]
        assert not np.equal(v[0], np.array(number))
        assert (np.array([number, 3.0]) == v[1]).tolist() == [False, False]
        assert (v != number).all()


def test_functions_of_numpy_that_compare_inside_have_truth_values():
    v = Value(1.5)
    if NUMPY >= (2, 0):
        assert np.isclose(v, 1.5)
        assert not np.allclose(v, 2.0)
    np.testing.assert_array_less(v, 3)
    assert np.sort(np.array([v, Value(0.5)]))[1] is v
    assert np.argmax(np.array([v, Value(0.5)])) == 0
    assert bool(np.any(np.array([v > 2, v > 1])))


# -- what chooses outside the graph ---------------------------------------------------


V = [Value(x) for x in POINT]
A = np.array(V)
REFUSED = {
    "max(v, 0)": (lambda: max(V[0], 0), "maximum"),
    "max(0, v)": (lambda: max(0, V[1]), "maximum"),
    "min(v, 0)": (lambda: min(V[0], 0.5), "minimum"),
    "max of a list": (lambda: max([V[0], V[1], np.float64(0)]), "maximum"),
    "max of many": (lambda: max(*V, 7), "maximum"),
    "max by name": (lambda: (lambda choose: choose(V[0], 0))(max), "maximum"),
    "np.maximum": (lambda: np.maximum(A, 0), "maximum"),
    "np.minimum": (lambda: np.minimum(0.0, A), "minimum"),
    "of Values alone": (lambda: np.maximum(A, A[::-1]), "maximum"),
    "np.fmax": (lambda: np.fmax(A, 0), "maximum"),
    "np.fmin of a Value": (lambda: np.fmin(V[0], 0), "minimum"),
    "np.clip": (lambda: np.clip(A, 0, 1), "minimum"),
    "clip": (lambda: A.clip(0, 1), "maximum"),
    "np.sign": (lambda: np.sign(A), "sign"),
    "outer": (lambda: np.maximum.outer(V[0], [0.0, 1.0]), "maximum"),
    "into an array": (lambda: np.maximum(V[0], 0, out=A[:1].copy()), "maximum"),
    "np.max with numbers": (lambda: np.max(np.array([V[0], 0.0])), "maximum"),
    "np.min of a list": (lambda: np.min([0.0, V[0]]), "minimum"),
    "max with numbers": (lambda: np.array([V[0], 0.0]).max(), "maximum"),
}


@pytest.mark.parametrize(("choose", "instead"), REFUSED.values(), ids=REFUSED)
def test_a_choice_outside_the_graph_is_refused_and_names_what_is_a_node(choose, instead):
    with pytest.raises(TypeError, match=rf"outside the graph; a node is .*{instead}\("):
        choose()


def test_the_largest_of_Values_alone_is_one_of_them_and_a_decision():
    for choose in (max, np.max, np.ndarray.max, lambda v: max(*v), lambda v: max(v, key=None)):
        with decisions() as decided:
            assert choose(A) is V[2]
        assert decided
    assert max([V[0]]) is V[0]
    assert max(V, key=float) is V[2]
    assert max(V, key=lambda v: v.data) is V[2]
    assert functools.reduce(min, V) is V[1]
    assert sorted([V[0], 2.0, V[1]]) == [V[1], V[0], 2.0]


def test_ours_take_arrays():
    assert [y.data for y in maximum(A, 0)] == [1.5, 0.0, 2.25]
    assert [y.data for y in minimum(maximum(A, 0), 2)] == [1.5, 0.0, 2.0]
    assert [y.data for y in np.clip(A, Value(0.0), 2)] == [1.5, 0.0, 2.0]


@pytest.mark.parametrize(
    "call",
    [
        lambda v: np.heaviside(v, 0.5), lambda v: np.copysign(v, -1), lambda v: np.trunc(v),
        lambda v: np.logaddexp(A, 1), lambda v: np.float_power(v, 2),
        lambda v: np.clip(v, 0, 1, out=A), lambda v: np.add(1, 2, out=v), lambda v: np.True_ * v,
        lambda v: np.add(v, np.array([1j])), lambda v: np.multiply("a", v),
        lambda v: v + np.complex128(1), lambda v: np.select([v > 0], [v]),
        lambda v: np.maximum(v, True), lambda v: np.maximum(v, None),
        lambda v: np.add(np.str_("a"), v),
        lambda v: np.multiply(np.ones(2), v, out=np.ones(2)), lambda v: np.logical_and(v, v),
    ],
)  # fmt: skip
def test_what_has_no_meaning_is_refused(call):
    with pytest.raises(TypeError):
        call(Value(1.5))


class Foreign:
    """An array of somebody else's, which wants to do the work itself."""

    def __array_function__(self, function, types, args, kwargs):
        return "theirs"


def test_arrays_of_others_do_the_work_themselves():
    assert np.dot(Value(1.0), Foreign()) == "theirs"


def test_by_number_by_array_and_by_list():
    v, numbers = Value(1.5), np.array([[1.0, 2.0], [3.0, 4.0]])
    for operate in (operator.add, operator.mul, operator.sub, operator.truediv, operator.pow):
        for x in (np.float64(2), np.float32(2), np.int8(2), np.array(2.0), np.array([2.0])[0]):
            assert operate(x, v).data == operate(2.0, 1.5)
            assert operate(v, x).data == operate(1.5, 2.0)
        ours = [operate(numbers, v), operate(v, numbers)]
        for y, expected in zip(ours, [operate(numbers, 1.5), operate(1.5, numbers)]):
            assert y.dtype == object
            np.testing.assert_allclose([[x.data for x in row] for row in y], expected)
    assert [x.data for x in np.add(v, [1, 2])] == [2.5, 3.5]
    assert [x.data for x in np.maximum([1, 2], v)] == [1.5, 2.0]
    objects = np.array([Value(1.0), 2.0])
    objects *= v
    assert [x.data for x in objects] == [1.5, 3.0]
    np.add.at(objects, [0, 0], v)
    assert objects[0].data == 4.5


def test_a_class_of_the_users_is_met_as_a_value():
    class Weight(Value):
        pass

    w = Weight(2.0)
    assert grad(np.maximum(0, w) * np.float64(3), w) == 3.0


def test_numpy_is_imported_by_nobody_but_the_user():
    program = (
        "import sys, micrograd_es; v = micrograd_es.Value(1.5)\n"
        "assert max(v, v * 2).data == 3.0\n"
        "try: max(v, 0)\n"
        "except TypeError as error: assert 'maximum(a, b)' in str(error)\n"
        "else: raise SystemExit(1)\n"
        "assert 'numpy' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", program], check=True, timeout=300)


def test_sums_and_products_of_ours_take_comparisons_of_numpys_numbers():
    x = Value(2.0)
    assert vsum([np.float64(1) < x, x]).data == 3.0
    assert dot([np.float64(3) < x, 1.0], [x, x]).data == 2.0


# -- what the READMEs say ---------------------------------------------------------------


def listed(readme):
    """What stands in backticks in each row of their table of NumPy's functions."""
    text = (Path(__file__).parent.parent / readme).read_text("utf-8")
    rows = re.findall(r"^\|.*\|$", text.split("**NumPy**")[1].split("\n\n**")[0], re.MULTILINE)
    return [re.findall("`([^`]+)`", row.split("|")[2]) for row in rows[2:]]


def test_both_readmes_list_the_same_functions_each_of_which_is_tested_here():
    rows = listed("README.md")
    assert rows == listed("README.es.md")
    nodes, of_values, _, _ = [{name for words in row for name in words.split()} for row in rows]

    def tested(table):
        functions = [f for f, _ in table.values()]
        return {name for f in functions for name in f.__code__.co_names}

    assert {name.split(".")[-1] for name in nodes} <= tested(ON_ARRAYS) | {*OF_ONE}
    assert of_values <= tested(ON_VALUES)
    assert not of_values & nodes


@pytest.mark.parametrize("expression", listed("README.md")[2])
def test_what_they_call_a_decision_is_one(expression):
    with decisions() as decided:
        eval(expression, {"np": np, "v": V[0], "A": A})
    assert decided


@pytest.mark.parametrize("expression", listed("README.md")[3])
def test_what_they_call_refused_is_refused(expression):
    with pytest.raises(TypeError, match="outside the graph"):
        eval(expression, {"np": np, "v": V[0], "A": A})
