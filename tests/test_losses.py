"""The losses against PyTorch and NumPy, on numbers, Values, samples and batches."""

import math

import numpy as np
import pytest

from micrograd_es import (
    MLP,
    SGD,
    Module,
    Tape,
    Value,
    binary_cross_entropy,
    binary_cross_entropy_with_logits,
    cross_entropy,
    fit,
    grad,
    hinge,
    mse,
    sum_squares,
)


def values(numbers):
    return [values(row) if np.ndim(row) else Value(row) for row in numbers]


def flat(vs):
    return [x for v in vs for x in (flat(v) if isinstance(v, list) else [v])]


def test_sum_squares_is_the_notes_cost():
    y = [Value(0.75), Value(0.25)]
    c = sum_squares(y, [1.0, 0.0])
    c.backward()
    assert c.data == 0.125
    assert [v.grad for v in y] == [2 * (0.75 - 1), 2 * 0.25]
    assert c.label == "C"


def test_over_many_samples_the_cost_is_the_mean_of_theirs():
    y, t = [[0.5, 1.0], [2.0, 0.0]], [[0.0, 0.0], [1.0, 1.0]]
    each = [sum_squares(a, b) for a, b in zip(y, t)]
    assert sum_squares(y, t) == pytest.approx(np.mean(each))


@pytest.mark.parametrize("shape", [(), (4,), (3, 2)])
def test_mse_and_hinge(shape):
    rng = np.random.default_rng(0)
    y, t = rng.normal(size=shape), rng.choice([-1.0, 1.0], size=shape)
    assert mse(y, t) == pytest.approx(np.mean((y - t) ** 2))
    assert hinge(y, t) == pytest.approx(np.mean(np.maximum(0, 1 - y * t)))


def test_a_single_value():
    y = Value(0.5)
    assert mse(y, 1.0).data == 0.25


TARGETS = {
    "class": 2,
    "probabilities": [0.2, 0.3, 0.5],
}


@pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS)
def test_cross_entropy_of_a_sample_is_that_of_torch(target):
    torch = pytest.importorskip("torch")
    scores = [2.0, -1.0, 0.5]
    ours = values(scores)
    cost = cross_entropy(ours, target)
    cost.backward()
    theirs = torch.tensor(scores, dtype=torch.float64, requires_grad=True)
    wanted = torch.tensor(target, dtype=torch.float64 if isinstance(target, list) else torch.long)
    loss = torch.nn.functional.cross_entropy(theirs, wanted)
    loss.backward()
    assert cost.data == pytest.approx(loss.item(), rel=1e-14)
    np.testing.assert_allclose([v.grad for v in ours], theirs.grad.numpy(), rtol=1e-12)


@pytest.mark.parametrize("scores", [[1000.0, -1000.0, 0.0], [-1000.0, -1000.0, -1001.0]])
def test_cross_entropy_of_extreme_scores_stays_finite(scores):
    ours = values(scores)
    cost = cross_entropy(ours, 1)
    cost.backward()
    expected = np.logaddexp.reduce(scores) - scores[1]
    assert cost.data == pytest.approx(expected)
    assert np.isfinite([v.grad for v in ours]).all()


INF = np.inf
# scores, the class, PyTorch's cost and gradient
MASKED = [
    ([-INF, 1.0, 2.0], 1, 1.3132616875182228, [0.0, -0.7310585786300049, 0.7310585786300049]),
    ([-INF, 1.0, 2.0], 0, INF, [-1.0, 0.2689414213699951, 0.7310585786300049]),
    ([-INF, -INF, 2.0], 2, 0.0, [0.0, 0.0, 0.0]),
    ([-INF, -1e308, 1e308], 2, 0.0, [0.0, 0.0, 0.0]),
]


@pytest.mark.parametrize(("scores", "target", "cost", "gradient"), MASKED)
def test_a_class_that_never_comes_costs_nothing_whatever_its_score(scores, target, cost, gradient):
    one_hot = [float(k == target) for k in range(3)]
    for wanted in (target, one_hot, values(one_hot)):
        ours = values(scores)
        c = cross_entropy(ours, wanted)
        assert c.data == pytest.approx(cost, rel=1e-15)
        assert grad(c, ours) == pytest.approx(gradient, rel=1e-12)
        again = grad(c, ours, create_graph=True)
        assert [d.data for d in again] == pytest.approx(gradient, rel=1e-12)
    assert cross_entropy(scores, target) == pytest.approx(cost, rel=1e-15)


@pytest.mark.parametrize("scores", [[math.nan, 0.0], [-INF, -INF], [INF, 0.0], [INF, -INF]])
def test_scores_without_a_softmax_are_seen_also_where_no_class_is_wanted(scores):
    torch = pytest.importorskip("torch")
    nothing = [0.0, 0.0]
    theirs = torch.nn.functional.cross_entropy(
        torch.tensor(scores), torch.tensor(nothing), reduction="sum"
    )
    assert math.isnan(theirs.item())
    assert math.isnan(cross_entropy(scores, nothing))
    ours, wanted = values([0.5, 1.0]), values([0.3, 0.7])
    tape = Tape(cross_entropy(ours, wanted), [*ours, *wanted])
    found = tape.value([[*scores, *nothing], [0.5, 1.0, *nothing]])
    assert math.isnan(found[0])
    assert found[1] == 0.0


def test_masked_scores_are_those_of_torch():
    torch = pytest.importorskip("torch")
    for scores, target, cost, gradient in MASKED:
        theirs = torch.tensor(scores, dtype=torch.float64, requires_grad=True)
        loss = torch.nn.functional.cross_entropy(theirs, torch.tensor(target))
        loss.backward()
        assert loss.item() == pytest.approx(cost, rel=1e-15)
        assert theirs.grad.tolist() == pytest.approx(gradient, rel=1e-12)


def test_masked_scores_replayed_with_other_targets():
    scores, targets = values([0.5, 1.0, 2.0]), values([0.0, 1.0, 0.0])
    tape = Tape(cross_entropy(scores, targets), [*scores, *targets])
    for numbers, target, cost, gradient in MASKED:
        one_hot = [float(k == target) for k in range(3)]
        row = [[*numbers, *one_hot]]
        assert tape.value(row) == pytest.approx(cost, rel=1e-15)
        np.testing.assert_allclose(tape.vjp(row, [1.0])[0][0, :3], gradient, rtol=1e-12)


class Masked(Module):
    """Two scores, and a third class that is ruled out."""

    def __init__(self):
        self.scores = MLP(2, [2], seed=0)

    def __call__(self, x):
        return [Value(-INF), *self.scores(x)]

    def parameters(self):
        return self.scores.parameters()


def test_a_training_with_a_class_that_is_ruled_out():
    torch = pytest.importorskip("torch")
    model = Masked()
    X, classes = np.random.default_rng(2).normal(size=(6, 2)), np.array([1, 2, 1, 1, 2, 2])
    theta = torch.tensor([p.data for p in model.parameters()], dtype=torch.float64)
    theta.requires_grad_()
    optimizer, costs = torch.optim.SGD([theta], lr=0.5), []
    for _ in range(4):
        layer = theta.reshape(2, 3)
        scores = torch.tensor(X) @ layer[:, :2].T + layer[:, 2]
        scores = torch.hstack([torch.full((6, 1), -INF, dtype=torch.float64), scores])
        loss = torch.nn.functional.cross_entropy(scores, torch.tensor(classes))
        costs.append(loss.item())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    ours = fit(model, X, classes, cross_entropy, SGD(model.parameters(), lr=0.5), epochs=4)
    np.testing.assert_allclose(ours, costs, rtol=1e-12)
    np.testing.assert_allclose([p.data for p in model.parameters()], theta.tolist(), rtol=1e-12)


def test_the_slope_towards_a_target_is_that_of_torch_at_0_too():
    torch = pytest.importorskip("torch")
    scores, targets = [0.5, -1.0, 2.0], [0.0, 1.0, 0.25]
    ours = values(targets)
    wanted = torch.tensor(targets, dtype=torch.float64, requires_grad=True)
    torch.nn.functional.cross_entropy(torch.tensor(scores, dtype=torch.float64), wanted).backward()
    found = grad(cross_entropy(scores, ours), ours)
    np.testing.assert_allclose(found, wanted.grad.numpy(), rtol=1e-14)


def test_cross_entropy_of_many_samples():
    torch = pytest.importorskip("torch")
    scores = np.random.default_rng(1).normal(size=(5, 3))
    classes = np.array([0, 2, 1, 1, 0], dtype=np.uint8)
    ours = values(scores)
    cost = cross_entropy(ours, classes)
    cost.backward()
    theirs = torch.tensor(scores, requires_grad=True)
    loss = torch.nn.functional.cross_entropy(theirs, torch.tensor(classes.astype(int)))
    loss.backward()
    assert cost.data == pytest.approx(loss.item())
    grads = np.reshape([v.grad for v in flat(ours)], scores.shape)
    np.testing.assert_allclose(grads, theirs.grad.numpy(), rtol=1e-11)


def test_binary_cross_entropy_is_that_of_torch_at_its_ends_too():
    torch = pytest.importorskip("torch")
    y, t = [0.25, 0.0, 1.0, 0.0], [1.0, 1.0, 0.0, 0.0]
    theirs = torch.nn.functional.binary_cross_entropy(
        torch.tensor(y, dtype=torch.float64), torch.tensor(t, dtype=torch.float64)
    )
    assert binary_cross_entropy(values(y), t).data == pytest.approx(theirs.item())
    assert binary_cross_entropy([1.0], [0.0]) == 100.0


def test_binary_cross_entropy_refuses_scores_and_names_what_takes_them():
    for wrong in ([0.5, 1.0000001], [-0.1, 0.5], [7.0, 0.5]):
        for y in (wrong, values(wrong)):
            with pytest.raises(ValueError, match="binary_cross_entropy_with_logits"):
                binary_cross_entropy(y, [1.0, 0.0])
    with pytest.raises(ValueError, match="binary_cross_entropy_with_logits"):
        fit(MLP(1, [1], seed=0), [[90.0], [0.0]], [1.0, 0.0], binary_cross_entropy)
    assert np.isnan(binary_cross_entropy([np.nan], [1.0]))


LOGITS = [0.0, 0.3, -2.0, 40.0, -40.0, 1000.0, -1000.0]


@pytest.mark.parametrize("target", [0.0, 1.0, 0.25])
@pytest.mark.parametrize("z", LOGITS)
def test_binary_cross_entropy_with_logits_is_that_of_torch(z, target):
    torch = pytest.importorskip("torch")
    theirs = torch.tensor(z, dtype=torch.float64, requires_grad=True)
    wanted = torch.tensor(target, dtype=torch.float64, requires_grad=True)
    loss = torch.nn.functional.binary_cross_entropy_with_logits(theirs, wanted)
    loss.backward()
    ours, t = Value(z), Value(target)
    cost = binary_cross_entropy_with_logits(ours, t)
    # PyTorch's σ(z) - ŷ and its cost are right to the digits of 1 and of z
    assert cost.data == pytest.approx(loss.item(), rel=1e-14, abs=1e-14)
    found = [theirs.grad.item(), wanted.grad.item()]
    assert grad(cost, [ours, t]) == pytest.approx(found, rel=1e-14, abs=1e-15)
    tape = Tape(cost, [ours, t])
    np.testing.assert_allclose(tape.vjp([[z, target]], [1.0])[0][0], grad(cost, [ours, t]))


def test_binary_cross_entropy_with_logits_keeps_digits_and_slopes():
    z = Value(50.0)
    assert grad(binary_cross_entropy(z.sigmoid(), 0), z) == 0.0  # a sigmoid that has reached 1
    for score, target in ((50.0, 0), (-50.0, 1)):
        wrong = Value(score)
        assert grad(binary_cross_entropy_with_logits(wrong, target), wrong) == 1 - 2 * target
    for z, target in ((50.0, 1), (-50.0, 0)):
        right = Value(z)
        cost = binary_cross_entropy_with_logits(right, target)
        assert cost.data == pytest.approx(1.9287498479639178e-22, rel=1e-15, abs=0)
        slope = (1 - 2 * target) * 1.9287498479639178e-22
        assert grad(cost, right) == pytest.approx(slope, rel=1e-14, abs=0)


def test_binary_cross_entropy_with_logits_of_many_samples():
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(3)
    z, t = rng.normal(size=(4, 3)) * 5, rng.integers(2, size=(4, 3))
    theirs = torch.tensor(z, requires_grad=True)
    loss = torch.nn.functional.binary_cross_entropy_with_logits(theirs, torch.tensor(t * 1.0))
    loss.backward()
    ours = values(z)
    cost = binary_cross_entropy_with_logits(ours, t)
    assert cost.data == pytest.approx(loss.item(), rel=1e-14)
    np.testing.assert_allclose(grad(cost, flat(ours)), theirs.grad.numpy().ravel(), rtol=1e-11)


LOSSES = [sum_squares, mse, hinge, binary_cross_entropy, binary_cross_entropy_with_logits]


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize(
    ("y", "t", "error"),
    [
        ([0.5, 0.5], [1.0], ValueError),
        ([[0.5, 0.5]], [1.0, 0.0], ValueError),
        ([], [], ValueError),
        ([[0.5], [0.5, 0.5]], [[0.5], [0.5, 0.5]], ValueError),
        (["1"], [1.0], TypeError),
        ([0.5], [None], TypeError),
        ([0.5], [True], TypeError),
        (np.zeros((2, 2, 2)), np.zeros((2, 2, 2)), ValueError),
    ],
)
def test_refuses(loss, y, t, error):
    with pytest.raises(error):
        loss(y, t)


@pytest.mark.parametrize(
    ("y", "t"),
    [([1.0, 2.0], 2), ([1.0, 2.0], -1), ([1.0, 2.0], 0.5), ([1.0, 2.0], [1.0, 0.0, 0.0]), (1.0, 0)],
)
def test_cross_entropy_refuses(y, t):
    with pytest.raises(ValueError, match=r"expected|class"):
        cross_entropy(y, t)
