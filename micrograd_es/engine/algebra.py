"""What the texts of the operation table mean: algebras of numbers.

An algebra gives each name that the table uses (``exp``, ``where``, …) a meaning
and compiles the rows into functions. `FLOATS` is the forward pass of `Value`,
`arrays(np)` the replay; `derivative` and `formulas.symbols` hold the algebras of
Values and of symbols.
"""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable, Mapping
from functools import cache, partial
from typing import Any

from micrograd_es.base import ieee
from micrograd_es.engine.ops import TABLE, Operation, called

Function = Callable[..., Any]


class Algebra:
    """The functions of every row, for one kind of number.

    Parameters
    ----------
    names : mapping
        Meaning of the functions that the table calls but does not define.
    space : callable, optional
        Gives a primitive by its name, where `names` has none.
    reading : ast.NodeTransformer, optional
        How the texts are read, where not as Python has them.

    Raises
    ------
    NameError
        A row calls what is neither a row nor known to the algebra.
    """

    def __init__(
        self,
        names: Mapping[str, Any],
        space: Callable[[str], Function] | None = None,
        reading: ast.NodeTransformer | None = None,
    ) -> None:
        # PyTorch imports parts of itself only when they are needed
        known = {"__import__": __import__}
        self.names: dict[str, Any] = {"__builtins__": known, "abs": abs, "len": len, **names}
        self._reading = reading
        self._compiled: dict[tuple[Operation, str, str], Function] = {}
        for op in TABLE.values():
            # A partial may call any function of the table: tanh' uses sigmoid.
            if op.name not in self.names and (space or not op.primitive):
                found = space(op.name) if space and op.primitive else self.value(op)
                self.names[op.name] = found
        for op in TABLE.values():
            for text in (op.value, *op.df):
                if unknown := called(text) - self.names.keys() - {"where", "total"}:
                    raise NameError(f"the row {op.name!r} calls {unknown}, which is no row")

    def value(self, op: Operation) -> Function:
        """``f(*operands)`` of a row."""
        return self._compile(op, op.value)

    def partial(self, op: Operation, i: int) -> Function:
        """``df[i](y, *operands)`` of a row."""
        return self._compile(op, op.df[0 if op.variadic else i], "y, ")

    def recorded(self, op: Operation) -> Function:
        """A row as a node keeps it: ``(value, partials)``; of two operands ``(value, da, db)``."""
        texts = kept(op)
        partials = ", ".join(texts) if op.arity == 2 else f"({', '.join(texts)},)"
        return self._compile(op, f"(y := {op.value}), {partials}{' * len(a)' * op.variadic}")

    def program(self, name: str, text: str, names: dict[str, Any]) -> dict[str, Any]:
        """What a program defines, in which the texts of rows mean what they do here.

        `names` are its global names: those of this algebra, and its own.
        """
        found: dict[str, Any] = {}
        exec(compile(self._read(ast.parse(text, name)), name, "exec"), names, found)
        return found

    def _compile(self, op: Operation, text: str, first: str = "") -> Function:
        key = op, text, first
        if key not in self._compiled:
            operands = "*a" if op.variadic else ", ".join(op.operands)
            tree = ast.parse(f"lambda {first}{operands}: ({text})", f"<{op.name}>", "eval")
            code = compile(self._read(tree), f"<{op.name}>", "eval")
            self._compiled[key] = eval(code, self.names)
        return self._compiled[key]

    def _read(self, tree: Any) -> Any:
        return self._reading.visit(tree) if self._reading else tree


def kept(op: Operation) -> list[str]:
    """The texts of the partials of a row as a node keeps them.

    The partial of an operand that nothing is handed on to is None. That is a branch that
    was not taken, or what never takes a gradient.
    """
    return ["None" if not op.takes(i) else f"({text}) or None" if op.piecewise else text
            for i, text in enumerate(op.df)]  # fmt: skip


def primitive(space: Any, name: str) -> Function:
    """The function of a namespace by NumPy's name or by the one that it has there."""
    if name == "pow" and getattr(space, "__name__", "") == "numpy":
        return partial(_power, space)
    others = {"mod": "remainder", "pow": "power", "rint": "round"}
    arc = "a" + name[3:] if name.startswith("arc") else "arc" + name[1:]
    for known in (name, others.get(name, arc)):
        if hasattr(space, known):
            return getattr(space, known)  # type: ignore[no-any-return]

    def missing(*operands: Any) -> Any:
        raise NotImplementedError(f"{space.__name__} has no function {name}")

    return missing


def _power(np: Any, a: Any, b: Any, out: Any = None) -> Any:
    """NumPy's power, but for the square root that it takes where b is 1/2.

    Of -inf that is nan, and of -0.0 it is -0.0.
    """
    rooted = np.any(np.equal(b, 0.5)) and not np.all(np.greater(a, 0.0))
    return (np.float_power if rooted else np.power)(a, b, out)  # the slow one, or the fast one


# -- floats -----------------------------------------------------------------------


class _Lazy(ast.NodeTransformer):
    """Turns ``where(c, x, y)`` into ``x if c else y``: what is not chosen is not computed."""

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        if isinstance(node.func, ast.Name) and node.func.id == "where":
            test, body, orelse = node.args
            return ast.copy_location(ast.IfExp(test, body, orelse), node)
        return node


class _Ieee(_Lazy):
    """Turns ``x / y`` into a call as well, since Python's raises where y is 0."""

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        self.generic_visit(node)
        if isinstance(node.op, ast.Div):
            divide = ast.copy_location(ast.Name("divide", ast.Load()), node)
            return ast.copy_location(ast.Call(divide, [node.left, node.right], []), node)
        return node


class _Called(ast.NodeTransformer):
    """Turns operators into calls of their rows: ``x * y`` into ``mul(x, y)``."""

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        self.generic_visit(node)
        name = ast.Name(_OPERATORS[type(node.op)], ast.Load())
        return ast.fix_missing_locations(
            ast.copy_location(ast.Call(name, [node.left, node.right], []), node)
        )

    def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.AST:
        if isinstance(node.operand, ast.Constant):  # a number
            return node
        self.generic_visit(node)
        name = ast.Name("neg", ast.Load())
        return ast.fix_missing_locations(
            ast.copy_location(ast.Call(name, [node.operand], []), node)
        )


_OPERATORS: dict[type, str] = {ast.Add: "add", ast.Sub: "sub", ast.Mult: "mul", ast.Div: "div"}
LAZY, DIVIDED, CALLED = _Lazy(), _Ieee(), _Called()
FLOATS = Algebra(
    {
        # not `**`: (-8.0) ** (1/3) would be a complex number
        "pow": math.pow,
        "floor": ieee.floor,
        "rint": ieee.rint,
        "mod": operator.mod,
        "floor_divide": operator.floordiv,
        # correctly rounded, in whatever order the terms come
        "total": math.fsum,
    },
    lambda name: primitive(math, name),
    LAZY,
)

# Where those raise: 1/0, log(0), exp(1000).
IEEE = Algebra(
    {name: f for name, f in vars(ieee).items() if name in {"divide", "total", *TABLE}},
    lambda name: partial(ieee.whole, primitive(math, name)),
    DIVIDED,
)


def computed(op: Operation, *numbers: float) -> float:
    """The value of a row at floats, by Python's own functions unless they raise."""
    try:
        return float(FLOATS.value(op)(*numbers))
    except (ArithmeticError, ValueError):
        return float(IEEE.value(op)(*numbers))


# -- arrays -------------------------------------------------------------------------


def choice(xp: Any) -> Function:
    """``where`` of a namespace, of numbers too."""
    if not hasattr(xp, "set_default_dtype"):
        return xp.where  # type: ignore[no-any-return]
    # PyTorch makes float32 of two numbers
    return lambda c, x, y: xp.where(
        c, c.new_tensor(x, dtype=xp.float64) if type(x) is type(y) is float else x, y
    )


@cache
def arrays(xp: Any) -> Algebra:
    """The algebra of a namespace of the array API standard, such as NumPy.

    A ``total`` there takes a sequence of arrays and adds them one by one.
    """
    names: dict[str, Any] = {"where": choice(xp), "total": lambda terms: sum(terms[1:], terms[0])}
    return Algebra(names, lambda name: primitive(xp, name))
