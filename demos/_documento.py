"""A document of text, formulas and pictures: written once, as Markdown or as a page.

Texts hold formulas between ``$``, code between backticks and bold between ``**``. In
Markdown a formula of its own stands in a ``math`` block, inside which GitHub leaves LaTeX
as it is; between ``$$`` it takes backslashes and underscores for its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

from micrograd_es.base.languages import get_language
from micrograd_es.base.languages import gettext as _
from micrograd_es.base.palette import repainted, stylesheet
from micrograd_es.base.templating import template
from micrograd_es.formulas.notation import mathml


@dataclass
class Title:
    """A heading; of level 1 is the document's own."""

    text: str
    level: int = 2

    def markdown(self) -> str:
        return f"{'#' * self.level} {self.text}"


@dataclass
class Text:
    """A paragraph."""

    text: str

    def markdown(self) -> str:
        return self.text


@dataclass
class Formula:
    """LaTeX on lines of its own; of an ``aligned`` environment the page makes a table."""

    latex: str

    def markdown(self) -> str:
        return f"```math\n{self.latex}\n```"

    def rows(self) -> Iterator[tuple[str, str]]:
        """Left side, and right side after the equals sign."""
        body = self.latex.removeprefix(_BEGIN).removesuffix(_END)
        for line in body.split(" \\\\\n") if body != self.latex else [self.latex]:
            left, _sign, right = line.partition("&=") if body != self.latex else (line, "", "")
            yield left.strip(), right.strip()


@dataclass
class Table:
    """Texts in rows below a head; the first and the last column are words, the others numbers."""

    head: Sequence[str]
    body: Sequence[Sequence[str]]

    def markdown(self) -> str:
        rule = ["---", *["---:"] * (len(self.head) - 2), "---"]
        return "\n".join("| " + " | ".join(row) + " |" for row in (self.head, rule, *self.body))


@dataclass
class Picture:
    """An SVG: a file beside the Markdown, a part of the page."""

    svg: str
    file: str
    about: str

    def markdown(self) -> str:
        return f"![{self.about}]({self.file})"


@dataclass
class Code:
    """Python."""

    text: str

    def markdown(self) -> str:
        return f"```python\n{self.text.strip()}\n```"


@dataclass
class Corrections:
    """What is wrong, where it says what, and what it should say."""

    items: Sequence[tuple[str, str, str]]

    def markdown(self) -> str:
        lines = []
        for n, (about, says, should) in enumerate(self.items, 1):
            under = " " * len(f"{n}. ") + "- "
            lines += [f"{n}. {about}", f"{under}{_('notes')}: {says}"]
            lines.append(f"{under}{_('corrected')}: {should}")
        return "\n".join(lines)


Block = Title | Text | Formula | Table | Picture | Code | Corrections

_BEGIN, _END = "\\begin{aligned}\n", "\n\\end{aligned}"


def aligned(rows: Sequence[tuple[str, str]]) -> Formula:
    """Equations below each other; an empty left side goes on with the one above."""
    return Formula(_BEGIN + " \\\\\n".join(f"{a} &= {b}" for a, b in rows) + _END)


def matrix(rows: Sequence[Sequence[str]]) -> str:
    """LaTeX of a matrix."""
    body = " \\\\\n".join(" & ".join(row) for row in rows)
    return f"\\begin{{bmatrix}}\n{body}\n\\end{{bmatrix}}"


def markdown(blocks: Sequence[Block]) -> str:
    """The document as Markdown, as GitHub reads it."""
    return "\n\n".join(block.markdown() for block in blocks) + "\n"


def page(blocks: Sequence[Block]) -> str:
    """The document as one HTML file that needs nothing else."""
    return template("base", "document.html").render(
        palette=stylesheet(),
        repainted=repainted("figure"),
        blocks=[(type(block).__name__, block) for block in blocks],
        language=get_language(),
        mathml=mathml,
        inline=_inline,
        _=_,
    )


def _inline(text: str) -> str:
    pieces = re.split(r"\$([^$]+)\$|`([^`]+)`|\*\*([^*]+)\*\*", text)
    html = ""
    for plain, formula, code, bold in zip(*(pieces[i::4] for i in range(4)), strict=False):
        html += escape(plain) + (
            mathml(formula) if formula
            else f"<code>{escape(code)}</code>" if code
            else f"<strong>{_inline(bold)}</strong>"
        )  # fmt: skip
    return html + escape(pieces[-1])
