"""Pictures of a training: what they show, how they are saved, what they refuse."""

import xml.etree.ElementTree as ET

import numpy as np
import pytest

from micrograd_es import MLP, fit, hinge, plot_boundary, plot_costs, set_language
from micrograd_es.base.errors import RendererMissingError
from micrograd_es.data import moons
from micrograd_es.nn.history import History
from micrograd_es.pictures.still import still

X, Y = moons(20)
MODEL = MLP(2, [4, 1], "tanh", seed=0)


def texts(picture):
    root = ET.fromstring(picture.svg)
    return [e.text for e in root.iter("{http://www.w3.org/2000/svg}text")]


def lines(picture):
    root = ET.fromstring(picture.svg)
    return [
        e.get("points").split()
        for e in root.iter("{http://www.w3.org/2000/svg}polyline")
        if "halo" not in e.get("class")
    ]


def test_the_costs_of_a_training(tmp_path):
    model = MLP(2, [4, 1], "tanh", seed=0)
    history = fit(model, X, Y, hinge, epochs=7, held_out=(X, Y), progress=False)
    picture = plot_costs(history)
    assert [len(points) for points in lines(picture)] == [7, 7]
    assert {"de entrenamiento", "de prueba", "época"} <= set(texts(picture))
    assert history._repr_svg_() == picture._repr_svg_() == picture.svg
    picture.save(tmp_path / "costs.svg")
    assert (tmp_path / "costs.svg").read_text("utf-8") == picture.svg
    assert History()._repr_svg_() is None


def test_costs_that_reach_zero_are_shown_too():
    assert [len(points) for points in lines(plot_costs([2.0, 1.0, 0.0]))] == [3]
    assert [len(points) for points in lines(plot_costs([2.0, 1.0, -1.0]))] == [3]


def test_in_english():
    set_language("en")
    try:
        assert "epoch" in texts(plot_costs([1.0]))
    finally:
        set_language("es")


@pytest.mark.parametrize("low", [-1.0, 0.0])
def test_the_side_of_each_point(low):
    """A model that is its first input: the boundary is halfway between the classes."""
    model = MLP(2, [1], seed=0)
    for p, number in zip(model.parameters(), [1.0, 0.0, 0.0]):
        p.data = number
    points = np.array([[low, 0.0], [1.0, 2.0]])
    root = ET.fromstring(plot_boundary(model, points, points[:, 0]).svg)
    cells = next(g for g in root if g.get("class") == "cells")
    right = {c.get("class"): float(c.get("x")) + float(c.get("width")) for c in cells}
    left = {c.get("class"): float(c.get("x")) for c in reversed(cells)}
    frame = next(e for e in root if e.get("class") == "frame")
    middle = float(frame.get("x")) + float(frame.get("width")) / 2
    assert left["negative"] < middle < right["positive"]
    assert all(
        (float(c.get("x")) + float(c.get("width")) / 2 < middle) == (c.get("class") == "negative")
        for c in cells
    )


def test_two_scores():
    model = MLP(2, [2], seed=0)
    for p, number in zip(model.parameters(), [0.0, 0.0, 0.0, 1.0, 0.0, 0.0]):
        p.data = number
    one = MLP(2, [1], seed=0)
    for p, number in zip(one.parameters(), [0.5, 0.0, 0.0]):
        p.data = number
    labels = np.array([0, 1])
    points = np.array([[-1.0, 0.0], [1.0, 0.0]])
    found = plot_boundary(model, points, labels).svg
    expected = plot_boundary(one, points, 2 * labels - 1).svg
    assert "ŷ = 0" in found
    assert "ŷ = −1" in expected
    assert found.split('class="frame"')[0] == expected.split('class="frame"')[0]


@pytest.mark.parametrize(
    ("X", "y", "says"),
    [
        (X[:, :1], Y, r"shape \(n, 2\)"),
        (X, Y[:-1], r"shape \(20,\)"),
        (X, 2 * Y, "classes"),
        (X[:0], Y[:0], "above 0"),
    ],
)
def test_refuses(X, y, says):
    with pytest.raises(ValueError, match=says):
        plot_boundary(MODEL, X, y)


def test_refuses_more_outputs_and_no_costs():
    with pytest.raises(ValueError, match="one or two outputs"):
        plot_boundary(MLP(2, [3], seed=0), X, Y)
    with pytest.raises(ValueError, match="no costs"):
        plot_costs([])


@pytest.mark.parametrize("name", ["costs", "plane"])
def test_a_png_stands_beside_it_with_what_the_svg_shows(name):
    """For a notebook that is not trusted with SVG: the same texts, points and curves."""
    history = History()
    history += [1.0, 0.5, 0.25]
    history.held_out = [1.5, 0.75, 0.5]
    shown = plot_costs(history) if name == "costs" else plot_boundary(MODEL, X, Y, "<x> & \\N")
    assert shown._repr_png_().startswith(b"\x89PNG")
    svg, again = ET.fromstring(shown.svg), ET.fromstring(still(shown.svg).svg())
    tag = "{http://www.w3.org/2000/svg}"
    assert texts(shown) == [e.text for e in again.iter(f"{tag}text")]
    whole = [p for e in svg.iter(f"{tag}polyline") if "halo" not in e.get("class") for p in [e]]
    drawn = [p for p in again.iter(f"{tag}path") if p.get("stroke-width") == "2.5"]
    samples = sum("line" in e.get("class") for e in svg.iter(f"{tag}line"))
    assert len(drawn) == len(whole) + samples
    # the page of a Graphviz picture is its first polygon; of points, circles are ellipses
    assert len([*svg.iter(f"{tag}circle")]) == len([*again.iter(f"{tag}ellipse")])
    assert len([*svg.iter(f"{tag}rect")]) == len([*again.iter(f"{tag}polygon")])


def test_without_graphviz_there_is_no_png(monkeypatch):
    def missing(*_args, **_options):
        raise RendererMissingError("no Graphviz")

    monkeypatch.setattr("micrograd_es.pictures.dot.Graph.pipe", missing)
    assert plot_costs([1.0, 0.5])._repr_png_() is None
    assert History()._repr_png_() is None
