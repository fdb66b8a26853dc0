"""Expressions: what they compute, and that nothing else gets through."""

import contextlib
import math
import re
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from micrograd_es import Value, grad
from micrograd_es.base.languages import speaking
from micrograd_es.base.reading import NAME, as_name, read_number
from micrograd_es.engine.functions import function
from micrograd_es.engine.graph import topological_order
from micrograd_es.engine.ops import TABLE
from micrograd_es.expression import FUNCTIONS, parse
from micrograd_es.formulas.nodes import Formulas


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
        ("-" * 9999 + "1", {}, -1.0),
        # as formulas are written here, and elsewhere
        ("2(a·b + c)²", {"a": 1, "b": 2, "c": 3}, 50.0),
        ("ln(x) + σ(0) + √4 − π + 2π", {"x": 1}, 2.5 + math.pi),
        ("e^x − x⁻¹ − √(x + 2)", {"x": 2}, math.exp(2) - 2.5),
        ("−x² · |1 − x| ÷ 2 × 4", {"x": 3}, -36.0),
        ("|x − 2·|y|| + 0·|x|", {"x": 1, "y": -3}, 5.0),
        ("⌊7/2⌋ + ⌊x⌋", {"x": 2.5}, 5.0),
        ("log₂(x) + log₁₀(100)", {"x": 8}, 5.0),
        ("x₁ · w₍₁₎⁽²·¹⁾ + ŷ⁽¹⁾", {"x₁": 2, "w₍₁₎⁽²·¹⁾": 3, "ŷ⁽¹⁾": 1}, 7.0),
        ("1.235e6 + 1.2e−5", {}, 1.235e6 + 1.2e-5),
        # as Spanish has it
        ("sen(x) + raíz(y) + sigmoide(x) + tg(x)", {"x": 0, "y": 9}, 3.5),
        ("senh(x) + tgh(x) + arctg(x) + máx(y; 1,5) + mín(y; 1,5)", {"x": 0, "y": 2}, 3.5),
        # commas
        ("0,3 + x", {"x": 1}, 1.3),
        ("tanh(0,5)", {}, math.tanh(0.5)),
        ("max(1,2)", {}, 2.0),
        ("max(1,5; min(0,5; x))", {"x": 9}, 1.5),
        ("max(min(1,2), 2(0,5 + 1))", {}, 3.0),
        ("2(0,5 + max(1, 3))", {}, 7.0),
        # a number before an operand
        ("2a + 2,5b − 3(a + b) + 2√b + 2|a|", {"a": -1, "b": 4}, 5.0),
        ("−2a^2 · 3a", {"a": 2}, -48.0),
        ("1/(2a) + 1/3·2a", {"a": 2}, 0.25 + 4 / 3),
        ("√2x", {"x": 3}, 3 * math.sqrt(2)),
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


def test_what_is_written_twice_is_one_node():
    numbers = {"v": 2, "w": 1, "x": 0.5, "u": -1}  # a hidden neuron that feeds two outputs
    root, variables = parse("(v*tanh(w*x) − 1)² + (u*tanh(w*x))²", numbers)
    nodes = topological_order(root)
    assert [node.op for node in nodes].count("tanh") == 1
    root.backward()
    h = Fraction(math.tanh(0.5))  # and the derivative by hand
    slope = (2 * (2 * h - 1) * 2 + 2 * h) * (1 - h * h) / 2
    np.testing.assert_allclose(variables["w"].grad, float(slope), rtol=1e-14)
    assert parse("1/(0*a) − 1/(−0*a)", {"a": 1})[0].data == math.inf  # −0 is another number


@pytest.mark.parametrize(
    ("text", "numbers", "says"),
    [
        ("", {}, "no expression"),
        ("a+", {"a": 1}, "no expression"),
        ("a\nb", {"a": 1, "b": 1}, r"b \(at character 3\); write a product with \* or ·$"),
        ("(a+b)(a-b)", {"a": 1, "b": 1}, r"at character 6\); write a product with \* or ·$"),
        ("a²b", {"a": 1, "b": 1}, r"at character 3\); write a product with \* or ·$"),
        ("a = b", {"a": 1, "b": 1}, r"at character 3\)$"),
        ("\0", {}, "no place"),
        ("9" * 5000, {}, "range"),
        ("(" * 201 + "1" + ")" * 201, {}, "too many nested parentheses"),
        ("sin(" * 300 + "1" + ")" * 300, {}, "too many nested parentheses"),
        ("(" * 300, {}, "too many nested parentheses"),
        ("1" * 10_001, {}, "10000"),
        ("a", {}, "a has no number"),
        ("1", {"a": 1}, "does not use a"),
        ("f(a)", {"a": 1}, r"no function f: for a product write f·\(…\)"),
        ("seno(a)", {"a": 1}, "no function seno; there are abs, "),
        ("tanh()", {}, "tanh takes 1 operand, not 0"),
        ("max(a)", {"a": 1}, "max takes 2 operands, not 1"),
        ("max(1,5, 2)", {}, "max takes 2 operands, not 3; beside decimal commas, .* by ;"),
        ("1,234,567", {}, "no place in an expression: , "),
        ("2 3", {}, "no place"),
        ("a b", {"a": 1, "b": 1}, "no place"),
        ("(a)(a)", {"a": 1}, "no place"),
        ("|a", {"a": 1}, "no expression"),
        ("1/2a", {"a": 1}, "2a can be read in two ways"),
        ("2^-3 (a)", {"a": 1}, r"3 \( can be read in two ways"),
        ("ln a", {"a": 1}, r"ln is a function: write ln\(…\)"),
        ("sen", {}, r"sen is a function: write sen\(…\)"),
        ("tanh(x=1)", {}, "no place"),
        ("tanh(*[1])", {}, "no place"),
        ("tanh(1)(2)", {}, "no place"),
        ("True", {}, "True has no number"),
        ("None", {}, "None has no number"),
        ("'a'", {}, "no place"),
        ("1j", {}, "j has no number"),
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
        ("__import__('os').system('true')", {}, "no function __import__"),
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


@pytest.mark.parametrize(
    ("text", "missing"),
    [
        ("2*(a*b+c", ")"), ("2*(a*b+", ")"), ("tanh(a", ")"), ("tanh(", ")"), ("(((a) + b", "))"),
        ("|a", "|"), ("⌊a + (b", ")⌋"), ("max(a, |b", "|)"), ("a*b+c)**2", "("), ("a)", "("),
        ("(a))", "("), ("a⌋", "⌊"), ("(a⌋", ")"), ("⌊a)", "⌋"), ("|a)", "|"),
        # nothing of these: they balance, or something else is wrong before that
        ("a+", ""), ("(a+)", ""), ("()", ""), ("(a b", ""), ("(a|b|)", ""), ("tanh()(a)", ""),
    ],
)  # fmt: skip
def test_the_missing_bracket_is_said(text, missing):
    for language, says in (("en", "; “{}” is missing"), ("es", "; falta «{}»")):
        end = re.escape(says.format(missing)) if missing else r"[^“«]*"
        match = rf"^[^;“«]*{end}$"
        with speaking(language), pytest.raises(ValueError, match=match):
            parse(text, dict.fromkeys("abc", 1.0))


def test_speaks_spanish():
    with pytest.raises(ValueError, match="no es una expresión"):
        parse("a+", {"a": 1})


@settings(deadline=None)
@given(st.text(alphabet="ab123+-*/.()^,;= tanhmxe·²√|⌊⌋πσ−\n'\\_[]{}<>!~@%", max_size=40))
def test_whatever_comes_is_a_graph_or_a_valueerror(text):
    with contextlib.suppress(ValueError):
        parse(text, {})


def test_every_function_of_one_or_two_operands_is_there():
    for name, op in FUNCTIONS.items():
        parse(f"{name}({', '.join(map(str, op.at))})", {})
        with pytest.raises(ValueError, match=rf"{name} recibe {op.arity} operandos?, no"):
            parse(f"{name}({', '.join(['1'] * (op.arity + 1))})", {})
        x = [Value(at, chr(ord("a") + i)) for i, at in enumerate(op.at)]
        y = function(op)(*x)
        written = Formulas().expression(y).text
        if "where" not in written:
            assert parse(written, {v.label: v.data for v in x})[0].data == pytest.approx(y.data)


UNARY = ("neg", "sqrt", "exp", "relu", "abs")


@settings(deadline=None)
@given(
    st.lists(
        st.sampled_from(("a", "b", "c", "2", "0.5", "+", "-", "*", "/", "**", *UNARY, "max")),
        max_size=12,
    )
)
def test_what_formulas_write_is_read_again(steps):
    letters = {name: Value(x, name) for name, x in zip("abc", (1.5, -0.5, 3.0))}
    stack = [letters["a"]]
    for step in steps:
        if step in letters:
            stack.append(letters[step])
        elif step[0] in "02":
            stack.append(stack.pop() * float(step))
        elif step in UNARY:
            stack.append(function(TABLE[step])(stack.pop()))
        elif len(stack) > 1:
            y, x = stack.pop(), stack.pop()
            name = {"+": "add", "-": "sub", "*": "mul", "/": "div", "**": "pow"}
            stack.append(function(TABLE[name.get(step, "maximum")])(x, y))
    formula = Formulas().expression(stack[-1])
    numbers = {
        name: v.data for name, v in letters.items() if name in re.findall(NAME, formula.text)
    }
    read = parse(formula.text, numbers)[0].data
    if math.isfinite(stack[-1].data) and "e" not in formula.text.replace("relu", ""):
        assert read == pytest.approx(stack[-1].data, rel=1e-3, nan_ok=True)


def test_floors_and_remainders_are_written_as_in_python():
    y, variables = parse("a // b + a % b", {"a": 7, "b": -2})
    assert y.data == 7 // -2 + 7 % -2
    assert grad(y, [*variables.values()]) == [1.0, 4.0]


@pytest.mark.parametrize(
    ("text", "number"),
    [("0.3", 0.3), ("0,3", 0.3), (",3", 0.3), ("3.", 3.0), ("-2", -2.0), ("−2", -2.0),
     (" +1 ", 1.0), ("1,5e−3", 1.5e-3), ("1E3", 1e3), ("1/4", 0.25), ("−1 / 4", -0.25),
     ("0,5/0,25", 2.0),
     ("∞", math.inf), ("-inf", -math.inf)],
)  # fmt: skip
def test_numbers_are_read_in_one_way(text, number):
    assert read_number(text) == number


@pytest.mark.parametrize(
    "text", ["", "one", "1.234,5", "1,234,5", "1 2", "0x10", "1_0", "1/0", "٣"]
)
def test_what_is_no_number(text):
    with pytest.raises(ValueError, match="no number"):
        read_number(text)


def test_names_are_read_in_one_way():
    assert [as_name(n) for n in ("\u00b5", "y\u0302", "x₁", "w₍₁₎⁽²·¹⁾", "\uff41")] == [
        "\u03bc", "\u0177", "x₁", "w₍₁₎⁽²·¹⁾", "a"
    ]  # fmt: skip
