"""Rows of the operation table as C functions that make nodes, written when the package is built."""

from __future__ import annotations

from collections.abc import Iterator

from micrograd_es.engine.digest import digest
from micrograd_es.engine.ops import TABLE, with_number
from micrograd_es.native.writing import functions, written_rows

# The rows whose nodes C makes, in the order of the table, and a power whose exponent is a number.
_ROWS = {op.name: op for op in written_rows()}
_ROWS["raised"] = with_number(TABLE["pow"], 1)
# What stands in no operator and no method: functions of the module.
_FUNCTIONS = ("less", "less_equal", "pow", "raised", "where")
_KINDS = {1: "UNARY", 2: "BINARY", 3: "TERNARY"}


def text() -> str:
    """Their functions, the methods of them, and their names with what tells them apart."""
    rows = functions(written_rows())
    return "\n".join(["/* Written from the operation table. */", *rows, *_makers(), ""])


def _makers() -> Iterator[str]:
    for index, (name, op) in enumerate(_ROWS.items()):
        operands = "".join(f"{x}, " for x in op.operands)
        takes = [str(int(op.takes(i))) for i in range(op.arity)]
        partials = [
            f"PARTIAL({op.name}, {i})(y, {operands}AS)" if op.takes(i) else "0.0"
            for i in range(op.arity)
        ]
        parts = [*takes, f"VALUE({op.name})({operands}AS)", *partials]
        yield f"{_KINDS[op.arity]}({name}, {index}, {int(op.piecewise)}, {', '.join(parts)})"
    yield "static PyMethodDef METHODS_OF_ROWS[] = {"
    for op in _ROWS.values():
        if op.operator or op.arity > 2 or op.name == "abs":  # they have no such method
            continue
        doc = f"``{op.name}({', '.join(('self', *op.operands[1:]))})`` as a new node."
        flag = "NOARGS" if op.arity == 1 else "O"
        yield f'    {{"{op.name}", method_{op.name}, METH_{flag}, "{doc}"}},'
    yield "    {NULL, NULL, 0, NULL},"
    yield "};"
    yield "static PyMethodDef FUNCTIONS_OF_ROWS[] = {"
    for name in _FUNCTIONS:
        yield f"    FUNCTION({name}, called_{name}),"
        if name.startswith("less"):
            yield f"    FUNCTION(reflected_{name}, reflected_{name}),"
    yield "    {NULL, NULL, 0, NULL},"
    yield "};"
    yield "static const struct { const char *name, *digest; int number; } ROWS[] = {"
    for op in (*_ROWS.values(), TABLE["sum"]):  # of which nodes.c has what is correctly rounded
        yield f'    {{"{op.name}", "{digest(op)}", {-1 if op.number is None else op.number}}},'
    yield "};"
    yield f"enum {{ SUM = {len(_ROWS)} }};"
