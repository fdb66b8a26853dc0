"""Networks of PyTorch as MLPs: the same outputs, and whatever else is in them is named."""

import random

import numpy as np
import pytest

from micrograd_es import MLP, Value, from_torch
from micrograd_es.nn.modules import ACTIVATIONS


def torch_and_nn():
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    return torch, torch.nn


def test_a_network_of_torch_as_an_mlp():
    torch, nn = torch_and_nn()
    kinds = [nn.ReLU(inplace=True), nn.LeakyReLU(), nn.Tanh(), nn.Sigmoid(), nn.ELU(), nn.GELU(),
             nn.SiLU(), nn.Softplus()]  # fmt: skip
    parts = [nn.Linear(3, 5)]
    for kind in kinds:
        parts += [kind, nn.Linear(5, 5)]
    theirs = nn.Sequential(*parts, nn.Linear(5, 2, bias=False)).double()
    state = random.getstate()
    ours = from_torch(theirs)
    assert random.getstate() == state
    x = np.array([0.3, -1.2, 0.7])
    y = ours([Value(v) for v in x])
    np.testing.assert_allclose([v.data for v in y], theirs(torch.tensor(x)).tolist(), rtol=1e-12)
    assert [layer.neurons[0].activation for layer in ours.layers] == [
        "relu", "leaky_relu", "tanh", "sigmoid", "elu", "gelu", "silu", "softplus", "linear",
        "linear",
    ]  # fmt: skip
    assert y[0].label == "y⁽¹⁾"
    again = ours.to_torch()(torch.tensor(x))
    np.testing.assert_allclose(again.tolist(), theirs(torch.tensor(x)).tolist(), rtol=1e-12)


def test_there_and_back():
    torch_and_nn()
    for activation in ACTIVATIONS:
        model = MLP(2, [3, 1], activation, output=activation, seed=1)
        back = from_torch(model.to_torch())
        assert repr(back) == repr(model)
        assert [p.data for p in back.parameters()] == [p.data for p in model.parameters()]
        neuron = back.layers[0].neurons[0]
        neuron.nonlin, neuron.nonlin = False, True
        assert neuron.activation == activation


def test_single_precision_is_taken_exactly():
    _, nn = torch_and_nn()
    theirs = nn.Sequential(nn.Linear(2, 1))
    ours = from_torch(theirs)
    assert [p.data for p in ours.parameters()] == [
        *theirs[0].weight[0].double().tolist(), *theirs[0].bias.double().tolist()
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda nn: nn.Linear(2, 1), TypeError, "not Linear"),
        (lambda nn: None, TypeError, "NoneType"),
        (lambda nn: nn.Sequential(), ValueError, "no Linear"),
        (lambda nn: nn.Sequential(nn.ReLU(), nn.Linear(2, 1)), ValueError, "module 0, ReLU"),
        (lambda nn: nn.Sequential(nn.Linear(2, 2), nn.Dropout()), ValueError, "module 1, Dropout"),
        (lambda nn: nn.Sequential(nn.Linear(2, 2), nn.LeakyReLU(0.2)), ValueError, "LeakyReLU"),
        (lambda nn: nn.Sequential(nn.Linear(2, 2), nn.GELU("tanh")), ValueError, "GELU"),
        (lambda nn: nn.Sequential(nn.Linear(2, 2), nn.Tanh(), nn.ReLU()), ValueError, "module 2"),
        (lambda nn: nn.Sequential(nn.Linear(2, 3), nn.Linear(2, 1)), ValueError, "not fit"),
        (lambda nn: nn.Sequential(nn.Sequential(nn.Linear(2, 1))), ValueError, "Sequential"),
        (lambda nn: nn.Sequential(nn.Bilinear(2, 2, 1)), ValueError, "Bilinear"),
    ],
)
def test_what_is_no_mlp_is_named(make, error, words):
    _, nn = torch_and_nn()
    with pytest.raises(error, match=words):
        from_torch(make(nn))
