"""Labels are text everywhere: whatever they hold, nothing runs, breaks or goes missing."""

import copy
import io
import json
import pickle
import re
import xml.etree.ElementTree as ET
from ast import literal_eval
from html.parser import HTMLParser

import numpy as np
import pytest
from rich.console import Console

from micrograd_es import MLP, BackwardPass, Value, custom, draw_graph, draw_network, explain
from micrograd_es.formulas.nodes import Formulas
from micrograd_es.formulas.notation import quotient, short, shown
from micrograd_es.stepping.terminal import play_in_terminal

LABELS = {
    "record": "{a|b|<c>}",
    "bold": "<b>bold</b>",
    "script": "</script><script>alert(1)</script>",
    "style": "</style><style>*{display:none}",
    "svg": '</svg><svg onload="alert(1)">',
    "image": "<img src=http://example.org/x onerror=alert(1)>",
    "attribute": "\"' onload='alert(1)' x=\"",
    "comment": "<!--<script>",
    "end of comment": "-->",
    "cdata": "]]><![CDATA[",
    "instruction": "<?xml version='1.0'?>",
    "entities": "&lt;&amp;&#65;&nbsp;&bogus;",
    "backslashes": "\\N\\G\\l\\n\\",
    "template": "{{ 7 * 7 }}{% raw %}%s{0}",
    "latex": "$}\\end{aligned}\\input{x}_^~#%&",
    "text": "\\text{",
    "markup": "[bold red]x[/bold red][/][link=http://example.org]y[/link]",
    "line breaks": "a\nb\r\nc\td\x0b\u2028\u2029",
    "control": "\x00\x07\x08\x1b[31m\x1b]0;title\x07\x7f\x85\x9b31m",
    "nonchars": "\ufffe\uffff",
    "surrogates": "\ud800x\udfff\ud800",
    "right to left": "\u202egnp.exe\u200f\u061c\u2066",
    "zero width": "\u200b\u200d\u2060\ufeff",
    "emoji": "👨‍👩‍👧😀🇪🇸",
    "private": "\ue000\ue001\U0010ffff",
    "marks": "a" + "\u0301" * 40,
    "long": "x" * 10_000,
    "long and hostile": "<&\"'\\" * 2_000,
    "spaces": "  two  spaces\u00a0 ",
    "space": " ",
    "property": "__proto__",
    "number": "-1e5",
    "equation": "= 1 \\\\ + x",
}
# What a label that does not need to be escaped gives; it is written as text, too.
PLAIN = "plain name"


@pytest.fixture(params=LABELS.values(), ids=LABELS)
def label(request):
    return request.param


def graph(label, name=None):
    """A leaf, an operation and a root of that label, and a user's operation of that name."""

    def own(v):
        return v * 3.0

    own.__name__ = label if name is None else name
    x = Value(2.0, label=label)
    y = custom(own, lambda v: 3.0, x * x + 1)
    y.label = label
    z = (y + x) * Value(0.5, label=label)
    z.label = label
    return z, x


class Elements(HTMLParser):
    """The elements of a page, its attributes, and the text of its scripts and frames."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.attributes, self.scripts = [], [], []
        page.encode()
        self.feed(page)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs
        if tag == "script":
            self.scripts.append("")

    def handle_data(self, data):
        if self.tags and self.tags[-1] == "script" and self.scripts:
            self.scripts[-1] += data


def check_harmless(page, plain):
    """Nothing is there that is not in the page with plain labels, and nothing is asked for."""
    found, expected = Elements(page), Elements(plain)
    assert set(found.tags) <= set(expected.tags)
    for tag in "script", "style", "svg", "iframe", "meta", "title", "html", "div", "table", "tr":
        assert found.tags.count(tag) == expected.tags.count(tag), tag
    assert {name for name, _ in found.attributes} <= {name for name, _ in expected.attributes}
    for name, value in found.attributes:
        assert not name.startswith("on")
        if name == "src" and re.fullmatch(r"data:image/png;base64,[A-Za-z0-9+/=]+", value):
            continue
        assert name not in ("src", "href", "xlink:href", "action", "formaction")
        if name not in ("srcdoc", "xmlns"):
            assert "http" not in (value or "")
    assert found.scripts[-1:] == expected.scripts[-1:]


def test_a_drawing(label):
    z, _ = graph(label)
    drawing, plain = draw_graph(z), draw_graph(graph(PLAIN)[0])
    drawing.source.encode()
    for svg in drawing.svg(), z._repr_mimebundle_()["image/svg+xml"]:
        root = ET.fromstring(svg)
        same = ET.fromstring(plain.svg())
        assert {e.tag for e in root.iter()} == {e.tag for e in same.iter()}
        drawn = [e.text for e in root.iter() if e.tag.endswith("text")]
        assert drawn.count(short(label)) >= 4
        assert short(label.strip("<>")) in drawn  # the user's operation
    root = ET.fromstring(drawing.svg())
    titles = [e.text for e in root.iter() if e.tag.endswith("title")]
    assert f"{shown(label)}\nvalor 2.0\ngrad —" in titles
    assert f"{quotient(shown(label), shown(label))} = 17.0" in titles
    assert [e.get("id") for e in root.iter()] == [e.get("id") for e in same.iter()]
    attributes = {name for e in root.iter() for name in e.keys()}  # noqa: SIM118  (an Element)
    assert attributes <= {name for e in same.iter() for name in e.keys()}  # noqa: SIM118


def test_a_folded_drawing(label):
    model = MLP(2, [2, 1], seed=0)
    z = model([Value(1.0, label=label), graph(label)[0]])
    z.label = label
    root = ET.fromstring(draw_graph(z, fold="layer").svg())
    drawn = [e.text for e in root.iter() if e.tag.endswith("text")]
    assert {short(label), "capa 1", "capa 2"} <= set(drawn)


def test_a_picture_of_a_network(label):
    model = MLP(2, [2, 1], seed=0)
    plain = draw_network(model).svg()
    for p in model.parameters():
        p.label = label
    assert draw_network(model).svg() == plain


def test_a_stepping_page(label, tmp_path):
    path = tmp_path / "steps.html"
    pages = []
    for name in label, PLAIN:
        BackwardPass(graph(name)[0]).save_html(path)
        pages.append(path.read_text("utf-8"))
    check_harmless(*pages)
    data = next(s for s in Elements(pages[0]).scripts if s.lstrip().startswith("{"))
    names = [node["name"] for node in json.loads(data)["nodes"]]
    assert names.count(short(label)) == 4


def test_a_pass_in_a_notebook(label):
    check_harmless(*(BackwardPass(graph(name)[0])._repr_html_() for name in (label, PLAIN)))


@pytest.mark.parametrize("computed", [True, False])
def test_an_explanation(label, computed):
    found = []
    for name in label, PLAIN:
        z, x = graph(name, "own")
        if computed:
            z.backward()
        found.append(explain(z, x))
    hostile, plain = found
    assert shown(label) in hostile.text
    assert len(hostile.text.split("\n")) == len(plain.text.split("\n"))
    assert len(hostile.latex.split("\n")) == len(plain.latex.split("\n"))
    for written in hostile.text, hostile.latex, hostile.html, repr(hostile):
        assert shown(written.replace("\n", "")) == written.replace("\n", "")
        written.encode()
    check_harmless(hostile.html, plain.html)
    tags = {e.tag for e in ET.fromstring(hostile.html).iter()}
    assert tags == {e.tag for e in ET.fromstring(plain.html).iter()}


def test_why_a_derivative_is_zero(label):
    x, q = Value(-1.0, label=label), Value(1.0, label=label)
    r = x.relu()
    r.label = label
    for explanation in explain(r, x), explain(r, q):
        assert shown(label) in explanation.why
        assert shown(explanation.why) == explanation.why
        ET.fromstring(explanation.html)


def test_formulas_are_latex_with_braces_that_match(label):
    z, _ = graph(label)
    formula = Formulas().expression(z)
    assert formula.text == shown(formula.text)
    depth = 0
    for brace in re.findall(r"\\.|[{}]", formula.latex):
        depth += {"{": 1, "}": -1}.get(brace, 0)
        assert depth >= 0
    assert depth == 0
    commands = set(re.findall(r"\\[a-zA-Z]+", formula.latex))
    assert commands <= {
        r"\text", r"\left", r"\right", r"\cdot", r"\operatorname",
        r"\textbackslash", r"\textasciicircum", r"\textasciitilde",
    }  # fmt: skip


@pytest.mark.parametrize("terminal", [True, False])
def test_the_terminal(label, terminal):
    screen = Console(file=io.StringIO(), width=200, height=60, force_terminal=terminal, _environ={})
    keys = iter(["end", "quit"])
    play_in_terminal(
        BackwardPass(graph(label)[0]), screen, (lambda seconds: next(keys)) if terminal else None
    )
    written = screen.file.getvalue()
    written.encode()
    for sequence in "\x1b[31m", "\x1b]", "\x07", "\x08", "\x9b", "\x7f", "\x00":
        assert sequence not in written
    assert terminal or "\x1b" not in written
    if short(label).isascii() and short(label).strip():
        assert short(label).split()[0] in written


def test_repr_is_a_line_that_can_be_read_back(label):
    written = repr(Value(1.0, label=label))
    assert written.isprintable()
    written.encode()
    assert literal_eval(written.partition("label=")[2][:-1]) == label


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_pickles(label, protocol):
    x = Value(2.0, label=label)
    y = x * x
    y.label = label
    other = pickle.loads(pickle.dumps(y, protocol))
    assert [other.label, other.parents[0].label] == [label, label]


def test_copies(label):
    z, _ = graph(label)
    assert copy.deepcopy(z).label == label
    assert copy.deepcopy(z).parents[0].parents[1].label == label


def test_model_files(label, tmp_path):
    model, plain = (MLP(2, [2, 1], seed=0) for _ in range(2))
    for p in model.parameters():
        p.label = label
    model.save(tmp_path / "model")
    plain.save(tmp_path / "plain")
    assert (tmp_path / "model").read_bytes() == (tmp_path / "plain").read_bytes()
    model.load(tmp_path / "plain")
    assert {p.label for p in model.parameters()} == {label}


@pytest.mark.parametrize("wrong", [None, 1, b"x", ["x"], np.array("x")])
def test_what_is_no_text_is_no_label(wrong):
    with pytest.raises(TypeError, match="a label is a string"):
        Value(1.0, label=wrong)
