"""Scripts written for micrograd and for microgpt run with their import changed."""

import itertools
import math
import random

import numpy as np
import pytest

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
