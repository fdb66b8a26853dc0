"""What a program of a recorded graph is made of, for each language to write (`source`).

A row's text is written in its place where that reads well, and else is a small function above.
"""

from __future__ import annotations

import ast
import keyword
import re
import textwrap
from collections.abc import Sequence, Set
from functools import cache

from micrograd_es.base import ieee
from micrograd_es.engine.ops import TABLE, Operation
from micrograd_es.native import writing

WIDTH = 96
_TAKEN = {
    *keyword.kwlist, *(f"{name}_" for name in writing.LIBRARY),
    *dir(ieee), *TABLE, *writing.LIBRARY, *writing.OWN,
    *(f"d_{name}{end}" for name in TABLE for end in ("", "_a", "_b", "_c")),
    "abs", "d_inputs", "d_parameters", "fabs", "float", "inputs", "isfinite", "map",
    "parameters", "slope", "sum", "sum_of", "value_and_grad", "auto", "break", "case", "char",
    "const",
    "continue", "default", "do", "double", "else", "enum", "extern", "for", "goto", "if",
    "inline", "int", "long", "register", "restrict", "return", "short", "signed", "sizeof",
    "static", "struct", "switch", "typedef", "union", "unsigned", "void", "volatile", "while",
    "asm", "typeof", "linux", "unix", "isinf", "isnan", "isnormal", "signbit", "copysign",
    "main", "NAN", "INFINITY",
}  # fmt: skip
_MACRO = re.compile("(M|FP|MATH|HUGE)_[A-Z0-9_]*")


def is_taken(name: str) -> bool:
    """Whether a name means something else in a program, in one language or another."""
    return name in _TAKEN or _MACRO.fullmatch(name) is not None


class Language:
    """A program on its way: functions by name, then the lines of the one that is asked for."""

    derives = True  # whether it has a backward pass

    def __init__(self) -> None:
        self.functions: dict[str, str] = {}
        self.lines: list[str] = []
        self.within = ""
        self.templates: dict[str, str] = {}

    # -- what a program is made of ----------------------------------------------------

    def begin(self, inputs: Sequence[str], parameters: Sequence[str], unused: Set[str]) -> None:
        """The inputs and the parameters get their names, where they have a use."""
        raise NotImplementedError

    def end(self, outputs: Sequence[str], inputs: Sequence[str], parameters: Sequence[str]) -> str:
        """The whole text, with the results handed back."""
        raise NotImplementedError

    def constant(self, name: str, number: float) -> None:
        """A number that has a name."""
        raise NotImplementedError

    def zeros(self, names: Sequence[str], flags: Sequence[str], output: str) -> None:
        """The gradients before the backward pass: 1 of the output, if any, and 0 of all others."""
        raise NotImplementedError

    def node(self, name: str, op: Operation, operands: Sequence[str]) -> None:
        """The line of a node."""
        if op.variadic:
            self.assign(name, self.sum(operands))
        else:
            self.assign(name, self.written(op, op.f, op.name, "", operands))

    def edge(
        self,
        name: str,
        parent: str,
        op: Operation,
        index: int,
        operands: Sequence[str],
        within: str,
        reaches: bool,
    ) -> None:
        """The line that hands a gradient on from a node to an operand.

        `within` names the node whose gradient has to have come for it, if any, and `reaches`
        says to note that one has come to the operand.
        """
        text = op.df[0 if op.variadic else index]
        function = f"d_{op.name}" + (f"_{'abc'[index]}" if op.arity > 1 else "")
        given = operands[:1] if op.variadic else operands
        if within != self.within:
            self.leave()
            self.within = within
            if within:
                self.open("    ", f"reached_{within}")
        margin = "        " if within else "    "
        inner = margin
        if op.piecewise:
            self.assign("slope", self.written(op, text, function, name, given), margin)
            self.open(margin, "slope != 0.0")
            inner += "    "
        factor = "slope" if op.piecewise else self.written(op, text, function, name, given)
        sign, product = "+", f"d_{name} * {self.factor(factor)}"
        if text in ("1.0", "-1.0") and not op.piecewise:
            sign, product = ("-" if text == "-1.0" else "+"), f"d_{name}"
        self.statement(f"d_{parent} {sign}= {product}", inner)
        if reaches:
            self.statement(f"reached_{parent} = {self.true}", inner)
        if op.piecewise:
            self.close(margin)

    def leave(self) -> None:
        """The end of the lines for which a gradient has to have come."""
        if self.within:
            self.close("    ")
            self.within = ""

    # -- texts of rows ----------------------------------------------------------------

    def written(
        self, op: Operation, text: str, function: str, y: str, operands: Sequence[str]
    ) -> str:
        """A text of a row with names in it, or a call of the function that it has become."""
        if not _reads_well(op, text):
            if text == op.f:
                return f"{self.value(op)}({', '.join(operands)})"
            used = [x for x in ("y", *op.operands) if re.search(rf"\b{x}\b", text)]
            if function not in self.functions:
                self.functions[function] = self.define(function, used, text)
            place = dict(zip(("y", *op.operands), (y, *operands)))
            return f"{function}({', '.join([place[x] for x in used])})"
        template = self.template(text)
        return template.format(y=y, **dict(zip("abc", operands)))

    def value(self, op: Operation) -> str:
        """The name of a function of the value of a row, which is there from now on."""
        name = self.named(op)
        if name not in self.functions:
            self.functions[name] = self.define(name, op.operands, op.f, op.let)
        return name

    def template(self, text: str) -> str:
        """A text of the table with braces around what stands for a node."""
        raise NotImplementedError

    def define(self, name: str, operands: Sequence[str], text: str, let: str = "") -> str:
        """A function of that text."""
        raise NotImplementedError

    def named(self, op: Operation) -> str:
        """What the function of a row's value is called."""
        return op.name

    def call(self, name: str) -> str:
        """The name of a function that a text calls, which is there from now on."""
        raise NotImplementedError

    def sum(self, terms: Sequence[str]) -> str:
        """The sum of any number of terms."""
        raise NotImplementedError

    # -- statements -------------------------------------------------------------------

    true = "True"

    def assign(self, name: str, text: str, margin: str = "    ") -> None:
        """A name for a number."""
        raise NotImplementedError

    def statement(self, text: str, margin: str = "    ") -> None:
        """One line."""
        raise NotImplementedError

    def open(self, margin: str, condition: str) -> None:
        """What follows is done on a condition."""
        raise NotImplementedError

    def close(self, margin: str) -> None:
        """The end of what is done on a condition."""
        raise NotImplementedError

    def factor(self, text: str) -> str:
        """A text as a factor, in parentheses unless it is one thing."""
        return text if re.fullmatch(r"[\w.]+|\w+\([^()]*\)|\([^()]*\)", text) else f"({text})"


@cache
def _reads_well(op: Operation, text: str) -> bool:
    """Whether a text stands in a line as it is; a function of the user's language otherwise."""
    return not (":=" in text or text.count("where(") > 1 or (op.let and text == op.f))


def renamed(text: str) -> ast.expr:
    """The tree of a text, in which what stands for a node is in braces."""
    found = ast.parse(text, mode="eval").body
    for node in ast.walk(found):
        if isinstance(node, ast.Name) and node.id in ("a", "b", "c", "y"):
            node.id = f"{{{node.id}}}"
    return found


def pieces(text: str, width: int = WIDTH, margin: str = "", further: str = "") -> list[str]:
    """Lines of a text, cut at its spaces."""
    return textwrap.wrap(
        text, width, initial_indent=margin, subsequent_indent=margin + further,
        break_long_words=False, break_on_hyphens=False,
    )  # fmt: skip


def wrapped(text: str, margin: str) -> str:
    """A text that may be long, on as many lines as it takes."""
    return "\n".join(pieces(text, margin=margin, further="    "))
