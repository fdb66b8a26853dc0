"""A program of a recorded graph in C."""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Sequence, Set
from functools import cache
from pathlib import Path

from micrograd_es.engine.ops import TABLE, Operation
from micrograd_es.native import writing
from micrograd_es.tape.languages import WIDTH, Language, pieces, renamed, wrapped


class _CText(writing.Text):
    """A text of the table on its way to C that is read by people."""

    def __init__(self, language: C) -> None:
        super().__init__()
        self.language = language

    def call(self, name: str, operands: list[str]) -> str:
        return f"{self.language.call(name)}({', '.join(operands)})"

    def both(self, chosen: ast.expr, other: ast.expr) -> bool:
        return not any(isinstance(n, ast.NamedExpr) for x in (chosen, other) for n in ast.walk(x))


# Where a line of C ends: after a brace or a semicolon.
_PARTS = re.compile(r"(?<=[{;]) | (?=\})|(?<=\}) (?!else)")


class C(Language):
    """A file of C99 that includes <math.h>."""

    true = "1"

    def begin(self, inputs: Sequence[str], parameters: Sequence[str], unused: Set[str]) -> None:
        self.lines += [
            "/* The value; its derivatives with respect to inputs and parameters are written where",
            "   d_inputs and d_parameters point. */",
            "double value_and_grad(const double *inputs, const double *parameters,",
            "                      double *d_inputs, double *d_parameters) {",
        ]
        for names, given in (inputs, "inputs"), (parameters, "parameters"):
            for k, name in enumerate(names):
                if name not in unused:
                    self.statement(f"const double {name} = {given}[{k}]")
            if unused >= {*names}:
                self.statement(f"(void){given}")
            if not names:
                self.statement(f"(void)d_{given}")
        self.lines.append("")

    def end(self, outputs: Sequence[str], inputs: Sequence[str], parameters: Sequence[str]) -> str:
        self.leave()
        if any(line.lstrip().startswith("slope = ") for line in self.lines):
            self.lines.insert(4, "    double slope;")
        self.lines.append("")
        for names, given in (inputs, "d_inputs"), (parameters, "d_parameters"):
            for k, name in enumerate(names):
                self.statement(f"{given}[{k}] = d_{name}")
        self.statement(f"return {outputs[0]}")
        return "\n".join(
            [
                "/* cc -std=c99 -O2 -c, without -ffast-math; to be linked with -lm. */",
                "#include <math.h>", "", *(f"{f}\n" for f in self.functions.values()),
                *self.lines, "}", "",
            ]
        )  # fmt: skip

    def constant(self, name: str, number: float) -> None:
        written = {math.inf: "INFINITY", -math.inf: "-INFINITY"}.get(number, repr(number))
        self.statement(f"const double {name} = {'NAN' if math.isnan(number) else written}")

    def zeros(self, names: Sequence[str], flags: Sequence[str], output: str) -> None:
        self.lines.append("")
        for kind, known in (
            ("double", [f"d_{name}~=~0.0" for name in names]),
            ("int", [f"reached_{name}~=~0" for name in flags]),
        ):
            for line in pieces(", ".join(known), WIDTH - 16):
                self.statement(f"{kind} {line.rstrip(',').replace('~', ' ')}")
        if output:
            self.statement(f"d_{output} = 1.0")

    def template(self, text: str) -> str:
        if text not in self.templates:
            found = _CText(self).write(renamed(text))
            tree = ast.parse(text, mode="eval").body
            bare = isinstance(tree, (ast.Name, ast.Constant))
            bare = bare or (isinstance(tree, ast.Call) and not text.startswith("where("))
            self.templates[text] = found if bare else found[1:-1]
        return self.templates[text]

    def define(self, name: str, operands: Sequence[str], text: str, let: str = "") -> str:
        writes = _CText(self)
        if let:
            writes.write(ast.parse(f"({let})", mode="eval").body)
        result = writes.write(ast.parse(text, mode="eval").body)
        lines = [f"static double {name}({', '.join(f'double {x}' for x in operands)}) {{"]
        if writes.names:
            lines.append(f"    double {', '.join(dict.fromkeys(writes.names))};")
        depth = 1
        for part in _PARTS.split(" ".join([*writes.statements, f"return {result};"])):
            depth -= part.startswith("}")
            lines.append(wrapped(part, "    " * depth))
            depth += part.endswith("{")
        return "\n".join([*lines, "}"])

    def named(self, op: Operation) -> str:
        return f"{op.name}_" if op.name in writing.LIBRARY else op.name

    def call(self, name: str) -> str:
        if name in _plain():
            self.functions[name] = _plain()[name]
            return name
        if name in TABLE and not TABLE[name].primitive:
            return self.value(TABLE[name])
        known = "fabs" if name == "abs" else writing.c_name(name)
        if known not in writing.LIBRARY | writing.OWN | {"fabs"}:
            raise ValueError(f"C has no function {name}")
        return known

    def sum(self, terms: Sequence[str]) -> str:
        return f"{self.call('sum_of')}({len(terms)}, (const double[]){{{', '.join(terms)}}})"

    def assign(self, name: str, text: str, margin: str = "    ") -> None:
        kind = "" if name == "slope" else "const double "
        self.lines.append(wrapped(f"{kind}{name} = {text};", margin))

    def statement(self, text: str, margin: str = "    ") -> None:
        self.lines.append(f"{margin}{text};")

    def open(self, margin: str, condition: str) -> None:
        self.lines.append(f"{margin}if ({condition}) {{")

    def close(self, margin: str) -> None:
        self.lines.append(f"{margin}}}")


@cache
def _plain() -> dict[str, str]:
    """The functions of plain.h by name, each with the comment above it."""
    text = Path(writing.__file__).with_name("plain.h").read_text("utf-8")
    found = re.findall(r"^(/\*[^\n]*\*/\n)static inline (double (\w+)\(.*?^\}$)", text, re.M | re.S)
    return {name: f"{comment}static {function}" for comment, function, name in found}
