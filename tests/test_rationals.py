"""Gradients equal to those of exact fractions, bit for bit, where floats are exact too."""

from fractions import Fraction

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from random_graphs import WAYS, Graph

# name: value, partials
RULES = {
    "add": (lambda a, b: a + b, lambda a, b: (1, 1)),
    "sub": (lambda a, b: a - b, lambda a, b: (1, -1)),
    "mul": (lambda a, b: a * b, lambda a, b: (b, a)),
    "div": (lambda a, b: a / b, lambda a, b: (1 / b, -a / b**2)),
    "neg": (lambda a: -a, lambda a: (-1,)),
    "pow": (lambda a, n: a**n, lambda a, n: (n * a ** (n - 1) if n else 0, 0)),
    "sum": (lambda *a: sum(a), lambda *a: (1,) * len(a)),
}
POWERS = (2.0, 3.0, 1.0, 0.0, -1.0, -2.0, 5.0)


def exact(*terms: Fraction) -> bool:
    """Whether floats add the terms without rounding, in whatever order."""
    unit = max(x.denominator for x in terms)
    dyadic = unit & (unit - 1) == 0
    return dyadic and unit < 2**500 and sum(map(abs, terms)) * unit < 2**53


@st.composite
def graphs(draw):
    """A few operations on small multiples of 1/4, whose values floats hold exactly."""
    variables = draw(st.lists(st.integers(-16, 16).map(lambda k: k / 4), min_size=1, max_size=4))
    numbers = list(map(Fraction, (*variables, *POWERS)))
    usable = list(range(len(variables)))
    nodes = []
    for _ in range(draw(st.sampled_from(range(1, 16)))):
        name = draw(st.sampled_from(list(RULES)))
        operands = [draw(st.sampled_from(usable)) for _ in range(1 if name == "neg" else 2)]
        if name == "pow":
            operands[1] = len(variables) + draw(st.integers(0, len(POWERS) - 1))
        a, *b = (numbers[k] for k in operands)
        if (name == "div" and not b[0]) or (name == "pow" and not a and b[0] < 0):
            continue
        if name == "pow":
            b = [int(b[0])]
        y = Fraction(RULES[name][0](a, *b))
        if exact(y) and abs(y) < 2**20 and y.denominator <= 2**20:
            nodes.append((name, tuple(operands)))
            usable.append(len(numbers))
            numbers.append(y)
    assume(nodes)
    return Graph(tuple(variables), POWERS, tuple(nodes))


def by_fractions(graph: Graph) -> list[Fraction] | None:
    """Output and gradient; None where a float would have to round on the way."""
    numbers = list(map(Fraction, graph.leaves))
    for name, operands in graph.nodes:
        at = [numbers[k] for k in operands]
        if name == "pow":
            at[1] = int(at[1])
        numbers.append(Fraction(RULES[name][0](*at)))
    arrived: list[list[Fraction]] = [[] for _ in numbers]
    arrived[-1] = [Fraction(1)]
    for i in range(len(numbers) - 1, len(graph.leaves) - 1, -1):
        if not arrived[i]:
            continue
        name, operands = graph.nodes[i - len(graph.leaves)]
        at = [numbers[k] for k in operands]
        if name == "pow":
            at[1] = int(at[1])
        for k, partial in zip(operands, RULES[name][1](*at)):
            partial = Fraction(partial)
            arrived[k].append(sum(arrived[i]) * partial)
            if not exact(partial):
                return None
    if not all(exact(*terms) for terms in arrived if terms):
        return None
    return [numbers[-1], *(sum(terms, Fraction(0)) for terms in arrived[: len(graph.variables)])]


@settings(max_examples=300, deadline=None, derandomize=True, database=None)
@given(graphs())
def test_gradients_are_those_of_exact_fractions(graph):
    expected = by_fractions(graph)
    assume(expected is not None)
    for run in WAYS.values():
        assert [Fraction(x) for x in run(graph)] == expected


@pytest.mark.parametrize(("p", "q"), [(49, 49), (1, 3), (-7, 11), (22, 7)])
def test_a_division_is_rounded_once(p, q):
    graph = Graph((float(p), float(q)), (), (("div", (0, 1)),))
    for run in WAYS.values():
        assert run(graph)[:2] == [float(Fraction(p, q)), float(Fraction(1, q))]
