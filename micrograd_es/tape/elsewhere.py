"""The program as a pure function on the arrays of JAX or PyTorch."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from importlib import import_module
from typing import Any

import numpy as np

from micrograd_es.tape.customs import Array
from micrograd_es.tape.library import Derived
from micrograd_es.tape.program import Program
from micrograd_es.tape.recording import Recording
from micrograd_es.tape.replay import Interpreter

PureFunction = Callable[..., tuple[Array, Array]]

_LIBRARIES = {"jax": ("on_jax", "Jax"), "torch": ("on_torch", "Torch")}

# Steps from which on a program with few operations in each is a loop on JAX, which compiles
# what is written out in as many hundredths of a second.
_MANY, _FEW = 64, 32


def pure_function(
    program: Program, recording: Recording, name: str, plain: bool = False
) -> PureFunction:
    """``run(X, theta, weights=None) -> (values, gradient)`` on the arrays of "jax" or "torch".

    With `plain`, on JAX, its gradient is the same number or nan.
    """
    if name not in _LIBRARIES:
        raise ValueError(f'a tape goes to "jax" or "torch", not {name!r}')
    module, kind = _LIBRARIES[name]
    library: Derived = getattr(import_module(f"micrograd_es.tape.{module}"), kind)(recording)
    runner: Any = Interpreter
    if name == "jax" and _MANY <= len(program.steps) > program.operations / _FEW:
        runner = import_module("micrograd_es.tape.loop").Loop
    xp, on = library.xp, cache(partial(runner, program))
    p, n = recording.given
    constants = np.array([*recording.constants.values()])

    def run(X: Array, theta: Array, weights: Array | None = None) -> tuple[Array, Array]:
        """The values (B,), and the gradient (P,) of their weighted sum; weights are 1/B."""
        X, theta = library.given(X, theta)
        if X.ndim != 2 or X.shape[1] != n or tuple(theta.shape) != (p,):
            raise ValueError(
                f"X should have shape (B, {n}) and theta ({p},), "
                f"not {tuple(X.shape)} and {tuple(theta.shape)}"
            )
        batch = X.shape[0]
        if weights is None:
            weights = xp.broadcast_to(library.floats(1.0 / max(batch, 1), X), (batch,))
        weights = library.floats(weights, X)
        if tuple(weights.shape) != (batch,):
            raise ValueError(f"weights should have shape ({batch},), not {tuple(weights.shape)}")
        leaves = xp.concatenate([theta, library.floats(constants, X)], axis=0)[:, None]
        arrays: Any = library.plain if plain else library.at(X, theta, weights)  # type: ignore[attr-defined]
        values, gradient = on(arrays).evaluate(leaves, X.T, weights)
        return values, gradient[:p, 0]

    return run
