import re
import xml.etree.ElementTree as ET

import pytest

from micrograd_es import MLP, Net, Value, draw_network
from micrograd_es.base.languages import speaking
from micrograd_es.formulas.notation import number

SVG = "{http://www.w3.org/2000/svg}"


def texts(graph):
    return [t.text for t in ET.fromstring(graph.svg()).iter(f"{SVG}text")]


def edges(graph):
    found = re.findall(r"^\tn(\d+)_(\d+) -> n(\d+)_(\d+) \[(.*)\]$", graph.source, re.MULTILINE)
    return {tuple(map(int, numbers)): line for *numbers, line in found}


def test_the_notes_network():
    net = Net(2, L=2, seed=1)
    net.W[1, 0, 0] = -0.25
    graph = draw_network(net)
    shown = texts(graph)
    for name in (
        "x⁽¹⁾",
        "x⁽²⁾",
        "a₍₁₎⁽¹⁾",
        "a₍₁₎⁽²⁾",
        "y⁽¹⁾",
        "y⁽²⁾",
        "entradas",
        "capa 2",
        "sigmoide",
    ):
        assert shown.count(name) >= 1
    assert "w₍₁₎⁽²·¹⁾ = −0.25" in shown
    assert f"w₍₂₎⁽¹·²⁾ = {number(net.W[0, 1, 1])}" in shown
    assert f"b₍₂₎⁽¹⁾ = {number(net.B[0, 1])}" in shown
    assert sum(text.startswith("w") for text in shown) == 8
    assert sum(text.startswith("b") for text in shown) == 4


def test_an_mlp():
    model = MLP(3, [2, 1], activation="tanh", seed=0)
    graph = draw_network(model)
    shown = texts(graph)
    w = model.layers[0].neurons[1].w[2]
    assert f"{w.label} = {number(w.data)}" in shown
    assert "tanh" in shown
    assert "lineal" in shown
    assert len(edges(graph)) == 3 * 2 + 2 * 1


def test_each_line_goes_from_the_neuron_its_weight_comes_from():
    model = MLP(3, [2], seed=0)
    lines = edges(draw_network(model))
    assert set(lines) == {(0, m, 1, n) for n in (1, 2) for m in (1, 2, 3)}


def test_sign_and_size_show_in_the_style():
    model = MLP(2, [1], seed=0)
    model.layers[0].neurons[0].w[0].data = -1.0
    model.layers[0].neurons[0].w[1].data = 2.0
    lines = edges(draw_network(model))
    negative, positive = lines[0, 1, 1, 1], lines[0, 2, 1, 1]
    assert "style=dashed" in negative
    assert "style=solid" in positive
    assert re.search(r'color="#\w+"', negative)[0] != re.search(r'color="#\w+"', positive)[0]
    width = [float(re.search(r"penwidth=([\d.]+)", line)[1]) for line in (negative, positive)]
    assert width == [2.0, 3.5]


@pytest.mark.parametrize("form", ["weighted-sum", "mean-input", "mean-output"])
def test_every_form_of_the_notes(form):
    net = Net(2, L=2, seed=1, form=form)
    shown = texts(draw_network(net))
    bias = {"mean-output": "b₍₁₎⁽¹·²⁾ = "}.get(form, "b₍₁₎⁽¹⁾ = ")
    weight = {"mean-input": "w₍₁₎⁽¹⁾ = "}.get(form, "w₍₁₎⁽¹·²⁾ = ")
    assert any(text.startswith(bias) for text in shown)
    assert any(text.startswith(weight) for text in shown)


def test_wide_layers_are_shortened_past_the_limit():
    model = MLP(64, [32, 10], seed=0)
    graph = draw_network(model)
    shown = texts(graph)
    assert "57 más" not in shown
    assert {"56 más", "24 más", "2 más", "x⁽⁶⁴⁾", "y⁽¹⁰⁾"} <= set(shown)
    assert "x⁽⁸⁾" not in shown
    assert len(edges(graph)) == 8 * 8 * 2
    assert len(edges(draw_network(model, limit=64))) == 64 * 32 + 32 * 10


def test_weights_of_large_networks_are_told_when_pointed_at():
    model = MLP(5, [5], seed=0)
    svg = draw_network(model).svg()
    w = model.layers[0].neurons[4].w[0]
    assert f"<title>{w.label} = {number(w.data)}</title>" in svg
    assert not any(text.startswith("w") for text in texts(draw_network(model)))


def boxes(graph):
    """Of each text its middle and half its width and height, as chromium's widest font has it."""
    for t in ET.fromstring(graph.svg()).iter(f"{SVG}text"):
        size = float(t.get("font-size"))
        wide = len(t.text) * size * 0.56
        x = float(t.get("x")) + (wide / 2 if t.get("text-anchor") == "start" else 0)
        yield t.text, x, float(t.get("y")), wide / 2, size / 2


@pytest.mark.parametrize("sizes", [(2, [2, 2]), (3, [3, 3]), (1, [3, 1]), (3, [1]), (64, [32, 10])])
def test_no_text_covers_another(sizes):
    all_of_them = list(boxes(draw_network(MLP(*sizes, seed=0))))
    for i, (a, x, y, w, h) in enumerate(all_of_them):
        for b, x2, y2, w2, h2 in all_of_them[:i]:
            assert abs(x - x2) >= w + w2 or abs(y - y2) >= h + h2, (a, b)


def curve(path):
    """Points along the cubic curves of an SVG path."""
    xy = [tuple(map(float, pair.split(","))) for pair in re.findall(r"-?[\d.]+,-?[\d.]+", path)]
    for k in range(0, len(xy) - 3, 3):
        for t in (i / 20 for i in range(21)):
            share = ((1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t**2 * (1 - t), t**3)
            yield tuple(sum(s * p[axis] for s, p in zip(share, xy[k : k + 4])) for axis in (0, 1))


@pytest.mark.parametrize("sizes", [(2, [2, 2]), (3, [3, 3]), (1, [3, 1]), (3, [1]), (64, [32, 10])])
@pytest.mark.parametrize("form", ["mlp", "mean-output"])
def test_no_line_goes_through_a_text_and_no_text_has_a_ground(sizes, form):
    model = MLP(*sizes, seed=0) if form == "mlp" else Net(sizes[0], L=2, seed=1, form=form)
    graph = draw_network(model)
    lines = [
        [*curve(path.get("d"))]
        for g in ET.fromstring(graph.svg()).iter(f"{SVG}g")
        for path in g.findall(f"{SVG}path")
        if g.get("class") == "edge"
    ]
    assert len(lines) == len(edges(graph))
    for text, x, y, w, h in boxes(graph):
        inside = h > 6  # the name of a neuron, in its circle
        for line in () if inside else lines:
            # y is where the text stands, and h half its height
            assert not any(abs(x - u) < w and abs(y - h - v) < h for u, v in line), text
    assert "BGCOLOR" not in graph.source


def test_a_key_stands_below():
    graph = draw_network(MLP(3, [2], seed=0))
    heights = {text: y for text, _, y, _, _ in boxes(graph)}
    keys = heights.pop("peso positivo"), heights.pop("peso negativo")
    lines = [heights.pop(text) for text in ("━━", "╍╍")]
    assert min(*keys, *lines) > max(heights.values()) + 10


def test_numbers_that_are_not_finite_are_drawn():
    model = MLP(2, [1], seed=0)
    model.layers[0].neurons[0].w[0].data = float("nan")
    model.layers[0].neurons[0].w[1].data = float("inf")
    assert {"w₍₁₎⁽¹·¹⁾ = nan", "w₍₁₎⁽¹·²⁾ = ∞"} <= set(texts(draw_network(model)))


def test_the_words_are_in_the_language_chosen():
    model = MLP(2, [2, 1], activation="sigmoid", seed=0)
    for language, words in (
        ("es", ["entradas", "capa 1", "sigmoide", "lineal"]),
        ("en", ["inputs", "layer 1", "sigmoid", "linear"]),
    ):
        with speaking(language):
            source = draw_network(model).source
        assert all(f">{word}<" in source for word in words)


def test_the_name_of_an_activation_is_text():
    def g(z):
        return z

    g.__name__ = "<script>&\\N"
    net = Net(1, g=g, d_g=lambda z: 1.0)
    assert "<script>&\\N" in texts(draw_network(net))


def test_only_networks_are_drawn():
    with pytest.raises(TypeError, match="an MLP or a Net, not Value"):
        draw_network(Value(1.0))
    with pytest.raises(ValueError, match="at least 2, not 1"):
        draw_network(MLP(1, [1]), limit=1)
