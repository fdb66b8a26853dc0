"""Rows of the table as functions that make nodes: an operation on Values is one call.

Each is written out from the texts of its row, and compiled as the algebra of floats reads them.
What `graph.record` does stands in it too, since calling that takes longer than doing it. Where
there is native code, C does the same, to the bit. So of the row "mul" the product of two Values
is::

    a = left._data
    b = right._data
    node = new(Value)
    node._data = y = a * b
    node._da = b
    node._db = a
    node._a = left
    node._b = right
    …
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from textwrap import indent
from typing import Any

from micrograd_es.base.scalars import as_float
from micrograd_es.engine import graph
from micrograd_es.engine.algebra import FLOATS, IEEE, computed, kept
from micrograd_es.engine.digest import digest
from micrograd_es.engine.numbers import NUMBER
from micrograd_es.engine.ops import TABLE, Operation, row

Function = Callable[..., Any]

_OPERATOR = """
def of(rule):
    def made({operands}):
        if type({other}) is not Value:
            {other} = {operand}({other})
            if {other} is None:
                return NotImplemented
{node}
        return node
    return made
"""
_FUNCTION = """
def of(rule):
    def made({operands}):
{node}
        return node
    return made
"""
_EACH = """
def of(rule):
    def made(lefts, rights):
        nodes = []
        for left, right in zip(lefts, rights):
{node}
            nodes.append(node)
        return nodes
    return made
"""
_NODE = """\
{numbers}
node = new(Value)
try:
    node._data = y = {value}
    {partials}
except (ArithmeticError, ValueError):
    {beyond}
{parents}
node.grad = 0.0
node._adjoint = None
node.label = ""
node._rule = rule
if graph.watch:
    graph.watch(node)"""

_names: dict[str, Any] = {
    **FLOATS.names,
    "__name__": __name__,
    "ArithmeticError": ArithmeticError,
    "NotImplemented": NotImplemented,
    "ValueError": ValueError,
    "graph": graph,
    "ieee": IEEE.recorded,
    "new": graph.Storage.__new__,
    "type": type,
    "zip": zip,
}


def makes(kind: type[graph.Node], operand: Function, as_value: Function) -> None:
    """Tells all of these functions what class a node is, and what makes a node of an operand.

    Of what is neither a node nor a number `operand` gives None, and `as_value` an error.
    """
    _names.update(Value=kind, operand=operand, as_value=as_value)
    if graph.native:
        rows = tuple([_row_there(*named) for *named, _ in graph.native.ROWS])
        graph.native.begin(kind, rows, operand, NUMBER, _total, as_float)


def _total(terms: list[float]) -> float:
    """The sum of numbers that are not all finite, or too large."""
    return computed(TABLE["sum"], *terms)


def _row_there(name: str, number: int | None) -> Operation | None:
    return row(name, number) if name in TABLE else None


# The rows that C has as they are.
NATIVE = {op for *named, mark in (graph.native.ROWS if graph.native else ())
          if (op := _row_there(*named)) and digest(op) == mark}  # fmt: skip
# What Python calls their operators.
_SPECIAL = {"add": "add", "sub": "sub", "mul": "mul", "div": "truediv", "mod": "mod",
            "floor_divide": "floordiv", "pow": "pow", "neg": "neg", "abs": "abs"}  # fmt: skip


def _native_function(op: Operation) -> Function:
    if op.variadic:
        return graph.native.sum  # type: ignore[no-any-return]
    name = op.name if op.number is None else "raised"
    if hasattr(graph.native, name):
        return getattr(graph.native, name)  # type: ignore[no-any-return]
    special = _SPECIAL.get(name)
    return getattr(graph.Storage, f"__{special}__" if special else name)  # type: ignore[no-any-return]


def operators(op: Operation) -> tuple[Function, Function]:
    """``a ∘ b`` of a row of two operands, and its reflection, which is called with b and a.

    Python's operators leave to others what is no operand; a method refuses it.
    """
    if op in NATIVE and (name := _SPECIAL.get(op.name)):
        return getattr(graph.Storage, f"__{name}__"), getattr(graph.Storage, f"__r{name}__")
    if op in NATIVE:  # a comparison; or a method, which has no reflection
        made = _native_function(op)
        return made, getattr(graph.native, f"reflected_{op.name}", made)
    parts = {"operand": "operand" if op.operator else "as_value", "node": _node(op, 8)}
    return (
        _compiled(op, _OPERATOR.format(operands="left, right", other="right", **parts)),
        _compiled(op, _OPERATOR.format(operands="right, left", other="left", **parts)),
    )


@cache
def function(op: Operation) -> Function:
    """The node of a row on its operands, all of them Values."""
    if op in NATIVE:
        return _native_function(op)
    operands = "*parents" if op.variadic else ", ".join(_parents(op))
    return _compiled(op, _FUNCTION.format(operands=operands, node=_node(op, 8)))


def each(op: Operation) -> Function:
    """The nodes of a row of two operands on two sequences of Values, pair by pair: a list."""
    if op in NATIVE and op.name == "mul":
        return graph.native.products  # type: ignore[no-any-return]
    return _compiled(op, _EACH.format(node=_node(op, 12)))


def _compiled(op: Operation, text: str) -> Function:
    made: Function = FLOATS.program(f"<{op.name}>", text, _names)["of"](op)
    made.__name__, made.__qualname__ = op.name, f"Value.{op.name}"
    made.__doc__ = f"``{op.name}({', '.join(('self', *op.operands[1:]))})`` as a new node."
    return made


def _parents(op: Operation) -> tuple[str, ...]:
    return ("left", "right", "third")[: op.arity]


def _node(op: Operation, depth: int) -> str:
    parents, partials = _parents(op), kept(op)
    numbers = [f"{name} = {node}._data" for name, node in zip(op.operands, parents)]
    if op.arity == 2:
        parts = {
            "partials": "node._da = {}\n    node._db = {}".format(*partials),
            "beyond": "node._data, node._da, node._db = ieee(rule)(a, b)",
            "parents": "node._a = {}\nnode._b = {}".format(*parents),
        }
    elif op.variadic:
        numbers = ["a = [v._data for v in parents]"]
        parts = {
            "partials": f"node._da = ({partials[0]},) * len(a)",
            "beyond": "node._data, node._da = ieee(rule)(*a)",
            "parents": "node._a = parents\nnode._b = node._db = None",
        }
    else:
        parts = {
            "partials": f"node._da = ({', '.join(partials)},)",
            "beyond": f"node._data, node._da = ieee(rule)({', '.join(op.operands)})",
            "parents": f"node._a = ({', '.join(parents)},)\nnode._b = node._db = None",
        }
    return indent(_NODE.format(numbers="\n".join(numbers), value=op.value, **parts), " " * depth)
