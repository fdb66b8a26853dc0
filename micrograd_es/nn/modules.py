"""Neuron, Layer and MLP: what the notes draw, built from Values.

A neuron's z is one sum node over its products ``w · x`` and its bias, and the nodes
bear the notes' names: w₍₁₎⁽²·¹⁾ is the weight in layer 1 of neuron 2 on input 1.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from os import PathLike
from typing import TYPE_CHECKING, Any

from micrograd_es.base.arrays import Array, is_array, needing
from micrograd_es.base.scalars import as_count
from micrograd_es.engine.functions import products, sum_node
from micrograd_es.engine.ops import TABLE
from micrograd_es.engine.value import Operand, Value, apply
from micrograd_es.formulas.notation import name

if TYPE_CHECKING:
    import torch

ACTIVATIONS = ("linear", "relu", "sigmoid", "softplus", "tanh")


class Module:
    """Anything with parameters: the base class of Neuron, Layer and MLP, and of your models."""

    def parameters(self) -> list[Value]:
        """The Values that training changes."""
        return []

    def zero_grad(self) -> None:
        """Sets the gradient of every parameter to 0."""
        for p in self.parameters():
            p.grad = 0.0

    def save(self, path: str | PathLike[str]) -> None:
        """Writes the parameters into a file: at any moment it is the old one or the new one, whole.

        Raises
        ------
        ValueError
            A parameter is nan or infinite.
        """
        with needing("a model file"):
            from micrograd_es.nn.storage import write_arrays

        write_arrays(path, {key: block.astype(float) for key, block in self._stored().items()})

    def load(self, path: str | PathLike[str]) -> None:
        """Reads the parameters from a file that `save` wrote.

        Raises
        ------
        ModelFormatError
            The file is damaged or of a model of another shape; nothing has changed.
        """
        with needing("a model file"):
            from micrograd_es.nn.storage import read_arrays

        blocks = self._stored()
        arrays = read_arrays(path, {key: block.shape for key, block in blocks.items()})
        for key, block in blocks.items():
            for p, number in zip(block.flat, arrays[key].flat):
                p.data = number

    def _stored(self) -> dict[str, Array]:
        """The parameters as arrays of Values, by the names that they have in a file."""
        import numpy as np

        blocks = {key: np.array(block, dtype=object) for key, block in self._blocks().items()}
        known = {p for block in blocks.values() for p in block.flat}
        rest = [p for p in self.parameters() if p not in known]
        return blocks | ({"parameters": np.array(rest, dtype=object)} if rest else {})

    def _blocks(self) -> dict[str, list[Any]]:
        """The parameters, nested in their own shapes where these are known."""
        return {}


class Neuron(Module):
    """One neuron: a = g(Σ wₘ xₘ + b).

    Parameters
    ----------
    nin : int
        Number of inputs.
    activation : str
        "relu", "tanh", "sigmoid", "softplus" or "linear".
    nonlin : bool
        False is micrograd's way to say ``activation="linear"``.
    seed : int, optional
        The weights are drawn uniformly from [-1, 1); the bias is 0. Without a seed
        they come from Python's own `random`, as micrograd's do.

    Examples
    --------
    >>> neuron = Neuron(2, activation="tanh", seed=0)
    >>> [w.label for w in neuron.w], neuron.b.label
    (['w⁽¹⁾', 'w⁽²⁾'], 'b')
    """

    def __init__(
        self,
        nin: int,
        activation: str = "relu",
        nonlin: bool = True,
        seed: int | random.Random | None = None,
    ) -> None:
        uniform = (_random_source(seed) or random).uniform
        self.activation = _checked(activation) if nonlin else "linear"
        self.w = [Value(uniform(-1, 1)) for _ in range(as_count(nin, "the number of inputs"))]
        self.b = Value(0.0)
        self._bear_names(None, (), "a")

    def _bear_names(self, layer: int | None, n: tuple[int, ...], output: str) -> None:
        for m, w in enumerate(self.w, 1):
            w.label = name("w", *n, m, layer=layer)
        self.b.label = name("b", *n, layer=layer)
        self._z_label = name("z", *n, layer=layer)
        self._a_label = name(output, *n, layer=None if output == "y" else layer)

    def parameters(self) -> list[Value]:
        """The weights, then the bias."""
        return [*self.w, self.b]

    def __call__(self, x: Iterable[Operand]) -> Value:
        """The activation a for one sample of `nin` numbers or Values."""
        return self._forward(_inputs(x, len(self.w)))

    def _forward(self, x: Sequence[Value]) -> Value:
        z = sum_node((*products(self.w, x), self.b))
        if self.activation == "linear":
            z.label = self._a_label
            return z
        z.label = self._z_label
        a = apply(TABLE[self.activation], z)
        a.label = self._a_label
        return a

    def _blocks(self) -> dict[str, list[Any]]:
        return {"w": self.w, "b": [self.b]}

    def __repr__(self) -> str:
        return f"Neuron({len(self.w)}, activation={self.activation!r})"


class Layer(Module):
    """`nout` neurons on the same `nin` inputs; the other parameters are those of Neuron."""

    def __init__(
        self,
        nin: int,
        nout: int,
        activation: str = "relu",
        nonlin: bool = True,
        seed: int | random.Random | None = None,
    ) -> None:
        source = _random_source(seed)
        self.neurons = [
            Neuron(nin, activation, nonlin, source)
            for _ in range(as_count(nout, "the number of neurons"))
        ]
        self._bear_names(1, "a")

    def _bear_names(self, layer: int, output: str) -> None:
        for n, neuron in enumerate(self.neurons, 1):
            neuron._bear_names(layer, (n,), output)

    def parameters(self) -> list[Value]:
        """The parameters of each neuron in turn: its weights, then its bias."""
        return [p for neuron in self.neurons for p in neuron.parameters()]

    def __call__(self, x: Iterable[Operand]) -> Value | list[Value]:
        """The activations for one sample: a list, or the Value itself of a single neuron."""
        return _unwrapped(self._forward(_inputs(x, len(self.neurons[0].w))))

    def _forward(self, x: Sequence[Value]) -> list[Value]:
        return [neuron._forward(x) for neuron in self.neurons]

    def _blocks(self) -> dict[str, list[Any]]:
        return {"w": [n.w for n in self.neurons], "b": [n.b for n in self.neurons]}

    def __repr__(self) -> str:
        first = self.neurons[0]
        return f"Layer({len(first.w)}, {len(self.neurons)}, activation={first.activation!r})"


class MLP(Module):
    """Layers one after the other: a multi-layer perceptron.

    Parameters
    ----------
    nin : int
        Number of inputs.
    nouts : sequence of int
        Number of neurons of each layer; the last is the number of outputs.
    activation, output : str
        Activation of the hidden layers, and of the last one.
    seed : int, optional
        As for Neuron. The same seed gives the same bits.

    Examples
    --------
    >>> model = MLP(2, [4, 1], activation="tanh", seed=1)
    >>> len(model.parameters()), model([0.5, -1.0]).label
    (17, 'y⁽¹⁾')
    """

    def __init__(
        self,
        nin: int,
        nouts: Sequence[int],
        activation: str = "relu",
        output: str = "linear",
        seed: int | random.Random | None = None,
    ) -> None:
        if not isinstance(nouts, Iterable):
            raise TypeError(f"nouts is a list of layer sizes, such as [16, 1], not {nouts!r}")
        sizes = [
            as_count(nin, "the number of inputs"),
            *[as_count(n, "the number of neurons") for n in nouts],
        ]
        if len(sizes) < 2:
            raise ValueError("an MLP has at least one layer: nouts is empty")
        names = [_checked(activation)] * (len(sizes) - 2) + [_checked(output)]
        source = _random_source(seed)
        self.layers = [
            Layer(nin, nout, activation, seed=source)
            for nin, nout, activation in zip(sizes, sizes[1:], names)
        ]
        for number, layer in enumerate(self.layers, 1):
            layer._bear_names(number, "y" if number == len(self.layers) else "a")

    def parameters(self) -> list[Value]:
        """Layer by layer, neuron by neuron: its weights, then its bias."""
        return [p for layer in self.layers for p in layer.parameters()]

    def __call__(self, x: Iterable[Operand]) -> Any:
        """The outputs for one sample: a list of Values, or the Value itself where there is one."""
        a = _inputs(x, len(self.layers[0].neurons[0].w))
        for layer in self.layers:
            a = layer._forward(a)
        return _unwrapped(a)

    def to_torch(self) -> torch.nn.Sequential:
        """The same network in PyTorch, in double precision, with these parameters."""
        import torch

        modules: list[torch.nn.Module] = []
        kinds = {
            "relu": torch.nn.ReLU,
            "sigmoid": torch.nn.Sigmoid,
            "softplus": torch.nn.Softplus,
            "tanh": torch.nn.Tanh,
        }
        for layer in self.layers:
            w = torch.tensor([[v.data for v in n.w] for n in layer.neurons], dtype=torch.float64)
            b = torch.tensor([n.b.data for n in layer.neurons], dtype=torch.float64)
            linear = torch.nn.Linear(w.shape[1], w.shape[0], dtype=torch.float64)
            with torch.no_grad():
                linear.weight.copy_(w)
                linear.bias.copy_(b)
            modules.append(linear)
            if layer.neurons[0].activation in kinds:
                modules.append(kinds[layer.neurons[0].activation]())
        return torch.nn.Sequential(*modules)

    def _blocks(self) -> dict[str, list[Any]]:
        return {
            f"{number}.{key}": block
            for number, layer in enumerate(self.layers, 1)
            for key, block in layer._blocks().items()
        }

    def __repr__(self) -> str:
        hidden, last = self.layers[0].neurons[0].activation, self.layers[-1].neurons[0].activation
        sizes = [len(layer.neurons) for layer in self.layers]
        nin = len(self.layers[0].neurons[0].w)
        activation = f", activation={hidden!r}" if len(self.layers) > 1 else ""
        return f"MLP({nin}, {sizes}{activation}, output={last!r})"


def _unwrapped(outputs: list[Value]) -> Value | list[Value]:
    return outputs[0] if len(outputs) == 1 else outputs


def _inputs(x: Any, nin: int) -> list[Value]:
    """One sample as Values; numbers become leaves x⁽¹⁾, x⁽²⁾, … that all neurons share."""
    if isinstance(x, (str, bytes)) or not isinstance(x, Iterable):
        raise TypeError(f"expected a list of {nin} numbers or Values, got {type(x).__name__}")
    if is_array(x) and x.ndim != 1:
        raise ValueError(f"expected one sample of shape ({nin},), got an array of shape {x.shape}")
    sample = list(x)
    if len(sample) != nin:
        raise ValueError(f"expected {nin} inputs, got {len(sample)}")
    return [
        v if isinstance(v, Value) else Value(v, label=name("x", m)) for m, v in enumerate(sample, 1)
    ]


def _checked(activation: str) -> str:
    if activation not in ACTIVATIONS:
        raise ValueError(f"activation is one of {', '.join(ACTIVATIONS)}, not {activation!r}")
    return activation


def _random_source(seed: int | random.Random | None) -> random.Random | None:
    if seed is None or isinstance(seed, random.Random):
        return seed
    return random.Random(as_count(seed, "seed", 0))
