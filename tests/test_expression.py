"""Expressions: what they compute, and that nothing else gets through."""

import contextlib
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from micrograd_es import grad
from micrograd_es.base.languages import speaking
from micrograd_es.expression import FUNCTIONS, parse


@pytest.mark.parametrize(
    ("text", "numbers", "result"),
    [
        ("2*(a*b+c)**2", {"a": 1, "b": 2, "c": 3}, 50.0),
        (" a - b - c ", {"a": 1, "b": 2, "c": 3}, -4.0),
        ("a/b/c", {"a": 12, "b": 2, "c": 3}, 2.0),
        ("-x**2", {"x": 3}, -9.0),
        ("+x", {"x": 3}, 3.0),
        ("2**-a", {"a": 1}, 0.5),
        ("2**3**2", {}, 512.0),
        ("max(a, 2) - min(a, 2)", {"a": 5}, 3.0),
        ("maximum(a, 2)", {"a": 1}, 2.0),
        ("tanh(x) + sin(x)**2 + cos(x)**2", {"x": 0.5}, math.tanh(0.5) + 1),
        ("abs(-x) + exp(log(x)) + sqrt(x*x)", {"x": 2}, 6.0),
        ("pi + e", {}, math.pi + math.e),
        ("e*2", {"e": 5}, 10.0),
        ("relu(x) + softplus(x) + sigmoid(x)", {"x": 0}, math.log(2) + 0.5),
        ("ñandú * α", {"ñandú": 2, "α": 3}, 6.0),
        ("1/0", {}, math.inf),
        ("1e400 * 0", {}, math.nan),
    ],
)
def test_computes(text, numbers, result):
    root, variables = parse(text, numbers)
    np.testing.assert_allclose(root.data, result, rtol=1e-15)
    assert set(variables) == set(numbers)


def test_variables_are_leaves_with_their_names():
    root, variables = parse("x*x", {"x": 3})
    root.backward()
    assert variables["x"].grad == 6.0
    assert variables["x"].label == "x"


@pytest.mark.parametrize(
    ("text", "numbers", "says"),
    [
        ("", {}, "no expression"),
        ("a+", {"a": 1}, "no expression"),
        ("a\nb", {"a": 1}, "no expression"),
        ("\0", {}, "no expression"),
        ("9" * 5000, {}, "no expression"),
        ("(" * 201 + "1" + ")" * 201, {}, "too many nested parentheses"),
        ("sin(" * 300 + "1" + ")" * 300, {}, "too many nested parentheses"),
        ("(" * 300, {}, "too many nested parentheses"),
        ("-" * 9999 + "1", {}, "nested"),
        ("1" * 10_001, {}, "10000"),
        ("a", {}, "a has no number"),
        ("1", {"a": 1}, "does not use a"),
        ("a^2", {"a": 1}, r"\*\*"),
        ("f(a)", {"a": 1}, "no function f"),
        ("tanh()", {}, "tanh takes 1"),
        ("max(a)", {"a": 1}, "max takes 2"),
        ("tanh(x=1)", {}, "no place"),
        ("tanh(*[1])", {}, "no place"),
        ("tanh(1)(2)", {}, "no place"),
        ("True", {}, "no place"),
        ("None", {}, "no place"),
        ("'a'", {}, "no place"),
        ("1j", {}, "no place"),
        ("a.real", {"a": 1}, "no place"),
        ("a[0]", {"a": 1}, "no place"),
        ("[a]", {"a": 1}, "no place"),
        ("a if a else a", {"a": 1}, "no place"),
        ("a and a", {"a": 1}, "no place"),
        ("a < 1", {"a": 1}, "no place"),
        ("a @ a", {"a": 1}, "no place"),
        ("~a", {"a": 1}, "no place"),
        ("lambda: 1", {}, "no place"),
        ("(a := 1)", {"a": 1}, "no place"),
        ("[x for x in y]", {"x": 1, "y": 1}, "no place"),
        ("__import__('os').system('true')", {}, "no place"),
        ("__import__('os')", {}, "no function __import__"),
        ("f'{a}'", {"a": 1}, "no place"),
        ("1" + "0" * 400, {}, "range"),
    ],
)
def test_refuses(text, numbers, says):
    with speaking("en"), pytest.raises(ValueError, match=says) as caught:
        parse(text, numbers)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300  # the longest lists the functions that there are


def test_too_many_parentheses_are_said_in_spanish():
    with speaking("es"), pytest.raises(ValueError, match="demasiados paréntesis anidados"):
        parse("(" * 201 + "1" + ")" * 201, {})
    for opening in "((", "[(":  # as many as there may be, and brackets counted with them
        parse("(" * 200 + "1" + ")" * 200, {})
        with speaking("en"), pytest.raises(ValueError, match="parentheses"):
            parse(opening * 101, {})


def test_speaks_spanish():
    with pytest.raises(ValueError, match="no es una expresión"):
        parse("a+", {"a": 1})


@given(st.text(alphabet="ab123+-*/.()^,= tanhmxe\n'\\_[]{}<>!~@%", max_size=40))
def test_whatever_comes_is_a_graph_or_a_valueerror(text):
    with contextlib.suppress(ValueError):
        parse(text, {})


def test_every_function_of_one_or_two_operands_is_there():
    for name, op in FUNCTIONS.items():
        parse(f"{name}({', '.join(map(str, op.at))})", {})
        with pytest.raises(ValueError, match=rf"{name} .*{op.arity}, no {op.arity + 1}"):
            parse(f"{name}({', '.join(['1'] * (op.arity + 1))})", {})


def test_floors_and_remainders_are_written_as_in_python():
    y, variables = parse("a // b + a % b", {"a": 7, "b": -2})
    assert y.data == 7 // -2 + 7 % -2
    assert grad(y, [*variables.values()]) == [1.0, 4.0]
