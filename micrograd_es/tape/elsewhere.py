"""The program as a pure function on the arrays of JAX or PyTorch."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from importlib import import_module
from typing import Any

import numpy as np

from micrograd_es.tape.customs import Array
from micrograd_es.tape.in_order import InOrder, NodeByNode
from micrograd_es.tape.library import Derived, Library
from micrograd_es.tape.program import Program
from micrograd_es.tape.recording import Recording
from micrograd_es.tape.showing import Showing

PureFunction = Callable[..., tuple[Array, Array]]

_LIBRARIES = {"jax": ("on_jax", "Jax"), "torch": ("on_torch", "Torch")}

# Steps from which on a program with few operations in each is a loop on JAX, which compiles
# what is written out in as many hundredths of a second.
_MANY, _FEW = 64, 32


def pure_function(
    program: Program, recording: Recording, name: str, plain: bool = False
) -> PureFunction:
    """``run(X, theta, weights=None) -> (values, gradient)`` on the arrays of "jax" or "torch".

    With `plain`, on JAX, its numbers are the same, or are not finite.
    """
    if name not in _LIBRARIES:
        raise ValueError(f'a tape goes to "jax" or "torch", not {name!r}')
    module, kind = _LIBRARIES[name]
    library: Derived = getattr(import_module(f"micrograd_es.tape.{module}"), kind)(recording)
    xp, on = library.xp, cache(partial(Showing, program))
    in_order: Any = NodeByNode
    if name == "jax":
        in_order = import_module("micrograd_es.tape.loop").Loop
    written_out = not (name == "jax" and _MANY <= len(program.steps) > program.operations / _FEW)

    @cache
    def by_run(arrays: Library) -> Callable[..., tuple[Array, Array]]:
        apart = in_order(InOrder(recording, everything=written_out), arrays).apart
        return library.derived(apart) if written_out else apart

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
        arrays: Any = library.plain if plain else library.at(X, theta, weights)  # type: ignore[attr-defined]
        leaves = xp.concatenate([theta, library.floats(constants, X)], axis=0)[:, None]

        def one_by_one() -> tuple[Array, Array]:
            given = [X.T, xp.broadcast_to(leaves, (leaves.shape[0], batch))]
            values, gradients = by_run(arrays)(xp.concatenate(given, axis=0), weights)
            return values, xp.sum(gradients[n : n + p], axis=1)

        if not written_out:
            return one_by_one()
        values, gradient = on(arrays).evaluate(leaves, X.T, weights)
        found = values, gradient[:p, 0]
        return found if plain else library.finite(found, one_by_one)

    return run
