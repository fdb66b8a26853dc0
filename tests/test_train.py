"""`fit` against the same training written by hand, and every way in which it can end."""

import math

import numpy as np
import pytest

from micrograd_es import (
    MLP,
    SGD,
    Adam,
    AnomalyError,
    Conv2d,
    Dropout,
    Module,
    Sequential,
    Value,
    binary_cross_entropy_with_logits,
    clip_norm,
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


# -- what one wants around it ---------------------------------------------------------


def fitted(**settings):
    model = MLP(2, [4, 1], "tanh", seed=0)
    optimizer = SGD(model.parameters(), lr=0.1)
    return model, fit(model, X, Y, hinge, optimizer, progress=False, **settings)


def test_a_weight_of_two_is_a_sample_that_is_there_twice():
    weights = np.arange(12) % 3
    some = np.repeat(np.arange(12), weights)
    model, costs = fitted(epochs=4, sample_weight=weights)
    other = MLP(2, [4, 1], "tanh", seed=0)
    optimizer = SGD(other.parameters(), lr=0.1)
    expected = fit(other, X[some], Y[some], hinge, optimizer, epochs=4, progress=False)
    np.testing.assert_allclose(costs, expected, rtol=1e-12)
    np.testing.assert_allclose(numbers(model), numbers(other), rtol=1e-12)


def test_weights_follow_their_samples_into_the_batches():
    weights = np.zeros(12)
    weights[[2, 7]] = 3.0  # batches without any weight change nothing
    model, costs = fitted(epochs=3, sample_weight=weights, batch_size=1, seed=1)
    other = MLP(2, [4, 1], "tanh", seed=0)
    optimizer, expected = SGD(other.parameters(), lr=0.1), []
    random = np.random.default_rng(1)
    for _ in range(3):
        met = []
        for k in random.permutation(12):
            if weights[k]:
                optimizer.zero_grad()
                cost = hinge(other(X[k]), Y[k])
                cost.backward()
                optimizer.step()
                met.append(cost.data)
        expected.append(np.mean(met))
    np.testing.assert_allclose(costs, expected, rtol=1e-12)
    np.testing.assert_allclose(numbers(model), numbers(other), rtol=1e-12)


def test_a_large_gradient_is_clipped():
    other = MLP(2, [4, 1], "tanh", seed=0)
    optimizer = SGD(other.parameters(), lr=0.1)
    for _ in range(4):
        optimizer.zero_grad()
        hinge([other(x) for x in X], Y).backward()
        assert clip_norm(other.parameters(), 0.3) > 0.3
        optimizer.step()
    model, _ = fitted(epochs=4, clip_norm=0.3)
    np.testing.assert_allclose(numbers(model), numbers(other), rtol=1e-12)


def test_a_callback_sees_each_epoch_and_its_numbers():
    seen = []

    def callback(epoch, history):
        seen.append((epoch, list(history), numbers(model)))

    model = MLP(2, [4, 1], "tanh", seed=0)
    optimizer = SGD(model.parameters(), lr=0.1)
    history = fit(model, X, Y, hinge, optimizer, epochs=3, callback=callback, progress=False)
    assert [(epoch, costs) for epoch, costs, _ in seen] == [
        (0, history[:1]), (1, history[:2]), (2, history)
    ]  # fmt: skip
    assert seen[2][2] == numbers(model)
    assert seen[1][2] != numbers(model)


@pytest.mark.parametrize("backend", ["numpy", "jax", "torch"])
def test_what_a_callback_sets_is_trained_on(backend):
    pytest.importorskip(backend)
    model = MLP(1, [1], seed=0)
    [w, b] = model.parameters()
    w.data, b.data = 1.0, 0.0

    def callback(epoch, history):
        w.data = min(w.data, 1.0)

    # of (w·1 + b - 3)² both slopes are 2(w + b - 3), and w is held at 1
    optimizer = SGD([w, b], lr=0.25)
    costs = fit(
        model, [[1.0]], [3.0], mse, optimizer, epochs=3, callback=callback, progress=False,
        backend=backend,
    )  # fmt: skip
    assert costs == [4.0, 1.0, 0.25]
    assert (w.data, b.data) == (1.0, 1.75)


def test_a_callback_may_end_the_training_as_ctrl_c_does():
    def callback(epoch, history):
        if epoch == 1:
            raise KeyboardInterrupt

    _, history = fitted(epochs=9, callback=callback)
    assert len(history) == 2
    assert history.interrupted


def test_metrics_after_each_epoch():
    def distance(predictions, targets):
        return np.abs(predictions - targets).mean()

    model = MLP(2, [4, 1], "tanh", seed=0)
    expected = []

    def callback(epoch, history):
        found = model.predict(X)
        expected.append((((found > 0) == (Y > 0)).mean(), np.abs(found - Y).mean()))

    history = fit(
        model, X, Y, hinge, epochs=4, callback=callback, progress=False,
        metrics=["accuracy", distance, {"far": distance}],
    )  # fmt: skip
    assert list(history.metrics) == ["accuracy", "distance", "far"]
    assert history.metrics["accuracy"] == [a for a, _ in expected]
    np.testing.assert_allclose(history.metrics["distance"], [d for _, d in expected], rtol=1e-12)
    assert history.metrics["far"] == history.metrics["distance"]


def test_metrics_of_what_is_held_out():
    seen = []

    def metric(predictions, targets):
        seen.append((predictions.shape, targets.tolist()))
        return 0.5

    model = MLP(2, [4, 3], "tanh", seed=0)
    classes = np.arange(12) % 3
    others = X[:4], classes[:4]
    history = fit(
        model, X, classes, cross_entropy, epochs=2, held_out=others, progress=False,
        metrics={"own": metric, "accuracy": "accuracy"},
    )  # fmt: skip
    assert seen == [((4, 3), [0, 1, 2, 0])] * 2
    found = model.predict(X[:4]).argmax(axis=1) == classes[:4]
    assert history.metrics["accuracy"][-1] == found.mean()
    assert history.metrics["own"] == [0.5, 0.5]


@pytest.mark.parametrize(
    ("loss", "low", "middle"),
    [(hinge, -1, 0.0), (mse, 0, 0.5), (binary_cross_entropy_with_logits, 0, 0.0)],
)
def test_accuracy_of_one_output(loss, low, middle):
    model = MLP(2, [1], seed=3)
    targets = np.where(Y < 0, low, 1)
    history = fit(model, X, targets, loss, epochs=1, metrics="accuracy", progress=False)
    assert history.metrics["accuracy"] == [((model.predict(X) > middle) == (Y > 0)).mean()]


def test_a_sample_may_have_any_shape():
    images = RNG.normal(size=(6, 1, 3, 3))

    class Reader(Module):
        def __init__(self):
            self.conv, self.score = Conv2d(1, 1, 2, seed=0), MLP(4, [1], seed=0)

        def parameters(self):
            return [*self.conv.parameters(), *self.score.parameters()]

        def __call__(self, image):
            return self.score([v for row in self.conv(image)[0] for v in row])

    one, other = Reader(), Reader()
    costs = fit(one, images, np.ones(6), mse, SGD(one.parameters(), lr=0.1), epochs=3)
    optimizer, expected = SGD(other.parameters(), lr=0.1), []
    for _ in range(3):
        optimizer.zero_grad()
        cost = mse([other(image.tolist()) for image in images], np.ones(6))
        cost.backward()
        optimizer.step()
        expected.append(cost.data)
    np.testing.assert_allclose(costs, expected, rtol=1e-12)


# -- dropout --------------------------------------------------------------------------


def test_dropout_is_drawn_anew_for_each_sample_of_each_update():
    w = Value(1.0, "w")

    class Dropped(Module):
        def __init__(self):
            self.drop = Dropout(0.25, seed=7)

        def parameters(self):
            return [w]

        def __call__(self, x):
            return self.drop(w * x[0])

    model = Dropped()
    ones = np.ones((2000, 1))
    still = SGD([w], lr=0.0)
    # a prediction is 0 or 4/3, so that its square is 16/9 three times in four
    history = fit(model, ones, np.zeros(2000), mse, still, epochs=3, progress=False)
    assert len(set(history)) == 3
    assert np.mean(history) == pytest.approx(4 / 3, abs=0.03)
    history = fit(
        model, ones, np.zeros(2000), mse, still, epochs=2, progress=False,
        held_out=(ones, np.zeros(2000)), metrics={"mean": lambda y, t: y.mean()},
    )  # fmt: skip
    assert history.held_out == [1.0, 1.0]
    assert history.metrics["mean"] == [1.0, 1.0]
    assert model.training


def test_a_training_with_dropout_is_the_same_with_the_same_seeds():
    def trained():
        model = Sequential(MLP(2, [4], "tanh", seed=0), Dropout(0.5, seed=1), MLP(4, [1], seed=2))
        fit(model, X, Y, hinge, SGD(model.parameters(), lr=0.1), epochs=3, progress=False)
        return numbers(model)

    assert trained() == trained()


def test_factors_are_those_that_dropout_would_draw():
    drop = Dropout(0.25, seed=0)
    factors = drop.draws(1000, 3)
    assert sorted(set(factors.ravel().tolist())) == [0.0, 1 / 0.75]
    assert (factors == 0).mean() == pytest.approx(0.25, abs=0.03)
    assert not Dropout(1.0).draws(5, 2).any()
    assert (Dropout(0.0).draws(5, 2) == 1).all()


@pytest.mark.parametrize(
    ("settings", "error", "says"),
    [
        ({"metrics": "acc"}, ValueError, "accuracy"),
        ({"metrics": 3}, TypeError, "accuracy"),
        ({"sample_weight": [1.0]}, ValueError, r"\(12,\)"),
        ({"sample_weight": -np.ones(12)}, ValueError, "from 0 upwards"),
        ({"sample_weight": np.zeros(12)}, ValueError, "not all"),
        ({"sample_weight": np.full(12, np.nan)}, ValueError, "finite"),
        ({"clip_norm": -1.0}, ValueError, "clip_norm"),
        ({"clip_norm": "1"}, TypeError, "clip_norm"),
        ({"callback": 3}, TypeError, "callback"),
        ({"loss": "mse"}, TypeError, "a loss is a function .* not str"),
    ],
)
def test_refuses_settings_before_anything_changes(settings, error, says):
    model = MLP(2, [1], seed=0)
    before = numbers(model)
    with pytest.raises(error, match=says):
        fit(model, X, Y, **{"loss": hinge, "progress": False, **settings})
    assert numbers(model) == before
