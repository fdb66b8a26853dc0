"""What a recording would freeze is a part of the graph, or refused: nothing is wrong in silence."""

from __future__ import annotations

import functools
import random
import types
from fractions import Fraction

import numpy as np
import pytest
from random_trainings import PARTS, tried

from micrograd_es import (
    SGD,
    Module,
    Net,
    RecordingError,
    Value,
    custom,
    fit,
    grad,
    maximum,
    mse,
    vsum,
    where,
)
from micrograd_es.engine.derivative import grad as derivative

ONE_MINUS_ONE = [[1.0], [-1.0]]


class Model(Module):
    """A model of one parameter that calls a function of it and of its input."""

    def __init__(self, f, w=1.0):
        self.f, self.w = f, Value(w, "w")

    def parameters(self):
        return [self.w]

    def __call__(self, x):
        return self.f(self.w, x[0])


def trained(f, X=ONE_MINUS_ONE, Y=(1.0, -0.1), loss=mse, epochs=3, **settings):
    model = Model(f)
    costs = fit(
        model,
        X,
        Y,
        loss,
        SGD(model.parameters(), lr=0.1),
        epochs=epochs,
        progress=False,
        **settings,
    )
    return costs, model.w.data


def test_a_leaky_relu_by_masks_trains():
    def leaky(w, x):
        z = w * x
        return (z > 0) * z + (z <= 0) * (0.1 * z)

    costs, w = trained(leaky)
    assert list(costs) == [0.0] * 3
    assert w == 1.0


REFUSED = {
    "an if": (lambda w, x: w * x if x > 0 else 0.1 * w * x, "where"),
    "a Value in an if": (lambda w, x: w if (x + 1) else w * x, "where"),
    "an or": (lambda w, x: w * (x.relu() or 1.0), "where"),
    "a number taken out": (lambda w, x: w * x.data, "taken out of the graph"),
    "an if of a number": (lambda w, x: w * x if x.data > 0 else w, "where"),
    "a random mask": (lambda w, x: w * x * random.choice([0.0, 1.0, 2.0, 3.0, 4.0]), "outside"),
    "as many as the data say": (lambda w, x: vsum([w] * (2 + int(x.data))), "length of a loop"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_a_recording_would_freeze_is_refused_and_nothing_has_changed(name):
    f, cure = REFUSED[name]
    random.seed(1)
    model = Model(f)
    with pytest.raises(RecordingError, match=cure) as caught:
        fit(model, ONE_MINUS_ONE, [1.0, -0.1], mse, SGD([model.w], lr=0.1), progress=False)
    assert model.w.data == 1.0
    assert isinstance(caught.value, ValueError)
    assert "sample 0" in str(caught.value)


def test_the_error_names_the_node_and_the_samples():
    def f(w, x):
        z = w * x
        z.label = "z"
        return z.tanh() if x > 0 else z.sin()

    with pytest.raises(RecordingError) as caught:
        trained(f, X=[[1.0], [2.0], [-1.0]], Y=[1.0, 1.0, 1.0])
    assert "sample 0" in str(caught.value)
    assert "sample 2" in str(caught.value)
    assert "tanh = " in str(caught.value)
    assert "sin = " in str(caught.value)


def test_a_decision_that_flips_while_training_is_an_error_and_the_parameters_are_as_before():
    model = Model(lambda w, x: w * x if w > 0.5 else w * 3)
    with pytest.raises(RecordingError):
        fit(model, [[1.0], [2.0]], [0.0, 0.0], mse, SGD([model.w], lr=0.1), epochs=20)
    assert model.w.data == 1.0


def test_a_number_of_a_parameter_that_flips_is_seen_at_the_end():
    model = Model(lambda w, x: w * x if w.data > 0.5 else w * 3)
    with pytest.raises(RecordingError):
        fit(model, [[1.0], [2.0]], [0.0, 0.0], mse, SGD([model.w], lr=0.1), epochs=20)
    assert model.w.data == 1.0


def test_held_out_samples_are_compared_too():
    f = REFUSED["an if"][0]
    trained(f, X=[[1.0], [2.0]], Y=[1.0, 1.0])
    with pytest.raises(RecordingError):
        trained(f, X=[[1.0], [2.0]], Y=[1.0, 1.0], held_out=([[-1.0], [1.0]], [1.0, 1.0]))


def test_what_is_held_out_has_a_recording_of_its_own():
    f = REFUSED["an if"][0]
    held = [[-1.0], [-2.0]], [1.0, 1.0]
    costs, w = trained(f, X=[[1.0], [2.0]], Y=[1.0, 1.0], held_out=held)
    predicted = [f(Value(w), Value(x)).data for x in (-1.0, -2.0)]
    expected = sum((y - 1) ** 2 for y in predicted) / 2
    assert costs.held_out[-1] == pytest.approx(expected, rel=1e-12)


def test_one_rare_sample_among_many_is_found_by_its_extreme():
    X = np.linspace(-1, 1, 2000)[:, None]
    X[1234] = 7.0
    with pytest.raises(RecordingError, match="sample 1234"):
        trained(lambda w, x: w * x if x.data < 5 else w, X=X, Y=np.zeros(2000), epochs=1)


def test_a_shift_that_cancels_is_right_and_trains():
    def f(w, x):
        z = [w * x, w * 2]
        largest = max(v.data for v in z)
        return vsum((v - largest).exp() for v in z).log() + largest

    _, w = trained(f)
    _, expected = trained(lambda w, x: ((w * x).exp() + (w * 2).exp()).log())
    assert w == pytest.approx(expected, rel=1e-12)


def test_what_decides_alike_for_all_samples_trains():
    costs, _ = trained(lambda w, x: w * x if x < 100 else w, epochs=2)
    assert len(costs) == 2


def test_a_slope_as_an_output_and_in_a_loss_trains():
    def slope(w, x):
        return grad((w * x).tanh(), x, create_graph=True)

    X, Y = [[0.5], [-1.0]], [0.1, 0.2]
    _, w = trained(slope, X, Y)
    _, expected = trained(lambda w, x: w * (1 - (w * x).tanh() ** 2), X, Y)
    assert w == pytest.approx(expected, rel=1e-12)

    def penalised(y, t):
        return (y - t) ** 2 + derivative(y**3, y, create_graph=True) ** 2

    _, w = trained(lambda w, x: w * x, X, Y, penalised)
    _, expected = trained(lambda w, x: w * x, X, Y, lambda y, t: (y - t) ** 2 + 9 * y**4)
    assert w == pytest.approx(expected, rel=1e-12)


# -- the notes' class, which runs C for each pattern where one recording does not hold ----


def central(C, X, Y, h=1e-6):
    def cost(W):
        net = Net(2, L=1, C=mse, seed=0)
        net.W = W
        predictions = np.atleast_2d(net.predict(X))
        return np.mean([C(y, p) for y, p in zip(np.atleast_2d(Y), predictions)])

    W = Net(2, L=1, seed=0).W
    gradient = np.zeros_like(W)
    for place in np.ndindex(W.shape):
        step = np.zeros_like(W)
        step[place] = h
        gradient[place] = (cost(W + step) - cost(W - step)) / (2 * h)
    return gradient


COSTS = {
    "class weights": lambda Y, P: sum((p - y) ** 2 * (5.0 if y else 1.0) for y, p in zip(Y, P)),
    "a mask": lambda Y, P: sum((p - y) ** 2 * (1 + 4 * (y > 0.5)) for y, p in zip(Y, P)),
    "a number": lambda Y, P: sum((p - y) ** 2 * (1 + 4 * float(np.float64(number(y)) > 0.5))
                                 for y, p in zip(Y, P)),
    "an or": lambda Y, P: sum((p - y) ** 2 * (y or 0.1) for y, p in zip(Y, P)),
}  # fmt: skip


def number(v):
    return v.data if isinstance(v, Value) else v


@pytest.mark.parametrize("name", COSTS)
@pytest.mark.parametrize("X", [[1.0, 0.0], [[1.0, 0.0], [0.3, 0.7], [0.0, 0.2]]])
def test_a_net_whose_cost_looks_at_the_targets(name, X):
    Y = (np.array(X) < 0.5).astype(float)
    net = Net(2, L=1, C=COSTS[name], seed=0)
    dW, _ = net.gradients(X, Y)
    np.testing.assert_allclose(dW, central(COSTS[name], X, Y), rtol=1e-6, atol=1e-9)


def test_a_net_that_learns_with_such_a_cost_goes_down():
    net = Net(2, L=2, C=COSTS["class weights"], lr=0.5, seed=0)
    costs = net.learn([[1, 0], [0, 1]], [[0, 1], [1, 0]], tol=0.3)
    assert costs.converged


# -- whatever people write ---------------------------------------------------------------


@pytest.mark.parametrize("seed", range(50))
def test_fifty_random_programs_train_as_they_run_or_are_refused(seed):
    outcome = tried(seed)
    assert outcome == "trained" or outcome.startswith("refused"), outcome


def test_the_random_programs_have_every_part_and_both_ends():
    assert len(PARTS) > 20
    outcomes = {tried(seed).split()[0] for seed in range(20)}
    assert outcomes == {"trained", "refused"}


def test_choices_in_the_graph_decide_anew():
    f = lambda w, x: where(x > 0, maximum(w * x, 0.2), 0.1 * w * x)  # noqa: E731
    _, w = trained(f)
    assert w == 1.0


# -- numbers that a user's own operation has taken along ---------------------------------


class Slots:
    __slots__ = ("k",)

    def __init__(self, k):
        self.k = k

    def times(self, z):
        return z * self.k

    def slope(self, z):
        return self.k


def by_default(k):
    return (lambda z, *, k=k: z * k), (lambda z, *, k=k: k)


def by_a_function_within(k):
    def taken():
        return k

    return (lambda z: z * taken()), (lambda z: taken())


def times(k, z):
    return z * k


def read(x, of):
    return (lambda z: z * of(x)), (lambda z: of(x))


TAKEN = {
    "a dict": lambda k: read({"k": k}, lambda x: x["k"]),
    "a set": lambda k: read({k}, sum),
    "tuples": lambda k: read(((((k,),),),), lambda x: x[0][0][0][0]),
    "an object": lambda k: read(types.SimpleNamespace(k=k), lambda x: x.k),
    "slots": lambda k: read(Slots(k), lambda x: x.k),
    "an array of objects": lambda k: read(np.array([k], dtype=object), lambda x: x[0]),
    "a fraction": lambda k: read(Fraction(k), float),
    "a complex number": lambda k: read(complex(k), lambda x: x.real),
    "a text": lambda k: read(str(k).encode(), float),
    "a Value": lambda k: read(Value(k), lambda x: x.data),
    "a default": by_default,
    "a function within": by_a_function_within,
    "a method": lambda k: (Slots(k).times, Slots(k).slope),
    "a partial": lambda k: (functools.partial(times, k), lambda z: k),
}


@pytest.mark.parametrize("name", TAKEN)
@pytest.mark.filterwarnings("ignore::micrograd_es.base.errors.ElementwiseWarning")
def test_numbers_that_a_custom_operation_has_taken_along(name):
    X, Y = [[1.0], [2.0], [-1.0]], [2.0, 4.0, -2.0]
    model = Model(lambda w, x: custom(*TAKEN[name](x.data), w))
    with pytest.raises(RecordingError, match="sample 0 does not hold"):
        fit(model, X, Y, mse, progress=False)
    assert model.w.data == 1.0
    # those that are the same each time are constants: of mean (2wx - y)² the least is at w = 1
    model = Model(lambda w, x: custom(*TAKEN[name](2.0), w) * x, w=0.0)
    fit(model, X, Y, mse, SGD([model.w], lr=0.05), epochs=60, progress=False)
    assert model.w.data == pytest.approx(1.0, abs=1e-9)
