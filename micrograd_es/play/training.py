"""A training that can be rewound: gradient descent on all points, from a fixed start."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from math import inf
from threading import Lock
from time import monotonic
from typing import Any

import numpy as np

from micrograd_es.base.languages import gettext as _
from micrograd_es.engine.functions import vsum
from micrograd_es.engine.value import Value
from micrograd_es.nn import losses
from micrograd_es.nn.modules import MLP
from micrograd_es.nn.optim import SGD
from micrograd_es.play.features import point, seen
from micrograd_es.play.points import EDGE, Array
from micrograd_es.play.state import State
from micrograd_es.tape import Tape

_EVERY = 25  # parameters are kept once in so many updates, and worked out again between
CELLS = 48
NEURON_CELLS = 16


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
    nouts = [*state.layers, state.outputs]
    output = GOALS[state.loss].output
    return MLP(len(state.features), nouts, state.activation, output, seed=state.seed)


def activations(model: MLP, x: list[Any]) -> list[list[Value]]:
    """The outputs of each layer in turn, the last of them those of the network."""
    layers: list[list[Value]] = []
    for layer in model.layers:
        a = layer(layers[-1] if layers else x)
        layers.append(a if isinstance(a, list) else [a])
    return layers


def cost(state: State, model: MLP, y: list[Value], targets: list[Any]) -> Value:
    """C of one sample: its loss, and what the weights cost by their size."""
    loss = GOALS[state.loss].loss(y, targets)
    weights = [w for layer in model.layers for neuron in layer.neurons for w in neuron.w]
    penalties = []
    if state.l1:
        penalties.append(state.l1 * vsum([abs(w) for w in weights]))
    if state.l2:
        penalties.append(state.l2 * vsum([w**2 for w in weights]))
    if not penalties:
        return loss
    return vsum([loss, *penalties])


class Training:
    """The updates from one start, as far as somebody has asked for them.

    Attributes
    ----------
    costs, tests : list of float
        The cost after 0, 1, 2, … updates, over the points that train and over those held
        out; of these there may be none, and then nothing is in `tests`.
    stopped : bool
        The next update would make the cost or a parameter nan or infinite.
    """

    def __init__(self, start: State) -> None:
        goal = GOALS[start.loss]
        model = network(start)
        self._numbers, self._X, self._classes = start.points()
        self.held_out = start.held_out()
        samples = np.array(
            [[*x, *goal.targets(c)] for x, c in zip(self._X, self._classes.tolist())]
        )
        self._samples, self._others = samples[~self.held_out], samples[self.held_out]
        self._x = point(0.0, 0.0)
        t = [Value(target) for target in goal.targets(1.0)]
        inputs = seen(start.features, self._x)
        layers = activations(model, inputs)
        y = layers[-1]
        self._drawn = [*inputs, *[a for layer in layers for a in layer]]
        self._parameters = model.parameters()
        self.sizes = [len(layer) for layer in layers]
        self.labels = [p.label for p in self._parameters]
        self._cost = self._tape(cost(start, model, y, t), t)
        self._score = self._tape(goal.score(y))
        self._edits: dict[int, list[tuple[int, float]]] = {}
        for edit in start.edits:
            self._edits.setdefault(edit.update, []).append((edit.parameter, edit.number))
        self._update = SGD(self._parameters, lr=start.lr).update
        self._lock = Lock()
        self._theta = self._edited(np.array([p.data for p in self._parameters]), 0)
        cost_of_start, self._gradient = self._evaluate(self._theta)
        self._kept = [self._theta]
        self.costs = [cost_of_start]
        self.tests = self._tested(self._theta)
        self.stopped = False

    def _tape(self, output: Value | list[Value], targets: list[Value] | None = None) -> Tape:
        return Tape(output, inputs=[*self._x, *(targets or [])], parameters=self._parameters)

    @cached_property
    def _neurons(self) -> Tape:
        return self._tape(self._drawn)

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
        theta = self._next(self._theta, self._gradient, len(self.costs))
        cost, gradient = self._evaluate(theta)
        if not (np.isfinite(cost) and np.isfinite(theta).all() and np.isfinite(gradient).all()):
            self.stopped = True
            return
        self._theta, self._gradient = theta, gradient
        if len(self.costs) % _EVERY == 0:
            self._kept.append(theta)
        self.costs.append(cost)
        self.tests += self._tested(theta)

    def _next(self, theta: Array, gradient: Array, update: int) -> Array:
        with np.errstate(all="ignore"):
            return self._edited(self._update(theta, gradient), update)

    def _edited(self, theta: Array, update: int) -> Array:
        if update in self._edits:
            theta = theta.copy()
            for parameter, number in self._edits[update]:
                theta[parameter] = number
        return theta

    def _tested(self, theta: Array) -> list[float]:
        """The cost over the points held out; nothing where there are none."""
        if not len(self._others):
            return []
        with np.errstate(over="ignore"):
            return [float(np.mean(self._cost.value(self._others, theta)))]

    def _evaluate(self, theta: Array) -> tuple[float, Array]:
        values, gradient = self._cost.value_and_grad(self._samples, theta)
        with np.errstate(over="ignore"):
            return float(np.mean(values)), gradient

    def at(self, updates: int) -> tuple[Array, Array]:
        """Parameters and gradient after so many updates: the same bits whenever one asks."""
        with self._lock:
            if updates == len(self.costs) - 1:
                return self._theta, self._gradient
            kept = updates // _EVERY
            theta = self._kept[kept]
            gradient = self._evaluate(theta)[1]
            for update in range(kept * _EVERY + 1, updates + 1):
                theta = self._next(theta, gradient, update)
                gradient = self._evaluate(theta)[1]
            return theta, gradient

    def path(self, updates: int) -> Array:
        """The parameters on the way to that update, shape (k, P): at most 52 of them."""
        every = 1 if updates <= 50 else _EVERY * (1 + updates // (_EVERY * 50))
        return np.array([self.at(k)[0] for k in [*range(0, updates, every), updates]])

    def cost(self, theta: Array) -> float:
        """The cost over the points that train."""
        with np.errstate(over="ignore"):
            return float(np.mean(self._cost.value(self._samples, theta)))

    def scores(self, theta: Array) -> Array:
        """The score of each point."""
        scores: Array = self._score.value(self._X, theta)
        return scores

    def map(self, theta: Array) -> Array:
        """The score at CELLS × CELLS places of the plane, row by row from the lowest x⁽²⁾.

        Integers from -1000 to 1000: what is beyond ±1 is as certain as can be.
        """
        return _thousandths(self._score.value(_places(CELLS), theta))

    def neurons(self, theta: Array) -> Array:
        """Each input and the output of each neuron, shape (n, NEURON_CELLS²), as `map` has it.

        1000 is the largest that it has anywhere in the plane.
        """
        outputs = self._neurons.value(_places(NEURON_CELLS), theta).reshape(NEURON_CELLS**2, -1)
        return _thousandths(outputs / np.abs(outputs).max(axis=0).clip(1e-300)).T

    @property
    def points(self) -> tuple[list[int], Array, Array]:
        """As `State.points`."""
        return self._numbers, self._X, self._classes


def _places(cells: int) -> Array:
    line = np.linspace(-EDGE, EDGE, cells)
    x, y = np.meshgrid(line, line)
    return np.column_stack([x.ravel(), y.ravel()])


def _thousandths(scores: Array) -> Array:
    whole: Array = np.round(1000 * np.nan_to_num(scores).clip(-1, 1)).astype(int)
    return whole


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
    return point_cost(run, state, min(state.updates, reached))


def point_cost(run: Training, state: State, updates: int) -> Value:
    """The loss of the picked point alone after so many updates, with its gradients.

    What weights cost by their size is left out: each would add as many nodes as the network
    has, and say the same 2λw of all of them.
    """
    theta, _gradient = run.at(updates)
    model = network(state)
    for p, number in zip(model.parameters(), theta.tolist()):
        p.data = number
    numbers, X, classes = run.points
    i = numbers.index(state.point)  # type: ignore[arg-type]
    y = activations(model, seen(state.features, point(*X[i].tolist())))[-1]
    goal = GOALS[state.loss]
    loss = goal.loss(y, goal.targets(float(classes[i])))
    loss.backward()
    return loss
