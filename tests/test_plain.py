"""A recorded graph as Python functions computes what a tape does."""

import numpy as np
import pytest
from hypothesis import given, settings
from random_graphs import graphs

from micrograd_es import MLP, Tape, Value, custom, where
from micrograd_es.tape.plain import Plain


@settings(max_examples=40, deadline=None)
@given(graphs())
def test_random_graphs(graph):
    n = len(graph.variables) // 2
    x, w = [Value(0.75) for _ in range(n)], [Value(1.5) for _ in graph.variables[n:]]
    y = graph.build([*x, *w])
    plain = Plain([y], x, w)
    samples = [graph.variables[:n], [0.5] * n]
    values, gradient = plain.value_and_grad(samples, graph.variables[n:])
    slopes = []
    for sample, value in zip(samples, values):
        leaves = [Value(number) for number in [*sample, *graph.variables[n:]]]
        z = graph.build(leaves)
        z.backward()
        assert repr(value) == repr(z.data)
        slopes.append([v.grad for v in leaves[n:]])
    found = plain.value(samples, graph.variables[n:])
    assert repr(found) == repr([[value] for value in values])
    expected = [sum(column) / 2 for column in zip(*slopes)]
    assert gradient == pytest.approx(expected, rel=1e-12, abs=1e-300, nan_ok=True)


def test_several_outputs_of_a_network():
    model = MLP(2, [3, 2], "relu", seed=4)
    x = [Value(0.0, "x"), Value(0.0, "y")]
    hidden = model.layers[0](x)
    outputs = [*x, *hidden, *model.layers[1](hidden), where(x[0] > 0, x[1], 2.0), Value(7.0)]
    X = np.random.default_rng(0).standard_normal((20, 2))
    theta = [p.data for p in model.parameters()]
    found = Plain(outputs, x, model.parameters()).value(X.tolist(), theta)
    np.testing.assert_allclose(found, Tape(outputs, x, model.parameters()).value(X), rtol=1e-12)


def test_a_custom_operation_has_no_text():
    x = Value(2.0)
    y = custom(lambda z: z * z, lambda z: 2 * z, x)
    with pytest.raises(ValueError, match="cannot be written out"):
        Plain([y], [x], []).value([[1.0]], [])
