"""Neuron, Layer and MLP against NumPy and PyTorch, and what they refuse."""

import math
import pickle
import random

import numpy as np
import pytest

from micrograd_es import MLP, Layer, Module, Neuron, Value, draw_network, sum_squares
from micrograd_es.engine.graph import topological_order
from micrograd_es.nn.modules import ACTIVATIONS


def test_a_neuron_is_a_weighted_sum_and_an_activation():
    neuron = Neuron(2, "tanh", seed=3)
    neuron.b.data = 0.25
    a = neuron([0.5, -1.5])
    w = [v.data for v in neuron.w]
    assert a.data == pytest.approx(np.tanh(w[0] * 0.5 - w[1] * 1.5 + 0.25), rel=1e-15)


def test_z_is_one_sum_over_the_products_and_the_bias():
    neuron = Neuron(3, "sigmoid", seed=0)
    (z,) = neuron([1, 2, 3]).parents
    assert z.op == "sum"
    assert [v.op for v in z.parents] == ["mul", "mul", "mul", ""]
    assert [v.parents[0] for v in z.parents[:3]] == neuron.w
    assert z.parents[3] is neuron.b


def test_names_are_those_of_the_notes():
    model = MLP(2, [2, 2], "sigmoid", output="sigmoid", seed=0)
    cost = sum_squares(model([1.0, 0.0]), [0.0, 1.0])
    labels = {v.label for v in topological_order(cost)}
    assert labels - {""} == {
        "C", "ŷ⁽¹⁾", "ŷ⁽²⁾", "y⁽¹⁾", "y⁽²⁾", "x⁽¹⁾", "x⁽²⁾",
        "z₍₂₎⁽¹⁾", "z₍₂₎⁽²⁾", "a₍₁₎⁽¹⁾", "a₍₁₎⁽²⁾", "z₍₁₎⁽¹⁾", "z₍₁₎⁽²⁾",
        "w₍₁₎⁽¹·¹⁾", "w₍₁₎⁽¹·²⁾", "w₍₁₎⁽²·¹⁾", "w₍₁₎⁽²·²⁾", "b₍₁₎⁽¹⁾", "b₍₁₎⁽²⁾",
        "w₍₂₎⁽¹·¹⁾", "w₍₂₎⁽¹·²⁾", "w₍₂₎⁽²·¹⁾", "w₍₂₎⁽²·²⁾", "b₍₂₎⁽¹⁾", "b₍₂₎⁽²⁾",
    }  # fmt: skip


def test_the_inputs_are_leaves_that_all_neurons_share():
    outputs = Layer(2, 3, seed=0)([1.0, 2.0])
    leaves = {v for a in outputs for v in topological_order(a) if v.label == "x⁽¹⁾"}
    assert len(leaves) == 1


def test_values_given_as_inputs_are_used_as_they_are():
    x = [Value(1.0, "mine"), Value(2.0)]
    y = MLP(2, [1], seed=0)(x)
    y.backward()
    assert x[0].label == "mine"
    assert x[0].grad != 0


def test_parameters_come_neuron_by_neuron_weights_then_bias():
    model = MLP(2, [2, 1], seed=0)
    first, second = model.layers[0].neurons
    (last,) = model.layers[1].neurons
    assert model.parameters() == [
        *first.w, first.b, *second.w, second.b, *last.w, last.b
    ]  # fmt: skip


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_outputs_and_gradients_are_those_of_torch(activation):
    torch = pytest.importorskip("torch")
    model = MLP(3, [4, 2], activation, output=activation, seed=5)
    x = np.array([0.3, -1.2, 0.7])
    ours = sum_squares(model(x), [0.5, -0.5])
    ours.backward()
    theirs = model.to_torch()
    loss = ((theirs(torch.from_numpy(x)) - torch.tensor([0.5, -0.5])) ** 2).sum()
    loss.backward()
    assert ours.data == pytest.approx(loss.item(), rel=1e-12)
    for layer, linear in zip(model.layers, [m for m in theirs if hasattr(m, "weight")]):
        w = [[v.grad for v in neuron.w] for neuron in layer.neurons]
        np.testing.assert_allclose(w, linear.weight.grad.numpy(), rtol=1e-10, atol=1e-14)
        b = [neuron.b.grad for neuron in layer.neurons]
        np.testing.assert_allclose(b, linear.bias.grad.numpy(), rtol=1e-10, atol=1e-14)


def test_the_activations_are_those_of_the_table():
    assert {"relu", "sigmoid", "tanh", "softplus"} < set(ACTIVATIONS)
    assert {"linear", "leaky_relu", "elu", "gelu", "silu"} < set(ACTIVATIONS)
    assert all(f'"{name}"' in Neuron.__doc__ for name in ACTIVATIONS)


def test_the_same_seed_gives_the_same_bits():
    def bits(seed):
        return [p.data for p in MLP(3, [4, 2], seed=seed).parameters()]

    assert bits(7) == bits(7) == bits(np.int64(7))
    assert bits(7) != bits(8)
    assert bits(7)[0] == random.Random(7).uniform(-1, 1)


def test_without_a_seed_the_start_is_that_of_micrograd():
    random.seed(1337)
    expected = [random.uniform(-1, 1) for _ in range(2)]
    random.seed(1337)
    assert [w.data for w in Neuron(2).w] == expected


def test_one_output_is_the_value_itself_and_several_are_a_list():
    assert isinstance(MLP(2, [3, 1], seed=0)([1, 2]), Value)
    assert isinstance(Layer(2, 1, seed=0)([1, 2]), Value)
    assert len(MLP(2, [3, 2], seed=0)([1, 2])) == 2


def test_nonlin_false_means_linear():
    assert Neuron(2, nonlin=False).activation == "linear"
    assert Layer(2, 2, nonlin=False).neurons[1].activation == "linear"


@pytest.mark.parametrize(
    ("init", "bound"), [("uniform", 1.0), ("xavier", (6 / (50 + 40)) ** 0.5), ("he", 0.12**0.5)]
)
def test_starts(init, bound):
    layer = Layer(50, 40, seed=3, init=init)
    weights = np.array([w.data for neuron in layer.neurons for w in neuron.w])
    assert 0.99 * bound < abs(weights).max() <= bound
    assert weights.std() == pytest.approx(bound / 3**0.5, rel=0.02)
    assert not any(neuron.b.data for neuron in layer.neurons)
    same = np.array([w.data for neuron in Layer(50, 40, seed=3).neurons for w in neuron.w])
    np.testing.assert_array_equal(weights, same * bound)
    inside = MLP(50, [40, 2], seed=3, init=init).layers[0]
    assert [p.data for p in inside.parameters()] == [p.data for p in layer.parameters()]
    neuron = Neuron(50, seed=3, init=init)
    assert max(abs(w.data) for w in neuron.w) <= {"xavier": (6 / 51) ** 0.5}.get(init, bound)


# -- training and not ---------------------------------------------------------------


class Pair(Module):
    def __init__(self):
        self.first, self.others = MLP(1, [1], seed=0), {"a": [Neuron(1)], "b": (Module(),)}
        self.again, self.loop = self.first, [self]


def test_train_and_eval_reach_every_module_inside():
    pair = Pair()
    inside = pair.modules()
    assert inside[0] is pair
    assert len(inside) == len(set(inside)) == 6  # itself, MLP, Layer, Neuron; Neuron; Module
    assert all(m.training for m in inside)
    assert pair.eval() is pair
    assert not any(m.training for m in inside)
    assert pair.first.train().training
    assert pair.first.layers[0].neurons[0].training
    assert not pair.training
    assert not pair.train(False).training
    assert Module.training


def test_zero_grad():
    model = MLP(2, [2, 1], seed=0)
    model([1, 2]).backward()
    assert any(p.grad for p in model.parameters())
    model.zero_grad()
    assert not any(p.grad for p in model.parameters())


def test_a_module_of_ones_own():
    class Scale(Module):
        def __init__(self):
            self.k = Value(2.0)

        def parameters(self):
            return [self.k]

    scale = Scale()
    scale.k.grad = 3.0
    scale.zero_grad()
    assert scale.k.grad == 0.0
    assert Module().parameters() == []


@pytest.mark.parametrize(
    "model", [Neuron(2, "tanh", seed=0), Layer(2, 3, seed=0), MLP(2, [3, 2], seed=0)], ids=repr
)
def test_save_and_load(model, tmp_path):
    before = [p.data for p in model.parameters()]
    model.save(tmp_path / "model")
    for p in model.parameters():
        p.data = 9.0
    model.load(tmp_path / "model")
    assert [p.data for p in model.parameters()] == before


def test_a_file_of_another_shape_changes_nothing(tmp_path):
    from micrograd_es import ModelFormatError

    MLP(2, [3, 1], seed=0).save(tmp_path / "model")
    other = MLP(3, [2, 1], seed=1)  # shapes differ
    before = [p.data for p in other.parameters()]
    with pytest.raises(ModelFormatError):
        other.load(tmp_path / "model")
    assert [p.data for p in other.parameters()] == before


def test_models_are_pickled_with_what_they_share():
    model = MLP(2, [2, 1], seed=0)
    loss = model([1, 2])
    model2, loss2 = pickle.loads(pickle.dumps((model, loss)))
    loss2.backward()
    assert any(p.grad for p in model2.parameters())
    assert not any(p.grad for p in model.parameters())


@pytest.mark.parametrize(
    ("make", "error"),
    [
        (lambda: Neuron(0), ValueError),
        (lambda: Neuron(-1), ValueError),
        (lambda: Neuron(True), TypeError),
        (lambda: Neuron(2.0), TypeError),
        (lambda: Neuron(2, "step"), ValueError),
        (lambda: Neuron(2, activation=None), ValueError),
        (lambda: Layer(2, 0), ValueError),
        (lambda: MLP(2, []), ValueError),
        (lambda: MLP(2, [3, 0]), ValueError),
        (lambda: MLP(2, 3), TypeError),
        (lambda: MLP(2, "31"), TypeError),
        (lambda: MLP(2, [1], output="softmax"), ValueError),
        (lambda: MLP(2, [1], init="glorot"), ValueError),
        (lambda: Layer(2, 1, init=None), ValueError),
        (lambda: Layer(2, 1, init=["he"]), ValueError),
        (lambda: Neuron(2, init=1.0), ValueError),
        (lambda: Neuron(2).train(1), TypeError),
        (lambda: MLP(2, [1], seed="1"), TypeError),
        (lambda: Neuron(2)([1]), ValueError),
        (lambda: Neuron(2)([1, 2, 3]), ValueError),
        (lambda: Neuron(2)(np.zeros((3, 2))), ValueError),
        (lambda: Neuron(2)("12"), TypeError),
        (lambda: Neuron(2)(["1", "2"]), TypeError),
        (lambda: Neuron(2)([None, 1]), TypeError),
        (lambda: Neuron(2)([True, 1]), TypeError),
        (lambda: Neuron(2)([1j, 1]), TypeError),
        (lambda: Neuron(2)(1.0), TypeError),
    ],
)
def test_refuses(make, error):
    with pytest.raises(error):
        make()


def test_small_integers_of_numpy_do_not_wrap():
    neuron = Neuron(1, "linear", seed=0)
    neuron.w[0].data = np.uint8(200)
    assert neuron(np.array([200], dtype=np.uint8)).data == 40_000.0


def test_repr():
    assert repr(MLP(2, [16, 1])) == "MLP(2, [16, 1], activation='relu', output='linear')"
    assert repr(MLP(2, [1])) == "MLP(2, [1], output='linear')"


# -- what users put in the place of ours ---------------------------------------------


class Squared(Neuron):
    """A neuron with a call of its own."""

    def __call__(self, x):
        return sum((w * v for w, v in zip(self.w, x)), self.b) ** 2


def by_hand(model, x):
    """The outputs from the parameters alone, with an activation for each neuron."""
    a = list(x)
    for layer in model.layers:
        a = [
            NAMED[n.activation](sum(w.data * v for w, v in zip(n.w, a)) + n.b.data)
            for n in layer.neurons
        ]
    return a


NAMED = {"relu": lambda z: max(z, 0.0), "tanh": math.tanh, "linear": lambda z: z,
         "squared": lambda z: z * z}  # fmt: skip


def test_a_neuron_with_its_own_call_is_called():
    model = MLP(2, [3, 1], activation="tanh", seed=0)
    model.layers[0].neurons[1] = Squared(2, seed=5)
    found = model([0.5, -1.0])
    model.layers[0].neurons[1].activation = "squared"
    assert found.data == pytest.approx(by_hand(model, [0.5, -1.0])[0], rel=1e-15)
    assert len(model.parameters()) == 13
    found.backward()
    assert all(p.grad for p in model.layers[0].neurons[1].parameters())
    with pytest.raises(ValueError, match="PyTorch"):
        model.to_torch()


def test_neurons_replaced_in_the_class_are_called(monkeypatch):
    model = MLP(2, [2, 1], seed=0)
    monkeypatch.setattr(Neuron, "__call__", lambda self, x: self.b + 7.0)
    assert model([1.0, 2.0]).data == 7.0
    assert Layer(2, 2)([1.0, 2.0])[1].data == 7.0


def test_nonlin_can_be_set_afterwards():
    model = MLP(2, [3, 1], activation="tanh", seed=0)
    neuron = model.layers[0].neurons[0]
    curved = model([0.5, -1.0]).data
    assert neuron.nonlin
    neuron.nonlin = False
    assert (neuron.nonlin, neuron.activation) == (False, "linear")
    assert model([0.5, -1.0]).data == pytest.approx(by_hand(model, [0.5, -1.0])[0], rel=1e-15)
    assert model([0.5, -1.0]).data != curved
    neuron.nonlin = True
    assert model([0.5, -1.0]).data == curved
    assert not Neuron(2, nonlin=False).nonlin


def test_any_callable_stands_among_the_layers():
    model = MLP(2, [3, 1], activation="tanh", seed=0)
    expected = model([2 * 0.5, 2 * -1.0]).data
    model.layers.insert(0, lambda x: [2 * v for v in x])
    assert model([0.5, -1.0]).data == expected
    model.layers.append(lambda y: y * y)
    assert model([0.5, -1.0]).data == pytest.approx(expected**2)
    model.layers.insert(2, lambda a: tuple(a))
    assert model([0.5, -1.0]).data == pytest.approx(expected**2)
    assert len(model.parameters()) == 13
    assert "MLP of" in repr(model)
    with pytest.raises(ValueError, match="PyTorch"):
        model.to_torch()
    with pytest.raises(ValueError, match="layer 1"):
        draw_network(model)


def test_a_model_with_other_parts_is_saved_and_loaded(tmp_path):
    def built(seed):
        model = MLP(2, [3, 1], seed=seed)
        model.layers[0].neurons[1] = Squared(2, seed=seed + 1)
        model.layers.append(abs)
        return model

    first, second = built(0), built(7)
    first.save(tmp_path / "model")
    second.load(tmp_path / "model")
    assert [p.data for p in second.parameters()] == [p.data for p in first.parameters()]
