"""`fit`: training by replay, with what one wants around it.

The model and the loss are recorded once, for one sample; every update then is a replay
of that recording on a batch, and one step of the optimiser.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from math import inf, isfinite
from typing import Any

import numpy as np

from micrograd_es.base.arrays import Array, as_array
from micrograd_es.base.errors import AnomalyError, RecordingError
from micrograd_es.base.scalars import as_count
from micrograd_es.engine.comparison import decisions
from micrograd_es.engine.custom import no_floats
from micrograd_es.engine.value import Value
from micrograd_es.engine.watching import enable_grad
from micrograd_es.formulas.notation import name, number
from micrograd_es.nn.history import History
from micrograd_es.nn.losses import one_hot
from micrograd_es.nn.module import Module
from micrograd_es.nn.optim import Adam, Optimizer
from micrograd_es.tape.checking import CheckedRecording, Made
from micrograd_es.tape.tape import Tape


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
        there are any, and keeps the parameters of the lowest cost.
    held_out : (X, Y), optional
        Samples that are not trained on.

    Raises
    ------
    RecordingError
        What was recorded for one sample does not hold for another, as where an ``if``
        decides otherwise; the parameters are as they were before.
    AnomalyError
        The cost turned nan or infinite; the Values hold the last parameters with which
        it was finite.

    Notes
    -----
    The model and the loss are recorded once, for the first sample, and what they make of some
    other samples is compared with that: before the training, now and then, and at its end.

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
    rows, targets = _samples(X, Y)
    size = len(rows) if batch_size is None else min(as_count(batch_size, "batch_size"), len(rows))

    def make(k: int) -> Made:
        held = k - len(rows)  # the samples that are not trained on come after the others
        x, y = (rows, targets) if others is None or held < 0 else others
        k = k if held < 0 else held
        with no_floats(), enable_grad():
            return _made(model, loss, x[k : k + 1], y[k : k + 1])

    others = None if held_out is None else _pair(held_out)
    with decisions() as decided:
        first = make(0)
    outputs = len(first.inputs) - rows.shape[1]
    samples = _table(rows, targets, outputs)
    everything = [samples]
    if others is not None:
        everything.append(_table(*others, outputs))
        if everything[1].shape[1] != samples.shape[1]:
            raise ValueError("the held-out samples have other numbers of inputs or targets")
    recording = CheckedRecording(
        make, first, np.concatenate(everything), optimizer.parameters, decided
    )
    recording.check_first()
    tape, before = recording.tape, recording.tape.theta
    training = _Training(tape, optimizer)
    costs = History()
    random = None if seed is None else np.random.default_rng(as_count(seed, "seed", 0))
    best, since, kept = inf, 0, before
    try:
        # a training that diverges ends in inf and nan, and is told so by its cost
        with _bar(epochs, progress) as advance, np.errstate(all="ignore"):
            for epoch in range(epochs):
                order = slice(None) if random is None else random.permutation(len(samples))
                began = tape.theta
                costs.append(training.epoch(samples[order], size, epoch))
                if others is not None:
                    costs.held_out.append(float(tape.value(everything[1]).mean()))
                advance(costs[-1])
                recording.check_later(len(samples))
                latest = costs[-1] if others is None else costs.held_out[-1]
                since += 1
                if latest < best:
                    # one batch met its cost before its update, and what is held out met it after
                    met = began if others is None and size == len(samples) else tape.theta
                    best, since, kept = latest, 0, met
                if patience is not None and since >= patience:
                    costs.stopped_early = True
                    break
            if costs:
                recording.check_last()
        if patience is not None:
            tape.theta = kept
    except KeyboardInterrupt:
        costs.interrupted = True
    except RecordingError:
        tape.theta = before
        raise
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


def _made(model: Module, loss: Callable[[Any, Any], Any], rows: Array, targets: Array) -> Made:
    """The cost of one sample as a graph, from its inputs and its targets."""
    inputs = [Value(x, label=name("x", n)) for n, x in enumerate(rows[0], 1)]
    prediction: Any = model(inputs)  # type: ignore[operator]
    outputs = [prediction] if isinstance(prediction, Value) else list(prediction)
    numbers = _table(rows[:, :0], targets, len(outputs))[0]
    wanted = [Value(t, label=name("ŷ", n)) for n, t in enumerate(numbers, 1)]
    single = isinstance(prediction, Value)
    cost = loss(prediction, wanted[0]) if single else loss(outputs, wanted)
    if not isinstance(cost, Value):
        raise TypeError(f"the loss of Values gives a Value, not {type(cost).__name__}")
    return Made(cost, [*inputs, *wanted])


def _pair(held_out: Any) -> tuple[Array, Array]:
    if not isinstance(held_out, (tuple, list)) or len(held_out) != 2:
        raise TypeError("held_out is a pair (X, Y)")
    return _samples(*held_out)


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
