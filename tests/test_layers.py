"""Layers beyond neurons against PyTorch: values and gradients to 1e-12, and what they refuse."""

import copy
import itertools
import math
import pickle
import random

import numpy as np
import pytest

from micrograd_es import (
    GRU,
    MLP,
    RNN,
    SGD,
    Conv2d,
    Dropout,
    Embedding,
    Layer,
    LayerNorm,
    MaxPool2d,
    Module,
    SelfAttention,
    Sequential,
    Tape,
    Value,
    dot,
    fit,
    mse,
    vsum,
)
from micrograd_es.nn.layers import drawn_factors
from micrograd_es.nn.nested import flat, shape_of

RNG = np.random.default_rng(0)


def values(array):
    """An array as nested lists of new Values."""
    return [values(row) for row in array] if array.ndim else Value(float(array))


def numbers(nested, what="data"):
    return np.array([getattr(v, what) for v in flat(nested)]).reshape(shape_of(nested))


def agree(ours, theirs, x, *outputs_of):
    """That a layer with PyTorch's parameters gives PyTorch's outputs and gradients.

    `outputs_of` picks what is compared, of ours and of theirs.
    """
    torch = pytest.importorskip("torch")
    theirs = theirs.double()
    parameters = list(theirs.parameters())
    ours_in_order = ours.parameters()
    assert len(ours_in_order) == sum(p.numel() for p in parameters)
    if parameters:
        for v, number in zip(
            ours_in_order, torch.cat([p.detach().flatten() for p in parameters]).tolist()
        ):
            v.data = number
    inputs, tensor = values(x), torch.tensor(x, requires_grad=True)
    pick = outputs_of or (lambda f, x: f(x),) * 2
    found, expected = pick[0](ours, inputs), pick[1](theirs, tensor)
    np.testing.assert_allclose(numbers(found), expected.detach().numpy(), rtol=1e-12, atol=1e-12)
    weights = RNG.normal(size=expected.shape)
    dot(flat(found), weights.ravel()).backward()
    (expected * torch.tensor(weights)).sum().backward()
    np.testing.assert_allclose(numbers(inputs, "grad"), tensor.grad.numpy(), rtol=1e-12, atol=1e-12)
    if parameters:
        gradient = torch.cat([p.grad.flatten() for p in parameters]).numpy()
        np.testing.assert_allclose(
            [v.grad for v in ours_in_order], gradient, rtol=1e-12, atol=1e-12
        )


# -- one by one -----------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(5,), (3, 5), (2, 3, 5)])
def test_layer_norm(shape):
    torch = pytest.importorskip("torch")
    agree(LayerNorm(5), torch.nn.LayerNorm(5), RNG.normal(size=shape))
    theirs = torch.nn.LayerNorm(5, eps=0.1)
    torch.nn.init.normal_(theirs.weight)
    torch.nn.init.normal_(theirs.bias)
    agree(LayerNorm(5, eps=0.1), theirs, RNG.normal(size=shape) * 100 + 3)


@pytest.mark.parametrize("codes", [2, [2, 0, 2], range(3), [[0, 1], [3, 3]]])
@pytest.mark.parametrize("as_values", [False, True])
def test_embedding(codes, as_values):
    torch = pytest.importorskip("torch")
    ours, theirs = Embedding(4, 3, seed=0), torch.nn.Embedding(4, 3).double()
    with torch.no_grad():
        theirs.weight.copy_(torch.tensor(numbers(ours.weight)))
    assert shape_of(ours.weight) == (4, 3)
    found = ours(values(np.array(codes)) if as_values else codes)
    expected = theirs(torch.tensor(np.array(codes)))
    np.testing.assert_array_equal(numbers(found), expected.detach().numpy())
    weights = RNG.normal(size=expected.shape)
    dot(flat(found), weights.ravel()).backward()
    (expected * torch.tensor(weights)).sum().backward()
    np.testing.assert_allclose(numbers(ours.weight, "grad"), theirs.weight.grad, rtol=1e-14)


def test_an_embedding_is_replayed_for_other_integers():
    table = Embedding(4, 3, seed=0)
    codes = [Value(1.0), Value(1.0)]
    tape = Tape([v for row in table(codes) for v in row], codes, table.parameters())
    X = np.array(list(itertools.product(range(4), repeat=2)), float)
    expected = [[v.data for k in row for v in table.weight[int(k)]] for row in X]
    assert tape.value(X).tolist() == expected


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("first", [False, True])
@pytest.mark.parametrize(
    ("kind", "settings"), [(RNN, {}), (RNN, {"nonlinearity": "relu"}), (GRU, {})]
)
def test_recurrent_layers(kind, settings, layers, first):
    torch = pytest.importorskip("torch")
    x, hx = RNG.normal(size=(5, 3)), RNG.normal(size=(layers, 4)) if first else None
    before = [hx] if first else []
    tensors = [torch.tensor(h) for h in before]
    for k in (0, 1):  # the output, and what comes last
        ours = kind(3, 4, layers, seed=0, **settings)
        theirs = getattr(torch.nn, kind.__name__)(3, 4, layers, **settings)
        agree(
            ours, theirs, x,
            lambda f, x, k=k: f(x, *before)[k], lambda f, x, k=k: f(x, *tensors)[k],
        )  # fmt: skip
    output, h_n = ours(x)
    assert (shape_of(output), shape_of(h_n)) == ((5, 4), (layers, 4))
    assert h_n[-1] == output[-1]


CONVOLUTIONS = [
    (1, 2, 3, 1, 0), (2, 3, 2, 2, 1), (2, 1, (3, 1), (1, 2), (0, 1)), (3, 4, (5, 6), 1, 0),
    (1, 1, 3, 3, 2),
]  # fmt: skip


@pytest.mark.parametrize("settings", CONVOLUTIONS)
def test_conv2d(settings):
    torch = pytest.importorskip("torch")
    x = RNG.normal(size=(settings[0], 5, 6))
    agree(Conv2d(*settings, seed=0), torch.nn.Conv2d(*settings), x)


@pytest.mark.parametrize("settings", [(2,), (3, 1), (2, 1, 1), ((2, 3), (1, 2), (1, 0)), (3, 2, 1)])
def test_max_pool2d(settings):
    torch = pytest.importorskip("torch")
    agree(MaxPool2d(*settings), torch.nn.MaxPool2d(*settings), RNG.normal(size=(2, 5, 6)))
    # of equal ones the first takes the gradient
    x = RNG.integers(0, 2, size=(2, 5, 6)).astype(float)
    agree(MaxPool2d(*settings), torch.nn.MaxPool2d(*settings), x)


@pytest.mark.parametrize("place", range(4))
def test_a_nan_goes_through_max_pool2d(place):
    window = [1.0, 2.0, 0.0, 3.0]
    window[place] = math.nan
    (((y,),),) = MaxPool2d(2)([[window[:2], window[2:]]])
    assert math.isnan(y.data)


@pytest.mark.parametrize("heads", [1, 2, 4])
@pytest.mark.parametrize("causal", [False, True])
def test_self_attention(heads, causal):
    torch = pytest.importorskip("torch")
    x = RNG.normal(size=(6, 4))
    theirs = torch.nn.MultiheadAttention(4, heads)
    torch.nn.init.normal_(theirs.in_proj_bias)
    torch.nn.init.normal_(theirs.out_proj.bias)
    mask = torch.ones(6, 6).triu(1).bool() if causal else None
    agree(
        SelfAttention(4, heads, causal=causal, seed=0), theirs, x,
        lambda f, x: f(x), lambda f, x: f(x, x, x, attn_mask=mask)[0],
    )  # fmt: skip


def test_sequential():
    torch = pytest.importorskip("torch")
    ours = Sequential(LayerNorm(3), Layer(3, 4, "tanh", seed=0), lambda x: x[:2], LayerNorm(2))
    linear = torch.nn.Linear(3, 4).double()
    with torch.no_grad():
        neurons = ours[1].neurons
        linear.weight.copy_(torch.from_numpy(numbers([n.w for n in neurons])))
        linear.bias.copy_(torch.from_numpy(numbers([n.b for n in neurons])))
    norms = torch.nn.LayerNorm(3).double(), torch.nn.LayerNorm(2).double()
    x = RNG.normal(size=3)
    expected = norms[1](torch.tanh(linear(norms[0](torch.tensor(x))))[:2])
    found = ours(values(x))
    np.testing.assert_allclose(numbers(found), expected.detach().numpy(), rtol=1e-12)
    assert len(ours) == 4
    assert len(ours.parameters()) == 3 + 3 + 16 + 2 + 2
    assert ours.parameters()[6:22] == ours[1].parameters()
    shared = Layer(2, 2, seed=0)
    assert len(Sequential(shared, shared).parameters()) == 6
    narrow = Sequential(Layer(2, 1, seed=0), Layer(1, 3, seed=1), MLP(3, [1], seed=2))
    assert isinstance(narrow([1.0, 2.0]), Value)
    assert Sequential()(x) is x


def test_lists_arrays_and_numbers_are_taken_alike():
    x = RNG.normal(size=(1, 3, 3))
    layers = Conv2d(1, 2, 2, seed=0), LayerNorm(3), MaxPool2d(2), Dropout(0.5).eval()
    for layer in layers:
        expected = numbers(layer(values(x)))
        for given in (x, x.tolist(), [list(image) for image in x], tuple(map(tuple, x))):
            np.testing.assert_array_equal(numbers(layer(given)), expected)


# -- how they begin ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "name", "bound"),
    [
        (lambda seed: RNN(3, 16, seed=seed), "weight_ih_l0", 0.25),
        (lambda seed: GRU(3, 16, 2, seed=seed), "bias_hh_l1", 0.25),
        (lambda seed: Conv2d(4, 8, (2, 2), seed=seed), "weight", 0.25),
        (lambda seed: Conv2d(4, 32, 2, seed=seed), "bias", 0.25),
        (lambda seed: SelfAttention(8, 2, seed=seed), "in_proj_weight", (6 / 32) ** 0.5),
        (lambda seed: SelfAttention(16, 2, seed=seed), "out_proj_weight", 0.25),
    ],
)
def test_starts_are_uniform_within_torch_s_bounds(make, name, bound):
    drawn = numbers(getattr(make(1), name))
    assert 0.8 * bound < abs(drawn).max() <= bound
    assert abs(drawn.mean()) < 0.35 * bound
    everything = numbers(make(1).parameters())
    assert everything.tolist() == numbers(make(1).parameters()).tolist()
    assert everything.tolist() != numbers(make(2).parameters()).tolist()


def test_other_starts():
    table = numbers(Embedding(100, 50, seed=0).weight)
    assert (table.mean(), table.std()) == pytest.approx((0, 1), abs=0.03)
    norm, attention = LayerNorm(3), SelfAttention(4, 2, seed=0)
    assert numbers(norm.parameters()).tolist() == [1.0] * 3 + [0.0] * 3
    assert not any(b.data for b in [*attention.in_proj_bias, *attention.out_proj_bias])
    random.seed(7)
    expected = random.uniform(-0.5, 0.5)
    random.seed(7)
    assert RNN(1, 4).weight_ih_l0[0][0].data == expected
    assert Conv2d(1, 1, 2, seed=0).weight[0][0][1][0].label == "w⁽¹·¹·²·¹⁾"


# -- dropout ----------------------------------------------------------------------------


def test_dropout_is_drawn_anew_at_each_call_and_only_in_training():
    drop, x = Dropout(0.25, seed=0), values(np.ones((50, 20)))
    first, second = numbers(drop(x)), numbers(drop(x))
    assert set(first.ravel()) == {0.0, 1 / 0.75}
    assert first.mean() == pytest.approx(1.0, abs=0.05)
    assert (first != second).any()
    assert numbers(Dropout(0.25, seed=0)(x)).tolist() == first.tolist()
    model = Sequential(Layer(2, 3, seed=0), drop).eval()
    assert not drop.training
    h = Layer(2, 3, seed=0)([1.0, -1.0])
    assert [v.data for v in model([1.0, -1.0])] == [v.data for v in h]
    v = Value(1.0)
    assert drop(v) is v
    assert drop.train()(v) is not v


def test_dropout_hands_its_gradient_on_where_it_kept_the_number():
    x = values(np.linspace(1, 2, 30))
    y = Dropout(0.5, seed=3)(x)
    vsum(y).backward()
    assert [v.grad for v in x] == [b.data / a.data for a, b in zip(x, y)]


def test_the_ends_of_dropout():
    x = values(np.ones(20))
    assert not numbers(Dropout(1.0, seed=0)(x)).any()
    assert (numbers(Dropout(0.0, seed=0)(x)) == 1).all()


def test_the_factors_of_dropout_can_be_drawn_anew_in_a_replay():
    drop, x = Dropout(0.5, seed=0), values(np.array([1.0, 2.0, 3.0]))
    with drawn_factors() as factors:
        y = vsum(drop(x))
    assert [owner for _, owner in factors] == [drop] * 3
    tape = Tape(y, [*x, *(factor for factor, _ in factors)])
    X = np.array([[1.0, 2.0, 3.0, 2.0, 0.0, 2.0], [1.0, 2.0, 3.0, 0.0, 0.0, 2.0]])
    assert tape.value(X).tolist() == [8.0, 6.0]
    drop(x)
    assert len(factors) == 3


# -- all of them ------------------------------------------------------------------------


class Reader(Module):
    """Digits to a number: a table, a recurrent layer, a norm, a neuron."""

    def __init__(self, recurrent):
        self.table, self.recurrent = Embedding(3, 2, seed=0), recurrent
        self.rest = Sequential(LayerNorm(3), Layer(3, 1, "linear", seed=2))

    def parameters(self):
        parts = self.table, self.recurrent, self.rest
        return [p for part in parts for p in part.parameters()]

    def __call__(self, x):
        output, _ = self.recurrent(self.table(x))
        return self.rest(output[-1])


class Image(Module):
    def __init__(self):
        self.conv, self.pool = Conv2d(1, 2, 2, seed=0), MaxPool2d(2, 1)
        self.last = Layer(2 * 2 * 2, 1, "linear", seed=1)

    def parameters(self):
        return self.conv.parameters() + self.last.parameters()

    def __call__(self, x):
        maps = self.pool(self.conv([[x[k : k + 4] for k in range(0, 16, 4)]]))
        return self.last(list(flat(maps)))


def attention():
    def rows(x):
        return [x[:2], x[2:4], x[4:]]

    return Sequential(rows, SelfAttention(2, 1, seed=0), flat, list, Layer(6, 1, seed=1))


MODELS = [
    (lambda: Reader(RNN(2, 3, seed=1)), RNG.integers(0, 3, size=(12, 4)).astype(float)),
    (lambda: Reader(GRU(2, 3, seed=1)), RNG.integers(0, 3, size=(12, 4)).astype(float)),
    (Image, RNG.normal(size=(12, 16))),
    (attention, RNG.normal(size=(12, 6))),
]
EVERY_MODEL = pytest.mark.parametrize(
    ("make", "X"), MODELS, ids=["rnn", "gru", "image", "attention"]
)


@EVERY_MODEL
def test_fit_replays_what_define_by_run_does(make, X):
    replayed, by_run = make(), make()
    Y = np.sin(X.sum(axis=1))
    optimizer = SGD(replayed.parameters(), lr=1.0)
    costs = fit(replayed, X, Y, mse, optimizer, epochs=1, progress=False)
    loss = mse([by_run(values(x)) for x in X], Y)
    assert costs[0] == pytest.approx(loss.data, rel=1e-12)
    loss.backward()
    steps = [b.data - a.data for a, b in zip(replayed.parameters(), by_run.parameters())]
    found = [p.grad for p in by_run.parameters()]
    np.testing.assert_allclose(steps, found, rtol=1e-9, atol=1e-12)


@EVERY_MODEL
def test_files_pickles_and_copies(make, X, tmp_path):
    model, other = make(), make()
    for k, p in enumerate(other.parameters()):
        p.data = k / 7
    expected = other(values(X[0])).data
    if make is not attention:  # functions of one's own are pickled only where they have a name
        assert pickle.loads(pickle.dumps(other))(values(X[0])).data == expected
    assert copy.deepcopy(other)(values(X[0])).data == expected
    other.save(tmp_path / "model")
    model.load(tmp_path / "model")
    assert model(values(X[0])).data == expected


@pytest.mark.parametrize(
    "layer",
    [Embedding(2, 3, seed=0), LayerNorm(2), RNN(1, 2, seed=0), GRU(1, 2, 2, seed=0),
     Conv2d(1, 2, 2, seed=0), SelfAttention(2, 1, seed=0), Dropout(), MaxPool2d(2),
     Sequential(Embedding(2, 2, seed=0), Dropout(0.5, seed=1), LayerNorm(2))],
    ids=lambda layer: type(layer).__name__,
)  # fmt: skip
def test_each_can_be_saved_copied_and_shown(layer, tmp_path):
    before = numbers(layer.parameters()).tolist()
    layer.save(tmp_path / "layer")
    twin = pickle.loads(pickle.dumps(layer))
    for p in twin.parameters():
        p.data = 9.0
    twin.load(tmp_path / "layer")
    assert numbers(twin.parameters()).tolist() == before
    assert type(layer).__name__ in repr(layer)
    assert all(m.training for m in layer.modules())


# -- what they refuse -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "error"),
    [
        (lambda: Sequential([]), TypeError),
        (lambda: Sequential(Layer(1, 1), "relu"), TypeError),
        (lambda: Embedding(0, 2), ValueError),
        (lambda: Embedding(2, 2.0), TypeError),
        (lambda: Embedding(2, 2, seed="1"), TypeError),
        (lambda: Embedding(3, 2)(3), ValueError),
        (lambda: Embedding(3, 2)([0, -1]), ValueError),
        (lambda: Embedding(3, 2)([0, 0.5]), ValueError),
        (lambda: Embedding(3, 2)(Value(0.5)), ValueError),
        (lambda: Embedding(3, 2)(math.nan), ValueError),
        (lambda: Embedding(3, 2)("a"), TypeError),
        (lambda: Embedding(3, 2)(True), TypeError),
        (lambda: LayerNorm((2, 2)), TypeError),
        (lambda: LayerNorm(2, eps=-1.0), ValueError),
        (lambda: LayerNorm(2)([1.0]), ValueError),
        (lambda: LayerNorm(2)([[1.0, 2.0], [1.0]]), ValueError),
        (lambda: LayerNorm(2)(1.0), TypeError),
        (lambda: LayerNorm(2)(["a", "b"]), TypeError),
        (lambda: RNN(1, 0), ValueError),
        (lambda: RNN(1, 1, 0), ValueError),
        (lambda: RNN(1, 1, nonlinearity="sigmoid"), ValueError),
        (lambda: RNN(2, 3)([1.0, 2.0]), ValueError),
        (lambda: RNN(2, 3)([]), ValueError),
        (lambda: RNN(2, 3)([[1.0], [1.0]]), ValueError),
        (lambda: RNN(2, 3)([[1.0, 2.0]], [[0.0] * 2]), ValueError),
        (lambda: RNN(2, 3)([[1.0, 2.0]], [0.0] * 3), ValueError),
        (lambda: GRU(2, 3)([[1.0, None]]), TypeError),
        (lambda: Conv2d(1, 1, 0), ValueError),
        (lambda: Conv2d(1, 1, (1, 2, 3)), ValueError),
        (lambda: Conv2d(1, 1, 2, padding=-1), ValueError),
        (lambda: Conv2d(1, 1, 2, stride=0), ValueError),
        (lambda: Conv2d(1, 1, 2.5), TypeError),
        (lambda: Conv2d(2, 1, 2)([[[1.0] * 3] * 3]), ValueError),
        (lambda: Conv2d(1, 1, 2)([[1.0] * 3] * 3), ValueError),
        (lambda: Conv2d(1, 1, 4)([[[1.0] * 3] * 3]), ValueError),
        (lambda: Conv2d(1, 1, 2)([[[1.0] * 3, [1.0] * 2]]), ValueError),
        (lambda: Conv2d(1, 1, 2)("image"), TypeError),
        (lambda: MaxPool2d(2, 0), ValueError),
        (lambda: MaxPool2d(2, padding=2), ValueError),
        (lambda: MaxPool2d(2)([[1.0, 2.0]]), ValueError),
        (lambda: MaxPool2d(2)([[[1.0, 2.0]]]), ValueError),
        (lambda: SelfAttention(5, 2), ValueError),
        (lambda: SelfAttention(4, 0), ValueError),
        (lambda: SelfAttention(4, 2, causal=1), TypeError),
        (lambda: SelfAttention(4, 2)([[1.0] * 3]), ValueError),
        (lambda: Dropout(1.5), ValueError),
        (lambda: Dropout(-0.1), ValueError),
        (lambda: Dropout("0.5"), TypeError),
        (lambda: Dropout(0.5)(None), TypeError),
    ],
)
def test_refuses(make, error):
    with pytest.raises(error) as caught:
        make()
    assert type(caught.value) is error
    assert len(str(caught.value)) < 120
