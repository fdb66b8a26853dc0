"""What a model makes of samples: the graph of one of them, and the numbers of all in a table."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from micrograd_es.base.arrays import Array, as_array
from micrograd_es.base.errors import RecordingError
from micrograd_es.engine.comparison import decisions
from micrograd_es.engine.custom import no_floats
from micrograd_es.engine.value import Value
from micrograd_es.engine.watching import enable_grad, no_grad
from micrograd_es.formulas.notation import name
from micrograd_es.nn.layers import Dropout, drawn_factors
from micrograd_es.nn.losses import one_hot
from micrograd_es.nn.module import Module
from micrograd_es.nn.nested import flat, shape_of
from micrograd_es.tape.checking import CheckedRecording, Made


@dataclass(frozen=True)
class Samples:
    """Samples and what is wanted of each.

    Attributes
    ----------
    X : shape (n, …)
    Y : shape (n,) or (n, outputs)
    """

    X: Array
    Y: Array

    def __len__(self) -> int:
        return len(self.X)

    def table(self, outputs: int) -> Array:
        """One row a sample: its inputs, then one target for each output."""
        targets = self.Y
        if targets.ndim == 1 and outputs > 1:
            targets = np.array(one_hot(targets.tolist(), outputs))
        elif targets.ndim == 1:
            targets = targets[:, None]
        if targets.shape[1] != outputs:
            raise ValueError(
                f"the model has {outputs} outputs: Y should have shape (n, {outputs}), "
                f"or (n,) for classes, not (n, {targets.shape[1]})"
            )
        return np.hstack([self.X.reshape(len(self), -1), targets])


def as_samples(X: Any, Y: Any) -> Samples:
    """Arrays of samples and targets, if they have the shapes of such."""
    rows, targets = _rows(X), as_array(Y, "Y")
    if targets.ndim not in (1, 2) or len(targets) != len(rows):
        n = len(rows)
        raise ValueError(f"Y should have shape ({n},) or ({n}, outputs), not {targets.shape}")
    return Samples(rows, targets)


def _rows(X: Any) -> Array:
    rows = as_array(X, "X")
    if rows.ndim < 2 or not len(rows):
        raise ValueError(f"X should have shape (n, inputs), with n above 0, not {rows.shape}")
    return rows


@contextmanager
def in_use(model: Module) -> Iterator[None]:
    """Has a model be used and not trained, as after `eval()`, and then as it was before."""
    modes = [(module, module.training) for module in model.modules()]
    try:
        model.eval()
        yield
    finally:
        for module, mode in modes:
            module.training = mode


# -- one sample as a graph --------------------------------------------------------------


def _inputs(row: Array) -> tuple[list[Value], Any]:
    """A leaf for each number of a sample, in a list and in its own shape."""
    leaves = [Value(x, label=name("x", n)) for n, x in enumerate(row.ravel(), 1)]
    return leaves, np.array(leaves, dtype=object).reshape(row.shape).tolist()


def _costed(
    model: Any, loss: Callable[[Any, Any], Any], samples: Samples, k: int
) -> tuple[Value, list[Value], list[Value]]:
    """The cost of a sample, what the model predicts, and the leaves: inputs, then targets."""
    leaves, x = _inputs(samples.X[k])
    prediction: Any = model(x)
    outputs = [prediction] if isinstance(prediction, Value) else list(prediction)
    numbers = Samples(samples.X[k : k + 1, :0], samples.Y[k : k + 1]).table(len(outputs))[0]
    wanted = [Value(t, label=name("ŷ", n)) for n, t in enumerate(numbers, 1)]
    single = isinstance(prediction, Value)
    cost = loss(prediction, wanted[0]) if single else loss(outputs, wanted)
    if not isinstance(cost, Value):
        raise TypeError(f"the loss of Values gives a Value, not {type(cost).__name__}")
    return cost, outputs, [*leaves, *wanted]


def _recorded(
    make: Callable[[int], Made], table: Callable[[Made], Array], parameters: list[Value]
) -> CheckedRecording:
    """A recording of what the first sample makes, compared with what some others do."""

    def made(k: int) -> Made:
        with no_floats(), enable_grad():
            return make(k)

    with decisions() as decided:
        first = made(0)
    recording = CheckedRecording(made, first, table(first), parameters, decided)
    recording.check_first()
    return recording


# -- all of them as a recording ---------------------------------------------------------


class Costs:
    """The cost of samples to train on, recorded for replay.

    Attributes
    ----------
    recording : CheckedRecording
        Of one output.
    outputs : int
        How many the model has.
    draws : bool
        Whether there is a dropout, so that what is replayed differs each time.
    """

    def __init__(
        self,
        model: Module,
        loss: Callable[[Any, Any], Any],
        samples: Samples,
        parameters: list[Value],
    ) -> None:
        self._dropped: list[Dropout] = []

        def make(k: int) -> Made:
            with drawn_factors() as drawn:
                cost, outputs, leaves = _costed(model, loss, samples, k)
            self._dropped = [dropout for _, dropout in drawn]
            self.outputs = len(outputs)
            return Made([cost], [*leaves, *[factor for factor, _ in drawn]])

        def table(first: Made) -> Array:
            self._samples = samples.table(self.outputs)
            return self.drawn()

        self.recording = _recorded(make, table, parameters)
        self.draws = bool(self._dropped)

    def drawn(self) -> Array:
        """What is replayed: one row a sample, with the factors of each dropout drawn anew."""
        n, dropped = len(self._samples), self._dropped
        if not dropped:
            return self._samples
        factors = np.empty((n, len(dropped)))
        for dropout in dict.fromkeys(dropped):
            here = [i for i, d in enumerate(dropped) if d is dropout]
            factors[:, here] = dropout.draws(n, len(here))
        return np.hstack([self._samples, factors])


class Predictions:
    """What a model in use makes of samples, and what that costs, recorded for replay.

    Attributes
    ----------
    targets : ndarray
    """

    def __init__(
        self,
        model: Module,
        loss: Callable[[Any, Any], Any],
        samples: Samples,
        parameters: list[Value],
    ) -> None:
        def make(k: int) -> Made:
            with in_use(model):
                cost, outputs, leaves = _costed(model, loss, samples, k)
            return Made([cost, *outputs], leaves)

        def table(first: Made) -> Array:
            self._samples = samples.table(len(first.outputs) - 1)
            return self._samples

        self._recording = _recorded(make, table, parameters)
        self.targets = samples.Y

    def at(self, theta: Array) -> tuple[float, Array]:
        """The mean cost, and the predictions: shape (n,) of one output, or (n, outputs)."""
        found = self._recording.tape.value(self._samples, theta)
        return float(found[:, 0].mean()), found[:, 1] if found.shape[1] == 2 else found[:, 1:]

    def check_last(self, theta: Array) -> None:
        """Compares with two more samples at parameters as they are at the end."""
        self._recording.tape.theta = theta
        self._recording.check_last()


def predicted(model: Any, X: Any) -> Array:
    """What a model in use makes of each sample: shape (n,) for one Value, else (n, outputs).

    One sample is recorded and all are replayed; where the others are not like it, as where
    an ``if`` decides otherwise, each is computed by itself.
    """
    rows = _rows(X)
    form: list[tuple[int, ...]] = []

    def make(k: int) -> Made:
        leaves, x = _inputs(rows[k])
        prediction: Any = model(x)
        form[:] = [shape_of(prediction)]
        return Made(list(flat(prediction)), leaves)

    table = rows.reshape(len(rows), -1)
    with in_use(model):
        try:
            found = _recorded(make, lambda _first: table, []).tape.value(table)
        except (RecordingError, TypeError):  # also a float(v), which leaves the graph
            with no_grad():
                found = np.array([[v.data for v in make(k).outputs] for k in range(len(rows))])
    return np.reshape(found, (len(rows), *form[0]))
