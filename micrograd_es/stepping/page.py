"""The stepping page: a backward pass as one HTML file that needs nothing else."""

from __future__ import annotations

import hashlib
import re
from base64 import b64encode
from heapq import heappop, heappush
from math import isclose, isnan
from typing import TYPE_CHECKING, Any

from micrograd_es.base.languages import LANGUAGES, get_language, speaking
from micrograd_es.base.palette import repainted, stylesheet
from micrograd_es.base.templating import source, template
from micrograd_es.engine.graph import Edge, backward_edges
from micrograd_es.engine.value import Value
from micrograd_es.formulas.nodes import Formulas, names_of, which
from micrograd_es.formulas.notation import latex, mathml, number
from micrograd_es.stepping.differences import agree, central_differences
from micrograd_es.stepping.texts import texts, why_none

if TYPE_CHECKING:
    from micrograd_es.formulas.symbols import Formula
    from micrograd_es.stepping.steps import BackwardPass

MOST_EVENTS = 500
# each after those that it imports, and the room that it stands in
MODULES = {"reading.js": "base"} | dict.fromkeys(
    ("answers.js", "formulas.js", "frames.js", "picture.js", "stepping.js"), "stepping"
)


def stepping_page(steps: BackwardPass, limit: int = MOST_EVENTS) -> str:
    """The page as HTML text.

    Raises
    ------
    ValueError
        The pass has more than `limit` events.
    """
    if len(steps) > limit:
        raise ValueError(
            f"a page of {len(steps)} events is beyond limit={limit}: draw the graph folded "
            "(by neuron, layer or sample), step a smaller part of it, or raise the limit"
        )
    names = names_of(steps.nodes)
    formulas = _formulas(steps, names)
    style = stylesheet() + repainted("#canvas") + source("stepping", "stepping.css")
    script = _script()
    return template("stepping", "stepping.html").render(
        language=get_language(),
        texts=texts(),
        title=names[steps.root],
        style=style,
        script=script,
        policy="; ".join(
            [
                "default-src 'none'",
                f"script-src '{_digest(script)}'",
                f"style-src '{_digest(style)}'",
                "img-src data:",
                "base-uri 'none'",
                "form-action 'none'",
            ]
        ),
        svg=_picture(steps),
        formulas=list(dict.fromkeys(formulas.values())),
        nodes=[{"name": names[n], "value": number(n.data)} for n in steps.nodes],
        data=_data(steps, names) | {"formulas": _places(formulas)},
    )


def cell(steps: BackwardPass, limit: int = MOST_EVENTS) -> str:
    """The page inside a frame of its own, as Jupyter shows it; past the limit, what to do."""
    try:
        page, problem = stepping_page(steps, limit), ""
    except ValueError as error:
        page, problem = "", str(error)
    return template("stepping", "frame.html").render(page=page, problem=problem, texts=texts())


# -- what the page's script is given -------------------------------------------


def _data(steps: BackwardPass, names: dict[Value, str]) -> dict[str, Any]:
    place = {node: i for i, node in enumerate(steps.nodes)}
    grads, differences = steps.at(len(steps)), central_differences(steps.nodes)
    right = _frames(steps.events, steps.nodes, place)
    wrong_edges, wrong_grads = _wrong_order(steps)
    reached = {e.parent for e in steps.events if e.settles} | {steps.root}
    return {
        "texts": _catalogs(),
        "root": place[steps.root],
        "nodes": [
            {
                "name": names[n],
                "value": number(n.data),
                "labelled": bool(n.label),
                "leaf": not n.parents,
                "parents": [place[p] for p in n.parents],
                "grad": number(grads[n] if n in reached else None),
                "wrong": n in reached and not _same(grads[n], wrong_grads.get(n, 0.0)),
                "difference": number(differences[n]),
                "agrees": agree(grads[n], differences[n], steps.root.data),
            }
            for n in steps.nodes
        ],
        "right": right,
        "wrong": _frames(wrong_edges, [], place) if wrong_edges else None,
    }


def _frames(
    events: list[Edge], forward: list[Value], place: dict[Value, int]
) -> list[dict[str, Any]]:
    """What the player shows, one after the other; a sum at a fan-out comes on its own."""
    frames: list[dict[str, Any]] = [{"kind": "start"}]
    frames += [{"kind": "forward", "node": place[n]} for n in forward if n.parents]
    frames.append({"kind": "seed"})
    reached: set[Value] = set()
    for e in events:
        frame = {
            "node": place[e.node],
            "parent": place[e.parent],
            "index": e.index,
            "which": which(e.node, e.index),
        }
        first = e.parent not in reached
        if e.settles:
            reached.add(e.parent)
        if not e.arrives:
            frames.append(
                {"kind": "none", "why": why_none(e), **frame, "arrives": first and e.settles}
            )
            continue
        frames.append(
            {
                "kind": "product",
                **frame,
                "upstream": _both(e.upstream),
                "partial": _both(e.partial),
                "result": _both(e.contribution),
                "arrives": first,
            }
        )
        if not first:
            frames.append(
                {
                    "kind": "sum",
                    **frame,
                    "before": _both(e.before),
                    "contribution": _both(e.contribution),
                    "result": _both(e.after),
                }
            )
    return frames


def _both(x: float) -> list[str]:
    """The number as it is shown, and exactly (JSON has no infinity)."""
    return [number(x), str(x).replace("inf", "Infinity").replace("nan", "NaN")]


def _wrong_order(steps: BackwardPass) -> tuple[list[Edge], dict[Value, float]]:
    """The pass where no node waits for all its users, and the gradients it ends with.

    Of the nodes reached it takes the lowest, so that a node with several users goes
    before all but one of them. Where nothing goes wrong, as in a tree, there are no edges.
    """
    place = {node: i for i, node in enumerate(steps.nodes)}
    waiting, seen, order = [place[steps.root]], {steps.root}, []
    while waiting:
        node = steps.nodes[heappop(waiting)]
        order.append(node)
        for parent in node.parents:
            if parent not in seen:
                seen.add(parent)
                heappush(waiting, place[parent])
    edges = list(backward_edges(steps.root, order))
    grads = {steps.root: 1.0} | {e.parent: e.after for e in edges}
    right = steps.at(len(steps))
    return (edges if any(not _same(right[n], grads[n]) for n in grads) else []), grads


def _same(a: float, b: float) -> bool:
    return isclose(a, b, rel_tol=1e-12) or (isnan(a) and isnan(b))


# -- formulas, files ---------------------------------------------------------------


def _picture(steps: BackwardPass) -> str:
    from micrograd_es.pictures.graphs import draw_graph

    graph = draw_graph(steps.root, limit=len(steps.nodes))
    graph.titles.clear()  # they would tell the gradients before their time
    return graph.svg()


def _formulas(steps: BackwardPass, names: dict[Value, str]) -> dict[str, str]:
    """MathML by the name under which the script asks for it."""
    written = Formulas({n: name for n, name in names.items() if n.parents or n.label})
    result = {}
    for i, node in enumerate(steps.nodes):
        result[f"name-{i}"] = mathml(latex(names[node]))
        if node.parents:
            expression = written.expression(node)
            result[f"forward-{i}"] = mathml(expression.latex)
            result[f"numbers-{i}"] = mathml(expression.latex_numbers)
        for j, recorded in enumerate(node.partials):
            if recorded is not None:
                partial = written.partial(node, j)
                result[f"partial-{i}-{j}"] = mathml(_factor(partial, partial.latex))
                result[f"inserted-{i}-{j}"] = mathml(_factor(partial, partial.latex_numbers))
    return result


def _places(formulas: dict[str, str]) -> dict[str, int]:
    """Where each formula stands among the different ones: many edges have the same partial."""
    places: dict[str, int] = {}
    return {name: places.setdefault(f, len(places)) for name, f in formulas.items()}


def _factor(formula: Formula, written: str) -> str:
    """The formula as it stands after a multiplication sign."""
    from micrograd_es.formulas.symbols import Sum

    enclosed = isinstance(formula, Sum) or written.startswith("-")
    return rf"\left({written}\right)" if enclosed else written


def _catalogs() -> dict[str, dict[str, str]]:
    catalogs = {}
    for language in LANGUAGES:
        with speaking(language):
            catalogs[language] = texts()
    return catalogs


def _script() -> str:
    """The modules as one, which has no others to ask for: a page from disk may not."""
    modules = "\n".join(source(room, name) for name, room in MODULES.items())
    return re.sub(r"^(import [^;]*;\n|export )", "", modules, flags=re.MULTILINE)


def _digest(text: str) -> str:
    return "sha256-" + b64encode(hashlib.sha256(text.encode()).digest()).decode()
