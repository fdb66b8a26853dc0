"""Random graphs whose gradients are known without a rule of calculus.

``python tests/random_graphs.py 50000`` checks that many, and appends a failing one, shrunk,
to ``kept_graphs.txt``, from which the tests take it up.

The truth is a central difference in 110 digits. How far a gradient may be from it depends
on the graph: a reference pass in which every node and every adjoint is off by 2**-36 says
how far rounding, 2**17 times smaller, can carry.
"""

from __future__ import annotations

import operator
import random
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import inf, isfinite
from pathlib import Path
from typing import Any

import mpmath
import numpy as np
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from truth import truths

from micrograd_es import Tape, Value, grad, jvp
from micrograd_es.engine.functions import function
from micrograd_es.engine.ops import TABLE

MP, FP = truths(mpmath.mp), truths(mpmath.fp)
KEPT = Path(__file__).with_name("kept_graphs.txt")
U = 2.0**-53
COARSE = 2.0**-36
REPLICAS = 6
OPERATORS: dict[str, Callable[..., Any]] = {
    "add": operator.add, "sub": operator.sub, "mul": operator.mul, "div": operator.truediv,
    "pow": operator.pow, "neg": operator.neg, "abs": operator.abs,
}  # fmt: skip


@dataclass(frozen=True)
class Graph:
    """Variables, plain numbers and operations, numbered in this order; the last is the output."""

    variables: tuple[float, ...]
    constants: tuple[float, ...]
    nodes: tuple[tuple[str, tuple[int, ...]], ...]

    @property
    def leaves(self) -> tuple[float, ...]:
        return self.variables + self.constants

    def build(self, variables: list[Value]) -> Value:
        """As a user would write it: constants are Python's own numbers."""
        env: list[Any] = [*variables, *self.constants]
        for name, operands in self.nodes:
            numbers = [env[k] for k in operands]
            f = function(TABLE[name])
            if any(isinstance(x, Value) for x in numbers):
                f = OPERATORS.get(name, f)
            env.append(f(*numbers))
        return env[-1]


# -- drawing a graph ----------------------------------------------------------------

_LEAVES = st.one_of(
    st.sampled_from([0.5, 1.0, 2.0, 3.0, 0.1]),
    st.floats(0.01, 10),
    st.floats(-3, 3).filter(lambda x: abs(x) > 1e-6),
)


@st.composite
def graphs(draw: Any, names: tuple[str, ...] = tuple(TABLE), size: int = 40) -> Graph:
    """Graphs that stay clear of kinks and of what has no derivative."""
    variables = draw(st.lists(_LEAVES, min_size=1, max_size=4))
    constants = draw(st.lists(_LEAVES, max_size=2))
    numbers = [*variables, *constants]
    nodes: list[tuple[str, tuple[int, ...]]] = []
    comparisons: set[int] = set()

    def pick() -> int:
        k = draw(st.integers(0, len(numbers) + 2))  # the last ones twice as often
        return k if k < len(numbers) else max(0, 2 * len(numbers) - 1 - k)

    for _ in range(draw(st.sampled_from(range(1, size + 1)))):
        name = draw(st.sampled_from(names))
        arity = draw(st.integers(1, 4)) if TABLE[name].variadic else TABLE[name].arity
        first = pick()
        again = arity == 2 and draw(st.integers(0, 5)) == 5  # x * x
        operands = (first, *(first if again else pick() for _ in range(arity - 1)))
        plain = len(variables) <= operands[-1] < len(variables) + len(constants)
        steady = operands[0] in comparisons
        if not _fits(name, [numbers[k] for k in operands], plain, steady):
            name, operands = "sin", operands[:1]
        if name in ("less", "less_equal"):
            comparisons.add(len(numbers))
        nodes.append((name, operands))
        numbers.append(FP[name].value(*[numbers[k] for k in operands]))
    used = {k for _, operands in nodes for k in operands}
    loose = [k for k in range(len(numbers)) if k not in used and k >= len(numbers) - len(nodes)]
    nodes.append(("sum", tuple(loose)))  # so that every node matters
    return Graph(tuple(variables), tuple(constants), tuple(nodes))


def _fits(name: str, operands: list[float], plain: bool, steady: bool) -> bool:
    """Whether an operation has a derivative here, and all its numbers a usual size.

    `plain` says that the last operand is a plain number, `steady` that the first one is a
    comparison, whose 0 stays 0 nearby.
    """
    a, *rest = operands
    if name in ("log", "sqrt", "log2", "log10") and a < 1e-6:
        return False
    if name == "log1p" and a < 1e-6 - 1:
        return False
    if name in ("arctan2", "atan2", "hypot") and abs(a) + abs(rest[0]) < 1e-6:
        return False
    if name in ("arctan2", "atan2") and rest[0] < 0 and abs(a) < 1e-6:
        return False
    if name == "floor" and abs(a - round(a)) < 1e-6:
        return False
    if name in ("mod", "floor_divide"):
        n = a / rest[0] if rest[0] else 0.0
        if abs(n - round(n)) < 1e-6:
            return False
    if name == "pow" and a < 1e-6 and not (plain and rest[0].is_integer() and abs(a) > 1e-6):
        return False
    if name in ("abs", "relu", "leaky_relu", "sign") and abs(a) < 1e-6:
        return False
    if name == "rint" and abs(a - round(a)) > 0.5 - 1e-6:
        return False
    if name == "gelu" and abs(a + 0.7517915) < 0.02:  # where terms of its derivative cancel
        return False
    if name in ("maximum", "minimum", "less", "less_equal") and abs(a - rest[0]) < 1e-6:
        return False
    if name == "where" and abs(a) < 1e-6 and not steady:
        return False
    try:
        y = FP[name].value(*operands)
        partials = [df(*operands) for df in FP[name].partials]
    except (ArithmeticError, ValueError):
        return False
    if name == "pow" and a < 0:
        del partials[1]
    return all(isfinite(x) and abs(x) < 1e6 for x in (y, *partials))


# -- the truth ----------------------------------------------------------------------


def central_differences(graph: Graph) -> tuple[Any, list[Any]]:
    """The output and its derivative by each variable; no derivative rule is used."""
    with mpmath.workdps(110):
        h = mpmath.mpf(10) ** -35
        base = _run(graph, [mpmath.mpf(x) for x in graph.leaves])
        gradient = []
        for k in range(len(graph.variables)):
            ends = []
            for step in (h, -h):
                numbers = list(base)
                numbers[k] += step
                ends.append(_rerun(graph, numbers, k)[-1])
            gradient.append((ends[0] - ends[1]) / (2 * h))
        return base[-1], gradient


def _run(graph: Graph, numbers: list[Any]) -> list[Any]:
    for name, operands in graph.nodes:
        numbers.append(MP[name].value(*[numbers[k] for k in operands]))
    return numbers


def _rerun(graph: Graph, numbers: list[Any], changed: int) -> list[Any]:
    """What depends on one leaf, computed again."""
    touched = {changed}
    for i, (name, operands) in enumerate(graph.nodes, len(graph.leaves)):
        if not touched.isdisjoint(operands):
            touched.add(i)
            numbers[i] = MP[name].value(*[numbers[k] for k in operands])
    return numbers


def spreads(graph: Graph) -> list[float]:
    """How far rounding alone can move the output and each derivative.

    That is the spread of `REPLICAS` passes in which every result, forward and backward, is
    off by up to 2**-36, scaled down to 2**-53.
    """
    rng = random.Random(0)
    try:
        runs = [_coarse(graph, rng) for _ in range(REPLICAS)]
    except (ArithmeticError, ValueError, TypeError):  # 2**-36 already leaves the domain
        return [inf] * (1 + len(graph.variables))
    return [(max(run) - min(run)) * (U / COARSE) for run in zip(*runs)]


def _coarse(graph: Graph, rng: random.Random) -> list[float]:
    def off(x: float) -> float:
        return x * (1 + COARSE * rng.uniform(-1, 1))

    numbers = list(graph.leaves)
    for name, operands in graph.nodes:
        numbers.append(off(FP[name].value(*[numbers[k] for k in operands])))
    adjoints = [0.0] * len(numbers)
    adjoints[-1] = 1.0
    for i in range(len(numbers) - 1, len(graph.leaves) - 1, -1):
        name, operands = graph.nodes[i - len(graph.leaves)]
        upstream = adjoints[i]
        at = [numbers[k] for k in operands]
        for j, k in enumerate(operands):
            if j and name == "pow" and at[0] < 0:
                continue
            df = FP[name].partials[0 if TABLE[name].variadic else j]
            adjoints[k] = off(adjoints[k] + off(upstream * df(*at)))
    return [numbers[-1], *adjoints[: len(graph.variables)]]


# -- what is checked ----------------------------------------------------------------


def by_backward(graph: Graph) -> list[float]:
    """The output and its gradient by `backward()`."""
    variables = [Value(x) for x in graph.variables]
    y = graph.build(variables)
    y.backward()
    return [y.data, *(v.grad for v in variables)]


def by_replay(graph: Graph) -> list[float]:
    """The same by a `Tape` that was recorded at other numbers.

    Every other variable is an input, the rest are parameters.
    """
    variables = [Value(0.75 + k) for k in range(len(graph.variables))]
    tape = Tape(graph.build(variables), variables[::2], variables[1::2])
    X, theta = np.array([graph.variables[::2]] * 2), graph.variables[1::2]
    value = tape.value(X, theta)[1]
    tape.theta = theta
    d_inputs, d_parameters = tape.vjp(X, [0.0, 1.0])
    gradient = np.empty(len(variables))
    gradient[::2], gradient[1::2] = d_inputs[1], d_parameters
    return [float(value), *gradient.tolist()]


def by_graph(graph: Graph) -> list[float]:
    """The same by a graph of the derivative."""
    variables = [Value(x) for x in graph.variables]
    y = graph.build(variables)
    return [y.data, *(d.data for d in grad(y, variables, create_graph=True))]


def by_forward(graph: Graph) -> list[float]:
    """The same in forward mode: a pass for each variable."""
    variables = [Value(x) for x in graph.variables]
    y = graph.build(variables)
    return [y.data, *(jvp(y, v, 1.0) for v in variables)]


WAYS = {
    "backward": by_backward, "replay": by_replay, "graph": by_graph, "forward": by_forward,
}  # fmt: skip


def faults(graph: Graph) -> Iterator[str]:
    """What is further from the truth than rounding can carry it."""
    value, gradient = central_differences(graph)
    tolerances = spreads(graph)
    for way, run in WAYS.items():
        for k, (found, true, s) in enumerate(zip(run(graph), [value, *gradient], tolerances)):
            allowed = 64 * s + 4 * U * abs(found) + 1e-35
            if not abs(mpmath.mpf(found) - true) <= allowed:
                what = f"derivative {k - 1}" if k else "value"
                yield f"{way}: {what} is {found!r}, should be {float(true)!r} ± {allowed:.1e}"


def check(graph: Graph) -> None:
    found = list(faults(graph))
    assert not found, "\n".join([*found, repr(graph)])


def kept() -> list[Graph]:
    """Graphs that have once failed, shrunk."""
    return [eval(line, {"Graph": Graph}) for line in KEPT.read_text("utf-8").splitlines()]


BATCH = 1000


def search(count: int, names: tuple[str, ...] = tuple(TABLE)) -> Graph | None:
    """The first failing one of `count` random graphs, shrunk, if one fails."""
    last: list[Graph] = []
    for number, start in enumerate(range(0, count, BATCH)):

        @seed(number)
        @settings(
            max_examples=min(BATCH, count - start),
            deadline=None,
            database=None,
            phases=[Phase.generate, Phase.shrink],
            suppress_health_check=list(HealthCheck),
        )
        @given(graphs(names))
        def all_agree(graph: Graph) -> None:
            if any(faults(graph)):
                last.append(graph)
                raise AssertionError

        try:
            all_agree()
        except AssertionError:
            return last[-1]
        if count > BATCH:
            print(f"{min(start + BATCH, count):,} graphs agree", flush=True)
    return None


def main(count: int) -> int:
    failing = search(count)
    if failing is None:
        return 0
    print(*faults(failing), failing, sep="\n")
    with KEPT.open("a", encoding="utf-8") as file:
        print(failing, file=file)
    return 1


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
