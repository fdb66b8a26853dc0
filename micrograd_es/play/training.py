"""A training that can be rewound: gradient descent on all points, from a fixed start."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from math import inf, isfinite
from threading import Lock
from time import monotonic
from typing import Any

from micrograd_es.base.arrays import quiet
from micrograd_es.base.languages import gettext as _
from micrograd_es.engine.functions import vsum
from micrograd_es.engine.value import Value
from micrograd_es.nn import losses
from micrograd_es.nn.modules import MLP
from micrograd_es.nn.optim import SGD
from micrograd_es.play.features import point, seen
from micrograd_es.play.points import EDGE
from micrograd_es.play.programs import Program, programs
from micrograd_es.play.state import State

_EVERY = 25  # parameters are kept once in so many updates, and worked out again between
CELLS, COARSE = 48, 24
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
    slow : bool
        NumPy is not there, and Python alone does the work.
    cells : int
        How many places the map has each way.
    """

    def __init__(self, start: State) -> None:
        goal = GOALS[start.loss]
        model = network(start)
        self._numbers, self._X, self._classes = self.points = start.points()
        self.held_out = start.held_out()
        self._programs = programs()
        self.slow = self._programs.slow
        self.cells = COARSE if self.slow else CELLS
        samples: list[list[list[float]]] = [[], []]  # those that train, and the others
        for x, c, held in zip(self._X, self._classes, self.held_out):
            samples[held].append([*x, *goal.targets(c)])
        self._samples, self._others = map(self._programs.rows, samples)
        self._x = point(0.0, 0.0)
        t = [Value(target) for target in goal.targets(1.0)]
        inputs = seen(start.features, self._x)
        layers = activations(model, inputs)
        y = layers[-1]
        self._drawn = [*inputs, *[a for layer in layers for a in layer]]
        self._parameters = model.parameters()
        self.sizes = [len(layer) for layer in layers]
        self.labels = [p.label for p in self._parameters]
        self._cost = self._program([cost(start, model, y, t)], t)
        self._score = self._program([goal.score(y)])
        self._edits: dict[int, list[tuple[int, float]]] = {}
        for edit in start.edits:
            self._edits.setdefault(edit.update, []).append((edit.parameter, edit.number))
        self._update = SGD(self._parameters, lr=start.lr).update
        self._lock = Lock()
        theta = self._programs.vector([p.data for p in self._parameters])
        self._theta = self._edited(theta, 0)
        cost_of_start, self._gradient = self._evaluate(self._theta)
        self._kept = [self._theta]
        self.costs = [cost_of_start]
        self.tests = self._tested(self._theta)
        self.stopped = False

    def _program(self, outputs: list[Value], targets: Sequence[Value] = ()) -> Program:
        return self._programs(outputs, [*self._x, *targets], self._parameters)

    @cached_property
    def _neurons(self) -> Program:
        return self._program(self._drawn)

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
        if not _finite([cost, *theta.tolist(), *gradient.tolist()]):
            self.stopped = True
            return
        self._theta, self._gradient = theta, gradient
        if len(self.costs) % _EVERY == 0:
            self._kept.append(theta)
        self.costs.append(cost)
        self.tests += self._tested(theta)

    def _next(self, theta: Any, gradient: Any, update: int) -> Any:
        with quiet():
            return self._edited(self._update(theta, gradient), update)

    def _edited(self, theta: Any, update: int) -> Any:
        if update in self._edits:
            numbers = list(theta.tolist())
            for parameter, number in self._edits[update]:
                numbers[parameter] = number
            theta = self._programs.vector(numbers)
        return theta

    def _tested(self, theta: Any) -> list[float]:
        """The cost over the points held out; nothing where there are none."""
        return [self._mean(self._others, theta)] if len(self._others) else []

    def _mean(self, samples: Any, theta: Any) -> float:
        return _mean([value for (value,) in self._cost.value(samples, theta)])

    def _evaluate(self, theta: Any) -> tuple[float, Any]:
        values, gradient = self._cost.value_and_grad(self._samples, theta)
        return _mean(values), gradient

    def at(self, updates: int) -> tuple[Any, Any]:
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

    def path(self, updates: int) -> list[list[float]]:
        """The parameters on the way to that update: at most 52 times of them."""
        every = 1 if updates <= 50 else _EVERY * (1 + updates // (_EVERY * 50))
        return [self.at(k)[0].tolist() for k in [*range(0, updates, every), updates]]

    def cost(self, theta: list[float]) -> float:
        """The cost over the points that train."""
        return self._mean(self._samples, self._programs.vector(theta))

    def scores(self, theta: Any) -> list[float]:
        """The score of each point."""
        return [score for (score,) in self._score.value(self._programs.rows(self._X), theta)]

    def map(self, theta: Any) -> list[int]:
        """The score at `cells` × `cells` places of the plane, row by row from the lowest x⁽²⁾.

        Integers from -1000 to 1000: what is beyond ±1 is as certain as can be.
        """
        places = self._programs.rows(_places(self.cells))
        return _thousandths([score for (score,) in self._score.value(places, theta)])

    def neurons(self, theta: Any) -> list[list[int]]:
        """Each input and the output of each neuron, NEURON_CELLS² of them, as `map` has it.

        1000 is the largest that it has anywhere in the plane.
        """
        outputs = self._neurons.value(self._programs.rows(_places(NEURON_CELLS)), theta)
        found = []
        for column in zip(*outputs):
            largest = max(map(abs, column), default=0.0) or 1.0
            found.append(_thousandths([a / largest for a in column]))
        return found


def _finite(numbers: list[float]) -> bool:
    """Whether all of them are, which their sum tells sooner unless it is too large itself."""
    return isfinite(sum(numbers)) or all(map(isfinite, numbers))


def _mean(numbers: list[float]) -> float:
    return sum(numbers) / len(numbers)


def _places(cells: int) -> list[list[float]]:
    line = [EDGE * (2 * i / (cells - 1) - 1) for i in range(cells)]
    return [[x, y] for y in line for x in line]


def _thousandths(scores: list[float]) -> list[int]:
    """Rounded, and from -1000 to 1000; nan is 0."""
    return [
        round(1000 * s) if -1.0 <= s <= 1.0 else 1000 if s > 1.0 else -1000 if s < -1.0 else 0
        for s in scores
    ]


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
    y = activations(model, seen(state.features, point(*X[i])))[-1]
    goal = GOALS[state.loss]
    loss = goal.loss(y, goal.targets(classes[i]))
    loss.backward()
    return loss
