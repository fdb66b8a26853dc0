"""`Tape`: a scalar graph, recorded once and replayed on arrays."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

import numpy as np

from micrograd_es.base.arrays import Array, as_array
from micrograd_es.base.scalars import as_count, as_setting
from micrograd_es.engine.custom import CustomOperation
from micrograd_es.engine.value import Value
from micrograd_es.engine.watching import is_watching
from micrograd_es.tape.batches import Batches
from micrograd_es.tape.customs import array_functions
from micrograd_es.tape.elsewhere import PureFunction, pure_function
from micrograd_es.tape.native import Native, why_not
from micrograd_es.tape.program import Elementwise, SumStep, plan
from micrograd_es.tape.recording import BATCHED, STATIC, record
from micrograd_es.tape.source import source


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
    threads : int
        How many threads share the samples, where native code runs; 1 unless set.

    Notes
    -----
    All other leaves are constants, with the data that they had at recording. A tape
    knows the graph and not the Python that made it: ``if v > 0:`` was decided at
    recording and is replayed as it was, and so are ``max(values)`` and ``array > 0``,
    which compare data; ``(v > 0) * v``, `where`, `maximum`, `minimum` and `relu` are part
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
        self._recording = record(self._outputs, self._inputs, self._parameters)
        self._program = plan(self._recording)
        custom = array_functions(self._recording)
        for step in self._program.steps:
            if isinstance(step, Elementwise) and isinstance(step.rule, CustomOperation):
                custom(step.rule)  # warns now, if at all
        self._batches = Batches(self._program, self._recording, custom)
        self._numpy_because = why_not(self._program)
        self._native = None if self._numpy_because else Native(self._program, self._recording)
        self._theta = np.array([v.data for v in self._parameters])
        self.threads = 1

    @property
    def theta(self) -> Array:
        """The parameters, shape (P,)."""
        return self._theta

    @theta.setter
    def theta(self, numbers: Any) -> None:
        self._theta = self._checked_theta(numbers).copy()

    @property
    def memory_limit(self) -> int:
        """Bytes that a replay may take for its numbers; larger batches run in parts."""
        return self._batches.memory_limit

    @memory_limit.setter
    def memory_limit(self, limit: int) -> None:
        self._batches.memory_limit = int(as_setting(limit, "memory_limit"))

    @property
    def threads(self) -> int:
        """How many threads share a replay by native code; the results are the same bits."""
        return self._threads

    @threads.setter
    def threads(self, number: int) -> None:
        self._threads = as_count(number, "threads")

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
        result = self._run(self._samples(X), self._checked_theta(theta))[0]
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
        values, _, gradient = self._run(X, theta, cotangent)
        return values[:, 0], gradient

    def vjp(self, X: Any, cotangent: Any, theta: Any = None) -> tuple[Array, Array]:
        """The gradients of Σ cotangent·output: ``(d inputs (B, inputs), d parameters (P,))``."""
        return self.value_and_vjp(X, cotangent, theta)[1:]

    def value_and_vjp(
        self, X: Any, cotangent: Any, theta: Any = None
    ) -> tuple[Array, Array, Array]:
        """The outputs, and the gradients of `vjp`, after one pass forward.

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
        outputs, d_inputs, gradient = self._run(X, theta, cotangent, everything=True)
        return outputs[:, 0] if self._single else outputs, d_inputs, gradient

    def to(self, name: str) -> PureFunction:
        """`value_and_grad` as a pure function ``(X, theta, weights=None)`` on other arrays.

        It runs where its arrays are, so on a GPU, or on the many devices over which
        JAX has sharded X. It takes and gives arrays of X's dtype, and integers as floats.
        Both results can be differentiated and mapped (`jax.hessian`, `jax.jit`, `torch.func`,
        `torch.autograd`), which gives the derivatives of `grad`, to any order. What arrives
        below a branch as exactly 0 is handed on as 0, whether taken or not.

        Parameters
        ----------
        name : str
            "jax" or "torch".
        """
        if len(self._outputs) > 1:
            raise ValueError("a tape of several outputs stays with NumPy; give each its own")
        return pure_function(self._program, self._recording, name)

    def plain_on_jax(self) -> PureFunction:
        """`to("jax")`, quicker, with nan for a gradient in which 0 meets infinity."""
        return pure_function(self._program, self._recording, "jax", plain=True)

    def source(self, language: str) -> str:
        """A program's text that computes the output and its derivatives without this package.

        It defines ``value_and_grad(inputs, parameters)`` of one sample, with the labels as
        names. In Python that takes and gives lists of floats: value, d inputs, d parameters.
        In C it is ``double value_and_grad(const double *inputs, const double *parameters,
        double *d_inputs, double *d_parameters)``.

        Parameters
        ----------
        language : str
            "python" or "c".

        Raises
        ------
        ValueError
            There are several outputs, or a `custom` operation, which has no text.

        Examples
        --------
        >>> x, w = Value(2.0, "x"), Value(3.0, "w₁")
        >>> y = w * x + 1
        >>> y.label = "y"
        >>> print(Tape(y, [x], [w]).source("python"))
        import math
        <BLANKLINE>
        <BLANKLINE>
        def value_and_grad(inputs, parameters):
            \"\"\"The value, and its derivatives with respect to inputs and parameters.\"\"\"
            [x] = map(float, inputs)
            [w1] = map(float, parameters)
        <BLANKLINE>
            v1 = w1 * x
            y = v1 + 1.0
        <BLANKLINE>
            d_x = d_w1 = d_v1 = d_y = 0.0
            d_y = 1.0
            d_v1 += d_y
            d_w1 += d_v1 * x
            d_x += d_v1 * w1
            return y, [d_x], [d_w1]
        <BLANKLINE>
        """
        return source(self._recording, language)

    def summary(self) -> str:
        """What was found in the graph: steps, matrix products, and what is left over."""
        steps, sizes = self._program.steps, self._program.sizes
        lines = [
            f"{len(self._recording.nodes)} nodes in {len(steps)} steps; "
            f"{sizes[STATIC]} rows for all samples, {sizes[BATCHED]} for each"
        ]
        found: Counter[str] = Counter()
        for product in (p for s in steps if isinstance(s, SumStep) for p in s.products):
            m, k = product.left.shape
            if product.matrix:
                found[f"× matrix product ({m}, {k}) · {product.right.shape}"] += 1
            else:
                found[f"dot products of {m}"] += k
        lines += [f"  {n} {what}".replace("  1 × ", "  ") for what, n in found.items()]
        alone = Counter(s.name for s in steps if isinstance(s, Elementwise) and len(s) == 1)
        groups = [len(s) for s in steps if isinstance(s, Elementwise) and len(s) > 1]
        lines.append(f"  {len(groups)} groups of one operation, of {sum(groups)} nodes")
        left = ", ".join(f"{n} {name}" for name, n in sorted(alone.items())) or "nothing"
        lines.append(f"  left over, a step for each node: {left}")
        how = self._numpy_because and f"NumPy: {self._numpy_because}"
        lines.append(f"  replayed by {how or 'native code, in blocks of samples'}")
        return "\n".join(lines)

    def __reduce__(self) -> tuple[Any, ...]:
        output = self._outputs[0] if self._single else self._outputs
        # the data of a constant may be another one by now
        constants = [*self._recording.constants.values()]
        state = self._theta, self.memory_limit, self.threads, constants
        return Tape, (output, self._inputs, self._parameters), state

    def __setstate__(self, state: tuple[Any, int, int, list[float]]) -> None:
        self._theta, self.memory_limit, self.threads, constants = state
        self._recording.constants.update(zip(self._recording.constants, constants))

    def _run(
        self, X: Array, theta: Array, cotangent: Array | None = None, everything: bool = False
    ) -> tuple[Array, Array, Array]:
        """Outputs (B, n); with a cotangent d parameters (P,), and with `everything` d inputs.

        Native code is asked first. It hands back the samples that are odd, and names no node.
        """
        if self._native is None or is_watching() or not len(X):
            return self._batches.run(X, theta, cotangent, everything)
        outputs = np.empty((len(X), len(self._outputs)))
        d_inputs = np.empty(X.shape if everything else 0)
        gradient, odd = self._native.run(
            X, theta, cotangent, outputs, d_inputs if everything else None,
            threads=self.threads, memory_limit=self.memory_limit,
        )  # fmt: skip
        if len(odd):
            given = None if cotangent is None else cotangent[odd]
            outputs[odd], d, rest = self._batches.run(X[odd], theta, given, everything)
            gradient += rest
            if everything:
                d_inputs[odd] = d
        return outputs, d_inputs, gradient

    # -- what users give --------------------------------------------------------------

    def _samples(self, X: Any) -> Array:
        n = len(self._inputs)
        if X is None:
            if n:
                raise ValueError(f"X should have shape (B, {n}): one column an input")
            return np.zeros((1, 0))
        samples = as_array(X, "X")
        if samples.ndim != 2 or samples.shape[1] != n:
            raise ValueError(f"X should have shape (B, {n}), not {samples.shape}")
        return samples

    def _checked_theta(self, theta: Any) -> Array:
        if theta is None:
            return self._theta
        numbers, wanted = as_array(theta, "theta"), (len(self._parameters),)
        if numbers.shape != wanted:
            raise ValueError(f"theta should have shape {wanted}, not {numbers.shape}")
        return numbers


@lru_cache(maxsize=8)
def _of_a_mean(batch: int) -> Array:
    """The gradient of the mean, shape (B, 1)."""
    weights = np.full((batch, 1), 1 / max(1, batch))
    weights.flags.writeable = False
    return weights
