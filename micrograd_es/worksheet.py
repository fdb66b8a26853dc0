"""Exercises to do by hand, on paper: graphs with blanks, from a seed and a level, and the key."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from math import isfinite
from random import Random

from micrograd_es.base.languages import get_language
from micrograd_es.base.languages import gettext as _
from micrograd_es.base.palette import LIGHT, paper
from micrograd_es.base.templating import source, template
from micrograd_es.engine.value import Value
from micrograd_es.explaining.remarks import corners
from micrograd_es.expression import parse
from micrograd_es.formulas.nodes import Formulas
from micrograd_es.formulas.notation import number, quotient, subscript
from micrograd_es.pictures.look import FONT, html
from micrograd_es.stepping.steps import BackwardPass
from micrograd_es.stepping.texts import texts

EXERCISES = 6
# By level: each variable once; variables used twice and powers; neurons, branches and quotients.
LEVELS: dict[int, tuple[str, ...]] = {
    1: ("a · b + c", "a · (b + c)", "(a − b) · c", "a − b · c", "a · b · c", "a · b + c · d",
        "(a + b) · (c − d)", "a · (b · c + d)", "(a · b − c) · d"),
    2: ("a · b + a", "(a + b)²", "a · (a + b)", "(a · b + c)²", "a² − a · b", "(a + b) · (a − b)",
        "a · b + b · c", "2 · (a · b + c)²", "(a − b)² + a", "a² · b + c"),
    3: ("relu(w · x + b)", "(w · x + b − y)²", "max(a · b, c)", "(relu(w · x + b) − y)²",
        "a / b + b", "√(a · b) − a", "max(a, b) · (a + b)", "|a · b − c| · c",
        "relu(v · x) + relu(w · x)", "(a + b) / (a − b)"),
}  # fmt: skip


@dataclass(frozen=True)
class Exercise:
    """A graph to be filled in.

    Attributes
    ----------
    formula : str
        What f is, as it is printed.
    root : Value
        The graph, after its backward pass; its nodes in between are called u₁, u₂, …
    variables : dict of str to Value
    """

    formula: str
    root: Value
    variables: dict[str, Value]

    @property
    def numbers(self) -> list[str]:
        """What is given: ``a = 2``."""
        return [f"{name} = {number(v.data)}" for name, v in self.variables.items()]

    @property
    def answers(self) -> list[tuple[str, str]]:
        """What is asked for, and the number that it is."""
        slopes = [(quotient("f", name), number(v.grad)) for name, v in self.variables.items()]
        return [("f", number(self.root.data)), *slopes]

    @property
    def is_long(self) -> bool:
        """Whether the graph has so many boxes in a row that it takes the width of a page."""
        return _length(self.root) > 5

    def picture(self, solved: bool) -> str:
        """The graph as SVG: each box with its value and its gradient, or room for them."""
        return _picture(self.root, solved)


def exercises(seed: int, level: int) -> list[Exercise]:
    """Six exercises; the same seed and level give the same ones.

    Raises
    ------
    ValueError
        There is no such level.

    Examples
    --------
    >>> first = exercises(seed=3, level=2)[0]
    >>> first.formula, first.numbers
    ('a² · b + c', ['a = 2', 'b = 3', 'c = −5'])
    >>> first.answers
    [('f', '7'), ('∂f/∂a', '12'), ('∂f/∂b', '4'), ('∂f/∂c', '1')]
    """
    if level not in LEVELS:
        known = ", ".join(map(str, LEVELS))
        raise ValueError(
            _("there is no level {level}; there are {known}").format(level=level, known=known)
        )
    # of Python's generator, `random` is what gives the same numbers in every version
    random = Random(f"{seed}.{level}").random
    left = list(LEVELS[level])
    chosen = [left.pop(int(random() * len(left))) for _exercise in range(EXERCISES)]
    return [next(_tries(formula, level, random)) for formula in chosen]


def worksheet(seed: int, level: int) -> str:
    """A page to be printed, as one HTML file: the exercises, and on a new page the answers."""
    say = texts()
    return template("base", "worksheet.html").render(
        language=get_language(),
        style=paper(".paper") + source("base", "worksheet.css"),
        say=lambda key: say[key].format(value="=", grad="∂", root="f"),
        seed=seed,
        level=level,
        exercises=exercises(seed, level),
        _=_,
    )


def _tries(formula: str, level: int, random: Callable[[], float]) -> Iterator[Exercise]:
    """The formula at one set of numbers after the other, where it can be done by hand."""
    names = list(dict.fromkeys(re.findall(r"[a-z]+(?![a-z(])", formula)))
    while True:
        numbers = {name: _drawn(level, random()) for name in names}
        if len({abs(x) for x in numbers.values()}) == len(names):
            exercise = _made(formula, numbers)
            if _by_hand(exercise):
                yield exercise


def _drawn(level: int, chance: float) -> int:
    """2 to 9; from the second level on, 1 to 6 of either sign."""
    if level == 1:
        return 2 + int(8 * chance)
    k = int(12 * chance)
    return k - 6 if k < 6 else k - 5


def _made(formula: str, numbers: Mapping[str, int]) -> Exercise:
    root, variables = parse(formula, numbers)
    root.label = "f"
    between = [node for node in _as_written(root) if node.parents and node is not root]
    for i, node in enumerate(between, 1):
        node.label = f"u{subscript(str(i))}"
    root.backward()
    return Exercise(formula, root, variables)


def _as_written(node: Value) -> list[Value]:
    """The nodes, each after its operands, which come from left to right."""
    nodes = [below for parent in node.parents for below in _as_written(parent)]
    return list(dict.fromkeys([*nodes, node]))


def _length(node: Value) -> int:
    """Of the longest way from a variable to the node, in boxes."""
    return bool(node.label) + max(map(_length, node.parents), default=0)


def _by_hand(exercise: Exercise) -> bool:
    """Whether no number has more than three digits, and no function turns just there."""
    steps = BackwardPass(exercise.root)
    met = [node.data for node in steps.nodes]
    for e in steps:
        if e.arrives:
            met += [e.partial, e.contribution, e.after]
    turning = (
        c for v in exercise.variables.values() for c in corners(exercise.root, v, Formulas())
    )
    return all(map(_is_short, met)) and next(turning, None) is None


def _is_short(x: float) -> bool:
    return isfinite(x) and abs(x) < 1000 and float(f"{x:.3g}") == x and (100 * x).is_integer()


def _picture(root: Value, solved: bool) -> str:
    from micrograd_es.pictures.dot import Graph

    nodes = [node for node in _as_written(root) if node.label]
    place = {node: i for i, node in enumerate(nodes)}
    written = Formulas()
    graph = Graph(
        "exercise",
        graph_attr={
            "rankdir": "LR",
            "bgcolor": "transparent",
            "ranksep": "0.4",
            "nodesep": "0.12",
            "ordering": "in",
        },
        node_attr={"shape": "plain", "fontname": FONT, "fontsize": "13", "fontcolor": LIGHT["ink"]},
        edge_attr={"color": LIGHT["edge"], "arrowsize": "0.7"},
    )
    for node, i in place.items():
        blanks = [("∂", "gradient-soft", number(node.grad) if solved else "")]
        if node.parents:
            blanks.insert(0, ("=", "value-soft", number(node.data) if solved else ""))
        given = written.expression(node).text if node.parents else number(node.data)
        graph.node(f"n{i}", _box(f"{node.label} = {given}", blanks))
        for parent in node.parents:
            if parent in place:  # a constant stands in the formula
                graph.edge(f"n{place[parent]}", f"n{i}")
    return re.sub(r' id="[^"]*"', "", graph.svg())


def _box(head: str, blanks: list[tuple[str, str, str]]) -> str:
    rows = "".join(
        f'<TR><TD WIDTH="16"><FONT COLOR="{LIGHT["muted"]}" POINT-SIZE="11">{sign}</FONT></TD>'
        f'<TD WIDTH="58" HEIGHT="24" BGCOLOR="{LIGHT[kind]}">{html(text) or " "}</TD></TR>'
        for sign, kind, text in blanks
    )
    return (
        f'<<TABLE STYLE="ROUNDED" COLOR="{LIGHT["edge"]}" BORDER="1" CELLBORDER="0" '
        f'CELLSPACING="2" CELLPADDING="1"><TR><TD COLSPAN="2" CELLPADDING="4">'
        f"<B>{html(head)}</B></TD></TR>{rows}</TABLE>>"
    )
