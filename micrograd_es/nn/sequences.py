"""Layers that read a sequence: RNN, GRU and self-attention, as PyTorch has them.

A sequence is a list of vectors, one after the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from micrograd_es.base.scalars import as_count
from micrograd_es.engine.functions import dot, products, softmax, sum_node
from micrograd_es.engine.ops import TABLE
from micrograd_es.engine.value import Value, apply
from micrograd_es.nn.nested import Nested, Weighted, values_of
from micrograd_es.nn.starts import Seed, drawn_within, filled, random_source

Vector = Sequence[Value]
Matrix = Sequence[Vector]


def linear(rows: Matrix, x: Vector, bias: Vector) -> list[Value]:
    """W·x + b, one sum node a row."""
    return [sum_node((*products(row, x), b)) for row, b in zip(rows, bias)]


class Recurrent(Weighted):
    """What RNN and GRU share: layers, each of which reads what the one before it gives.

    Layer k has `weight_ih_l{k}`, from the inputs, `weight_hh_l{k}`, from what the layer gave
    last, and the biases of both, drawn uniformly between ±1/√hidden_size.
    """

    gates = 1

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        seed: Seed = None,
    ) -> None:
        self.input_size = as_count(input_size, "input_size")
        self.hidden_size = as_count(hidden_size, "hidden_size")
        self.num_layers = as_count(num_layers, "num_layers")
        draw = drawn_within(self.hidden_size**-0.5, seed)
        rows = self.gates * self.hidden_size
        for k in range(self.num_layers):
            columns = self.hidden_size if k else self.input_size
            for kind, shape in (
                ("weight_ih", (rows, columns)),
                ("weight_hh", (rows, self.hidden_size)),
                ("bias_ih", (rows,)),
                ("bias_hh", (rows,)),
            ):
                setattr(self, f"{kind}_l{k}", filled(draw, "wb"[kind[0] == "b"], *shape))

    def __call__(self, x: Any, hx: Any = None) -> tuple[list[list[Value]], list[list[Value]]]:
        """What the last layer gives at each step, and what each layer gave at the last step.

        Parameters
        ----------
        x : shape (T, input_size)
        hx : shape (num_layers, hidden_size), optional
            What each layer gave before the first step; zeros unless given.

        Returns
        -------
        output : shape (T, hidden_size)
        h_n : shape (num_layers, hidden_size)
        """
        who, n = type(self).__name__, self.hidden_size
        output: Nested = values_of(x, who, "T", self.input_size)
        if hx is None:
            hx = [[0.0] * n] * self.num_layers
        h_n = values_of(hx, f"{who}'s hx", self.num_layers, n)
        for k, h in enumerate(h_n):
            w_ih, w_hh, b_ih, b_hh = (
                getattr(self, f"{kind}_l{k}")
                for kind in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
            )
            steps = []
            for step in output:
                h = self._next(linear(w_ih, step, b_ih), linear(w_hh, h, b_hh), h)
                steps.append(h)
            output, h_n[k] = steps, h
        return output, h_n

    def _next(self, from_input: Vector, from_last: Vector, h: Vector) -> list[Value]:
        raise NotImplementedError


class RNN(Recurrent):
    """A recurrent layer (Elman, 1990): hₜ = tanh(W_ih xₜ + b_ih + W_hh hₜ₋₁ + b_hh).

    Parameters
    ----------
    input_size, hidden_size, num_layers : int
    nonlinearity : str
        "tanh" or "relu".

    Examples
    --------
    >>> output, h_n = RNN(2, 3, seed=0)([[1.0, 0.0], [0.0, 1.0]])
    >>> len(output), len(output[0]), h_n[0] == output[1]
    (2, 3, True)
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        nonlinearity: str = "tanh",
        seed: Seed = None,
    ) -> None:
        if nonlinearity not in ("tanh", "relu"):
            raise ValueError(f"nonlinearity is tanh or relu, not {nonlinearity!r}")
        self.activation = nonlinearity
        super().__init__(input_size, hidden_size, num_layers, seed)

    def _next(self, from_input: Vector, from_last: Vector, h: Vector) -> list[Value]:
        rule = TABLE[self.activation]
        return [apply(rule, a + b) for a, b in zip(from_input, from_last)]


class GRU(Recurrent):
    """A recurrent layer with gates (Cho et al., 2014), which decide what is kept of hₜ₋₁.

    r = σ(W_ir xₜ + b_ir + W_hr hₜ₋₁ + b_hr), and z in the same way;
    n = tanh(W_in xₜ + b_in + r · (W_hn hₜ₋₁ + b_hn)); hₜ = (1 - z) · n + z · hₜ₋₁.
    The matrices are those of r, z and n, one below the other.

    Parameters
    ----------
    input_size, hidden_size, num_layers : int

    Examples
    --------
    >>> output, h_n = GRU(2, 3, seed=0)([[1.0, 0.0], [0.0, 1.0]])
    >>> len(output), len(output[0]), h_n[0] == output[1]
    (2, 3, True)
    """

    gates = 3

    def _next(self, from_input: Vector, from_last: Vector, h: Vector) -> list[Value]:
        size, new = len(h), []
        for k, before in enumerate(h):
            (xr, xz, xn), (hr, hz, hn) = from_input[k::size], from_last[k::size]
            r, z = (xr + hr).sigmoid(), (xz + hz).sigmoid()
            new.append((1 - z) * (xn + r * hn).tanh() + z * before)
        return new


class SelfAttention(Weighted):
    """What each vector of a sequence gathers from all of them (Vaswani et al., 2017).

    It is PyTorch's MultiheadAttention of a sequence with itself: in each head, a vector's
    query q is compared with the keys k of all, and softmax(q·k / √d) says how much of their
    values v it takes.

    Parameters
    ----------
    embed_dim, num_heads : int
        The length of the vectors, and how many heads share it.
    causal : bool
        Whether a vector sees only itself and those before it.
    seed : int, optional
        `in_proj_weight` (3·embed_dim, embed_dim), the matrices of q, k and v one below the
        other, is drawn as Glorot's, `out_proj_weight` between ±1/√embed_dim; the biases are 0.

    Examples
    --------
    >>> attention = SelfAttention(4, num_heads=2, seed=0)
    >>> gathered = attention([[1.0, 0.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0]])
    >>> len(gathered), len(gathered[0])
    (2, 4)
    """

    def __init__(
        self,
        embed_dim: int,
        num_heads: int,
        causal: bool = False,
        seed: Seed = None,
    ) -> None:
        n = as_count(embed_dim, "embed_dim")
        self.num_heads = as_count(num_heads, "num_heads")
        if n % self.num_heads:
            raise ValueError(f"embed_dim is a multiple of num_heads, not {n} of {num_heads}")
        if not isinstance(causal, bool):
            raise TypeError(f"causal is True or False, not {causal!r}")
        self.causal = causal
        seed = random_source(seed)
        self.in_proj_weight = filled(drawn_within((6 / (4 * n)) ** 0.5, seed), "w", 3 * n, n)
        self.in_proj_bias = filled(lambda: 0.0, "b", 3 * n)
        self.out_proj_weight = filled(drawn_within(n**-0.5, seed), "w", n, n)
        self.out_proj_bias = filled(lambda: 0.0, "b", n)

    def __call__(self, x: Any) -> list[list[Value]]:
        """As many vectors of the same length: shape (L, embed_dim) from (L, embed_dim)."""
        n = len(self.out_proj_bias)
        sequence = values_of(x, "SelfAttention", "L", n)
        projected = [linear(self.in_proj_weight, v, self.in_proj_bias) for v in sequence]
        gathered: list[list[Value]] = [[] for _ in sequence]
        size = n // self.num_heads
        for h in range(0, n, size):
            q, k, v = ([p[a : a + size] for p in projected] for a in (h, n + h, 2 * n + h))
            for i, query in enumerate(q):
                seen = i + 1 if self.causal else len(k)
                shares = softmax([dot(query, key) / size**0.5 for key in k[:seen]])
                gathered[i] += [dot(shares, column) for column in zip(*v[:seen])]
        return [linear(self.out_proj_weight, g, self.out_proj_bias) for g in gathered]
