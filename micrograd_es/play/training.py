"""A training that can be rewound: gradient descent on all points, from a fixed start."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from math import inf
from threading import Lock
from time import monotonic
from typing import Any

import numpy as np

from micrograd_es.base.languages import gettext as _
from micrograd_es.engine.value import Value
from micrograd_es.nn import losses
from micrograd_es.nn.modules import MLP
from micrograd_es.nn.optim import SGD
from micrograd_es.play.points import EDGE, Array
from micrograd_es.play.state import State
from micrograd_es.tape import Tape

_EVERY = 25  # parameters are kept once in so many updates, and worked out again between
CELLS = 48


@dataclass(frozen=True)
class Goal:
    """What a loss asks of the network.

    Parameters
    ----------
    output : str
        Activation of the last layer.
    targets : callable
        The wanted outputs for class -1 or 1.
    score : callable
        From the outputs, a number that is negative for class -1 and positive for 1.
    """

    loss: Callable[[Any, Any], Value]
    output: str
    targets: Callable[[float], list[float]]
    score: Callable[[list[Value]], Value]


GOALS = {
    "mse": Goal(losses.mse, "linear", lambda c: [c], lambda y: y[0]),
    "hinge": Goal(losses.hinge, "linear", lambda c: [c], lambda y: y[0]),
    "binary_cross_entropy": Goal(
        losses.binary_cross_entropy, "sigmoid", lambda c: [(1 + c) / 2], lambda y: 2 * y[0] - 1
    ),
    "cross_entropy": Goal(
        losses.cross_entropy,
        "linear",
        lambda c: [(1 - c) / 2, (1 + c) / 2],
        lambda y: ((y[1] - y[0]) / 2).tanh(),  # the difference of the two probabilities
    ),
}


def network(state: State) -> MLP:
    """The network before its first update."""
    goal = GOALS[state.loss]
    outputs = len(goal.targets(1.0))
    return MLP(2, [*state.layers, outputs], state.activation, goal.output, seed=state.seed)


def _outputs(model: MLP, x: list[Any]) -> list[Value]:
    y = model(x)
    return y if isinstance(y, list) else [y]


class Training:
    """The updates from one start, as far as somebody has asked for them.

    Attributes
    ----------
    costs : list of float
        The cost after 0, 1, 2, … updates.
    stopped : bool
        The next update would make the cost or a parameter nan or infinite.
    """

    def __init__(self, start: State) -> None:
        goal = GOALS[start.loss]
        model = network(start)
        self._numbers, self._X, self._classes = start.points()
        self._samples = np.array(
            [[*x, *goal.targets(c)] for x, c in zip(self._X, self._classes.tolist())]
        )
        x = [Value(0.0), Value(0.0)]
        t = [Value(target) for target in goal.targets(1.0)]
        y = _outputs(model, x)
        parameters = model.parameters()
        self._cost = Tape(goal.loss(y, t), inputs=[*x, *t], parameters=parameters)
        self._score = Tape(goal.score(y), inputs=x, parameters=parameters)
        self._update = SGD(parameters, lr=start.lr).update
        self._lock = Lock()
        self._theta = np.array([p.data for p in parameters])
        cost, self._gradient = self._evaluate(self._theta)
        self._kept = [self._theta]
        self.costs = [cost]
        self.stopped = False

    def advance(self, updates: int, seconds: float) -> None:
        """Trains until so many updates are done, or it has stopped, or the time is up.

        It makes at least one update, so that whoever keeps asking gets there.
        """
        end = monotonic() + seconds
        with self._lock:
            while len(self.costs) <= updates and not self.stopped:
                self._step()
                if monotonic() > end:
                    break

    def _step(self) -> None:
        with np.errstate(all="ignore"):
            theta = self._update(self._theta, self._gradient)
        cost, gradient = self._evaluate(theta)
        if not (np.isfinite(cost) and np.isfinite(theta).all() and np.isfinite(gradient).all()):
            self.stopped = True
            return
        self._theta, self._gradient = theta, gradient
        if len(self.costs) % _EVERY == 0:
            self._kept.append(theta)
        self.costs.append(cost)

    def _evaluate(self, theta: Array) -> tuple[float, Array]:
        values, gradient = self._cost.value_and_grad(self._samples, theta)
        with np.errstate(over="ignore"):
            return float(np.mean(values)), gradient

    def at(self, updates: int) -> tuple[Array, Array]:
        """Parameters and gradient after so many updates: the same bits whenever one asks."""
        with self._lock:
            if updates == len(self.costs) - 1:
                return self._theta, self._gradient
            theta = self._kept[updates // _EVERY]
            gradient = self._evaluate(theta)[1]
            for _again in range(updates % _EVERY):
                theta = self._update(theta, gradient)
                gradient = self._evaluate(theta)[1]
            return theta, gradient

    def scores(self, theta: Array) -> Array:
        """The score of each point."""
        scores: Array = self._score.value(self._X, theta)
        return scores

    def map(self, theta: Array) -> Array:
        """The score at CELLS × CELLS places of the plane, row by row from the lowest x₂.

        Integers from -1000 to 1000: what is beyond ±1 is as certain as can be.
        """
        line = np.linspace(-EDGE, EDGE, CELLS)
        x, y = np.meshgrid(line, line)
        scores: Array = self._score.value(np.column_stack([x.ravel(), y.ravel()]), theta)
        thousandths: Array = np.round(1000 * np.nan_to_num(scores).clip(-1, 1)).astype(int)
        return thousandths

    @property
    def points(self) -> tuple[list[int], Array, Array]:
        """As `State.points`."""
        return self._numbers, self._X, self._classes


@lru_cache(maxsize=8)
def training(start: State) -> Training:
    """The training from a start; a few are kept."""
    return Training(start)


class StillTraining(Exception):
    """The updates asked for have not been reached yet; whoever asks again gets further."""


def cost_of_point(state: State, seconds: float = inf) -> Value:
    """The cost C of the picked point alone, as a graph with its gradients.

    Raises
    ------
    StillTraining
        To train so far takes longer.
    """
    run = training(state.start)
    run.advance(state.updates, seconds)
    reached = len(run.costs) - 1
    if reached < state.updates and not run.stopped:
        raise StillTraining(
            _("Still training: update {k} of {n}.").format(k=reached, n=state.updates)
        )
    theta, _gradient = run.at(min(state.updates, len(run.costs) - 1))
    model = network(state)
    for p, number in zip(model.parameters(), theta.tolist()):
        p.data = number
    numbers, X, classes = run.points
    i = numbers.index(state.point)  # type: ignore[arg-type]
    goal = GOALS[state.loss]
    cost = goal.loss(_outputs(model, X[i].tolist()), goal.targets(float(classes[i])))
    cost.backward()
    return cost
