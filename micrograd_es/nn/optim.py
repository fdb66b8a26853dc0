"""SGD, Adam and AdamW, with PyTorch's names, defaults and arithmetic.

An optimiser's `update` goes from arrays to arrays; `step` carries it to the Values. Its rule
stands in `moved`, as arithmetic that takes the arrays of any library: JAX's inside of a loop that
it compiles, and where NumPy is not loaded those of `Vector`, with the same bits, for no operation
here is rounded in two ways.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from math import hypot, sqrt
from typing import Any, TypeAlias

from micrograd_es.base.arrays import Array, quiet, vector
from micrograd_es.base.scalars import as_float, as_setting
from micrograd_es.engine.value import Value

Rate: TypeAlias = "float | Callable[[int], float]"
State: TypeAlias = "tuple[Any, ...]"


class Optimizer:
    """What SGD, Adam and AdamW share.

    Parameters
    ----------
    lr : float or callable
        The learning rate; or a function that gives it for the number of the update,
        counted from 0.

    Attributes
    ----------
    updates : int
        How many there have been.
    state : tuple of arrays
        What an update leaves to the next one, each of shape (P,), or 0.0 before the first.

    Raises
    ------
    ValueError
        There are no parameters.
    """

    def __init__(self, parameters: Iterable[Value], lr: Rate, weight_decay: float) -> None:
        self.parameters = _values(parameters)
        if not self.parameters:
            raise ValueError("an optimiser needs at least one parameter")
        self.lr = lr if callable(lr) else as_setting(lr, "lr")
        self.weight_decay = as_setting(weight_decay, "weight_decay")
        self.updates = 0
        self.state: State = ()

    def update(self, theta: Array, gradient: Array) -> Array:
        """The parameters after one step; shapes (P,)."""
        rates = self.rates(self.updates)
        theta, self.state = self.moved(theta, gradient, self.state, rates)
        self.updates += 1
        return theta

    def rates(self, k: int) -> tuple[float, ...]:
        """What differs from update to update, of update k: the learning rate comes first."""
        lr = as_setting(self.lr(k), f"lr({k})") if callable(self.lr) else self.lr
        return lr, *self._corrections(lr, k + 1)

    def _corrections(self, lr: float, steps: int) -> tuple[float, ...]:
        return ()

    def moved(
        self, theta: Array, gradient: Array, state: State, rates: Sequence[float]
    ) -> tuple[Array, State]:
        """The parameters after one step, and the state; it changes nothing, and only computes."""
        raise NotImplementedError

    def step(self) -> None:
        """Moves every parameter against its gradient; one whose `grad` is None stays.

        Raises
        ------
        TypeError
            A `grad` is neither a number nor None; nothing has changed.
        """
        theta = vector([p.data for p in self.parameters])
        gradient = vector([0.0 if p.grad is None else as_float(p.grad) for p in self.parameters])
        with quiet():  # a training that diverges ends in inf and nan
            moved = self.update(theta, gradient)
        for p, number in zip(self.parameters, moved.tolist()):
            if p.grad is not None:
                p.data = number

    def zero_grad(self) -> None:
        """Sets the gradient of every parameter to 0."""
        for p in self.parameters:
            p.grad = 0.0


class SGD(Optimizer):
    """Stochastic gradient descent: θ ← θ - lr·g, with momentum if wanted.

    Examples
    --------
    >>> w = Value(3.0)
    >>> optimizer = SGD([w], lr=0.1)
    >>> (w * w).backward()
    >>> optimizer.step()
    >>> round(w.data, 12)
    2.4

    A learning rate that falls from 1.0 to 0.1 over a hundred updates:

    >>> optimizer = SGD([w], lr=lambda k: 1.0 - 0.9 * k / 100)
    """

    def __init__(
        self,
        parameters: Iterable[Value],
        lr: Rate = 1e-3,
        momentum: float = 0.0,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(parameters, lr, weight_decay)
        self.momentum = as_setting(momentum, "momentum")
        self.state = (0.0,)

    def moved(
        self, theta: Array, gradient: Array, state: State, rates: Sequence[float]
    ) -> tuple[Array, State]:
        """θ - lr·v, where v is the gradient and what momentum leaves of the last v."""
        if self.weight_decay:
            gradient = gradient + self.weight_decay * theta
        if self.momentum:
            gradient = self.momentum * state[0] + gradient
            state = (gradient,)
        return theta - rates[0] * gradient, state


class Adam(Optimizer):
    """Adam (Kingma and Ba, 2015, algorithm 1), as PyTorch writes it."""

    def __init__(
        self,
        parameters: Iterable[Value],
        lr: Rate = 1e-3,
        betas: Sequence[float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(parameters, lr, weight_decay)
        self.betas = tuple(betas)
        if len(self.betas) != 2 or not all(0 <= as_float(beta) < 1 for beta in self.betas):
            raise ValueError(f"betas are two numbers in [0, 1), not {betas!r}")
        self.eps = as_setting(eps, "eps")
        self.state = (0.0, 0.0)

    def _corrections(self, lr: float, steps: int) -> tuple[float, ...]:
        b1, b2 = self.betas
        return lr / (1 - b1**steps), sqrt(1 - b2**steps)

    def moved(
        self, theta: Array, gradient: Array, state: State, rates: Sequence[float]
    ) -> tuple[Array, State]:
        """θ less the mean of the gradients over the root of that of their squares."""
        if self.weight_decay:
            gradient = gradient + self.weight_decay * theta
        step, state = self._step(gradient, state, rates)
        return theta - step, state

    def _step(self, gradient: Array, state: State, rates: Sequence[float]) -> tuple[Array, State]:
        mean, square = state
        _, lr, root = rates
        b1, b2 = self.betas
        mean = b1 * mean + (1 - b1) * gradient
        square = b2 * square + (1 - b2) * (gradient * gradient)
        return lr * mean / (square**0.5 / root + self.eps), (mean, square)


class AdamW(Adam):
    """Adam whose weights decay by themselves (Loshchilov and Hutter, 2019), as PyTorch's.

    θ ← (1 - lr·weight_decay)·θ, and then Adam's step; the gradient takes no part in the decay.

    Examples
    --------
    >>> w = Value(3.0)
    >>> optimizer = AdamW([w], lr=0.1)
    >>> (w * w).backward()
    >>> optimizer.step()
    >>> round(w.data, 6)
    2.897
    """

    def __init__(
        self,
        parameters: Iterable[Value],
        lr: Rate = 1e-3,
        betas: Sequence[float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
    ) -> None:
        super().__init__(parameters, lr, betas, eps, weight_decay)

    def moved(
        self, theta: Array, gradient: Array, state: State, rates: Sequence[float]
    ) -> tuple[Array, State]:
        """θ, made smaller, less Adam's step."""
        step, state = self._step(gradient, state, rates)
        return theta * (1 - rates[0] * self.weight_decay) - step, state


def clip_norm(parameters: Iterable[Value], max_norm: float) -> float:
    """The norm of the gradient, which is scaled down to `max_norm` where it is larger.

    As PyTorch's `clip_grad_norm_`: to be called between `backward()` and `step()`.

    Parameters
    ----------
    parameters : iterable of Values
        Their `grad` together are the gradient.

    Examples
    --------
    >>> w = [Value(3.0), Value(4.0)]
    >>> (w[0] ** 2 / 2 + w[1] ** 2 / 2).backward()
    >>> clip_norm(w, 1.0)
    5.0
    >>> [round(v.grad, 6) for v in w]
    [0.6, 0.8]
    """
    moved = [p for p in _values(parameters) if p.grad is not None]
    norm, gradient = clipped(vector([as_float(p.grad) for p in moved]), max_norm)
    for p, number in zip(moved, gradient.tolist()):
        p.grad = number
    return norm


def clipped(gradient: Array, max_norm: float) -> tuple[float, Array]:
    """The norm of a gradient, shape (P,), and the gradient scaled down to it if it is larger."""
    norm = hypot(*gradient.tolist())
    with quiet():
        return norm, gradient * shrinking(norm, as_setting(max_norm, "max_norm"), min)


def shrinking(norm: Any, max_norm: float, least: Callable[[Any, float], Any]) -> Any:
    """By how much a gradient of this norm is scaled down; `least` of nan is nan."""
    return least(max_norm / (norm + 1e-6), 1.0)


def _values(parameters: Iterable[Value]) -> list[Value]:
    # weights may be tied: one Value, listed wherever it is used
    values = list(dict.fromkeys(parameters))
    for p in values:
        if not isinstance(p, Value):
            raise TypeError(f"the parameters are Values, not {type(p).__name__}")
    return values
