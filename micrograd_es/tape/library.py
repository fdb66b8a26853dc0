"""What a program runs on: the arrays of one library, with the calculus of the table.

On a `Derived` one the program can itself be differentiated, by `jax.grad` or
`torch.func.jacfwd`, and gives the derivatives of the table to any order, with its
conventions at kinks: a row is a function with a rule of its own, in which its partials are
texts of the table again, made of rows.

In a product that hands a gradient on nothing stays nothing: a 0 from above is handed on as
0 through an infinite partial, for it is a branch that was not taken or a sample that was
not asked for.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, TypeAlias

from micrograd_es.engine.algebra import CALLED, Algebra, arrays, choice
from micrograd_es.engine.custom import CustomOperation
from micrograd_es.engine.ops import TABLE, Operation
from micrograd_es.tape.customs import Array, Customs, Function

Rule: TypeAlias = Operation | CustomOperation

Found: TypeAlias = tuple[Array, Array]

# Which operands of a product keep a 0, whatever the other one is: neither, as in a product
# of numbers, or the gradients among them.
Keeps: TypeAlias = tuple[bool, bool]
NEITHER = (False, False)


class Library(ABC):
    """The arrays of one library.

    Parameters
    ----------
    xp : module
        Its namespace, with the names of the array API standard.
    custom : callable
        For a custom operation its value and its partials on these arrays.
    """

    def __init__(self, xp: Any, custom: Customs) -> None:
        self.xp = xp
        self._algebra, self._custom = arrays(xp), custom

    def value(self, rule: Rule) -> Function:
        """``f(*operands)`` of an operation, element by element."""
        if isinstance(rule, CustomOperation):
            return self._custom(rule)[0]
        return self._algebra.value(rule)

    def partial(self, rule: Rule, i: int) -> Function:
        """``df[i](y, *operands)`` of an operation."""
        if isinstance(rule, CustomOperation):
            return self._custom(rule)[1](i)
        return self._algebra.partial(rule, i)

    def hand_on(self, rule: Rule, g: Array, local: Array, keeps: bool) -> Array:
        """The gradient or direction `g` times the partial `local` of an operation."""
        if rule.piecewise:  # of a branch that is not taken an infinite one is nothing either
            g, keeps = self.xp.where(local == 0.0, 0.0, g), False
        return self.times(g, local, (keeps, False))

    @abstractmethod
    def floats(self, numbers: Any, like: Array) -> Array:
        """The numbers as an array of the type and on the device of another one."""

    @abstractmethod
    def fixed(self, numbers: Array) -> Array:
        """The numbers as a constant, in the eyes of whoever differentiates."""

    @abstractmethod
    def scattered(self, d: Array, rows: Any, size: int) -> Array:
        """Rows added to zeros, where several may fall on one."""

    def times(self, a: Array, b: Array, keeps: Keeps = NEITHER) -> Array:
        """a · b element by element."""
        return plain_times(self.xp, a, b, keeps)

    def turned(self, matrix: Array) -> Array:
        """A matrix with its axes changed, as the left factor of a product."""
        return matrix.T

    def dot(self, a: Array, b: Array, keeps: Keeps = NEITHER) -> Array:
        """The matrix product a · b."""
        return plain_dot(self.xp, a, b, keeps)


def plain_times(xp: Any, a: Array, b: Array, keeps: Keeps) -> Array:
    """a · b element by element, of the arrays of a namespace."""
    product = a * b
    for x, keeps_zero in zip((a, b), keeps):
        if keeps_zero:
            product = xp.where(x == 0.0, 0.0, product)
    return product


def term_by_term(xp: Any, a: Array, b: Array, keeps: Keeps) -> Array:
    """A matrix product as the sum of products of the elements."""
    return xp.sum(plain_times(xp, a[..., None], b[..., None, :, :], keeps), axis=-2)


def others(a: Array, b: Array, keeps: Keeps) -> list[Array]:
    """Of which it has to be known that they are finite, for 0 times what is finite is 0."""
    return [x for x, keeps_zero in zip((b, a), keeps) if keeps_zero]


def plain_dot(xp: Any, a: Array, b: Array, keeps: Keeps) -> Array:
    """The matrix product of the arrays of a namespace."""
    if all(bool(xp.all(xp.isfinite(x))) for x in others(a, b, keeps)):
        return xp.matmul(a, b)
    return term_by_term(xp, a, b, keeps)


class Derived(Library):
    """Arrays of a library that differentiates."""

    def __init__(self, xp: Any, custom: Customs) -> None:
        super().__init__(xp, custom)
        self._values: dict[Rule, Function] = {}
        names: dict[str, Any] = {
            op.name: self.value(op) for op in TABLE.values() if not op.variadic
        }
        names["where"], names["mul"] = choice(xp), self.times
        self._partials = Algebra(names, reading=CALLED)

    def value(self, rule: Rule) -> Function:
        """``f(*operands)`` of an operation, with its partials as its rule of derivation."""
        if rule not in self._values:
            self._values[rule] = self.function(rule, super().value(rule))
        return self._values[rule]

    def partial(self, rule: Rule, i: int) -> Function:
        """``df[i](y, *operands)`` of an operation, made of such functions."""
        if isinstance(rule, CustomOperation):
            return super().partial(rule, i)
        return self._partials.partial(rule, i)

    @abstractmethod
    def given(self, *numbers: Any) -> list[Array]:
        """What a user gives as arrays of floats of one type, on one device.

        The type is that of the first ones that are floats; integers count as floats of the
        library's default.
        """

    def at(self, *numbers: Array) -> Library:
        """What to run on: this, unless the library tells that nobody differentiates."""
        return self

    @abstractmethod
    def finite(self, found: Found, again: Callable[[], Found]) -> Found:
        """What has been found, where all of it is finite, or else what comes out again.

        Where that is so in one of many that are mapped, all of them are done again.
        """

    def derived(self, apart: Function) -> Function:
        """What gives values and gradients node by node, as a function to be differentiated.

        It takes what is given, (n, B), and weights, (B,). The second derivatives may be nan.
        """
        return apart

    @abstractmethod
    def function(self, rule: Rule, value: Function) -> Function:
        """The value of an operation as a function that can be differentiated."""

    @abstractmethod
    def times(self, a: Array, b: Array, keeps: Keeps = NEITHER) -> Array: ...

    @abstractmethod
    def dot(self, a: Array, b: Array, keeps: Keeps = NEITHER) -> Array: ...
