"""`fit`: training by replay, with what one wants around it.

The model and the loss are recorded once, for one sample; every update then is a replay
of that recording on a batch, and one step of the optimiser.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from math import inf, isfinite
from typing import Any

import numpy as np

from micrograd_es.base.arrays import Array, as_array
from micrograd_es.base.errors import AnomalyError
from micrograd_es.base.scalars import as_count
from micrograd_es.engine.comparison import decisions
from micrograd_es.engine.custom import no_floats
from micrograd_es.engine.value import Value
from micrograd_es.formulas.notation import name, number
from micrograd_es.nn.losses import one_hot
from micrograd_es.nn.modules import Module
from micrograd_es.nn.optim import Adam, Optimizer
from micrograd_es.tape import Tape


class History(list[float]):
    """The costs, one an epoch: the mean over the samples, each as its update met it.

    Attributes
    ----------
    held_out : list of float
        The costs of the held-out samples after each epoch, where there are any.
    stopped_early : bool
        Whether `patience` ended the training.
    interrupted : bool
        Whether Ctrl-C did.
    """

    def __init__(self) -> None:
        super().__init__()
        self.held_out: list[float] = []
        self.stopped_early = False
        self.interrupted = False


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
    threads: int = 1,
) -> History:
    """The costs of a training that leaves the trained numbers in the model's Values.

    Parameters
    ----------
    model : Module
        Anything with `parameters()` that is called with a list of Values and gives Values.
    X : shape (n, inputs)
    Y : shape (n,) or (n, outputs)
        What the loss compares with; for a model of several outputs, (n,) are classes
        counted from 0.
    loss : callable
        ``loss(prediction, target)`` of one sample, a Value; the cost is its mean.
    optimizer : SGD, Adam or your own, optional
        Only its parameters are trained. Adam with its defaults, unless given.
    batch_size : int, optional
        How many samples there are to an update; all of them, unless given.
    seed : int, optional
        Shuffles the samples before each epoch; without it they stay in their order.
    patience : int, optional
        Stops after so many epochs without a lower cost, of the held-out samples if
        there are any.
    held_out : (X, Y), optional
        Samples that are not trained on.
    threads : int
        How many threads share the samples of an update, where native code runs.

    Raises
    ------
    AnomalyError
        The cost turned nan or infinite; the Values hold the last parameters with which
        it was finite.

    Notes
    -----
    The model and the loss are recorded once, for the first sample; there is a warning
    where an ``if``, ``max`` or ``np.maximum`` in them has compared Values.

    Ctrl-C ends the training after the last complete update, which is in the Values.

    Examples
    --------
    >>> from micrograd_es import MLP, SGD, mse
    >>> model = MLP(1, [1], seed=0)
    >>> X, Y = [[-1.0], [0.0], [1.0]], [-1.0, 1.0, 3.0]
    >>> costs = fit(model, X, Y, mse, SGD(model.parameters(), lr=0.5), epochs=50, progress=False)
    >>> [round(p.data, 6) for p in model.parameters()]
    [2.0, 1.0]
    """
    if not isinstance(model, Module):
        raise TypeError(f"fit trains a Module, not {type(model).__name__}")
    optimizer = Adam(model.parameters()) if optimizer is None else optimizer
    if not hasattr(optimizer, "update") or isinstance(optimizer, type):
        given = repr(optimizer) if isinstance(optimizer, type) else type(optimizer).__name__
        raise TypeError(f"an optimizer is SGD(parameters), Adam(…) or such, not {given}")
    if not set(optimizer.parameters) <= set(model.parameters()):
        raise ValueError("the optimizer moves Values that are no parameters of the model")
    epochs = as_count(epochs, "epochs", 0)
    patience = None if patience is None else as_count(patience, "patience")
    threads = as_count(threads, "threads")
    rows, targets = _samples(X, Y)
    size = len(rows) if batch_size is None else min(as_count(batch_size, "batch_size"), len(rows))
    with decisions() as decided, no_floats():
        inputs, wanted, cost = _recorded(model, loss, rows, targets)
    if decided:
        warnings.warn(
            "the model or the loss compares Values, as if, max and np.maximum do: what that "
            "decided for the first sample stands for all; maximum, minimum and where decide anew",
            stacklevel=2,
        )
    tape = Tape(cost, [*inputs, *wanted], optimizer.parameters)
    tape.threads = threads
    training = _Training(tape, optimizer)
    samples = _table(rows, targets, len(wanted))
    others = None
    if held_out is not None:
        if not isinstance(held_out, (tuple, list)) or len(held_out) != 2:
            raise TypeError("held_out is a pair (X, Y)")
        others = _table(*_samples(*held_out), len(wanted))
        if others.shape[1] != samples.shape[1]:
            raise ValueError("the held-out samples have other numbers of inputs or targets")
    costs = History()
    random = None if seed is None else np.random.default_rng(as_count(seed, "seed", 0))
    best, since = inf, 0
    try:
        # a training that diverges ends in inf and nan, and is told so by its cost
        with _bar(epochs, progress) as advance, np.errstate(all="ignore"):
            for epoch in range(epochs):
                order = slice(None) if random is None else random.permutation(len(samples))
                costs.append(training.epoch(samples[order], size, epoch))
                if others is not None:
                    costs.held_out.append(float(tape.value(others).mean()))
                advance(costs[-1])
                latest = costs[-1] if others is None else costs.held_out[-1]
                best, since = (latest, 0) if latest < best else (best, since + 1)
                if patience is not None and since >= patience:
                    costs.stopped_early = True
                    break
    except KeyboardInterrupt:
        costs.interrupted = True
    finally:
        tape.write_back()
    return costs


class _Training:
    """A tape's parameters on their way, and the last of which the cost is known to be finite."""

    def __init__(self, tape: Tape, optimizer: Optimizer) -> None:
        self.tape, self._optimizer = tape, optimizer
        self._sound = tape.theta

    def epoch(self, samples: Array, size: int, count: int) -> float:
        """The mean cost of the samples, after one update for each `size` of them."""
        total = 0.0
        for start in range(0, len(samples), size):
            values, gradient = self.tape.value_and_grad(samples[start : start + size])
            theta, cost = self.tape.theta, float(values.mean())
            if not isfinite(cost):
                raise self._undone(f"the cost turned {cost} in epoch {count}")
            self._sound = theta
            moved = self._optimizer.update(theta, gradient)
            if not np.isfinite(moved).all():
                raise self._undone(f"a parameter turned nan or infinite in epoch {count}")
            self.tape.theta = moved
            total += cost * len(values)
        return total / len(samples)

    def _undone(self, what: str) -> AnomalyError:
        self.tape.theta = self._sound
        return AnomalyError(what)


def _recorded(
    model: Module, loss: Callable[[Any, Any], Any], rows: Array, targets: Array
) -> tuple[list[Value], list[Value], Value]:
    """The inputs, targets and cost of one sample, as a graph."""
    inputs = [Value(x, label=name("x", n)) for n, x in enumerate(rows[0], 1)]
    prediction: Any = model(inputs)  # type: ignore[operator]
    outputs = [prediction] if isinstance(prediction, Value) else list(prediction)
    numbers = _table(rows[:1, :0], targets[:1], len(outputs))[0]
    wanted = [Value(t, label=name("ŷ", n)) for n, t in enumerate(numbers, 1)]
    single = isinstance(prediction, Value)
    cost = loss(prediction, wanted[0]) if single else loss(outputs, wanted)
    if not isinstance(cost, Value):
        raise TypeError(f"the loss of Values gives a Value, not {type(cost).__name__}")
    return inputs, wanted, cost


def _samples(X: Any, Y: Any) -> tuple[Array, Array]:
    rows, targets = as_array(X, "X"), as_array(Y, "Y")
    if rows.ndim != 2 or not len(rows):
        raise ValueError(f"X should have shape (n, inputs), with n above 0, not {rows.shape}")
    if targets.ndim not in (1, 2) or len(targets) != len(rows):
        n = len(rows)
        raise ValueError(f"Y should have shape ({n},) or ({n}, outputs), not {targets.shape}")
    return rows, targets


def _table(rows: Array, targets: Array, outputs: int) -> Array:
    """One row a sample: its inputs, then one target for each output."""
    if targets.ndim == 1 and outputs > 1:
        targets = np.array(one_hot(targets.tolist(), outputs))
    elif targets.ndim == 1:
        targets = targets[:, None]
    if targets.shape[1] != outputs:
        raise ValueError(
            f"the model has {outputs} outputs: Y should have shape (n, {outputs}), "
            f"or (n,) for classes, not (n, {targets.shape[1]})"
        )
    return np.hstack([rows, targets])


@contextmanager
def _bar(epochs: int, shown: bool) -> Iterator[Callable[[float], None]]:
    """A progress bar on stderr; gives what tells it the next cost."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    )  # fmt: skip
    # A quiet console too: before rich 14.3 a disabled bar ends with an empty line.
    console = Console(stderr=True, quiet=not shown)
    with Progress(*columns, console=console, disable=not shown) as progress:
        task = progress.add_task("C = —", total=epochs)
        yield lambda cost: progress.update(task, advance=1, description=f"C = {number(cost)}")
