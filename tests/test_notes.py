"""The notes, completed: its numbers against mpmath, its formulas, and that it is up to date."""

import re
import runpy
from pathlib import Path

import mpmath
import numpy as np
import pytest

from micrograd_es import Net, sum_squares
from micrograd_es.base.languages import LANGUAGES, speaking
from micrograd_es.gallery import load

ROOT = Path(__file__).parent.parent
DOCUMENTS = ["notas.md", "notes.md"]


def read(name):
    return (ROOT / "docs" / name).read_text("utf-8")


@pytest.fixture(scope="module")
def generated():
    return runpy.run_path(str(ROOT / "tools/docs.py"))["files"]()


def test_the_documents_are_what_the_code_writes(generated):
    assert {name: read(name) for name in DOCUMENTS} == {name: generated[name] for name in DOCUMENTS}


def test_the_pictures_say_what_the_code_draws(generated):
    def said(svg):  # where a text stands depends on the fonts of the machine
        return re.findall(r' id="([^"]*)"|<title>([^<]*)</title>|>([^<\n]+)</text>', svg)

    pictures = [name for name in generated if name.endswith(".svg")]
    assert sorted(pictures) == ["graph.svg", "network.svg", "red.svg"]
    for name in pictures:
        assert said(read(name)) == said(generated[name])


# -- the numbers ----------------------------------------------------------------


def cost(w):
    """C of the document's network, its weights as {(layer, n, m): number}, to 30 digits."""
    x, wanted = [mpmath.mpf("0.5"), mpmath.mpf("0.8")], [0, 1]
    b = {(1, 1): "0.1", (1, 2): "-0.2", (2, 1): "0.3", (2, 2): "-0.1"}
    for layer in (1, 2):
        z = [
            sum(w[layer, n, m] * x[m - 1] for m in (1, 2)) + mpmath.mpf(b[layer, n]) for n in (1, 2)
        ]
        x = [1 / (1 + mpmath.exp(-v)) for v in z]
    return sum((y - t) ** 2 for y, t in zip(x, wanted))


def derivatives():
    """∂C/∂w by differences far finer than a float."""
    with mpmath.workdps(60):
        w = {
            (1, 1, 1): "0.4", (1, 1, 2): "-0.6", (1, 2, 1): "0.2", (1, 2, 2): "0.5",
            (2, 1, 1): "0.7", (2, 1, 2): "-0.3", (2, 2, 1): "0.9", (2, 2, 2): "0.8",
        }  # fmt: skip
        w = {key: mpmath.mpf(text) for key, text in w.items()}
        h = mpmath.mpf("1e-20")
        return {
            key: float((cost({**w, key: w[key] + h}) - cost({**w, key: w[key] - h})) / (2 * h))
            for key in w
        }


@pytest.mark.parametrize("document", DOCUMENTS)
def test_the_table_agrees_with_differences_of_60_digits(document):
    rows = re.findall(
        r"^\| \$\\partial C / \\partial w_\{\((\d)\)\}\^\{\((\d),(\d)\)\}\$ \| (\d) "
        r"\| \$([-\d.]+)\$ \| \$([-\d.]+)\$ \|",
        read(document),
        re.MULTILINE,
    )
    expected = derivatives()
    assert sorted(expected) == sorted(tuple(map(int, row[:3])) for row in rows)
    for *key, paths, gradient, difference in rows:
        layer, n, m = map(int, key)
        assert float(gradient) == pytest.approx(expected[layer, n, m], abs=5.01e-9)
        assert gradient == difference
        assert int(paths) == (2 if layer == 1 else 1)


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_row_has_all_its_paths(document):
    expected = derivatives()
    sections = re.split(r"^### ∂C/∂w", read(document), flags=re.MULTILINE)[1:]
    assert len(sections) == len(expected)
    # neuron by neuron, and of each neuron layer by layer, as the notes have them
    for section, key in zip(sections, sorted(expected, key=lambda k: (k[1], k[0], k[2]))):
        body = section.partition("\n\n")[2].partition("```\n")[0]
        layer, total = key[0], expected[key]
        products = [line.count(r"\frac") for line in body.splitlines() if line.count(r"\frac") > 1]
        steps = re.findall(r"&= (-?[\d.]+)(?: \\\\)?$", body, re.MULTILINE)
        assert float(steps[-1]) == pytest.approx(total, rel=6e-4)
        if layer == 1:
            assert products == [5, 5]
            assert sum(map(float, steps[:2])) == pytest.approx(total, abs=2e-5)
        else:
            assert products == [1 + 3]  # with the left side
            assert len(steps) == 1


def test_a_row_of_the_notes_in_their_words():
    text = read("notas.md")
    assert (
        r"\frac{\partial C}{\partial y^{(2)}} \cdot \frac{\partial y^{(2)}}{\partial z_{(2)}^{(2)}}"
        r" \cdot \frac{\partial z_{(2)}^{(2)}}{\partial a_{(1)}^{(2)}} \cdot "
        r"\frac{\partial a_{(1)}^{(2)}}{\partial z_{(1)}^{(2)}} \cdot "
        r"\frac{\partial z_{(1)}^{(2)}}{\partial w_{(1)}^{(2,1)}} \\"
        "\n"
        r" &= 2\left(y^{(2)} - \hat{y}^{(2)}\right) \cdot \sigma'(z_{(2)}^{(2)}) \cdot "
        r"w_{(2)}^{(2,2)} \cdot \sigma'(z_{(1)}^{(2)}) \cdot x^{(1)} \\" in text
    )


def test_the_corrected_class_learns_as_the_package_does():
    mine, theirs = load("_red").Net(2, L=2, lr=1.0), Net(2, L=2, lr=1.0, C=sum_squares)
    X, Y = np.array([0.5, 0.8]), np.array([0.0, 1.0])
    theirs.W, theirs.B = load("_patron").W, load("_patron").B
    mine.W, mine.B = theirs.W.copy(), theirs.B.copy()
    for a, b in zip(mine.gradients(X, Y), theirs.gradients(X, Y)):
        np.testing.assert_allclose(a, b, rtol=1e-12)
    costs = mine.learn(X, Y, tol=0.05)
    assert costs[-1] <= 0.05
    np.testing.assert_allclose(costs, theirs.learn(X, Y, tol=0.05), rtol=1e-9)


# -- the form ------------------------------------------------------------------


@pytest.mark.parametrize("document", DOCUMENTS)
def test_github_renders_the_formulas(document):
    text = read(document)
    blocks = re.findall(r"```math\n(.*?)\n```", text, re.DOTALL)
    rest = re.sub(r"```.*?```|`[^`\n]*`", "", text, flags=re.DOTALL)
    inline = re.findall(r"(?<![\w$-])\$(?! )([^$\n]+)(?<! )\$(?![\w$])", rest)
    assert rest.count("$") == 2 * len(inline)
    # of what MathJax knows GitHub forbids some, \operatorname and \bm among them
    used = set(re.findall(r"\\([a-zA-Z]+)", " ".join([*blocks, *inline])))
    assert used <= {
        "begin", "end", "left", "right", "frac", "partial", "cdot", "hat", "sigma", "delta",
        "sum", "limits", "nabla", "mathbf", "leftarrow", "times", "quad", "qquad",
    }  # fmt: skip
    for block in blocks:
        assert block.count(r"\begin") == block.count(r"\end")
        assert block.count("{") == block.count("}")
        assert block.count(r"\left(") == block.count(r"\right)")
    for formula in inline:  # here Markdown looks first
        assert not re.search(r"\\[^a-zA-Z]|\}_|[*<|]", formula)


def test_at_other_numbers_the_derivatives_are_those_of_its_cost():
    notes = load("notas")
    p = notes.network({"x⁽¹⁾": 1.5, "ŷ⁽²⁾": -1.0, "w₍₂₎⁽²·¹⁾": -2.0, "b₍₁₎⁽²⁾": 0.25})
    assert (p.x[0].data, p.y[1].data, p.W[1][1][0].data, p.B[1][0].data) == (1.5, -1, -2, 0.25)
    gradients = [w.grad for row in p.W for cell in row for w in cell]
    assert gradients == pytest.approx(notes.differences(p), rel=1e-7, abs=1e-10)
    assert f"{abs(gradients[0]):.8f}" in notes.page(p)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_demo(tmp_path, capsys, language):
    with speaking(language):
        result = load("notas").main(tmp_path)
    page, markdown, picture = result["files"]
    assert result["gradients"] == pytest.approx(result["differences"], rel=1e-8)
    assert markdown.read_text("utf-8") == read(markdown.name)
    assert picture.name in markdown.read_text("utf-8")
    html = page.read_text("utf-8")
    assert f'<html lang="{language}">' in html
    shown = re.sub(r"<(style|code)>.*?</\1>|<[^>]*>", "", html, flags=re.DOTALL)
    assert not re.search(r"\$|\*\*|\\[a-z]|`", shown)
    assert not re.search(r'(?:src|href)="|url\(|<script', html)
    assert "w₍₁₎⁽¹·¹⁾" in capsys.readouterr().out
