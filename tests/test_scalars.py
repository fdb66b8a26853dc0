"""What is a real number, and what is not."""

from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest

from micrograd_es.base.arrays import as_array
from micrograd_es.base.scalars import as_count, as_float, as_setting, is_number

NUMBERS = [
    (3, 3.0), (-0.0, -0.0), (2**53 + 1, 2.0**53), (Fraction(1, 3), 1 / 3), (Decimal("0.1"), 0.1),
    (np.float64(0.1), 0.1), (np.float32(0.1), float(np.float32(0.1))), (np.float16(0.5), 0.5),
    (np.longdouble(0.25), 0.25), (np.uint8(255), 255.0), (np.int8(-128), -128.0),
    (np.int64(2**62), 2.0**62), (np.uint64(2**64 - 1), 2.0**64), (math.inf, math.inf),
    (np.array(2.5), 2.5), (np.array([[7]]), 7.0), (np.array([Fraction(1, 4)]), 0.25),
]  # fmt: skip
NO_NUMBERS = [
    "1", b"1", None, True, False, np.True_, 1j, np.complex128(1), [1.0], (1.0,), {}, object(),
    np.array([1.0, 2.0]), np.array([]), np.array(["1"]), np.array([None]), np.array(True),
    np.ma.masked, np.ma.array([1.0], mask=True),
]  # fmt: skip


@pytest.mark.parametrize(("x", "number"), NUMBERS)
def test_real_numbers_become_float64(x, number):
    result = as_float(x)
    assert type(result) is float
    assert result == number
    assert math.copysign(1.0, result) == math.copysign(1.0, number)


def test_nan_stays_nan():
    assert math.isnan(as_float(np.float32(math.nan)))


@pytest.mark.parametrize("x", NO_NUMBERS, ids=repr)
def test_what_is_no_real_number(x):
    assert not is_number(x)
    with pytest.raises(TypeError, match="expected a real number"):
        as_float(x)


def test_the_shape_of_an_array_is_named():
    with pytest.raises(TypeError, match=r"of shape \(2, 3\)"):
        as_float(np.zeros((2, 3)))


@pytest.mark.parametrize("x", [10**400, -(10**400), Fraction(10**400)])
def test_too_large_for_a_float(x):
    with pytest.raises(OverflowError):
        as_float(x)
    with pytest.raises(OverflowError):
        as_array([x], "X")


def test_arrays_are_float64_and_themselves_if_they_are():
    x = np.array([1.0, 2.0])
    assert as_array(x, "X") is x
    for numbers in ([1, 2], (np.uint8(1), 2.0), np.array([1, 2], dtype=np.uint8), [Fraction(1), 2]):
        array = as_array(numbers, "X")
        assert array.dtype == np.float64
        np.testing.assert_array_equal(array, x)


def test_what_is_more_than_an_array_becomes_one():
    plain = as_array(np.ma.array([1.0, 2.0]), "X")
    assert type(plain) is np.ndarray
    assert plain.tolist() == [1.0, 2.0]


@pytest.mark.parametrize("mask", [True, [False, True]])
def test_a_masked_number_is_missing(mask):
    with pytest.raises(TypeError, match="X should hold real numbers, and some are masked"):
        as_array(np.ma.array([1.0, 2.0], mask=mask), "X")


@pytest.mark.parametrize("x", [["1"], [None], [1j], [True], None, "12", [object()], [[1, None]]])
def test_arrays_of_what_is_no_number(x):
    with pytest.raises(TypeError):
        as_array(x, "X")


def test_rows_of_different_lengths():
    with pytest.raises(ValueError, match="rows of X are of different lengths"):
        as_array([[1.0, 2.0], [3.0]], "X")


def test_counts_and_settings():
    assert as_count(np.int64(3), "n") == 3
    assert as_count(0, "n", 0) == 0
    assert as_setting(2, "lr") == 2.0
    assert as_setting(Fraction(1, 2), "lr") == 0.5


@pytest.mark.parametrize(
    ("check", "x", "error"),
    [
        (as_count, True, TypeError),
        (as_count, 3.0, TypeError),
        (as_count, "3", TypeError),
        (as_count, None, TypeError),
        (as_count, 0, ValueError),
        (as_count, -1, ValueError),
        (as_setting, True, TypeError),
        (as_setting, "3", TypeError),
        (as_setting, None, TypeError),
        (as_setting, 1j, TypeError),
        (as_setting, -0.1, ValueError),
        (as_setting, math.nan, ValueError),
        (as_setting, math.inf, ValueError),
        (as_setting, 10**400, OverflowError),
    ],
)
def test_what_is_no_count_and_no_setting(check, x, error):
    with pytest.raises(error) as caught:
        check(x, "it")
    assert error is OverflowError or str(caught.value).startswith("it is")
