"""An epoch of updates: a gradient for each batch, and a step of the optimiser.

The arrays of JAX have a loop of their own, which is compiled: `epochs_on_jax`.
"""

from __future__ import annotations

from collections.abc import Callable
from math import isfinite
from typing import Any, TypeAlias

import numpy as np

from micrograd_es.base.arrays import Array
from micrograd_es.base.errors import AnomalyError
from micrograd_es.nn.optim import Optimizer, clipped
from micrograd_es.tape.tape import Tape

# (samples, theta, weights) -> (values, gradient), as `Tape.value_and_grad`
Gradient: TypeAlias = "Callable[[Any, Array, Array | None], tuple[Array, Array]]"


class Epochs:
    """A tape's parameters on their way, and the last of which the cost is known to be finite.

    Parameters
    ----------
    size : int
        How many samples there are to an update.
    most : float or None
        The largest norm that a gradient may have.
    """

    def __init__(self, tape: Tape, optimizer: Optimizer, size: int, most: float | None) -> None:
        self._tape, self._optimizer, self._size, self._most = tape, optimizer, size, most
        self._sound = tape.theta
        self._gradient: Gradient = tape.value_and_grad

    def run(self, samples: Array, weights: Array | None, first: int, number: int) -> list[float]:
        """The costs of the epochs that have been run: at least one, and at most `number`.

        An epoch's is the mean over the samples, each as its update met it.

        Parameters
        ----------
        weights : shape (n,), optional
            How much each sample counts.
        first : int
            Which epoch this is, to be told where it fails.
        """
        total, placed = 0.0, self._placed(samples)
        for start in range(0, len(samples), self._size):
            batch, shares = placed[start : start + self._size], None
            counted = float(len(batch))
            if weights is not None:
                counted = float(weights[start : start + self._size].sum())
                if not counted:
                    continue
                shares = weights[start : start + self._size] / counted
            theta = self._tape.theta
            values, gradient = self._gradient(batch, theta, shares)
            cost = float(values.mean() if shares is None else shares @ values)
            if not isfinite(cost):
                raise self._undone(f"the cost turned {cost} in epoch {first}")
            self._sound = theta
            if self._most is not None:
                gradient = clipped(gradient, self._most)[1]
            moved = self._optimizer.update(theta, gradient)
            if not np.isfinite(moved).all():
                raise self._undone(f"a parameter turned nan or infinite in epoch {first}")
            self._tape.theta = moved
            total += cost * counted
        return [total / (len(samples) if weights is None else float(weights.sum()))]

    def _placed(self, samples: Array) -> Any:
        """The samples where the gradient is computed."""
        return samples

    def _undone(self, what: str) -> AnomalyError:
        self._tape.theta = self._sound
        return AnomalyError(what)
