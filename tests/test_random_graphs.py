"""Gradients of random graphs against central differences in 110 digits, and complex steps."""

import cmath
import math

import pytest
import random_graphs
from hypothesis import given, settings
from random_graphs import FP, Graph, by_backward, check, graphs, kept, spreads

from micrograd_es.engine.ops import TABLE


def test_two_hundred_random_graphs():
    assert random_graphs.search(200) is None


@pytest.mark.parametrize("graph", kept(), ids=lambda g: f"{len(g.nodes)} nodes")
def test_graphs_that_once_failed(graph):
    check(graph)


def test_random_graphs_have_every_operation_and_use_nodes_again():
    names, sizes, again = set(), set(), 0

    @settings(max_examples=300, deadline=None, derandomize=True, database=None)
    @given(graphs())
    def look(graph):
        nonlocal again
        operands = [k for _, chosen in graph.nodes for k in chosen]
        names.update(name for name, _ in graph.nodes)
        sizes.add(len(graph.nodes))
        again += len(operands) > len(set(operands))

    look()
    assert names == set(TABLE)
    assert min(sizes) <= 3
    assert max(sizes) >= 38
    assert again > 100


def test_a_wrong_derivative_is_found_and_shrunk(monkeypatch):
    # the checker is wrong here, by one part in 10**10, and the engine is not
    sigmoid = random_graphs.MP["sigmoid"]
    wrong = sigmoid._replace(value=lambda a: sigmoid.value(a) * (1 + 1e-10))
    monkeypatch.setitem(random_graphs.MP, "sigmoid", wrong)
    graph = random_graphs.search(200, ("sigmoid", "add", "mul"))
    assert graph is not None
    assert [name for name, _ in graph.nodes] == ["sigmoid", "sum"]


# -- complex step: f(x + ih) has f'(x)·h as its imaginary part, and nothing is subtracted -----

_SMOOTH = ("add", "sub", "mul", "div", "neg", "exp", "log", "sqrt", "sin", "cos", "tanh", "sum")
_COMPLEX = {
    **{name: FP[name].value for name in ("add", "sub", "mul", "div", "neg", "sum")},
    "exp": cmath.exp, "log": cmath.log, "sqrt": cmath.sqrt, "sin": cmath.sin, "cos": cmath.cos,
    "tanh": cmath.tanh,
}  # fmt: skip


def complex_steps(graph: Graph) -> list[float]:
    gradient = []
    for k in range(len(graph.variables)):
        numbers = [complex(x, 1e-200 if i == k else 0.0) for i, x in enumerate(graph.leaves)]
        for name, operands in graph.nodes:
            numbers.append(_COMPLEX[name](*[numbers[j] for j in operands]))
        gradient.append(numbers[-1].imag / 1e-200)
    return gradient


@settings(max_examples=200, deadline=None, derandomize=True, database=None)
@given(graphs(_SMOOTH))
def test_complex_steps(graph):
    found = by_backward(graph)[1:]
    for g, expected, s in zip(found, complex_steps(graph), spreads(graph)[1:]):
        # both are rounded
        assert math.isclose(g, expected, rel_tol=1e-15, abs_tol=128 * s + 1e-35)
