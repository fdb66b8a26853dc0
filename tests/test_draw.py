import copy
import math
import os
import pickle
import re
import subprocess
import sys
import xml.etree.ElementTree as ET

import graphviz
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from micrograd_es import RendererMissingError, Value, custom, draw_graph, vsum, where
from micrograd_es.engine.graph import topological_order
from micrograd_es.engine.value import as_value
from micrograd_es.formulas.notation import number, short, shown
from micrograd_es.pictures.dot import Graph
from micrograd_es.pictures.look import html

SVG = "{http://www.w3.org/2000/svg}"


def small():
    a, b = Value(2.0, label="a"), Value(-3.0, label="b")
    c = a * b + a
    c.label = "c"
    return a, b, c


def elements(svg, id):
    return [e for e in ET.fromstring(svg).iter() if e.get("id") == id]


def texts(svg, id):
    (element,) = elements(svg, id)
    return [t.text for t in element.iter(f"{SVG}text")]


# -- what is drawn -----------------------------------------------------------------


def test_it_is_a_digraph_from_left_to_right():
    graph = draw_graph(small()[2])
    assert isinstance(graph, graphviz.Digraph)
    assert "rankdir=LR" in graph.source


def test_a_value_shows_name_data_and_grad():
    _, b, c = small()
    c.backward()
    svg = draw_graph(c).svg()
    assert texts(svg, "n3") == ["c", "valor", "grad", "−4", "1"]
    assert texts(svg, "n1")[0] == "b" or texts(svg, "n0")[0] == "b"
    assert b.grad == 2.0


def test_an_operation_stands_in_a_node_of_its_own():
    svg = draw_graph(small()[2]).svg()
    assert texts(svg, "o2") == ["×"]
    assert texts(svg, "o3") == ["+"]
    assert not elements(svg, "o0")


def test_a_plain_number_stands_at_its_edge_and_has_no_gradient():
    x = Value(3.0, "x")
    f = 2 * x**4
    f.backward()
    svg = draw_graph(f).svg()
    order = topological_order(f)[::-1]
    numbers = [i for i, node in enumerate(order) if node.data in (2.0, 4.0)]
    assert sorted(texts(svg, f"c{i}") for i in numbers) == [["2"], ["4"]]
    assert not any(elements(svg, f"n{i}") for i in numbers)
    assert len(ET.fromstring(svg).findall(f".//{SVG}g[@class='edge']")) == 6
    # the same number, where somebody asks for its gradient
    for two in (Value(2.0), Value(2.0, "k")):
        svg = draw_graph(two * x).svg()
        assert "2" in texts(svg, f"n{topological_order(two * x)[::-1].index(two)}")
    assert "n0" in draw_graph(as_value(2.0)).source


def test_a_copy_of_a_graph_shows_its_numbers_so_too():
    f = 2 * Value(3.0, "x") ** 4
    again = pickle.loads(pickle.dumps(f)), copy.deepcopy(f)
    assert {draw_graph(g).source for g in again} == {draw_graph(f).source}


def test_a_node_without_a_label_is_called_by_what_it_is():
    a, b, c = Value(1.0, "a"), Value(2.0, "b"), Value(3.0, "c")
    svg = draw_graph(2 * (a * b + c) ** 2).svg()
    names = [t.text for t in ET.fromstring(svg).iter(f"{SVG}text")]
    assert {"a·b", "a·b + c", "(a·b + c)²", "f"} <= set(names)


def test_a_long_sum_is_one_sigma():
    xs = [Value(float(k), f"x{k}") for k in range(1, 6)]
    total = sum(xs) * 2
    total.backward()
    svg = draw_graph(total).svg()
    drawn = [e.get("id", "") for e in ET.fromstring(svg).iter()]
    assert sorted(texts(svg, id)[0] for id in drawn if re.fullmatch(r"o\d+", id)) == ["×", "Σ"]
    assert svg.count('class="edge"') == (5 + 1) + (2 + 1)
    u = topological_order(total)[1]
    assert ["u₁", "valor", "grad", "15", "2"] in [texts(svg, i) for i in drawn if i[:1] == "n"]
    assert (u.data, u.grad) == (15.0, 2.0)
    half = xs[0] + xs[1]  # that somebody asks for, and so it stays
    half.label = "h"
    assert draw_graph(half + xs[2] + xs[3]).source.count("shape=circle") == 3


def test_drawing_changes_nothing_in_the_graph():
    xs = [Value(float(k), f"x{k}") for k in range(1, 6)]
    root = (sum(xs) * 2).tanh()
    before = [(n, n.parents, n.grad, n.label) for n in topological_order(root)]
    draw_graph(root).svg()
    assert [(n, n.parents, n.grad, n.label) for n in topological_order(root)] == before


def test_every_edge_has_its_id_and_parallel_edges_stay_two():
    x = Value(3.0, label="x")
    svg = draw_graph(x * x).svg()
    for id in "e1_0", "e1_1", "r1":
        assert len(elements(svg, id)) == 1
    assert len(elements(svg, "e1_2")) == 0


def test_a_gradient_that_is_not_computed_yet_is_a_dash_and_never_0():
    svg = draw_graph(small()[2]).svg()
    assert [texts(svg, f"n{i}")[-1] for i in range(4)] == ["—"] * 4


def test_a_gradient_of_0_is_0_once_it_is_computed():
    x, dead = Value(2.0), Value(-1.0)
    y = x * dead.relu()
    y.backward()
    grads = [texts(draw_graph(y).svg(), f"n{i}")[-1] for i in range(4)]
    assert "—" not in grads
    assert sorted(grads) == ["0", "0", "1", "2"]


def test_gradients_left_from_another_pass_are_shown_as_what_they_are():
    a, _, c = small()
    c.backward()
    other = a * Value(5.0)
    svg = draw_graph(other).svg()
    assert sorted(texts(svg, f"n{i}")[-1] for i in range(3)) == ["—", "—", "−2"]


def test_a_branch_that_is_not_taken_is_dashed():
    x = Value(1.0, label="x")
    source = draw_graph(where(x > 0, x, 2 * x)).source
    assert source.count("style=dashed") >= 1
    assert "style=dashed" not in draw_graph(x * x).source


def test_a_users_own_operation_is_named():
    def twice_as_much(x):
        return 2 * x

    x = Value(1.0)
    y = custom(twice_as_much, lambda x: 2.0, x)
    assert texts(draw_graph(y).svg(), "o1") == [y.op]


def test_pointing_at_a_node_tells_everything():
    long = "x" * 10_000
    graph = draw_graph(Value(0.1 + 0.2, label=long))
    assert "…" in texts(graph.svg(), "n0")[0]
    (element,) = elements(graph.svg(), "n0")
    title = element.find(f"{SVG}title").text
    assert long in title
    assert "0.30000000000000004" in title


def test_numbers_of_any_size_are_drawn():
    y = vsum([Value(float("nan")), Value(float("inf")), Value(1e-300)])
    svg = draw_graph(y).svg()
    assert {texts(svg, f"n{i}")[-2] for i in range(4)} == {"nan", "∞", "1e−300"}


def test_past_the_limit_a_clear_message_names_the_folding():
    x = Value(1.0)
    for _ in range(30):
        x = x * 1.5
    with pytest.raises(ValueError, match=r"61 nodes is beyond limit=60.*fold="):
        draw_graph(x, limit=60)
    assert "n60" in draw_graph(x, limit=61).source


def test_a_weight_used_at_many_steps_is_drawn_with_straight_edges():
    """Graphviz needs minutes to lead a hundred long curves around the boxes in between."""
    w, x = Value(0.9, label="w"), Value(0.5)
    for _ in range(20):
        x = (w * x).tanh()
    assert "splines" not in draw_graph(x).source
    for _ in range(80):
        x = (w * x).tanh()
    svg = draw_graph(x).svg()
    assert svg.count('class="edge"') == 100 * 5
    (edge,) = elements(svg, "e150_0")  # from w, far away
    (path,) = edge.iter(f"{SVG}path")
    assert path.get("d").count(",") == 4


def test_a_chain_of_100_000_nodes_is_refused_at_once():
    x = Value(1.0)
    for _ in range(100_000):
        x = x.sin()
    with pytest.raises(ValueError, match="100001 nodes"):
        draw_graph(x)


def test_thousands_of_nodes_can_be_drawn():
    x = Value(1.0)
    for _ in range(1000):
        x = x * 0.5
    assert draw_graph(x, limit=3000).svg().count("<g id=") > 4000


def test_only_values_are_drawn():
    with pytest.raises(TypeError, match="of a Value, not of float"):
        draw_graph(1.0)


# -- labels are text ---------------------------------------------------------------

WILD = [
    "{a|b|<c>}", "<b>bold</b>", 'say "x"', "a & b", "&lt;", "&#65;", "a:b", "\\N \\G \\l \\n", "\\",
    "\n", "a\tb", "<script>alert(1)</script>", "</script><script>alert(1)</script>", "]]>", "-->",
    "\x00\x07\x1b", "\ufffe\uffff", "\ud800", "\u202egnp.exe", "w₍₁₎⁽²·¹⁾", "😀", "  two  spaces  ",
    "\u00a0", "%s {0}", "</text>", "é" * 500,
]  # fmt: skip


def check_label(label):
    graph = draw_graph(Value(1.0, label=label) + 1)
    svg = graph.svg()
    root = ET.fromstring(svg)
    drawn = [t.text for t in root.iter(f"{SVG}text")]
    assert short(label) in drawn, (label, drawn)
    assert {e.tag.removeprefix(SVG) for e in root.iter()} <= {
        "svg", "g", "title", "polygon", "path", "ellipse", "text"
    }  # fmt: skip
    attributes = {key for e in root.iter() for key in e.attrib}
    assert not any("href" in key or key.startswith("on") for key in attributes)
    assert "<!" not in svg
    titles = [t.text for t in root.iter(f"{SVG}title")]
    assert any(shown(label) in title for title in titles)


@pytest.mark.parametrize("label", WILD)
def test_labels_come_out_as_the_text_that_they_are(label):
    check_label(label)


@settings(max_examples=150, deadline=None)
@given(st.text(min_size=1, max_size=40) | st.text('\\&<>"{}|;#xNGlE \n', min_size=1, max_size=12))
@example("&amp;amp;")
def test_any_label_is_text(label):
    check_label(label)


@settings(max_examples=300, deadline=None)
@given(st.characters(exclude_categories=()))
def test_every_character_can_be_in_xml(c):
    assert ET.fromstring(f"<t>{html(c)}</t>").text.replace("\\\\", "\\") == shown(c)


def test_what_can_be_seen_stays():
    assert shown("aé\u202e😀 &<>") == "aé\u202e😀 &<>"
    assert shown("\t\n\x7f\ud800\ufffe") == "␉␊␡��"


# -- renderers ----------------------------------------------------------------------


def test_formats(tmp_path):
    graph = draw_graph(small()[2])
    for format, start in (("svg", b"<svg"), ("png", b"\x89PNG"), ("pdf", b"%PDF"),
                          ("dot", b"digraph"), ("gv", b"digraph")):  # fmt: skip
        assert graph.pipe(format).startswith(start)
        path = graph.render(outfile=tmp_path / f"picture.{format}", cleanup=True)
        with open(path, "rb") as file:
            assert file.read() == graph.pipe(format)
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "picture.dot", "picture.gv", "picture.pdf", "picture.png", "picture.svg"
    ]  # fmt: skip


def test_render_leaves_the_source_beside_it_as_graphviz_does(tmp_path):
    graph = draw_graph(small()[2])
    path = graph.render("picture", tmp_path, format="svg")
    assert path == str(tmp_path / "picture.svg")
    assert (tmp_path / "picture").read_text("utf-8") == graph.source
    graph.render(outfile=tmp_path / "again.svg")
    assert (tmp_path / "again.gv").is_file()


def test_render_takes_what_graphviz_takes(tmp_path, monkeypatch):
    graph, seen = draw_graph(small()[2]), []
    monkeypatch.setattr(graphviz, "view", seen.append)
    path = graph.render(outfile=tmp_path / "p.svg", overwrite_source=True, quiet_view=True)
    assert seen == [path]
    with pytest.raises(graphviz.FileExistsError):
        graph.render(outfile=tmp_path / "p.svg", raise_if_result_exists=True)


def test_an_interrupted_write_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "picture.svg"
    path.write_text("old")

    def fails(*args):
        raise OSError("disk full")

    monkeypatch.setattr(os, "replace", fails)
    with pytest.raises(OSError, match="disk full"):
        draw_graph(small()[2]).render(outfile=path)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.fixture
def without_dot(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))


@pytest.fixture
def without_pygraphviz(monkeypatch):
    monkeypatch.setitem(sys.modules, "pygraphviz", None)


def test_without_the_dot_program_pygraphviz_draws(without_dot):
    assert texts(draw_graph(small()[2]).svg(), "o3") == ["+"]


@pytest.mark.skipif(sys.platform == "win32", reason="the stand-in is a shell script")
def test_the_dot_program_draws_where_it_is(monkeypatch, tmp_path, without_pygraphviz):
    dot = tmp_path / "dot"
    dot.write_text("#!/bin/sh\ncat > source.gv\necho '<?xml version=\"1.0\"?><!DOCTYPE svg>'\n"
                   "echo '<!-- generated --><svg>'\necho \"$@\"\necho '</svg>'\n")  # fmt: skip
    dot.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.chdir(tmp_path)
    graph = draw_graph(small()[2])
    assert graph.svg().split() == ["<svg>", "-Kdot", "-Tsvg", "</svg>"]
    assert (tmp_path / "source.gv").read_text("utf-8") == graph.source


def test_where_there_is_neither_the_error_says_what_to_install(
    without_dot, without_pygraphviz, tmp_path
):
    graph = draw_graph(small()[2])
    for draw in (graph.svg, lambda: graph.render(outfile=tmp_path / "p.svg")):
        with pytest.raises(RendererMissingError, match=r"pip install 'pygraphviz>=2'.*dot"):
            draw()
    assert list(tmp_path.iterdir()) == []
    assert graph.pipe("dot").decode() == graph.source
    assert "digraph" in graph._repr_mimebundle_()["text/plain"]


def test_an_unknown_format_is_a_value_error():
    with pytest.raises(ValueError, match="bmpx"):
        draw_graph(small()[2]).pipe("bmpx")


def test_nothing_is_said_on_stderr(capfd):
    draw_graph(small()[2]).svg()
    assert capfd.readouterr() == ("", "")


def test_drawing_needs_no_stderr():
    program = (
        "import os; os.close(2)\n"
        "from micrograd_es import Value, draw_graph\n"
        "print(draw_graph(Value(1.0)).svg().count('<svg'))"
    )
    done = subprocess.run([sys.executable, "-c", program], stdout=subprocess.PIPE, check=True)
    assert done.stdout.split() == [b"1"]


def test_a_copy_keeps_what_is_said():
    graph = draw_graph(small()[2])
    assert isinstance(graph.copy(), Graph)
    assert graph.copy().svg() == graph.svg()


# -- sameness -----------------------------------------------------------------------

PROGRAM = """
import hashlib
from micrograd_es import MLP, draw_graph, draw_network, mse
model = MLP(2, [3, 2], activation="tanh", seed=4)
C = mse([model([0.1, 0.2]), model([0.3, 0.4])], [[1.0, 0.0], [0.0, 1.0]])
C.backward()
graphs = [draw_graph(C), draw_graph(C, fold="neuron"), draw_network(model)]
print([hashlib.sha256(g.pipe(f)).hexdigest() for g in graphs for f in ("gv", "svg", "png", "pdf")])
"""


def test_the_same_graph_is_the_same_file_byte_for_byte_in_any_process():
    outputs = {
        subprocess.run(
            [sys.executable, "-c", PROGRAM], env=os.environ | {"PYTHONHASHSEED": seed},
            capture_output=True, text=True, check=True,
        ).stdout
        for seed in ("1", "2")
    }  # fmt: skip
    assert len(outputs) == 1
    assert len(set(eval(outputs.pop()))) == 12


def test_a_pdf_does_not_tell_the_time():
    dates = re.findall(rb"/CreationDate \((.*?)\)", draw_graph(small()[2]).pipe("pdf"))
    assert all(b"20000101" in date for date in dates)


# -- notebooks ----------------------------------------------------------------------


def test_a_value_shows_its_graph_in_a_notebook():
    c = small()[2]
    bundle = c._repr_mimebundle_()
    assert bundle["text/plain"] == repr(c)
    ET.fromstring(bundle["image/svg+xml"])
    assert " id=" not in bundle["image/svg+xml"]  # nothing to clash with another output


def test_ipython_takes_it():
    formatters = pytest.importorskip("IPython.core.formatters")
    for shown_object in (small()[2], draw_graph(small()[2])):
        bundle, _ = formatters.DisplayFormatter().format(shown_object)
        assert "<svg" in bundle["image/svg+xml"]


def test_a_value_without_a_renderer_shows_as_text(without_dot, without_pygraphviz):
    bundle = small()[2]._repr_mimebundle_()
    assert list(bundle) == ["text/plain"]
    assert "Value(" in bundle["text/plain"]
    assert "pygraphviz" in bundle["text/plain"]


def test_a_large_graph_shows_folded_or_as_text():
    from micrograd_es import MLP

    model = MLP(2, [8, 8, 1], seed=0)
    large = vsum([model([float(i), 1.0]) for i in range(8)])
    assert "capa 2" in large._repr_mimebundle_()["image/svg+xml"]
    plain = Value(1.0)
    for _ in range(600):
        plain = plain.sin()
    bundle = plain._repr_mimebundle_()
    assert list(bundle) == ["text/plain"]
    assert "beyond limit" in bundle["text/plain"]


def test_drawing_costs_nothing_until_it_is_used():
    program = (
        "import micrograd_es, sys\n"
        "print(sorted({'graphviz', 'pygraphviz', 'rich'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_a_constant_exponent_has_no_gradient_as_in_pages_and_the_terminal():
    x, n = Value(3.0, "x"), Value(2.0, "n")
    for root, id, drawn in (
        (x**2, "c0", ["2"]),
        (x**n, "n0", ["n", "valor", "grad", "2", number((x**n).data * math.log(3.0))]),
    ):
        root.backward()
        assert texts(draw_graph(root).svg(), id) == drawn
