"""The program as a pure function on the arrays of JAX or PyTorch."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np

from micrograd_es.engine.custom import CustomOperation
from micrograd_es.tape.program import Program
from micrograd_es.tape.recording import BATCHED, STATIC
from micrograd_es.tape.replay import Interpreter

Array = Any
PureFunction = Callable[..., tuple[Array, Array]]


def pure_function(
    program: Program,
    inputs: Array,
    parameters: Array,
    constants: tuple[Array, Array],
    name: str,
) -> PureFunction:
    """``run(X, theta, weights=None) -> (values, gradient)`` on the arrays of "jax" or "torch".

    Parameters
    ----------
    inputs, parameters : rows in their stores
    constants : (rows, numbers)
    """
    if name not in _WRITING:
        raise ValueError(f'a tape goes to "jax" or "torch", not {name!r}')
    xp: Any = import_module("jax.numpy" if name == "jax" else "array_api_compat.torch")
    interpreter = Interpreter(program, _custom, xp, *_WRITING[name])
    [(store, row)] = program.outputs
    n, p = len(inputs), len(parameters)

    def stores(X: Array) -> list[Array]:
        batches = {STATIC: 1, BATCHED: X.shape[0]}
        return [
            xp.zeros(
                (program.sizes[s], batches[s]), dtype=X.dtype, device=getattr(X, "device", None)
            )
            for s in (STATIC, BATCHED)
        ]

    def run(X: Array, theta: Array, weights: Array | None = None) -> tuple[Array, Array]:
        """The values (B,), and the gradient (P,) of their weighted sum; weights are 1/B."""
        if X.ndim != 2 or X.shape[1] != n or tuple(theta.shape) != (p,):
            raise ValueError(
                f"X should have shape (B, {n}) and theta ({p},), "
                f"not {tuple(X.shape)} and {tuple(theta.shape)}"
            )
        numbers, adjoints = stores(X), stores(X)
        known = xp.asarray(constants[1], dtype=X.dtype, device=getattr(X, "device", None))
        for s, rows, given in (
            (STATIC, parameters, theta[:, None]),
            (STATIC, constants[0], known[:, None]),
            (BATCHED, inputs, X.T),
        ):
            if len(rows):
                numbers[s] = interpreter.put(numbers[s], rows, given)
        if program.ones:
            numbers[BATCHED] = interpreter.put(numbers[BATCHED], np.array(program.ones), 1.0)
        interpreter.forward(numbers)
        batch = X.shape[0]
        values = xp.broadcast_to(numbers[store][row], (batch,))
        if weights is None:
            weights = xp.full(
                (batch,), 1.0 / max(batch, 1), dtype=X.dtype, device=getattr(X, "device", None)
            )
        seed = weights[None] if store == BATCHED else xp.sum(weights)[None, None]
        adjoints[store] = interpreter.accumulate(adjoints[store], slice(row, row + 1), seed)
        interpreter.backward(numbers, adjoints, everything=False)
        return values, adjoints[STATIC][parameters, 0]

    return run


def _jax_put(store: Array, rows: Any, numbers: Array) -> Array:
    return store.at[rows].set(numbers)


def _jax_accumulate(store: Array, rows: Any, numbers: Array) -> Array:
    return store.at[rows].add(numbers)


def _torch_put(store: Array, rows: Any, numbers: Array) -> Array:
    store[rows] = numbers
    return store


def _torch_accumulate(store: Array, rows: Any, numbers: Array) -> Array:
    if isinstance(rows, slice):
        store[rows] += numbers
        return store
    import torch

    # a copy: the numbers may be other rows of the same store, which PyTorch refuses
    return store.index_add_(0, torch.as_tensor(rows, device=store.device), numbers.clone())


_WRITING = {"jax": (_jax_put, _jax_accumulate), "torch": (_torch_put, _torch_accumulate)}


def _custom(
    rule: CustomOperation, arity: int
) -> tuple[Callable[..., Array], list[Callable[..., Array]]]:
    # the user's functions have to take these arrays; their own errors say so if not
    def partial(i: int) -> Callable[..., Array]:
        return lambda y, *arrays: rule.partials(arrays)[i]

    return lambda *arrays: rule.value(arrays), [partial(i) for i in range(arity)]
