"""A row of the table, the table, and the few rows of it that the READMEs show."""

from __future__ import annotations

import os
import platform
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
BEGIN, END = "<!-- speed:begin -->", "<!-- speed:end -->"
HEADINGS = ("work", "measured", "bar", "aim", "reached", "times")
BRIEF = {"en": ("work", "measured", "times"), "es": ("trabajo", "medido", "tiempos")}
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3})")  # Spanish has a space there
THREAD = {"en": "one thread for each contestant", "es": "un hilo para cada contendiente"}


class Missing(Exception):
    """A contestant that is not installed: its row is left out."""


@dataclass(frozen=True)
class Bar:
    """Between what numbers a ratio should lie."""

    low: float = 0.0
    high: float = inf

    def __str__(self) -> str:
        if self.high == inf:
            return f"≥ {self.low:,g}×"
        return f"≤ {self.high:,g}×" if self.low == 0 else f"{self.low:g}× – {self.high:g}×"

    def reached(self, ratio: float) -> bool:
        """Whether it does."""
        return self.low <= ratio <= self.high


@dataclass(frozen=True)
class Row:
    """One line: what was measured, and how it compares with what it should be, if anything.

    `short` says why, where the bar is not reached. `spanish` says what the work is, in the rows
    that the READMEs show too.
    """

    work: str
    ratio: float
    times: str
    bar: Bar | None = None
    aim: Bar | None = None
    in_seconds: bool = False
    short: str = ""
    spanish: str = ""

    @property
    def measured(self) -> str:
        """The ratio, or the time, as it is written."""
        return seconds(self.ratio) if self.in_seconds else ratio(self.ratio)

    def cells(self) -> tuple[str, ...]:
        """The row's texts in the whole table."""
        bar, aim = (str(bound or "") for bound in (self.bar, self.aim))
        if not self.bar:
            reached = ""
        elif self.bar.reached(self.ratio):
            reached = "yes"
        else:
            reached = f"**no** ({self.short})" if self.short else "**no**"
        return self.work, self.measured, bar, aim, reached, self.times

    def brief(self, language: str) -> tuple[str, ...]:
        """The row's texts in the README in "en" or "es"."""
        if language == "en":
            return self.work, self.measured, self.times
        return tuple([_THOUSANDS.sub(" ", t) for t in (self.spanish, self.measured, self.times)])


def ratio(number: float) -> str:
    """With three significant digits."""
    return f"{number:,.0f}×" if number >= 100 else f"{number:.3g}×"


def seconds(number: float) -> str:
    """In the unit that fits."""
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if number >= size:
            return f"{number / size:.3g} {unit}"
    return f"{number * 1e9:.3g} ns"


def markdown(headings: Sequence[str], rows: Sequence[Sequence[str]], language: str) -> str:
    """A table of texts, and under it the machine that they were measured on."""
    lines = [headings, ["---"] * len(headings), *rows]
    machine = (
        f"Python {platform.python_version()}, NumPy {np.__version__}, "
        f"{os.cpu_count()} × {_processor()}, {sys.platform}, "
        f"{THREAD[language]}"
    )
    return "\n".join([*(f"| {' | '.join(cells)} |" for cells in lines), "", machine])


def write(rows: Sequence[Row]) -> list[Path]:
    """Puts the table into RESULTS.md, and some rows between the markers of both READMEs."""
    results = Path(__file__).with_name("RESULTS.md")
    table = markdown(HEADINGS, [row.cells() for row in rows], "en")
    results.write_text(f"# Speed\n\n{table}\n", "utf-8")
    written, shown = [results], [row for row in rows if row.spanish]
    for name, language in (("README.md", "en"), ("README.es.md", "es")):
        path = ROOT / name
        text = path.read_text("utf-8") if path.exists() else ""
        before, begin, rest = text.partition(BEGIN)
        _old, end, after = rest.partition(END)
        if end:
            table = markdown(BRIEF[language], [row.brief(language) for row in shown], language)
            path.write_text(f"{before}{begin}\n{table}\n{end}{after}", "utf-8")
            written.append(path)
    return written


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.machine()
