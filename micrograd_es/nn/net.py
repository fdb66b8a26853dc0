"""`Net`: the notes' class, finished.

The network of the notes is square: L layers of N neurons on N inputs. They write a
neuron in three ways, and `form` chooses. One pattern is recorded as a graph of Values;
its backward pass is the gradient that the notes leave empty, replayed by a Tape over
all patterns.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from math import isclose, isfinite
from typing import Any, NamedTuple

import numpy as np

from micrograd_es.base.arrays import Array, as_array
from micrograd_es.base.errors import AnomalyError, ConvergenceWarning
from micrograd_es.base.scalars import as_count, as_setting
from micrograd_es.engine.algebra import arrays
from micrograd_es.engine.comparison import decisions
from micrograd_es.engine.custom import no_floats
from micrograd_es.engine.derivative import grad
from micrograd_es.engine.functions import custom, function, products, sum_node, vsum
from micrograd_es.engine.ops import TABLE
from micrograd_es.engine.value import Value
from micrograd_es.engine.value_array import value_array
from micrograd_es.engine.watching import enable_grad
from micrograd_es.formulas.notation import name
from micrograd_es.nn import losses
from micrograd_es.nn.history import History
from micrograd_es.tape.checking import Made, Shape
from micrograd_es.tape.tape import Tape

_COMPARED = 8  # patterns of which C is run at a time, to see whether its recording holds
FORMS = ("weighted-sum", "mean-input", "mean-output")

_sigmoid = function(TABLE["sigmoid"])
_sigmoid_of_numbers = arrays(np).value(TABLE["sigmoid"])


def sigmoid(z: Any) -> Any:
    """σ(z) = 1 / (1 + e⁻ᶻ), of numbers, Values and arrays of either; stable for any z."""
    if isinstance(z, Value) or np.asarray(z).dtype == object:
        return _sigmoid(z)
    return _sigmoid_of_numbers(np.asarray(z, dtype=float))[()]


def d_sigmoid(z: Any) -> Any:
    """dσ/dz, as σ(z)·σ(-z) and not σ(z)·(1 - σ(z)), which loses its digits where z is large."""
    return sigmoid(z) * sigmoid(-z)


class Pattern(NamedTuple):
    """One pattern as a graph of Values: `cost` is its root, `A`, `W` and `B` its nodes.

    `A`, `W` and `B` are arrays of Values in the shapes of the Net's own; `x` and `y`
    are the inputs and the targets.
    """

    cost: Value
    A: Array
    W: Array
    B: Array
    x: list[Value]
    y: list[Value]


@dataclass
class _Recorded:
    """The replays of a network, what C made of the recorded pattern, and whether of all."""

    activations: Tape
    cost: Tape
    shape: Shape
    holds: bool


class Net:
    """A feed-forward network, as the notes write it.

    Parameters
    ----------
    N : int
        Neurons of each layer, and inputs.
    L : int
        Layers.
    lr : float
        Learning rate.
    g, d_g : callable
        Activation of a number (or array) and its derivative.
    C : callable
        Cost ``C(Y, Y_pred)`` of one pattern, given as two arrays of N Values; over
        several patterns the cost is their mean. A loss of this package also serves.
    form : str
        How a neuron is written: "weighted-sum", a = g(Σₘ wₙₘ aₘ + bₙ), has W of shape (N, L, N)
        and B of (N, L); "mean-input", a = g(wₙ · mean(a) + bₙ), has (N, L) for both;
        "mean-output", a = meanₘ g(wₙₘ aₘ + bₙₘ), has (N, L, N) for both.
    seed : int, optional
        W and B are drawn uniformly from [0, 1), as in the notes.

    Attributes
    ----------
    W, B : ndarray
        Weights and biases, neuron first, layer second; assignable.
    A : ndarray, shape (N, L)
        Activations of the pattern that was last predicted.
    grad_C_W, grad_C_B : ndarray
        The gradients that `gradients` or an epoch of `learn` took last.

    Examples
    --------
    >>> net = Net(2, L=2, lr=2.0, seed=0)
    >>> costs = net.learn([1.0, 0.0], [0.0, 1.0], tol=0.01)
    >>> costs.converged, net.predict([1.0, 0.0]).round(1).tolist()
    (True, [0.1, 0.9])
    """

    def __init__(
        self,
        N: int,
        L: int = 1,
        lr: float = 0.01,
        g: Callable[[Any], Any] = sigmoid,
        d_g: Callable[[Any], Any] = d_sigmoid,
        C: Callable[[Any, Any], Any] = losses.mse,
        form: str = "weighted-sum",
        seed: int | None = None,
    ) -> None:
        self.N, self.L = as_count(N, "N"), as_count(L, "L")
        if form not in FORMS:
            raise ValueError(f"form is one of {', '.join(FORMS)}, not {form!r}")
        lr = as_setting(lr, "lr")
        for what, f in ("g", g), ("d_g", d_g), ("C", C):
            if not callable(f):
                raise TypeError(f"{what} is a function, not {type(f).__name__}")
        if d_g is d_sigmoid and g is not sigmoid:
            _check_derivative(g)
        self.lr, self.g, self.d_g, self.C, self.form = lr, g, d_g, C, form
        cell, row = (self.N, self.L), (self.N, self.L, self.N)
        random = np.random.default_rng(seed if seed is None else as_count(seed, "seed", 0))
        self._W = random.random(cell if form == "mean-input" else row)
        self._B = random.random(row if form == "mean-output" else cell)
        self.A = np.zeros(cell)
        self.grad_C_W = np.zeros_like(self._W)
        self.grad_C_B = np.zeros_like(self._B)
        self._tapes: dict[Any, _Recorded] = {}

    @property
    def W(self) -> Array:
        """The weights."""
        return self._W

    @W.setter
    def W(self, numbers: Any) -> None:
        self._W = _like(self._W, "W", numbers)

    @property
    def B(self) -> Array:
        """The biases."""
        return self._B

    @B.setter
    def B(self, numbers: Any) -> None:
        self._B = _like(self._B, "B", numbers)

    @enable_grad()
    def graph(self, X: Any, Y: Any) -> Pattern:
        """One pattern, recorded with the notes' names, to draw, explain or differentiate."""
        x = [Value(v, label=name("x", n)) for n, v in enumerate(self._patterns(X, "X", 1), 1)]
        y = [Value(v, label=name("ŷ", n)) for n, v in enumerate(self._patterns(Y, "Y", 1), 1)]
        W, B, A = _values("w", self._W), _values("b", self._B), np.empty((self.N, self.L), object)
        a = x
        for layer in range(self.L):
            neuron = self._neurons(a, layer)
            a = [neuron(n, W[n, layer], B[n, layer]) for n in range(self.N)]
            for n, v in enumerate(a):
                last = layer == self.L - 1
                v.label = name("y", n + 1) if last else name("a", n + 1, layer=layer + 1)
                A[n, layer] = v
        return Pattern(self._cost(y, a), A, W, B, x, y)

    def _cost(self, y: list[Value], a: list[Value]) -> Value:
        # our own losses take the predictions first
        own = getattr(self.C, "__module__", "") == losses.__name__
        with no_floats():
            cost = self.C(a, y) if own else self.C(value_array(y), value_array(a))
        if not isinstance(cost, Value):
            raise TypeError(f"C(Y, Y_pred) of Values gives a Value, not {type(cost).__name__}")
        cost.label = "C"
        return cost

    def _neurons(self, a: list[Value], layer: int) -> Callable[[int, Any, Any], Value]:
        """The neuron of one layer, in this network's form, as a function of n, w and b."""

        def g(z: Value, *indices: int) -> Value:
            z.label = name("z", *indices, layer=layer + 1)
            own = self.g is sigmoid and self.d_g is d_sigmoid
            return z.sigmoid() if own else custom(self.g, self.d_g, z)

        def weighted_sum(n: int, w: Array, b: Value) -> Value:
            return g(sum_node((*products(list(w), a), b)), n + 1)

        def mean_input(n: int, w: Value, b: Value) -> Value:
            return g(w * mean + b, n + 1)

        def mean_output(n: int, w: Array, b: Array) -> Value:
            terms = [g(w[m] * a[m] + b[m], n + 1, m + 1) for m in range(self.N)]
            return vsum(terms) / self.N

        if self.form == "weighted-sum":
            return weighted_sum
        mean = vsum(a) / self.N
        return mean_input if self.form == "mean-input" else mean_output

    def _recorded(self) -> _Recorded:
        """The replay of one pattern's activations, and that of its cost."""
        key = (self.g, self.d_g, self.C)
        if key not in self._tapes:
            # any pattern does: a graph of this network has the same shape at all of them,
            # and whether that of C has is compared later
            half = np.full(self.N, 0.5)
            with decisions() as decided:
                p = self.graph(half, half)
            parameters = [*p.W.flat, *p.B.flat]
            self._tapes[key] = _Recorded(
                Tape(list(p.A.flat), p.x, parameters),
                Tape(p.cost, [*p.x, *p.y], parameters),
                Shape(self._made_by_cost(half, half), ()),
                not decided,
            )
        return self._tapes[key]

    def _made_by_cost(self, y: Array, a: Array) -> Made:
        """What C makes of the targets and predictions of one pattern."""
        targets, predictions = [Value(v) for v in y], [Value(v) for v in a]
        with enable_grad():
            return Made([self._cost(targets, predictions)], [*targets, *predictions])

    def _compare(self, rows: Array) -> None:
        """Has C be run for each pattern where it makes other graphs of some than were recorded."""
        recorded = self._recorded()
        if recorded.holds:
            n = len(rows)
            some = rows[np.unique(np.linspace(0, n - 1, min(n, _COMPARED)).astype(int))]
            A = recorded.activations.value(some[:, : self.N], self._theta())
            for y, a in zip(some[:, self.N :], A.reshape(len(some), self.N, self.L)[:, :, -1]):
                recorded.holds &= recorded.shape.is_that_of(self._made_by_cost(y, a))

    def _theta(self) -> Array:
        return np.concatenate([self._W.ravel(), self._B.ravel()])

    def predict(self, X: Any) -> Array:
        """The activations of the last layer; of the shape of X, (N,) or (n, N)."""
        x = self._patterns(X, "X")
        rows = x.reshape(-1, self.N)
        A = self._recorded().activations.value(rows, self._theta())
        A = A.reshape(len(rows), self.N, self.L)
        if len(rows):
            self.A = A[-1]
        result: Array = A[:, :, -1].reshape(x.shape)
        return result

    def gradients(self, X: Any, Y: Any) -> tuple[Array, Array]:
        """``(grad_C_W, grad_C_B)``: ∂C/∂W and ∂C/∂B, which it also keeps."""
        rows = self._pairs(X, Y)
        self._compare(rows)
        _cost, self.grad_C_W, self.grad_C_B = self._differentiated(rows)
        return self.grad_C_W, self.grad_C_B

    def learn(self, X: Any, Y: Any, tol: float = 0.1, max_epochs: int = 10_000) -> History:
        """The costs: one before the first update, and one after each.

        An epoch moves W and B by -lr times the gradient; it ends when C ≤ `tol`.

        Parameters
        ----------
        X, Y : shape (N,) or (n, N)
            One pattern or many.

        Raises
        ------
        AnomalyError
            The cost turned nan or infinite; W and B are the last with which it was not.
        """
        tol, max_epochs = as_setting(tol, "tol"), as_count(max_epochs, "max_epochs", 0)
        rows = self._pairs(X, Y)
        costs = History()
        before = self._W, self._B
        while True:
            if len(costs) & (len(costs) - 1) == 0:  # after 0, 1, 2, 4, 8, … updates
                self._compare(rows)
            cost, dW, dB = self._differentiated(rows)
            if not isfinite(cost):
                self._W, self._B = before
                raise AnomalyError(f"the cost turned {cost} in epoch {len(costs)}")
            costs.append(cost)
            costs.converged = cost <= tol
            if costs.converged or len(costs) > max_epochs:
                break
            self.grad_C_W, self.grad_C_B = dW, dB
            before = self._W, self._B
            with np.errstate(all="ignore"):  # what diverges is told by its cost
                self._W, self._B = self._W - self.lr * dW, self._B - self.lr * dB
        self.predict(rows[-1, : self.N])
        if not costs.converged:
            warnings.warn(
                f"after {max_epochs} epochs the cost is {costs[-1]:.4g}, above tol={tol:g}",
                ConvergenceWarning,
                stacklevel=2,
            )
        return costs

    def _differentiated(self, rows: Array) -> tuple[float, Array, Array]:
        recorded = self._recorded()
        differentiate = recorded.cost.value_and_grad if recorded.holds else self._one_by_one
        costs, gradient = differentiate(rows, self._theta())
        dW, dB = gradient[: self._W.size], gradient[self._W.size :]
        with np.errstate(over="ignore"):
            cost = float(costs.mean())
        return cost, dW.reshape(self._W.shape), dB.reshape(self._B.shape)

    def _one_by_one(self, rows: Array, theta: Array) -> tuple[Array, Array]:
        """The costs and the gradient of their mean, with a graph of C for each pattern."""
        tape, X = self._recorded().activations, rows[:, : self.N]
        A = tape.value(X, theta).reshape(len(rows), self.N, self.L)
        costs, upstream = np.empty(len(rows)), np.zeros_like(A)
        for k, (y, a) in enumerate(zip(rows[:, self.N :], A[:, :, -1])):
            made = self._made_by_cost(y, a)
            costs[k] = made.outputs[0].data
            upstream[k, :, -1] = grad(made.outputs[0], made.inputs[self.N :])
        return costs, tape.vjp(X, upstream.reshape(len(rows), -1) / len(rows), theta)[1]

    def _pairs(self, X: Any, Y: Any) -> Array:
        x, y = self._patterns(X, "X"), self._patterns(Y, "Y")
        if x.shape != y.shape:
            raise ValueError(f"X has shape {x.shape} and Y {y.shape}; they should be the same")
        if not x.size:
            raise ValueError("there are no patterns to learn from")
        return np.hstack([x.reshape(-1, self.N), y.reshape(-1, self.N)])

    def _patterns(self, X: Any, what: str, ndim: int | None = None) -> Array:
        array = as_array(X, what)
        if array.ndim not in ((ndim,) if ndim else (1, 2)) or array.shape[-1] != self.N:
            many = "" if ndim else f" or (n, {self.N})"
            raise ValueError(f"{what} should have shape ({self.N},){many}, not {array.shape}")
        return array

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_tapes": {}}  # they are recorded anew when needed

    def __repr__(self) -> str:
        return f"Net(N={self.N}, L={self.L}, lr={self.lr}, form={self.form!r})"


def _values(symbol: str, numbers: Array) -> Array:
    """An array of Values with the notes' names: index (n, l) or (n, l, m)."""
    result = np.empty(numbers.shape, object)
    for (n, layer, *m), number in np.ndenumerate(numbers):
        indices = [n + 1, *[i + 1 for i in m]]
        result[(n, layer, *m)] = Value(number, label=name(symbol, *indices, layer=layer + 1))
    return result


def _like(old: Array, what: str, numbers: Any) -> Array:
    array = as_array(numbers, what)
    if array.shape != old.shape:
        raise ValueError(f"{what} should have shape {old.shape}, not {array.shape}")
    return array


def _check_derivative(g: Callable[[Any], Any]) -> None:
    """Refuses another activation to which d_g was left as it is."""
    for z in (-0.7, 0.3):
        slope = (float(g(z + 1e-6)) - float(g(z - 1e-6))) / 2e-6
        if not isclose(slope, float(d_sigmoid(z)), rel_tol=1e-4):
            raise ValueError("g was given without its derivative: d_g is still that of sigmoid")
