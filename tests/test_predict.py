"""`predict` of whole arrays against the model called sample by sample."""

import numpy as np
import pytest

from micrograd_es import (
    MLP,
    Conv2d,
    Dropout,
    Embedding,
    Layer,
    Module,
    Sequential,
    Value,
    fit,
    mse,
    no_grad,
)

RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 2))


def one_by_one(model, X):
    return np.array([[v.data for v in np.ravel(model(x))] for x in X.tolist()])


@pytest.mark.parametrize(("outputs", "shape"), [(1, (40,)), (3, (40, 3))])
def test_the_shape_of_the_targets(outputs, shape):
    model = MLP(2, [4, outputs], "tanh", seed=0)
    found = model.predict(X)
    assert found.shape == shape
    np.testing.assert_allclose(found.reshape(40, -1), one_by_one(model, X), rtol=1e-12, atol=1e-14)


def test_the_numbers_that_the_parameters_have_now():
    model = Layer(2, 1, "linear", seed=0)
    before = model.predict(X)
    for p in model.parameters():
        p.data *= 2.0
    np.testing.assert_allclose(model.predict(X), 2 * before, rtol=1e-12, atol=1e-14)


class Leaky(Module):
    def __call__(self, x):
        return x[0] if x[0].data > 0 else 0.1 * x[0] + x[1] ** 2


class Sorted(Module):
    def __call__(self, x):
        return sorted((v * 1.0 for v in x), key=float)


class Longer(Module):
    def __call__(self, x):
        v = x[0] * 1.0
        while v.data < 2:
            v = v + 1.5
        return v


@pytest.mark.parametrize("model", [Leaky(), Longer()])
def test_a_model_that_decides_by_its_sample_is_asked_for_each(model):
    expected = [model(list(map(Value, x))).data for x in X.tolist()]
    np.testing.assert_allclose(model.predict(X), expected, rtol=1e-12)


def test_outputs_that_change_places():
    np.testing.assert_array_equal(Sorted().predict(X), np.sort(X, axis=1))


def test_in_use_and_then_as_before():
    drop, rest = Dropout(0.5, seed=0), Layer(2, 1, "linear", seed=0)
    model = Sequential(Layer(2, 2, seed=1).eval(), drop, rest)
    model.layers[0].training = False
    modes = [m.training for m in model.modules()]
    found = model.predict(X)
    assert [m.training for m in model.modules()] == modes
    np.testing.assert_allclose(found, one_by_one(model.eval(), X)[:, 0], rtol=1e-12, atol=1e-14)


def test_images_and_integers():
    images = RNG.normal(size=(5, 1, 4, 4))
    conv = Conv2d(1, 2, 3, seed=0)
    found = conv.predict(images)
    assert found.shape == (5, 2, 2, 2)
    expected = [[v.data for v in np.ravel(conv(image.tolist()))] for image in images]
    np.testing.assert_allclose(found.reshape(5, -1), expected, rtol=1e-12, atol=1e-14)
    table = Embedding(3, 2, seed=0)
    expected = [[[v.data for v in row] for row in table(ids)] for ids in ([2, 0], [1, 1])]
    np.testing.assert_allclose(table.predict([[2, 0], [1, 1]]), expected)


def test_it_changes_nothing_and_works_where_nothing_is_recorded():
    model = MLP(2, [3, 1], seed=0)
    with no_grad():
        found = model.predict(X)
    np.testing.assert_array_equal(found, model.predict(X))
    assert all(p.grad == 0.0 for p in model.parameters())


def test_after_a_training():
    model = Layer(2, 1, "linear", seed=0)
    history = fit(model, X, X @ [1.0, -2.0] + 0.5, mse, epochs=3, progress=False)
    assert len(history) == 3
    assert model.predict(X).shape == (40,)


@pytest.mark.parametrize("X", [[1.0, 2.0], 3.0, np.empty((0, 2))])
def test_refuses(X):
    with pytest.raises(ValueError, match="X should have shape"):
        MLP(2, [1], seed=0).predict(X)


def test_says_what_the_model_says_of_too_many_inputs():
    with pytest.raises(ValueError, match="2"):
        MLP(2, [1], seed=0).predict(np.zeros((3, 5)))
