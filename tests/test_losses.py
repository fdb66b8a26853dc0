"""The losses against PyTorch and NumPy, on numbers, Values, samples and batches."""

import numpy as np
import pytest

from micrograd_es import (
    Value,
    binary_cross_entropy,
    cross_entropy,
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


@pytest.mark.parametrize("loss", [sum_squares, mse, hinge, binary_cross_entropy])
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
