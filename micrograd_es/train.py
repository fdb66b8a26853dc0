"""`fit`: training by replay, with what one wants around it.

The model and the loss are recorded once, for one sample; every update then is a replay
of that recording on a batch, and one step of the optimiser.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from math import inf, isfinite
from typing import Any, TypeAlias

import numpy as np

from micrograd_es.engine import Value
from micrograd_es.errors import AnomalyError
from micrograd_es.i18n import gettext as _
from micrograd_es.nn import Module
from micrograd_es.notation import name
from micrograd_es.optim import Adam, Optimizer
from micrograd_es.scalars import as_array
from micrograd_es.tape import Tape

Array: TypeAlias = "np.ndarray[Any, Any]"


class History(list[float]):
    """The costs, one an epoch: the mean over the samples, each as its update met it.

    Attributes
    ----------
    held_out : list of float
        The costs of the held-out samples after each epoch, where there are any.
    stopped_early : bool
        Whether `patience` ended the training.
    """

    def __init__(self) -> None:
        super().__init__()
        self.held_out: list[float] = []
        self.stopped_early = False


def fit(
    model: Module,
    X: Any,
    Y: Any,
    loss: Callable[[Any, Any], Any],
    optimizer: Optimizer | None = None,
    *,
    epochs: int = 100,
    batch_size: int | None = None,
    seed: int | None = None,
    patience: int | None = None,
    held_out: tuple[Any, Any] | None = None,
    progress: bool = True,
) -> History:
    """The costs of a training that leaves the trained numbers in the model's Values.

    Parameters
    ----------
    model : Module
        Anything with `parameters()` that gives Values for a list of Values.
    X : shape (n, inputs) or (n,)
    Y : shape (n,) or (n, outputs)
        What the loss compares with; for a model of several outputs, (n,) are classes
        counted from 0.
    loss : callable
        ``loss(prediction, target)`` of one sample, a Value; the cost is its mean.
    optimizer : SGD, Adam or your own, optional
        Only its parameters are trained. Adam with its defaults, unless given.
    batch_size : int, optional
        Samples an update; all of them, unless given.
    seed : int, optional
        Shuffles the samples before each epoch; without it they stay in their order.
    patience : int, optional
        Stops after so many epochs without a lower cost, of the held-out samples if
        there are any.
    held_out : (X, Y), optional
        Samples that are not trained on.

    Raises
    ------
    AnomalyError
        The cost turned nan or infinite; the Values hold the last parameters with which
        it was finite.
    KeyboardInterrupt
        Ctrl-C; the Values hold the last complete update.

    Examples
    --------
    >>> from micrograd_es import MLP, SGD, mse
    >>> model = MLP(1, [1], seed=0)
    >>> X = [-1.0, 0.0, 1.0]
    >>> costs = fit(model, X, [-1.0, 1.0, 3.0], mse, SGD(model.parameters(), lr=0.5), epochs=50)
    >>> [round(p.data, 6) for p in model.parameters()]
    [2.0, 1.0]
    """
    optimizer = Adam(model.parameters()) if optimizer is None else optimizer
    epochs, patience = _count(epochs, "epochs", 0), _count(patience, "patience", 1)
    rows, targets = _samples(X, Y)
    size = min(_count(batch_size, "batch_size", 1) or len(rows), len(rows))
    inputs, wanted, cost = _recorded(model, loss, rows, targets)
    tape = Tape(cost, [*inputs, *wanted], optimizer.parameters)
    samples = _table(rows, targets, len(wanted))
    others = None
    if held_out is not None:
        others = _table(*_samples(*held_out), len(wanted))
        if others.shape[1] != samples.shape[1]:
            raise ValueError("the held-out samples have other numbers of inputs or targets")
    costs = History()
    random = None if seed is None else np.random.default_rng(seed)
    best, since = inf, 0
    try:
        with _bar(epochs or 0, progress) as advance:
            for epoch in range(epochs or 0):
                order = slice(None) if random is None else random.permutation(len(samples))
                costs.append(_epoch(tape, optimizer, samples[order], size, epoch))
                if others is not None:
                    costs.held_out.append(float(tape.value(others).mean()))
                advance(costs[-1])
                latest = costs[-1] if others is None else costs.held_out[-1]
                best, since = (latest, 0) if latest < best else (best, since + 1)
                if patience is not None and since >= patience:
                    costs.stopped_early = True
                    break
    finally:
        tape.write_back()
    return costs


def _epoch(tape: Tape, optimizer: Optimizer, samples: Array, size: int, epoch: int) -> float:
    """The mean cost of the samples; the tape's theta has moved by one update a batch."""
    total = 0.0
    for start in range(0, len(samples), size):
        batch = samples[start : start + size]
        theta = tape.theta
        values, gradient = tape.value_and_grad(batch)
        cost = float(values.mean())
        moved = theta
        if isfinite(cost):
            with np.errstate(all="ignore"):
                moved = optimizer.update(theta, gradient)
        if not (isfinite(cost) and np.isfinite(moved).all()):
            tape.theta = theta if isfinite(cost) else getattr(tape, "_before", theta)
            what = f"cost turned {cost}" if not isfinite(cost) else "update turned nan or infinite"
            raise AnomalyError(f"the {what} in epoch {epoch}")
        tape.theta = moved
        total += float(values.sum())
    return total / len(samples)
