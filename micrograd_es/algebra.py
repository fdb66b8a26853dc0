"""What the texts of the operation table mean: algebras of numbers.

An algebra gives each name that the table uses (``exp``, ``where``, …) a meaning
and compiles the rows into functions. `FLOATS` is the forward pass of `Value`,
`arrays(np)` the replay; `engine` and `formula` hold the algebras of Values and
of symbols.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np

from micrograd_es.ops import TABLE, Operation

Function = Callable[..., Any]


class Algebra:
    """The functions of every row, for one kind of number.

    Parameters
    ----------
    names : mapping
        Meaning of the functions that the table calls but does not define.
    lazy : bool
        ``where`` becomes Python's own conditional, so that a branch that is
        not taken is not computed either.
    """

    def __init__(self, names: Mapping[str, Any], lazy: bool = False) -> None:
        self._names: dict[str, Any] = {"__builtins__": {}, "abs": abs, "len": len, **names}
        self._lazy = lazy
        self._compiled: dict[str, Function] = {}
        for op in TABLE.values():
            # A partial may call any function of the table: tanh' uses sigmoid.
            self._names.setdefault(op.name, self.value(op))

    def value(self, op: Operation) -> Function:
        """``f(*operands)`` of a row."""
        return self._compile(op, op.value)

    def partial(self, op: Operation, i: int) -> Function:
        """``df[i](y, *operands)`` of a row."""
        return self._compile(op, op.df[0 if op.variadic else i], "y, ")

    def forward(self, op: Operation) -> Function:
        """``(value, partials)`` of a row from its operands, in one call."""
        partials = f"({', '.join(op.df)},)" + (" * len(a)" if op.variadic else "")
        return self._compile(op, f"(y := {op.value}), {partials}")

    def _compile(self, op: Operation, text: str, first: str = "") -> Function:
        operands = "*a" if op.variadic else ", ".join(op.operands)
        source = f"lambda {first}{operands}: ({text})"
        if source not in self._compiled:
            tree = ast.parse(source, f"<{op.name}>", "eval")
            if self._lazy:
                tree = ast.fix_missing_locations(_Lazy().visit(tree))
            code = compile(tree, f"<{op.name}>", "eval")
            self._compiled[source] = eval(code, self._names)
        return self._compiled[source]


class _Lazy(ast.NodeTransformer):
    """Turns ``where(c, x, y)`` into ``x if c else y``."""

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        if isinstance(node.func, ast.Name) and node.func.id == "where":
            test, body, orelse = node.args
            return ast.IfExp(test, body, orelse)
        return node


FLOATS = Algebra(
    {
        "exp": math.exp,
        "log": math.log,
        "log1p": math.log1p,
        "sqrt": math.sqrt,
        "sin": math.sin,
        "cos": math.cos,
        "tanh": math.tanh,
        # not `**`: (-8.0) ** (1/3) would be a complex number
        "pow": math.pow,
        # correctly rounded, in whatever order the terms come
        "total": math.fsum,
    },
    lazy=True,
)


@cache
def arrays(xp: Any) -> Algebra:
    """The algebra of a namespace of the array API standard, such as NumPy.

    A ``total`` there takes a sequence of arrays and adds them one by one.
    """
    # np.power takes a square root for an exponent of 1/2, and that of -inf is nan
    power = xp.float_power if xp is np else getattr(xp, "pow", None) or xp.power

    def total(terms: Any) -> Any:
        result = terms[0]
        for term in terms[1:]:
            result = result + term
        return result

    names = {
        n: getattr(xp, n) for n in ("exp", "log", "log1p", "sqrt", "sin", "cos", "tanh", "where")
    }
    # PyTorch imports parts of itself only when they are needed
    builtins = {"__import__": __import__}
    return Algebra({**names, "pow": power, "total": total, "__builtins__": builtins})


@cache
def _ieee_forward(op: Operation) -> Function:
    return arrays(np).forward(op)


def ieee(op: Operation, operands: Sequence[float]) -> tuple[float, tuple[float | None, ...]]:
    """Value and partials where Python's floats raise: 1/0, log(0), exp(1000).

    IEEE 754 has an answer to each (inf, -inf, inf, or nan), and NumPy gives it.
    """
    with np.errstate(all="ignore"):
        y, partials = _ieee_forward(op)(*map(np.float64, operands))
        return float(y), tuple(None if p is None else float(p) for p in partials)
