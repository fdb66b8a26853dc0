"""`fit` against the same training written by hand, and every way in which it can end."""

import math

import numpy as np
import pytest

from micrograd_es import (
    MLP,
    SGD,
    Adam,
    AnomalyError,
    Module,
    Value,
    cross_entropy,
    fit,
    hinge,
    mse,
    sum_squares,
)

RNG = np.random.default_rng(0)
X = RNG.normal(size=(12, 2))
Y = np.where(X[:, 0] * X[:, 1] > 0, 1.0, -1.0)


def numbers(model):
    return [p.data for p in model.parameters()]


def test_it_is_the_training_that_one_would_write():
    model, by_hand = (MLP(2, [4, 1], "tanh", seed=0) for _ in range(2))
    optimizer = SGD(by_hand.parameters(), lr=0.1, momentum=0.9)
    costs = []
    for _ in range(5):
        by_hand.zero_grad()
        cost = hinge([by_hand(x) for x in X], Y)
        cost.backward()
        optimizer.step()
        costs.append(cost.data)
    history = fit(model, X, Y, hinge, SGD(model.parameters(), lr=0.1, momentum=0.9), epochs=5)
    np.testing.assert_allclose(history, costs, rtol=1e-12)
    np.testing.assert_allclose(numbers(model), numbers(by_hand), rtol=1e-12)


def test_a_loss_that_leaves_the_graph():
    model = MLP(2, [1], seed=0)
    before = numbers(model)
    with pytest.raises(TypeError, match="leaves the graph"):
        fit(model, X, Y, lambda y, t: t * math.exp(y))
    assert numbers(model) == before


def test_batches_in_their_order_without_a_seed():
    model, by_hand = (MLP(2, [1], seed=0) for _ in range(2))
    optimizer = SGD(by_hand.parameters(), lr=0.1)
    for start in 0, 5, 10:
        by_hand.zero_grad()
        mse([by_hand(x) for x in X[start : start + 5]], Y[start : start + 5]).backward()
        optimizer.step()
    fit(model, X, Y, mse, SGD(model.parameters(), lr=0.1), epochs=1, batch_size=5)
    np.testing.assert_allclose(numbers(model), numbers(by_hand), rtol=1e-12)


def test_the_same_seed_gives_the_same_bits_and_another_does_not():
    def trained(seed):
        model = MLP(2, [3, 1], seed=0)
        return list(fit(model, X, Y, mse, epochs=3, batch_size=4, seed=seed)), numbers(model)

    assert trained(1) == trained(1)
    assert trained(1) != trained(2)
    assert trained(None) == trained(None)


def test_classes_and_probabilities():
    classes = (Y > 0).astype(int)
    one, two = (MLP(2, [3, 2], seed=0) for _ in range(2))
    a = fit(one, X, classes, cross_entropy, epochs=3)
    b = fit(two, X, np.eye(2)[classes], cross_entropy, epochs=3)
    assert list(a) == list(b)
    assert numbers(one) == numbers(two)


def test_several_outputs():
    model = MLP(2, [2], seed=0)
    costs = fit(model, X, X[:, ::-1], sum_squares, Adam(model.parameters(), lr=0.1), epochs=200)
    assert costs[-1] < 1e-6 < costs[0]
    assert [w.data for w in model.layers[0].neurons[0].w] == pytest.approx([0, 1], abs=1e-3)


def test_a_module_of_ones_own():
    class Line(Module):
        def __init__(self):
            self.k = Value(0.0)

        def parameters(self):
            return [self.k]

        def __call__(self, x):
            return self.k * x[0]

    line = Line()
    fit(line, [[1.0], [2.0]], [3.0, 6.0], mse, SGD(line.parameters(), lr=0.1), epochs=100)
    assert line.k.data == pytest.approx(3.0)


def test_patience():
    model = MLP(2, [1], seed=0)
    history = fit(model, X, Y, mse, SGD(model.parameters(), lr=0.0), epochs=50, patience=3)
    assert len(history) == 4
    assert history.stopped_early
    assert not history.interrupted


@pytest.mark.parametrize(("batch_size", "held"), [(None, False), (None, True), (4, True)])
def test_patience_keeps_the_parameters_of_the_lowest_cost(batch_size, held):
    def trained(epochs, **settings):
        model = MLP(2, [3, 1], "tanh", seed=4)
        optimizer = SGD(model.parameters(), lr=1.4)  # too high: the cost goes up and down
        others = {"held_out": (X[8:], Y[8:])} if held else {}
        history = fit(
            model, X[:8], Y[:8], mse, optimizer, epochs=epochs, batch_size=batch_size,
            progress=False, **others, **settings,
        )  # fmt: skip
        return model, history

    model, history = trained(200, patience=5)
    assert history.stopped_early
    costs = history.held_out if held else history
    x, y = (X[8:], Y[8:]) if held else (X[:8], Y[:8])
    assert mse([model(row) for row in x], y).data == pytest.approx(min(costs), rel=1e-12)
    assert min(costs) < costs[-1]
    last, _ = trained(len(history))
    assert numbers(last) != numbers(model)


def test_ctrl_c_leaves_the_last_complete_update(monkeypatch):
    whole = MLP(2, [1], seed=0)
    fit(whole, X, Y, mse, SGD(whole.parameters(), lr=0.1), epochs=3)
    model = MLP(2, [1], seed=0)
    optimizer = SGD(model.parameters(), lr=0.1)
    update, calls = optimizer.update, []

    def interrupted(theta, gradient):
        calls.append(1)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return update(theta, gradient)

    monkeypatch.setattr(optimizer, "update", interrupted)
    history = fit(model, X, Y, mse, optimizer, epochs=10)
    assert history.interrupted
    assert len(history) == 3
    assert numbers(model) == numbers(whole)


@pytest.mark.parametrize("lr", [1e200, 1e308])
def test_a_cost_that_is_not_finite_stops_with_the_last_finite_parameters(lr):
    model = MLP(2, [3, 1], seed=0)
    with pytest.raises(AnomalyError, match="epoch"):
        fit(model, X, Y, mse, SGD(model.parameters(), lr=lr), epochs=10)
    assert all(map(math.isfinite, numbers(model)))


def test_a_mean_that_overflows_is_an_anomaly_and_no_warning():
    model = MLP(2, [1], seed=0)
    before = numbers(model)
    with pytest.raises(AnomalyError, match="the cost turned inf in epoch 0"):
        fit(model, X, Y * 0 + 1e154, mse, epochs=3)
    assert numbers(model) == before


def test_no_epochs_change_nothing():
    model = MLP(2, [1], seed=0)
    before = numbers(model)
    assert fit(model, X, Y, mse, epochs=0) == []
    assert numbers(model) == before


def test_the_bar_shows_the_cost(capsys):
    fit(MLP(2, [1], seed=0), X, Y, mse, epochs=2)
    assert "C = " in capsys.readouterr().err
    fit(MLP(2, [1], seed=0), X, Y, mse, epochs=2, progress=False)
    assert capsys.readouterr().err == ""


MODEL = MLP(2, [1], seed=0)


@pytest.mark.parametrize(
    ("make", "error", "says"),
    [
        (lambda: fit(lambda x: x, X, Y, mse), TypeError, "Module"),
        (lambda: fit(MODEL, X[0], Y, mse), ValueError, "X should"),
        (lambda: fit(MODEL, X[:0], Y[:0], mse), ValueError, "X should"),
        (lambda: fit(MODEL, X, Y[1:], mse), ValueError, "Y should"),
        (lambda: fit(MODEL, X, Y[:, None, None], mse), ValueError, "Y should"),
        (lambda: fit(MODEL, np.hstack([X, X]), Y, mse), ValueError, "2 inputs"),
        (lambda: fit(MODEL, X, ["a"] * 12, mse), TypeError, "real"),
        (lambda: fit(MODEL, X, Y, lambda p, t: 1.0), TypeError, "loss"),
        (lambda: fit(MODEL, X, Y, mse, epochs=-1), ValueError, "epochs"),
        (lambda: fit(MODEL, X, Y, mse, epochs=True), TypeError, "bool"),
        (lambda: fit(MODEL, X, Y, mse, batch_size=0), ValueError, "batch_size"),
        (lambda: fit(MODEL, X, Y, mse, patience=0), ValueError, "patience"),
        (lambda: fit(MODEL, X, Y, mse, seed=1.5), TypeError, None),
        (lambda: fit(MODEL, X, Y, mse, SGD([Value(1.0)])), ValueError, "parameters"),
        (lambda: fit(MODEL, X, Y, mse, SGD), TypeError, "SGD'"),
        (lambda: fit(MODEL, X, Y, mse, 0.1), TypeError, "float"),
        (lambda: fit(MLP(2, [3]), X, [3] * 12, cross_entropy), ValueError, "class"),
    ],
)
def test_refuses(make, error, says):
    before = numbers(MODEL)
    with pytest.raises(error, match=says):
        make()
    assert numbers(MODEL) == before


def test_held_out_samples_end_the_training():
    model = MLP(2, [3, 1], seed=0)
    still = SGD(model.parameters(), lr=0.0)
    history = fit(model, X[:8], Y[:8], hinge, still, patience=3, held_out=(X[8:], Y[8:]))
    expected = np.mean([hinge(model(x), y).data for x, y in zip(X[8:], Y[8:])])
    assert history.held_out == pytest.approx([expected] * 4)
    assert history.stopped_early
    with pytest.raises(ValueError, match="held-out"):
        fit(model, X, Y, hinge, held_out=(X[:, :1], Y))


def test_only_the_optimisers_parameters_are_trained():
    model = MLP(2, [3, 1], seed=0)
    before = numbers(model)
    fit(model, X, Y, mse, SGD(model.layers[1].parameters(), lr=0.1), epochs=2)
    n = len(model.layers[0].parameters())
    assert numbers(model)[:n] == before[:n]
    assert numbers(model)[n:] != before[n:]


def test_a_training_that_diverges_keeps_parameters_of_a_finite_cost():
    model = MLP(1, [1], seed=0)
    with pytest.raises(AnomalyError, match=r"cost turned (inf|nan) in epoch \d+"):
        fit(model, [[1.0], [2.0]], [1e3, 2e3], mse, SGD(model.parameters(), lr=1e3), epochs=1000)
    assert max(map(abs, numbers(model))) > 1e100  # it went as far as it could
    assert math.isfinite(mse([model([1.0]), model([2.0])], [1e3, 2e3]).data)


def test_an_update_that_is_not_finite_is_not_made():
    model = MLP(1, [1], seed=0)
    before = numbers(model)
    with pytest.raises(AnomalyError, match="parameter"):
        fit(model, [[1e100]], [0.0], mse, SGD(model.parameters(), lr=1e300), epochs=1)
    assert numbers(model) == before
