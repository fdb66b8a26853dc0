"""A program of a recorded graph in Python."""

from __future__ import annotations

import ast
import inspect
import math
from collections.abc import Sequence, Set
from itertools import accumulate
from typing import ClassVar

from micrograd_es.base import ieee
from micrograd_es.engine.algebra import DIVIDED, primitive
from micrograd_es.engine.ops import TABLE
from micrograd_es.tape.languages import WIDTH, Language, pieces, renamed, wrapped


class Python(Language):
    """A module that imports `math`."""

    head: ClassVar[tuple[str, ...]] = (
        "def value_and_grad(inputs, parameters):",
        '    """The value, and its derivatives with respect to inputs and parameters."""',
    )

    def begin(self, inputs: Sequence[str], parameters: Sequence[str], unused: Set[str]) -> None:
        self.lines += self.head
        for names, given in (inputs, "inputs"), (parameters, "parameters"):
            self._long(f"    [{', '.join(names)}] = map(float, {given})")
        self.lines += [""]

    def end(self, outputs: Sequence[str], inputs: Sequence[str], parameters: Sequence[str]) -> str:
        results = [", ".join([f"d_{name}" for name in names]) for names in (inputs, parameters)]
        self._long(f"    return {outputs[0]}, [{results[0]}], [{results[1]}]")
        return self._whole()

    def _whole(self) -> str:
        return "\n".join(
            ["import math", "", "", *(f"{f}\n\n" for f in self.functions.values()), *self.lines, ""]
        )

    def constant(self, name: str, number: float) -> None:
        written = repr(number) if math.isfinite(number) else f'float("{number}")'
        self.statement(f"{name} = {written}")

    def zeros(self, names: Sequence[str], flags: Sequence[str], output: str) -> None:
        self.lines.append("")
        for start, number in (
            ([f"d_{name}" for name in names], "0.0"),
            ([f"reached_{name}" for name in flags], "False"),
        ):
            for line in pieces(" ".join(start), WIDTH // 2):
                self.statement(f"{line.replace(' ', ' = ')} = {number}")
        if output:
            self.statement(f"d_{output} = 1.0")

    def template(self, text: str) -> str:
        if text not in self.templates:
            self.templates[text] = ast.unparse(self._read(renamed(text)))
        return self.templates[text]

    def define(self, name: str, operands: Sequence[str], text: str, let: str = "") -> str:
        lines = [f"def {name}({', '.join(operands)}):"]
        if let:
            known, _, meaning = let.partition(" := ")
            lines.append(f"    {known} = {self._body(meaning)}")
        line = f"    return {self._body(text)}"
        if len(line) > WIDTH:
            line = f"    return (\n{wrapped(self._body(text), '        ')}\n    )"
        return "\n".join([*lines, line])

    def _body(self, text: str) -> str:
        return ast.unparse(self._read(ast.parse(text, mode="eval").body))

    def _read(self, node: ast.expr) -> ast.expr:
        read: ast.expr = DIVIDED.visit(node)
        for n in ast.walk(read):
            if isinstance(n, ast.Call) and isinstance(n.func, ast.Name):
                n.func.id = self.call(n.func.id)
        return ast.fix_missing_locations(read)

    def call(self, name: str) -> str:
        if name == "abs" or name in self.functions:
            return name
        if name in TABLE and not TABLE[name].primitive:
            return self.value(TABLE[name])
        if name in vars(ieee):
            return self._quoted(name)
        self._quoted("whole")
        operands, known = ", ".join(TABLE[name].operands), primitive(math, name).__name__
        self.functions[name] = (
            f"def {name}({operands}):\n    return whole(math.{known}, {operands})"
        )
        return name

    def _quoted(self, name: str) -> str:
        """A function of `ieee`, as it stands there but for the types."""
        if name not in self.functions:
            text = inspect.getsource(getattr(ieee, name))
            function = ast.parse(text).body[0]
            assert isinstance(function, ast.FunctionDef)
            given = [*function.args.args, *filter(None, [function.args.vararg])]
            for argument in given:
                argument.annotation = None
            body = text.splitlines()[function.body[0].lineno - 1 :]
            for other in sorted({n.id for n in ast.walk(function) if isinstance(n, ast.Name)}):
                if inspect.isfunction(vars(ieee).get(other)) and other != name:
                    self._quoted(other)
            head = f"def {name}({ast.unparse(function.args)}):"
            self.functions[name] = "\n".join([head, *body])
        return name

    def sum(self, terms: Sequence[str]) -> str:
        return f"{self._quoted('total')}([{', '.join(terms)}])"

    def assign(self, name: str, text: str, margin: str = "    ") -> None:
        self._long(f"{margin}{name} = {text}")

    def statement(self, text: str, margin: str = "    ") -> None:
        self.lines.append(margin + text)

    def _long(self, line: str) -> None:
        """A line, or several where it is long; it is cut between brackets alone."""
        if len(line) > WIDTH and "[" in line:
            margin = line[: len(line) - len(line.lstrip())]
            depth = accumulate((c in "([") - (c in ")]") for c in line.lstrip())
            held = "".join(c if d or c != " " else "\0" for c, d in zip(line.lstrip(), depth))
            line = wrapped(held, margin).replace("\0", " ")
        self.lines.append(line)

    def open(self, margin: str, condition: str) -> None:
        self.lines.append(f"{margin}if {condition}:")

    def close(self, margin: str) -> None:
        """Nothing: the indentation says it."""


class Values(Python):
    """A module whose function gives the values alone, of any number of outputs."""

    derives = False
    head = ("def values(inputs, parameters):",)

    def end(self, outputs: Sequence[str], inputs: Sequence[str], parameters: Sequence[str]) -> str:
        self._long(f"    return [{', '.join(outputs)}]")
        return self._whole()
