"""The notes' names and numbers, as text, LaTeX and MathML."""

import math
import xml.etree.ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from micrograd_es.formulas.notation import latex, latex_number, mathml, name, number, parsed


@pytest.mark.parametrize(
    ("label", "expected"),
    [
        (name("w", 2, 1, layer=1), "w_{(1)}^{(2,1)}"),
        (name("ŷ", 1), r"\hat{y}^{(1)}"),
        (name("z", 12, layer=10), "z_{(10)}^{(12)}"),
        ("C", "C"),
        ("x1", "x_{1}"),
        ("x_2", "x_{2}"),
        ("λ", r"\lambda"),
        ("loss", r"\text{loss}"),
        (r"a\b", r"\text{a\textbackslash{}b}"),
        ("{^_~$&#%}", r"\text{\{\textasciicircum{}\_\textasciitilde{}\$\&\#\%\}}"),
        ("a\nb", r"\text{a b}"),
    ],
)
def test_a_label_in_latex(label, expected):
    assert latex(label) == expected


@settings(deadline=None)
@given(
    st.sampled_from("wxzyŷσC"),
    st.lists(st.integers(1, 1000), max_size=3),
    st.none() | st.integers(1, 1000),
)
def test_a_name_is_read_back(symbol, indices, layer):
    digits = tuple(map(str, indices))
    assert parsed(name(symbol, *indices, layer=layer)) == (symbol, str(layer or ""), digits)


@pytest.mark.parametrize("label", ["", "ab", "x1", "x_1", "w₍₁₎₂", "w⁽¹·⁾", "1⁽¹⁾", "w⁽¹⁾ "])
def test_what_is_no_name_of_the_notes_is_not_read_as_one(label):
    assert parsed(label) is None


@settings(deadline=None)
@given(st.text(alphabet=st.characters(exclude_categories=["Cs"])))
def test_any_label_becomes_mathml_that_shows_it_and_nothing_else(label):
    element = ET.fromstring(mathml(latex(label) + " + 1"))
    tags = {e.tag.split("}")[1] for e in element.iter()}
    assert tags <= {
        "math", "mrow", "mi", "mn", "mo", "mtext", "msub", "msup", "msubsup", "mover"
    }  # fmt: skip
    if latex(label).startswith(r"\text"):
        shown = "".join(c if c.isprintable() else " " for c in label)
        assert "".join(element.itertext()).replace("\xa0", " ") == shown.replace("\xa0", " ") + "+1"


def test_mathml_of_a_hostile_label_is_text():
    element = mathml(latex("</script><script>alert(1)</script>"))
    assert "<script" not in element
    assert "&lt;/script&gt;&lt;script&gt;" in element


@settings(deadline=None)
@given(st.floats(-1e308, 1e308))
def test_a_number_is_right_to_four_significant_digits(x):
    shown = float(number(x).replace("−", "-"))
    assert shown == pytest.approx(x, rel=5.0001e-4, abs=5e-324)
    assert ("e" in number(x)) == (x != 0 and not 1e-4 <= abs(x) < 1e5)


@pytest.mark.parametrize(
    ("x", "text", "tex"),
    [
        (None, "—", r"\text{—}"),
        (-0.0, "0", "0"),
        (math.inf, "∞", r"\infty"),
        (-math.inf, "−∞", r"-\infty"),
        (math.nan, "nan", r"\mathrm{nan}"),
        (-1.5e-7, "−1.5e−7", r"-1.5 \cdot 10^{-7}"),
    ],
)
def test_numbers_that_are_none(x, text, tex):
    assert (number(x), latex_number(x)) == (text, tex)


@pytest.mark.parametrize(
    ("formula", "signs"),
    [
        (r"2 \cdot \left(-3\right) = -6", 2),
        (r"a - 1", 0),
        (r"y^{(1)} - \left(a\right) - \left|x\right| - (b) - 1", 0),
    ],
)
def test_a_minus_is_a_sign_after_an_operator_and_an_operator_after_a_term(formula, signs):
    minuses = [e for e in ET.fromstring(mathml(formula)).iter() if e.text == "−"]
    assert sum(e.get("form") == "prefix" for e in minuses) == signs
    assert len(minuses) > signs or signs == 2


def test_a_prime_is_no_superscript():
    tags = [e.tag.split("}")[1] for e in ET.fromstring(mathml(r"\sigma'(z)")).iter()]
    assert tags == ["math", "mrow", "mi", "mo", "mo", "mi", "mo"]


def test_parentheses_stretch_only_around_fractions():
    assert 'stretchy="true"' not in mathml(r"2 \left(y - 1\right)")
    assert 'stretchy="true"' in mathml(r"2 \left(\frac{a}{b} - 1\right)")
    assert mathml(r"\text{\textbackslash{}left(}").count("<mtext>") == 1


def test_a_function_stands_apart_from_its_variable():
    spaces = [e for e in ET.fromstring(mathml(r"\cos t + \tanh(x)")).iter() if "mspace" in e.tag]
    assert len(spaces) == 1


def test_the_brackets_of_a_matrix_are_as_tall_as_it_is():
    matrix = r"\begin{bmatrix}a \\ b\end{bmatrix}"
    element = ET.fromstring(mathml(rf"A = {matrix} = \begin{{bmatrix}}{matrix}\end{{bmatrix}}"))
    space = "{http://www.w3.org/1998/Math/MathML}"
    rows = [[child.tag for child in row] for row in element.iter(f"{space}mrow")]
    in_brackets = [f"{space}mo", f"{space}mtable", f"{space}mo"]
    assert rows.count(in_brackets) == 3  # alone, a bracket stretches to its own table
