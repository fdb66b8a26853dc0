"""Epochs on JAX: all updates of one, and of many where nothing looks in between, are one loop.

XLA compiles that loop once. The samples of each batch are shared among the devices: each gives
the gradient of its own, of which all take the sum, and so all make the same update.
"""

from __future__ import annotations

from functools import partial
from hashlib import sha256
from time import perf_counter
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from micrograd_es.base.arrays import Array
from micrograd_es.nn.epochs import Epochs
from micrograd_es.nn.optim import Optimizer, shrinking
from micrograd_es.tape.tape import Tape

if hasattr(jax, "shard_map"):
    _shared, _doubles = partial(jax.shard_map, check_vma=False), jax.enable_x64
else:
    from jax.experimental import enable_x64, shard_map

    _shared, _doubles = partial(shard_map.shard_map, check_rep=False), enable_x64

# Of one call: updates at most, and how long it may take: Ctrl-C and the progress bar wait for it.
_UPDATES, _SECONDS = 1000, 0.3

_WHOLE, _SPLIT = PartitionSpec(), PartitionSpec(None, "samples")


class JaxEpochs(Epochs):
    """As many epochs in one call as nothing looks in between."""

    def __init__(
        self,
        tape: Tape,
        optimizer: Optimizer,
        size: int,
        most: float | None,
        devices: list[Any],
    ) -> None:
        super().__init__(tape, optimizer, size, most)
        self._mesh = Mesh(np.array(devices), ("samples",))
        self._compiled, self._plain = self._loop_of(tape.plain_on_jax()), True
        self._batches: _Batches | None = None
        self._room = 0  # of how many epochs in one call
        self._quick: int | None = None  # and of how many in so short a time; None: not compiled

    def run(self, samples: Array, weights: Array | None, first: int, number: int) -> list[float]:
        """The costs of the epochs that have been run: at least one, and at most `number`."""
        with _doubles(True):
            if self._batches is None or self._batches.samples is not samples:
                self._agree(samples, weights, number)
                self._batches = _Batches(samples, weights, self._size, self._mesh)
            costs, sound, theta, state = self._moved(self._batches, number)
        if not (np.isfinite(costs).all() and np.isfinite(theta).all()):
            # again, one by one: it ends where the first number turned; if none does, then one was
            # 0 times infinity, below a branch that is not taken
            again: list[float] = []
            while len(again) < len(costs):
                again += super().run(samples, weights, first + len(again), 1)
            if self._plain:
                self._compiled, self._plain = self._loop_of(self._tape.to("jax")), False
                self._quick = None
            return again
        self._tape.theta, self._optimizer.state, self._sound = theta, state, sound
        self._optimizer.updates += costs.size
        counted = self._batches.counted  # row by row, the same bits for any number of rows
        means: list[float] = ((costs * counted).sum(axis=1) / counted.sum()).tolist()
        return means

    def _moved(self, batches: _Batches, number: int) -> tuple[Array, Array, Array, Any]:
        """The costs (epochs, batches), and what comes of their updates, as the loop gives it."""
        theta, optimizer, in_one = self._tape.theta, self._optimizer, len(batches.counted)
        if not self._room:
            self._room = max(1, _UPDATES // in_one) if number > 1 else 1
        epochs = min(self._room, self._quick or 1, number)
        updates = range(optimizer.updates, optimizer.updates + epochs * in_one)
        rates = np.array([optimizer.rates(k) for k in updates])
        filled = np.zeros((self._room * len(batches.X), rates.shape[1]))
        filled[: len(rates)] = rates
        state = [np.broadcast_to(np.asarray(x, float), theta.shape) for x in optimizer.state]
        counts = np.array([len(rates), in_one])
        given = [_whole(x, self._mesh) for x in (counts, theta, filled)]
        held = tuple([_whole(x, self._mesh) for x in state])
        began = perf_counter()
        found = self._compiled(given[0], given[1], held, batches.X, batches.shares, given[2])
        # waited for: calls that queue up, each with sums over the devices, have XLA give up
        costs, *rest = jax.tree.map(np.asarray, jax.block_until_ready(found))
        if number > 1:
            taken = _longest(perf_counter() - began)
            # the first call compiles, and tells nothing
            self._quick = 1 if self._quick is None else max(1, int(epochs * _SECONDS / taken))
        return costs[: len(rates)].reshape(epochs, in_one), *rest

    def _loop_of(self, replay: Any) -> Any:
        """The costs of so many updates by a replay, and what is there after them, as a function.

        That are the parameters of the last cost, those of the last update, and the state.
        """
        optimizer, most = self._optimizer, self._most

        def loop(counts: Any, theta: Any, state: Any, X: Any, shares: Any, rates: Any) -> Any:
            def update(k: Any, carried: Any) -> Any:
                costs, _, theta, state = carried
                batch, weights = X[k % counts[1]], shares[k % counts[1]]
                values, gradient = replay(batch, theta, weights)
                cost, gradient = lax.psum((weights @ values, gradient), "samples")
                if most is not None:
                    gradient = gradient * shrinking(_norm(gradient), most, jnp.minimum)
                moved, state = optimizer.moved(theta, gradient, state, tuple(rates[k]))
                return costs.at[k].set(cost), theta, moved, state

            costs = jnp.zeros(len(rates), theta.dtype)
            return lax.fori_loop(0, counts[0], update, (costs, theta, theta, state))

        specs = _WHOLE, _WHOLE, _WHOLE, _SPLIT, _SPLIT, _WHOLE
        return jax.jit(_shared(loop, mesh=self._mesh, in_specs=specs, out_specs=_WHOLE))

    def _agree(self, samples: Array, weights: Array | None, number: int) -> None:
        """Raises ValueError where the processes would train with different things."""
        if self._batches is not None or jax.process_count() == 1:
            return
        from jax.experimental.multihost_utils import process_allgather

        digest = sha256()
        for numbers in (samples, self._tape.theta, np.ones(0) if weights is None else weights):
            digest.update(numbers.tobytes())
        digest.update(repr((self._size, self._most, number, self._optimizer.rates(0))).encode())
        found = process_allgather(np.frombuffer(digest.digest(), np.uint8))
        if (found != found[0]).any():
            raise ValueError(
                "the processes of jax.distributed train one model together: each of them calls fit "
                "with the same samples and settings, and a model of the same seed"
            )


class _Batches:
    """The samples on their devices, one row a batch: X (batches, size, inputs).

    A batch that is not full, or that the devices cannot share evenly, is filled up with its first
    sample, which counts nothing there. A batch in which no sample counts is left out.

    Attributes
    ----------
    shares : shape (batches, size)
        How much each sample counts in its batch.
    counted : shape (batches,)
        How much all of them do.
    """

    def __init__(self, samples: Array, weights: Array | None, size: int, mesh: Mesh) -> None:
        self.samples = samples
        n, places = len(samples), np.arange(len(samples))
        size, width = min(size, n), -(-min(size, n) // mesh.size) * mesh.size
        batches = -(-n // size)
        rows = np.repeat(np.arange(batches)[:, None] * size, width, axis=1)
        shares = np.zeros(rows.shape)
        where = places // size, places % size
        rows[where], shares[where] = places, 1.0 if weights is None else weights
        counted = shares.sum(axis=1)
        alive = counted > 0.0
        # all of them are placed, so that the shapes stay when their order changes
        order = np.argsort(~alive, kind="stable")
        self.counted = counted[alive]
        rows, shares = rows[order], (shares / np.where(alive, counted, 1.0)[:, None])[order]
        shape = (*rows.shape, samples.shape[1])
        split = NamedSharding(mesh, _SPLIT)
        self.X = jax.make_array_from_callback(shape, split, lambda at: samples[rows[at[:2]]])
        self.shares = jax.make_array_from_callback(rows.shape, split, lambda at: shares[at])


def _longest(seconds: float) -> float:
    """The time that it has taken the slowest process, so that all go on alike; more than 0."""
    if jax.process_count() > 1:
        from jax.experimental.multihost_utils import process_allgather

        seconds = float(process_allgather(np.float32(seconds)).max())
    return max(seconds, 1e-9)


def _whole(array: Array, mesh: Mesh) -> Any:
    """The array on every device."""
    sharding = NamedSharding(mesh, _WHOLE)
    return jax.make_array_from_callback(array.shape, sharding, lambda at: array[at])


def _norm(gradient: Any) -> Any:
    """Its length, also where the squares leave the range of floats, as that of `hypot`."""
    most = jnp.abs(gradient).max()
    scale = jnp.where((most > 0.0) & (most < jnp.inf), most, 1.0)
    return scale * jnp.sqrt(jnp.sum((gradient / scale) ** 2))
