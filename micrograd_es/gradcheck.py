"""`check_gradient`: gradients against finite differences, with no rule of calculus."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from math import inf, isfinite, nan, ulp

from micrograd_es.base.errors import GradientError
from micrograd_es.base.scalars import as_float, is_number
from micrograd_es.engine.custom import CustomOperation
from micrograd_es.engine.derivative import grad, jacobian
from micrograd_es.engine.graph import topological_order
from micrograd_es.engine.leaving import left_at
from micrograd_es.engine.value import Value
from micrograd_es.engine.watching import enable_grad, unwatched
from micrograd_es.slopes import slope


@dataclass(frozen=True)
class Partial:
    """One derivative by the chain rule and by finite differences.

    Attributes
    ----------
    inputs : tuple of int
        Which numbers of `at` it is taken with respect to: one, or two of second order.
    gradient, difference : float
        The derivative, either way; `difference` is nan where the function has none that
        finite differences can see.
    allowed : float
        How far they may be apart: ten times what the differences are sure of, what
        the gradient itself has lost to roundings, and 1e-9 of the difference.
    kink : bool
        Whether the slopes to the left and to the right are two numbers.
    undecided : bool
        Whether roundings hide the slope: the function would have these values with
        quite another gradient too.
    left : str
        Where something that was computed from the input became a float, if anything did.
    """

    inputs: tuple[int, ...]
    gradient: float
    difference: float
    allowed: float
    kink: bool
    undecided: bool
    left: str = ""

    def __bool__(self) -> bool:
        return not (self.undecided or self.differs)

    @property
    def differs(self) -> bool:
        """Whether the two are further apart than they may be, and that is no rounding."""
        apart = abs(self.gradient - self.difference)
        return not (self.undecided or apart <= self.allowed)

    @property
    def name(self) -> str:
        """``df/d at[0]``, or ``d²f/d at[0] d at[1]``."""
        below = " ".join(f"d at[{i}]" for i in self.inputs)
        return f"{'df' if len(self.inputs) == 1 else 'd²f'}/{below}"

    def __str__(self) -> str:
        verdict = "DIFFERS" if self.differs else "UNDECIDED" if self.undecided else "agrees"
        numbers = f"gradient {self.gradient!r}, finite difference {self.difference!r}"
        why = ""
        if self.undecided:
            why = "; roundings of the function would hide any slope of that size"
        elif self.differs and self.kink:
            why = "; the function has a kink there"
        elif self.difference != self.difference:
            why = "; there is no derivative to be seen there"
        if not self and self.left:
            why += f"; what was computed from it became a float in {self.left}"
        return f"{self.name} {verdict}: {numbers} (may be {self.allowed:.1e} apart){why}"


@dataclass(frozen=True)
class GradientReport:
    """What `check_gradient` found: true where all derivatives agree, and none is undecided."""

    partials: tuple[Partial, ...]

    def __bool__(self) -> bool:
        return all(self.partials)

    def __str__(self) -> str:
        return "\n".join(map(str, self.partials)) or "no inputs, nothing to compare"


def check_gradient(
    f: Callable[..., Value],
    at: float | Iterable[float],
    order: int = 1,
    raise_exception: bool = True,
) -> GradientReport:
    """A report, true where the derivatives of `f` agree with finite differences of its values.

    Differences over many steps are extrapolated to a step of 0. That gives about ten digits,
    and tells how many of them are right. At a kink the difference is the mean of the slopes
    on both sides. Where roundings hide the slope, as that of ``1e10 + 1e-9 * x``, the report
    is not true, and says that it is undecided.

    Parameters
    ----------
    f : callable
        Takes one Value for each number of `at` and gives a Value.
    order : {1, 2}
        2 also compares every second derivative, by `grad` with ``create_graph``.

    Raises
    ------
    GradientError
        They differ, unless `raise_exception` is False. It names the input and both numbers.

    Examples
    --------
    >>> bool(check_gradient(lambda x, y: x * y.sin(), [2.0, 0.5], order=2))
    True
    """
    if order not in (1, 2):
        raise ValueError(f"the order is 1 or 2, not {order!r}")
    numbers = [as_float(x) for x in ([at] if is_number(at) else at)]  # type: ignore[union-attr]
    with enable_grad():
        report = GradientReport(tuple(_partials(f, numbers, order)))
    wrong = [str(p) for p in report.partials if p.differs]
    if raise_exception and wrong:
        raise GradientError("\n".join(wrong))
    return report


def _partials(f: Callable[..., Value], at: list[float], order: int) -> Iterator[Partial]:
    def output_at(*numbers: float) -> list[float]:
        return [_called(f, numbers)[1].data]

    @cache
    def gradients_at(*numbers: float) -> list[float]:
        values, output = _called(f, numbers)
        return jacobian(output, values)[0]

    values, output = _called(f, at)
    roundings = _Roundings(output, values)
    for i, gradient in enumerate(grad(output, values)):
        size, left = roundings.size(values[i]), left_at(values[i])
        partial = _compared((i,), gradient, size, roundings.noise, output_at, 0, at)
        yield replace(partial, left=f"line {left.line} of {left.file}" if left else "")
    if order == 2:
        for i, first in enumerate(grad(output, values, create_graph=True)):
            roundings = _Roundings(first, values)
            for j, second in enumerate(grad(first, values)):
                size = roundings.size(values[j])
                yield _compared((i, j), second, size, roundings.noise, gradients_at, i, at)


def _called(f: Callable[..., Value], numbers: Sequence[float]) -> tuple[list[Value], Value]:
    values = [Value(x) for x in numbers]
    output = f(*values)
    if not isinstance(output, Value):
        raise TypeError(f"the function to check gives a Value, not {type(output).__name__}")
    return values, output


def _compared(
    inputs: tuple[int, ...],
    gradient: float,
    size: float,
    noise: float | None,
    f: Callable[..., list[float]],
    component: int,
    at: list[float],
) -> Partial:
    """A gradient beside the slope of one component of `f` along the last of the inputs."""
    moved = inputs[-1]

    def along(x: float) -> float:
        try:
            return f(*at[:moved], x, *at[moved + 1 :])[component]
        except (ArithmeticError, ValueError):  # a function of the user's, outside its domain
            return nan

    with unwatched():
        seen = slope(along, at[moved], noise)
    allowed = seen.allowed + 16 * ulp(size)
    # No path leads to the input, and nothing moves: so it is, unless a function of the
    # user's keeps what it does to itself.
    hidden = 0.01 * max(seen.steep, size)
    if gradient == 0 and not size:
        hidden = inf if noise is not None else max(hidden, 1e-9)
    if abs(gradient - seen.slope) <= allowed:
        undecided = allowed > hidden
    else:
        undecided = (
            seen.other is not None and abs(gradient - seen.other.slope) <= seen.other.allowed
        )
    return Partial(inputs, gradient, seen.slope, allowed, seen.kink, undecided)


# -- what roundings can hide --------------------------------------------------------


class _Roundings:
    """What a graph says of its own roundings, and nothing of how steep it is.

    Attributes
    ----------
    noise : float or None
        How far roundings can have carried the root; None where functions of the user's
        round as they like.
    """

    def __init__(self, root: Value, inputs: Iterable[Value]) -> None:
        order, moving = topological_order(root), set(inputs)
        for node in reversed(order):
            edges = zip(node.parents, node.partials)
            if any(parent in moving and partial is not None for parent, partial in edges):
                moving.add(node)
        self._sizes = {root: 1.0}
        self.noise: float | None = 0.0
        for node in order:
            size = self._sizes.get(node, 0.0)
            if not (size and node._rule and node in moving):
                continue
            if isinstance(node._rule, CustomOperation):
                self.noise = None
            elif self.noise is not None:
                self.noise += size * ulp(node.data)
            for parent, partial in zip(node.parents, node.partials):
                if partial is not None and parent in moving:
                    self._sizes[parent] = self._sizes.get(parent, 0.0) + size * abs(partial)
        if self.noise is not None and not isfinite(self.noise):
            self.noise = None

    def size(self, value: Value) -> float:
        """The products along all paths to the node, added up without their signs."""
        size = self._sizes.get(value, 0.0)
        return size if isfinite(size) else 0.0
