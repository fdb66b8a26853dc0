"""Blocks of one shape over rows of operands, as a Tape looks for them: it against define-by-run.

``python tests/test_tape_blocks.py 100000`` tries that many, and prints the seeds that fail.
"""

from __future__ import annotations

import sys
from random import Random

import numpy as np
import pytest

from micrograd_es import Tape, Value, grad, vsum

UNARY = {
    "tanh": Value.tanh,
    "sin": Value.sin,
    "relu": Value.relu,
    "softplus": Value.softplus,
    "minus": lambda a: -a,
    "square": lambda a: a**2,
}


def block(r, holes, depth):
    """A random expression, as a function of the operands that fill its holes."""
    kind = r.random() if depth else 0.0
    if kind < 0.25:
        hole = r.randrange(holes)
        return lambda v: v[hole]
    if kind < 0.4:
        f, a = r.choice([*UNARY.values()]), block(r, holes, depth - 1)
        return lambda v: f(a(v))
    if kind < 0.6:
        a, b, plus = *(block(r, holes, depth - 1) for _ in "ab"), r.random() < 0.5
        return lambda v: a(v) + b(v) if plus else a(v) * b(v)
    pairs = [[block(r, holes, depth // 2) for _ in "ab"] for _ in range(r.choice([1, 2, 2, 3]))]
    terms = [block(r, holes, depth // 2) for _ in range(r.choice([0, 0, 1, 2]))]
    return lambda v: vsum([*(a(v) * b(v) for a, b in pairs), *(t(v) for t in terms)])


def filling(r, pool, n):
    """The operand of one hole in each of n blocks."""
    first, step = r.randrange(len(pool)), r.choice([0, 1, 1, 2, -1])
    row = [pool[(first + k * step) % len(pool)] for k in range(n)]
    odd = r.random()
    if odd < 0.2:
        r.shuffle(row)
    elif odd < 0.4:
        row[r.randrange(n)] = r.choice(pool)
    return row


def graph(seed, x, w):
    """A root over x and w; the same graph for the same seed."""
    r = Random(seed)
    below = [*x] or [*w]
    for _layer in range(r.choice([1, 1, 2, 3])):
        holes, n = r.choice([2, 3, 4, 6]), r.choice([2, 3, 4, 6])
        shape = block(r, holes, r.choice([1, 2, 3]))
        rows = [filling(r, r.choice([below, [*w]]), n) for _ in range(holes)]
        below = [shape(operands) for operands in zip(*rows)]
    return vsum(below) if r.random() < 0.5 else vsum([a * b for a, b in zip(below, below[::-1])])


def difference(seed):
    """What the replay has other than define-by-run, in a drawn case; "" where nothing."""
    r = Random(-seed)
    n_x, n_w, batch = r.choice([0, 1, 2, 4]), r.choice([1, 2, 4, 9]), r.choice([1, 2, 5])
    x, w = ([Value(r.uniform(-1, 1)) for _ in range(n)] for n in (n_x, n_w))
    trained = w if r.random() < 0.7 else [v for v in w if r.random() < 0.7]
    tape = Tape(graph(seed, x, w), x, trained)
    theta = np.array([r.uniform(-1, 1) for _ in trained])
    for v, number in zip(trained, theta):
        v.data = number
    X = np.array([[r.uniform(-1, 1) for _ in x] for _ in range(batch if x else 1)])
    weights = np.array([r.uniform(-1, 1) for _ in X])
    values, d_inputs, d_parameters = [], np.empty_like(X), np.zeros(len(trained))
    for k, (sample, weight) in enumerate(zip(X, weights)):
        for v, number in zip(x, sample):
            v.data = number
        root = graph(seed, x, w)
        values.append(root.data)
        d_inputs[k] = weight * np.array(grad(root, x))
        d_parameters += weight * np.array(grad(root, trained))
    expected = {"value": values, "inputs": d_inputs, "parameters": d_parameters}
    found = dict(zip(expected, (tape.value(X, theta), *tape.vjp(X, weights, theta))))
    expected |= {"value again": values, "gradient": d_parameters}
    found |= dict(zip(("value again", "gradient"), tape.value_and_grad(X, theta, weights)))
    size = max(1.0, *[np.abs(numbers).max(initial=0.0) for numbers in expected.values()])
    return ", ".join(
        what
        for what, numbers in expected.items()
        if not np.allclose(found[what], numbers, rtol=1e-9, atol=1e-10 * size)
    )


@pytest.mark.parametrize("start", range(0, 1000, 100))
def test_blocks_of_one_shape_over_rows_of_operands(start):
    assert {seed: what for seed in range(start, start + 100) if (what := difference(seed))} == {}


if __name__ == "__main__":
    for seed in range(int(sys.argv[1])):
        if what := difference(seed):
            print(seed, what)
