"""The rows of the table as NumPy calls that write into arrays that are there already.

It is the array algebra once more, with a place for every intermediate result. A partial
is not computed and multiplied, but handed the gradient that comes from above: where it
is 1 the gradient passes, and ``where`` chooses between what its two branches hand on.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Sequence
from functools import cache, partial
from typing import Any

import numpy as np

from micrograd_es.base.arrays import Array
from micrograd_es.engine.algebra import FLOATS, primitive
from micrograd_es.engine.ops import TABLE, Operation, tree

Names = dict[str, Any]

_FUNCTIONS: dict[Any, Any] = {
    ast.Add: np.add, ast.Sub: np.subtract, ast.Mult: np.multiply, ast.Div: np.divide,
    ast.Lt: np.less, ast.LtE: np.less_equal, ast.Gt: np.greater, ast.GtE: np.greater_equal,
}  # fmt: skip


class CallWriter:
    """Turns texts of the table into calls, of one step.

    Parameters
    ----------
    calls : list
        Where they go.
    scratch : callable
        ``scratch(slot, shape, dtype)``, an array for an intermediate result.
    """

    def __init__(
        self, calls: list[Callable[[], Any]], scratch: Callable[[int, Any, Any], Array]
    ) -> None:
        self._calls, self._scratch = calls, scratch
        self._slots = 0
        self._taken: Array | None = None
        # by id, of arrays that are kept: another one cannot get the same id meanwhile
        self._free: set[int] = set()
        self._kept: list[Array] = []

    def emit(self, function: Callable[..., Any], *arguments: Any, **named: Any) -> None:
        self._calls.append(partial(function, *arguments, **named))

    def temporary(self, shape: tuple[int, ...], dtype: Any = float) -> Array:
        """An array for an intermediate result of this step."""
        self._slots += 1
        self._kept.append(self._scratch(self._slots, shape, dtype))
        return self._kept[-1]

    def put(self, result: Any, out: Array) -> None:
        """Sees that the result stands in `out`."""
        if result is not out:
            self.emit(np.copyto, out, result)

    def value_of(self, op: Operation, operands: Sequence[Array], out: Array | None) -> Any:
        """The value of a row, perhaps in `out`."""
        names = dict(zip(op.operands, operands))
        if op.short:
            return self._value(tree(op.short), names, out)
        if op.let:
            self._let(tree(f"({op.let})"), names)
        return self._value(tree(op.f), names, out)

    def pulled_back(
        self,
        op: Operation,
        k: int,
        y: Array,
        operands: Sequence[Array],
        g: Array,
        out: Array | None,
    ) -> Array:
        """The gradient `g` times the k-th partial of a row, perhaps in `out`."""
        if self._taken is not None:  # by the first of two, and the other one takes the rest
            rest: Array = self._call(np.subtract, (g, self._taken), out)
            return rest
        names = {"y": y, **dict(zip(op.operands, operands))}
        result: Array | float = self._times(tree(op.df[k]), names, g, out)
        if isinstance(result, float):
            full = self.temporary(g.shape) if out is None else out
            self.emit(np.copyto, full, result)
            result = full
        if divides(op):
            self._taken = result
        return result

    def _times(self, node: Any, names: Names, g: Array, out: Array | None) -> Any:
        if _calls_where(node):
            condition = self._value(node.args[0], names)
            chosen, other = (self._times(n, names, g, None) for n in node.args[1:])
            if isinstance(chosen, float) and chosen == 0.0:
                self.emit(np.logical_not, condition, condition)
                return self._call(np.multiply, (other, condition), out)
            if isinstance(other, float) and other == 0.0:
                return self._call(np.multiply, (chosen, condition), out)
            return self._where(condition, chosen, other, out)
        factor = self._value(node, names)
        if isinstance(factor, float) and factor in (0.0, 1.0):
            return g if factor else 0.0
        if isinstance(factor, float) and factor == -1.0:
            return self._call(np.negative, (g,), out)
        return self._call(np.multiply, (g, factor), out)

    def _value(self, node: Any, names: Names, out: Array | None = None) -> Any:
        if isinstance(node, ast.Constant):
            return node.value
        if isinstance(node, ast.Name):
            return names[node.id]
        if isinstance(node, ast.NamedExpr):
            return self._let(node, names)
        if isinstance(node, ast.BinOp):
            pair = self._value(node.left, names), self._value(node.right, names)
            return self._call(_FUNCTIONS[type(node.op)], pair, out)
        if isinstance(node, ast.UnaryOp):
            return self._call(np.negative, (self._value(node.operand, names),), out)
        if isinstance(node, ast.Compare):
            pair = self._value(node.left, names), self._value(node.comparators[0], names)
            return self._call(_FUNCTIONS[type(node.ops[0])], pair, None, bool)
        if _calls_where(node):
            condition, chosen, other = (self._value(x, names) for x in node.args)
            return self._where(condition, chosen, other, out)
        operands = [self._value(x, names) for x in node.args]
        op = TABLE[node.func.id]
        if op.primitive or op.short == ast.unparse(node):
            return self._call(primitive(np, op.name), operands, out)
        for operand in operands:  # a row of the table may look at them more than once
            self._free.discard(id(operand))
        return self.value_of(op, operands, out)

    def _let(self, node: Any, names: Names) -> Any:
        """The value that the text names, to be used again."""
        names[node.target.id] = result = self._value(node.value, names)
        self._free.discard(id(result))
        return result

    def _where(self, condition: Any, chosen: Any, other: Any, out: Array | None) -> Array:
        shape = _shape((condition, chosen, other))
        if out is None or out.shape != shape:
            out = self.temporary(shape)
        if all(isinstance(x, float) for x in (chosen, other)) and (chosen, other) == (1.0, 0.0):
            self.emit(np.copyto, out, condition)
            return out
        # faster than a copy with a mask, which the processor cannot foresee
        self.emit(_choose, condition, chosen, other, out)
        return out

    def _call(
        self, function: Any, operands: Sequence[Any], out: Array | None, dtype: Any = float
    ) -> Any:
        if not any(isinstance(x, np.ndarray) for x in operands):
            return function(*operands).item()
        shape = _shape(operands)
        if out is None or out.shape != shape:
            out = None
            for x in operands:  # an intermediate result that nobody else needs
                if id(x) in self._free and x.shape == shape and x.dtype == dtype:
                    out = x
            if out is None:
                out = self.temporary(shape, dtype)
                self._free.add(id(out))
        if function in (np.maximum, np.minimum):  # which want it by name
            self.emit(function, *operands, out=out)
        else:
            self.emit(function, *operands, out)
        return out


@cache
def divides(op: Operation) -> bool:
    """Whether two operands share the gradient between them, as those of a maximum do.

    Their partials are constants, which the comparison of one with the other decides, and unless
    one is nan they add up to 1.
    """
    compared = [
        {ast.unparse(n.left), ast.unparse(n.comparators[0])}
        for text in op.df
        for n in ast.walk(tree(text))
        if isinstance(n, ast.Compare)
    ]
    return (
        op.piecewise
        and op.arity == 2
        and all(pair == {"a", "b"} for pair in compared)
        and all(
            FLOATS.partial(op, 0)(0.0, 1.0, b) + FLOATS.partial(op, 1)(0.0, 1.0, b) == 1.0
            for b in (0.0, 1.0, 2.0)
        )
    )


def _shape(operands: Iterable[Any]) -> tuple[int, ...]:
    """The shape that they are broadcast to."""
    shapes = {x.shape for x in operands if isinstance(x, np.ndarray)}
    return shapes.pop() if len(shapes) == 1 else np.broadcast_shapes(*shapes)


def _calls_where(node: Any) -> bool:
    return isinstance(node, ast.Call) and getattr(node.func, "id", "") == "where"


def _choose(condition: Array, chosen: Any, other: Any, out: Array) -> None:
    out[...] = np.where(condition, chosen, other)
