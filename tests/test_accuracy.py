"""Every operation against mpmath: 4 units in the last place, and IEEE's answers at the edges.

``python tests/test_accuracy.py`` prints the worst of each; ``tools/proofs.py`` writes it down.
"""

import math
import random
from functools import cache
from itertools import product

import mpmath
import numpy as np
import pytest
from truth import truths, ulps

from micrograd_es import Tape, Value, where
from micrograd_es.engine.ops import TABLE
from micrograd_es.engine.value import apply

TRUE = truths(mpmath.mp)
LIMIT = 4.0
TINY, MIN, MAX = 5e-324, 2.2250738585072014e-308, 1.7976931348623157e308
INF, NAN = math.inf, math.nan

_MARKS = [0.0, TINY, MIN, 1e-300, 1e-16, 0.5, 1.0, 2.0, 3.0, 709.782712893384, 1e16, 1e300, MAX]
EDGES = [
    s * y
    for x in _MARKS
    for y in sorted({x, math.nextafter(x, 0.0), math.nextafter(x, INF)})
    for s in (1.0, -1.0)
] + [INF, -INF, NAN]


def samples(op, times: int) -> list[tuple[float, ...]]:
    """Points all over the domain: logarithmic in size, of both signs, and where it matters."""
    rng = random.Random(op.name)

    def sign() -> float:
        return rng.choice([-1.0, 1.0])

    def anywhere() -> float:
        return sign() * math.ldexp(rng.uniform(0.5, 1.0), rng.randint(-1073, 1024))

    def usual() -> float:
        return sign() * 10.0 ** rng.uniform(-4, 3)

    def near_one() -> float:
        return 1.0 + sign() * 10.0 ** rng.uniform(-16, -1)

    points = [
        *(tuple(anywhere() for _ in op.at) for _ in range(2 * times)),
        *(tuple(usual() for _ in op.at) for _ in range(2 * times)),
        *((anywhere(), *(usual() for _ in op.at[1:])) for _ in range(times)),
        *((near_one(), *(anywhere() for _ in op.at[1:])) for _ in range(times)),
        *((near_one(), *(usual() * 10.0 ** rng.uniform(0, 17) for _ in op.at[1:]))
          for _ in range(times)),
        *((usual(), *(float(rng.randint(-300, 300)) for _ in op.at[1:])) for _ in range(times)),
    ]  # fmt: skip
    if op.arity == 2:  # x**y next to the least and the greatest floats
        for _ in range(2 * times):
            a = rng.choice([abs(usual()), abs(anywhere()), near_one()])
            if a not in (0.0, 1.0):
                b = rng.choice([-1, 1]) * rng.uniform(690, 750) / math.log(a)
                points += [(a, b), (-a, float(round(b)))]
    if op.arity == 1:  # what is left of exp, from the least float to the greatest
        points += [(rng.uniform(-750, 750),) for _ in range(2 * times)]
    return points


@cache
def true_numbers(op, at: tuple[float, ...]) -> list:
    """Value and partials; nan where mathematics has none."""
    with mpmath.workdps(60):
        numbers = [mpmath.mpf(x) for x in at]
        found = []
        for f in TRUE[op.name]:
            for g in f if isinstance(f, tuple) else (f,):
                try:
                    y = mpmath.mpmathify(g(*numbers))
                except ZeroDivisionError:
                    y = mpmath.nan
                found.append(mpmath.nan if isinstance(y, mpmath.mpc) else y)
        return found


def by_run(op, points) -> list[list[float]]:
    nodes = [apply(op, *map(Value, at)) for at in points]
    return [[y.data, *(p or 0.0 for p in y.partials)] for y in nodes]


def by_replay(op, points) -> list[list[float]]:
    x = [Value(v) for v in op.at]
    tape = Tape(apply(op, *x), x)
    X = np.array(points)
    partials = tape.vjp(X, np.ones(len(X)))[0]
    return [[y, *row] for y, row in zip(tape.value(X).tolist(), partials.tolist())]


def in_domain(op, at: tuple[float, ...]) -> bool:
    """Where the operation has a value and, save for x**y with x < 0, derivatives."""
    a = at[0]
    if op.name in ("log", "sqrt", "log2", "log10"):
        return a > 0
    if op.name == "log1p":
        return a > -1
    if op.name in ("arctan2", "atan2"):
        return at[1] > 0 or a != 0  # on the cut the sign of a zero decides
    if op.name in ("mod", "floor_divide"):
        return at[1] != 0
    if op.name == "pow":
        return a > 0 or (a < 0 and at[1].is_integer())
    if op.name == "div":
        # d(a/b)/db is -(a/b)/b, and has the digits that a/b has
        return at[1] != 0 and (a == 0 or abs(mpmath.mpf(a) / at[1]) >= MIN)
    if op.name == "gelu":  # it is a · Φ(a), and has the digits that Φ(a) has
        return not -39 < a < -37.5
    return True


ROOT_OF_GELU = -0.7517915246935645  # of its derivative


def is_excepted(op, at: tuple[float, ...], k: int) -> bool:
    """Whether the k-th of value and partials is not held to the limit here."""
    if op.name == "gelu":  # next to its root the two terms of the derivative cancel
        return k == 1 and abs(at[0] - ROOT_OF_GELU) < 1
    return op.name == "pow" and at[0] < 0 and k == 2


def worst(op, run, times: int = 150) -> list[tuple[float, tuple[float, ...]]]:
    """The largest error of value and partials, in ulps, and where it is."""
    points = [at for at in samples(op, times) if in_domain(op, at)]
    found = run(op, points)
    largest = [(0.0, op.at)] * len(found[0])
    for at, numbers in zip(points, found):
        expected = true_numbers(op, at)
        for k, (x, y) in enumerate(zip(numbers, expected)):
            if not is_excepted(op, at, k):
                largest[k] = max(largest[k], (ulps(x, y), at))
    return largest


@pytest.mark.parametrize("run", [by_run, by_replay])
@pytest.mark.parametrize("op", TABLE.values(), ids=TABLE)
def test_within_four_ulps_over_the_whole_domain(op, run):
    for error, at in worst(op, run):
        assert error <= LIMIT, at


@pytest.mark.parametrize("run", [by_run, by_replay])
def test_next_to_its_root_the_derivative_of_gelu_is_as_accurate_as_its_terms(run):
    rng = random.Random(0)
    points = [(ROOT_OF_GELU + rng.choice([-1, 1]) * 10 ** rng.uniform(-16, 0),) for _ in range(500)]
    for (a,), (_, found) in zip(points, run(TABLE["gelu"], points)):
        with mpmath.workdps(60):
            x = mpmath.mpf(a)
            terms = mpmath.ncdf(x), x * mpmath.npdf(x)
            assert abs(found - sum(terms)) <= LIMIT * math.ulp(float(max(map(abs, terms))))


@pytest.mark.parametrize("run", [by_run, by_replay])
def test_the_derivative_of_silu_keeps_its_digits_next_to_its_root(run):
    rng, root = random.Random(0), -1.2784645427610738
    points = [(root + rng.choice([-1, 1]) * 10 ** rng.uniform(-16, 0),) for _ in range(500)]
    for at, (_, found) in zip(points, run(TABLE["silu"], points)):
        assert ulps(found, true_numbers(TABLE["silu"], at)[1]) <= LIMIT


@pytest.mark.parametrize(
    ("name", "at", "pytorch_is_off_by"),
    [("tanh", 15.0, 1.7e-4), ("sigmoid", 25.0, 4e-6), ("softplus", 25.0, 1e-11)],
)
def test_keeps_the_digits_that_others_lose(name, at, pytorch_is_off_by):
    partial = Value(at)
    y = getattr(partial, name)()
    y.backward()
    assert ulps(partial.grad, true_numbers(TABLE[name], (at,))[1]) <= LIMIT
    assert abs(partial.grad / float(true_numbers(TABLE[name], (at,))[1]) - 1) < pytorch_is_off_by


# -- edges ----------------------------------------------------------------------------


def same(x: float, y: float) -> bool:
    return x == y or (math.isnan(x) and math.isnan(y))


@pytest.mark.parametrize("op", TABLE.values(), ids=TABLE)
def test_edges_are_as_accurate_wherever_there_is_a_true_number(op):
    rng = random.Random(op.name)
    points = list(product(EDGES, repeat=op.arity))
    if op.arity > 2:
        points = rng.sample(points, 3000)
    checked = 0
    for run in by_run, by_replay:
        for at, numbers in zip(points, run(op, points)):
            if not all(map(math.isfinite, at)) or not in_domain(op, at):
                continue
            for k, (x, y) in enumerate(zip(numbers, true_numbers(op, at))):
                if not mpmath.isnan(y) and not is_excepted(op, at, k):
                    checked += 1
                    assert ulps(x, y) <= LIMIT, (run.__name__, k, at, x, float(y))
    assert checked > 60


@pytest.mark.parametrize("op", TABLE.values(), ids=TABLE)
def test_edges_give_the_same_by_run_and_by_replay(op):
    rng = random.Random(op.name)
    points = list(product(EDGES, repeat=op.arity))
    points = points if op.arity < 3 else rng.sample(points, 3000)
    for at, x, y in zip(points, by_run(op, points), by_replay(op, points)):
        assert all(map(same_or_close, x, y)), (at, x, y)


def same_or_close(x: float, y: float) -> bool:
    return same(x, y) or abs(x - y) <= LIMIT * max(math.ulp(x), math.ulp(y))


# Value and partials, by IEEE 754 and the conventions at kinks.
IEEE = [
    ("add", (INF, -INF), NAN, 1, 1),
    ("add", (MAX, MAX), INF, 1, 1),
    ("sub", (INF, INF), NAN, 1, -1),
    ("mul", (0.0, INF), NAN, INF, 0),
    ("mul", (1e300, 1e300), INF, 1e300, 1e300),
    ("mul", (1e-300, 1e-300), 0, 1e-300, 1e-300),
    ("div", (1.0, 0.0), INF, INF, -INF),
    ("div", (1.0, -0.0), -INF, -INF, -INF),
    ("div", (-1.0, 0.0), -INF, INF, INF),
    ("div", (0.0, 0.0), NAN, INF, NAN),
    ("div", (INF, INF), NAN, 0, NAN),
    ("div", (1.0, INF), 0, 0, 0),
    ("div", (49.0, 49.0), 1, 1 / 49, -1 / 49),
    ("neg", (NAN,), NAN, -1),
    ("pow", (0.0, 0.0), 1, 0, 0),
    ("pow", (0.0, 2.0), 0, 0, 0),
    ("pow", (0.0, 1.0), 0, 1, 0),
    ("pow", (0.0, 0.5), 0, INF, 0),
    ("pow", (0.0, 0.3), 0, INF, 0),
    ("pow", (0.0, -1.0), INF, -INF, -INF),
    ("pow", (-8.0, 1 / 3), NAN, NAN, NAN),
    ("pow", (-8.0, 2.0), 64, -16, NAN),
    ("pow", (NAN, 0.0), 1, 0, NAN),
    ("pow", (1.0, NAN), 1, NAN, 0),
    ("pow", (2.0, INF), INF, INF, INF),
    ("pow", (INF, 0.5), INF, 0, INF),
    ("pow", (-INF, 0.5), INF, 0, NAN),
    ("pow", (INF, -1.0), 0, 0, NAN),
    ("pow", (INF, -TINY), 0, 0, NAN),
    ("pow", (-INF, -1.0), 0, 0, NAN),
    ("pow", (1e200, 2.0), INF, 2e200, INF),
    ("exp", (1000.0,), INF, INF),
    ("exp", (-INF,), 0, 0),
    ("exp", (-1000.0,), 0, 0),
    ("log", (0.0,), -INF, INF),
    ("log", (-1.0,), NAN, -1),
    ("log", (INF,), INF, 0),
    ("sqrt", (0.0,), 0, INF),
    ("sqrt", (-1.0,), NAN, NAN),
    ("sqrt", (INF,), INF, 0),
    ("sin", (INF,), NAN, NAN),
    ("cos", (-INF,), NAN, NAN),
    ("tanh", (INF,), 1, 0),
    ("tanh", (-INF,), -1, 0),
    ("tanh", (0.0,), 0, 1),
    ("tanh", (NAN,), NAN, NAN),
    ("sigmoid", (INF,), 1, 0),
    ("sigmoid", (-INF,), 0, 0),
    ("sigmoid", (-1000.0,), 0, 0),
    ("softplus", (1000.0,), 1000, 1),
    ("softplus", (INF,), INF, 1),
    ("softplus", (-INF,), 0, 0),
    ("softplus", (NAN,), NAN, NAN),
    ("elu", (0.0,), 0, 1),
    ("elu", (INF,), INF, 1),
    ("elu", (-INF,), -1, 0),
    ("elu", (NAN,), NAN, 1),
    ("silu", (0.0,), 0, 0.5),
    ("silu", (-1000.0,), 0, 0),
    ("silu", (INF,), INF, NAN),
    ("silu", (-INF,), NAN, NAN),
    ("silu", (NAN,), NAN, NAN),
    ("gelu", (0.0,), 0, 0.5),
    ("gelu", (-1000.0,), 0, 0),
    ("gelu", (INF,), INF, NAN),
    ("gelu", (-INF,), NAN, NAN),
    ("gelu", (NAN,), NAN, NAN),
    ("erf", (INF,), 1, 0),
    ("erf", (-INF,), -1, 0),
    ("erf", (NAN,), NAN, NAN),
    ("erfc", (INF,), 0, 0),
    ("erfc", (-INF,), 2, 0),
    ("erfc", (NAN,), NAN, NAN),
    ("rint", (0.5,), 0, 0),
    ("rint", (1.5,), 2, 0),
    ("rint", (-INF,), -INF, 0),
    ("rint", (NAN,), NAN, 0),
    ("sum", (INF,), INF, 1),
    ("abs", (0.0,), 0, 0),
    ("abs", (-0.0,), 0, 0),
    ("abs", (-INF,), INF, -1),
    ("abs", (NAN,), NAN, 0),
    ("sign", (0.0,), 0, 0),
    ("sign", (-0.0,), 0, 0),
    ("sign", (TINY,), 1, 0),
    ("sign", (-INF,), -1, 0),
    ("sign", (NAN,), NAN, 0),
    ("relu", (0.0,), 0, 0),
    ("relu", (-0.0,), 0, 0),
    ("relu", (TINY,), TINY, 1),
    ("relu", (NAN,), NAN, 1),
    ("relu", (-INF,), 0, 0),
    ("leaky_relu", (0.0,), 0, 0.01),
    ("leaky_relu", (-INF,), -INF, 0.01),
    ("leaky_relu", (NAN,), NAN, 0.01),
    ("maximum", (1.0, 1.0), 1, 0.5, 0.5),
    ("maximum", (0.0, -0.0), 0, 0.5, 0.5),
    ("maximum", (INF, INF), INF, 0.5, 0.5),
    ("maximum", (NAN, 1.0), NAN, 1, 1),
    ("maximum", (1.0, NAN), NAN, 1, 1),
    ("minimum", (1.0, 1.0), 1, 0.5, 0.5),
    ("minimum", (-INF, 1.0), -INF, 1, 0),
    ("minimum", (NAN, 1.0), NAN, 1, 1),
    ("minimum", (1.0, NAN), NAN, 1, 1),
    ("where", (0.0, INF, 2.0), 2, 0, 0, 1),
    ("where", (-0.0, 1.0, 2.0), 2, 0, 0, 1),
    ("where", (NAN, 1.0, 2.0), 1, 0, 1, 0),
    ("less", (0.0, -0.0), 0, 0, 0),
    ("less", (NAN, 1.0), 0, 0, 0),
    ("less_equal", (0.0, -0.0), 1, 0, 0),
    ("less_equal", (NAN, NAN), 0, 0, 0),
]


@pytest.mark.parametrize("run", [by_run, by_replay])
@pytest.mark.parametrize(
    ("name", "at", "expected"),
    [(name, at, list(map(float, expected))) for name, at, *expected in IEEE],
    ids=lambda x: str(x) if isinstance(x, (str, tuple)) else "",
)
def test_edges_give_what_ieee_754_and_the_conventions_say(name, at, expected, run):
    (found,) = run(TABLE[name], [at])
    assert all(map(same, found, expected)), found


def test_a_branch_that_is_not_taken_contributes_nothing_where_its_factor_is_infinite():
    for build, at in [
        (lambda x: where(x > 1, x.sqrt(), x), 0.0),
        (lambda x: (x.log() * 0 + 1).relu(), 1.0),
        (lambda x: where(x > 1, 1 / x, 2 * x), 0.0),
    ]:
        x = Value(at)
        y = build(x)
        y.backward()
        tape = Tape(y, [x])
        assert math.isfinite(x.grad)
        assert tape.vjp([[at]], [1.0])[0].tolist() == [[x.grad]]


@cache
def measured(name: str) -> str:
    """The worst error of a row, as a line of the table on the page of proofs."""
    op = TABLE[name]
    errors = [max(pair)[0] for pair in zip(*[worst(op, run, 2000) for run in (by_run, by_replay)])]
    value, *partials = [f"{e:.2f}" for e in errors]
    return f"| `{name}` | {value} | {', '.join(partials)} |\n"


if __name__ == "__main__":
    print(*map(measured, TABLE), sep="", end="")
