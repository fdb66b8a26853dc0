import math
import re
import xml.etree.ElementTree as ET

import pytest

from micrograd_es.pictures.chart import Cells, Line, Points, chart, tiles

SVG = "{http://www.w3.org/2000/svg}"


def test_a_line_goes_from_corner_to_corner():
    root = ET.fromstring(chart([Line([0, 1], [0, 10])], "title"))
    (line,) = root.iter(f"{SVG}polyline")
    (x0, y0), (x1, y1) = (map(float, p.split(",")) for p in line.get("points").split())
    assert x0 < x1
    assert y0 > y1


def test_text_is_text():
    root = ET.fromstring(chart([Line([0], [1], "<b>&")], '</text><script>"', "x < y", "&"))
    texts = [t.text for t in root.iter(f"{SVG}text")]
    assert {"<b>&", '</text><script>"', "x < y", "&"} <= set(texts)
    assert not list(root.iter(f"{SVG}script"))


def test_a_logarithmic_axis_leaves_out_what_is_not_positive():
    text = chart([Line([0, 1, 2, 3], [1.0, 0.0, math.nan, 0.001])], "t", log_y=True)
    (line,) = ET.fromstring(text).iter(f"{SVG}polyline")
    assert len(line.get("points").split()) == 2


@pytest.mark.parametrize("y", [[], [5.0], [0.0], [2.0, 2.0], [-3.0, -3.0], [math.inf, 1.0]])
def test_any_curve(y):
    ET.fromstring(chart([Line(range(len(y)), y)], "t"))
    ET.fromstring(chart([Line(range(len(y)), y)], "t", log_y=True))


def test_cells_of_one_shade_are_one_rectangle():
    text = chart([Cells(0, 2, 0, 1, [[1, 1], [-1, 0]]), Points([1], [0.5], "p", 1)], "t")
    cells = [
        r
        for r in ET.fromstring(text).iter(f"{SVG}rect")
        if r.get("class") in ("positive", "negative")
    ]
    assert [c.get("class") for c in cells] == ["positive", "negative"]


def test_tiles():
    root = ET.fromstring(tiles([[[0, 1], [0.5, 0]]] * 9, ["<3>"] * 9, [True] + [False] * 8, "t"))
    assert sum("ink" in r.get("class", "") for r in root.iter(f"{SVG}rect")) == 18
    assert sum("wrong" in r.get("class", "") for r in root.iter(f"{SVG}rect")) == 1


def test_the_legend_stands_below_and_covers_nothing():
    layers = [Points([0, 1], [0, 1], "points with noise"), Line([0, 1], [0, 1], "network")]
    root = ET.fromstring(chart(layers, "t", "time"))
    frame = next(r for r in root.iter(f"{SVG}rect") if r.get("class") == "frame")
    places = {t.text: (float(t.get("x", 0)), float(t.get("y", 0))) for t in root.iter(f"{SVG}text")}
    first, second = places["points with noise"], places["network"]
    below = float(frame.get("y")) + float(frame.get("height"))
    assert below < places["time"][1] < first[1] - 15 == second[1] - 15
    assert second[0] > first[0] + 8 * len("points with noise")


def test_a_logarithmic_axis_ends_where_the_curve_does():
    root = ET.fromstring(chart([Line([0, 1], [0.53, 0.0098])], "t", log_y=True))
    assert "0.001" not in [t.text for t in root.iter(f"{SVG}text")]
    (line,) = root.iter(f"{SVG}polyline")
    high, low = (float(p.split(",")[1]) for p in line.get("points").split())
    frame = next(r for r in root.iter(f"{SVG}rect") if r.get("class") == "frame")
    assert low - high > 0.9 * float(frame.get("height"))


def test_a_long_title_is_set_smaller():
    short, long = (chart([Line([0], [1])], "W" * n) for n in (20, 80))
    assert "font-size: 17.0px" in short
    assert "font-size: 10.2px" in long


@pytest.mark.parametrize("text", [chart([Line([0], [1])], "t"), tiles([[[1]]], ["3"], [True], "t")])
def test_in_a_page_its_style_reaches_nothing_else(text):
    root = ET.fromstring(text)
    style = root.find(f"{SVG}style").text
    selectors = re.findall(r"([^{}]+)\{[^{}]*\}", re.sub(r"@media[^{]*\{", "", style))
    assert len(selectors) > 5
    assert all(s.strip().startswith(f".{root.get('class')} ") for s in selectors)
