"""`check_gradient`: what it passes, what it catches, and what it refuses."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import piecewise
import pytest

from micrograd_es import (
    MLP,
    AnomalyError,
    GradientError,
    Value,
    check_gradient,
    custom,
    detect_anomaly,
    dot,
    maximum,
    minimum,
    mse,
    where,
)
from micrograd_es.engine.functions import function
from micrograd_es.engine.ops import TABLE


def scaled_sin(by):
    """sin with a derivative that is wrong by a factor; right in what is not asked about."""
    return lambda x: custom(math.sin, lambda z: by * math.cos(z), x)


def wrong_second(by):
    """sin whose first derivative is right and whose second is wrong by a factor."""

    def d_sin(z):
        if isinstance(z, Value):
            return custom(math.cos, lambda t: -by * math.sin(t), z)
        return math.cos(z)

    return lambda x: custom(math.sin, d_sin, x)


# -- what it passes -----------------------------------------------------------------


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize("op", TABLE.values(), ids=TABLE)
def test_every_row_of_the_table(op, order):
    report = check_gradient(function(op), op.at, order)
    assert report
    n = op.arity
    assert len(report.partials) == (n if order == 1 else n + n * n)


@pytest.mark.parametrize("order", [1, 2])
def test_a_network_with_its_cost(order):
    model = MLP(2, [3, 2], "tanh", output="sigmoid", seed=4)
    assert check_gradient(lambda a, b: mse(model([a, b]), [0.0, 1.0]), [0.3, -0.7], order)


def test_the_function_of_the_notes():
    check_gradient(lambda z: 1 / (1 + np.exp(-z)), [0.8], order=2)
    check_gradient(lambda *v: np.mean((np.array(v) - np.array([1.0, 0.0])) ** 2), [0.2, 0.4])


WELL_CONDITIONED = {
    "a tiny number beside 1": (lambda x: x + 1, 1e-150),
    "digits lost on the way": (lambda x: (1e8 + x) - 1e8, 1e-12),
    "as tiny as they come": (lambda x: x * 2, 5e-324),
    "steep at a tiny number": (lambda x: (1e150 * x).tanh(), 1e-150),
    "steep at 0": (lambda x: (1e150 * x).tanh(), 0.0),
    "slow at a huge number": (lambda x: (1e-150 * x).sin(), 1e150),
    "huge on the way": (lambda x: (x * 1e300) * 1e-300, 1.3),
    "a huge square": (lambda x: x * x, 1e150),
    "a tiny square": (lambda x: x * x, 1e-150),
    "log of a huge number": (lambda x: x.log(), 1.7e308),
    "log of a tiny number": (lambda x: x.log(), 1e-120),
    "exp near overflow": (lambda x: x.exp(), 700.0),
    "exp near underflow": (lambda x: x.exp(), -700.0),
    "an even function at 0": (lambda x: x.cos(), 0.0),
    "a cube at 0": (lambda x: x**3 + 1, 0.0),
    "a constant": (lambda x: x * 0 + 5, 3.0),
    "a constant but for roundings": (lambda x: (x + 4.5) - x, 0.1),
    "a relu that does not fire": (lambda x: (x - 100).relu(), 1.0),
    "a parabola cut off": (lambda x: (x * x - 5).relu(), 0.5),
    "a small parabola cut off": (lambda x: maximum(x * x, 0.005), 0.01),
    "a kink nearby": (lambda x: (x - 1e-6).relu(), 1e-9),
    "a bell": (lambda x: (-((x - 100.5) ** 2)).exp(), 100.0),
    "a narrow bell": (lambda x: (-((1e3 * x) ** 2)).exp(), 1e-3),
    "waves on a slope": (lambda x: x + 1e-3 * (1e6 * x).sin(), 1.0),
    "an extremum on a hill": (lambda x: x.sin() + 1e10, math.pi / 2),
}


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize("name", WELL_CONDITIONED)
def test_no_false_alarm(name, order):
    f, x = WELL_CONDITIONED[name]
    report = check_gradient(f, [x], order)
    assert all(math.isfinite(p.allowed) for p in report.partials)


FLAT = [
    (lambda a: maximum(a * a, 1), -0.99, 1),
    (lambda a: (a * a - 2).relu(), -1.4, 1),
    (lambda a: maximum(a, a * a), 0.5, 2),
    (lambda a: maximum(a * a, 1e-4), 1e-3, 2),
    (lambda a: minimum(a, 0.5), 0.5 + 6.5e-6, 1),
    (lambda a: custom(lambda z: max(z * z, 1.0), lambda z: 0.0, a), 0.999, 1),
    (lambda a: where(a * a > 2, a * a, 2), 1.4142, 1),
]


@pytest.mark.parametrize(("f", "x", "order"), FLAT)
def test_a_flat_piece_next_to_a_kink(f, x, order):
    report = check_gradient(f, [x], order)
    assert report
    assert report.partials[-1].gradient == report.partials[-1].difference == 0.0


def test_a_hundred_random_piecewise_functions():
    words = Counter(word for seed in range(100) for word, _ in piecewise.verdicts(seed))
    assert set(words) == {"right", "found"}, words
    assert words["found"] > 50


def test_a_single_number_is_one_input():
    assert check_gradient(lambda x: x**2, 3.0).partials[0].gradient == 6.0
    assert check_gradient(lambda x: x**2, np.float32(3.0))


def test_arrays_of_numbers_are_inputs():
    assert len(check_gradient(lambda a, b: a * b, np.array([1.5, 2.5])).partials) == 2


def test_no_inputs_is_nothing_to_compare():
    report = check_gradient(lambda: Value(3.0), [], order=2)
    assert report
    assert report.partials == ()
    assert str(report) == "no inputs, nothing to compare"


# -- what it catches ----------------------------------------------------------------


@pytest.mark.parametrize("wrong", [1e-3, -1e-3, 1e-6, 1e-8])
def test_a_rule_that_is_a_little_wrong(wrong):
    with pytest.raises(GradientError):
        check_gradient(scaled_sin(1 + wrong), [0.7])


UNARY = [op for op in TABLE.values() if op.arity == 1 and not op.piecewise]


@pytest.mark.parametrize("op", UNARY, ids=lambda op: op.name)
def test_a_part_in_a_million_of_any_operation(op):
    f = function(op)

    def wrong(x):
        y = f(x)
        return custom(lambda z: f(Value(z)).data, lambda z: y.partials[0] * (1 + 1e-6), x)

    with pytest.raises(GradientError):
        check_gradient(wrong, op.at)


@pytest.mark.parametrize("scale", [1e-150, 1e-9, 1.0, 1e9, 1e150])
def test_a_thousandth_at_any_scale(scale):
    wrong = scaled_sin(1.001)
    for f in (
        lambda x: wrong(x / scale),
        lambda x: wrong(x / scale) * scale,
        lambda x: wrong(x / scale) / scale,
    ):
        with pytest.raises(GradientError):
            check_gradient(f, [0.7 * scale])


def test_a_gradient_that_is_missing_or_too_much():
    with pytest.raises(GradientError):
        check_gradient(scaled_sin(0.0), [0.7])
    with pytest.raises(GradientError):
        check_gradient(lambda x: custom(lambda z: 5.0, lambda z: 1e-3, x), [0.7])


def test_only_the_operand_that_is_wrong():
    def f(a, b):
        return custom(lambda x, y: x * y, lambda x, y: (y, x * 1.001), a, b)

    report = check_gradient(f, [1.5, 2.5], raise_exception=False)
    assert not report
    assert [bool(p) for p in report.partials] == [True, False]


def test_a_second_derivative_that_is_wrong():
    f = wrong_second(1.001)
    assert check_gradient(f, [0.7])
    report = check_gradient(f, [0.7], order=2, raise_exception=False)
    assert [bool(p) for p in report.partials] == [True, False]
    with pytest.raises(GradientError, match=r"d²f/d at\[0\] d at\[0\]"):
        check_gradient(f, [0.7], order=2)
    assert check_gradient(wrong_second(1.0), [0.7], order=2)


def test_a_derivative_that_is_nan_or_infinite():
    for d in (math.nan, math.inf):
        report = check_gradient(
            lambda x, d=d: custom(math.sin, lambda z: d, x), [0.7], raise_exception=False
        )
        assert not report
        assert report.partials[0].difference == pytest.approx(math.cos(0.7))


# -- what it leaves open ------------------------------------------------------------


def shifted(by, slope, claim):
    """A large constant and a tiny slope, and what is said to be the slope."""
    return lambda x: custom(lambda z: by + slope * z, lambda z: claim, x)


@pytest.mark.parametrize(
    "f",
    [
        lambda x: 1e10 + 1e-9 * x,
        lambda x: 1e16 + x,
        lambda x: 1 + 1e-20 * x,
        lambda x: 1e10 + 1e-9 * x * x,
        shifted(1e10, 1e-9, 0.0),
        shifted(1e10, 1e-9, 1e-9),
        shifted(1e10, 1e-9, -1e-9),
        shifted(1e16, 1.0, 1.0),
        shifted(1e16, 1.0, 0.0),
    ],
)
@pytest.mark.parametrize("x", [1.0, 0.3, -1e-3, 50.0])
def test_a_slope_that_roundings_hide_is_undecided(f, x):
    report = check_gradient(f, [x])  # no error: nothing is seen to differ
    assert not report
    (partial,) = report.partials
    assert partial.undecided
    assert not partial.differs
    assert "UNDECIDED" in str(report)
    assert "roundings" in str(report)


def test_what_is_larger_than_the_roundings_is_still_wrong():
    for claim in (1.0, -1e-2, math.nan, math.inf):
        with pytest.raises(GradientError):
            check_gradient(shifted(1e10, 1e-9, claim), [1.0])


def test_steps_may_be_roundings_or_not():
    def staircase(claim):
        return lambda x: custom(lambda z: math.floor(100 * z) / 100, lambda z: claim, x)

    assert check_gradient(staircase(1.0), [0.305])
    assert check_gradient(staircase(0.0), [0.305]).partials[0].undecided
    with pytest.raises(GradientError):
        check_gradient(staircase(0.5), [0.305])


def test_a_function_that_rounds_on_its_way():
    def single(claim):
        return lambda x: custom(
            lambda z: float(np.float32(math.sin(z))), lambda z: claim * math.cos(z), x
        )

    assert check_gradient(single(1.0), [0.3])
    with pytest.raises(GradientError):
        check_gradient(single(1.01), [0.3])
    assert check_gradient(lambda x: custom(lambda z: (1e8 + z) - 1e8, lambda z: 1.0, x), [0.3])


@pytest.mark.parametrize(
    "f",
    [
        lambda x: x * 0 + 1e10,  # no path has a slope
        lambda x: (x - 100).relu() + 1e10,
        lambda x: (x.exp() + 1) / (x.exp() + 1),  # paths that cancel each other
        lambda x: (x * 3) / 3 - x,
        lambda x: -1 * x / x,
        lambda x: x.sin() + 1e6,
        lambda x: custom(math.floor, lambda z: 0.0, x),
    ],
)
def test_what_is_constant_or_large_is_decided(f):
    for x in (1.5, 0.3, 1e-3):
        assert check_gradient(f, [x])


# -- where there is no derivative ---------------------------------------------------


def test_at_a_kink_the_difference_is_the_mean_of_the_slopes():
    assert check_gradient(lambda x: abs(x), [0.0])
    assert check_gradient(lambda a, b: maximum(a, b), [2.0, 2.0])
    with pytest.raises(GradientError, match="kink"):
        check_gradient(lambda x: x.relu(), [0.0])
    (partial,) = check_gradient(lambda x: x.relu(), [0.0], raise_exception=False).partials
    assert partial.kink
    assert (partial.gradient, partial.difference) == (0.0, 0.5)


OUTSIDE = {
    "a jump": (lambda x: where(x > 0, 1.0, 0.0), 0.0),
    "one side only": (lambda x: x.sqrt(), 0.0),
    "outside the domain": (lambda x: x.log(), -1.0),
    "a pole": (lambda x: 1 / x, 0.0),
    "at inf": (lambda x: x * 2, math.inf),
    "at nan": (lambda x: x * 2, math.nan),
    "overflow": (lambda x: x * x, 1e200),
    "turns too fast for floats": (lambda x: x.sin(), 1e150),
}


@pytest.mark.parametrize("name", OUTSIDE)
def test_no_derivative_is_no_agreement(name):
    f, x = OUTSIDE[name]
    report = check_gradient(f, [x], raise_exception=False)
    assert not report
    assert math.isnan(report.partials[0].difference)
    assert "no derivative to be seen" in str(report)
    with pytest.raises(GradientError):
        check_gradient(f, [x])


def test_a_function_of_the_users_that_raises_outside_its_domain():
    def f(x):
        return custom(lambda z: math.log(z - 0.9), lambda z: 1 / (z - 0.9), x)

    assert check_gradient(f, [1.0])  # the first steps, of 1/4, are outside


def test_trying_out_is_no_anomaly():
    with detect_anomaly():
        assert check_gradient(lambda x: (x * 0.0).exp() + x.log() * 0, [1e-3])
        with pytest.raises(AnomalyError):  # the point itself is not tried out
            check_gradient(lambda x: x.log(), [0.0])
        with pytest.raises(AnomalyError):  # and watching goes on
            Value(0.0).log()


# -- what it says -------------------------------------------------------------------


def test_the_error_names_the_input_and_both_numbers():
    def f(a, b):
        return a + scaled_sin(1.5)(b)

    with pytest.raises(GradientError) as caught:
        check_gradient(f, [1.0, 0.0])
    text = str(caught.value)
    assert "at[1]" in text
    assert "at[0]" not in text
    assert "1.5" in text
    (wrong,) = [p for p in check_gradient(f, [1.0, 0.0], raise_exception=False).partials if not p]
    assert wrong.gradient == 1.5
    assert wrong.difference == pytest.approx(1.0, rel=1e-9)
    assert repr(wrong.difference) in text


def test_a_report_has_a_line_for_each_derivative():
    lines = str(check_gradient(lambda a, b: a * b, [1.5, 2.5], order=2)).splitlines()
    assert [line.split()[0] for line in lines[:2]] == ["df/d", "df/d"]
    assert [line.split(" agrees")[0] for line in lines[2:]] == [
        "d²f/d at[0] d at[0]",
        "d²f/d at[0] d at[1]",
        "d²f/d at[1] d at[0]",
        "d²f/d at[1] d at[1]",
    ]


def test_nothing_is_left_in_what_the_function_uses():
    w = Value(2.0)
    w.grad = 7.0
    check_gradient(lambda x: w * x * w, [3.0], order=2)
    assert (w.data, w.grad) == (2.0, 7.0)


# -- what it refuses ----------------------------------------------------------------


@pytest.mark.parametrize("order", [0, 3, 1.5, "1", None])
def test_orders_are_1_and_2(order):
    with pytest.raises(ValueError, match="order"):
        check_gradient(lambda x: x, [1.0], order)


@pytest.mark.parametrize("at", [None, "12", ["1"], [None], [1j], [True], True, [[1.0, 2.0]]])
def test_points_are_real_numbers(at):
    with pytest.raises(TypeError):
        check_gradient(lambda x: x, at)


@pytest.mark.parametrize("result", [1.0, None, [Value(1.0)], np.array([1.0])])
def test_functions_give_values(result):
    with pytest.raises(TypeError, match="gives a Value"):
        check_gradient(lambda x: result, [1.0])


def test_a_derivative_that_takes_no_values_has_no_second_order():
    with pytest.raises(TypeError, match="cannot be differentiated again"):
        check_gradient(scaled_sin(1.0), [0.7], order=2)


def test_what_the_function_raises_at_the_point_goes_through():
    with pytest.raises(ValueError, match="same length"):
        check_gradient(lambda x: dot([x], [1.0, 2.0]), [1.0])
