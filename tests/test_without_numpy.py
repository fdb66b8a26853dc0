"""The core needs Python alone: all of this runs where importing NumPy fails."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import textwrap
from math import isclose

import pytest

# NumPy as on a machine that has none, before anything else is imported.
WITHOUT = """
import sys
class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == "numpy":
            raise ModuleNotFoundError(f"No module named {name!r}", name="numpy")
sys.meta_path.insert(0, Missing())
"""


def run(program: str, *, blocked: bool = True, check: bool = True) -> subprocess.CompletedProcess:
    text = (WITHOUT if blocked else "") + textwrap.dedent(program)
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", text], capture_output=True, text=True, timeout=300
    )
    assert not check or done.returncode == 0, done.stderr
    return done


PROGRAMS = {
    "worksheet": """
        from micrograd_es.worksheet import worksheet
        print(worksheet(1, 2))
    """,
    "values": """
        from fractions import Fraction
        from micrograd_es import Value
        a, b = Value(2, "a"), Value(Fraction(1, 2), "b")
        y = (a * b + 3 - a / 4) ** 2 // 1 + 7 % a + 2**b - abs(-a)
        y.backward()
        print(y.data, a.grad, b.grad)
        for name in "exp log sqrt sin cos tanh sigmoid relu softplus tan arctan sinh cosh".split():
            v = Value(0.5); getattr(v, name)().backward(); print(name, v.grad)
        for name in "log1p expm1 log2 log10 floor rint sign".split():
            v = Value(0.5); getattr(v, name)().backward(); print(name, v.grad)
        for name in "leaky_relu elu gelu silu erf erfc".split():
            v = Value(0.5); getattr(v, name)().backward(); print(name, v.grad)
        for bad in "1", None, True, 1j, [1.0]:
            try: Value(bad)
            except TypeError as error: print(error)
    """,
    "ieee": """
        from micrograd_es import Value
        x = Value(0.0)
        for f in (lambda: 1 / x, lambda: x.log(), lambda: Value(1000).exp(), lambda: x / x,
                  lambda: Value(-8) ** (1 / 3), lambda: x ** -1, lambda: Value(-1).sqrt(),
                  lambda: Value(1e300).sinh(), lambda: Value(float("inf")).sin(), lambda: x % 0,
                  lambda: Value(-1.0).log1p(), lambda: Value(float("-inf")).floor(),
                  lambda: Value(1e200) ** 2, lambda: Value(-1e200) ** 3, lambda: 1 // x):
            print(f().data, [p for p in f().partials])
    """,
    "functions": """
        import math
        from micrograd_es import (Value, arctan2, custom, detect_anomaly, dot, hypot, maximum,
                                  log_softmax, logsumexp, minimum, softmax, vsum, where,
                                  AnomalyError)
        a, b = Value(2.0, "a"), Value(-0.5, "b")
        y = vsum([maximum(a, b), minimum(a, b), where(a > b, a * b, 0), arctan2(a, b), hypot(a, b)])
        y = y + dot([a, b], [b, 3]) + custom(math.sin, math.cos, a)
        y = y + logsumexp([a, b]) + softmax([a, b])[0] * log_softmax([a, b])[1] + round(a, 2)
        y.backward()
        print(y.data, a.grad, b.grad)
        try:
            with detect_anomaly(): Value(0.0, "x").log()
        except AnomalyError as error: print(error)
    """,
    "grad": """
        from micrograd_es import (ForwardPass, Value, check_gradient, grad, hessian, jacobian, jvp,
                                  no_grad)
        x, z = Value(1.25), Value(0.5)
        y = x**3 * z.tanh()
        print(grad(y, [[x], [z]]), jacobian([y, x * z], [x, z]), hessian(y, [x, z]))
        print(jvp([y, x], [[x], z], [[1], 2.0]), ForwardPass(y, x).at(5)[y])
        ForwardPass(y, x).play()
        with no_grad(): print((x * z).parents)
        dy = grad(x**3 * x.tanh(), x, create_graph=True)
        print(dy.data, grad(dy, x))
        print(check_gradient(lambda a, b: a.sin() * b / a, [0.7, 2.0], order=2))
    """,
    "explain": """
        from micrograd_es import BackwardPass, Value, explain
        w, x, b = Value(0.5, "w"), Value(2.0, "x"), Value(-1.0, "b")
        f = (w * x + b).tanh() ** 2 + w.exp()
        f.backward()
        found = explain(f, w)
        print(found.text, found.latex, found.html, sep="\\n")
        steps = BackwardPass(f)
        print([(e.parent.label, e.partial, e.after) for e in steps])
        print(steps._repr_html_())
        steps.play()
    """,
    "pictures": """
        from micrograd_es import MLP, Value, draw_graph, draw_network
        x = Value(3.0, "x")
        print(draw_graph(x * x + x.exp()).source)
        print(draw_network(MLP(2, [3, 1], seed=0)).source)
    """,
    "network": """
        from micrograd_es import (MLP, SGD, Adam, AdamW, Layer, Neuron, binary_cross_entropy,
                                  clip_norm, cross_entropy, hinge, mse, sum_squares)
        X, Y = [[0.0, 1.0], [1.0, 1.0], [-1.0, 0.5]], [1.0, -1.0, 1.0]
        model = MLP(2, [4, 1], activation="tanh", seed=1)
        for optimizer in (SGD(model.parameters(), lr=0.1, momentum=0.9, weight_decay=0.01),
                          Adam(model.parameters(), lr=0.05, weight_decay=0.01),
                          AdamW(model.parameters(), lr=lambda k: 0.05 / (k + 1))):
            for _ in range(5):
                optimizer.zero_grad()
                loss = mse([model(x) for x in X], Y)
                loss.backward()
                print(clip_norm(model.parameters(), 1.0))
                optimizer.step()
        print(loss.data, [p.data for p in model.parameters()])
        print(hinge([model(x) for x in X], Y).data, sum_squares([1.0, 2.0], [0.5, 2.0]))
        print(cross_entropy([[1.0, 2.0, 0.5]], [1]), binary_cross_entropy([0.25], [1.0]))
        print(Neuron(2, seed=3)(X[0]).data, [v.data for v in Layer(2, 2, seed=3)(X[0])])
    """,
    "notes": """
        from micrograd_es.gallery import load
        notes = load("notas")
        p = notes.network({"x⁽¹⁾": 1.5, "w₍₂₎⁽²·¹⁾": -2.0})
        print(notes._forward(p.A[1][1]), notes._matrices(p), notes._cost(p), notes._rule(p))
        print(notes._derivatives(p, notes.differences(p)))
    """,
    "layers": """
        from micrograd_es import (GRU, RNN, Conv2d, Dropout, Embedding, Layer, LayerNorm,
                                  MaxPool2d, SelfAttention, Sequential, Value, vsum)
        words = Sequential(Embedding(4, 2, seed=0), SelfAttention(2, 1, causal=True, seed=1),
                           LayerNorm(2), Dropout(0.5, seed=2))
        image = Sequential(Conv2d(1, 2, 2, padding=1, seed=3), MaxPool2d(2),
                           lambda maps: [v for rows in maps for row in rows for v in row],
                           Layer(8, 1, init="he", seed=4))
        sequence = words([3, Value(1.0), 0])
        for layer in RNN(2, 3, 2, seed=5), GRU(2, 3, seed=6):
            output, last = layer(sequence)
            y = vsum(output[-1]) * image([[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [7.0, 8.0, 9.0]]])
            y.backward()
            print(y.data, [p.grad for m in (words, image, layer) for p in m.parameters()])
        print(words.eval()([1, 2]), words, image.train().training, len(words.modules()))
    """,
}  # fmt: skip


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_same_without_numpy_as_with_it(name):
    without, with_it = (run(PROGRAMS[name], blocked=b).stdout for b in (True, False))
    assert without == with_it
    assert len(without) > 50


def test_the_bits_of_a_training_are_those_of_numpy():
    loaded = run("import numpy\n" + textwrap.dedent(PROGRAMS["network"]), blocked=False).stdout
    assert run(PROGRAMS["network"]).stdout == loaded


TRAININGS = [
    "updates=40&test=20",
    "layers=3-2&activation=relu&loss=hinge&data=xor&noise=0.2&updates=40",
    "layers=4&loss=cross_entropy&data=circles&features=x1-x2x2-sinx1&l1=0.01&l2=0.02&updates=40",
    "layers=&loss=binary_cross_entropy&data=blobs&edits=5_0_0.5&updates=40",
    "layers=16-16&data=own&changes=0_1_1_1*1_-1_-1_-1&updates=10",
    "activation=linear&lr=100&updates=1000",  # which stops
]


@pytest.mark.parametrize("query", TRAININGS)
def test_a_training_is_the_same_without_numpy_as_with_it(query):
    program = f"""
        import json
        from micrograd_es.play import answers
        answers.SECONDS = 600
        for path in "/train", "/maps", "/landscape":
            said = answers.answer(path, {query!r})
            assert said.status == 200, said.body
            print(said.body.decode())
    """
    (train, maps, land), (fast, fast_maps, fast_land) = (
        map(json.loads, run(program, blocked=blocked).stdout.splitlines())
        for blocked in (True, False)
    )
    assert (train.pop("slow"), fast.pop("slow")) == (True, False)
    assert (train.pop("cells"), fast.pop("cells")) == (24, 48)  # the corners of both are the same
    for told, n in ((train, 24), (fast, 48)):
        cells = told.pop("map")
        told["corners"] = [cells[0], cells[n - 1], cells[-n], cells[-1]]
    close(train, fast, 1e-9)
    close(maps["neurons"], fast_maps["neurons"], 1e-9, 1.0)  # which are rounded
    assert (land.pop("side"), fast_land.pop("side")) == (13, 25)
    costs, fast_costs = (told.pop("costs") for told in (land, fast_land))
    close(land, fast_land, 1e-6, 1e-4)
    same = [fast_costs[25 * 2 * row + 2 * column] for row in range(13) for column in range(13)]
    close(costs, same, 1e-3)


def close(some, others, rel, least=1e-12):
    """Whether all numbers in two answers agree, and all else is equal."""
    if isinstance(some, dict):
        assert some.keys() == others.keys()
        some, others = list(some.values()), list(others.values())
    if isinstance(some, list):
        assert len(some) == len(others)
        for one, other in zip(some, others):
            close(one, other, rel, least)
    elif isinstance(some, float):
        assert isclose(some, others, rel_tol=rel, abs_tol=least)
    else:
        assert some == others or (isinstance(some, int) and abs(some - others) <= least)


@pytest.mark.parametrize(
    "words",
    [
        ["step", "2*(a*b+c)**2", "a=1", "b=2", "c=3"],
        ["explain", "tanh(w*x)", "w=0.5", "x=2", "--wrt", "w"],
        ["draw", "tanh(w*x)", "w=0.5", "x=2"],
        ["step", "a*b", "a=1", "b=2", "--out", "pages"],
    ],
)
def test_the_command_line(words, tmp_path):
    program = f"""
        import os, sys
        os.chdir({str(tmp_path)!r})
        from micrograd_es.cli import main
        try:
            import pygraphviz  # which may itself want NumPy
        except ImportError:
            pass
        sys.exit(main({words!r}))
    """
    without, with_it = (run(program, blocked=b).stdout for b in (True, False))
    assert without == with_it != ""


ON_ARRAYS = {
    "Tape": "from micrograd_es import Tape",
    "fit": "import micrograd_es; micrograd_es.fit",
    "Net": "from micrograd_es import Net",
    "sigmoid": "from micrograd_es import sigmoid",
    "moons": "from micrograd_es.data import moons; moons()",
    "digits": "from micrograd_es.data import digits; digits()",
    "a model file": "from micrograd_es import MLP; MLP(1, [1]).save('x')",
}


@pytest.mark.parametrize("name", ON_ARRAYS)
def test_what_needs_arrays_says_so(name):
    done = run(ON_ARRAYS[name], check=False)
    assert done.returncode == 1
    assert f"ImportError: {name} needs NumPy: pip install numpy" in done.stderr


def test_a_demo_that_needs_arrays_is_one_line_and_status_2():
    done = run("import sys; from micrograd_es.cli import main; sys.exit(main([]))", check=False)
    assert done.returncode == 2
    assert re.fullmatch(r"micrograd-es: .*NumPy.*\n", done.stderr)


def test_importing_brings_in_nothing_but_the_standard_library():
    program = """
        import sys
        before = set(sys.modules)
        import micrograd_es
        from micrograd_es import cli, engine, nn
        new = {name.split(".")[0] for name in set(sys.modules) - before}
        print(sorted(new - set(sys.stdlib_module_names)))
    """
    assert run(program, blocked=False).stdout == "['micrograd_es']\n"


def test_an_array_is_recognised_though_this_package_did_not_import_numpy():
    program = """
        import micrograd_es, sys
        from micrograd_es import Value
        assert "numpy" not in sys.modules
        import numpy as np
        x = Value(np.array([2.0])) + np.float32(1)
        array = np.array([1.0, 2.0])
        print((array * x)[1].data, (x * array)[1].data, np.exp(x).data)
    """
    assert run(program, blocked=False).stdout == "6.0 6.0 20.085536923187668\n"
