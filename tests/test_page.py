"""The stepping page as text: what a browser is given. `browser/` has it run in one."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from micrograd_es import (
    MLP,
    BackwardPass,
    ForwardPass,
    Value,
    custom,
    maximum,
    set_language,
    sum_squares,
    vsum,
    where,
)  # fmt: skip
from micrograd_es.base.templating import source
from micrograd_es.engine.ops import TABLE
from micrograd_es.engine.value import apply
from micrograd_es.formulas.nodes import names_of
from micrograd_es.formulas.notation import number
from micrograd_es.stepping import page as page_module
from micrograd_es.stepping.page import MODULES, stepping_page
from micrograd_es.stepping.terminal import moments

VOID = {"meta", "input", "link", "br", "hr", "img"}


class Page(HTMLParser):
    """Elements, text and data of a page; fails where a tag closes what is not open."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: dict[str, str] = {}
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open:
            self.text[self.open[-1]] = self.text.get(self.open[-1], "") + data

    @property
    def data(self) -> dict:
        return json.JSONDecoder().raw_decode(self.text["script"])[0]


def squared() -> Value:
    a, b, c = Value(1.0, "a"), Value(2.0, "b"), Value(3.0, "c")
    f = 2 * (a * b + c) ** 2
    f.label = "f"
    return f


def network() -> Value:
    model = MLP(2, [2, 2], activation="sigmoid", output="sigmoid", seed=1)
    return sum_squares(model([1.0, 0.5]), [0.0, 1.0])


def chain(events: int) -> Value:
    """A graph of so many events, in which everything is used twice."""
    x = Value(0.5, "x")
    for _ in range(events // 4):
        x = x * x + x * 0.5 if events < 100 else (x * x + x).tanh()
    return x


def told_of(root: Value) -> str:
    """All that the terminal says of its backward pass."""
    return " ".join(text for m in moments(BackwardPass(root)) for text, _ in (*m.said, *m.note))


def page_of(root: Value, **options: int) -> Page:
    return Page(stepping_page(BackwardPass(root), **options))


@pytest.mark.parametrize("root", [squared, network, lambda: Value(1.0, "x")])
def test_is_well_formed_and_asks_for_nothing(root):
    page = page_of(root())
    for tag, attributes in page.tags:
        assert tag not in ("link", "img", "iframe", "object", "embed", "base")
        for name, value in attributes.items():
            assert not name.startswith("on")
            assert name not in ("src", "href", "xlink:href", "action", "style")
            assert name.startswith("xmlns") or "://" not in (value or "")
    assert "url(" not in page.text["style"]
    assert "@import" not in page.text["style"]


def test_policy_allows_this_script_and_style_alone():
    text = stepping_page(BackwardPass(squared()))
    policy = next(a["content"] for t, a in Page(text).tags if "http-equiv" in a)
    script = re.findall(r'<script type="module">(.*?)</script>', text, re.DOTALL)
    style = re.findall(r"<style>(.*?)</style>", text, re.DOTALL)
    assert len(script) == len(style) == 1
    for kind, inline in (("script", script[0]), ("style", style[0])):
        digest = base64.b64encode(hashlib.sha256(inline.encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in policy
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy
    assert "http" not in policy


HOSTILE = "</script><script>alert(1)</script>"


@settings(max_examples=40, deadline=None)
@given(st.text(st.characters(codec=None, categories=None), max_size=60))
@example(HOSTILE)
@example("<!--<script>")
@example("]]>&amp;&#60;\"'\\N\\l|{}<b>")
@example("\ud800\ufffe\x00\x1f\u202e\u2028")
@example("a" * 10_000)
@example("{{ 7 * 7 }}{% raw %}")
@example("__proto__")
def test_labels_are_text(label):
    a = Value(1.5, label)
    b = a * a
    b.label = label
    text = stepping_page(BackwardPass(b + a))
    text.encode()
    page, plain = Page(text), page_of(squared())
    assert [tag for tag, _ in page.tags].count("script") == 2
    names = {name for _, attributes in page.tags for name in attributes}
    assert names <= {name for _, attributes in plain.tags for name in attributes} | MATH
    name = page.data["nodes"][0]["name"]
    assert len(name) <= 32
    if label.isprintable() and 0 < len(label) <= 32:
        assert name == label


MATH = {"mathvariant", "accent", "stretchy", "width", "fence", "form", "lspace", "rspace"}


def test_size_of_a_pass_of_200_events():
    steps = BackwardPass(chain(160))
    assert len(steps) == 200
    assert len(stepping_page(steps).encode()) < 1_000_000


def test_a_node_is_drawn_once_however_many_neurons_can_be_opened():
    page = page_of(sum_squares(MLP(2, [5, 5], seed=1)([1.0, 0.5]), [0.0] * 5))
    drawn = [a["id"] for tag, a in page.tags if tag == "g" and a.get("class") == "node"]
    told = [i for i, node in enumerate(page.data["nodes"]) if not node["number"]]
    assert len(page.data["folds"]) == 12
    assert sorted(id for id in drawn if id[0] == "n") == sorted(f"n{i}" for i in told)
    assert len(set(drawn)) == len(drawn)


def test_a_large_pass_is_refused_with_a_way_out(tmp_path):
    steps = BackwardPass(squared())
    with pytest.raises(ValueError, match="fold"):
        steps.save_html(tmp_path / "page.html", limit=len(steps) - 1)
    assert not list(tmp_path.iterdir())
    steps.save_html(tmp_path / "page.html", limit=len(steps))
    assert (tmp_path / "page.html").read_text(encoding="utf-8").startswith("<!doctype html>")


def test_same_graph_same_page():
    assert stepping_page(BackwardPass(network())) == stepping_page(BackwardPass(network()))


def test_frames_forward_then_backward_with_sums_of_their_own():
    x = Value(3.0, "x")
    y = x * x
    y.label = "y"
    frames = page_of(y).data["right"]
    assert [f["kind"] for f in frames] == ["start", "forward", "seed", "product", "product", "sum"]
    assert frames[-1]["before"] == frames[-1]["contribution"] == ["3", "3.0"]
    assert frames[-1]["result"] == ["6", "6.0"]


def test_what_takes_no_gradient_says_why():
    a, b = Value(1.0, "a"), Value(2.0, "b")
    double = a + a
    double.label = "d"
    largest = maximum(double, b + 1)
    largest.label = "m"
    data = page_of(largest**2).data
    name = {i: node["name"] for i, node in enumerate(data["nodes"])}
    told = [(name[f["node"]], f["why"], f["arrives"]) for f in data["right"] if f["kind"] == "none"]
    assert sorted(told) == sorted(
        [("m", "flat", True), ("d", "unreached", True), ("d", "unreached", False)]
    )
    grads = {node["name"]: node["grad"] for node in data["nodes"]}
    assert (grads["a"], grads["b"], grads["d"]) == ("0", "6", "0")


def test_a_factor_that_is_a_sum_stands_in_parentheses():
    a, b, c = Value(1.0, "a"), Value(2.0, "b"), Value(3.0, "c")
    steps = BackwardPass((a + b) * c)
    formulas = page_module._formulas(steps, names_of(steps.nodes))
    factor = formulas[f"partial-{steps.nodes.index(steps.root)}-1"]
    assert unescape(re.sub("<[^>]*>", "", factor)) == "(a+b)"


@pytest.mark.parametrize(
    ("make", "numbers", "told"),
    [
        (maximum, (2.0, 2.0), [("product", "tie"), ("product", "tie")]),
        (maximum, (2.0, 1.0), []),
        (Value.log, (-1.0,), [("forward", "no_value"), ("product", "no_value")]),
        (Value.relu, (0.0,), [("none", "corner")]),
        (Value.leaky_relu, (0.0,), [("product", "corner")]),
        (Value.relu, (1.0,), []),
    ],
)
def test_what_is_peculiar_is_told_where_it_counts(make, numbers, told):
    root = make(*(Value(x, name) for x, name in zip(numbers, "ab")))
    frames = page_of(root).data["right"]
    found = [(f["kind"], f.get("remark") or f.get("why")) for f in frames]
    assert [pair for pair in found if pair[1] not in (None, "flat")] == told
    words = {"tie": "empatan", "corner": "un punto anguloso", "no_value": "no tiene valor aquí"}
    for _, remark in told:
        assert words[remark] in told_of(root)


def test_a_plain_number_has_no_row_and_no_step_tells_its_gradient():
    x = Value(3.0, "x")
    page = page_of(2 * x**4 + 1)
    data = page.data
    numbers = {i for i, node in enumerate(data["nodes"]) if node["number"]}
    assert {data["nodes"][i]["name"] for i in numbers} == {"1", "2", "4"}
    assert not numbers & {f.get("parent") for f in data["right"]}
    rows = {int(a["data-node"]) for tag, a in page.tags if tag == "tr" and "data-node" in a}
    assert rows == {*range(len(data["nodes"]))} - numbers


def test_nodes_without_a_label_are_called_by_what_they_are():
    names = {node["name"] for node in page_of(squared()).data["nodes"]}
    assert names == {"a", "b", "c", "a·b", "a·b + c", "(a·b + c)²", "f", "2"}
    names = {node["name"] for node in page_of(network()).data["nodes"]}
    assert {"w₍₁₎⁽¹·¹⁾·x⁽¹⁾", "y⁽¹⁾ − ŷ⁽¹⁾", "(y⁽¹⁾ − ŷ⁽¹⁾)²"} <= names
    xs = [Value(float(k), f"long name {k}") for k in range(3)]
    names = [node["name"] for node in page_of((xs[0] * xs[1]).exp() * xs[2]).data["nodes"]]
    assert set(names) == {"long name 0", "long name 1", "u₁", "e^u₁", "long name 2", "f"}


def test_no_two_nodes_have_one_name():
    a, b = Value(2.0, "a"), Value(3.0, "b")
    names = [node["name"] for node in page_of((a * b) * (a * b)).data["nodes"]]
    assert sorted(names) == ["a", "a·b", "b", "f", "u₁"]


def test_a_long_sum_is_one_step_forward():
    xs = [Value(float(k), f"x{k}") for k in range(1, 6)]
    data = page_of(sum(xs)).data
    assert [f["kind"] for f in data["right"]] == ["start", "forward", "seed"] + ["product"] * 5
    assert len(data["nodes"]) == 6
    longer = stepping_page(BackwardPass(sum(Value(-float(k), f"x{k}") for k in range(1, 10))))
    assert "⋯" in longer or "&#x022EF;" in longer
    assert "⋯" not in stepping_page(BackwardPass(sum(xs)))


def test_nothing_times_infinity_is_nothing():
    x = Value(0.0, "x")
    data = page_of(where(x > 0, x.log(), x)).data
    assert [n["grad"] for n in data["nodes"] if n["name"] == "x"] == ["1"]
    assert "unreached" in [f.get("why") for f in data["right"]]


def test_infinity_and_nan_are_written_so_that_a_page_can_read_them():
    x = Value(0.0, "x")
    data = page_of(x.log() * Value(0.0, "zero")).data
    exact = {f["result"][1] for f in data["right"] if f["kind"] == "product"}
    assert {"NaN", "-Infinity"} <= exact


@pytest.mark.parametrize("name", TABLE)
def test_every_operation_has_its_page(name):
    row = TABLE[name]
    for point in (
        row.at,
        [float("nan")] * row.arity,
        [float("inf")] * row.arity,
        [0.0] * row.arity,
    ):
        page = page_of(apply(row, *map(Value, point)))
        assert page.data["right"][1].items() >= {"kind": "forward", "node": row.arity}.items()


def test_wrong_order_spoils_what_is_used_twice():
    a = Value(2.0, "a")
    b = a * 3
    data = page_of(b * b + b).data  # b's own gradient arrives in three parts
    arrivals = [f for f in data["wrong"] if f.get("arrives") or f["kind"] == "sum"]
    last = {f["parent"]: f["result"][1] for f in arrivals}
    place = {n["name"]: i for i, n in enumerate(data["nodes"])}
    assert data["nodes"][place["a"]]["grad"] == "39"
    assert float(last[place["a"]]) != 39.0
    assert data["nodes"][place["a"]]["wrong"]


def test_a_tree_has_no_wrong_order():
    assert page_of(squared()).data["wrong"] is None


def test_a_gradient_that_is_wrong_is_shown_to_differ():
    lie = custom(lambda x: x * x, lambda x: 2.002 * x, Value(3.0, "x"))
    nodes = page_of(lie).data["nodes"]
    assert [n["agrees"] for n in nodes] == [False, True]


def test_both_languages_are_in_it_and_the_chosen_one_first():
    try:
        for language in ("en", "es"):
            set_language(language)
            page = page_of(squared())
            assert dict(page.tags)["html"]["lang"] == language
            assert page.data["texts"]["es"]["forward"] == "Siguiente"
            assert page.data["texts"]["en"]["forward"] == "Next"
            assert page.data["texts"][language]["heading"] in page.text["span"]
    finally:
        set_language("es")


def test_every_text_is_translated_with_the_same_blanks():
    texts = page_of(squared()).data["texts"]
    assert texts["es"].keys() == texts["en"].keys()
    for key, english in texts["en"].items():
        assert sorted(re.findall(r"\{\w+\}", english)) == sorted(
            re.findall(r"\{\w+\}", texts["es"][key])
        )
        assert english != texts["es"][key] or key == "grad"


def test_an_operand_that_stands_twice_says_which_it_is():
    x = Value(3.0, "x")
    frames = page_of(vsum([x * x, x.exp(), x])).data["right"]
    told = [f["which"] for f in frames if f["kind"] == "product"]
    assert sorted(filter(None, told)) == [["factor", 1], ["factor", 2]]
    frames = page_of(where(x > 0, x, x)).data["right"]
    assert {(f["kind"], *f["which"]) for f in frames if f.get("which")} >= {
        ("product", "operand", 2), ("none", "operand", 3)
    }  # fmt: skip


def test_in_a_notebook_it_stands_in_a_frame_of_its_own():
    first, second = (BackwardPass(squared())._repr_html_() for _ in range(2))
    frames = [a for t, a in Page(first + second).tags if t == "iframe"]
    assert len(frames) == 2
    assert frames[0]["srcdoc"].startswith("<!doctype html>")
    assert frames[0]["sandbox"] == "allow-scripts allow-modals"  # to print a worksheet
    assert 'id="' not in first.split("srcdoc")[0]
    assert Page(frames[0]["srcdoc"]).data["right"]


def test_in_a_notebook_a_large_pass_says_what_to_do():
    assert "limit=500" in BackwardPass(chain(600))._repr_html_()


# -- the worksheet ---------------------------------------------------------------------


def seen(markup: str) -> str:
    return unescape(re.sub(r"<[^>]*>", "", markup))


def sheet(root: Value, wrt: Value | None = None) -> tuple[str, str]:
    """What the worksheet of a page asks, and what its key answers."""
    page = stepping_page(ForwardPass(root, wrt) if wrt else BackwardPass(root))
    paper = page.split('<main id="paper"')[1].split("<footer")[0]
    asked, key = paper.split('<section class="key">')
    return seen(asked), seen(key)


def test_a_worksheet_asks_what_its_key_answers():
    a, b, c = Value(2.0, "a"), Value(3.0, "b"), Value(-4.0, "c")
    s = a * b
    s.label = "s"
    f = (s + c) ** 2
    asked, key = sheet(f)
    for text in ("f =(s+c)2", "s=a·b", "a = 2", "b = 3", "c = −4"):
        assert text in asked
    # by hand: s = 6, f = 2², ∂f/∂s = ∂f/∂c = 4, ∂f/∂a = 4b, ∂f/∂b = 4a
    for name, answer in {"f": "4", "∂f∂a": "12", "∂f∂b": "8", "∂f∂c": "4"}.items():
        assert f"{name} = …………" in asked
        assert f"{name} = {answer}" in key
    assert not re.search(r"\b(12|8)\b", asked)


def test_the_worksheet_of_a_forward_pass_asks_for_one_derivative():
    x, y = Value(3.0, "x"), Value(2.0, "y")
    asked, key = sheet(x * y + x, x)
    assert "f = …………" in asked
    assert "∂f∂x = …………" in asked
    assert "∂f∂y" not in asked
    assert "∂f∂x = 3" in key
    assert "tangentes" in asked


def test_no_worksheet_tells_its_answers():
    x = Value(1.25, "x")
    long = x
    for k in range(60):
        long = (long * Value(1.0 + k / 100, f"w{k}")).tanh()
    wide = sum((Value(k / 7, f"a{k}") * x for k in range(50)), Value(0.0, "z"))
    for root in (long, wide, Value(3.5, "x")):
        asked, key = sheet(root)
        value = re.search(r" = (\S+)", key)[1]
        assert value == number(root.data)
        assert value not in re.sub(r"\w+ = \S+", "", asked)


# -- the script ----------------------------------------------------------------

SOURCES = {name: source(room, name) for name, room in MODULES.items()}
IMPORT = re.compile(r'^import \{([^{}]*)\} from "\./([\w.]+)";$', re.MULTILINE)
DECLARED = re.compile(
    r"^(?:export )?(?:async )?(?:const|let|var|function\*?|class) (?:(\w+|\$)|[\[{]([^\]}]*)[\]}])",
    re.MULTILINE,
)


def declared(text: str) -> list[str]:
    """The names that a module declares at its top."""
    found = DECLARED.findall(text)
    return [name for one, many in found for name in ([one] if one else re.findall(r"\w+", many))]


def test_the_reader_of_modules_sees_their_names():
    text = (
        "const $ = 1;\nexport function f() {\n  const g = 2;\n}\nlet [, a, b] = f();\nclass C {}\n"
    )
    assert declared(text) == ["$", "f", "a", "b", "C"]


def test_no_two_modules_declare_one_name():
    names = [name for text in SOURCES.values() for name in declared(text)]
    assert len(names) > 30
    assert sorted(names) == sorted(set(names))


def test_modules_import_what_stands_before_them_under_its_own_name():
    for k, (name, text) in enumerate(SOURCES.items()):
        imports = IMPORT.findall(text)
        assert len(imports) == len(re.findall(r"^import\b", text, re.MULTILINE)), name
        for names, other in imports:
            assert other in list(MODULES)[:k]
            exported = re.findall(r"^export (?:const|function) (\w+)", SOURCES[other], re.MULTILINE)
            assert {n.strip() for n in names.split(",") if n.strip()} <= set(exported)


def test_every_module_is_in_the_page_and_nothing_is_left_to_ask_for():
    folder = Path(page_module.__file__).with_name("templates")
    own = [name for name, room in MODULES.items() if room == "stepping"]
    assert sorted(own) == sorted(path.name for path in folder.glob("*.js"))
    script = Page(stepping_page(BackwardPass(squared()))).text["script"]
    assert not re.search(r"^\s*(import|export)\b", script, re.MULTILINE)
    for text in SOURCES.values():
        assert text.splitlines()[-1] in script


# -- forward mode -----------------------------------------------------------------------


def test_the_page_of_a_forward_pass_tells_its_events(tmp_path):
    x, y = Value(3.0, "x"), Value(2.0, "y")
    f = x * y + x
    steps = ForwardPass(f, x)
    data = Page(stepping_page(steps)).data
    assert data["ahead"]
    assert [n["grad"] for n in data["nodes"]] == [number(v) for v in steps.at(4).values()]
    kinds = [frame["kind"] for frame in data["right"]]
    assert kinds == ["start", "forward", "forward", "seed", "product", "none", "product",
                     "product", "sum"]  # fmt: skip
    ends = [(frame["from"], frame["to"]) for frame in data["right"] if "from" in frame]
    assert all(data["nodes"][to]["parents"] for _, to in ends)
    assert data["wrong"] is None
    path = tmp_path / "page.html"
    steps.save_html(path)
    assert path.read_text("utf-8") == stepping_page(steps)
    assert "srcdoc" in steps._repr_html_()
    with pytest.raises(ValueError, match="limit"):
        steps.save_html(path, limit=3)


def test_a_long_sum_of_a_forward_pass_is_one_node():
    a, b, c, d = (Value(float(k), "abcd"[k]) for k in range(4))
    f = (a + b + c + d) * a
    data = Page(stepping_page(ForwardPass(f, a))).data
    assert max(len(n["parents"]) for n in data["nodes"]) == 4
    assert data["nodes"][data["root"]]["grad"] == "6"


def test_a_constant_exponent_that_bears_a_name_takes_no_gradient():
    x = Value(3.0, "x")
    y = x**2
    y.parents[1].label = "n"
    data = page_of(y).data
    (frame,) = [frame for frame in data["right"] if frame["kind"] == "none"]
    assert (frame["why"], frame["arrives"]) == ("constant", False)
    assert all("say_constant" in texts for texts in data["texts"].values())
    assert [n["grad"] for n in data["nodes"] if n["name"] == "n"] == ["—"]
