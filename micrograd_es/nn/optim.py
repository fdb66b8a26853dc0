"""SGD and Adam, with PyTorch's names, defaults and arithmetic.

An optimiser's rule is `update`, from arrays to arrays; `step` carries it to the Values. Where
NumPy is not loaded the arrays are `Vector`, with the same bits: no operation here is rounded
in two ways.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import sqrt
from typing import Any

from micrograd_es.base.arrays import Array, quiet, vector
from micrograd_es.base.scalars import as_float, as_setting
from micrograd_es.engine.value import Value


class Optimizer:
    """What SGD and Adam share.

    Raises
    ------
    ValueError
        There are no parameters.
    """

    def __init__(self, parameters: Iterable[Value], lr: float, weight_decay: float) -> None:
        self.parameters = list(parameters)
        for p in self.parameters:
            if not isinstance(p, Value):
                raise TypeError(f"an optimiser takes Values, not {type(p).__name__}")
        if not self.parameters:
            raise ValueError("an optimiser needs at least one parameter")
        # weights may be tied: one Value, listed wherever it is used
        self.parameters = list(dict.fromkeys(self.parameters))
        self.lr = as_setting(lr, "lr")
        self.weight_decay = as_setting(weight_decay, "weight_decay")

    def update(self, theta: Array, gradient: Array) -> Array:
        """The parameters after one step; shapes (P,)."""
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
    """

    def __init__(
        self,
        parameters: Iterable[Value],
        lr: float = 1e-3,
        momentum: float = 0.0,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(parameters, lr, weight_decay)
        self.momentum = as_setting(momentum, "momentum")
        self._velocity: Array | None = None

    def update(self, theta: Array, gradient: Array) -> Array:
        """The parameters after one step; shapes (P,)."""
        if self.weight_decay:
            gradient = gradient + self.weight_decay * theta
        if self.momentum:
            if self._velocity is not None:
                gradient = self.momentum * self._velocity + gradient
            self._velocity = gradient
        return theta - self.lr * gradient


class Adam(Optimizer):
    """Adam (Kingma and Ba, 2015, algorithm 1), as PyTorch writes it."""

    def __init__(
        self,
        parameters: Iterable[Value],
        lr: float = 1e-3,
        betas: Sequence[float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(parameters, lr, weight_decay)
        self.betas = tuple(betas)
        if len(self.betas) != 2 or not all(0 <= beta < 1 for beta in self.betas):
            raise ValueError(f"betas are two numbers in [0, 1), not {betas!r}")
        self.eps = as_setting(eps, "eps")
        self._steps = 0
        self._mean: Any = 0.0
        self._square: Any = 0.0

    def update(self, theta: Array, gradient: Array) -> Array:
        """The parameters after one step; shapes (P,)."""
        if self.weight_decay:
            gradient = gradient + self.weight_decay * theta
        self._steps += 1
        b1, b2 = self.betas
        self._mean = b1 * self._mean + (1 - b1) * gradient
        self._square = b2 * self._square + (1 - b2) * (gradient * gradient)
        scale = self._square**0.5 / sqrt(1 - b2**self._steps) + self.eps
        step: Array = self.lr / (1 - b1**self._steps) * self._mean / scale
        return theta - step
