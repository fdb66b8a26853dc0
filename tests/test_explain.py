"""Paths against an enumeration of them, and explanations against what the notes write."""

import math
import random
import re
import xml.etree.ElementTree as ET
from collections import Counter

import pytest

from micrograd_es import (
    MLP,
    Value,
    custom,
    explain,
    grad,
    maximum,
    set_language,
    sum_squares,
    vsum,
    where,
)  # fmt: skip
from micrograd_es.base.languages import get_language, speaking
from micrograd_es.engine.graph import topological_order
from micrograd_es.expression import parse
from micrograd_es.formulas.nodes import invented_names


@pytest.fixture(autouse=True)
def _spanish():
    before = get_language()
    set_language("es")
    yield
    set_language(before)


def network(**options):
    model = MLP(2, [2, 2], activation="sigmoid", output="sigmoid", seed=4)
    C = sum_squares(model([0.7, -0.4]), [0.0, 1.0])
    C.backward()
    return model, C


def labels(path):
    return [s.label for s in path.stations]


@pytest.mark.parametrize("named", [True, False])
def test_a_node_is_called_the_same_whoever_else_is_asked_for(named):
    _model, C = network()
    nodes = topological_order(C)[::-1]
    for node in nodes[:: 3 if named else 1]:
        node.label = ""
    everything = invented_names(nodes)
    assert everything
    for node in nodes:
        assert invented_names(nodes, [node]).get(node) == everything.get(node)


# -- an operand that stands twice ------------------------------------------------------


def test_each_factor_of_a_square_has_a_partial_of_its_own():
    x = Value(3.0, "x")
    square = x * x
    square.label = "v"
    f = square * 2
    f.label = "f"
    f.backward()
    told = explain(f, x).text
    assert told.splitlines()[:3] == [
        "∂f/∂x = p₁ + p₂", "p₁ = ∂f/∂v · ∂v/∂x (factor n.º 1)", "   = 2 · x"
    ]  # fmt: skip
    assert "p₂ = ∂f/∂v · ∂v/∂x (factor n.º 2)" in told
    assert told.endswith("= 6 + 6\n      = 12")
    assert explain(square, x).text.splitlines()[1:4] == [
        "p₁ = ∂v/∂x (factor n.º 1)", "   = x", "   = 3"
    ]  # fmt: skip
    with speaking("en"):
        assert r"\frac{\partial v}{\partial x}\text{ (factor 2)}" in explain(f, x).latex
        assert "(factor 2)" in explain(f, x).html
        terms = explain(vsum([x, 1.0, x]), x).text
        assert "p₂ = ∂f/∂x (operand 3)" in terms
    assert "factor" not in explain(x * 2 + x, x).text


# -- the notes' network ---------------------------------------------------------------


def test_a_weight_of_the_first_layer_has_the_notes_five_factors_and_the_path_they_forgot():
    model, C = network()
    w = model.layers[0].neurons[1].w[0]
    explanation = explain(C, w)
    assert explanation.path_count == len(explanation.paths) == 2
    path = next(p for p in explanation.paths if p.stations[1].label == "y⁽²⁾")
    assert labels(path) == ["C", "y⁽²⁾", "z₍₂₎⁽²⁾", "a₍₁₎⁽²⁾", "z₍₁₎⁽²⁾", "w₍₁₎⁽²·¹⁾"]
    v = {s.label: s.data for s in path.stations}

    def slope(z):
        return math.exp(-z) / (1 + math.exp(-z)) ** 2

    by_hand = (
        2 * (v["y⁽²⁾"] - 1), slope(v["z₍₂₎⁽²⁾"]), model.layers[1].neurons[1].w[1].data,
        slope(v["z₍₁₎⁽²⁾"]), 0.7,
    )  # fmt: skip
    assert path.factors == pytest.approx(by_hand, rel=1e-12)
    assert path.product == pytest.approx(math.prod(by_hand), rel=1e-12)
    assert "2(y⁽²⁾ − ŷ⁽²⁾) · σ'(z₍₂₎⁽²⁾) · w₍₂₎⁽²·²⁾ · σ'(z₍₁₎⁽²⁾) · x⁽¹⁾" in explanation.text
    assert (
        "∂C/∂y⁽²⁾ · ∂y⁽²⁾/∂z₍₂₎⁽²⁾ · ∂z₍₂₎⁽²⁾/∂a₍₁₎⁽²⁾ · ∂a₍₁₎⁽²⁾/∂z₍₁₎⁽²⁾ · ∂z₍₁₎⁽²⁾/∂w₍₁₎⁽²·¹⁾"
        in explanation.text
    )


def test_latex_has_the_notes_symbols():
    model, C = network()
    latex = explain(C, model.layers[1].neurons[1].w[0]).latex
    first, second, *_ = latex.splitlines()[1:]
    assert first == (
        r"\frac{\partial C}{\partial w_{(2)}^{(2,1)}} &= \frac{\partial C}{\partial y^{(2)}}"
        r" \cdot \frac{\partial y^{(2)}}{\partial z_{(2)}^{(2)}}"
        r" \cdot \frac{\partial z_{(2)}^{(2)}}{\partial w_{(2)}^{(2,1)}} \\"
    )
    assert second == (
        r" &= 2\left(y^{(2)} - \hat{y}^{(2)}\right) \cdot \sigma'(z_{(2)}^{(2)})"
        r" \cdot a_{(1)}^{(1)} \\"
    )


def test_text_goes_from_partials_to_symbols_to_numbers_to_the_result():
    z = Value(1.5, label="z")
    a = z.tanh()
    a.label = "a"
    C = (a - 1) ** 2
    C.label = "C"
    C.backward()
    a_text, slope = f"{a.data:.4g}", f"{1 - a.data**2:.4g}"
    assert explain(C, z).text.splitlines() == [
        "∂C/∂z = ∂C/∂a · ∂a/∂z",
        "      = 2(a − 1) · tanh'(z)",
        f"      = 2({a_text} − 1) · tanh'(1.5)",
        f"      = −{abs(2 * (a.data - 1)):.4g} · {slope}",
        f"      = −{abs(z.grad):.4g}",
    ]


def test_all_three_forms_show_every_path_and_the_sum():
    model, C = network()
    explanation = explain(C, model.layers[0].neurons[0].w[1])
    total = f"{explanation.total:.4g}".replace("-", "−")
    assert explanation.text.rstrip().endswith(total)
    root = ET.fromstring(explanation.html)
    shown = "".join(root.itertext())
    assert total in shown
    assert len(root.findall(".//tr")) == 2 + 1 + 5 * 2
    assert explanation._repr_html_() == explanation.html
    assert explanation._repr_latex_() == f"$\\displaystyle {explanation.latex}$"
    assert "http" not in explanation.html.replace("http://www.w3.org/1998/Math/MathML", "")


# -- paths ----------------------------------------------------------------------------


OPERATIONS = [
    lambda a, b: a + b, lambda a, b: a * b, lambda a, b: a - b, lambda a, b: a.tanh(),
    lambda a, b: a * a, lambda a, b: a.relu(), lambda a, b: maximum(a, b),
    lambda a, b: vsum([a, b, a]), lambda a, b: custom(math.sin, math.cos, a),
]  # fmt: skip


def random_graph(rng, labelled):
    leaves = [Value(rng.uniform(-2, 2), label=f"x{i}") for i in range(3)]
    nodes = list(leaves)
    for n in range(rng.randrange(4, 14)):
        a, b = rng.choice(nodes[-5:]), rng.choice(nodes)
        node = rng.choice(OPERATIONS)(a, b)
        if rng.random() < labelled:
            node.label = f"n{n}"
        nodes.append(node)
    nodes[-1].label = "root"
    return nodes[-1], leaves[rng.randrange(3)]


def products_by_enumeration(root, wrt):
    """Every path through every edge: its named stations, and its product."""
    todo = [(root, (root,), (), 1.0)]
    while todo:
        node, stations, key, product = todo.pop()
        if node is wrt:
            yield key, product
            continue
        for i, (parent, partial) in enumerate(zip(node.parents, node.partials)):
            station = parent.label or parent is wrt
            if not station:
                step = (id(node), "through") if stations[-1] is node else ()
                more = (*key, *([] if not step else ["…"]))
            elif stations[-1] is node:  # an edge between two stations is itself
                more = (*key, (id(parent), i))
            else:
                more = (*key, (id(parent), "collapsed"))
            passed = product * (partial or 0.0)
            todo.append((parent, (*stations, parent) if station else stations, more, passed))


@pytest.mark.parametrize("seed", range(60))
def test_paths_on_random_graphs(seed):
    rng = random.Random(seed)
    root, wrt = random_graph(rng, rng.choice([0.0, 0.3, 0.7, 1.0]))
    expected = Counter()
    for key, product in products_by_enumeration(root, wrt):
        expected[tuple(k for k in key if k != "…")] += product
    k = rng.choice([1, 3, 10])
    explanation = explain(root, wrt, k=k)
    assert explanation.path_count == len(expected)
    assert len(explanation.paths) == min(k, len(expected))
    wanted = sorted((abs(p) for p in expected.values()), reverse=True)[:k]
    assert [abs(p.product) for p in explanation.paths] == pytest.approx(wanted, rel=1e-9, abs=1e-12)
    assert explanation.total == grad(root, wrt)
    listed = math.fsum(p.product for p in explanation.paths)
    assert listed + explanation.remainder == pytest.approx(explanation.total, rel=1e-12, abs=1e-12)
    if len(expected) <= k:
        scale = sum(abs(p) for p in expected.values())
        assert abs(explanation.remainder) <= 1e-12 * max(1.0, scale)
    assert explanation.text
    assert explanation.latex.startswith("\\begin{aligned}")
    ET.fromstring(explanation.html)


def test_without_labels_every_node_is_a_station():
    x = Value(3.0)
    y = x * x + x.sin()
    explanation = explain(y, x)
    assert explanation.path_count == 3
    assert sorted(len(p.factors) for p in explanation.paths) == [2, 2, 2]
    assert explanation.total == pytest.approx(6 + math.cos(3))


def test_a_label_that_no_path_meets_makes_no_stations():
    x = Value(3.0)
    limit = 2 * x
    limit.label = "limit"  # only the condition has to do with it
    z = where(limit > 1, x * x, x.sin())
    assert sorted(p.product for p in explain(z, x).paths) == [0.0, 3.0, 3.0]


def test_parallel_edges_are_two_paths_and_nameless_operations_none():
    x = Value(3.0, label="x")
    y = x * x
    y.label = "y"
    assert explain(y, x).path_count == 2
    z = (x.exp() + x.sin()) * 2
    z.label = "z"
    (path,) = explain(z, x).paths
    assert path.product == pytest.approx(2 * (math.exp(3) + math.cos(3)))
    assert "2(e^x + cos(x))" in explain(z, x).text or "2e^x + 2cos(x)" in explain(z, x).text


def test_more_paths_than_anyone_could_list():
    x = Value(1.0, label="x")
    y = x
    for i in range(300):
        y = y + y if i % 2 else y * 0.5
        y.label = f"y{i}"
    explanation = explain(y, x, k=4)
    assert explanation.path_count == 2**150
    assert len(explanation.paths) == 4
    assert explanation.total == 1.0
    assert re.search(r"R = 1\s+\(1\.43e45 caminos más\)", explanation.text)


@pytest.mark.parametrize("labelled", [True, False])
def test_a_graph_of_a_hundred_thousand_nodes(labelled):
    x = Value(0.5, label="x" if labelled else "")
    y = x
    for i in range(33_000):
        y = y.sin() + y
        y = y * 0.5 if abs(y.data) > 1 else y
        if labelled:
            y.label = f"y{i}"
    explanation = explain(y, x, k=3)
    assert len(explanation.paths) == 3
    assert len(explanation.text) < 5000
    assert explanation.total == grad(y, x)


def test_the_variable_itself():
    x = Value(3.0, label="x")
    explanation = explain(x, x)
    assert (explanation.total, explanation.path_count, explanation.paths[0].factors) == (1.0, 1, ())
    assert explanation.text.startswith("∂x/∂x = 1")


def test_a_derivative_with_respect_to_a_node_inside_stops_there():
    model, C = network()
    z = next(
        s for s in explain(C, model.layers[0].neurons[0].b).paths[0].stations if "z₍₁₎" in s.label
    )
    explanation = explain(C, z)
    assert explanation.path_count == 2
    assert explanation.total == pytest.approx(z.grad)


def test_a_branch_not_taken_makes_a_product_zero_even_beside_infinity():
    x = Value(0.0, label="x")
    r = x.sqrt()  # its derivative is infinite
    r.label = "r"
    y = where(x > 0, r, 2 * x)
    y.label = "y"
    explanation = explain(y, x)
    assert explanation.total == 2.0
    assert sorted(p.product for p in explanation.paths) == [0.0, 2.0]


@pytest.mark.parametrize("k", [0, -1, True, 2.5, "3"])
def test_k_is_a_positive_integer(k):
    x = Value(1.0)
    with pytest.raises((ValueError, TypeError)):
        explain(x, x, k=k)


def test_only_values_are_explained():
    with pytest.raises(TypeError, match="float"):
        explain(1.0, Value(1.0))


# -- why it is zero -------------------------------------------------------------------


def test_why_not_connected():
    x, q = Value(1.0, label="x"), Value(1.0, label="q")
    explanation = explain(x * 2, q)
    assert explanation.path_count == 0
    assert explanation.paths == ()
    assert explanation.why == "0: q no está conectado con f"


def test_why_a_dead_relu():
    x = Value(-3.0, label="x")
    z = x * 2
    z.label = "z"
    y = z.relu() * 3
    y.backward()
    assert "relu(z)" in explain(y, x).why
    assert "z = −6" in explain(y, x).why
    assert explain(y, x).path_count == 1


def test_why_a_factor_of_zero():
    w, x = Value(2.0, label="w"), Value(0.0, label="x")
    z = w * x
    z.label = "z"
    C = (z - 1) ** 2
    C.label = "C"
    C.backward()
    assert "∂z/∂w = x = 0" in explain(C, w).why


@pytest.mark.parametrize(
    ("f", "why"),
    [
        ("0*x", "0 porque x se multiplica por 0"),
        ("0*sin(x) + 1", "0 porque sin(x) se multiplica por 0"),
        ("x**0", "0 porque f no cambia, a primer orden, cuando cambia x"),
    ],
)
def test_the_reason_for_a_zero_is_not_that_it_is_zero(f, why):
    y, names = parse(f, {"x": 3.0})
    assert explain(y, names["x"]).why == why


def test_why_not_computed_yet():
    x = Value(2.0, label="x")
    y = x**3
    assert "backward()" in explain(y, x).why
    y.backward()
    assert explain(y, x).why == ""


def test_why_the_paths_cancel():
    x = Value(2.0, label="x")
    a, b = x * 3, x * -3
    a.label, b.label = "a", "b"
    y = a + b
    y.backward()
    assert "cancelan" in explain(y, x).why


def test_why_nameless_paths_cancel():
    x = Value(2.0, label="x")
    assert "cancelan" in explain(x.sin() - x.sin(), x).why


def test_why_a_product_is_too_small():
    x = Value(2.0, label="x")
    assert "demasiado pequeño" in explain(x * 1e-200 * 1e-200, x).why


def test_why_only_a_condition():
    x, y = Value(2.0, label="x"), Value(1.0, label="y")
    z = where(x > 0, y, 3 * y)
    z.label = "z"
    assert "no pasa ninguna derivada" in explain(z, x).why


def test_a_hostile_label_is_text():
    x = Value(2.0, label="</script><script>alert(1)</script>")
    y = (x * 3).tanh()
    y.label = "<b>"
    html = explain(y, x).html
    assert "<script" not in html
    assert "<b>" not in html


def test_english():
    x, q = Value(1.0, label="x"), Value(1.0, label="q")
    with speaking("en"):
        assert explain(x * 2, q).why == "0: q is not connected to f"


def test_a_partial_too_long_to_write_says_so():
    x = Value(0.3, label="x")
    y = x
    for _ in range(60):
        y = y * 0.5 + y.sin()
    y.backward()
    assert "ponles nombre a los nodos intermedios" in explain(y, x).text


# -- what has to be said beside a derivative --------------------------------------------


def told(f, wrt):
    f.backward()
    return explain(f, wrt).text


def test_what_has_no_value_has_no_derivative():
    x, y = Value(-1.0, "x"), Value(2.0, "y")
    f = (x * y).log() * y
    text = told(f, x)
    assert text.splitlines()[0] == "∂f/∂x = —"
    assert "f no tiene valor aquí: ln((−1) · 2) no es un número real. Por eso tampoco" in text
    assert r"&= \text{—}" in explain(f, x).latex
    assert "no tiene valor" in explain(f, x).html
    assert math.isnan(f.data)
    assert explain(f, x).total == x.grad  # IEEE's number, as in PyTorch
    with speaking("en"):
        assert "f has no value here" in explain(f, y).text
    assert "no tiene valor" not in told(where(x > 0, x.log(), x), x)


def test_what_is_not_finite_says_so():
    x = Value(0.0, "x")
    assert "f no tiene un valor finito aquí: ln(0) = −∞." in told(x.log(), x)
    assert "finita" not in told(x.exp(), x)


def test_a_tie_says_that_it_is_halved():
    a, b, c = Value(1.0, "a"), Value(1.0, "b"), Value(3.0, "c")
    said = "a y b empatan en max(a, b): por convenio, a cada uno le toca la mitad del gradiente."
    f = maximum(a, b) * 2 + c
    assert told(f, a).splitlines()[-1] == said
    assert said not in told(f, c)
    assert "empatan" not in told(maximum(a, c), a)
    assert "empatan" not in told(maximum(a, a), a)
    with speaking("en"):
        assert "a and b tie in max(a, b)" in told(maximum(a, b), b)


@pytest.mark.parametrize(
    ("corner", "written"), [(abs, "|x|"), (Value.relu, "relu(x)"), (Value.floor, None)]
)
def test_a_corner_says_that_its_derivative_is_a_convention(corner, written):
    x = Value(0.0, "x")
    said = f"{written} tiene aquí un punto anguloso; por convenio, su derivada es 0."
    assert (said in told(corner(x) * 2, x)) == (written is not None)
    assert corner is Value.floor or "rama" not in told(corner(x) * 2, x)
    x.label = "y"
    assert "anguloso" not in told(corner(Value(0.5) + x), x)
