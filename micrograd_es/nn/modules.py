"""Neuron, Layer and MLP: what the notes draw, built from Values.

A neuron's z is one sum node over its products ``w · x`` and its bias, and the nodes
bear the notes' names: w₍₁₎⁽²·¹⁾ is the weight in layer 1 of neuron 2 on input 1.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from micrograd_es.base.arrays import is_array
from micrograd_es.base.scalars import as_count
from micrograd_es.engine.functions import products, sum_node
from micrograd_es.engine.ops import TABLE
from micrograd_es.engine.value import Operand, Value, apply
from micrograd_es.formulas.notation import name
from micrograd_es.nn.module import Module
from micrograd_es.nn.starts import Seed, bound, random_source

if TYPE_CHECKING:
    import torch

ACTIVATIONS = ("linear", *(op.name for op in TABLE.values() if op.activation))


class Neuron(Module):
    """One neuron: a = g(Σ wₘ xₘ + b).

    Parameters
    ----------
    nin : int
        Number of inputs.
    activation : str
        "linear", "relu", "sigmoid", "tanh", "softplus", "leaky_relu", "elu", "gelu" or "silu".
    nonlin : bool
        False is micrograd's way to say ``activation="linear"``.
    seed : int, optional
        The same seed gives the same bits. Without one the weights come from Python's own
        `random`, as micrograd's do.
    init : str
        Between what the weights are drawn uniformly: "uniform", ±1; "xavier",
        ±√(6/(nin + nout)); "he", ±√(6/nin). The bias is 0.

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
        seed: Seed = None,
        init: str = "uniform",
    ) -> None:
        uniform = (random_source(seed) or random).uniform
        self.activation = self._nonlinear = _checked(activation)
        self.nonlin = nonlin
        nin = as_count(nin, "the number of inputs")
        size = bound(init, nin, 1)
        self.w = [Value(size * uniform(-1, 1)) for _ in range(nin)]
        self.b = Value(0.0)
        self._bear_names(None, (), "a")

    def _bear_names(self, layer: int | None, n: tuple[int, ...], output: str) -> None:
        for m, w in enumerate(self.w, 1):
            w.label = name("w", *n, m, layer=layer)
        self.b.label = name("b", *n, layer=layer)
        self._z_label = name("z", *n, layer=layer)
        self._a_label = name(output, *n, layer=None if output == "y" else layer)

    @property
    def nonlin(self) -> bool:
        """Whether there is an activation but the identity; it can be set, as micrograd's."""
        return self.activation != "linear"

    @nonlin.setter
    def nonlin(self, nonlin: bool) -> None:
        self.activation = self._nonlinear if nonlin else "linear"

    def parameters(self) -> list[Value]:
        """The weights, then the bias."""
        return [*self.w, self.b]

    def __call__(self, x: Iterable[Operand]) -> Value:
        """The activation a for one sample of `nin` numbers or Values."""
        z = sum_node((*products(self.w, _inputs(x, len(self.w))), self.b))
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
        seed: Seed = None,
        init: str = "uniform",
    ) -> None:
        source = random_source(seed)
        self._nin = as_count(nin, "the number of inputs")
        size = bound(init, self._nin, as_count(nout, "the number of neurons"))
        # any callable may take the place of one
        self.neurons: list[Any] = [Neuron(nin, activation, nonlin, source) for _ in range(nout)]
        for neuron in self.neurons:
            for w in neuron.w:
                w.data *= size
        self._bear_names(1, "a")

    def _bear_names(self, layer: int, output: str) -> None:
        for n, neuron in enumerate(self.neurons, 1):
            neuron._bear_names(layer, (n,), output)

    def parameters(self) -> list[Value]:
        """The parameters of each neuron in turn: its weights, then its bias."""
        return _parameters(self.neurons)

    def __call__(self, x: Iterable[Operand]) -> Value | list[Value]:
        """The activations for one sample: a list, or the Value itself of a single neuron."""
        sample = _inputs(x, self._nin)
        outputs = [neuron(sample) for neuron in self.neurons]
        return outputs[0] if len(outputs) == 1 else outputs

    def _blocks(self) -> dict[str, list[Any]]:
        if not _are_all(self.neurons, Neuron):
            return {}
        return {"w": [n.w for n in self.neurons], "b": [n.b for n in self.neurons]}

    def __repr__(self) -> str:
        activation = getattr(self.neurons[0], "activation", None)
        return f"Layer({self._nin}, {len(self.neurons)}, activation={activation!r})"


def torch_activations() -> dict[str, Any]:
    """PyTorch's classes of the activations, by our names."""
    from torch import nn

    kinds = {name.lower(): kind for name, kind in vars(nn).items()}
    found = {name: kinds.get(name.replace("_", "")) for name in ACTIVATIONS if name != "linear"}
    return {name: kind for name, kind in found.items() if isinstance(kind, type)}


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
    seed, init
        As for Neuron.

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
        seed: Seed = None,
        init: str = "uniform",
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
        source = random_source(seed)
        # any callable may take the place of one
        self.layers: list[Any] = [
            Layer(nin, nout, activation, seed=source, init=init)
            for nin, nout, activation in zip(sizes, sizes[1:], names)
        ]
        for number, layer in enumerate(self.layers, 1):
            layer._bear_names(number, "y" if number == len(self.layers) else "a")

    def parameters(self) -> list[Value]:
        """Layer by layer, neuron by neuron: its weights, then its bias."""
        return _parameters(self.layers)

    def __call__(self, x: Iterable[Operand]) -> Any:
        """The outputs for one sample: a list of Values, or the Value itself where there is one."""
        a: Any = x
        for layer in self.layers:
            a = layer(a)
        return a

    def to_torch(self) -> torch.nn.Sequential:
        """The same network in PyTorch, in double precision, with these parameters.

        Raises
        ------
        ValueError
            It has another callable among its layers or neurons, or neurons with a call of
            their own or with activations that differ within a layer.
        """
        for layer in self.layers:
            neurons = getattr(layer, "neurons", [None])
            if type(layer).__call__ is not Layer.__call__ or not _are_all(neurons, Neuron):
                raise ValueError(f"PyTorch has no counterpart of {layer!r}")
            if len({n.activation for n in neurons}) > 1:
                raise ValueError("the neurons of a layer have one activation in PyTorch")
        import torch

        modules: list[torch.nn.Module] = []
        kinds = torch_activations()
        for layer in self.layers:
            w = torch.tensor([[v.data for v in n.w] for n in layer.neurons], dtype=torch.float64)
            b = torch.tensor([n.b.data for n in layer.neurons], dtype=torch.float64)
            linear = torch.nn.Linear(w.shape[1], w.shape[0], dtype=torch.float64)
            with torch.no_grad():
                linear.weight.copy_(w)
                linear.bias.copy_(b)
            modules.append(linear)
            if (activation := layer.neurons[0].activation) != "linear":
                modules.append(kinds[activation]())
        return torch.nn.Sequential(*modules)

    def _blocks(self) -> dict[str, list[Any]]:
        return {
            f"{number}.{key}": block
            for number, layer in enumerate(self.layers, 1)
            if isinstance(layer, Layer)
            for key, block in layer._blocks().items()
        }

    def __repr__(self) -> str:
        if not _are_all(self.layers, Layer):
            return f"<MLP of {', '.join(map(repr, self.layers))}>"
        ends = (self.layers[0], self.layers[-1])
        hidden, last = (getattr(layer.neurons[0], "activation", None) for layer in ends)
        sizes = [len(layer.neurons) for layer in self.layers]
        nin = self.layers[0]._nin
        activation = f", activation={hidden!r}" if len(self.layers) > 1 else ""
        return f"MLP({nin}, {sizes}{activation}, output={last!r})"


def _parameters(parts: list[Any]) -> list[Value]:
    """Those of each part that has any, in turn."""
    return [p for part in parts if hasattr(part, "parameters") for p in part.parameters()]


def _are_all(parts: list[Any], kind: type[Module]) -> bool:
    """Whether each is one of this kind that is called as this kind is."""
    return all(isinstance(p, kind) and type(p).__call__ is kind.__call__ for p in parts)


class _Sample(list[Value]):
    """One sample as Values, which the neurons of a layer need not look at again."""


def _inputs(x: Any, nin: int) -> list[Value]:
    """One sample as Values; numbers become leaves x⁽¹⁾, x⁽²⁾, … that all neurons share."""
    if type(x) is _Sample and len(x) == nin:
        return x
    if isinstance(x, Value) and nin == 1:  # the only output of the layer before
        x = [x]
    if isinstance(x, (str, bytes)) or not isinstance(x, Iterable):
        raise TypeError(f"expected a list of {nin} numbers or Values, got {type(x).__name__}")
    if is_array(x) and x.ndim != 1:
        raise ValueError(f"expected one sample of shape ({nin},), got an array of shape {x.shape}")
    sample = list(x)
    if len(sample) != nin:
        raise ValueError(f"expected {nin} inputs, got {len(sample)}")
    return _Sample(
        v if isinstance(v, Value) else Value(v, label=name("x", m)) for m, v in enumerate(sample, 1)
    )


def _checked(activation: str) -> str:
    if activation not in ACTIVATIONS:
        raise ValueError(f"activation is one of {', '.join(ACTIVATIONS)}, not {activation!r}")
    return activation
