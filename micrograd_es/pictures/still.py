"""A chart as PNG, for a notebook that is not trusted with SVG: Graphviz draws it again."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from html import escape
from itertools import pairwise
from typing import TYPE_CHECKING

from micrograd_es.base.palette import LIGHT
from micrograd_es.formulas.notation import shown
from micrograd_es.pictures.look import FONT

if TYPE_CHECKING:
    from micrograd_es.pictures.dot import Graph

_STROKES = {"grid": LIGHT["grid"], "s0": LIGHT["value"], "s1": LIGHT["ink"]}


def still(svg: str) -> Graph:
    """A chart's SVG, element by element, as a picture that can be PNG."""
    from micrograd_es.pictures.dot import Graph

    graph = Graph(
        "chart",
        engine="neato",
        graph_attr={"layout": "nop2", "outputorder": "nodesfirst", "pad": "0.1"},
        node_attr={"fontname": FONT, "fontcolor": LIGHT["ink"], "fixedsize": "true"},
        edge_attr={"arrowhead": "none"},
    )
    for i, e in enumerate(ET.fromstring(svg)[1:]):
        for k, shape in enumerate(e if e.tag.endswith("}g") else [e]):
            _draw(graph, f"{i}_{k}", shape)
    return graph


def _draw(graph: Graph, id: str, e: ET.Element) -> None:
    tag, classes = e.tag.rpartition("}")[2], e.get("class", "").split()
    at = {name: float(x) for name, x in e.attrib.items() if re.fullmatch(r"-?[\d.]+", x)}
    if tag == "rect" and "page" not in classes:
        w, h = at["width"], at["height"]
        _box(graph, id, at["x"] + w / 2, at["y"] + h / 2, w, h, "box", e, classes)
    elif tag == "circle":
        _box(graph, id, at["cx"], at["cy"], 2 * at["r"], 2 * at["r"], "circle", e, classes)
    elif tag == "text":
        _text(graph, id, e, at)
    elif tag == "line":
        _line(graph, id, [(at["x1"], at["y1"]), (at["x2"], at["y2"])], classes)
    elif tag == "polyline" and "halo" not in classes:
        points = [tuple(map(float, pair.split(","))) for pair in e.get("points", "").split()]
        _line(graph, id, [(x, y) for x, y in points], classes)


def _box(
    graph: Graph, id: str, x: float, y: float, w: float, h: float, shape: str,
    e: ET.Element, classes: list[str],
) -> None:  # fmt: skip
    sign = next((c for c in classes if c in LIGHT), "muted")
    opacity = e.get("fill-opacity")  # of a cell of the plane
    colour = (
        LIGHT[f"{sign}-soft"] + f"{round(255 * float(opacity)):02x}" if opacity else LIGHT[sign]
    )
    look = (
        {"color": LIGHT["edge"]}
        if "frame" in classes
        else {"style": "filled", "fillcolor": colour, "color": LIGHT["ground"]}
    )
    if opacity:
        look["penwidth"] = "0"
    graph.node(id, "", pos=_point(x, y), shape=shape, width=f"{w / 72}", height=f"{h / 72}", **look)


def _line(graph: Graph, id: str, points: list[tuple[float, float]], classes: list[str]) -> None:
    if len(points) < 2:
        return
    for end, (x, y) in (("a", points[0]), ("b", points[-1])):
        graph.node(id + end, "", pos=_point(x, y), shape="point", width="0.001", style="invis")
    way = [points[0], *(p for a, b in pairwise(points) for p in (a, b, b))]
    graph.edge(
        f"{id}a", f"{id}b", pos=" ".join(_point(x, y) for x, y in way),
        color=next(_STROKES[c] for c in classes if c in _STROKES),
        penwidth="2.5" if "line" in classes else "1",
        style="dashed" if "s1" in classes else "solid",
    )  # fmt: skip


def _text(graph: Graph, id: str, e: ET.Element, at: dict[str, float]) -> None:
    size = re.search(r"font-size: ([\d.]+)px", e.get("style", ""))
    turned = re.search(r"translate\(([\d.]+) ([\d.]+)\)", e.get("transform", ""))
    x, y = (float(turned[1]), float(turned[2])) if turned else (at["x"], at["y"])
    side = {"middle": "CENTER", "end": "RIGHT"}.get(e.get("text-anchor", ""), "LEFT")
    points = float(size[1]) if size else 13.0
    text = escape(shown(e.text or "")).replace("\\", "\\\\")
    wide = round(0.7 * points * len(text))  # more than it takes
    x += {"CENTER": 0, "RIGHT": -wide / 2, "LEFT": wide / 2}[side]
    graph.node(
        id, f'<<TABLE BORDER="0" CELLBORDER="0" CELLPADDING="0" CELLSPACING="0"><TR><TD '
        f'WIDTH="{wide}" ALIGN="{side}">{f"<B>{text}</B>" if size else text or " "}</TD></TR>'
        "</TABLE>>", fontsize=f"{0.9 * points:g}", pos=_point(x, y - points / 3), shape="plain",
        fixedsize="false",
    )  # fmt: skip


def _point(x: float, y: float) -> str:
    return f"{x:g},{-y:g}"
