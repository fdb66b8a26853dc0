"""Programs that a tape writes compute what define-by-run does, without this package."""

import ctypes
import json
import keyword
import math
import random
import shutil
import subprocess
import sys

import pytest
from hypothesis import given, settings
from random_graphs import graphs

from micrograd_es import MLP, Tape, Value, cross_entropy, custom, maximum, vsum, where
from micrograd_es.engine.functions import function
from micrograd_es.engine.ops import TABLE

INF, NAN = math.inf, math.nan
ODD = [0.0, -0.0, 1.0, -1.0, 0.5, -8.0, 1 / 3, 2.0, 1e-308, 1e308, 1000.0, -1000.0, INF, -INF, NAN]
COMPILER = shutil.which("cc")
needs_c = pytest.mark.skipif(COMPILER is None, reason="no C compiler")


def in_python(text):
    names = {}
    exec(compile(text, "<source>", "exec"), names)
    return names["value_and_grad"]


def in_c(text, folder):
    name = f"source{len([*folder.iterdir()])}"  # a library is loaded once under each name
    file, library = folder / f"{name}.c", folder / f"{name}.so"
    file.write_text(text, "utf-8")
    strict = ["-std=c99", "-O0", "-Wall", "-Wextra", "-Werror", "-pedantic"]
    command = [COMPILER, *strict, "-shared", "-fPIC", str(file), "-o", str(library), "-lm"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert not done.returncode, done.stderr
    f = ctypes.CDLL(str(library)).value_and_grad
    f.restype = ctypes.c_double

    def value_and_grad(inputs, parameters):
        given = [(ctypes.c_double * len(x))(*x) for x in (inputs, parameters)]
        results = [(ctypes.c_double * len(x))() for x in (inputs, parameters)]
        return f(*given, *results), *map(list, results)

    return value_and_grad


def by_run(build, *numbers):
    values = [[Value(x) for x in part] for part in numbers]
    y = build(*values)
    y.backward()
    return y.data, *[[v.grad for v in part] for part in values]


def taped(build, *numbers):
    values = [[Value(x) for x in part] for part in numbers]
    return Tape(build(*values), *values)


def agree(found, expected, ulps=8.0):
    """A few operations, each within 4 ulp."""
    for a, b in zip([found[0], *found[1], *found[2]], [expected[0], *expected[1], *expected[2]]):
        assert math.isclose(a, b, rel_tol=ulps * 2**-52) or (a != a and b != b), (found, expected)


def points(op):
    rng = random.Random(op.name)
    return [[x * 1.25 for x in op.at], *([rng.choice(ODD) for _ in op.at] for _ in range(60))]


@pytest.mark.parametrize("op", TABLE.values(), ids=TABLE)
@pytest.mark.parametrize("write", ["python", pytest.param("c", marks=needs_c)])
def test_every_row_at_odd_numbers_too(op, write, tmp_path):
    def build(x, w):
        return function(op)(*w, *x)

    n = 1 if op.variadic else op.arity - 1
    tape = taped(build, op.at[1:] or [1.0] * (n if op.variadic else 0), op.at[:1])
    text = tape.source(write)
    f = in_python(text) if write == "python" else in_c(text, tmp_path)
    for at in points(op):
        rest = at[1:] or [0.75] * (n if op.variadic else 0)
        expected = by_run(build, rest, at[:1])
        if write == "python":
            assert repr(f(rest, at[:1])) == repr(expected)
        else:
            agree(f(rest, at[:1]), expected)


BRANCHES = {
    "a logarithm": lambda x, w: where(x[0] > 0, w[0] * x[0].log(), 0.0),
    "a reciprocal": lambda x, w: maximum(w[0] / x[0], w[1] * x[1]),
    "a root": lambda x, w: where(x[0] > x[1], (w[0] * x[0]).sqrt(), w[1] * x[1]),
    "branches in branches": lambda x, w: maximum(
        where(x[0] > 0, (w[0] / x[0]).relu().sqrt(), w[1].log() * x[1]), (w[0].sqrt() - x[1]).relu()
    ) + abs(w[1]).sqrt(),
    "one in two": lambda x, w: where(x[0], (z := w[0].log()) * x[1], 1.0) + z.relu() * w[1],
    "a comparison": lambda x, w: (x[0] < x[1]) * w[0] / x[1] + w[1],
    "the same twice": lambda x, w: (x[0] * x[0]).relu() ** x[1] / w[0],
}  # fmt: skip


@pytest.mark.parametrize("name", BRANCHES)
@pytest.mark.parametrize("write", ["python", pytest.param("c", marks=needs_c)])
def test_a_branch_that_is_not_taken_contributes_nothing(name, write, tmp_path):
    build, rng = BRANCHES[name], random.Random(0)
    text = taped(build, [0.5, 2.0], [3.0, 4.0]).source(write)
    f = in_python(text) if write == "python" else in_c(text, tmp_path)
    for _ in range(200):
        x, w = ([rng.choice(ODD) for _ in range(2)] for _ in range(2))
        agree(f(x, w), by_run(build, x, w), 32.0)


@settings(max_examples=60, deadline=None)
@given(graphs())
def test_random_graphs_to_the_bit_in_python(graph):
    n = len(graph.variables) // 2

    def build(x, w):
        return graph.build([*x, *w])

    given = graph.variables[:n], graph.variables[n:]
    f = in_python(taped(build, [0.75] * n, [1.5] * (len(graph.variables) - n)).source("python"))
    assert repr(f(*given)) == repr(by_run(build, *given))


def network():
    model = MLP(3, [4, 3], "relu", seed=0)
    x = [Value(0.3 * k - 0.2, f"x⁽{k}⁾") for k in range(3)]
    y = cross_entropy(model(x), 1)
    y.backward()
    given = [v.data for v in x], [p.data for p in model.parameters()]
    expected = y.data, [v.grad for v in x], [p.grad for p in model.parameters()]
    return Tape(y, x, model.parameters()), given, expected


def test_a_network_where_this_package_is_not(tmp_path):
    tape, given, expected = network()
    file = tmp_path / "program.py"
    call = "import json, sys; print(json.dumps(value_and_grad(*json.loads(sys.argv[1]))))"
    file.write_text(f"{tape.source('python')}\n{call}\n", "utf-8")
    command = [sys.executable, "-I", "-S", str(file), json.dumps(given)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert not done.stderr
    value, *gradients = json.loads(done.stdout)
    assert (value, *gradients) == expected


@needs_c
def test_a_network_in_c(tmp_path):
    tape, given, expected = network()
    agree(in_c(tape.source("c"), tmp_path)(*given), expected, 64.0)


@needs_c
def test_labels_are_names_in_c(tmp_path):
    tape, at = labelled()
    f = in_c(tape.source("c"), tmp_path)
    agree(f(at, [2.0, 3.0]), in_python(tape.source("python"))(at, [2.0, 3.0]))


LABELS = [
    "x", "x", "d_x", "reached_x", "exp", "d_exp", "pow_a", "lambda", "inputs", "math", "NAN",
    "M_PI", "double", "slope", "v1", "w₁", "x⁽¹⁾", "año", "σ", "a + b", "", "∂", "2", "whole",
    "None", "a" * 200, "j1", "e", "linux", "x_2", "erf", "erf_", "map", "value_and_grad",
]  # fmt: skip


def labelled():
    x = [Value(0.5 + k / 16, label) for k, label in enumerate(LABELS)]
    w = [Value(2.0, "w₁"), Value(3.0)]
    y = vsum([v.exp() * w[0] + v.erf() ** w[1] for v in x])
    z = (y / 7).relu().sigmoid() + Value(-2.0, "c") * w[0] - Value(NAN).relu() * 0
    z.label = "C"
    return Tape(z, x, w), [v.data for v in x]


def test_labels_are_names():
    tape, at = labelled()
    text = tape.source("python")
    f = in_python(text)
    names = f.__code__.co_varnames
    assert {"x", "w1", "x_1", "año", "σ", "a_b", "lambda_", "c", "C"} <= {*names}
    assert not any(map(keyword.iskeyword, names))
    value, d_x, d_w = f(at, [2.0, 3.0])
    assert (value, len(d_x), len(d_w)) == (pytest.approx(NAN, nan_ok=True), len(at), 2)


def test_only_what_is_needed_is_there():
    x = Value(2.0, "x")
    text = Tape(x * x + 1, [x]).source("python")
    assert text.count("def ") == 1
    assert text.count("import") == 1
    assert "[x] = map(float, inputs)" in text


@pytest.mark.parametrize("n", range(1, 60))
def test_long_lists_are_cut_where_python_lets_one(n):
    w = [Value(2.0, f"w{k}") for k in range(n)]
    value, _d_x, d_w = in_python(Tape(vsum(w), (), w).source("python"))([], [3.0] * n)
    assert (value, d_w) == (3.0 * n, [1.0] * n)


@pytest.mark.parametrize("chain", [True, False])
def test_large_graphs(chain, tmp_path):
    x, w = Value(0.5), Value(0.25)
    if chain:
        y = x
        for k in range(5000):
            y = (y * w).sin() if k % 2 else y + x
    else:
        y = vsum([x * w for _ in range(10_000)])
    y.backward()
    tape = Tape(y, [x], [w])
    expected = y.data, [x.grad], [w.grad]
    assert in_python(tape.source("python"))([0.5], [0.25]) == expected
    if COMPILER:
        agree(in_c(tape.source("c"), tmp_path)([0.5], [0.25]), expected, 64.0)


@pytest.mark.parametrize("write", ["python", pytest.param("c", marks=needs_c)])
def test_what_has_no_operation(write, tmp_path):
    x, w = Value(2.0), Value(3.0)
    for tape, expected in (
        (Tape(x, [x], [w]), (5.0, [1.0], [0.0])),
        (Tape([w], [x], [w]), (7.0, [0.0], [1.0])),
        (Tape(Value(-4.0), [x], [w]), (-4.0, [0.0], [0.0])),
        (Tape((x < w) * 1.0, [x], [w]), (1.0, [0.0], [0.0])),
        (Tape(Value(-4.0).exp()), (math.exp(-4), [], [])),
    ):
        text = tape.source(write)
        f = in_python(text) if write == "python" else in_c(text, tmp_path)
        given = ([5.0], [7.0]) if expected[1] else ([], [])
        assert f(*given) == expected


def square(z):
    return z * z


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda x: Tape(x, [x]).source("java"), "python or c, not 'java'"),
        (lambda x: Tape([x, x + 1], [x]).source("python"), "one output"),
        (lambda x: Tape(custom(square, lambda z: 2 * z, x), [x]).source("c"), "square cannot"),
        (lambda x: Tape(Value(1.0, (x,), "mine"), [x]).source("c"), "custom"),
    ],
)
def test_refuses(make, says):
    with pytest.raises(ValueError, match=says):
        make(Value(2.0))
