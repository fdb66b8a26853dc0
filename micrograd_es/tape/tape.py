"""`Tape`: a scalar graph, recorded once and replayed on arrays."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable
from functools import cache, lru_cache
from itertools import pairwise
from math import ceil, isfinite
from typing import Any

import numpy as np

from micrograd_es.base.arrays import as_array
from micrograd_es.engine.custom import CustomOperation
from micrograd_es.engine.value import Value
from micrograd_es.engine.watching import is_watching
from micrograd_es.tape.bound import Bound
from micrograd_es.tape.customs import array_functions
from micrograd_es.tape.elsewhere import PureFunction, pure_function
from micrograd_es.tape.exact import Sample
from micrograd_es.tape.program import Elementwise, SumStep, plan
from micrograd_es.tape.recording import BATCHED, STATIC, record

Array = Any


class Tape:
    """The graph below `output`, recorded once, to be replayed on arrays of samples.

    Parameters
    ----------
    output : Value or iterable of Values
        What is computed.
    inputs : iterable of Values
        The Values that differ from sample to sample: the columns of X.
    parameters : iterable of Values
        The Values that are the same in all samples, and trained. One that is listed twice,
        as where weights are tied, has one place in `theta`.

    Attributes
    ----------
    theta : ndarray, shape (P,)
        The parameters; read from their `data` at recording, assignable.
    memory_limit : int
        Bytes that a replay may take for its numbers; larger batches run in parts.

    Notes
    -----
    All other leaves are constants, with the data that they had at recording. A tape
    knows the graph and not the Python that made it: ``if v > 0:`` was decided at
    recording and is replayed as it was, and so are ``(v > 0) * v``, ``max(values)`` and
    ``array > 0``, which compare data; `where`, `maximum`, `minimum` and `relu` are part
    of the graph and decide anew in every sample. A tape may be used from several threads.

    Examples
    --------
    >>> x, w = Value(0.0, "x"), Value(3.0, "w")
    >>> tape = Tape(w * x * x, inputs=[x], parameters=[w])
    >>> tape.value([[1.0], [2.0]])
    array([ 3., 12.])
    >>> tape.value_and_grad([[1.0], [2.0]])
    (array([ 3., 12.]), array([2.5]))
    """

    def __init__(
        self,
        output: Value | Iterable[Value],
        inputs: Iterable[Value] = (),
        parameters: Iterable[Value] = (),
    ) -> None:
        self._single = isinstance(output, Value)
        self._outputs: list[Value] = [output] if isinstance(output, Value) else list(output)
        self._inputs, self._parameters = list(inputs), list(dict.fromkeys(parameters))
        _check(self._outputs, self._inputs, self._parameters)
        self._recording = record(self._outputs, self._inputs, self._parameters)
        self._program = plan(self._recording)
        self._custom = cache(array_functions(self._recording))
        for step in self._program.steps:
            if isinstance(step, Elementwise) and isinstance(step.rule, CustomOperation):
                self._custom(step.rule, len(step.operands))  # warns now, if at all
        self._theta = np.array([v.data for v in self._parameters])
        self.memory_limit = 2**28
        self._threads = threading.local()
        # numbers and adjoints, and what a step computes on the way
        widest = max(map(len, self._program.steps), default=0)
        self._sample_bytes = 8 * (2 * self._program.sizes[BATCHED] + 8 * widest + 1)
        rows = self._program.place
        n = len(self._inputs)
        self._input_rows = np.array(rows[:n], dtype=int)
        self._input_runs = _runs(rows[:n])
        self._parameter_rows = np.array(rows[n : n + len(self._parameters)], dtype=int)
        constants = self._recording.constants
        self._constant_rows = np.array([rows[i] for i in constants], dtype=int)
        self._constant_numbers = np.array([*constants.values()])

    @property
    def theta(self) -> Array:
        """The parameters, shape (P,)."""
        return self._theta

    @theta.setter
    def theta(self, numbers: Any) -> None:
        self._theta = self._checked_theta(numbers).copy()

    def write_back(self) -> None:
        """Puts `theta` into the data of the parameters."""
        for v, number in zip(self._parameters, self._theta.tolist()):
            v.data = number

    def value(self, X: Any = None, theta: Any = None) -> Array:
        """The outputs of every sample: shape (B,), or (B, n) of n outputs.

        Parameters
        ----------
        X : shape (B, number of inputs)
            One row a sample; omitted where there are no inputs.
        theta : shape (P,), optional
            Parameters to use instead of `theta`.
        """
        X, theta = self._samples(X), self._checked_theta(theta)
        result = np.empty((len(X), len(self._outputs)))
        with np.errstate(all="ignore"):
            for p in self._parts(len(X)):
                bound = self._bound(p.stop - p.start)
                result[p] = self._forward(bound, X[p], theta, p.start)[0]
        return result[:, 0] if self._single else result

    def value_and_grad(
        self, X: Any = None, theta: Any = None, weights: Any = None
    ) -> tuple[Array, Array]:
        """The outputs, shape (B,), and the gradient of their weighted sum, shape (P,).

        Parameters
        ----------
        weights : shape (B,), optional
            1/B each by default.

        Raises
        ------
        ValueError
            The tape has several outputs: their gradients are `vjp`'s.
        AnomalyError
            Under `detect_anomaly`, naming node and sample, where a number is not finite.
        """
        if len(self._outputs) > 1:
            raise ValueError("value_and_grad is of one output; use vjp for several")
        X, theta = self._samples(X), self._checked_theta(theta)
        if weights is None:
            cotangent = _of_a_mean(len(X))
        else:
            weights = as_array(weights, "weights")
            if weights.shape != (len(X),):
                raise ValueError(f"weights should have shape ({len(X)},), not {weights.shape}")
            cotangent = weights[:, None]
        with np.errstate(all="ignore"):
            values, _, gradient = self._differentiated(X, theta, cotangent, False)
        return values[:, 0], gradient

    def vjp(self, X: Any, cotangent: Any, theta: Any = None) -> tuple[Array, Array]:
        """The gradients of Σ cotangent·output: ``(d inputs (B, inputs), d parameters (P,))``.

        Parameters
        ----------
        cotangent : shape (B,), or (B, n) of n outputs
        """
        X, theta = self._samples(X), self._checked_theta(theta)
        cotangent = as_array(cotangent, "the cotangent")
        wanted = (len(X),) if self._single else (len(X), len(self._outputs))
        if cotangent.shape != wanted:
            raise ValueError(f"the cotangent should have shape {wanted}, not {cotangent.shape}")
        cotangent = cotangent.reshape(len(X), len(self._outputs))
        with np.errstate(all="ignore"):
            return self._differentiated(X, theta, cotangent, True)[1:]

    def to(self, name: str) -> PureFunction:
        """`value_and_grad` as a pure function ``(X, theta, weights=None)`` on other arrays.

        It runs where its arrays are, so on a GPU, or on the many devices over which
        JAX has sharded X. It takes and gives arrays of X's dtype.

        Parameters
        ----------
        name : str
            "jax", whose function can be given to `jax.jit` and `jax.vmap`, or "torch".
        """
        if len(self._outputs) > 1:
            raise ValueError("a tape of several outputs stays with NumPy; give each its own")
        constants = self._constant_rows, self._constant_numbers
        inputs, parameters = self._input_rows, self._parameter_rows
        return pure_function(self._program, inputs, parameters, constants, name)

    def summary(self) -> str:
        """What was found in the graph: steps, matrix products, and what is left over."""
        steps, sizes = self._program.steps, self._program.sizes
        lines = [
            f"{len(self._recording.nodes)} nodes in {len(steps)} steps; "
            f"{sizes[STATIC]} rows for all samples, {sizes[BATCHED]} for each"
        ]
        for step in steps:
            for product in step.products if isinstance(step, SumStep) else ():
                m, k = product.left.shape
                lines.append(
                    f"  matrix product ({m}, {k}) · {product.right.shape}"
                    if product.matrix
                    else f"  {k} dot products of {m}"
                )
        alone = Counter(s.name for s in steps if isinstance(s, Elementwise) and len(s) == 1)
        groups = [len(s) for s in steps if isinstance(s, Elementwise) and len(s) > 1]
        lines.append(f"  {len(groups)} groups of one operation, of {sum(groups)} nodes")
        left = ", ".join(f"{n} {name}" for name, n in sorted(alone.items())) or "nothing"
        lines.append(f"  left over, a step for each node: {left}")
        return "\n".join(lines)

    def __reduce__(self) -> tuple[Any, ...]:
        output = self._outputs[0] if self._single else self._outputs
        state = {"_theta": self._theta, "memory_limit": self.memory_limit}
        return Tape, (output, self._inputs, self._parameters), state

    # -- a batch, part by part --------------------------------------------------------

    def _parts(self, batch: int) -> list[slice]:
        """The batch in parts that fit into the memory limit.

        Several are of one size, or one sample less, so that the arrays of both are kept.
        """
        room = self.memory_limit // self._sample_bytes
        number = 1 if batch <= room else ceil(batch / max(1, room // 2))
        ends = [batch * k // number for k in range(number + 1)]
        return [slice(a, b) for a, b in pairwise(ends) if b > a]

    def _differentiated(
        self, X: Array, theta: Array, cotangent: Array, everything: bool
    ) -> tuple[Array, Array, Array]:
        """Outputs (B, n), d inputs (B, inputs) if `everything` is wanted, d parameters (P,)."""
        parts = [
            self._part(X[p], theta, cotangent[p], everything, p.start) for p in self._parts(len(X))
        ]
        if len(parts) == 1:
            return parts[0]
        if not parts:
            return np.empty((0, len(self._outputs))), np.empty(X.shape), np.zeros(len(theta))
        outputs, d_inputs, gradients = zip(*parts)
        return np.concatenate(outputs), np.concatenate(d_inputs), sum(gradients)

    def _part(
        self, X: Array, theta: Array, cotangent: Array, everything: bool, first: int
    ) -> tuple[Array, Array, Array]:
        """The same of a part of the batch, of which the first sample is number `first`.

        A sample with a number that is nan or infinite cannot stay in the sums over the batch,
        and is done by itself (`_exact`). Which ones these are shows by and by: first in the
        outputs; then, if a gradient is not finite, in what was computed on the way back; and
        if it still is not finite without those, every sample is done by itself. So there are
        up to three passes backward, and nearly always one.
        """
        bound = self._bound(len(X))
        outputs, odd = self._forward(bound, X, theta, first)
        d_inputs, gradient = self._backward(bound, cotangent, odd, everything)
        if not (_is_finite(gradient) and _is_finite(d_inputs)):
            odd = np.union1d(odd, _not_finite(bound.adjoints)).astype(int)
            d_inputs, gradient = self._backward(bound, cotangent, odd, everything)
            if not (_is_finite(gradient) and _is_finite(d_inputs)):
                odd = np.arange(len(X))
                d_inputs, gradient = self._backward(bound, cotangent, odd, everything)
        for k in odd:
            d = self._exact(X, theta, k, first).adjoints(
                list(zip(self._recording.outputs, cotangent[k].tolist())),
                range(len(self._inputs) + len(self._parameters)),
            )
            if everything:
                d_inputs[k] = d[: len(self._inputs)]
            gradient += d[len(self._inputs) :]
        return outputs, d_inputs, gradient

    def _bound(self, batch: int) -> Bound:
        """The calls and arrays of this thread for a size of batch, made once."""
        known: dict[int, Bound] = self._threads.__dict__.setdefault("bound", {})
        if batch not in known:
            # a whole batch and a shorter last one come in turns: keep both if they fit
            room = self.memory_limit // self._sample_bytes
            while known and (len(known) > 7 or sum(known) + batch > room):
                del known[next(iter(known))]
            known[batch] = Bound(self._program, self._custom, batch)
            known[batch].numbers[STATIC][self._constant_rows, 0] = self._constant_numbers
        return known[batch]

    def _forward(self, bound: Bound, X: Array, theta: Array, first: int) -> tuple[Array, Array]:
        """Outputs (B, n), and the samples in which they are not finite."""
        for rows, columns in self._input_runs:
            bound.numbers[BATCHED][rows] = X.T[columns]
        bound.parameters[:] = theta
        outputs = bound.forward()
        if is_watching():
            odd = _not_finite(bound.numbers)
        elif _is_finite(outputs):
            return outputs, _NONE
        else:
            odd = np.flatnonzero(~np.isfinite(outputs).all(axis=1))
        for k in odd:
            sample = self._exact(X, theta, k, first)
            outputs[k] = [sample.values[i].data for i in self._recording.outputs]
        return outputs, odd

    def _backward(
        self, bound: Bound, cotangent: Array, odd: Array, everything: bool
    ) -> tuple[Array, Array]:
        """d inputs (B, inputs) if wanted and d parameters (P,), without the `odd` samples."""
        n, p = len(self._inputs), len(self._parameters)
        if len(odd):
            if len(odd) == len(cotangent):
                return np.zeros((len(odd), n)) if everything else _NONE, np.zeros(p)
            cotangent = cotangent.copy()
            cotangent[odd] = 0.0
            bound.numbers[BATCHED][:, odd] = 0.0
            bound.numbers[BATCHED][self._program.ones] = 1.0
        bound.backward(cotangent, everything)
        gradient = bound.gradient.copy()
        if not everything:
            return _NONE, gradient
        if len(odd):  # 0 times the infinite partial at 0 is nan
            bound.adjoints[BATCHED][:, odd] = 0.0
        return bound.adjoints[BATCHED][self._input_rows].T, gradient

    def _exact(self, X: Array, theta: Array, k: int, first: int) -> Sample:
        return Sample(self._recording, [*X[k].tolist(), *theta.tolist()], first + int(k))

    # -- what users give --------------------------------------------------------------

    def _samples(self, X: Any) -> Array:
        n = len(self._inputs)
        if X is None:
            if n:
                raise ValueError(f"X should have shape (B, {n}): one column an input")
            return np.zeros((1, 0))
        X = as_array(X, "X")
        if X.ndim != 2 or X.shape[1] != n:
            raise ValueError(f"X should have shape (B, {n}), not {X.shape}")
        return X

    def _checked_theta(self, theta: Any) -> Array:
        if theta is None:
            return self._theta
        theta = as_array(theta, "theta")
        if theta.shape != (len(self._parameters),):
            raise ValueError(
                f"theta should have shape ({len(self._parameters)},), not {theta.shape}"
            )
        return theta


def _check(outputs: list[Value], inputs: list[Value], parameters: list[Value]) -> None:
    for what, values in ("output", outputs), ("input", inputs), ("parameter", parameters):
        for v in values:
            if not isinstance(v, Value):
                raise TypeError(f"each {what} of a tape is a Value, not {type(v).__name__}")
    if not outputs:
        raise ValueError("a tape has at least one output")
    if len({*inputs, *parameters}) < len(inputs) + len(parameters):
        raise ValueError("an input is listed twice, or as a parameter too")


_NONE = np.array([], dtype=int)


def _runs(rows: list[int]) -> list[tuple[slice, slice]]:
    """Where columns of X go: rows that follow each other, and their columns."""
    cuts = [k for k in range(1, len(rows)) if rows[k] != rows[k - 1] + 1]
    return [
        (slice(rows[a], rows[a] + b - a), slice(a, b))
        for a, b in pairwise([0, *cuts, len(rows)])
        if b > a
    ]


@lru_cache(maxsize=8)
def _of_a_mean(batch: int) -> Array:
    """The gradient of the mean, shape (B, 1)."""
    weights = np.full((batch, 1), 1 / max(1, batch))
    weights.flags.writeable = False
    return weights


def _is_finite(numbers: Array) -> bool:
    # a sum of squares is finite only if all of them are, and takes next to no time
    return (
        not len(numbers) or isfinite(np.vdot(numbers, numbers)) or bool(np.isfinite(numbers).all())
    )


def _not_finite(stores: list[Array]) -> Array:
    """The samples in which a number is nan or infinite; all, if it is one for all."""
    static, batched = stores
    if _is_finite(batched) and _is_finite(static):
        return _NONE
    if not np.isfinite(static).all():
        return np.arange(batched.shape[1])
    return np.flatnonzero(~np.isfinite(batched).all(axis=0))
