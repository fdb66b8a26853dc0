"""Layers beyond neurons: modules of scalar Values, with PyTorch's names, formulas and defaults.

They take and give nested lists of Values, one sample at a time; numbers and arrays are taken
too. Parameters stand in the order in which PyTorch has them.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from micrograd_es.base.arrays import Array, is_array, needing
from micrograd_es.base.scalars import as_count, as_setting
from micrograd_es.engine.functions import dot, products, sum_node
from micrograd_es.engine.ops import TABLE
from micrograd_es.engine.value import Value, apply, as_value
from micrograd_es.nn.module import Module
from micrograd_es.nn.nested import Nested, Weighted, shape_of, values_of
from micrograd_es.nn.starts import Seed, filled, random_source


class Sequential(Module):
    """Modules, or any callables, one after the other: each takes what the one before gives.

    Examples
    --------
    >>> from micrograd_es import Layer
    >>> model = Sequential(Layer(2, 3, seed=0), Dropout(0.5), Layer(3, 1, "linear", seed=1))
    >>> len(model.parameters()), model.eval()([1.0, 2.0]).op
    (13, 'sum')
    """

    def __init__(self, *layers: Callable[[Any], Any]) -> None:
        for layer in layers:
            if not callable(layer):
                raise TypeError(f"Sequential takes modules one by one, not {type(layer).__name__}")
        self.layers: list[Any] = list(layers)

    def parameters(self) -> list[Value]:
        """Those of each module in turn, none of them twice."""
        modules = [layer for layer in self.layers if hasattr(layer, "parameters")]
        return list(dict.fromkeys(p for module in modules for p in module.parameters()))

    def __call__(self, x: Any) -> Any:
        """What the last of them gives."""
        for layer in self.layers:
            x = layer(x)
        return x

    def _blocks(self) -> dict[str, list[Any]]:
        return {
            f"{number}.{key}": block
            for number, layer in enumerate(self.layers)
            if isinstance(layer, Module)
            for key, block in layer._blocks().items()
        }

    def __len__(self) -> int:
        return len(self.layers)

    def __getitem__(self, k: int) -> Any:
        return self.layers[k]

    def __repr__(self) -> str:
        return f"Sequential({', '.join(map(repr, self.layers))})"


class Embedding(Weighted):
    """A table with one row of numbers for each of the integers from 0: letters, words.

    Parameters
    ----------
    num_embeddings, embedding_dim : int
        How many rows, and how long; `weight` has shape (num_embeddings, embedding_dim).
    seed : int, optional
        They are drawn from the normal distribution.

    Examples
    --------
    >>> table = Embedding(3, 2, seed=0)
    >>> table([2, 0]) == [table.weight[2], table.weight[0]]
    True
    """

    def __init__(self, num_embeddings: int, embedding_dim: int, seed: Seed = None) -> None:
        rows = as_count(num_embeddings, "num_embeddings")
        columns = as_count(embedding_dim, "embedding_dim")
        gauss = (random_source(seed) or random).gauss
        self.weight = filled(lambda: gauss(0, 1), "w", rows, columns)

    def __call__(self, x: Any) -> Nested:
        """The row of an integer from 0 to num_embeddings - 1, or the rows of (nested) lists.

        An integer that is a Value, as an input of `fit` is, gives a row of new Values: the
        products of all rows with 1 or 0, which a replay computes anew.

        Raises
        ------
        TypeError, ValueError
            What stands for a row is no integer in its range.
        """
        if is_array(x):
            x = x.tolist()
        if isinstance(x, (list, tuple, range)):
            return [self(k) for k in x]
        number = x._data if isinstance(x, Value) else as_value(x).data
        if number not in range(len(self.weight)):
            raise ValueError(f"expected integers from 0 to {len(self.weight) - 1}, not {number!r}")
        if not isinstance(x, Value):
            return self.weight[int(number)]
        chosen = [_equal(x, Value(k)) for k in range(len(self.weight))]
        return [sum_node(tuple(products(chosen, column))) for column in zip(*self.weight)]


def _equal(a: Value, b: Value) -> Value:
    both = TABLE["less_equal"]
    return apply(both, a, b) * apply(both, b, a)


class LayerNorm(Weighted):
    """Numbers brought to mean 0 and variance 1, then scaled and shifted (Ba et al., 2016).

    y = (x - mean) / √(variance + eps) · weight + bias, the variance divided by n.

    Parameters
    ----------
    normalized_shape : int
        How many numbers; `weight` begins with ones, `bias` with zeros.

    Examples
    --------
    >>> [round(y.data, 4) for y in LayerNorm(2)([1.0, 3.0])]
    [-1.0, 1.0]
    """

    def __init__(self, normalized_shape: int, eps: float = 1e-5) -> None:
        n = as_count(normalized_shape, "normalized_shape")
        self.eps = as_setting(eps, "eps")
        self.weight = filled(lambda: 1.0, "w", n)
        self.bias = filled(lambda: 0.0, "b", n)

    def __call__(self, x: Any) -> Nested:
        """As many Values, of as many numbers; of lists of them, each by itself."""
        if len(shape_of(x)) > 1:
            return [self(row) for row in x]
        numbers = values_of(x, "LayerNorm", len(self.weight))
        mean = sum_node(tuple(numbers)) / len(numbers)
        centred = [v - mean for v in numbers]
        scale = (dot(centred, centred) / len(numbers) + self.eps).sqrt()
        return [v / scale * w + b for v, w, b in zip(centred, self.weight, self.bias)]


class Dropout(Module):
    """In training each number becomes 0 with probability p; the others grow by 1/(1 - p).

    In use (`model.eval()`) it changes nothing (Srivastava et al., 2014).

    Parameters
    ----------
    p : float
        From 0 to 1.
    seed : int, optional
        Of what is drawn, anew at each call.

    Examples
    --------
    >>> drop = Dropout(0.5, seed=1)
    >>> [v.data for v in drop([1.0, 1.0, 1.0, 1.0])], drop.eval()([1.0])[0].data
    ([0.0, 2.0, 2.0, 0.0], 1.0)
    """

    def __init__(self, p: float = 0.5, seed: Seed = None) -> None:
        self.p = as_setting(p, "p")
        if self.p > 1:
            raise ValueError(f"p is a probability from 0 to 1, not {p!r}")
        self._source = random_source(seed)

    @property
    def _kept(self) -> float:
        """The factor of what is not dropped."""
        return 1 / (1 - self.p) if self.p < 1 else 0.0

    def draw(self) -> float:
        """A factor: 0, or 1/(1 - p)."""
        return self._kept if (self._source or random).random() >= self.p else 0.0

    def draws(self, n: int, count: int) -> Array:
        """Factors for `n` samples that drop `count` numbers each, shape (n, count)."""
        with needing("a replay"):
            import numpy as np

        source = np.random.default_rng((self._source or random).getrandbits(64))
        factors: Array = self._kept * (source.random((n, count)) >= self.p)
        return factors

    def __call__(self, x: Any) -> Nested:
        """A Value for a number, or nested lists of them."""
        if is_array(x):
            x = x.tolist()
        if isinstance(x, (list, tuple)):
            return [self(v) for v in x]
        v = as_value(x)
        if not (self.training and self.p):
            return v
        factor = Value(self.draw())
        if (factors := _factors.get()) is not None:
            factors.append((factor, self))
        return v * factor

    def __repr__(self) -> str:
        return f"Dropout({self.p})"


_factors: ContextVar[list[tuple[Value, Dropout]] | None] = ContextVar("factors", default=None)


@contextmanager
def drawn_factors() -> Iterator[list[tuple[Value, Dropout]]]:
    """Lists the factors of each Dropout that is called meanwhile, as leaves, and whose they are.

    A replay takes them as inputs and draws them anew.
    """
    factors: list[tuple[Value, Dropout]] = []
    token = _factors.set(factors)
    try:
        yield factors
    finally:
        _factors.reset(token)
