import math
import re

import numpy as np
import pytest

from micrograd_es import MLP, Net, Value, draw_graph, mse, sum_squares, vsum
from micrograd_es.engine.graph import topological_order
from micrograd_es.pictures.folding import fold_graph, gradient_of


def folded(root, by):
    return {f.key: f for f in fold_graph(topological_order(root)[::-1], by)}


def labels(nodes):
    return {node.label for node in nodes if node.label}


@pytest.fixture
def model():
    return MLP(2, [3, 1], activation="tanh", seed=1)


@pytest.fixture
def cost(model):
    samples = [[0.5, -1.0], [1.0, 2.0], [3.0, 0.0]]
    C = mse([model(x) for x in samples], [1.0, -1.0, 0.5])
    C.backward()
    return C


def test_by_layer(cost):
    folds = folded(cost, "layer")
    assert list(folds) == ["inputs", 1, 2, "cost"]
    assert labels(folds["inputs"].nodes) == {"x⁽¹⁾", "x⁽²⁾"}
    assert {"w₍₁₎⁽³·²⁾", "b₍₁₎⁽¹⁾", "z₍₁₎⁽²⁾", "a₍₁₎⁽³⁾"} <= labels(folds[1].nodes)
    assert labels(folds[2].outputs) == {"y⁽¹⁾"}
    assert len(folds[2].outputs) == 3  # one a sample


def test_by_neuron(cost):
    folds = folded(cost, "neuron")
    assert list(folds) == ["inputs", (1, 1), (1, 2), (1, 3), (2, 1), "cost"]
    assert labels(folds[1, 2].parameters) == {"w₍₁₎⁽²·¹⁾", "w₍₁₎⁽²·²⁾", "b₍₁₎⁽²⁾"}


def test_by_sample(model, cost):
    folds = folded(cost, "sample")
    assert list(folds) == ["parameters", 1, 2, 3]
    assert set(folds["parameters"].nodes) == set(model.parameters())
    x = [{n.data for n in folds[k].nodes if n.label.startswith("x")} for k in (1, 2, 3)]
    assert x == [{0.5, -1.0}, {1.0, 2.0}, {3.0, 0.0}]
    for k in (1, 2, 3):
        (loss,) = folds[k].outputs
        assert folds[k].gradient(cost) == loss.grad == pytest.approx(1 / 3)


def test_a_penalty_on_the_weights_stands_with_the_parameters(model, cost):
    penalty = 0.01 * vsum([p * p for p in model.parameters()])
    total = cost + penalty
    total.backward()
    fold = folded(total, "sample")["parameters"]
    assert fold.outputs[-1] is penalty
    assert set(fold.parameters) == set(model.parameters())
    assert len(fold.nodes) == 2 * len(fold.parameters) + 3


@pytest.mark.parametrize("by", ["layer", "neuron", "sample"])
def test_every_node_is_in_one_fold_at_most_and_the_root_in_none(cost, by):
    nodes = [node for fold in folded(cost, by).values() for node in fold.nodes]
    assert len(nodes) == len(set(nodes))
    assert cost not in nodes
    assert len(nodes) >= len(topological_order(cost)) - 4


def test_the_gradient_of_a_fold(model, cost):
    fold = folded(cost, "layer")[1]
    expected = np.linalg.norm([p.grad for p in model.layers[0].parameters()])
    assert fold.parameter_gradient(cost) == pytest.approx(expected, rel=1e-12)
    expected = math.sqrt(sum(a.grad**2 for a in fold.outputs))
    assert fold.gradient(cost) == pytest.approx(expected, rel=1e-12)
    assert labels(fold.outputs) == {"a₍₁₎⁽¹⁾", "a₍₁₎⁽²⁾", "a₍₁₎⁽³⁾"}


def test_before_the_backward_pass_there_is_no_gradient(model):
    C = mse(model([1.0, 2.0]), 0.5)
    fold = folded(C, "layer")[1]
    assert fold.gradient(C) is None
    assert fold.parameter_gradient(C) is None
    assert gradient_of(C, C) is None
    C.backward()
    assert gradient_of(C, C) == 1.0


@pytest.mark.parametrize("form", ["weighted-sum", "mean-input", "mean-output"])
def test_the_notes_network_folds_in_every_form(form):
    C = Net(2, L=2, seed=0, form=form, C=sum_squares).graph([1.0, 0.0], [0.0, 1.0]).cost
    assert [key for key in folded(C, "layer") if isinstance(key, int)] == [1, 2]
    neurons = [key for key in folded(C, "neuron") if isinstance(key, tuple)]
    assert neurons == [(1, 1), (1, 2), (2, 1), (2, 2)]


def test_inputs_without_names_stand_by_themselves(model):
    x = [Value(1.0), Value(2.0)]
    C = model(x) ** 2
    assert not any(v in fold.nodes for fold in folded(C, "neuron").values() for v in x)


def test_what_cannot_be_folded():
    y = Value(1.0) + 2
    with pytest.raises(ValueError, match="neuron, layer, sample, not 'row'"):
        draw_graph(y, fold="row")
    with pytest.raises(ValueError, match="nothing to fold by"):
        draw_graph(y, fold="layer")


# -- drawn --------------------------------------------------------------------------


def boxes(graph):
    return set(re.findall(r"^\t+([nf]\d+) \[label", graph.source, re.MULTILINE))


def test_a_drawing_folds_and_opens(cost):
    whole = boxes(draw_graph(cost))
    closed = boxes(draw_graph(cost, fold="neuron"))
    opened = draw_graph(cost, fold="neuron", opened=[(1, 2)])
    assert len(whole) == len(topological_order(cost))
    assert closed == {"f0", "f1", "f2", "f3", "f4", "f5", f"n{len(whole) - 1}"}
    assert "f2" not in boxes(opened)
    assert len(boxes(opened)) == len(closed) - 1 + len(folded(cost, "neuron")[1, 2].nodes)
    assert "cluster2" in opened.source
    assert "capa 1, neurona 2" in opened.svg()


def test_opening_everything_draws_every_node(cost):
    keys = list(folded(cost, "layer"))
    assert boxes(draw_graph(cost, fold="layer", opened=keys)) == boxes(draw_graph(cost))


def test_a_fold_shows_its_gradient(cost):
    svg = draw_graph(cost, fold="layer").svg()
    assert "‖grad w, b‖" in svg
    assert "capa 1" in svg
    assert "—" not in svg


def test_opening_what_is_not_there(cost):
    with pytest.raises(ValueError, match="no fold 9 to open"):
        draw_graph(cost, fold="layer", opened=[9])


def test_5000_nodes_fold_and_open():
    model = MLP(2, [8, 8, 1], activation="tanh", seed=3)
    cost = mse([model([i / 32, 1 - i / 16]) for i in range(40)], [0.0] * 40)
    cost.backward()
    assert len(topological_order(cost)) > 5000
    with pytest.raises(ValueError, match="fold='layer'"):
        draw_graph(cost)
    for fold in "layer", "neuron", "sample":
        assert draw_graph(cost, fold=fold).svg().count("<g id=") < 500
    assert "ejemplo 7" in draw_graph(cost, fold="sample", opened=[7]).svg()
    with pytest.raises(ValueError, match="beyond limit=500"):
        draw_graph(cost, fold="layer", opened=[2])


def test_a_long_sum_of_losses_folds_by_sample():
    model = MLP(1, [1], seed=0)
    total = Value(0.0)
    for i in range(300):
        total = total + (model([float(i)]) - 1.0) ** 2
    assert len(folded(vsum([total, 0.0]), "sample")) == 301


@pytest.mark.parametrize(("by", "name"), [("neuron", "capa 1, neurona"), ("sample", "ejemplo")])
def test_neurons_and_samples_stand_in_their_order(by, name):
    model = MLP(2, [5, 5, 1], seed=0)
    cost = mse([model([k, 1.0 - k]) for k in range(5)], [1.0, 0.0, 1.0, 0.0, 1.0])
    svg = draw_graph(cost, fold=by).svg()
    heights = [
        float(re.search(rf'y="([-.\d]+)"[^>]*>{name} {n}</text>', svg)[1]) for n in range(1, 6)
    ]
    assert heights == sorted(heights)
