"""Rows of the operation table as C functions that make nodes, written when the package is built.

Only rows are written whose numbers are, to the bit, those of Python's `math`.
"""

from __future__ import annotations

from collections.abc import Iterator

from micrograd_es.engine.digest import digest, reached
from micrograd_es.engine.ops import TABLE, Operation
from micrograd_es.native.writing import functions, written_rows

# Where Python's float has an algorithm of its own.
_OTHERWISE = {"hypot", "mod", "floor_divide", "pow"}


def rows() -> list[Operation]:
    """The rows whose nodes C makes, in the order of the table."""
    return [
        op
        for op in written_rows()
        if op.arity < 3
        and op.operator not in ("<", "<=")
        and _OTHERWISE.isdisjoint(r.name for r in reached(op))
    ]


def text() -> str:
    """Their functions, the methods of them, and their names with what tells them apart."""
    lines = ["/* Written from the operation table. */", *functions(rows()), *_makers()]
    return "\n".join([*lines, ""])


def _makers() -> Iterator[str]:
    for index, op in enumerate(rows()):
        operands = "".join(f"{x}, " for x in op.operands)
        takes = [str(int(op.takes(i))) for i in range(op.arity)]
        partials = [
            f"PARTIAL({op.name}, {i})(y, {operands}AS)" if op.takes(i) else "0.0"
            for i in range(op.arity)
        ]
        parts = [*takes, f"VALUE({op.name})({operands}AS)", *partials]
        kind = "UNARY" if op.arity == 1 else "BINARY"
        yield f"{kind}({op.name}, {index}, {int(op.piecewise)}, {', '.join(parts)})"
    yield "static PyMethodDef METHODS_OF_ROWS[] = {"
    for op in rows():
        if op.operator or op.name == "abs":  # they have no such method
            continue
        doc = f"``{op.name}({', '.join(('self', *op.operands[1:]))})`` as a new node."
        function, flag = (
            (f"method_{op.name}", "NOARGS") if op.arity == 1 else (f"made_{op.name}", "O")
        )
        yield f'    {{"{op.name}", {function}, METH_{flag}, "{doc}"}},'
    yield "    {NULL, NULL, 0, NULL},"
    yield "};"
    yield "static const struct { const char *name, *digest; } ROWS[] = {"
    for op in (*rows(), TABLE["sum"]):  # of which nodes.c has what is correctly rounded
        yield f'    {{"{op.name}", "{digest(op)}"}},'
    yield "};"
    yield f"enum {{ SUM = {len(rows())} }};"
