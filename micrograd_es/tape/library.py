"""Arrays of JAX or PyTorch, with the calculus of the table.

Whoever differentiates a program that runs on them, with `jax.grad` or
`torch.func.jacfwd`, gets the derivatives of the table to any order, with its conventions
at kinks: a row is a function with a rule of its own, in which its partials are texts of
the table again, made of rows. In a product of a derivative nothing stays nothing: a 0
from above is handed on as 0 through an infinite partial, for it is a branch that was not
taken or a sample that was not asked for.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, TypeAlias

from micrograd_es.engine.algebra import CALLED, Algebra, arrays
from micrograd_es.engine.custom import CustomOperation
from micrograd_es.engine.ops import TABLE, Operation

Array = Any
Function: TypeAlias = Callable[..., Any]
Rule: TypeAlias = Operation | CustomOperation

# Which operands of a product keep a 0: neither, as in a product of numbers; or the one that
# is a gradient or a direction; or both.
Keeps: TypeAlias = tuple[bool, bool]
NEITHER = (False, False)


class Library(ABC):
    """The arrays of one library.

    Parameters
    ----------
    xp : module
        Its namespace, with the names of the array API standard.
    """

    def __init__(self, xp: Any) -> None:
        self.xp = xp
        self._plain = arrays(xp)
        self.row = cache(self._row)
        names = {op.name: self.row(op, op.arity)[0] for op in TABLE.values() if not op.variadic}
        names["where"], names["mul"] = xp.where, self.times
        # PyTorch imports parts of itself only when they are needed
        names["__builtins__"] = {"__import__": __import__}
        self._derived = Algebra(names, reading=CALLED)

    def _row(self, rule: Rule, arity: int) -> tuple[Function, list[Function]]:
        """The value and the partials of an operation, as functions that can be differentiated."""
        value, partial = self._texts(rule)
        partials = [partial(i) for i in range(arity)]
        return self.function(rule, value, partials), partials

    def _texts(self, rule: Rule) -> tuple[Function, Callable[[int], Function]]:
        if isinstance(rule, CustomOperation):
            # the user's functions have to take these arrays; their own errors say so if not
            return (
                lambda *operands: rule.value(operands),
                lambda i: lambda y, *operands: rule.partials(operands)[i],
            )
        return (
            lambda *operands: self._plain.value(rule)(*operands),
            lambda i: lambda y, *operands: self._derived.partial(rule, i)(y, *operands),
        )

    def hand_on(self, rule: Rule, g: Array, local: Array, keeps: bool = True) -> Array:
        """The gradient or direction `g` times the partial `local` of a rule."""
        if rule.piecewise:  # of a branch that is not taken an infinite one is nothing either
            g, keeps = self.xp.where(local == 0.0, 0.0, g), False
        return self.times(g, local, (keeps, False))

    @abstractmethod
    def given(self, *numbers: Any) -> list[Array]:
        """What a user gives as arrays of floats of one type, on one device.

        The type is that of the first ones that are floats; all integers are floats of the
        library's default.
        """

    @abstractmethod
    def floats(self, numbers: Any, like: Array) -> Array:
        """The numbers as an array of the type and on the device of another one."""

    @abstractmethod
    def function(self, rule: Rule, value: Function, partials: Sequence[Function]) -> Function:
        """An operation element by element, with its rule of derivation."""

    @abstractmethod
    def times(self, a: Array, b: Array, keeps: Keeps = NEITHER) -> Array:
        """a · b element by element."""

    @abstractmethod
    def dot(self, a: Array, b: Array, keeps: Keeps = NEITHER) -> Array:
        """The matrix product a · b."""

    @abstractmethod
    def scattered(self, d: Array, rows: Any, size: int) -> Array:
        """Rows added to zeros, where several may fall on one."""
