"""Random piecewise polynomials, with their exact derivatives, for `check_gradient`.

``python tests/piecewise.py 10000`` checks so many: gradients that are right are never called
wrong, and those that are off by 1 % or by one part in a million always are, where no kink is
near. The truth is Taylor's formula on fractions, which shares no code with the package.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from random import Random
from typing import Any

from micrograd_es import Value, check_gradient, custom, maximum, minimum, where
from micrograd_es.gradcheck import GradientReport

CONSTANTS = (0, 0.5, 1, -1, 2, -2, 3, 0.005, 1e-4, 0.1, -0.3, 5, 100)


@dataclass(frozen=True)
class Taylor:
    """A number, its slopes and its second derivatives, exactly; how near a kink was."""

    number: Fraction
    slopes: tuple[Fraction, ...]
    seconds: tuple[tuple[Fraction, ...], ...]
    kink: float = float("inf")

    def __add__(self, other: Taylor) -> Taylor:
        return self._with(other, 1, 1, 0)

    def __sub__(self, other: Taylor) -> Taylor:
        return self._with(other, 1, -1, 0)

    def __mul__(self, other: Taylor) -> Taylor:
        product = self._with(other, other.number, self.number, 1)
        return Taylor(self.number * other.number, product.slopes, product.seconds, product.kink)

    def _with(self, other: Taylor, a: Any, b: Any, ab: int) -> Taylor:
        """A function of two whose partials are a and b, and its mixed second one ab."""
        n = range(len(self.slopes))
        p, q = self.slopes, other.slopes
        return Taylor(
            a * self.number + b * other.number,
            tuple([a * p[i] + b * q[i] for i in n]),
            tuple(
                [
                    tuple(
                        [
                            a * self.seconds[i][j]
                            + b * other.seconds[i][j]
                            + ab * (p[i] * q[j] + q[i] * p[j])
                            for j in n
                        ]
                    )
                    for i in n
                ]
            ),
            min(self.kink, other.kink),
        )


def choose(condition: Taylor, then: Taylor, otherwise: Taylor) -> Taylor:
    """`then` where the condition is above 0; the kink is about so far away."""
    slope = float(sum(map(abs, condition.slopes)))
    distance = abs(float(condition.number)) / max(slope, 1e-3)
    taken = then if condition.number > 0 else otherwise
    kink = min(distance, condition.kink, then.kink, otherwise.kink)
    return Taylor(taken.number, taken.slopes, taken.seconds, kink)


Expression = tuple[Any, ...]


def random_expression(r: Random, n: int, depth: int) -> Expression:
    """Nested tuples: a name and its operands."""
    if depth == 0 or r.random() < 0.1:
        return ("x", r.randrange(n)) if r.random() < 0.7 else number(r)
    name = r.choice(["add", "sub", "mul", "mul", "square", "relu", "maximum", "maximum",
                     "minimum", "abs", "where"])  # fmt: skip
    count = {"square": 1, "relu": 1, "abs": 1, "where": 3}.get(name, 2)
    return (name, *(random_expression(r, n, depth - 1) for _ in range(count)))


def number(r: Random) -> Expression:
    return ("number", r.choice(CONSTANTS))


def exact(e: Expression, at: list[float]) -> Taylor:
    """The expression with fractions."""
    n = len(at)
    none = tuple([(Fraction(0),) * n] * n)
    name, *operands = e
    if name == "x":
        i = operands[0]
        return Taylor(Fraction(at[i]), tuple([Fraction(k == i) for k in range(n)]), none)
    if name == "number":
        return Taylor(Fraction(operands[0]), (Fraction(0),) * n, none)
    a, *others = [exact(o, at) for o in operands]
    zero = Taylor(Fraction(0), (Fraction(0),) * n, none)
    if name == "add":
        return a + others[0]
    if name == "sub":
        return a - others[0]
    if name == "mul":
        return a * others[0]
    if name == "square":
        return a * a
    if name == "relu":
        return choose(a, a, zero)
    if name == "abs":
        return choose(a, a, zero - a)
    if name == "where":
        return choose(a, *others)
    difference = a - others[0]
    pair = (a, others[0]) if name == "maximum" else (others[0], a)
    return choose(difference, *pair)


def built(e: Expression, values: list[Value]) -> Value:
    """The expression as a graph."""
    name, *operands = e
    if name == "x":
        return values[operands[0]]
    if name == "number":
        return Value(operands[0])
    a, *others = [built(o, values) for o in operands]
    if name == "where":
        return where(a > 0, *others)
    functions: dict[str, Callable[..., Value]] = {
        "add": lambda a, b: a + b, "sub": lambda a, b: a - b, "mul": lambda a, b: a * b,
        "square": lambda a: a**2, "relu": Value.relu, "abs": abs, "maximum": maximum,
        "minimum": minimum,
    }  # fmt: skip
    return functions[name](a, *others)


@dataclass(frozen=True)
class Case:
    """A function, a point, and the truth about it."""

    expression: Expression
    at: list[float]
    truth: Taylor

    def f(self, *values: Value) -> Value:
        return built(self.expression, list(values))

    def report(self, order: int) -> GradientReport:
        return check_gradient(self.f, self.at, order, raise_exception=False)

    def planted(self, by: float) -> GradientReport:
        """The report on a function of a user's own, all of whose slopes are off by that part."""
        slopes = tuple([float(s) * (1 + by) for s in self.truth.slopes])

        def number(*numbers: float) -> float:
            return self.f(*map(Value, numbers)).data

        def derivative(*_: float) -> Any:
            return slopes[0] if len(slopes) == 1 else slopes

        return check_gradient(
            lambda *values: custom(number, derivative, *values), self.at, raise_exception=False
        )


def case(seed: int) -> Case:
    """The same case for the same seed; often next to a kink, never on one."""
    r = Random(seed)
    while True:
        n = r.choice([1, 1, 2])
        e: Expression = ("square", ("x", 0))
        if r.random() < 0.7:
            e = random_expression(r, n, r.choice([1, 2, 2, 3, 4]))
        if r.random() < 0.6:  # flat on one side
            e = r.choice([("maximum", e, number(r)), ("minimum", e, number(r)),
                          ("relu", ("sub", e, number(r))), ("where", e, e, number(r))])  # fmt: skip
        at = [round(r.uniform(-2, 2), 2) or 0.5 for _ in range(n)]
        if r.random() < 0.5:
            at = near_a_kink(e, at, r)
        truth = exact(e, at)
        if 1e-7 < truth.kink < float("inf"):
            return Case(e, at, truth)


def near_a_kink(e: Expression, at: list[float], r: Random) -> list[float]:
    """The point moved along one input to just before where another piece begins, if one does."""
    i = r.randrange(len(at))
    away = 10 ** -r.uniform(1, 6)
    low, high = at[i], r.uniform(-2, 2)

    def piece(x: float) -> Any:
        there = exact(e, [*at[:i], x, *at[i + 1 :]])
        return there.seconds, [s > 0 for s in there.slopes]

    start = piece(low)
    if piece(high) == start:
        return at
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (middle, high) if piece(middle) == start else (low, middle)
    return [*at[:i], low + (away if low > high else -away), *at[i + 1 :]]


def verdicts(seed: int) -> Iterator[tuple[str, str]]:
    """What `check_gradient` says of a case: in a word, with a capital where it is wrong."""
    one = case(seed)
    for p in [*one.report(1).partials, *one.report(2).partials, *one.planted(0.0).partials]:
        i, *j = p.inputs
        true = float(one.truth.seconds[i][j[0]] if j else one.truth.slopes[i])
        assert abs(p.gradient - true) <= 1e-9 * max(1.0, abs(true)), (p, true)
        yield "Alarm" if p.differs else "undecided" if p.undecided else "right", str(p)
    if one.truth.kink > 0.05:
        for by in (0.01, 1e-6):
            for p in one.planted(by).partials:
                if abs(p.gradient) > 0.01:
                    yield "found" if p.differs else "Silence", str(p)


def main(count: int) -> int:
    """1 if there are false alarms, or wrong gradients that pass; they are printed."""
    counts: Counter[str] = Counter()
    for seed in range(count):
        for word, text in verdicts(seed):
            counts[word] += 1
            if word not in ("right", "found"):
                print(f"{seed}: {text}; {case(seed).expression} at {case(seed).at}", flush=True)
    print(f"{count:,} functions:", ", ".join(f"{n:,} {word}" for word, n in counts.items()))
    return bool(counts["Alarm"] + counts["Silence"])


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
