"""A transformer of one layer, written with scalar Values: GPT-2's, small.

Every number in it is a Value, so that each weight of each head can be looked at and explained.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from micrograd_es import Embedding, Layer, LayerNorm, Module, SelfAttention, Value

WIDE, HEADS, BLOCK = 16, 4, 16


class GPT(Module):
    """Scores for the next letter, from the letters so far.

    Parameters
    ----------
    vocabulary : int
        How many letters there are.
    """

    def __init__(self, vocabulary: int, seed: int) -> None:
        source = random.Random(seed)
        self.letters = Embedding(vocabulary, WIDE, source)
        self.places = Embedding(BLOCK, WIDE, source)
        self.before_attention, self.before_thought = LayerNorm(WIDE), LayerNorm(WIDE)
        self.attention = SelfAttention(WIDE, HEADS, causal=True, seed=source)
        self.up = Layer(WIDE, 4 * WIDE, "gelu", seed=source, init="xavier")
        self.down = Layer(4 * WIDE, WIDE, "linear", seed=source, init="xavier")
        self.scores = Layer(WIDE, vocabulary, "linear", seed=source, init="xavier")

    def parameters(self) -> list[Value]:
        """Those of each part in turn; the embeddings of the letters come first."""
        parts = [part for part in vars(self).values() if isinstance(part, Module)]
        return [p for part in parts for p in part.parameters()]

    def __call__(self, letters: Sequence[Any]) -> list[list[Value]]:
        """The scores after each letter, of letters as integers or as Values that are integers."""
        x = _added(self.letters(letters), self.places(range(len(letters))))
        x = _added(x, self.attention(self.before_attention(x)))
        x = _added(x, [self.down(self.up(v)) for v in self.before_thought(x)])
        return [self.scores(v) for v in x]


def _added(x: Any, y: Any) -> list[list[Value]]:
    return [[a + b for a, b in zip(v, w)] for v, w in zip(x, y)]
