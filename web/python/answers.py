"""What the pages of the site are answered: functions of a path and a query.

They run in the browser's worker, and where the site is built, which prepares its first
pictures with them. The query is the whole state, as it is for the training page.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from itertools import accumulate
from pathlib import Path
from typing import NamedTuple
from urllib.parse import parse_qsl

import jinja2

from micrograd_es import Value, explain
from micrograd_es.base.languages import LANGUAGES, speaking
from micrograd_es.base.languages import gettext as _
from micrograd_es.expression import parse, variables_of
from micrograd_es.formulas.nodes import Formulas
from micrograd_es.formulas.notation import latex, mathml, number
from micrograd_es.pictures.graphs import draw_fitting, svg_of
from micrograd_es.stepping.page import MOST_EVENTS, stepping_page
from micrograd_es.stepping.steps import BackwardPass

# Deeper ones end the interpreter for good: a browser gives it a small stack.
MOST_BRACKETS, MOST_OPERATIONS = 100, 500
EXPLAINED = 8  # variables whose derivative is written out

HTML, JSON, TEXT = "text/html", "application/json", "text/plain"


class Answer(NamedTuple):
    """The status of HTTP, the kind and the text."""

    status: int
    kind: str
    text: str


def answer(path: str, query: str) -> Answer:
    """The answer, in the language that the query says.

    What is wrong with the query is an answer of status 400, one line for a person.
    """
    if path.startswith("play/"):
        return _of_training(path.removeprefix("play"), query)
    settings = dict(parse_qsl(query, keep_blank_values=True))
    language = settings.get("lang", "es")
    with speaking(language if language in LANGUAGES else "es"):
        try:
            return _ANSWERS[path](settings)
        except (ValueError, OverflowError) as error:
            return Answer(400, TEXT, str(error))


def graph(settings: dict[str, str]) -> tuple[Value, dict[str, Value]]:
    """The expression `f` at the numbers `at`, such as ``a:1,b:2``; a name without one is 1.

    Raises
    ------
    ValueError
        It is no expression, or is beyond what a browser's stack holds.
    """
    text = settings.get("f", "")
    _small(text)
    given = dict(pair.partition(":")[::2] for pair in settings.get("at", "").split(",") if pair)
    names = variables_of(text)
    root, variables = parse(text, {name: _number(name, given.get(name, "1")) for name in names})
    if not root.label and "f" not in variables:
        root.label = "f"
    root.backward()
    return root, variables


def _small(text: str) -> None:
    depths = accumulate((c in "([{") - (c in ")]}") for c in text)
    if max(depths, default=0) > MOST_BRACKETS:
        raise ValueError(_("the expression has too many nested parentheses"))
    if len(re.findall(r"\*\*|//|[-+~*/%,(<>=&|^]|\w\s+\w", text)) > MOST_OPERATIONS:
        raise ValueError(
            _("an expression in the browser has at most {n} operations").format(n=MOST_OPERATIONS)
        )


def _number(name: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ValueError(
            _("{name}={text}: {text} is no number").format(name=name, text=text or "''")
        ) from None


def _try(settings: dict[str, str]) -> Answer:
    root, variables = graph(settings)
    own = _templates().get_template("result.html")
    label, root.label = root.label, "" if root.parents else root.label
    formula = Formulas().expression(root)  # of what it computes, and not its name again
    root.label = label
    explained = [explain(root, v) for v in list(variables.values())[:EXPLAINED]]
    told = {
        "variables": [[name, v.data] for name, v in variables.items() if math.isfinite(v.data)],
        "value": repr(root.data),
        "gradients": {name: repr(v.grad) for name, v in variables.items()},
        "graph": _drawn(root),
        "result": own.render(
            _=_,
            formula=mathml(f"{latex(root.label or 'f')} = {formula.latex}"),
            value=number(root.data),
            variables=[
                (name, mathml(_derivative(root, name)), number(v.data), number(v.grad))
                for name, v in variables.items()
            ],
        ),
        "explanations": _templates()
        .get_template("explanations.html")
        .render(
            _=_,
            explained=explained,
            more=len(variables) - len(explained),
        ),
    }
    return Answer(200, JSON, json.dumps(told, ensure_ascii=False, allow_nan=False))


def _drawn(root: Value) -> str:
    try:
        return svg_of(draw_fitting(root))
    except ValueError:
        return f"<p>{_('Its graph is too large to be drawn.')}</p>"


def _derivative(root: Value, name: str) -> str:
    return rf"\frac{{\partial {latex(root.label or 'f')}}}{{\partial {latex(name)}}}"


def _steps(settings: dict[str, str]) -> Answer:
    root, _variables = graph(settings)
    steps = BackwardPass(root)
    if len(steps) > MOST_EVENTS:
        raise ValueError(
            _("its backward pass has {n} steps, and a page shows up to {limit}").format(
                n=len(steps), limit=MOST_EVENTS
            )
        )
    return Answer(200, HTML, stepping_page(steps))


def _of_training(path: str, query: str) -> Answer:
    from micrograd_es.play.answers import answer as of_play

    said = of_play(path, query, "text/plain")
    return Answer(said.status, said.kind.partition(";")[0], said.body.decode())


def _templates() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


_ANSWERS: dict[str, Callable[[dict[str, str]], Answer]] = {"try": _try, "steps": _steps}
