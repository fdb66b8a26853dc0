"""karpathy's microgpt with Values: rmsnorm for layernorm, relu for gelu, no biases.

It is the model of `microgpt`, written as one writes it here, with its step by replay.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any

import numpy as np

from micrograd_es import Module, Tape, Value, cross_entropy, dot, vsum
from micrograd_es.data import names

WIDE, HEADS, BLOCK = 16, 4, 16
_HEAD = WIDE // HEADS

Vector = Sequence[Value]


class GPT(Module):
    """Scores for the next letter, one letter after another.

    Parameters
    ----------
    vocabulary : int
        How many letters there are.
    seed : int
        The weights are drawn from a normal distribution, σ = 0.08.
    """

    def __init__(self, vocabulary: int, seed: int) -> None:
        gauss = random.Random(seed).gauss
        sizes = {
            "tokens": (vocabulary, WIDE),
            "places": (BLOCK, WIDE),
            "queries": (WIDE, WIDE),
            "keys": (WIDE, WIDE),
            "values": (WIDE, WIDE),
            "attention": (WIDE, WIDE),
            "up": (4 * WIDE, WIDE),
            "down": (WIDE, 4 * WIDE),
            "scores": (vocabulary, WIDE),
        }
        self.weights = {
            name: [[Value(gauss(0, 0.08)) for _ in range(nin)] for _ in range(nout)]
            for name, (nout, nin) in sizes.items()
        }

    def parameters(self) -> list[Value]:
        """Matrix by matrix and row by row; the embeddings of the letters come first."""
        return list(chain.from_iterable(chain.from_iterable(self.weights.values())))

    def __call__(self, embeddings: Sequence[Vector]) -> list[list[Value]]:
        """The scores after each letter, from the embeddings of the letters."""
        return list(self.read(iter(embeddings)))

    def read(self, embeddings: Iterator[Vector]) -> Iterator[list[Value]]:
        """The same, each score given before the next letter is asked for."""
        w = self.weights
        keys: list[list[Value]] = []
        values: list[list[Value]] = []
        for letter, place in zip(embeddings, w["places"]):
            x = _normed([a + b for a, b in zip(letter, place)])
            normed = _normed(x)
            queries = _linear(w["queries"], normed)
            keys.append(_linear(w["keys"], normed))
            values.append(_linear(w["values"], normed))
            heads = [_attention(h, queries, keys, values) for h in range(0, WIDE, _HEAD)]
            attended = _linear(w["attention"], list(chain.from_iterable(heads)))
            x = [a + b for a, b in zip(x, attended)]
            hidden = [u.relu() for u in _linear(w["up"], _normed(x))]
            x = [a + b for a, b in zip(x, _linear(w["down"], hidden))]
            yield _linear(w["scores"], x)


def _linear(rows: Sequence[Vector], x: Vector) -> list[Value]:
    return [dot(row, x) for row in rows]


def _normed(x: Vector) -> list[Value]:
    scale = (dot(x, x) / len(x) + 1e-5) ** -0.5
    return [v * scale for v in x]


def _attention(
    h: int, queries: Vector, keys: Sequence[Vector], values: Sequence[Vector]
) -> list[Value]:
    """What one head, numbers h to h + 4 of each vector, gathers from the letters so far."""
    query = queries[h : h + _HEAD]
    # after rmsnorm these are small numbers, whose exponential is safe
    weights = [(dot(query, key[h : h + _HEAD]) / _HEAD**0.5).exp() for key in keys]
    total = vsum(weights)
    shares = [weight / total for weight in weights]
    return [dot(shares, column) for column in list(zip(*values))[h : h + _HEAD]]


class Step:
    """The cost of a name and its gradient, by a replay in which the embeddings are inputs.

    They take their gradients back through `vjp`, and from there to their letters' rows.
    """

    def __init__(self, model: GPT, length: int) -> None:
        table = model.weights["tokens"]
        embeddings, wanted = (
            [[Value(0.0) for _ in range(n)] for _ in range(length)]
            for n in (len(table[0]), len(table))
        )
        inputs = [v for rows in (embeddings, wanted) for row in rows for v in row]
        self._shape = len(table), len(table[0])
        rest = model.parameters()[len(table) * len(table[0]) :]
        self._tape = Tape(cross_entropy(model(embeddings), wanted), inputs, rest)

    def __call__(self, theta: Any, codes: list[int]) -> tuple[float, Any]:
        """The cost of guessing each code from those before it, and the gradient."""
        V, wide = self._shape
        table, rest = theta[: V * wide].reshape(V, wide), theta[V * wide :]
        one_hot = np.eye(V)[codes]
        X = np.hstack([(one_hot[:-1] @ table).ravel(), one_hot[1:].ravel()])[None]
        cost = self._tape.value(X, rest)
        d_inputs, d_rest = self._tape.vjp(X, [1.0], rest)
        d_letters = d_inputs[0, : (len(codes) - 1) * wide].reshape(-1, wide)
        return float(cost[0]), np.concatenate([(one_hot[:-1].T @ d_letters).ravel(), d_rest])


def work() -> dict[str, Any]:
    """A name of 7 letters, which makes 8 tokens, and the first weights."""
    name, letters = "aurelia", sorted(set("".join(names())))
    mark = len(letters)
    return {
        "codes": [mark, *map(letters.index, name), mark],
        "vocabulary": mark + 1,
        "theta": [p.data for p in GPT(mark + 1, seed=42).parameters()],
    }
