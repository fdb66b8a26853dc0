"""A new operation is one row: each is planted as one line of the table, and works everywhere."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from micrograd_es.engine.ops import TABLE, Operation

ROOT = Path(__file__).resolve().parent.parent

# A row composed of others, a primitive of one operand, and one of two, each under a name that
# some namespaces have and others spell otherwise.
ROWS = {
    "softsign": r"""Operation("softsign", "a / (1.0 + abs(a))",
        ("(h := 1.0 / (1.0 + abs(a))) * h",), r"\mathrm{{softsign}}({a})", (0.5,))""",
    "arcsinh": r"""Operation("arcsinh", "arcsinh(a)",
        ("1.0 / hypot(1.0, a)",), r"\operatorname{{arsinh}} {a}", (0.5,), "asinh")""",
    "atan2": r"""Operation("atan2", "atan2(a, b)", _ARCTAN2, r"\mathrm{{atan2}}({a}, {b})",
        (1.5, -0.5))""",
}
WRONG = ROWS["softsign"].replace("(h := 1.0 /", "(h := 1.001 /")

# What a user does with it; the tests do the rest.
PROGRAM = r"""
import sys
import numpy as np
from micrograd_es import Tape, Value, check_gradient, draw_graph, explain, grad
from micrograd_es.cli import main
from micrograd_es.engine.functions import function
from micrograd_es.engine.ops import TABLE
name = sys.argv[1]
op, f = TABLE[name], function(TABLE[name])
w, x = Value(0.5, "w"), Value(2.0, "x")
operands = [w * x + 1, w][: op.arity]
y = f(*operands)
y.backward()
assert getattr(operands[0], name)(*operands[1:]).data == y.data
if op.arity == 1 and hasattr(np, name):
    assert getattr(np, name)(operands[0]).data == y.data
assert check_gradient(lambda *v: f(*v), op.at, order=2)
slope = grad(y, w, create_graph=True)
assert slope.data == w.grad, (slope.data, w.grad)
tape = Tape(y, [x], [w])
value, gradient = tape.value_and_grad([[2.0]])
np.testing.assert_allclose([value[0], gradient[0]], [y.data, w.grad], rtol=1e-14)
graph = draw_graph(y)
assert (op.sign or name) in graph.source
squared = explain(y * y, w)
written = op.notation.split("{a}")[0].split("{")[-1].split("}")[0]
assert f"2{written}(w · x + 1" in squared.text, squared.text
assert written in squared.latex
assert f"{written} w" not in squared.text + explain(y, w).text
call = f"{name}({', '.join(['w*x + 1', 'w'][: op.arity])})"
assert main(["explain", call, "w=0.5", "x=2", "--wrt", "w"]) == 0
assert main(["explain", f"{name}(w, x, w)", "w=0.5", "x=2", "--wrt", "w", "--lang", "en"]) == 2
"""
ELSEWHERE = r"""
import sys
from test_tape_elsewhere import every_operation
import numpy as np
tape, X = every_operation()
expected = tape.value_and_grad(X)
for library in sys.argv[1:]:
    if library == "torch":
        import torch
        found = tape.to("torch")(torch.tensor(X), torch.tensor(tape.theta))
    else:
        import jax
        jax.config.update("jax_enable_x64", True)
        found = tape.to("jax")(jax.numpy.array(X), jax.numpy.array(tape.theta))
    np.testing.assert_allclose(found[0], expected[0], rtol=1e-12)
    np.testing.assert_allclose(found[1], expected[1], rtol=1e-11, atol=1e-14)
"""
TESTS = [
    "test_ops.py", "test_accuracy.py", "test_algebra.py", "test_tape.py", "test_gradcheck.py",
    "test_promises.py", "test_torch.py",
]  # fmt: skip


@pytest.fixture
def planted(tmp_path):
    """Plants a line in a copy of the project; gives a function that runs Python there."""

    def plant(line: str):
        for folder in ("micrograd_es", "tests", "tools", "demos"):
            shutil.copytree(ROOT / folder, tmp_path / folder, dirs_exist_ok=True)
        for page in ("PROOFS.md", "PRUEBAS.md", "setup.cfg", "README.md", "README.es.md"):
            shutil.copy(ROOT / page, tmp_path)
        table = tmp_path / "micrograd_es/engine/ops.py"
        text = table.read_text("utf-8")
        first = '    Operation("add", '
        assert text.count(first) == 1
        table.write_text(text.replace(first, f"    {line},\n{first}"), "utf-8")
        path = os.pathsep.join([str(tmp_path), str(tmp_path / "tests")])

        def run(*words: str) -> subprocess.CompletedProcess:
            return subprocess.run(
                [sys.executable, *words],
                cwd=tmp_path, env={**os.environ, "PYTHONPATH": path},
                capture_output=True, text=True, timeout=600,
            )  # fmt: skip

        return run

    return plant


def checks_of(name: str) -> list[str]:
    words = ["-m", "pytest", "-qx", "-p", "no:cacheprovider", "-k", name]
    return [*words, *(f"tests/{file}" for file in TESTS)]


@pytest.mark.parametrize("name", ROWS)
def test_one_row_works_everywhere(planted, name):
    assert name not in TABLE
    run = planted(ROWS[name])
    done = run("-c", PROGRAM, name)
    assert done.returncode == 0, done.stdout + done.stderr
    done = run(*checks_of(name))
    assert done.returncode == 0, done.stdout + done.stderr
    done = run(
        "-c", f"import random_graphs as r; assert not r.search(60, ({name!r}, 'mul', 'add'))"
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_page_of_proofs_takes_up_a_new_row(planted):
    run = planted(ROWS["softsign"])
    assert run("tools/proofs.py").returncode == 0
    done = run("-m", "pytest", "-qx", "-p", "no:cacheprovider", "tests/test_proofs.py")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("library", ["torch", "jax"])
def test_all_of_them_on_other_arrays(planted, library):
    pytest.importorskip(library)
    pytest.importorskip("array_api_compat")
    done = planted(",\n    ".join(ROWS.values()))("-c", ELSEWHERE, library)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_row_with_a_wrong_derivative_is_refused(planted):
    done = planted(WRONG)(*checks_of("softsign"))
    assert done.returncode == 1, (
        done.stdout + done.stderr
    )  # tests have failed; the right row's pass


def test_a_row_that_loses_digits_is_refused(planted):
    line = """Operation("lost", "exp(a) - 1.0", ("exp(a)",), r"\\mathrm{{lost}}({a})", (0.5,))"""
    done = planted(line)("-m", "pytest", "-qx", "-k", "lost", "tests/test_accuracy.py")
    assert done.returncode == 1, done.stdout + done.stderr


@pytest.mark.parametrize(
    "text",
    [
        "a ** 3.0", "a @ a", "2 * a", "a if a else a", "a.real", "a[0.0]", "[a]", "q * a",
        "a < b < a", "exp(a)(a)", "exp(x=a)", "exp(*a)", "lambda: a", "not a", "a and a", "a % a",
        "'a'", "None", "True", "1j", "open(1)", "__import__('os')", "y * a",
        "(node := a) * node",
    ],
)  # fmt: skip
def test_what_is_outside_the_language_of_the_rows_is_refused_at_once(text):
    with pytest.raises(ValueError, match="row 'new'"):
        Operation("new", text, ("1.0", "1.0"), "{a}{b}", (1.0, 1.0))


def test_a_row_that_calls_what_is_no_row_is_refused_when_the_package_is_imported(planted):
    done = planted('Operation("new", "opened(a)", ("1.0",), "{a}", (1.0,))')(
        "-c", "import micrograd_es"
    )
    assert "NameError: the row 'new' calls" in done.stderr
    done = planted('Operation("new", "a ** 3.0", ("1.0",), "{a}", (1.0,))')(
        "-c", "import micrograd_es"
    )
    assert "ValueError: 'a ** 3.0' in the row 'new'" in done.stderr
