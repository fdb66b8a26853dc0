"""The server of the page: every request is a GET whose query is the whole state."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from micrograd_es.base.languages import LANGUAGES, get_language, speaking
from micrograd_es.base.languages import gettext as _
from micrograd_es.base.palette import DARK, stylesheet
from micrograd_es.base.templating import template
from micrograd_es.nn.modules import ACTIVATIONS
from micrograd_es.play import state as limits
from micrograd_es.play.points import COUNT, EDGE
from micrograd_es.play.state import BadRequest, State, TooManySteps, defaults, parsed
from micrograd_es.play.training import CELLS, cost_of_point, network, training
from micrograd_es.stepping.steps import BackwardPass

SECONDS = 0.3  # how long one request may train; the page asks again for the rest
_SAFE = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


def application() -> Starlette:
    """The application, which answers only requests addressed to this machine."""
    static = StaticFiles(directory=Path(__file__).with_name("static"))
    return Starlette(
        routes=[
            Route("/", _answer(_page)),
            Route("/train", _answer(_train)),
            Route("/graph.svg", _answer(_graph)),
            Route("/steps", _answer(_steps)),
            Route("/palette.css", _palette),
            Route("/icon.svg", _icon),
            Mount("/static", static),
        ],
        middleware=[
            Middleware(_SafeHeaders),
            # a foreign page that has its name point here ("DNS rebinding") is refused
            Middleware(TrustedHostMiddleware, allowed_hosts=["127.0.0.1", "localhost"]),
        ],
    )


class _SafeHeaders:
    """Adds the headers of `_SAFE` to what has none of that name."""

    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        async def with_headers(message: Any) -> None:
            if message["type"] == "http.response.start":
                present = {name for name, _value in message["headers"]}
                message["headers"] = [*message["headers"]] + [
                    (name.lower().encode(), value.encode())
                    for name, value in _SAFE.items()
                    if name.lower().encode() not in present
                ]
            await send(message)

        await self._app(scope, receive, with_headers if scope["type"] == "http" else send)


def _answer(make: Callable[[State], Response]) -> Callable[[Request], Awaitable[Response]]:
    """An endpoint: the state in the query, then `make` in a thread, in the state's language."""

    def respond(query: list[tuple[str, str]], by_a_person: bool) -> Response:
        language = dict(query).get("lang", "es")
        with speaking(language if language in LANGUAGES else "es"):
            try:
                return make(parsed(query))
            except BadRequest as error:
                refusal = _refused(error, query) if by_a_person else PlainTextResponse(str(error))
                refusal.status_code = 400
                return refusal

    async def endpoint(request: Request) -> Response:
        if len(request.scope["query_string"]) > limits.MAX_QUERY:
            return PlainTextResponse("the address is too long", 414)
        by_a_person = "text/html" in request.headers.get("accept", "")
        return await run_in_threadpool(respond, request.query_params.multi_items(), by_a_person)

    return endpoint


def _refused(error: BadRequest, query: list[tuple[str, str]]) -> Response:
    """The refusal as a page for whoever opened the address, with what can be had instead."""
    if isinstance(error, TooManySteps):
        title, same = _("More steps than a page shows"), dict(query)
        ways = [
            (f"/graph.svg?{urlencode(same)}", _("See its graph, folded by layer")),
            (
                f"/steps?{urlencode(same | {'layers': '4'})}",
                _("Step through it with one hidden layer of 4 neurons"),
            ),
            (f"/?{urlencode(same)}", _("Back to the training")),
        ]
    else:
        title = _("This address makes no sense here")
        ways = [(f"/?lang={get_language()}", _("Begin a new training"))]
    html = template("play", "refused.html").render(
        language=get_language(), title=title, problem=str(error), ways=ways
    )
    return HTMLResponse(html)


def _page(state: State) -> Response:
    config = {
        "defaults": defaults(),
        "count": COUNT,
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
        data=limits.DATA,
        activations=ACTIVATIONS,
        losses=limits.LOSSES,
        limits=limits,
        languages=LANGUAGES,
    )
    return HTMLResponse(html)


def _palette(_request: Request) -> Response:
    return Response(stylesheet(), media_type="text/css")


def _icon(_request: Request) -> Response:
    icon = template("play", "icon.svg").render(colour=DARK)
    return Response(icon, media_type="image/svg+xml")


def _train(state: State) -> Response:
    run = training(state.start)
    run.advance(state.updates, SECONDS)
    updates = min(state.updates, len(run.costs) - 1)
    theta, gradient = run.at(updates)
    numbers, X, classes = run.points
    scores = run.scores(theta)
    model = network(state)
    return JSONResponse(
        {
            "updates": updates,
            "stopped": run.stopped and updates < state.updates,
            "cost": run.costs[updates],
            "wrong": [n for n, s, c in zip(numbers, scores, classes) if (s > 0) != (c > 0)],
            "points": [
                [n, x, y, int(c)] for n, (x, y), c in zip(numbers, X.tolist(), classes.tolist())
            ],
            "curve": _thinned(run.costs[: updates + 1]),
            "cells": CELLS,
            "map": run.map(theta).tolist(),
            "layers": [len(layer.neurons) for layer in model.layers],
            "labels": [p.label for p in model.parameters()],
            "parameters": theta.tolist(),
            "gradient": gradient.tolist(),
        }
    )


def _thinned(costs: list[float], most: int = 240) -> list[tuple[int, float]]:
    """About `most` points of the curve, its last one among them."""
    last = len(costs) - 1
    step = 1 + last // most
    return [(u, costs[u]) for u in range(0, last, step)] + [(last, costs[last])]


def _graph(state: State) -> Response:
    cost = _picked(state)
    from micrograd_es.pictures.graphs import draw_fitting, svg_of

    svg = svg_of(draw_fitting(cost))
    policy = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"
    return Response(svg, media_type="image/svg+xml", headers={"Content-Security-Policy": policy})


def _steps(state: State) -> Response:
    from micrograd_es.stepping.page import MOST_EVENTS, stepping_page

    steps = BackwardPass(_picked(state))
    if len(steps) > MOST_EVENTS:
        raise TooManySteps(
            _(
                "The backward pass of this point has {n} steps, and a page shows up to {limit}: "
                "choose a smaller network, or look at the graph, folded by layer."
            ).format(n=len(steps), limit=MOST_EVENTS)
        )
    html = stepping_page(steps)
    # the page brings a policy of its own, which allows its one script and nothing else
    return HTMLResponse(html, headers={"Content-Security-Policy": "frame-ancestors 'none'"})


def _picked(state: State) -> Any:
    if state.point is None:
        raise BadRequest(_("expected point=, the number of a point"))
    return cost_of_point(state)
