"""`from_torch`: a network of PyTorch as an MLP, to be drawn, explained and stepped through."""

from __future__ import annotations

from typing import Any

from micrograd_es.nn.modules import MLP, torch_activations


def from_torch(module: Any) -> MLP:
    """An MLP with the weights of a `torch.nn.Sequential`, which gives the same outputs.

    Parameters
    ----------
    module : torch.nn.Sequential
        Of `Linear` and, after each of them or not, an activation with its default settings:
        `ReLU`, `Tanh` and the others that `MLP.to_torch` gives. A `Linear` without a bias has
        a bias of 0 here.

    Raises
    ------
    TypeError
        It is no Sequential.
    ValueError
        There is anything else in it, or a `Linear` that does not fit the one before.

    Notes
    -----
    PyTorch's `Softplus` is a straight line from 20 on, and differs there by up to 2e-9.

    Examples
    --------
    >>> from torch import nn
    >>> from_torch(nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 1)))
    MLP(2, [8, 1], activation='tanh', output='linear')
    """
    import torch

    if not isinstance(module, torch.nn.Sequential):
        raise TypeError(f"from_torch takes a torch.nn.Sequential, not {type(module).__name__}")
    names = {kind: name for name, kind in torch_activations().items()}
    linears: list[Any] = []
    activations: list[str] = []
    for k, part in enumerate(module):
        after_linear = len(linears) > 0 and activations[-1] == "linear"
        if type(part) is torch.nn.Linear:
            if linears and linears[-1].out_features != part.in_features:
                raise ValueError(f"module {k}, {part!r}, does not fit the one before it")
            linears.append(part)
            activations.append("linear")
        elif after_linear and type(part) in names and _settings(part) == _settings(type(part)()):
            activations[-1] = names[type(part)]
        else:
            what, kinds = " ".join(str(part).split())[:60], ", ".join(k.__name__ for k in names)
            raise ValueError(
                f"module {k}, {what}, has no place in an MLP, which is made of Linear, each "
                f"followed by one of {kinds} or none"
            )
    if not linears:
        raise ValueError("there is no Linear in it")
    model = MLP(linears[0].in_features, [linear.out_features for linear in linears], seed=0)
    for layer, linear, activation in zip(model.layers, linears, activations):
        rows = linear.weight.tolist()
        bias = [0.0] * len(rows) if linear.bias is None else linear.bias.tolist()
        for neuron, row, b in zip(layer.neurons, rows, bias):
            neuron.activation = neuron._nonlinear = activation
            for v, number in zip(neuron.parameters(), [*row, b]):
                v.data = number
    return model


def _settings(activation: Any) -> dict[str, Any]:
    """What makes two of one class differ in what they give."""
    public = {key: x for key, x in vars(activation).items() if not key.startswith("_")}
    return {key: x for key, x in public.items() if key not in ("training", "inplace")}
