"""`recorded`: replays give what runs give, and whatever a replay cannot see is seen or refused."""

import copy
import functools
import pickle
import random
import sys
import types
import weakref
from array import array
from collections import deque

import numpy as np
import pytest

from micrograd_es import (
    MLP,
    SGD,
    Dropout,
    RecordingError,
    Value,
    custom,
    detect_anomaly,
    explain,
    fit,
    grad,
    jvp,
    mse,
    no_grad,
    recorded,
    vsum,
    where,
)


class Counted:
    """A function that counts its runs."""

    def __init__(self, f):
        self.f, self.runs = f, 0

    def __call__(self, *args, **kwargs):
        self.runs += 1
        return self.f(*args, **kwargs)


def counted(f):
    counter = Counted(f)
    return counter, recorded(counter)


def moved(p, by):
    p.data = p.data + by


def test_it_runs_twice_and_is_replayed_and_compared_now_and_then():
    w = Value(0.5, "w")
    counter, f = counted(lambda: (w * 2.0).tanh() + w)
    runs = []
    for _ in range(70):
        moved(w, 0.01)
        w.grad = 0.0
        y = f()
        y.backward()
        runs.append(counter.runs)
        expected = (2 * w.data, np.tanh(2 * w.data) + w.data)
        assert y.data == pytest.approx(expected[1], rel=1e-14)
        assert w.grad == pytest.approx(2 * (1 - np.tanh(expected[0]) ** 2) + 1, rel=1e-13)
    assert runs[:8] == [1, 2, 2, 2, 2, 2, 2, 3]
    assert [k + 1 for k in range(1, 70) if runs[k] > runs[k - 1]] == [2, 8, 16, 32, 64]


def training(wrap):
    model = MLP(2, [4, 1], "tanh", seed=0)
    optimizer = SGD(model.parameters(), lr=0.1)
    X, Y = np.random.default_rng(0).normal(size=(10, 2)), np.arange(10) % 2

    @wrap
    def loss():
        total = Value(0.0)
        for x, y in zip(X, Y):
            total = total + (model(list(map(Value, x))) - y) ** 2
        return total * (1 / len(X)) + 1e-3 * sum(p * p for p in model.parameters())

    costs = []
    for _ in range(40):
        optimizer.zero_grad()
        cost = loss()
        cost.backward()
        optimizer.step()
        costs.append(cost.data)
    return costs, [p.data for p in model.parameters()]


def test_a_loop_over_samples_trains_as_before():
    for found, expected in zip(training(recorded), training(lambda f: f)):
        np.testing.assert_allclose(found, expected, rtol=1e-10)


def test_the_result_is_a_value():
    a, b, c = Value(2.0, "a"), Value(3.0, "b"), Value(5.0, "c")
    f = recorded(lambda: a * b + c)
    f(), f()
    y = f()
    z = y * y + a
    z.backward()
    assert (y.data, z.data) == (11.0, 123.0)
    assert (a.grad, b.grad, c.grad) == (67.0, 44.0, 22.0)
    assert grad(z, [a, b]) == [67.0, 44.0]
    assert explain(z, b).total == 44.0
    assert jvp(z, [a], [1.0]) == 67.0
    for other in (copy.deepcopy(y), pickle.loads(pickle.dumps(y))):
        assert other.partials == (3.0, 2.0, 1.0) == tuple(y.partials)


def test_a_result_keeps_the_label_that_it_was_given():
    w = Value(3.0, "w")

    def loss():
        y = w * w
        y.label = "C"
        return y

    f = recorded(loss)
    assert [f().label for _ in range(4)] == ["C"] * 4


def test_partials_are_taken_when_it_is_called():
    w = Value(3.0)
    f = recorded(lambda: {"square": w * w, "cube": w**3, "none": None})
    f(), f()
    found = f()
    w.data = 10.0
    assert grad(found["cube"], w) == 27.0
    assert grad(found["square"], w) == 6.0
    assert found["none"] is None


def test_structures():
    w = Value(3.0)
    f = recorded(lambda: (w, [w * 2, (w * 3,)], np.array([[w * 4, w * 5]], dtype=object)))
    for _ in range(4):
        a, (b, (c,)), d = f()
        assert [v.data for v in (a, b, c, *d.ravel())] == [3.0, 6.0, 9.0, 12.0, 15.0]
        assert d.shape == (1, 2)
        assert a is w  # a parameter that is returned is itself
        w.grad = 0.0
        vsum([b, c, *d.ravel()]).backward()
        assert w.grad == 14.0


def test_arguments():
    w = Value(2.0)
    counter, f = counted(lambda x, k=1.0: w * x * k)
    for _ in range(4):
        assert [f(x).data for x in (1.0, 2.0, 3.0)] == [2.0, 4.0, 6.0]
        assert f(1.0, k=3.0).data == 6.0
    assert counter.runs == 8
    counter, f = counted(lambda X: vsum(w * x for x in X))
    for _ in range(4):
        for X in ([1.0, 2.0], (1, 2), np.array([1.0, 2.0]), np.array([1.0, 3.0])):
            assert f(X).data == w.data * sum(X)
    assert counter.runs == 8
    X = [1.0, 2.0]
    assert f(X).data == 6.0
    X[1] = 5.0
    assert f(X).data == 12.0


def test_values_as_arguments_are_parameters():
    f = recorded(lambda a, b: a * b)
    a, b, c = Value(2.0), Value(3.0), Value(4.0)
    for k in range(5):
        a.data = 2.0 + k
        assert (f(a, b).data, f(a, c).data) == (3.0 * a.data, 4.0 * a.data)
        assert grad(f(a, b), [a, b]) == [3.0, a.data]


def test_many_arguments_do_not_fill_the_memory():
    w = Value(2.0)
    f = recorded(lambda x: w * x)
    for k in range(1000):
        assert f(float(k)).data == 2.0 * k
    assert len(f._recordings) <= 64


def test_a_method():
    class Model:
        def __init__(self, w):
            self.w, self.runs = Value(w), 0

        @recorded
        def loss(self):
            """What it costs."""
            self.runs += 1
            return self.w * self.w

    one, other = Model(2.0), Model(3.0)
    for _ in range(4):
        assert (one.loss().data, other.loss().data) == (4.0, 9.0)
    assert one.runs == other.runs == 2
    assert Model.loss.__doc__ == "What it costs."
    assert Model.loss.__name__ == "loss"


def test_a_branch_is_run_where_it_is_decided_otherwise():
    w = Value(-1.0)
    counter, f = counted(lambda: w * 3 if w * 2 > 1 else w * w)
    seen = []
    for k in range(30):
        w.data = k / 10 - 1
        y = f()
        seen.append(counter.runs)
        assert y.data == pytest.approx(w.data * 3 if w.data > 0.5 else w.data**2, rel=1e-14)
        assert grad(y, w) == pytest.approx(3.0 if w.data > 0.5 else 2 * w.data, rel=1e-14)
    assert seen[6] == 2  # replayed while it is decided as it was


def test_masks_and_where_are_parts_of_the_graph():
    w = Value(-1.0)
    counter, f = counted(lambda: (w > 0) * w + where(w > 1, w * w, -w))
    for k in range(7):
        w.data = k - 3.0
        x = w.data
        assert f().data == (x > 0) * x + (x * x if x > 1 else -x)
    assert counter.runs == 2


def test_a_parameter_that_is_read_is_guarded():
    w, rate = Value(2.0), Value(0.5)
    counter, f = counted(lambda: w * Value(rate.data))
    for k in range(6):
        w.data = float(k)
        assert f().data == 0.5 * k
    assert counter.runs == 2
    for _ in range(10):
        rate.data += 1.0
        assert f().data == rate.data * 5.0


def test_a_copy_of_a_parameter_is_guarded():
    w, rate = Value(2.0), Value(0.5)
    copies = [copy.copy, copy.deepcopy, lambda v: pickle.loads(pickle.dumps(v))]
    for made in [*copies, lambda v: float(f"{v:.17g}")]:
        f = recorded(lambda: w * made(rate))  # noqa: B023
        for _ in range(3):
            assert f().data == rate.data * 2.0
        rate.data += 1.0
        assert f().data == rate.data * 2.0


def test_what_is_drawn_once_or_from_a_seed_that_is_set_inside_is_the_same_each_time():
    w, source, known = Value(2.0), random.Random(0), []

    def seeded():
        random.seed(0)
        return w * random.random() * np.random.default_rng(0).random()

    def once():
        if not known:
            known.append(source.random())
        return w * known[0]

    @recorded
    def of_a_seed(seed):
        random.seed(seed)
        return w * random.random()

    for _ in range(4):
        for seed in (0, 1, 2):
            assert of_a_seed(seed).data == 2.0 * random.Random(seed).random()
    drop = Dropout(0.0)
    for function in (seeded, once, lambda: drop(w)):
        counter, f = counted(function)
        for k in range(7):
            w.data = float(k)
            assert f().data == function().data
        assert counter.runs == 2


# -- what cannot be replayed ------------------------------------------------------------

X = [[0.0, 1.0], [1.0, 0.0]]
W = [Value(0.3), Value(-0.2)]
SOURCE = random.Random(0)
OUTSIDE = W[0] * W[1]
CALLS = iter(range(1000))
ALIKE, GENERATOR, DROPOUT = random.Random(3), np.random.default_rng(0), Dropout(1e-9, seed=0)


def accuracy():
    scores = [W[0] * x + W[1] * y for x, y in X]
    right = [score.data > 0 for score in scores]
    return vsum(scores), sum(right) / len(right)


def printed():
    cost = W[0] * W[1]
    print(cost.data)
    return cost


def walked():
    cost = W[0] * W[1]
    cost.backward()
    return cost


def detached():
    with no_grad():
        y = W[0] * 2
    return y * W[1]


REFUSED = {
    "an accuracy beside the loss": accuracy,
    "a number that is printed": printed,
    "a number that is returned": lambda: (W[0] * W[1]).data,
    "numbers beside Values": lambda: (W[0] * W[1], 3.0),
    "nothing": lambda: None,
    "a float of a Value": lambda: W[0] * float(W[0] * W[1]),
    "an array of floats": lambda: W[0] * np.array([W[0] * 2], dtype=float)[0],
    "backward inside": walked,
    "grad as a number": lambda: W[0] * grad(W[0] * W[1], W[0]),
    "forward mode": lambda: W[0] * jvp(W[0] * W[1], W[0], 1.0),
    "no_grad": detached,
    "something drawn": lambda: W[0] * SOURCE.random(),
    "a mask that is drawn": lambda: vsum(w * float(SOURCE.random() > 0.5) for w in W * 20),
    "a choice that is drawn, twice the same": lambda: W[ALIKE.randrange(2)] * 2,
    "one of NumPy's": lambda: W[int(np.random.uniform() > 2)] * 2,  # noqa: NPY002
    "one of a generator": lambda: W[int(GENERATOR.random() > 2)] * 2,
    "a dropout": lambda: DROPOUT(W[0]),
    "a copy of a node": lambda: W[0] * copy.deepcopy(W[0] * W[1]),
    "a number that is written": lambda: W[0] * float(f"{W[0] * W[1]:.3f}"),
    "a count": lambda: W[0] * next(CALLS),
    "a loop that grows": lambda: vsum([W[0]] * (next(CALLS) + 1)) * 2,
    "a node made outside": lambda: OUTSIDE * W[0],
}


@pytest.mark.parametrize("name", REFUSED)
def test_refuses(name):
    f = recorded(REFUSED[name])
    grads = [w.grad for w in W]
    with pytest.raises((RecordingError, TypeError)) as caught:
        f(), f()
    assert [w.grad for w in W] == grads
    if caught.type is TypeError:
        assert "float" in str(caught.value)


def test_the_error_says_what_to_return_instead():
    with pytest.raises(RecordingError, match=r"return the Value, .*scores\[0\]\.data; .* softmax,"):
        recorded(accuracy)()


def test_a_constant_that_changes_later_is_seen():
    w, settings = Value(2.0), {"rate": 1.0}
    f = recorded(lambda: w * settings["rate"])
    for _ in range(6):
        f()
    settings["rate"] = 3.0
    with pytest.raises(RecordingError, match=r"1\.0.*3\.0"):
        f()


RATE = 1.0


def at_that_rate(w):
    return w * RATE


OTHER = types.ModuleType("other")
exec("RATE = 1.0\ndef at_that_rate(w):\n    return w * RATE", OTHER.__dict__)


class Slots:
    __slots__ = ("rate",)

    def __init__(self, rate):
        self.rate = rate


class Named:
    """Equal to those of its name, whatever their rate."""

    kind = 1.0

    def __init__(self, rate):
        self.rate = rate

    def __eq__(self, other):
        return isinstance(other, Named)

    __hash__ = None

    @property
    def of_its_module(self):
        return RATE


class Derived(Named):
    pass


class Rates(list):
    rate = 1.0


class Elsewhere:
    """An array of another library: nobody but NumPy looks into it."""

    def __init__(self, numbers):
        self.numbers = weakref.ref(numbers)

    def __array__(self, dtype=None, copy=None):
        return self.numbers()

    def __getitem__(self, i):
        return float(self.numbers()[i])


def doubled(f, by):
    @functools.wraps(f)
    def g(w):
        return f(w) * by[0]

    return g


class Around:
    """What a function may find outside of itself, and who changes it."""

    rate = 1.0

    def __init__(self):
        self.ws = [Value(0.5), Value(-0.3)]
        self.numbers, self.rows, self.array = [1.0, 2.0], [[1.0], [2.0]], np.array([1.0, 2.0])
        self.model = MLP(2, [2, 1], seed=0)
        self.factor = 1.0

    def of_its_module(self):
        return lambda: vsum([at_that_rate(w) for w in self.ws]), lambda: globals().update(RATE=2.0)

    def of_a_function(self):
        rate = 1.0

        def changed():
            nonlocal rate
            rate = 2.0

        return lambda: vsum([w * rate for w in self.ws]), changed

    def a_list(self):
        return lambda: vsum(
            [w * x for w, x in zip(self.ws, self.numbers)]
        ), lambda: self.numbers.__setitem__(0, 5.0)

    def a_list_in_a_list(self):
        return lambda: vsum([w * x for w, (x,) in zip(self.ws, self.rows)]), lambda: self.rows[
            0
        ].__setitem__(0, 5.0)

    def an_array(self):
        return lambda: vsum(
            [w * float(x) for w, x in zip(self.ws, self.array)]
        ), lambda: self.array.__setitem__(0, 5.0)

    def parameters_that_grow(self):
        return lambda: vsum([w * w for w in self.ws]), lambda: self.ws.append(Value(2.0))

    def a_parameter_in_the_place_of_another(self):
        def changed():
            self.model.layers[0].neurons[0].w[0] = Value(7.0)

        return lambda: self.model([1.0, 2.0]), changed

    def a_method(self):
        return self.loss, lambda: setattr(self, "factor", 2.0)

    def loss(self):
        return vsum([w * self.factor * self.rate for w in self.ws])

    def of_its_class(self):
        return self.loss, lambda: setattr(type(self), "rate", 2.0)

    def of_another_module(self):
        return lambda: self.ws[0] * OTHER.RATE, lambda: setattr(OTHER, "RATE", 2.0)

    def of_a_function_of_another_module(self):
        return lambda: OTHER.at_that_rate(self.ws[0]), lambda: setattr(OTHER, "RATE", 2.0)

    def in_slots(self):
        x = Slots(1.0)
        return lambda: self.ws[0] * x.rate, lambda: setattr(x, "rate", 2.0)

    def of_a_base_class(self):
        x = Derived(1.0)
        return lambda: self.ws[0] * x.kind, lambda: setattr(Named, "kind", 2.0)

    def of_an_object_in_the_place_of_its_class(self):
        x = Derived(1.0)
        return lambda: self.ws[0] * x.kind, lambda: setattr(x, "kind", 2.0)

    def through_a_property(self):
        x = Derived(1.0)
        return lambda: self.ws[0] * x.of_its_module, lambda: globals().update(RATE=2.0)

    def an_attribute_of_a_list(self):
        x = Rates()
        return lambda: self.ws[0] * x.rate, lambda: setattr(x, "rate", 2.0)

    def one_that_is_equal(self):
        xs = [Named(1.0)]
        return lambda: self.ws[0] * xs[0].rate, lambda: xs.__setitem__(0, Named(2.0))

    def a_zero_of_another_sign(self):
        xs = [0.0]
        return lambda: self.ws[0] / (self.ws[1] * xs[0]), lambda: xs.__setitem__(0, -0.0)

    def the_order_of_a_dict(self):
        xs = {"a": 1.0, "b": 2.0}
        return lambda: self.ws[0] * next(iter(xs.values())), lambda: xs.update(a=xs.pop("a"))

    def a_key_of_a_dict(self):
        xs = {Slots(1.0): None}
        return lambda: vsum([self.ws[0] * x.rate for x in xs]), lambda: setattr(
            next(iter(xs)), "rate", 2.0
        )

    def a_mapping_that_is_read_only(self):
        xs = {"a": 1.0}
        shown = types.MappingProxyType(xs)
        return lambda: self.ws[0] * shown["a"], lambda: xs.update(a=2.0)

    def a_queue(self):
        xs = deque([1.0])
        return lambda: vsum([self.ws[0] * x for x in xs]), lambda: xs.append(2.0)

    def an_array_of_objects(self):
        xs = np.array([1.5], dtype=object)
        return lambda: self.ws[0] * xs[0], lambda: xs.__setitem__(0, 2.5)

    def an_array_of_python(self):
        xs = array("d", [1.0])
        return lambda: self.ws[0] * xs[0], lambda: xs.__setitem__(0, 2.0)

    def a_large_array(self):
        xs = np.ones((40_000, 2))
        return lambda: self.ws[0] * float(xs[3, 1]), lambda: xs.__imul__(2.0)

    def beside_a_large_list(self):
        xs, settings = [[float(k)] for k in range(20_000)], {"of": Slots(1.0)}
        return lambda: self.ws[0] * xs[3][0] * settings["of"].rate, lambda: setattr(
            settings["of"], "rate", 2.0
        )

    def an_array_of_another_library(self):
        numbers = np.array([1.0, 2.0])
        xs = Elsewhere(numbers)
        return lambda: self.ws[0] * xs[0], lambda: numbers.__setitem__(0, 5.0)

    def by_a_method_of_a_dict(self):
        rates = {"a": 1.0}
        get = rates.get
        return lambda: self.ws[0] * get("a"), lambda: rates.update(a=2.0)

    def of_a_module_that_is_imported_inside(self):
        w = self.ws[0]

        def f():
            import other

            return w * other.RATE

        return f, lambda: setattr(OTHER, "RATE", 2.0)

    def imported_inside(self):
        w = self.ws[0]

        def f():
            from other import RATE

            return w * RATE

        return f, lambda: setattr(OTHER, "RATE", 2.0)

    def a_default(self):
        def f(rate=1.0):
            return self.ws[0] * rate

        return f, lambda: setattr(f, "__defaults__", (2.0,))

    def an_attribute_of_itself(self):
        def f():
            return self.ws[0] * f.rate

        f.rate = 1.0
        return f, lambda: setattr(f, "rate", 2.0)

    def what_is_around_a_function(self):
        by = [1.0]
        f = doubled(lambda w: w * 2.0, by)
        return lambda: f(self.ws[0]), lambda: by.__setitem__(0, 2.0)

    def taken_along_by_an_operation(self):
        def scaled(v):
            factor = self.factor
            return custom(lambda z: z * factor, lambda z: factor, v)

        return lambda: vsum(map(scaled, self.ws)), lambda: setattr(self, "factor", 2.0)


@pytest.mark.parametrize(
    "name", [name for name in vars(Around) if name[0] != "_" and name != "loss" and name != "rate"]
)
def test_what_a_function_finds_outside_is_guarded(name, monkeypatch):
    monkeypatch.setattr(Around, "rate", 1.0)
    monkeypatch.setattr(Named, "kind", 1.0)
    monkeypatch.setattr(OTHER, "RATE", 1.0)
    monkeypatch.setitem(sys.modules, "other", OTHER)
    monkeypatch.setitem(globals(), "RATE", 1.0)
    function, change = getattr(Around(), name)()
    f = recorded(function)
    for _ in range(19):
        assert f().data == function().data
    change()
    with pytest.raises(RecordingError, match="in call 20"):
        f()
    with pytest.raises(RecordingError, match="in call 21"):
        f()


def test_what_a_function_changes_itself_is_its_own_affair():
    calls, seen, w = 0, [], Value(0.5)

    def loss(x):
        nonlocal calls
        calls += 1
        seen.append(x)
        return w * x

    f = recorded(loss)
    for _ in range(7):
        assert [f(x).data for x in (1.0, 2.0, 3.0)] == [0.5, 1.0, 1.5]
    assert calls == len(seen) == 6


class Runs:
    number = 0


def test_a_class_that_counts_the_runs_is_its_own_affair():
    w = Value(0.5)

    def loss(x):
        Runs.number += 1
        return w * x

    f = recorded(loss)
    for _ in range(7):
        assert [f(x).data for x in (1.0, 2.0, 3.0)] == [0.5, 1.0, 1.5]
    assert Runs.number == 6


class Strict(dict):
    """Its items are its attributes, and it has no others."""

    def __getattr__(self, name):
        return self[name]


def test_a_dict_whose_items_are_attributes():
    w, settings = Value(0.5), Strict(rate=2.0)
    f = recorded(lambda: w * settings.rate)
    for k in range(5):
        w.data = float(k)
        assert f().data == 2.0 * k
    settings["rate"] = 3.0
    with pytest.raises(RecordingError, match=r"2\.0.*3\.0"):
        f()


def test_what_leads_back_to_itself():
    w, tree = Value(0.5), {"rate": 2.0}
    tree["children"] = [{"parent": tree, "rate": 3.0}]
    counter, f = counted(lambda: w * tree["rate"] * tree["children"][0]["parent"]["rate"])
    for k in range(5):
        w.data = float(k)
        assert f().data == 4.0 * k
    assert counter.runs == 2
    tree["rate"] = 5.0
    with pytest.raises(RecordingError, match=r"2\.0.*5\.0"):
        f()


def test_values_are_not_set_inside():
    w = Value(0.5, "w")
    optimizer = SGD([w], lr=0.1)

    def anew():
        optimizer.zero_grad()
        return w * w

    def moving():
        w.data = w.data * 0.5
        return w * w

    for function in (anew, moving):
        f = recorded(function)
        f().backward()
        with pytest.raises(RecordingError, match=r"(?s)'w'.*zero_grad\(\) and step\(\) outside"):
            f()


def test_a_copy_of_it_is_itself_as_of_any_function():
    f = recorded(at_that_rate)
    for _ in range(4):
        f(Value(2.0))
    assert copy.deepcopy(f) is copy.copy(f) is f


def test_a_function_only():
    with pytest.raises(TypeError, match="takes a function"):
        recorded(3)


# -- beside other things ------------------------------------------------------------------


def test_within_fit_and_within_itself_it_is_a_part():
    model = MLP(1, [1], seed=0)

    @recorded
    def squared(a, b):
        return (a - b) ** 2

    expected = MLP(1, [1], seed=0)
    data = [[1.0], [2.0]], [3.0, 5.0]
    costs = fit(model, *data, squared, epochs=5, progress=False)
    assert costs == fit(expected, *data, mse, epochs=5, progress=False)
    a, b = Value(2.0), Value(3.0)
    f = recorded(lambda: squared(a, b) * a)
    for k in range(5):
        a.data = float(k)
        assert f().data == (k - 3.0) ** 2 * k


def test_a_slope_inside_is_a_part_of_the_graph():
    w, x = Value(0.5), Value(2.0)
    f = recorded(lambda: grad((w * x).tanh(), x, create_graph=True) ** 2)
    for k in range(5):
        w.data = 0.1 * k
        t = np.tanh(2 * w.data)
        assert f().data == pytest.approx(((1 - t * t) * w.data) ** 2, rel=1e-13, abs=1e-15)


def test_without_gradients_and_when_watched_it_is_the_function():
    w = Value(0.0)
    counter, f = counted(lambda: w.log() * w)
    with no_grad():
        assert all(f().parents == () for _ in range(3))
    assert counter.runs == 3
    with detect_anomaly(), pytest.raises(FloatingPointError):
        f()


def test_what_needs_a_rule_is_refused_and_the_function_is_there():
    w = Value(2.0)
    f = recorded(lambda: w * w)
    f(), f()
    with pytest.raises(ValueError, match="__wrapped__"):
        grad(f(), w, create_graph=True)
    assert grad(f.__wrapped__(), w, create_graph=True).data == 4.0


def test_infinities_as_by_run():
    w = Value(1.0)
    f = recorded(lambda: where(w > 0, w.sqrt(), 0.0) + (1 / w).tanh())
    f(), f()
    for x in (-1.0, 0.0, 4.0):
        w.data = x
        by_run = f.__wrapped__()
        assert f().data == pytest.approx(by_run.data, rel=1e-15)
        assert grad(f(), w) == pytest.approx(grad(by_run, w), rel=1e-14, nan_ok=True)
