"""`fit`: training by replay, with what one wants around it.

The model and the loss are recorded once, for one sample; every update then is a replay
of that recording on a batch, and one step of the optimiser. An epoch of updates is
`epochs.Epochs`', on NumPy's arrays, JAX's or PyTorch's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from math import inf
from typing import Any

import numpy as np

from micrograd_es.base.arrays import Array, as_array
from micrograd_es.base.errors import RecordingError
from micrograd_es.base.scalars import as_count, as_setting
from micrograd_es.engine.watching import is_watching
from micrograd_es.formulas.notation import number
from micrograd_es.nn.backends import backend_by_name
from micrograd_es.nn.epochs import Epochs
from micrograd_es.nn.history import History
from micrograd_es.nn.metrics import metrics_by_name
from micrograd_es.nn.module import Module
from micrograd_es.nn.optim import Adam, Optimizer
from micrograd_es.nn.samples import Costs, Predictions, Samples, as_samples


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
    metrics: Any = None,
    sample_weight: Any = None,
    clip_norm: float | None = None,
    callback: Callable[[int, History], Any] | None = None,
    progress: bool = True,
    threads: int = 1,
    backend: str = "numpy",
    devices: Any = None,
) -> History:
    """The costs of a training that leaves the trained numbers in the model's Values.

    Parameters
    ----------
    model : Module
        Anything with `parameters()` that is called with a list of Values and gives Values.
    X : shape (n, inputs) or (n, …)
        Each X[k] is what the model is called with, as lists.
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
    metrics : "accuracy", function, or dict of functions by name; or a list of such, optional
        Each ``f(predictions, targets)`` is computed after each epoch, of the held-out samples
        if there are any, else of those trained on; shapes (n,), or (n, outputs). See
        ``history.metrics``.
    sample_weight : shape (n,), optional
        How much each sample counts: the cost is the weighted mean, so that a weight of 2 is
        as if the sample were there twice.
    clip_norm : float, optional
        A gradient with a larger norm is scaled down to this one.
    callback : callable, optional
        ``callback(epoch, history)`` is called after each epoch, counted from 0; the model's
        Values have their numbers of that moment, and the training goes on from those that they
        then have.
    threads : int
        How many threads share the samples of an update, where native code runs.
    backend : "numpy", "jax" or "torch"
        What the updates are computed with. JAX compiles an epoch whole, and several where nothing
        looks in between. PyTorch runs on a GPU where there is one.
    devices : int or list, optional
        Those of JAX that share the samples of each update: so many, or these of
        ``jax.devices()``, also of the other processes of `jax.distributed`; all, unless given.

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

    The model is trained as it stands (`model.train()`), and each dropout is drawn anew at each
    update. What is held out, and the metrics, are computed in use (`model.eval()`).

    Ctrl-C ends the training after the last complete update, which is in the Values; on JAX after
    the epochs of one call, which takes less than half a second unless a single epoch does not.

    Under `detect_anomaly` the updates are NumPy's, which names the node and the sample.

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
    updates = backend_by_name(backend, devices, optimizer)
    epochs = as_count(epochs, "epochs", 0)
    patience = None if patience is None else as_count(patience, "patience")
    threads = as_count(threads, "threads")
    samples, others = as_samples(X, Y), _pair(held_out)
    if others is not None and others.X.shape[1:] != samples.X.shape[1:]:
        raise ValueError("the held-out samples have other numbers of inputs or targets")
    size = len(samples) if batch_size is None else as_count(batch_size, "batch_size")
    weights = None if sample_weight is None else _weights(sample_weight, len(samples))
    most = None if clip_norm is None else as_setting(clip_norm, "clip_norm")
    named = metrics_by_name(metrics, loss)
    if not callable(loss):
        raise TypeError(f"a loss is a function such as mse, not {type(loss).__name__}")
    if callback is not None and not callable(callback):
        raise TypeError(f"a callback is a function, not {type(callback).__name__}")

    parameters = optimizer.parameters
    trained = Costs(model, loss, samples, parameters)
    recording, tape = trained.recording, trained.recording.tape
    tape.threads = threads
    seen = None
    if others is not None or named:
        seen = Predictions(model, loss, samples if others is None else others, parameters)
    training = (Epochs if is_watching() else updates)(tape, optimizer, size, most)
    costs, before = History(), tape.theta
    costs.metrics = {key: [] for key in named}
    random = None if seed is None else np.random.default_rng(as_count(seed, "seed", 0))
    # whether something differs from epoch to epoch, or looks at each
    alone = random is not None or trained.draws or seen is not None
    alone = alone or patience is not None or callback is not None
    best, since, kept = inf, 0, before
    try:
        # a training that diverges ends in inf and nan, and is told so by its cost
        with _bar(epochs, progress) as advance, np.errstate(all="ignore"):
            while len(costs) < epochs:
                table, shares, done = trained.drawn(), weights, len(costs)
                if random is not None:
                    order = random.permutation(len(samples))
                    table, shares = table[order], None if shares is None else shares[order]
                began = tape.theta
                costs += training.run(table, shares, done, 1 if alone else epochs - done)
                latest = costs[-1]
                if seen is not None:
                    cost, predictions = seen.at(tape.theta)
                    for key, metric in named.items():
                        costs.metrics[key].append(float(metric(predictions, seen.targets)))
                    if others is not None:
                        costs.held_out.append(cost)
                        latest = cost
                advance(costs)
                recording.check_later(len(costs) - done)
                since += 1
                if latest < best:
                    # one batch met its cost before its update, and what is held out met it after
                    met = began if others is None and size >= len(samples) else tape.theta
                    best, since, kept = latest, 0, met
                if callback is not None:
                    tape.write_back()
                    callback(done, costs)
                    tape.theta = np.array([p.data for p in parameters])
                if patience is not None and since >= patience:
                    costs.stopped_early = True
                    break
            if costs:
                recording.check_last()
                if seen is not None:
                    seen.check_last(tape.theta)
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


def _pair(held_out: Any) -> Samples | None:
    if held_out is None:
        return None
    if not isinstance(held_out, (tuple, list)) or len(held_out) != 2:
        raise TypeError("held_out is a pair (X, Y)")
    return as_samples(*held_out)


def _weights(given: Any, n: int) -> Array:
    weights = as_array(given, "sample_weight")
    if weights.shape != (n,):
        raise ValueError(f"sample_weight should have shape ({n},), not {weights.shape}")
    if not (np.isfinite(weights) & (weights >= 0)).all() or not weights.any():
        raise ValueError("sample_weight has finite numbers from 0 upwards, not all of them 0")
    return weights


@contextmanager
def _bar(epochs: int, shown: bool) -> Iterator[Callable[[History], None]]:
    """A progress bar on stderr; gives what tells it the costs so far."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    )  # fmt: skip
    # A quiet console too: before rich 14.3 a disabled bar ends with an empty line.
    console = Console(stderr=True, quiet=not shown)
    with Progress(*columns, console=console, disable=not shown) as progress:
        task = progress.add_task("C = —", total=epochs)
        yield lambda costs: progress.update(
            task, completed=len(costs), description=f"C = {number(costs[-1])}"
        )
