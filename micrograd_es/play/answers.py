"""What the page is answered: functions of a path and a query, which know of no server.

The query is the whole state, and the answer follows from it. No answer trains for longer
than SECONDS: what is not reached by then is asked for again.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from math import isfinite, isnan
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode

from micrograd_es.base.languages import LANGUAGES, get_language, speaking
from micrograd_es.base.languages import gettext as _
from micrograd_es.base.palette import DARK, repainted, stylesheet
from micrograd_es.base.templating import source, template
from micrograd_es.engine.graph import topological_order
from micrograd_es.engine.value import Value
from micrograd_es.nn.modules import ACTIVATIONS
from micrograd_es.pictures.folding import gradient_of
from micrograd_es.pictures.graphs import MOST_BOXES
from micrograd_es.play import state as limits
from micrograd_es.play.features import WRITTEN
from micrograd_es.play.landscape import landscape
from micrograd_es.play.points import COUNT, EDGE, OWN
from micrograd_es.play.state import BadRequest, State, TooManySteps, defaults, parsed
from micrograd_es.play.training import (
    NEURON_CELLS,
    StillTraining,
    Training,
    cost_of_point,
    point_cost,
    training,
)
from micrograd_es.stepping.steps import BackwardPass

SECONDS = 0.3  # how long one answer may train
_POINTS = 240  # of a curve, or about as many
_STATIC = Path(__file__).with_name("static")
_KINDS = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
_FRESH = {"cache-control": "no-cache"}
_SAFE = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}


@dataclass(frozen=True)
class Answer:
    """What goes back: the status of HTTP, the body, its kind, and what else there is to say."""

    status: int
    body: bytes
    kind: str = "text/plain; charset=utf-8"
    more: dict[str, str] = field(default_factory=dict)

    @property
    def headers(self) -> dict[str, str]:
        """All headers, with those that keep a page to itself."""
        return _SAFE | {"content-type": self.kind} | self.more


def answer(path: str, query: str, accept: str = "") -> Answer:
    """The answer to a GET of that path and query, in the language that the query says.

    Parameters
    ----------
    accept : str
        The header of that name. A refusal is a page for a person, who asks for
        ``text/html``, and one line for everyone else.
    """
    if path.startswith("/static/"):
        return _file(path.removeprefix("/static/"))
    if path == "/palette.css":
        return Answer(200, (stylesheet() + repainted("#graph")).encode(), _KINDS[".css"])
    if path == "/icon.svg":
        icon = template("play", "icon.svg").render(colour=DARK)
        return Answer(200, icon.encode(), _KINDS[".svg"])
    if path not in _ANSWERS:
        return plain(404, "there is nothing here")
    if len(query) > limits.MAX_QUERY:
        return plain(414, "the address is too long")
    settings = parse_qsl(query, keep_blank_values=True)
    language = dict(settings).get("lang", "es")
    with speaking(language if language in LANGUAGES else "es"):
        try:
            return _ANSWERS[path](parsed(settings))
        except (BadRequest, StillTraining) as error:
            return _instead(error, path, settings, "text/html" in accept)


def works(path: str) -> bool:
    """Whether an answer to this path may take a while."""
    return path in _ANSWERS and path != "/"


def plain(status: int, text: str, more: dict[str, str] | None = None) -> Answer:
    """One line of text."""
    return Answer(status, text.encode(), more=more or {})


def _html(status: int, html: str, more: dict[str, str] | None = None) -> Answer:
    return Answer(status, html.encode(), "text/html; charset=utf-8", more or {})


def _file(name: str) -> Answer:
    """One of the page's own files, by its plain name."""
    if name == "reading.js":  # which the stepping page has too
        return Answer(200, source("base", name).encode(), _KINDS[".js"], _FRESH)
    path = _STATIC / name
    if Path(name).name != name or path.suffix not in _KINDS or not path.is_file():
        return plain(404, "there is nothing here")
    return Answer(200, path.read_bytes(), _KINDS[path.suffix], _FRESH)


def _instead(
    error: BadRequest | StillTraining, path: str, settings: list[tuple[str, str]], by_a_person: bool
) -> Answer:
    """Why there is no such answer; for a person a page, with what can be had instead."""
    status, more = 400, {}
    if isinstance(error, StillTraining):  # 503: ask again, and get further
        status, more = 503, {"retry-after": "1"}
    if not by_a_person:
        return plain(status, str(error), more)
    same = dict(settings)
    if isinstance(error, StillTraining):
        title, ways = _("Still training"), [(f"./?{urlencode(same)}", _("Back to the training"))]
        more["refresh"] = f"1; url=.{path}?{urlencode(same)}"
    elif isinstance(error, TooManySteps):
        title = _("More steps than a page shows")
        ways = [
            (f"graph.svg?{urlencode(same)}", _("See its graph, folded by layer")),
            (
                f"steps?{urlencode(same | {'layers': '4'})}",
                _("Step through it with one hidden layer of 4 neurons"),
            ),
            (f"./?{urlencode(same)}", _("Back to the training")),
        ]
    else:
        title = _("This address makes no sense here")
        ways = [(f"./?lang={get_language()}", _("Begin a new training"))]
    html = template("play", "refused.html").render(
        language=get_language(), title=title, problem=str(error), ways=ways
    )
    return _html(status, html, more)


def _page(state: State) -> Answer:
    config = {
        "defaults": defaults(),
        "count": COUNT,
        "own": OWN,
        "edge": EDGE,
        "maxLayers": limits.MAX_LAYERS,
        "maxNeurons": limits.MAX_NEURONS,
        "maxPoints": limits.MAX_POINTS,
        "maxUpdates": limits.MAX_UPDATES,
    }
    html = template("play", "play.html").render(
        _=_,
        state=state,
        config=config,
        data=(*limits.DATA, OWN),
        features=WRITTEN,
        activations=ACTIVATIONS,
        losses=limits.LOSSES,
        limits=limits,
        languages=LANGUAGES,
    )
    return _html(200, html)


def _reached(state: State) -> tuple[Training, int]:
    """The training, and how far it is: as far as the state says, or as time allowed."""
    run = training(state.start)
    run.advance(state.updates, SECONDS)
    return run, min(state.updates, len(run.costs) - 1)


def _train(state: State) -> Answer:
    run, updates = _reached(state)
    theta, gradient = run.at(updates)
    numbers, X, classes = run.points
    scores = run.scores(theta)
    told = {
        "updates": updates,
        "stopped": run.stopped and updates < state.updates,
        "cost": run.costs[updates],
        "wrong": [n for n, s, c in zip(numbers, scores, classes) if (s > 0) != (c > 0)],
        "points": [[n, x, y, int(c)] for n, (x, y), c in zip(numbers, X, classes)],
        "held": [n for n, held in zip(numbers, run.held_out) if held],
        "curve": _thinned(run.costs[: updates + 1]),
        "tests": _thinned(run.tests[: updates + 1]),
        "slow": run.slow,
        "cells": run.cells,
        "map": run.map(theta),
        "inputs": [WRITTEN[feature] for feature in state.features],
        "layers": run.sizes,
        "labels": run.labels,
        "parameters": theta.tolist(),
        "gradient": gradient.tolist(),
    }
    if state.point is not None:
        told["picked"] = _numbers(point_cost(run, state, updates))
    return _json(told)


def _numbers(root: Value) -> list[list[float | str | None]]:
    """Data and gradient of each node; of the root alone where there are too many to be drawn."""
    nodes = topological_order(root)[::-1]
    shown = nodes if len(nodes) <= MOST_BOXES else [root]
    return [[_sent(v.data), _sent(gradient_of(v, root))] for v in shown]


def _sent(x: float | None) -> float | str | None:
    """JSON has no number for the infinities and nan; JavaScript has these names."""
    if x is None or isfinite(x):
        return x
    return "NaN" if isnan(x) else "Infinity" if x > 0 else "-Infinity"


def _maps(state: State) -> Answer:
    run, updates = _reached(state)
    neurons = run.neurons(run.at(updates)[0])
    return _json({"updates": updates, "cells": NEURON_CELLS, "neurons": neurons})


def _landscape(state: State) -> Answer:
    run, updates = _reached(state)
    return _json({"updates": updates} | landscape(run, updates))


def _json(told: dict[str, Any]) -> Answer:
    text = json.dumps(told, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return Answer(200, text.encode(), "application/json")


def _thinned(costs: list[float]) -> list[tuple[int, float | None]]:
    """As many points of the curve as are seen apart, its last one among them."""
    last = max(len(costs) - 1, 0)
    thinned = [*range(0, last, 1 + last // _POINTS), *range(last, len(costs))]
    return [(u, costs[u] if isfinite(costs[u]) else None) for u in thinned]


def _graph(state: State) -> Answer:
    cost = _picked(state)
    from micrograd_es.pictures.graphs import draw_fitting

    policy = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"
    svg = draw_fitting(cost).svg()
    return Answer(200, svg.encode(), "image/svg+xml", {"content-security-policy": policy})


def _steps(state: State) -> Answer:
    from micrograd_es.stepping.page import MOST_EVENTS, stepping_page

    steps = BackwardPass(_picked(state))
    if len(steps) > MOST_EVENTS:
        raise TooManySteps(
            _(
                "The backward pass of this point has {n} steps, and a page shows up to {limit}: "
                "choose a smaller network, or look at the graph, folded by layer."
            ).format(n=len(steps), limit=MOST_EVENTS)
        )
    # the page brings a policy of its own, which allows its one script and nothing else
    own = {"content-security-policy": "frame-ancestors 'none'"}
    return _html(200, stepping_page(steps), own)


def _picked(state: State) -> Any:
    if state.point is None:
        raise BadRequest(_("expected point=, the number of a point"))
    return cost_of_point(state, SECONDS)


_ANSWERS: dict[str, Callable[[State], Answer]] = {
    "/": _page,
    "/train": _train,
    "/maps": _maps,
    "/landscape": _landscape,
    "/graph.svg": _graph,
    "/steps": _steps,
}
