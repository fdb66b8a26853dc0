"""Expressions as text, such as ``2*(a*b+c)**2``, made into a graph of Values.

The text is parsed and never evaluated: what is not on the list below is refused.
"""

from __future__ import annotations

import ast
import math
import warnings
from collections.abc import Callable, Mapping
from itertools import accumulate
from typing import Any

from micrograd_es.base.languages import gettext as _
from micrograd_es.base.scalars import Number
from micrograd_es.engine.functions import function
from micrograd_es.engine.ops import TABLE, Operation
from micrograd_es.engine.value import Operand, Value, as_value
from micrograd_es.formulas.notation import short

MOST_CHARACTERS = 10_000
_NESTED = 200  # parentheses within each other, which Python's parser takes

_OPERATORS: dict[type[ast.operator] | type[ast.unaryop], str] = {
    ast.Add: "add",
    ast.Sub: "sub",
    ast.Mult: "mul",
    ast.Div: "div",
    ast.FloorDiv: "floor_divide",
    ast.Mod: "mod",
    ast.Pow: "pow",
    ast.USub: "neg",
}
FUNCTIONS: dict[str, Operation] = {
    name: op for name, op in TABLE.items() if not (op.operator or op.variadic)
}
FUNCTIONS |= {"max": TABLE["maximum"], "min": TABLE["minimum"]}
CONSTANTS = {"pi": math.pi, "e": math.e}


def parse(text: str, numbers: Mapping[str, Number]) -> tuple[Value, dict[str, Value]]:
    """The expression as a graph, and its variables by name, at the numbers given.

    Raises
    ------
    ValueError
        The text is no expression of numbers, names, ``+ - * / **`` and the functions
        of `FUNCTIONS`; or a name has no number, or a number no name.

    Examples
    --------
    >>> y, variables = parse("2*(a*b+c)**2", {"a": 1, "b": 2, "c": 3})
    >>> y.data, sorted(variables)
    (50.0, ['a', 'b', 'c'])
    """
    tree = _tree(text)
    used = _names(tree)
    for name in sorted(set(numbers) - set(used)):
        raise ValueError(_("the expression does not use {name}").format(name=_shortened(name)))
    variables = {name: Value(number, label=name) for name, number in numbers.items()}
    known = {name: Value(x, label=name) for name, x in CONSTANTS.items() if name in used}
    for name in sorted(set(used) - set(variables) - set(known)):
        raise ValueError(
            _("{name} has no number: write {name}=1, say").format(name=_shortened(name))
        )
    try:
        return as_value(_graph(tree, known | variables)), variables
    except _Refused as refused:
        what = ast.get_source_segment(text.strip(), refused.node) or ""
        raise ValueError(
            _("this has no place in an expression: {text}").format(text=_shortened(what))
        ) from None


def variables_of(text: str) -> list[str]:
    """The names that need a number, in the order in which they appear.

    Raises
    ------
    ValueError
        The text is no expression of Python's.

    Examples
    --------
    >>> variables_of("tanh(w*x + pi*b) * w")
    ['w', 'x', 'b']
    """
    return [name for name in _names(_tree(text)) if name not in CONSTANTS]


def _names(tree: ast.expr) -> list[str]:
    """What stands in it by name and is not called, in order."""
    nodes = list(ast.walk(tree))
    called = {n.func for n in nodes if isinstance(n, ast.Call)}
    names = [n for n in nodes if isinstance(n, ast.Name) and n not in called]
    names.sort(key=lambda n: (n.lineno, n.col_offset))
    return list(dict.fromkeys(n.id for n in names))


class _Refused(Exception):
    def __init__(self, node: ast.expr) -> None:
        self.node = node


def _tree(text: str) -> ast.expr:
    if len(text) > MOST_CHARACTERS:
        raise ValueError(
            _("the expression has more than {limit} characters").format(limit=MOST_CHARACTERS)
        )
    depths = accumulate((c in "([{") - (c in ")]}") for c in text)
    if max(depths, default=0) > _NESTED:
        raise ValueError(_("the expression has too many nested parentheses"))
    try:
        with warnings.catch_warnings():  # such as for 0or 1, which is refused anyway
            warnings.simplefilter("ignore")
            return ast.parse(text.strip(), mode="eval").body
    except SyntaxError as error:
        place = _("this is no expression: {text}").format(text=_shortened(text))
        if error.offset and error.lineno == 1 and len(text) < 60:
            place += " " + _("(at character {n})").format(n=min(error.offset, len(text)))
        raise ValueError(place) from None
    except (RecursionError, MemoryError):
        raise ValueError(_("the expression is nested too deeply")) from None
    except ValueError:
        raise ValueError(_("this is no expression: {text}").format(text=_shortened(text))) from None


def _graph(tree: ast.expr, names: Mapping[str, Value]) -> Operand:
    """Operands first, without recursion: ``a+a+a+…`` is as deep as it is long."""
    done: list[Operand] = []
    todo: list[ast.expr | tuple[Callable[..., Any], int]] = [tree]
    while todo:
        node = todo.pop()
        if isinstance(node, tuple):
            apply, n = node
            done[-n:] = [apply(*done[-n:])]
        elif isinstance(node, ast.Constant):
            done.append(_constant(node))
        elif isinstance(node, ast.Name) and node.id in names:
            done.append(names[node.id])
        else:
            apply, operands = _step(node)
            todo.append((apply, len(operands)))
            todo.extend(reversed(operands))
    return done[0]


def _step(node: ast.expr) -> tuple[Callable[..., Any], list[ast.expr]]:
    """What a node of the syntax tree does, and to what."""
    if isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
        if isinstance(node.op, ast.Pow):
            return lambda a, b: as_value(a) ** b, [node.left, node.right]
        return function(TABLE[_OPERATORS[type(node.op)]]), [node.left, node.right]
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.UAdd):
        return lambda a: a, [node.operand]
    if isinstance(node, ast.UnaryOp) and type(node.op) in _OPERATORS:
        return lambda a: -a, [node.operand]  # of a number, still a number: x ** -2
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and not node.keywords:
        op, name = FUNCTIONS.get(node.func.id), node.func.id
        if op is None:
            known = ", ".join(sorted(FUNCTIONS))
            raise ValueError(
                _("there is no function {name}; there are {known}").format(
                    name=_shortened(name), known=known
                )
            )
        if len(node.args) != op.arity:
            raise ValueError(
                _("{name} takes {arity} operands, not {n}").format(
                    name=name, arity=op.arity, n=len(node.args)
                )
            )
        return function(op), node.args
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitXor):
        raise ValueError(_("a power is written **, not ^"))
    raise _Refused(node)


def _constant(node: ast.Constant) -> float:
    if isinstance(node.value, bool) or not isinstance(node.value, (int, float)):
        raise _Refused(node)
    try:
        return float(node.value)
    except OverflowError:
        raise ValueError(_("a number is beyond the range of a float")) from None


def _shortened(text: str) -> str:
    return short(" ".join(text.split()), 60)
