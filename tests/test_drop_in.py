"""Scripts written for micrograd and for microgpt run with their import changed."""

import copy
import gc
import itertools
import math
import pickle
import random
import string
import weakref

import numpy as np
import pytest

from micrograd_es import (
    BackwardPass,
    Tape,
    draw_graph,
    explain,
    fit,
    grad,
    hessian,
    jvp,
    mse,
    no_grad,
    vsum,
)
from micrograd_es.engine.value import Value
from micrograd_es.nn import MLP, Layer, Module, Neuron


def test_a_training_in_the_manner_of_micrograds_demo():
    random.seed(1337)
    np.random.seed(1337)  # noqa: NPY002 (as such scripts do)
    angles = np.linspace(0, np.pi, 10)
    X = np.vstack(
        [np.c_[np.cos(angles), np.sin(angles)], np.c_[1 - np.cos(angles), -np.sin(angles)]]
    )
    y = np.array([-1] * 10 + [1] * 10)
    model = MLP(2, [8, 8, 1])
    assert isinstance(model, Module)
    assert isinstance(model.layers[0], Layer)
    assert isinstance(model.layers[0].neurons[0], Neuron)
    assert len(model.parameters()) == 8 * 3 + 8 * 9 + 9

    def loss(batch_size=None):
        inputs = [list(map(Value, row)) for row in X]
        scores = list(map(model, inputs))
        losses = [(1 + -yi * score).relu() for yi, score in zip(y, scores)]
        data_loss = sum(losses) * (1.0 / len(losses))
        alpha = 1e-4
        reg_loss = alpha * sum(p * p for p in model.parameters())
        accuracy = [(yi > 0) == (score.data > 0) for yi, score in zip(y, scores)]
        return data_loss + reg_loss, sum(accuracy) / len(accuracy)

    first, _ = loss()
    for k in range(60):
        total, accuracy = loss()
        model.zero_grad()
        total.backward()
        rate = 0.5 - 0.4 * k / 60
        for p in model.parameters():
            p.data -= rate * p.grad
    assert total.data < first.data / 3
    assert accuracy == 1.0


def test_the_engine_by_hand():
    a, b = Value(-4.0), Value(2.0, label="b")
    c = a + b
    d = a * b + b**3
    c += c + 1
    c += 1 + c + (-a)
    d += d * 2 + (b + a).relu()
    d += 3 * d + (b - a).relu()
    e = c - d
    f = e**2
    g = f / 2.0
    g += 10.0 / f
    g.backward()
    # the derivatives in closed form: g = f/2 + 10/f, f = e²
    assert g.data == pytest.approx(24.70408163265306)
    assert a.grad == pytest.approx(138.8338192419825)
    assert b.grad == pytest.approx(645.5772594752186)


def test_what_drawing_functions_ask():
    a, b = Value(2.0), Value(3.0)
    c = a * b

    def trace(root):
        nodes, edges = set(), set()

        def build(v):
            if v not in nodes:
                nodes.add(v)
                for child in v._prev:
                    edges.add((child, v))
                    build(child)

        build(root)
        return nodes, edges

    nodes, edges = trace(c)
    assert nodes == {a, b, c}
    assert edges == {(a, c), (b, c)}
    assert c._op
    assert not a._op
    c.grad = 1.0
    c._backward()
    a._backward()
    assert (a.grad, b.grad) == (3.0, 2.0)


def test_a_transformer_step_in_the_manner_of_microgpt():
    random.seed(42)
    wide, heads, vocabulary, block = 8, 2, 5, 4

    def matrix(nout, nin, std=0.08):
        return [[Value(random.gauss(0, std)) for _ in range(nin)] for _ in range(nout)]

    weights = {name: matrix(wide, wide) for name in ("q", "k", "v", "o")} | {
        "tokens": matrix(vocabulary, wide),
        "places": matrix(block, wide),
        "up": matrix(4 * wide, wide),
        "down": matrix(wide, 4 * wide),
        "head": matrix(vocabulary, wide),
    }
    params = [p for m in weights.values() for row in m for p in row]

    def linear(x, w):
        return [sum(wi * xi for wi, xi in zip(row, x)) for row in w]

    def softmax(logits):
        largest = max(v.data for v in logits)
        exps = [(v - largest).exp() for v in logits]
        total = sum(exps)
        return [e / total for e in exps]

    def rmsnorm(x):
        scale = (sum(xi * xi for xi in x) / len(x) + 1e-5) ** -0.5
        return [xi * scale for xi in x]

    def forward(token, place, keys, values):
        x = rmsnorm([t + p for t, p in zip(weights["tokens"][token], weights["places"][place])])
        residual, x = x, rmsnorm(x)
        q, k, v = (linear(x, weights[m]) for m in "qkv")
        keys.append(k)
        values.append(v)
        out, size = [], wide // heads
        for h in range(0, wide, size):
            scores = [sum(q[h + j] * key[h + j] for j in range(size)) / size**0.5 for key in keys]
            attention = softmax(scores)
            out += [
                sum(a * value[h + j] for a, value in zip(attention, values)) for j in range(size)
            ]
        x = [a + b for a, b in zip(linear(out, weights["o"]), residual)]
        residual, x = x, rmsnorm(x)
        x = linear([u.relu() for u in linear(x, weights["up"])], weights["down"])
        return linear([a + b for a, b in zip(x, residual)], weights["head"])

    document = [0, 3, 1, 4]

    def loss():
        keys, values, losses = [], [], []
        for place, (token, target) in enumerate(itertools.pairwise(document)):
            probabilities = softmax(forward(token, place, keys, values))
            losses.append(-probabilities[target].log())
        return (1 / len(losses)) * sum(losses)

    mean = [0.0] * len(params)
    square = [0.0] * len(params)
    first = loss().data
    assert first == pytest.approx(math.log(vocabulary), abs=0.2)
    for step in range(15):
        total = loss()
        total.backward()
        for i, p in enumerate(params):
            mean[i] = 0.85 * mean[i] + 0.15 * p.grad
            square[i] = 0.99 * square[i] + 0.01 * p.grad**2
            m, v = mean[i] / (1 - 0.85 ** (step + 1)), square[i] / (1 - 0.99 ** (step + 1))
            p.data -= 0.01 * m / (v**0.5 + 1e-8)
            p.grad = 0
    assert total.data < first / 2


# -- operations written in micrograd's and in microgpt's own way -----------------------


def by_hand(f, d, name):
    """An operation as the lecture writes it."""

    def operation(self):
        out = Value(f(self.data), (self,), name)

        def _backward():
            self.grad += d(self.data) * out.grad

        out._backward = _backward
        return out

    return operation


tanh = by_hand(math.tanh, lambda z: 1 - math.tanh(z) ** 2, "tanh")


def product(a, b, **keywords):
    out = Value(a.data * b.data, **({"_children": (a, b), "_op": "*"} | keywords))

    def _backward():
        a.grad += b.data * out.grad
        b.grad += a.data * out.grad

    out._backward = _backward
    return out


def test_a_closure_is_read_once_and_let_go():
    x, w = Value(0.5, "x"), Value(-1.5, "w")
    x.grad, w.grad = 7.0, None
    y = tanh(product(x, w, label="z") + x)
    assert (x.grad, w.grad, y.grad) == (7.0, None, 0.0)
    expected = ((x * w + x).tanh(), [x, w])
    assert grad(y, [x, w]) == pytest.approx(grad(*expected), rel=1e-14)
    y.backward()
    assert (x.grad - 7.0, w.grad) == pytest.approx(grad(*expected), rel=1e-14)
    z = y.parents[0].parents[0]
    assert (z.label, z.op, z._op, z.parents, z.partials) == ("z", "*", "*", (x, w), (-1.5, 0.5))
    node = weakref.ref(y)
    gc.collect()
    gc.disable()
    try:
        del y, z
        assert node() is None
    finally:
        gc.enable()


def test_it_is_explained_drawn_stepped_copied_and_pickled():
    x = Value(0.5, "x")
    y = tanh(x * x)
    assert "tanh'" in explain(y, x).text
    assert "tanh" in draw_graph(y).source
    steps = BackwardPass(y)
    assert steps.at(len(steps))[x] == grad(y, x) == jvp(y, x, 1.0)
    for again in copy.deepcopy(y), pickle.loads(pickle.dumps(y)):
        assert (again._op, grad(again, again.parents[0])) == ("tanh", grad(y, y.parents[0]))


def test_operands_twice_unlisted_and_in_a_set():
    x, w = Value(3.0), Value(2.0)
    square = product(x, x)
    assert (square.parents, square.partials) == ((x,), (6.0,))
    out = Value(6.0, {x}, "*")

    def _backward():
        x.grad += 2.0 * out.grad
        w.grad += 3.0 * out.grad  # which is not among the children

    out._backward = _backward
    assert dict(zip(out.parents, out.partials)) == {x: 2.0, w: 3.0}
    bare = Value(1.0, [x, w])
    assert (bare.op, bare._op, bare.partials) == ("f", "", (None, None))
    bare.backward()
    assert (x.grad, w.grad) == (0.0, 0.0)


def test_a_closure_without_a_number_gives_nan_and_any_other_error_is_raised():
    x = Value(0.0)
    y = by_hand(math.sqrt, lambda z: 0.5 / math.sqrt(z), "sqrt")(x)
    assert math.isnan(y.partials[0])
    x.grad = 5.0
    with pytest.raises(NameError):
        by_hand(math.exp, lambda z: no_such_name, "exp")(x)  # noqa: F821
    assert x.grad == 5.0


def test_local_gradients_as_in_microgpt():
    a, b = Value(3.0), Value(-2.0)
    y = Value(a.data * b.data, (a, b), (b.data, a.data))
    assert (y._children, y._local_grads) == ((a, b), (-2.0, 3.0))
    (y * y).backward()
    assert (a.grad, b.grad) == (24.0, -36.0)
    with pytest.raises(ValueError, match="2 children"):
        Value(1.0, (a, b), (1.0,))
    for bad in (a, 1.0), (None,), 5, None:
        with pytest.raises(TypeError, match="operands"):
            Value(1.0, bad)
    with pytest.raises(TypeError):
        Value(1.0, (a,), ("x",))


def test_who_needs_a_rule_refuses_it_and_names_custom():
    x = Value(0.5)
    y = tanh(x)
    for need in (
        lambda: Tape(y, [x]),
        lambda: grad(y, x, create_graph=True),
        lambda: hessian(y, x),
        lambda: fit(Handmade(), [[1.0]], [1.0], mse, epochs=1, progress=False),
    ):
        with pytest.raises(ValueError, match=r"tanh.*custom\(f, df, x\)"):
            need()


class Handmade(Module):
    def __init__(self):
        self.w = Value(0.5)

    def parameters(self):
        return [self.w]

    def __call__(self, x):
        return tanh(self.w * x[0])


def test_signs_and_operands_are_those_of_micrograd():
    x, y = Value(2.0), Value(3.0)
    made = [x + y, x * y, x - y, x / y, x**2, x**-0.5, x.relu(), x.tanh(), x.exp(), -x, x**y]
    assert [v._op for v in made] == [
        "+", "*", "-", "/", "**2", "**-0.5", "ReLU", "tanh", "exp", "-", "**",
    ]  # fmt: skip
    assert (x**2)._prev == {x}
    assert ((x**2)._children, (x**2)._local_grads) == ((x,), (4.0,))
    assert (x * x)._children == (x, x)


def test_a_subclass_calls_the_constructor_and_operations_give_plain_values():
    class Weight(Value):
        """A mark by which parameters are found: what is computed from one is none."""

        def __init__(self, data, _children=(), _op="", decay=0.1):
            super().__init__(data, _children, _op)
            self.decay = decay

        def doubled(self):
            out = Weight(2 * self.data, (self,), "doubled")
            out._backward = lambda: setattr(self, "grad", self.grad + 2 * out.grad)
            return out

    w = Weight(3.0)
    y = w.doubled().doubled()
    assert (type(y), y.decay, grad(y, w)) == (Weight, 0.1, 4.0)
    assert type(w * w) is type(w + 1) is type(1 + w) is type(w.exp()) is Value


def test_a_subclass_whose_nodes_would_be_taken_for_one_another_is_refused():
    by_number = {"__eq__": lambda self, other: self.data == other.data}
    for own in (by_number, {"__hash__": lambda self: 1}, by_number | {"__hash__": lambda self: 1}):
        with pytest.raises(TypeError, match=r"Weight cannot have an __eq__ .* \.data"):
            type("Weight", (Value,), own)


def test_any_attribute_can_be_set_and_is_copied():
    p = Value(1.0)
    p.m, p.color = 0.5, "red"
    node = p * p
    node.name = "square"
    assert (p.m, node.name) == (0.5, "square")
    for again in copy.deepcopy(node), pickle.loads(pickle.dumps(node)):
        assert (again.name, again.parents[0].m, again.parents[0].color) == ("square", 0.5, "red")


def test_names_that_somebody_may_give_an_attribute_are_free():
    x = Value(3.0)
    y = 2 * x * x + vsum([x, x, x])
    for node in (x, y, y.parents[0]):
        for name in (*string.ascii_letters, "da", "db", "rule", "adjoint", "value", "node"):
            setattr(node, name, "mine")
    y.backward()
    assert (y.data, x.grad, y.op, len(y.parents), y.a) == (27.0, 15.0, "add", 2, "mine")


def test_under_no_grad_a_node_made_by_hand_is_a_leaf():
    x = Value(0.5)
    with no_grad():
        y, z = tanh(x), Value(1.0, (x,), (2.0,))
    assert y.parents == z.parents == ()
    assert y.data == math.tanh(0.5)
