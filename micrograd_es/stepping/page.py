"""The stepping page: a backward pass as one HTML file that needs nothing else."""

from __future__ import annotations

import hashlib
import re
from base64 import b64encode
from contextlib import suppress
from heapq import heappop, heappush
from math import isclose, isnan
from typing import TYPE_CHECKING, Any

from micrograd_es.base.languages import LANGUAGES, get_language, speaking
from micrograd_es.base.palette import paper, repainted, stylesheet
from micrograd_es.base.templating import source, template
from micrograd_es.engine.graph import Edge, backward_edges
from micrograd_es.engine.value import Value
from micrograd_es.formulas.nodes import Formulas, names_of, which
from micrograd_es.formulas.notation import mathml, number
from micrograd_es.formulas.writing import ATOM, PRODUCT, Style
from micrograd_es.pictures.look import FONT
from micrograd_es.pictures.sums import made_again
from micrograd_es.stepping.differences import agree, central_differences
from micrograd_es.stepping.sheet import sheet_of
from micrograd_es.stepping.steps import is_told
from micrograd_es.stepping.texts import remark_on, texts, why_none

if TYPE_CHECKING:
    from collections.abc import Sequence

    from micrograd_es.formulas.symbols import Formula
    from micrograd_es.pictures.folding import Fold
    from micrograd_es.stepping.steps import Pass

MOST_EVENTS = 500
_FLAT = 3  # times as wide as high, from which on a graph has the whole width
_MOST_TERMS = 5  # of a sum that is written out
_MANY = 30  # boxes, beyond which neurons are drawn folded
# each after those that it imports, and the room that it stands in
MODULES = {"reading.js": "base"} | dict.fromkeys(
    (
        "answers.js", "drawing.js", "fitting.js", "folding.js", "formulas.js", "frames.js",
        "nearby.js", "rows.js", "picture.js", "sheet.js", "table.js", "stepping.js",
    ),
    "stepping",
)  # fmt: skip


def stepping_page(steps: Pass, limit: int = MOST_EVENTS) -> str:
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
    made = made_again(steps.root)
    steps = steps.seen_as(lambda node: made.get(node, node))
    names = names_of(steps.nodes)
    formulas = _formulas(steps, names)
    folds = _folded(steps)
    picture, *insides = _pictures(steps, folds)
    style = (
        stylesheet()
        + repainted("#canvas")
        + paper(".paper")
        + source("base", "worksheet.css")
        + source("stepping", "stepping.css")
    )
    script = _script()
    return template("stepping", "stepping.html").render(
        language=get_language(),
        texts=texts(steps.ahead),
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
        picture=picture,
        insides=insides,
        is_flat=not folds and _is_flat(picture),
        formulas=list(dict.fromkeys(formulas.values())),
        sheet=sheet_of(steps, names[steps.root], formulas),
        rows=[(i, names[n]) for i, n in enumerate(steps.nodes) if is_told(steps, n)][::-1],
        data=_data(steps, names) | {"formulas": _places(formulas), "folds": _folds(steps, folds)},
    )


def cell(steps: Pass) -> str:
    """The page inside a frame of its own, as Jupyter shows it; past the limit, what to do.

    A notebook that is not trusted yet shows neither frames nor styles, and so it does show
    what the style hides: a picture, and how to trust it.
    """
    try:
        page, picture, problem = stepping_page(steps), still(steps), ""
    except ValueError as error:
        page, picture, problem = "", None, str(error)
    return template("stepping", "frame.html").render(
        # in single quotes, which are rare in it, it stays a third smaller
        page=page.replace("&", "&amp;").replace("'", "&#39;"),
        picture=picture and b64encode(picture).decode(),
        problem=problem,
        texts=texts(steps.ahead),
    )


def still(steps: Pass) -> bytes | None:
    """The graph as PNG; nothing where it is too large."""
    from micrograd_es.pictures.graphs import draw_fitting

    with suppress(ValueError):
        return draw_fitting(steps.root).png()
    return None


# -- what the page's script is given -------------------------------------------


def _data(steps: Pass, names: dict[Value, str]) -> dict[str, Any]:
    place = {node: i for i, node in enumerate(steps.nodes)}
    grads = steps.at(len(steps))
    # those of the root by each node: they prove a backward pass
    differences = grads if steps.ahead else central_differences(steps.nodes)
    right = _frames(steps, steps.events, place, forward=True)
    wrong_edges, wrong_grads = ([], grads) if steps.ahead else _wrong_order(steps)
    reached = {e.target for e in steps.events if e.settles} | {steps.start}
    reached |= {n for n in steps.nodes if steps.ahead and not n.parents}
    return {
        "texts": _catalogs(steps.ahead),
        "ahead": steps.ahead,
        "root": place[steps.root],
        "start": place[steps.start],
        "nodes": [
            {
                "name": names[n],
                "value": number(n.data),
                "number": not is_told(steps, n),
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
        "wrong": _frames(steps, wrong_edges, place) if wrong_edges else None,
    }


def _frames(
    steps: Pass, events: Sequence[Edge], place: dict[Value, int], forward: bool = False
) -> list[dict[str, Any]]:
    """What the player shows, one after the other; a sum at a fan-out comes on its own."""
    frames: list[dict[str, Any]] = [{"kind": "start"}]
    if forward:
        frames += [
            {"kind": "forward", "node": place[n], **_remark(n, is_product=False)}
            for n in steps.nodes
            if n.parents
        ]
    frames.append({"kind": "seed"})
    reached: set[Value] = set()
    arrived: set[Value] = set()
    for e in events:
        if not is_told(steps, e.parent):
            continue
        frame = {
            "node": place[e.node],
            "parent": place[e.parent],
            "index": e.index,
            "which": which(e.node, e.index),
            "from": place[e.source],
            "to": place[e.target],
        }
        first = e.target not in (arrived if steps.ahead and e.arrives else reached)
        if e.settles:
            reached.add(e.target)
        if not e.arrives:
            arrives = first and e.settles
            frames.append({"kind": "none", "why": why_none(e), **frame, "arrives": arrives})
            continue
        arrived.add(e.target)
        frames.append(
            {
                "kind": "product",
                **frame,
                **_remark(e.node, is_product=True),
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


def _remark(node: Value, is_product: bool) -> dict[str, str]:
    remark = remark_on(node, is_product)
    return {"remark": remark} if remark else {}


def _both(x: float) -> list[str]:
    """The number as it is shown, and exactly (JSON has no infinity)."""
    return [number(x), str(x).replace("inf", "Infinity").replace("nan", "NaN")]


def _wrong_order(steps: Pass) -> tuple[list[Edge], dict[Value, float]]:
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


def _folded(steps: Pass) -> list[Fold]:
    """The neurons of a graph that is too large to be seen whole; none where there are none."""
    from micrograd_es.pictures.folding import fold_graph

    if sum(is_told(steps, node) for node in steps.nodes) > _MANY:
        with suppress(ValueError):  # no node bears a name to fold by
            return fold_graph(steps.nodes, "neuron")
    return []


def _folds(steps: Pass, folds: list[Fold]) -> list[dict[str, Any]]:
    place = {node: i for i, node in enumerate(steps.nodes)}
    result = []
    for fold in folds:
        names = {}
        for language in LANGUAGES:
            with speaking(language):
                names[language] = fold.name
        single = len(fold.outputs) == 1
        output = place[fold.outputs[0]] if single else None
        result.append({"name": names, "output": output, "nodes": [place[n] for n in fold.nodes]})
    return result


def _pictures(steps: Pass, folds: list[Fold]) -> list[str]:
    """The graph; where it is folded, what is inside each fold comes after it."""
    from micrograd_es.pictures.graphs import draw_folded, draw_graph

    if folds:
        closed, insides = draw_folded(steps.root)
        graphs = [closed, *insides]
    else:
        graphs = [draw_graph(steps.root, limit=len(steps.nodes))]
    for graph in graphs:
        graph.titles.clear()  # they would tell the gradients before their time
    return [_light(graph.svg()) for graph in graphs]


def _light(svg: str) -> str:
    """The picture without the font, which stands in the style once, and without defaults."""
    for superfluous in (f' font-family="{FONT}"', ' text-anchor="start"'):
        svg = svg.replace(superfluous, "")
    return re.sub(r' xml:space="preserve"([^>]*>\S+(?: \S+)*<)', r"\1", svg.replace(">\n<", "><"))


def _is_flat(svg: str) -> bool:
    """Whether the picture is much wider than high."""
    size = re.search(r'width="(\d+)pt" height="(\d+)pt"', svg)
    return size is not None and int(size[1]) > _FLAT * int(size[2])


def _formulas(steps: Pass, names: dict[Value, str]) -> dict[str, str]:
    """MathML by the name under which the script asks for it."""
    written = Formulas(names)
    style, numbers = (Style(latex=True, numbers=inserted) for inserted in (False, True))
    result = {}
    for i, node in enumerate(steps.nodes):
        piece = style.piece(written.name(node))
        result[f"name-{i}"] = mathml(piece[0])
        result[f"by-{i}"] = mathml(style.wrapped(piece, ATOM))
        if node.parents:
            expression = written.expression(node)
            result[f"forward-{i}"] = mathml(_line(expression, numbers=False))
            result[f"numbers-{i}"] = mathml(_line(expression, numbers=True))
        for j, recorded in enumerate(node.partials):
            if recorded is not None:
                partial = written.partial(node, j)
                for kind, writing in (("partial", style), ("inserted", numbers)):
                    factor = writing.wrapped(writing.piece(partial), PRODUCT)
                    result[f"{kind}-{i}-{j}"] = mathml(factor)
    return result


def _line(formula: Formula, numbers: bool) -> str:
    """The formula on one line: a sum of many terms by its first ones and the last."""
    from micrograd_es.formulas.symbols import Sum

    style = Style(latex=True, numbers=numbers)
    if not isinstance(formula, Sum) or len(formula.terms) <= _MOST_TERMS:
        return style.write(formula)
    last = style.wrapped(style.piece(formula.terms[-1]), PRODUCT)
    return rf"{style.write(Sum(formula.terms[:2]))} + \cdots + {last}"


def _places(formulas: dict[str, str]) -> dict[str, int]:
    """Where each formula stands among the different ones: many edges have the same partial."""
    places: dict[str, int] = {}
    return {name: places.setdefault(f, len(places)) for name, f in formulas.items()}


def _catalogs(ahead: bool) -> dict[str, dict[str, str]]:
    catalogs = {}
    for language in LANGUAGES:
        with speaking(language):
            catalogs[language] = texts(ahead)
    return catalogs


def _script() -> str:
    """The modules as one, which has no others to ask for: a page from disk may not.

    It is a page's largest part, and so goes without comments, each function on a line.
    """
    modules = "\n".join(source(room, name) for name, room in MODULES.items())
    code = re.sub(
        r"^import [^;]*;\n|^export |^ */\*\*(?s:.*?)\*/\n|(^| +)// .*$",
        "",
        modules,
        flags=re.MULTILINE,
    )
    return re.sub(r"\s+(?=\n)|\n(?=[}\])])", "", re.sub(r"\n+ +", " ", code))


def _digest(text: str) -> str:
    return "sha256-" + b64encode(hashlib.sha256(text.encode()).digest()).decode()
