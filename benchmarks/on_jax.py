"""`fit(backend="jax")`, beside training loops that were written by hand for JAX.

What is timed of both are calls of compiled loops of many updates, after the first one. Of ours
they are those that `fit` makes, with what surrounds them there: the numbers in and out, the
optimiser's rates, and the costs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import chain
from typing import Any

import numpy as np

from benchmarks import gpt
from benchmarks.define_by_run import moons_work
from benchmarks.programs import ALPHA, RATE
from benchmarks.replay import Moons, gpt_cost
from benchmarks.table import Bar, Row, seconds
from benchmarks.timing import alternate
from micrograd_es import MLP, SGD, Module, Value, cross_entropy, dot, vsum
from micrograd_es.data import digits, names
from micrograd_es.nn.samples import Costs, Samples

Array = np.ndarray[Any, Any]
Cost = Callable[[Any, Any], Any]


def moons(quick: bool) -> Iterator[Row]:
    """Full batches of 100 moons, against a scan of whole steps."""
    import jax.numpy as jnp

    work = Moons()
    numbers = moons_work()
    X, y = np.array(numbers["X"]), np.array(numbers["y"])
    theta = np.array(numbers["theta"])
    for p, number in zip(work.parameters, theta.tolist()):
        p.data = number

    def loss(score: Value, target: Value) -> Value:
        return (1 - target * score).relu() + ALPHA * vsum(p * p for p in work.parameters)

    def cost(theta: Any, batch: Any) -> Any:
        a, y = batch
        *hidden, (w, b) = work.matrices(theta)
        for v, c in hidden:
            a = jnp.maximum(a @ v.T + c, 0.0)
        margins = 1 - y * (a @ w.T + b)[:, 0]
        return jnp.maximum(margins, 0.0).mean() + ALPHA * (theta @ theta)

    batches = X[None], y[None]
    yield _row(
        'fit(backend="jax") on 100 moons, 2-16-16-1: time of an update against a lax.scan of '
        "whole steps written by hand",
        Bar(high=1), work.model, loss, Samples(X, y), len(X), cost, batches, quick,
    )  # fmt: skip


def digits_batches(quick: bool) -> Iterator[Row]:
    """Digits in batches of 128."""
    import jax
    import jax.numpy as jnp

    size, n = (16, 32) if quick else (128, 11 * 128)
    X, classes = (a[:n] for a in digits())
    Y = np.eye(10)[classes]
    model = MLP(64, [32, 10], seed=1)

    def cost(theta: Any, batch: Any) -> Any:
        x, y = batch
        first, second = theta[: 32 * 65].reshape(32, 65), theta[32 * 65 :].reshape(10, 33)
        hidden = jnp.maximum(x @ first[:, :-1].T + first[:, -1], 0)
        scores = hidden @ second[:, :-1].T + second[:, -1]
        return -(jax.nn.log_softmax(scores) * y).sum(axis=-1).mean()

    batches = X.reshape(-1, size, 64), Y.reshape(-1, size, 10)
    yield _row(
        f"the same on digits, 64-32-10, cross-entropy, batch {size}: against JAX by hand",
        Bar(high=1.5), model, cross_entropy, Samples(X, Y), size, cost, batches, quick,
    )  # fmt: skip


class Reader(Module):
    """The transformer as `fit` calls it: letters one-hot, and all scores in one list."""

    def __init__(self, model: gpt.GPT) -> None:
        self.model = model

    def parameters(self) -> list[Value]:
        """Those of the transformer."""
        return self.model.parameters()

    def __call__(self, letters: list[list[Value]]) -> list[Value]:
        """The scores after each letter, one after another."""
        columns = list(zip(*self.model.weights["tokens"]))
        embeddings = [[dot(letter, column) for column in columns] for letter in letters]
        return list(chain.from_iterable(self.model(embeddings)))


def gpt_batch(quick: bool) -> Iterator[Row]:
    """The transformer on 16 names of 7 letters, which make 8 tokens each."""
    import jax

    batch, length = (2, 5) if quick else (16, 8)
    letters = sorted(set("".join(names())))
    mark, chosen = len(letters), [name for name in names() if len(name) == length - 1][:batch]
    codes = np.array([[mark, *map(letters.index, name), mark] for name in chosen])
    model = gpt.GPT(mark + 1, seed=42)

    def loss(scores: list[Value], wanted: list[Value]) -> Value:
        starts = range(0, len(scores), mark + 1)
        return cross_entropy(
            [scores[k : k + mark + 1] for k in starts], [wanted[k : k + mark + 1] for k in starts]
        )

    one = gpt_cost(model, length)

    def cost(theta: Any, batch: Any) -> Any:
        return jax.vmap(one, (None, 0))(theta, batch).mean()

    one_hot = np.eye(mark + 1)[codes]
    samples = Samples(one_hot[:, :-1], one_hot[:, 1:].reshape(batch, -1))
    yield _row(
        f"the same on the scalar GPT, {length} tokens, batch {batch}: against JAX by hand",
        Bar(high=1.5), Reader(model), loss, samples, batch, cost, codes[None], quick,
    )  # fmt: skip


def _row(
    work: str,
    bar: Bar,
    model: Module,
    loss: Callable[[Any, Any], Any],
    samples: Samples,
    size: int,
    cost: Cost,
    batches: Any,
    quick: bool,
) -> Row:
    """How an update of ours compares, once both have made the same ones."""
    import jax
    from jax import lax

    from micrograd_es.nn.epochs_on_jax import JaxEpochs

    jax.config.update("jax_enable_x64", True)
    optimizer = SGD(model.parameters(), lr=RATE)
    trained = Costs(model, loss, samples, optimizer.parameters)
    tape, in_one = trained.recording.tape, -(-len(samples) // size)
    ours = JaxEpochs(tape, optimizer, size, None, jax.devices()[:1])
    begin = tape.theta
    first = ours.run(trained.drawn(), None, 0, 2)
    for _ in range(3):  # until it knows how many take how long
        epochs = len(ours.run(trained.drawn(), None, 0, 10_000))

    @jax.jit
    def by_hand(theta: Any, batches: Any) -> Any:
        def step(theta: Any, batch: Any) -> Any:
            value, gradient = jax.value_and_grad(cost)(theta, batch)
            return theta - RATE * gradient, value

        def epoch(theta: Any, _: Any) -> Any:
            return lax.scan(step, theta, batches)

        return lax.scan(epoch, theta, length=epochs)

    batches = jax.tree.map(jax.numpy.asarray, batches)
    state = [jax.numpy.asarray(begin)]

    def theirs() -> Any:
        state[0], costs = by_hand(state[0], batches)
        return np.asarray(jax.block_until_ready(costs))

    expected = theirs()
    np.testing.assert_allclose(first, expected.mean(axis=1)[: len(first)], rtol=1e-9)

    def as_fit_does() -> None:
        done = 0
        while done < epochs:  # in one call, unless the last one was slow
            done += len(ours.run(trained.drawn(), None, done, epochs - done))

    contestants = {"fit": as_fit_does, "by hand": theirs}
    # the best: where XLA's threads have to wait for others, a median says how long
    taken = alternate(contestants, 1 if quick else 200, 0.0, of=min)
    updates = epochs * in_one
    times = f"{seconds(taken['fit'] / updates)} : {seconds(taken['by hand'] / updates)}"
    return Row(work, taken["fit"] / taken["by hand"], times, bar)
