"""Random training programs, which `fit` either trains as they would be run, or refuses.

``python tests/random_trainings.py 2000`` tries that many. Each is a model and a loss put
together from what people write: masks as arithmetic, branches, numbers taken out of the graph,
randomness, constants, class weights, dropout, loops as long as the data say, slopes.
"""

from __future__ import annotations

import random
import sys
import warnings
from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np

from micrograd_es import SGD, Module, Value, fit, grad, maximum, minimum, vsum, where

N, INPUTS, EPOCHS, RATE = 12, 3, 6, 0.05

# -- parts of a model: a Value from the inputs, the parameters and one constant ------------


def mask(x: Any, w: Any, c: float) -> Any:
    z = w[0] * x[0] + c
    return (z > 0) * z + (z <= 0) * (0.1 * z)


def not_mask(x: Any, w: Any, c: float) -> Any:
    return (1 - (x[1] > c)) * w[1]


def value_of_mask(x: Any, w: Any, c: float) -> Any:
    return Value(w[1] * x[1] > c) * x[2]


def counted(x: Any, w: Any, c: float) -> Any:
    return sum(v > c for v in x) * w[0]


def summed(x: Any, w: Any, c: float) -> Any:
    return vsum([v > c for v in x]) * w[2]


def of_numpy(x: Any, w: Any, c: float) -> Any:
    return np.sum(np.array([v > c for v in x]) * np.array(w[:INPUTS]))


def chosen(x: Any, w: Any, c: float) -> Any:
    return where((x[0] > c) & (x[1] < 1.0), w[0] * x[0], w[1])


def clipped(x: Any, w: Any, c: float) -> Any:
    return maximum(minimum(w[0] * x[0], 1.0), c)


def smooth(x: Any, w: Any, c: float) -> Any:
    return (w[0] * x[0] + w[1] * x[1] + c).tanh()


def branch(x: Any, w: Any, c: float) -> Any:
    return w[0] * x[0] if x[0] > c else w[1] * x[1]


def branch_of_a_parameter(x: Any, w: Any, c: float) -> Any:
    return w[0] * x[0] if w[0] > 0.3 * c else w[0] * x[1]


def branch_of_a_value(x: Any, w: Any, c: float) -> Any:
    return w[1] * 2 if (x[0] - c).relu() else w[1] * x[1]


def default(x: Any, w: Any, c: float) -> Any:
    return ((x[0] - c).relu() or 1.0) * w[0]


def larger(x: Any, w: Any, c: float) -> Any:
    return max(w[0] * x[0], w[1] * x[1])


def sorted_inputs(x: Any, w: Any, c: float) -> Any:
    return dot_of(sorted(x, key=lambda v: v.data), w)


def dot_of(x: Any, w: Any) -> Any:
    return vsum(a * b for a, b in zip(x, w))


def taken_out(x: Any, w: Any, c: float) -> Any:
    return x[0].data * w[0]


def branch_on_data(x: Any, w: Any, c: float) -> Any:
    return w[0] * x[0] if x[0].data > c else w[1]


def shifted(x: Any, w: Any, c: float) -> Any:
    z = [w[0] * x[0], w[1] * x[1], w[2] * x[2]]
    largest = max(v.data for v in z)  # which cancels, and is right
    return vsum((v - largest).exp() for v in z).log() + largest


def as_many_as_the_data_say(x: Any, w: Any, c: float) -> Any:
    return vsum([w[k % 3] * x[0] for k in range(1 + int(abs(x[1].data) > abs(c)))])


def dropped(x: Any, w: Any, c: float) -> Any:
    return vsum([v * float(random.random() < 0.5) for v in x]) * w[0]


def noisy(x: Any, w: Any, c: float) -> Any:
    return w[0] * (x[0] + random.gauss(0, 0.1))


_calls: Counter[str] = Counter()


def counting(x: Any, w: Any, c: float) -> Any:
    _calls["all"] += 1
    return w[0] * x[0] * (_calls["all"] % 7)


def slope(x: Any, w: Any, c: float) -> Any:
    y = (w[0] * x[0] + w[1]).tanh()
    return grad(y, w[0], create_graph=True) + y


def several(x: Any, w: Any, c: float) -> Any:
    h = [(w[k] * x[k] + c).relu() for k in range(INPUTS)]
    return dot_of(h, w[::-1])


PARTS = [
    mask, not_mask, value_of_mask, counted, summed, of_numpy, chosen, clipped, smooth, branch,
    branch_of_a_parameter, branch_of_a_value, default, larger, sorted_inputs, taken_out,
    branch_on_data, shifted, as_many_as_the_data_say, dropped, noisy, counting, slope, several,
]  # fmt: skip
RANDOM = {dropped, noisy, counting}


# -- losses ---------------------------------------------------------------------------


def squared(y: Any, t: Any) -> Any:
    return (y - t) ** 2


def weighted(y: Any, t: Any) -> Any:
    return (y - t) ** 2 * (5.0 if t else 1.0)


def weighted_by_a_node(y: Any, t: Any) -> Any:
    return (y - t) ** 2 * (1 + 4 * (t > 0))


def margin(y: Any, t: Any) -> Any:
    return (1 - y * (2 * t - 1)).relu()


def one_sided(y: Any, t: Any) -> Any:
    return (y - t) ** 2 if y > t else abs(y - t)


def penalised(y: Any, t: Any) -> Any:
    g = grad(y * y, y, create_graph=True)
    return (y - t) ** 2 + 0.1 * g * g


LOSSES = [squared, squared, weighted, weighted_by_a_node, margin, one_sided, penalised]


@dataclass
class Program(Module):
    """A model of some parts, with its loss."""

    parts: list[Any]
    constants: list[float]
    loss: Any
    start: list[float]

    def __post_init__(self) -> None:
        self.w = [Value(v) for v in self.start]

    def parameters(self) -> list[Value]:
        return self.w

    def __call__(self, x: Any) -> Any:
        y = vsum(part(x, self.w, c) for part, c in zip(self.parts, self.constants))
        return y * 0.5

    def again(self) -> Program:
        return Program(self.parts, self.constants, self.loss, self.start)


def drawn(seed: int) -> tuple[Program, Any, Any]:
    """A program and its data."""
    source = random.Random(seed)
    parts = source.sample(PARTS, source.randint(1, 3))
    constants = [source.choice([0.0, 0.0, 0.5, -0.5, source.uniform(-1.5, 1.5)]) for _ in parts]
    start = [source.uniform(-1, 1) for _ in range(INPUTS)]
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(N, INPUTS))
    Y = (X[:, 0] + 0.3 * X[:, 1] > 0).astype(float)
    return Program(parts, constants, source.choice(LOSSES), start), X, Y


def by_run(program: Program, X: Any, Y: Any) -> list[float]:
    """The training, run sample by sample with graphs of Values."""
    optimizer = SGD(program.parameters(), lr=RATE)
    for _ in range(EPOCHS):
        optimizer.zero_grad()
        costs = []
        for row, target in zip(X, Y):
            x = [Value(v) for v in row]
            costs.append(program.loss(program(x), Value(target)))
        (vsum(costs) / len(costs)).backward()
        optimizer.step()
    return [p.data for p in program.parameters()]


def tried(seed: int) -> str:
    """ "trained", "refused", or what is wrong."""
    program, X, Y = drawn(seed)
    other = program.again()
    names = [part.__name__ for part in program.parts] + [program.loss.__name__]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            optimizer = SGD(program.parameters(), lr=RATE)
            fit(program, X, Y, program.loss, optimizer, epochs=EPOCHS, progress=False)
        except (ValueError, TypeError) as error:
            moved = [p.data for p in program.parameters()] != program.start
            return f"half done: {names}" if moved else f"refused {type(error).__name__}"
        if RANDOM & set(program.parts):
            return f"random and trained: {names}"
        found, expected = [p.data for p in program.parameters()], by_run(other, X, Y)
    agree = np.allclose(found, expected, rtol=1e-9, atol=1e-12)
    return "trained" if agree else f"wrong: {seed} {names} {found} {expected}"


def main(count: int) -> int:
    outcomes = Counter(tried(seed) for seed in range(count))
    for outcome, times in outcomes.most_common():
        print(f"{times:6,} {outcome}")
    return any(o != "trained" and not o.startswith("refused") for o in outcomes)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
