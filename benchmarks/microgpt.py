"""A contestant: a Value with its local gradients in slots, and a transformer written for it.

Both follow the manner of karpathy's microgpt: every operation hands back its local
gradients as plain data, sums go term by term, and the order is found by recursion.
"""

from __future__ import annotations

import math
from itertools import pairwise


class Value:
    __slots__ = ("_children", "_local_grads", "data", "grad")

    def __init__(self, data, children=(), local_grads=()):
        self.data = data
        self.grad = 0
        self._children = children
        self._local_grads = local_grads

    def __add__(self, other):
        other = other if isinstance(other, Value) else Value(other)
        return Value(self.data + other.data, (self, other), (1, 1))

    def __mul__(self, other):
        other = other if isinstance(other, Value) else Value(other)
        return Value(self.data * other.data, (self, other), (other.data, self.data))

    def __pow__(self, other):
        return Value(self.data**other, (self,), (other * self.data ** (other - 1),))

    def log(self):
        return Value(math.log(self.data), (self,), (1 / self.data,))

    def exp(self):
        return Value(math.exp(self.data), (self,), (math.exp(self.data),))

    def relu(self):
        return Value(max(0, self.data), (self,), (float(self.data > 0),))

    def __neg__(self):
        return self * -1

    def __radd__(self, other):
        return self + other

    def __sub__(self, other):
        return self + (-other)

    def __rsub__(self, other):
        return other + (-self)

    def __rmul__(self, other):
        return self * other

    def __truediv__(self, other):
        return self * other**-1

    def backward(self):
        topo = []
        visited = set()

        def build_topo(v):
            if v not in visited:
                visited.add(v)
                for child in v._children:
                    build_topo(child)
                topo.append(v)

        build_topo(self)
        self.grad = 1
        for v in reversed(topo):
            for child, local_grad in zip(v._children, v._local_grads):
                child.grad += local_grad * v.grad


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


def scores(w, token, place, keys, values, heads=4):
    x = rmsnorm([t + p for t, p in zip(w["tokens"][token], w["places"][place])])
    residual, x = x, rmsnorm(x)
    q = linear(x, w["queries"])
    keys.append(linear(x, w["keys"]))
    values.append(linear(x, w["values"]))
    gathered, size = [], len(x) // heads
    for h in range(0, len(x), size):
        logits = [
            sum(q[h + j] * key[h + j] for j in range(size)) / size**0.5 for key in keys
        ]  # fmt: skip
        attention = softmax(logits)
        gathered += [
            sum(a * value[h + j] for a, value in zip(attention, values)) for j in range(size)
        ]
    x = [a + b for a, b in zip(linear(gathered, w["attention"]), residual)]
    residual, x = x, rmsnorm(x)
    x = linear([u.relu() for u in linear(x, w["up"])], w["down"])
    return linear([a + b for a, b in zip(x, residual)], w["scores"])


def cost(w, codes):
    keys, values, losses = [], [], []
    for place, (token, target) in enumerate(pairwise(codes)):
        losses.append(-softmax(scores(w, token, place, keys, values))[target].log())
    return (1 / len(losses)) * sum(losses)
