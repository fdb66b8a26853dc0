"""The rows of the operation table as C functions, written when the package is built.

It is one more algebra: the texts are read as trees, and each becomes a C expression. A row
gives the value of one number, each of its partials, and loops of them over many numbers,
which the compiler turns into vectors. What the table names and does not define stands in
`functions.h`, or is the C library's.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from copy import copy
from functools import cache

from micrograd_es.engine.digest import digest
from micrograd_es.engine.ops import TABLE, Operation, called, tree

# What functions.h has; the first ones are arithmetic alone, in which no call is left.
VECTORS = frozenset(["abs", "sqrt", "floor", "exp", "log", "log1p", "tanh", "sin", "cos"])
OWN = VECTORS | {"pow", "mod", "floor_divide"}
# What else C's <math.h> has, by its own names.
LIBRARY = frozenset([
    "acos", "acosh", "asin", "asinh", "atan", "atan2", "atanh", "cbrt", "cosh", "erf", "erfc",
    "exp2", "expm1", "fmax", "fmin", "fmod", "hypot", "lgamma", "log10", "log2", "rint", "sinh",
    "tan", "tgamma", "trunc",
])  # fmt: skip
_SIGNS = {
    ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/",
    ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=",
}  # fmt: skip


@cache
def can_be_written(name: str) -> bool:
    """Whether C has all that a row calls."""
    op = TABLE.get(name)
    if name in OWN or op is None or op.variadic:
        return name in OWN
    if op.primitive:
        return c_name(name) in LIBRARY
    texts = (op.value, *op.df)
    return all(can_be_written(f) for t in texts for f in called(t) - {"where", name})


@cache
def is_arithmetic(name: str) -> bool:
    """Whether no call is left in the value of a row, so that a loop of it becomes vectors."""
    if name in OWN or TABLE[name].primitive:
        return name in VECTORS
    return _is_arithmetic(tree(TABLE[name].value))


def c_name(name: str) -> str:
    """A primitive's name in C: it has atan for arctan."""
    return "a" + name[3:] if name.startswith("arc") else name


def kept(op: Operation) -> bool:
    """Whether the partial is worth keeping from the forward pass, where half of it is done."""
    return op.arity == 1 and bool(called(op.df[0]) - {"where", "abs"})


def written_rows() -> list[Operation]:
    """The rows that C has, in the order of the table."""
    return [op for op in TABLE.values() if not op.variadic and _complete(op)]


def _complete(op: Operation) -> bool:
    names = {f for t in (op.value, *op.df) for f in called(t)} - {"where"}
    return can_be_written(op.name) and all(map(can_be_written, names))


# -- one text ---------------------------------------------------------------------------


class Text:
    """A text of the table on its way to C: statements, and what they lead up to."""

    def __init__(self) -> None:
        self.statements: list[str] = []
        self.names: list[str] = []

    def write(self, node: ast.expr) -> str:
        if isinstance(node, ast.Constant):
            return "INFINITY" if node.value == float("inf") else repr(node.value)
        if isinstance(node, ast.Name):
            return node.id
        if isinstance(node, ast.NamedExpr):
            self.names.append(node.target.id)
            self.statements.append(f"{node.target.id} = {self.write(node.value)};")
            return node.target.id
        if isinstance(node, ast.UnaryOp):
            return f"(-{self.write(node.operand)})"
        if isinstance(node, ast.BinOp):
            left, right = node.left, node.right
            if isinstance(left, ast.UnaryOp) and isinstance(node.op, ast.Mult):
                # (-2)·a as -(2·a): the compiler sees that its absolute value is that of 2·a
                return f"(-({self.write(left.operand)} * {self.write(right)}))"
            return f"({self.write(left)} {_SIGNS[type(node.op)]} {self.write(right)})"
        if isinstance(node, ast.Compare):
            sign = _SIGNS[type(node.ops[0])]
            return f"({self.write(node.left)} {sign} {self.write(node.comparators[0])})"
        assert isinstance(node, ast.Call)
        assert isinstance(node.func, ast.Name)
        if node.func.id == "where":
            return self.choose(*node.args)
        return self.call(node.func.id, [self.write(x) for x in node.args])

    def call(self, name: str, operands: list[str]) -> str:
        """A call of what the table names."""
        return f"{_function(name)}({', '.join([*operands, 'AS'])})"

    def both(self, chosen: ast.expr, other: ast.expr) -> bool:
        """Whether the two branches of a choice may be computed, and one of them selected."""
        return _is_arithmetic(chosen) and _is_arithmetic(other)

    def choose(self, condition: ast.expr, chosen: ast.expr, other: ast.expr) -> str:
        """Both, and a selection; or the one alone, where a call of the C library is saved."""
        test = self.write(condition)
        if self.both(chosen, other):
            return f"({test} ? {self.write(chosen)} : {self.write(other)})"
        branches = []
        result = f"t{len(self.names)}"
        self.names.append(result)
        for node in (chosen, other):
            inner = copy(self)  # with the same names
            inner.statements = []
            last = inner.write(node)
            branches.append(" ".join([*inner.statements, f"{result} = {last};"]))
        self.statements.append(f"if ({test}) {{ {branches[0]} }} else {{ {branches[1]} }}")
        return result

    def pulled(self, node: ast.expr) -> str:
        """`g` times the text; where a branch is not taken, nothing, whatever g is."""
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "where":
            test = self.write(node.args[0])
            return f"({test} ? {self.pulled(node.args[1])} : {self.pulled(node.args[2])})"
        factor = self.write(node)
        if factor == "0.0":
            return factor
        return {"1.0": "g", "(-1.0)": "(-g)"}.get(factor, f"(g * {factor})")


def _is_arithmetic(node: ast.expr) -> bool:
    calls = [n.func for n in ast.walk(node) if isinstance(n, ast.Call)]
    names = {f.id for f in calls if isinstance(f, ast.Name)} - {"where"}
    return all(map(is_arithmetic, names))


def _function(name: str) -> str:
    if name in OWN or name not in TABLE or TABLE[name].primitive:
        return f"M({name})"
    return f"VALUE({name})"


def _body(op: Operation, text: str, pulled: bool = False) -> str:
    writing = Text()
    if op.let and text == op.f:
        writing.write(tree(f"({op.let})"))
    result = writing.pulled(tree(text)) if pulled else writing.write(tree(text))
    names = f"double {', '.join(dict.fromkeys(writing.names))}; " if writing.names else ""
    unused = " ".join(f"(void){x};" for x in ("exact", "odd", *op.operands))
    return f"{unused} {names}{' '.join(writing.statements)} return {result};"


# -- the rows -----------------------------------------------------------------------------


def text() -> str:
    """The whole: the functions of all rows, their loops, and the table of the loops."""
    return "\n".join(["/* Written from the operation table. */", *_lines(), ""])


def names() -> str:
    """The rows by name and digest, in the order of the table of loops."""
    pairs = [f'    {{"{op.name}", "{digest(op)}", {int(kept(op))}}},' for op in written_rows()]
    return "\n".join(["/* Written from the operation table. */", *pairs, ""])


def _lines() -> Iterator[str]:
    rows = written_rows()
    yield from functions(rows)
    for op in rows:
        yield from _loops(op)
    yield "static const Row ROWS[] = {"
    for op in rows:
        yield f"    {_entry(op)},"
    yield "};"


def functions(rows: list[Operation]) -> Iterator[str]:
    """Value and partials of each row, and what they call."""
    for name in sorted({f for op in rows for t in (op.value, *op.df) for f in called(t)}):
        if name not in OWN | {"where"} and TABLE[name].primitive:
            yield from _primitive(TABLE[name])
    for op in rows:
        yield f"INLINE double VALUE({op.name})({_parameters(op)}HOW);"
    for op in rows:
        parameters = _parameters(op)
        yield f"INLINE double VALUE({op.name})({parameters}HOW) {{ {_body(op, op.f)} }}"
        for i in _taking(op):
            yield (
                f"INLINE double PARTIAL({op.name}, {i})(double y, {parameters}HOW) "
                f"{{ (void)y; {_body(op, op.df[i])} }}"
            )
            if op.piecewise:
                yield (
                    f"INLINE double PULL({op.name}, {i})(double g, double y, {parameters}HOW) "
                    f"{{ (void)y; (void)g; {_body(op, op.df[i], True)} }}"
                )


def _primitive(op: Operation) -> Iterator[str]:
    call = f"{c_name(op.name)}({', '.join(op.operands)})"
    yield (
        f"INLINE double M({op.name})({_parameters(op)}HOW) "
        f"{{ (void)exact, (void)odd; return {call}; }}"
    )


def _parameters(op: Operation) -> str:
    return "".join(f"double {x}, " for x in op.operands)


def _taking(op: Operation) -> list[int]:
    return [i for i in range(op.arity) if op.takes(i)]


def _loops(op: Operation) -> Iterator[str]:
    given = "".join(f"x{k}[i], " for k in range(op.arity))
    yield f"FORWARD({op.name}, ARITY_{op.arity}, VALUE({op.name})({given}AS))"
    if kept(op):
        partial = f"PARTIAL({op.name}, 0)(v, {given}AS)"
        yield f"KEEPING({op.name}, VALUE({op.name})({given}AS), {partial})"
    for i in _pulling(op):
        partial = f"PARTIAL({op.name}, {i})(y[i], {given}AS)"
        pulled = f"PULL({op.name}, {i})(g[i], y[i], {given}AS)"
        result = pulled if op.piecewise else f"g[i] * {partial}"
        yield f"PULLING({op.name}, {i}, ARITY_{op.arity}, {result})"


def _pulling(op: Operation) -> list[int]:
    """The operands whose partial is neither 1, nor kept, nor there as an operand or the result."""
    there = {"1.0", "y", *op.operands}
    return [i for i in _taking(op) if not kept(op) and op.df[i] not in there]


def _entry(op: Operation) -> str:
    keeping = f"KEEPS({op.name})" if kept(op) else "NULL"
    pulls = ["NULL"] * 3
    for i in _pulling(op):
        pulls[i] = f"PULLS({op.name}, {i})"
    return f"{{FORWARDS({op.name}), {keeping}, {{{', '.join(pulls)}}}}}"
