"""Value: numbers in, a graph out, and `backward()` over it."""

from __future__ import annotations

import gc
import math
import operator
import threading
import warnings
import weakref
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest

from micrograd_es import Value, grad, vsum, where
from micrograd_es.engine.graph import topological_order
from micrograd_es.engine.ops import TABLE, with_number

# -- a node -------------------------------------------------------------------------


def test_a_leaf():
    x = Value(3, "x")
    assert (x.data, x.grad, x.label, x.op, x.parents, x.partials) == (3.0, 0.0, "x", "", (), ())
    assert type(x.data) is float
    assert (x._prev, x._op) == (set(), "")


def test_a_result_knows_its_operands_in_order():
    a, b = Value(6.0), Value(2.0)
    y = a / b
    assert (y.op, y._op) == ("div", "/")
    assert y.parents == (a, b)
    assert y._prev == {a, b}
    assert y.partials == (0.5, -1.5)
    assert (b / a).parents == (b, a)


def test_an_operand_used_twice_is_listed_twice():
    x = Value(3.0)
    assert (x * x).parents == (x, x)


def test_a_number_becomes_a_leaf_without_a_name():
    x = Value(3.0)
    _, two = (x * 2).parents
    assert (two.data, two.label, two.op) == (2.0, "", "")
    two, _ = (2 * x).parents
    assert two.data == 2.0


@pytest.mark.parametrize("name", ["parents", "partials", "op", "_prev", "_op"])
def test_what_was_recorded_is_read_only(name):
    with pytest.raises(AttributeError):
        setattr(Value(1.0) * 2, name, ())


def test_repr():
    assert repr(Value(1.5)) == "Value(data=1.5, grad=0.0)"
    assert repr(Value(1.5, label="a'b")) == 'Value(data=1.5, grad=0.0, label="a\'b")'


def test_format():
    assert f"{Value(1 / 3):.3f} {Value(2.0):5.1e}" == "0.333 2.0e+00"
    assert f"{Value(1.5)} {Value(1.5)!s}" == f"{Value(1.5)!r} {Value(1.5)!r}"
    with pytest.raises(ValueError, match="format"):
        format(Value(1.0), "d")


@pytest.mark.parametrize("bad", ["1", None, 1j, True, np.True_, [1.0], np.array([1.0, 2.0])])
def test_data_is_a_real_number(bad):
    with pytest.raises(TypeError):
        Value(bad)
    x = Value(1.5)
    with pytest.raises(TypeError):
        x.data = bad
    assert x.data == 1.5


def test_an_integer_beyond_float_range():
    for make in (
        Value,
        lambda n: Value(1.0) + n,
        lambda n: n * Value(1.0),
        lambda n: Value(2) ** n,
    ):
        with pytest.raises(OverflowError):
            make(10**400)


def test_a_label_is_a_string():
    with pytest.raises(TypeError, match="label"):
        Value(1.0, label=1)


def test_numpy_integers_do_not_wrap():
    assert (Value(np.uint8(255)) + np.uint8(1)).data == 256.0
    assert (np.uint8(255) * Value(np.uint8(2))).data == 510.0
    x = Value(0.0)
    x.data = np.int8(-128)
    assert (-x).data == 128.0
    assert abs(x).data == 128.0


# -- operators ----------------------------------------------------------------------

BINARY = {
    "add": (operator.add, (1.0, 1.0)),
    "sub": (operator.sub, (1.0, -1.0)),
    "mul": (operator.mul, (2.0, 5.0)),
    "div": (operator.truediv, (0.5, -1.25)),
    "pow": (operator.pow, (10.0, 25 * math.log(5.0))),
}
TWO = [2, 2.0, np.float64(2), np.float32(2), np.int8(2), np.uint64(2), np.longdouble(2),
       Fraction(2), Decimal(2), np.array(2.0)]  # fmt: skip


@pytest.mark.parametrize("name", BINARY)
def test_operators_between_values(name):
    f, partials = BINARY[name]
    a, b = Value(5.0), Value(2.0)
    y = f(a, b)
    assert (y.op, y.data, y.parents) == (name, f(5.0, 2.0), (a, b))
    assert y.partials == pytest.approx(partials, rel=1e-15)


@pytest.mark.parametrize("two", TWO, ids=lambda x: type(x).__name__)
@pytest.mark.parametrize("name", BINARY)
def test_operators_with_a_number_on_either_side(name, two):
    f, _ = BINARY[name]
    x = Value(5.0)
    for y, number, d in (
        (f(x, two), f(5.0, 2.0), f(x, Value(2.0)).partials[0]),
        (f(two, x), f(2.0, 5.0), f(Value(2.0), x).partials[1]),
    ):
        assert isinstance(y, Value)
        assert type(y.data) is float
        assert (y.op, y.data) == (name, number)
        assert grad(y, x) == d


NO_OPERANDS = ["2", None, 2j, True, np.True_, [2.0], (), {}, np.complex128(2), object()]


@pytest.mark.parametrize("bad", NO_OPERANDS, ids=repr)
@pytest.mark.parametrize("name", [*BINARY, "lt", "ge"])
def test_operators_refuse_what_is_no_number(name, bad):
    f = BINARY[name][0] if name in BINARY else getattr(operator, name)
    x = Value(5.0)
    with pytest.raises(TypeError):
        f(x, bad)
    with pytest.raises(TypeError):
        f(bad, x)


def test_another_class_may_take_over():
    class Mine:
        def __radd__(self, other):
            return "mine"

        __rpow__ = __rtruediv__ = __gt__ = __radd__

    assert Value(1.0) + Mine() == "mine"
    assert Value(1.0) ** Mine() == "mine"
    assert Value(1.0) / Mine() == "mine"
    assert (Value(1.0) < Mine()) == "mine"


def test_minus_and_abs():
    x = Value(-3.0)
    assert ((-x).op, (-x).data, (-x).partials) == ("neg", 3.0, (-1.0,))
    assert (abs(x).op, abs(x).data, abs(x).partials) == ("abs", 3.0, (-1.0,))


def test_adding_in_place_makes_a_new_node():
    x = y = Value(3.0)
    y += x
    assert (x.data, y.data, y.parents) == (3.0, 6.0, (x, x))


def test_sum_of_python():
    a, b = Value(2.0), Value(3.0)
    y = sum([a, b])
    assert y.data == 5.0
    assert grad(y, [a, b]) == [1.0, 1.0]


@pytest.mark.parametrize(
    ("build", "data", "da", "db"),
    [
        (lambda a, b: a**2, 9.0, 6.0, 0.0),
        (lambda a, b: a**-1, 1 / 3, -1 / 9, 0.0),
        (lambda a, b: a**0, 1.0, 0.0, 0.0),
        (lambda a, b: a**0.5, 3**0.5, 0.5 * 3**-0.5, 0.0),
        (lambda a, b: 2**b, 4.0, 0.0, 4 * math.log(2)),
        (lambda a, b: a**b, 9.0, 6.0, 9 * math.log(3)),
        (lambda a, b: (-a) ** b, 9.0, 6.0, math.nan),
        (lambda a, b: (-a) ** 3, -27.0, -27.0, 0.0),
    ],
)
def test_powers(build, data, da, db):
    a, b = Value(3.0), Value(2.0)
    y = build(a, b)
    assert y.data == pytest.approx(data, rel=1e-15)
    assert grad(y, [a, b]) == pytest.approx([da, db], rel=1e-15, nan_ok=True)


def test_nothing_is_derived_for_an_exponent_that_is_a_number():
    y = Value(-3.0) ** 2
    assert y.partials == (-6.0, None)
    assert y._rule is with_number(TABLE["pow"], 1)


FUNCTIONS = ["exp", "log", "sqrt", "sin", "cos", "tanh"]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_methods(name):
    x = Value(0.7)
    y = getattr(x, name)()
    assert (y.op, y.parents) == (name, (x,))
    assert y.data == pytest.approx(getattr(math, name)(0.7), rel=1e-15)
    assert getattr(Value, name).__doc__
    assert getattr(Value, name).__qualname__ == f"Value.{name}"


def test_methods_that_math_does_not_have():
    x = Value(0.7)
    s = 1 / (1 + math.exp(-0.7))
    for y, data, d in (
        (x.sigmoid(), s, s * (1 - s)),
        (x.softplus(), math.log1p(math.exp(0.7)), s),
        (x.relu(), 0.7, 1.0),
        ((-x).relu(), 0.0, 0.0),
    ):
        assert y.data == pytest.approx(data, rel=1e-15)
        assert abs(grad(y, x)) == pytest.approx(d, rel=1e-15)


# -- comparison and identity --------------------------------------------------------


def test_comparison_is_by_data():
    a, b = Value(1.0), Value(2.0)
    assert a < b
    assert a <= b
    assert b > a
    assert b >= a
    assert not a > b
    assert a < 2
    assert 2 > a  # noqa: SIM300 (the number on the left)
    assert a < np.float64(2)
    assert np.float64(2) > a
    assert a >= Value(1.0)
    assert a <= 1
    nan = Value(math.nan)
    assert not any([nan < a, nan >= a, a <= nan, a > nan])
    assert sorted([b, a]) == [a, b]
    assert max(a, b) is b


def test_a_comparison_serves_as_a_bool():
    less = Value(1.0) < 2
    assert repr(less) == "True"
    assert less == True  # noqa: E712
    assert [10, 20][less] == 20
    assert repr(Value(1.0) > 2) == "False"
    assert [v.data for v in (Value(1.0), Value(3.0)) if v > 2] == [3.0]


def test_a_comparison_can_become_a_node():
    a, b = Value(1.0), Value(2.0)
    for comparison, name, parents in (
        (a < b, "less", (a, b)),
        (a > b, "less", (b, a)),
        (a <= b, "less_equal", (a, b)),
        (a >= b, "less_equal", (b, a)),
    ):
        node = comparison.node
        assert (node.op, node.parents, node.data) == (name, parents, float(comparison))


def test_equality_and_hash_are_identity():
    a, b = Value(1.0), Value(1.0)
    assert a == a
    assert a != b
    assert a != 1.0
    assert a in [b, a]
    assert [b, a].index(a) == 1
    assert len({a, b, a}) == 2
    assert {a: "a", b: "b"}[b] == "b"
    before = hash(a)
    a.data = 5.0
    assert hash(a) == before


def test_truth_and_float():
    assert float(Value(2.5)) == 2.5
    assert math.exp(Value(1.0)) == math.e
    assert Value(2.0)
    assert not Value(0.0)
    assert Value(math.nan)


# -- NumPy --------------------------------------------------------------------------


@pytest.mark.parametrize("name", [*FUNCTIONS, "abs", "negative", "square"])
def test_numpys_functions_of_a_value(name):
    x = Value(0.7)
    y = getattr(np, name)(x)
    assert isinstance(y, Value)
    assert y.data == pytest.approx(getattr(np, name)(0.7), rel=1e-15)
    assert x in topological_order(y)


@pytest.mark.parametrize("name", BINARY)
def test_arrays_of_numbers_elementwise(name):
    f, _ = BINARY[name]
    x, numbers = Value(3.0), np.array([[1.0, 2.0], [0.5, 4.0]])
    for y, expected in ((f(x, numbers), f(3.0, numbers)), (f(numbers, x), f(numbers, 3.0))):
        assert y.shape == (2, 2)
        assert all(isinstance(v, Value) for v in y.flat)
        np.testing.assert_allclose(y.astype(float), expected, rtol=1e-15)


def test_sums_means_and_products_of_arrays():
    v = [Value(1.0), Value(2.0), Value(3.0)]
    array = np.array(v)
    assert array.dtype == object
    assert grad(np.sum(array), v) == [1.0, 1.0, 1.0]
    assert grad(np.mean(array), v) == pytest.approx([1 / 3] * 3)
    assert np.mean(array).data == 2.0
    assert grad(np.var(array, ddof=1), v) == pytest.approx([-1.0, 0.0, 1.0])
    assert grad(np.std(array), v) == pytest.approx([-(6**-0.5), 0.0, 6**-0.5])
    assert grad(np.array([4.0, 5.0, 6.0]) @ array, v) == [4.0, 5.0, 6.0]
    assert grad(array @ np.array([4.0, 5.0, 6.0]), v) == [4.0, 5.0, 6.0]
    assert grad(array @ array, v) == [2.0, 4.0, 6.0]
    matrix = np.array([[1.0, 0.0, 2.0], [0.0, 3.0, 0.0]]) @ array
    assert [y.data for y in matrix] == [7.0, 6.0]
    assert [y.data for y in np.sum(np.array([v, v]), axis=0)] == [2.0, 4.0, 6.0]


def test_arrays_of_what_is_no_number():
    for bad in (np.array([1j]), np.array([True]), np.array(["a"])):
        with pytest.raises(TypeError):
            bad * Value(1.0)
        with pytest.raises(TypeError):
            Value(1.0) * bad


# -- the notes' own functions -------------------------------------------------------


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def mse(Y, Y_pred):
    return np.mean((Y - Y_pred) ** 2)


def test_the_sigmoid_of_the_notes():
    z = Value(0.3)
    a = sigmoid(z)
    assert a.data == sigmoid(0.3)
    assert {v.op for v in topological_order(a)} == {"", "neg", "exp", "add", "div"}
    assert grad(a, z) == pytest.approx(sigmoid(0.3) * (1 - sigmoid(0.3)), rel=1e-14)
    zs = np.array([Value(-1.0), Value(2.0)])
    # NumPy has an exponential of its own for arrays
    plain = sigmoid(np.array([-1.0, 2.0]))
    np.testing.assert_allclose(sigmoid(zs).astype(float), plain, rtol=4 * 2.0**-52)
    assert grad(sigmoid(zs)[1], list(zs)) == pytest.approx([0.0, zs[1].sigmoid().partials[0]])


def test_the_cost_of_the_notes():
    Y, Y_pred = np.array([1.0, 0.0]), np.array([Value(0.25), Value(0.5)])
    for cost in (mse(Y, Y_pred), mse(Y_pred, Y)):
        assert cost.data == mse(Y, np.array([0.25, 0.5]))
        assert grad(cost, list(Y_pred)) == [-0.75, 0.5]
    assert mse(Value(1.0), Value(3.0)).data == 4.0


def test_sigmoid_is_stable_at_1000_without_a_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for x, data in ((1000.0, 1.0), (-1000.0, 0.0)):
            v = Value(x)
            y = v.sigmoid()
            assert (y.data, grad(y, v)) == (data, 0.0)


# -- backward -----------------------------------------------------------------------


def test_backward_fills_every_node():
    a, b, c = Value(1.0), Value(2.0), Value(3.0)
    product = a * b
    inside = product + c
    square = inside**2
    f = 2 * square
    f.backward()
    assert [v.grad for v in (f, square, inside, product, a, b, c)] == [1, 2, 20, 20, 40, 20, 20]


def test_leaves_accumulate_and_interior_nodes_do_not():
    x = Value(3.0)
    y = x * x
    z = y * 2
    for n in (1, 2, 3):
        z.backward()
        assert (x.grad, y.grad, z.grad) == (12.0 * n, 2.0, 1.0)
    (y * 5).backward()
    assert (x.grad, y.grad) == (36.0 + 30.0, 5.0)
    x.grad = 0.0
    z.backward()
    assert x.grad == 12.0


def test_backward_of_a_leaf():
    x = Value(3.0)
    x.backward()
    x.backward()
    assert x.grad == 2.0


def test_nodes_that_are_not_below_stay_as_they_are():
    x, other = Value(3.0), Value(4.0)
    y = x * other
    above = y * 10
    above.backward()
    (x * 2).backward()
    assert (x.grad, other.grad, y.grad, above.grad) == (42.0, 30.0, 10.0, 1.0)


def test_an_interior_node_that_is_not_reached_has_grad_0():
    x = Value(0.0)
    inner = x.log()
    y = (inner + 5).relu() + x  # -inf below relu
    inner.grad = 7.0
    y.backward()
    assert (inner.grad, x.grad) == (0.0, 1.0)


def test_data_assigned_later_does_not_change_what_was_recorded():
    x, w = Value(3.0), Value(2.0)
    y = x * w
    z = y.exp()
    x.data = 100.0
    y.data = -1.0
    assert (z.data, z.partials) == (math.exp(6.0), (math.exp(6.0),))
    z.backward()
    assert x.grad == 2 * math.exp(6.0)
    assert w.grad == 3 * math.exp(6.0)


def test_a_step_of_backward_by_hand_as_in_micrograd():
    a, b = Value(2.0), Value(3.0)
    y = a * b
    z = y + a
    z.grad = 1.0
    for node in topological_order(z):
        node._backward()
    assert (a.grad, b.grad, y.grad) == (4.0, 2.0, 1.0)
    leaf = Value(1.0)
    assert leaf._backward() is None
    power = a**2  # a number takes no gradient
    power.grad = 1.0
    power._backward()
    assert power.parents[1].grad == 0.0


def test_a_gradient_of_none_is_nothing_yet():
    torch = pytest.importorskip("torch")
    ours = Value(3.0), Value(5.0), Value(7.0)
    theirs = [torch.tensor(v.data, dtype=torch.float64, requires_grad=True) for v in ours]
    for x, y, z in (ours, theirs):
        x.grad = None
        (x * y * z + x).backward()
        x.grad = z.grad = None
        (x * y * y).backward()
    assert [v.grad for v in ours[:2]] == [float(t.grad) for t in theirs[:2]] == [25.0, 51.0]
    assert ours[2].grad is theirs[2].grad is None
    x = Value(2.0)
    x.grad = None
    where(x > 0, 1.0, x.log()).backward()
    assert x.grad == 0.0
    x.grad = None
    (x * x)._backward()
    assert x.grad == 0.0


class Refusing(Value):
    """A node that is interrupted while it is given its gradient, once."""

    __slots__ = ("calls", "kept")

    @property
    def grad(self):
        return self.kept

    @grad.setter
    def grad(self, number):
        self.calls = getattr(self, "calls", 0) + 1
        if self.calls == 2:  # the first is that of making it
            raise KeyboardInterrupt
        self.kept = number


@pytest.mark.parametrize("place", range(3))
@pytest.mark.parametrize("wrong", ["0", [], np.zeros(2), 1j, Value(0.0), 10**400])
def test_a_gradient_that_is_no_number_leaves_no_pass_half_done(wrong, place):
    leaves = [Value(2.0), Value(3.0), Value(4.0)]
    inner = leaves[0] * leaves[1]
    root = inner * leaves[2] * inner
    for v in leaves:
        v.grad = 0.5
    leaves[place].grad = wrong
    nodes = topological_order(root)
    before = [v.grad for v in nodes]
    with pytest.raises((TypeError, OverflowError)):
        root.backward()
    assert all(v.grad is g for v, g in zip(nodes, before))
    if place < 2:
        inner.grad = 1.0
        with pytest.raises((TypeError, OverflowError)):
            inner._backward()
        assert [v.grad for v in leaves if v is not leaves[place]] == [0.5, 0.5]


def test_an_interrupt_leaves_no_pass_half_done():
    x, y, stop = Value(2.0), Value(3.0), Refusing(4.0)
    root = x * stop * y
    with pytest.raises(KeyboardInterrupt):
        root.backward()
    assert (x.grad, y.grad, stop.grad, root.grad) == (12.0, 8.0, 6.0, 1.0)
    root.backward()
    assert (x.grad, y.grad, stop.grad, root.grad) == (24.0, 16.0, 12.0, 1.0)


# -- memory -------------------------------------------------------------------------


def test_a_dropped_graph_is_freed_at_once():
    x = Value(0.5)
    gc.collect()
    gc.disable()
    try:
        y = x
        for _ in range(50):
            y = (y * x).tanh() + vsum([y, x, 1.0]).sigmoid()
        y.backward()
        inner = weakref.ref(y.parents[0])
        assert inner() is not None
        del y
        assert inner() is None
        assert gc.collect() == 0
    finally:
        gc.enable()
    assert x.grad != 0.0


# -- threads ------------------------------------------------------------------------


def test_independent_graphs_in_many_threads():
    results = {}

    def work(k):
        x = Value(0.1 * k)
        for _ in range(20):
            y = x
            for _ in range(50):
                y = (y * 1.01 + x).tanh()
            x.grad = 0.0
            y.backward()
        results[k] = (y.data, x.grad)

    def expected(k):
        x = Value(0.1 * k)
        y = x
        for _ in range(50):
            y = (y * 1.01 + x).tanh()
        return y.data, grad(y, x)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert results == {k: expected(k) for k in range(8)}
