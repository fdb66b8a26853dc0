"""The player of a backward or a forward pass in a terminal, moved with keys."""

from __future__ import annotations

import os
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING

from micrograd_es.base.languages import gettext as _
from micrograd_es.base.palette import TERMINAL
from micrograd_es.engine.graph import Edge
from micrograd_es.engine.value import Value
from micrograd_es.formulas.nodes import Formulas, names_of, operand
from micrograd_es.formulas.notation import number, quotient, short
from micrograd_es.formulas.symbols import Formula
from micrograd_es.formulas.writing import PRODUCT, Style
from micrograd_es.stepping.steps import Pass

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

SECONDS = 1.2  # a step takes, while it plays
_LONG = 3600.0


@dataclass(frozen=True)
class Moment:
    """What is shown at once: some events have been played, and `lines` tell the last."""

    position: int
    edge: Edge | None
    lines: list[str]


def moments(steps: Pass) -> list[Moment]:
    """The pass as it is told: a product for each edge, and each sum at a fan-out by itself."""
    names = names_of(steps.nodes)
    formulas = Formulas({node: name for node, name in names.items() if node.parents or node.label})
    style = Style(latex=False, numbers=False)

    def derivative(node: Value) -> str:
        of, by = steps.derivative(node)
        return quotient(names[of], names[by])

    def factor(partial: Formula) -> str:
        return style.wrapped(style.piece(partial), PRODUCT)

    told = [Moment(0, None, [f"{derivative(steps.start)} = 1"])]
    terms = Counter(e.target for e in steps if e.arrives)
    arrived = set()
    sum_of = _("sum over the operands") if steps.ahead else _("sum at a fan-out")
    for k, e in enumerate(steps, 1):
        local = quotient(names[e.node], names[e.parent]) + operand(e.node, e.index)
        if not e.arrives:
            nothing = _("nothing goes this way") if steps.ahead else _("no gradient goes this way")
            told.append(Moment(k, e, [f"{local}: {nothing}"]))
            continue
        lines = [
            f"{derivative(e.source)} · {local}",
            f"= {derivative(e.source)} · {factor(formulas.partial(e.node, e.index))}",
            f"= {number(e.upstream)} · {_grouped(e.partial)}",
            f"= {number(e.contribution)}",
        ]
        if e.target in arrived:
            told.append(Moment(k - 1, e, lines))
            before, product = number(e.before), _grouped(e.contribution)
            total = f"{before} → {before} + {product} = {number(e.after)}"
            told.append(Moment(k, e, [f"{derivative(e.target)}: {sum_of}", total]))
        elif terms[e.target] == 1:
            told.append(Moment(k, e, [f"{derivative(e.target)} = {lines[0]}", *lines[1:]]))
        else:  # one term of several is not the gradient yet
            told.append(Moment(k, e, lines))
        arrived.add(e.target)
    return told


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
    for k, moment in enumerate(told):
        console.print(f"{k:>3}  {moment.lines[0]}", markup=False, soft_wrap=True)
        for line in moment.lines[1:]:
            console.print(f"     {line}", markup=False, soft_wrap=True)
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
    lines = Text("\n".join(moment.lines))
    lines.stylize("bold", 0, len(moment.lines[0]))
    title = _("step {k} of {n}").format(k=place, n=len(told) - 1)
    help = _("←/→ step · Home/End jump · Space {play} · q quit").format(
        play=_("pauses") if playing else _("plays")
    )
    return Group(
        _table(steps, moment, max(3, height - 14)),
        Panel(
            lines, title=title, title_align="left", subtitle=help, subtitle_align="left", height=7
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
    place = {node: i for i, node in enumerate(steps.nodes)}
    grads = steps.at(moment.position)
    reached = {steps.start} | {e.target for e in steps[: moment.position] if e.settles}
    if steps.ahead:
        reached |= {node for node in steps.nodes if not node.parents}
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    found = _("tangent") if steps.ahead else _("grad")
    for heading, justify in (("", "left"), (_("name"), "left"), (_("operation"), "left"),
                             (_("value"), "right"), (found, "right")):  # fmt: skip
        table.add_column(heading, justify=justify, no_wrap=True)  # type: ignore[arg-type]
    current = place[moment.edge.target if moment.edge else steps.start]
    first = max(0, min(current - room // 2, len(names) - room))
    for node in steps.nodes[first : first + room]:
        mark = ""
        if moment.edge and not final:
            mark = "▶" if node is moment.edge.target else "●" if node is moment.edge.source else ""
        operands = ", ".join(names[p] for p in node.parents[:4])
        more = ", …" if len(node.parents) > 4 else ""
        table.add_row(
            mark,
            Text(names[node], style="bold"),
            Text(f"{short(node.op)}({operands}{more})" if node.parents else ""),
            Text(number(node.data), style=TERMINAL["value"]),
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
