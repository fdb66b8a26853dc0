"""The player of a backward or a forward pass in a terminal, moved with keys."""

from __future__ import annotations

import os
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from micrograd_es.base.languages import gettext as _
from micrograd_es.base.palette import TERMINAL
from micrograd_es.engine.graph import Edge
from micrograd_es.engine.value import Value
from micrograd_es.formulas.nodes import Formulas, names_of, operand
from micrograd_es.formulas.notation import number, quotient, short
from micrograd_es.formulas.writing import PRODUCT, Style
from micrograd_es.stepping.steps import Pass, is_told
from micrograd_es.stepping.texts import remark_on, texts, why_none

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

SECONDS = 1.2  # a step takes, while it plays
_LONG = 3600.0


Phrase = tuple[tuple[str, str], ...]  # pieces of a sentence, each with its style


@dataclass(frozen=True)
class Moment:
    """What is shown at once.

    Attributes
    ----------
    position : int
        How many events have been played.
    title : str
        The kind of step.
    said, note : Phrase
        What happens, in a sentence, and what it completes; empty where it completes nothing.
    lines : list of str
        The formula: symbols, numbers put in, result.
    edge : Edge, optional
        The event that is told.
    node : Value, optional
        Where it happens.
    computed : int, optional
        How many nodes that are no leaves have their value; None for all, once gradients begin.
    """

    position: int
    title: str
    said: Phrase
    lines: list[str]
    edge: Edge | None = None
    node: Value | None = None
    note: Phrase = ()
    computed: int | None = None


def moments(steps: Pass) -> list[Moment]:
    """The pass as it is told.

    A backward pass begins with the values, one node after the other. Then comes a product
    for each edge, and each sum at a fan-out by itself.
    """
    tell = _Telling(steps)
    told = [tell.start()] if steps.ahead else [*tell.forward(), tell.start()]
    terms = Counter(e.target for e in steps if e.arrives)
    arrived: set[Value] = set()
    for k, e in enumerate(steps, 1):
        if not (steps.ahead or is_told(steps, e.parent)):
            continue
        if not e.arrives:
            told.append(tell.nothing(k, e))
            continue
        is_sum = e.target in arrived
        arrived.add(e.target)
        # one term of several is not the gradient yet
        told.append(tell.product(k - is_sum, e, terms[e.target] == 1))
        if is_sum:
            told.append(tell.sum(k, e))
    return [*told[:-1], replace(told[-1], position=len(steps))]


class _Telling:
    """The moments of one pass, in words and formulas."""

    def __init__(self, steps: Pass) -> None:
        self.steps = steps
        self.names = names_of(steps.nodes)
        self.formulas = Formulas(
            {node: name for node, name in self.names.items() if node.parents or node.label}
        )
        self.style = Style(latex=False, numbers=False)
        self.texts = texts(steps.ahead)

    def forward(self) -> Iterator[Moment]:
        """Each value, computed from those of its operands."""
        yield Moment(0, self.texts["phase_start"], self._phrase("start"), [], computed=0)
        for k, node in enumerate((n for n in self.steps.nodes if n.parents), 1):
            formula, result = self.formulas.expression(node), number(node.data)
            sides = dict.fromkeys((formula.text, formula.numbers, result))
            first, *others = [side for side in sides if side != result] + [result]
            lines = [f"{self.names[node]} = {first}", *(f"= {side}" for side in others)]
            said = self._phrase("forward", node=node, value=result)
            title, note = self.texts["phase_forward"], self._remark(node, is_product=False)
            yield Moment(0, title, said, lines, node=node, note=note, computed=k)

    def start(self) -> Moment:
        """The derivative of a node by itself."""
        start = self.steps.start
        said, lines = self._phrase("seed", root=start), [f"{self._derivative(start)} = 1"]
        title = self.texts["phase_seed"]
        return Moment(0, title, said, lines, node=start)

    def nothing(self, k: int, e: Edge) -> Moment:
        """Why nothing goes this way."""
        why = why_none(e)
        lines = [f"{self._local(e)} = 0"] if why in ("flat", "corner") else []
        said = self._phrase(why, node=e.node, parent=e.parent)
        note = self._final(k, e) if e.settles else ()
        title = self.texts["phase_none"]
        return Moment(k, title, said, lines, e, e.target, note)

    def product(self, k: int, e: Edge, alone: bool) -> Moment:
        """What arrives: the derivative at one end of the edge, times the local partial."""
        source, partial = self._derivative(e.source), self.formulas.partial(e.node, e.index)
        factor = self.style.wrapped(self.style.piece(partial), PRODUCT)
        lines = [
            f"{source} · {self._local(e)}",
            f"= {source} · {factor}",
            f"= {number(e.upstream)} · {_grouped(e.partial)}",
            f"= {number(e.contribution)}",
        ]
        if alone:
            lines[0] = f"{self._derivative(e.target)} = {lines[0]}"
        said = self._phrase(
            "product", node=e.node, parent=e.parent, which=operand(e.node, e.index),
            upstream=number(e.upstream), factor=_grouped(e.partial), result=number(e.contribution),
        )  # fmt: skip
        title = self.texts["phase_product"]
        note = _joined(self._remark(e.node, is_product=True), self._final(k, e))
        return Moment(k, title, said, lines, e, e.target, note)

    def sum(self, k: int, e: Edge) -> Moment:
        """What arrives, added to what was there."""
        before, after, term = number(e.before), number(e.after), _grouped(e.contribution)
        lines = [f"{self._derivative(e.target)} = {before} + {term}", f"= {after}"]
        said = self._phrase(
            "sum", node=e.node, parent=e.parent, before=before, term=term, result=after
        )
        title = self.texts["phase_sum"]
        note = self._final(k, e)
        return Moment(k, title, said, lines, e, e.target, note)

    def _final(self, k: int, e: Edge) -> Phrase:
        is_final = self.steps.final_at[e.target] == k
        return self._phrase("final", parent=e.target) if is_final else ()

    def _remark(self, node: Value, is_product: bool) -> Phrase:
        remark = remark_on(node, is_product)
        return self._phrase(remark, node=node) if remark else ()

    def _phrase(self, key: str, which: str = "", **values: Value | str) -> Phrase:
        """The sentence with its values; names of nodes in bold, since "a" is a word in Spanish."""
        pieces = []
        for piece in re.split(r"(\{\w+\})", self.texts[f"say_{key}"]):
            value = values.get(piece.strip("{}"), piece) if piece[:1] == "{" else piece
            if isinstance(value, Value):
                pieces.append((self.names[value], "bold"))
                value = which if piece == "{parent}" else ""
            pieces.append((value, ""))
        return tuple((text, style) for text, style in pieces if text)

    def _derivative(self, node: Value) -> str:
        of, by = self.steps.derivative(node)
        return quotient(self.names[of], self.names[by])

    def _local(self, e: Edge) -> str:
        return quotient(self.names[e.node], self.names[e.parent]) + operand(e.node, e.index)


def _joined(a: Phrase, b: Phrase) -> Phrase:
    """One sentence after the other."""
    return (*a, (" ", ""), *b) if a and b else a or b


def _grouped(x: float) -> str:
    """The number in parentheses, where its sign would follow another."""
    return f"({number(x)})" if x < 0 else number(x)


def play_in_terminal(
    steps: Pass, console: Console | None = None, keys: Callable[[float], str] | None = None
) -> None:
    """Shows the pass in the terminal, step by step; prints all of it where there is none.

    ``→`` and ``←`` step, ``Home`` and ``End`` jump, the space bar plays and pauses,
    ``q`` ends. `keys` gives the next of "right", "left", "home", "end", "space" and
    "quit", or "" when none has come within that many seconds.
    """
    from rich.console import Console

    console = console or Console(highlight=False)
    told = moments(steps)
    if keys is None and not (console.is_terminal and sys.stdin.isatty()):
        _print_all(steps, told, console)
        return
    from rich.live import Live

    place, last, playing = 0, len(told) - 1, False
    with (
        _keyboard() if keys is None else nullcontext(keys) as next_key,
        Live(console=console, screen=True, auto_refresh=False) as live,
    ):
        while True:
            steps.seek(told[place].position)
            live.update(_screen(steps, told, place, playing, console.height), refresh=True)
            key = next_key(SECONDS if playing else _LONG)
            if key == "quit":
                return
            if key == "space":
                playing = not playing and place < last
            elif key == "left":
                place, playing = max(place - 1, 0), False
            elif key in ("home", "end"):
                place, playing = 0 if key == "home" else last, False
            elif key == "right" or (playing and not key):
                place = min(place + 1, last)
                playing = playing and not key and place < last


def _print_all(steps: Pass, told: list[Moment], console: Console) -> None:
    from rich.text import Text

    for k, moment in enumerate(told):
        said = Text.assemble(f"{k:>3}  {moment.title}. ", *moment.said)
        console.print(said, soft_wrap=True)
        for line in moment.lines:
            console.print(f"     {line}", markup=False, soft_wrap=True)
        if moment.note:
            console.print(Text.assemble("     ", *moment.note), soft_wrap=True)
    steps.seek(len(steps))
    console.print(_table(steps, told[-1], len(steps.nodes), final=True))


def _screen(
    steps: Pass, told: list[Moment], place: int, playing: bool, height: int
) -> RenderableType:
    from rich.console import Group
    from rich.panel import Panel
    from rich.progress_bar import ProgressBar
    from rich.text import Text

    moment = told[place]
    words = [Text.assemble(*phrase) for phrase in (moment.said, moment.note) if phrase]
    said = Text("\n").join([words[0], *map(Text, moment.lines), *words[1:]])
    step = _("step {k} of {n}").format(k=place, n=len(told) - 1)
    title = f"{step}: {moment.title}"
    help = _("←/→ step · Home/End jump · Space {play} · q quit").format(
        play=_("pauses") if playing else _("plays")
    )
    return Group(
        _table(steps, moment, max(3, height - 17)),
        Panel(
            said, title=title, title_align="left", subtitle=help, subtitle_align="left", height=10
        ),
        ProgressBar(
            total=max(1, len(told) - 1), completed=place, complete_style=TERMINAL["gradient"]
        ),
    )


def _table(steps: Pass, moment: Moment, room: int, final: bool = False) -> RenderableType:
    """The nodes with data and grad, as many as there is room for around the current one."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    names = names_of(steps.nodes)
    grads = steps.at(moment.position)
    leaves = {node for node in steps.nodes if not node.parents}
    valued = leaves.union([n for n in steps.nodes if n.parents][: moment.computed])
    reached = {e.target for e in steps[: moment.position] if e.settles}
    reached |= leaves if steps.ahead else set()
    if moment.computed is None:
        reached.add(steps.start)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    found = _("tangent") if steps.ahead else _("grad")
    for heading, justify in (("", "left"), (_("name"), "left"), (_("operation"), "left"),
                             (_("value"), "right"), (found, "right")):  # fmt: skip
        table.add_column(heading, justify=justify, no_wrap=True)  # type: ignore[arg-type]
    rows = [node for node in steps.nodes if is_told(steps, node)]
    current = rows.index(moment.node) if moment.node in rows else 0
    first = max(0, min(current - room // 2, len(rows) - room))
    for node in rows[first : first + room]:
        mark = ""
        if not final and node is moment.node:
            mark = "▶"
        elif not final and (moment.edge and node is moment.edge.source):
            mark = "●"
        operands = ", ".join(names[p] for p in node.parents[:4])
        more = ", …" if len(node.parents) > 4 else ""
        table.add_row(
            mark,
            Text(names[node], style="bold"),
            Text(f"{short(node.op)}({operands}{more})" if node.parents else ""),
            Text(number(node.data if node in valued else None), style=TERMINAL["value"]),
            Text(number(grads[node] if node in reached else None), style=TERMINAL["gradient"]),
            style="reverse" if mark == "▶" else None,
        )
    return table


# -- keys --------------------------------------------------------------------------

_KEYS = {
    "\x1b[D": "left", "\x1bOD": "left", "\xe0K": "left", "h": "left",
    "\x1b[C": "right", "\x1bOC": "right", "\xe0M": "right", "l": "right",
    "\x1b[H": "home", "\x1bOH": "home", "\x1b[1~": "home", "\xe0G": "home",
    "\x1b[F": "end", "\x1bOF": "end", "\x1b[4~": "end", "\xe0O": "end",
    " ": "space", "q": "quit", "Q": "quit", "\x1b": "quit", "": "",
}  # fmt: skip
# An arrow comes as several characters, the first of which is that of the Esc key.
_ONE_KEY = re.compile(r"\x1b(?:\[[\d;]*[~A-Za-z]|O[A-Z]|[^\x1b])?|.", re.DOTALL)


@contextmanager
def _keyboard() -> Iterator[Callable[[float], str]]:
    """A function that waits some seconds for a key, without the Enter key."""
    if sys.platform == "win32":
        yield _windows_key
        return
    import select
    import termios
    import tty

    descriptor = sys.stdin.fileno()
    before = termios.tcgetattr(descriptor)

    waiting: list[str] = []  # a key that is held down comes several times at once

    def next_key(seconds: float) -> str:
        if not waiting:
            if not select.select([descriptor], [], [], seconds)[0]:
                return ""
            typed = os.read(descriptor, 1024)
            if not typed:  # there is no terminal any more
                return "quit"
            waiting.extend(_ONE_KEY.findall(typed.decode(errors="replace")))
        return _KEYS.get(waiting.pop(0), "other")

    try:
        tty.setcbreak(descriptor)
        yield next_key
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)


def _windows_key(seconds: float) -> str:
    import time
    from importlib import import_module

    console = import_module("msvcrt")
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if console.kbhit():
            typed = console.getwch()
            return _KEYS.get(typed + console.getwch() if typed in "\x00\xe0" else typed, "other")
        time.sleep(0.02)
    return ""
