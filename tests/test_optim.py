"""SGD, Adam and AdamW against PyTorch's, step by step."""

import math

import numpy as np
import pytest

from micrograd_es import SGD, Adam, AdamW, Module, Neuron, Tape, Value, clip_norm, fit, grad, mse
from micrograd_es.base.arrays import Vector

SETTINGS = [
    (SGD, {"lr": 0.1}),
    (SGD, {"lr": 0.1, "momentum": 0.9}),
    (SGD, {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.01}),
    (Adam, {}),
    (Adam, {"lr": 0.1, "weight_decay": 0.1}),
    (Adam, {"lr": 0.1, "betas": (0.8, 0.9), "eps": 1e-3}),
    (AdamW, {}),
    (AdamW, {"lr": 0.1, "weight_decay": 0.1}),
    (AdamW, {"lr": 0.1, "weight_decay": 0.0, "betas": (0.8, 0.9), "eps": 1e-3}),
]


@pytest.mark.parametrize(("kind", "settings"), SETTINGS)
def test_steps_are_those_of_torch(kind, settings):
    torch = pytest.importorskip("torch")
    ours = [Value(3.0), Value(-0.5)]
    theirs = torch.tensor([3.0, -0.5], dtype=torch.float64, requires_grad=True)
    a = kind(ours, **settings)
    b = getattr(torch.optim, kind.__name__)([theirs], **settings)
    for _ in range(20):
        a.zero_grad()
        b.zero_grad()
        (ours[0].tanh() * ours[1] + ours[1] ** 2).backward()
        (theirs[0].tanh() * theirs[1] + theirs[1] ** 2).backward()
        a.step()
        b.step()
        np.testing.assert_allclose([v.data for v in ours], theirs.detach().numpy(), rtol=1e-12)


@pytest.mark.parametrize("power", [0.5, 2, 3, -1.0, 1.5, -0.5])
def test_where_numpy_is_not_loaded_numbers_are_raised_as_an_array_is(power):
    numbers = [-math.inf, -3.0, -0.0, 0.0, 0.3, 1e200, math.inf, math.nan]
    with np.errstate(all="ignore"):
        expected = np.array(numbers) ** power
    found = np.array((Vector(numbers) ** power).tolist())
    np.testing.assert_allclose(found, expected, rtol=1e-15)
    np.testing.assert_array_equal(np.signbit(found[found == 0]), np.signbit(expected[found == 0]))


def test_zero_grad():
    w = Value(1.0)
    (w * w).backward()
    SGD([w]).zero_grad()
    assert w.grad == 0.0


def test_the_defaults_are_those_of_torch():
    w = Value(1.0)
    sgd, adam, adamw = SGD([w]), Adam([w]), AdamW([w])
    assert (sgd.lr, sgd.momentum, sgd.weight_decay) == (1e-3, 0.0, 0.0)
    assert (adam.lr, adam.betas, adam.eps, adam.weight_decay) == (1e-3, (0.9, 0.999), 1e-8, 0.0)
    assert (adamw.lr, adamw.betas, adamw.eps) == (1e-3, (0.9, 0.999), 1e-8)
    assert adamw.weight_decay == 1e-2


@pytest.mark.parametrize(("kind", "settings"), SETTINGS)
def test_a_parameter_without_a_gradient_stays(kind, settings):
    torch = pytest.importorskip("torch")
    ours = [Value(3.0), Value(-0.5)]
    theirs = [torch.tensor(v.data, dtype=torch.float64, requires_grad=True) for v in ours]
    for parameters, optimizer in (
        (ours, kind(ours, **settings)),
        (theirs, getattr(torch.optim, kind.__name__)(theirs, **settings)),
    ):
        for _ in range(3):
            for p in parameters:
                p.grad = None
            (parameters[0] ** 2).backward()
            optimizer.step()
    np.testing.assert_allclose([v.data for v in ours], [t.item() for t in theirs], rtol=1e-12)
    assert ours[1].data == -0.5


@pytest.mark.parametrize(("kind", "settings"), SETTINGS)
def test_a_gradient_that_is_no_number_leaves_no_step_half_done(kind, settings):
    results = []
    for wrong in (False, True):
        parameters = [Value(3.0), Value(-0.5)]
        optimizer = kind(parameters, **settings)
        for p in parameters:
            p.grad = 1.0
        if wrong:
            parameters[1].grad = "1"
            with pytest.raises(TypeError, match="real number"):
                optimizer.step()
            parameters[1].grad = 1.0
        optimizer.step()
        results.append([p.data for p in parameters])
    assert results[0] == results[1]


def test_any_iterable_of_parameters():
    w = Value(1.0)
    w.grad = 1.0
    SGD((v for v in [w]), lr=0.5).step()
    assert w.data == 0.5


def test_a_step_that_overflows_goes_on_as_ieee_says():
    w = Value(1e308)
    w.grad = -1e308
    SGD([w], lr=10).step()
    assert w.data == float("inf")


@pytest.mark.parametrize(
    ("make", "error"),
    [
        (lambda w: SGD([]), ValueError),
        (lambda w: SGD([1.0]), TypeError),
        (lambda w: SGD([w], lr=-1), ValueError),
        (lambda w: SGD([w], lr=float("nan")), ValueError),
        (lambda w: SGD([w], lr="0.1"), TypeError),
        (lambda w: SGD([w], momentum=-0.1), ValueError),
        (lambda w: Adam([w], betas=(0.9, 1.0)), ValueError),
        (lambda w: Adam([w], betas=(0.9,)), ValueError),
        (lambda w: Adam([w], eps=-1), ValueError),
        (lambda w: AdamW([w], weight_decay=-1), ValueError),
        (lambda w: clip_norm([w], -1.0), ValueError),
        (lambda w: clip_norm([1.0], 1.0), TypeError),
        (lambda w: clip_norm([w], "1"), TypeError),
    ],
)
def test_refuses(make, error):
    with pytest.raises(error):
        make(Value(1.0))


# -- tied weights: one Value, wherever it is used --------------------------------------


class Tied(Module):
    """Two layers with the same weights, which are listed twice."""

    def __init__(self, seed=0):
        self.first, self.second = Neuron(1, "tanh", seed=seed), Neuron(1, "linear", seed=seed + 1)
        self.second.w = self.first.w

    def parameters(self):
        return [*self.first.parameters(), *self.second.parameters()]

    def __call__(self, x):
        return self.second([self.first(x)])


def by_hand(steps, lr):
    """The same with one weight and derivatives by the chain rule on paper."""
    model = Tied()
    w, b, c = model.first.w[0].data, model.first.b.data, model.second.b.data
    for _ in range(steps):
        dw = db = dc = 0.0
        for x, t in zip(XS, TS):
            h = math.tanh(w * x + b)
            e = 2 * (w * h + c - t) / len(XS)
            slope = w * (1 - h * h)
            dw, db, dc = dw + e * (h + slope * x), db + e * slope, dc + e
        w, b, c = w - lr * dw, b - lr * db, c - lr * dc
    return [w, b, c]


XS, TS = [0.5, -1.0, 2.0], [0.3, -0.6, 1.0]


def test_tied_weights_are_moved_once_by_a_step_and_by_fit():
    stepped, fitted = Tied(), Tied()
    optimizer = SGD(stepped.parameters(), lr=0.1)
    assert len(optimizer.parameters) == 3
    for _ in range(4):
        optimizer.zero_grad()
        mse([stepped([x]) for x in XS], TS).backward()
        optimizer.step()
    fit(fitted, [[x] for x in XS], TS, mse, SGD(fitted.parameters(), lr=0.1), epochs=4)
    expected = by_hand(4, 0.1)
    for model in (stepped, fitted):
        found = [model.first.w[0].data, model.first.b.data, model.second.b.data]
        assert found == pytest.approx(expected, rel=1e-12)
        assert model.second.w[0] is model.first.w[0]


def test_tied_weights_in_a_tape_and_in_a_file(tmp_path):
    model = Tied()
    x = Value(0.5)
    y = model([x])
    tape = Tape(y, [x], model.parameters())
    assert tape.theta.shape == (3,)
    expected = grad(y, list(dict.fromkeys(model.parameters())))
    assert tape.value_and_grad([[0.5]])[1] == pytest.approx(expected, rel=1e-15)
    model.save(tmp_path / "model")
    other = Tied(seed=7)
    other.load(tmp_path / "model")
    assert [p.data for p in other.parameters()] == [p.data for p in model.parameters()]
    assert other.second.w[0] is other.first.w[0]


@pytest.mark.parametrize("kind", [SGD, Adam, AdamW])
def test_a_learning_rate_that_is_a_function_of_the_update(kind):
    torch = pytest.importorskip("torch")
    ours, asked = [Value(3.0), Value(-0.5)], []

    def rate(k):
        asked.append(k)
        return 1.0 - 0.9 * k / 100

    theirs = torch.tensor([3.0, -0.5], dtype=torch.float64, requires_grad=True)
    a, b = kind(ours, lr=rate), getattr(torch.optim, kind.__name__)([theirs], lr=1.0)
    schedule = torch.optim.lr_scheduler.LambdaLR(b, lambda k: 1.0 - 0.9 * k / 100)
    for _ in range(10):
        a.zero_grad()
        b.zero_grad()
        (ours[0].tanh() * ours[1] + ours[1] ** 2 / 4).backward()
        (theirs[0].tanh() * theirs[1] + theirs[1] ** 2 / 4).backward()
        a.step()
        b.step()
        schedule.step()
        np.testing.assert_allclose([v.data for v in ours], theirs.detach().numpy(), rtol=1e-12)
    assert asked == list(range(10))
    assert a.updates == 10


@pytest.mark.parametrize(("bad", "error"), [(-0.1, ValueError), (float("nan"), ValueError),
                                            (None, TypeError), ("0.1", TypeError)])  # fmt: skip
@pytest.mark.parametrize("kind", [SGD, Adam, AdamW])
def test_a_function_that_gives_no_learning_rate_changes_nothing(kind, bad, error):
    w = Value(1.0)
    w.grad = 1.0
    optimizer = kind([w], lr=lambda k: bad)
    with pytest.raises(error, match=r"lr\(0\)"):
        optimizer.step()
    assert (w.data, optimizer.updates) == (1.0, 0)
    optimizer.lr = 0.5
    optimizer.step()
    assert w.data != 1.0


@pytest.mark.parametrize("grads", [[3.0, -4.0, 0.0], [0.3, 0.4, 0.0], [0.0, 0.0, 0.0],
                                   [float("inf"), 1.0, 0.0], [float("nan"), 1.0, 0.0]])  # fmt: skip
def test_clipping_is_that_of_torch(grads):
    torch = pytest.importorskip("torch")
    ours, theirs = [Value(1.0) for _ in grads], torch.zeros(3, dtype=torch.float64)
    for v, g in zip(ours, grads):
        v.grad = g
    theirs.grad = torch.tensor(grads, dtype=torch.float64)
    norm = clip_norm(iter(ours), 1.0)
    expected = torch.nn.utils.clip_grad_norm_([theirs], 1.0).item()
    assert norm == pytest.approx(expected, rel=1e-14, nan_ok=True)
    assert [v.grad for v in ours] == pytest.approx(theirs.grad.tolist(), rel=1e-14, nan_ok=True)
