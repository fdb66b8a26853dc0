"""What the pages of the site are answered: functions of a path and a query.

They run in the browser's worker, and where the site is built, which prepares its first
pictures with them. The query is the whole state, as it is for the training page.
"""

from __future__ import annotations

import ast
import io
import json
import math
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from functools import cache
from html import escape
from itertools import accumulate
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

import jinja2

from micrograd_es import Value, explain
from micrograd_es.base.languages import LANGUAGES, speaking
from micrograd_es.base.languages import gettext as _
from micrograd_es.base.reading import read_number
from micrograd_es.engine.graph import topological_order
from micrograd_es.expression import parse, variables_of
from micrograd_es.formulas.nodes import Formulas
from micrograd_es.formulas.notation import latex, mathml, number
from micrograd_es.gallery import load
from micrograd_es.pictures.dot import Graph
from micrograd_es.pictures.graphs import draw_fitting
from micrograd_es.play.answers import answer as answer_of_play
from micrograd_es.stepping.page import MOST_EVENTS, stepping_page
from micrograd_es.stepping.steps import BackwardPass
from micrograd_es.worksheet import worksheet

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
    depths = accumulate((c in "([{") - (c in ")]}") for c in text)
    if max(depths, default=0) > MOST_BRACKETS:
        raise ValueError(_("the expression has too many nested parentheses"))
    given = _given(settings)
    names = variables_of(text)
    root, variables = parse(text, {name: _number(name, given.get(name, "1")) for name in names})
    if sum(bool(node.parents) for node in topological_order(root)) > MOST_OPERATIONS:
        raise ValueError(
            _("an expression in the browser has at most {n} operations").format(n=MOST_OPERATIONS)
        )
    if not root.label and "f" not in variables:
        root.label = "f"
    root.backward()
    return root, variables


def _given(settings: dict[str, str]) -> dict[str, str]:
    return dict(pair.partition(":")[::2] for pair in settings.get("at", "").split(",") if pair)


def _number(name: str, text: str) -> float:
    try:
        return read_number(text)
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
    name = latex(label or "f")
    says_more = formula.text not in (label, number(root.data))
    asked = [name for name in settings.get("wrt", "").split(",") if name in variables]
    chosen = asked or list(variables)[:EXPLAINED]
    explained = [explain(root, variables[name]) for name in chosen]

    def written(x: float) -> str:  # what has no value has no derivative, as `explain` says
        return "—" if math.isnan(root.data) else number(x)

    told = {
        "variables": [[name, v.data] for name, v in variables.items() if math.isfinite(v.data)],
        "value": repr(root.data),
        "gradients": {name: repr(v.grad) for name, v in variables.items()},
        "graph": _drawn(root),
        "result": own.render(
            _=_,
            formula=mathml(f"{name} = {formula.latex}" if says_more else name),
            value=written(root.data),
            variables=[
                (name, mathml(_derivative(root, name)), number(v.data), written(v.grad))
                for name, v in variables.items()
            ],
        ),
        "explanations": _templates()
        .get_template("explanations.html")
        .render(
            _=_,
            explained=explained,
            more=0 if asked else len(variables) - len(explained),
        ),
    }
    return Answer(200, JSON, json.dumps(told, ensure_ascii=False, allow_nan=False))


def _drawn(root: Value) -> str:
    try:
        return draw_fitting(root).svg()
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


def _notes(settings: dict[str, str]) -> Answer:
    """What stands in the notes below their title, at other numbers."""
    given = {name: _number(name, text) for name, text in _given(settings).items()}
    notes = load("notas")
    return Answer(200, HTML, document(notes.page(notes.network(given))))


def document(page: str) -> str:
    """The part of a page of the notes in which the numbers stand."""
    body = page.partition("</h1>")[2].partition("</main>")[0]
    return body.replace('<th scope="col"></th>', "<td></td>")  # a corner that heads nothing


def _worksheet(settings: dict[str, str]) -> Answer:
    seed, level = (int(settings.get(name, "1")) for name in ("seed", "level"))
    return Answer(200, HTML, worksheet(seed, level))


_names: dict[str, Any] = {}  # what has been said in the page's interpreter so far


def _python(settings: dict[str, str]) -> Answer:
    """Runs a program; what it printed, and its last expression as a notebook would show it."""
    printed, shown = io.StringIO(), ""
    with redirect_stdout(printed), redirect_stderr(printed), _nobody_to_ask():
        try:
            shown = _ran(settings.get("code", ""))
        except BaseException:
            kind, error, trace = sys.exc_info()
            while trace and trace.tb_frame.f_code.co_filename != "<page>":
                trace = trace.tb_next  # the page's own frames say nothing to its reader
            printed.writelines(traceback.format_exception(kind, error, trace))
    told = {"printed": printed.getvalue(), "shown": shown}
    return Answer(200, JSON, json.dumps(told, ensure_ascii=False))


class _Nobody(io.TextIOBase):
    """What `input` reads where nobody can type an answer."""

    def readline(self, size: int | None = -1, /) -> str:
        raise EOFError(
            _("a program in this page cannot ask anything: write the answer into the program")
        )


@contextmanager
def _nobody_to_ask() -> Iterator[None]:
    before, sys.stdin = sys.stdin, _Nobody()
    try:
        yield
    finally:
        sys.stdin = before


def _ran(code: str) -> str:
    tree = ast.parse(code, "<page>")
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, "<page>", "exec"), _names)
    if last is None:
        return ""
    value = eval(compile(ast.Expression(last.value), "<page>", "eval"), _names)
    if isinstance(value, Graph):
        return value.svg()
    html = getattr(value, "_repr_html_", lambda: None)()
    return html or ("" if value is None else f"<pre>{escape(repr(value))}</pre>")


def _of_training(path: str, query: str) -> Answer:
    said = answer_of_play(path, query, "text/plain")
    return Answer(said.status, said.kind.partition(";")[0], said.body.decode())


@cache
def _templates() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


_ANSWERS: dict[str, Callable[[dict[str, str]], Answer]] = {
    "try": _try,
    "steps": _steps,
    "notes": _notes,
    "worksheet": _worksheet,
    "python": _python,
}
