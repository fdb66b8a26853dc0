"""Native code: each row of the table in C, and recordings replayed by it, block by block."""

from __future__ import annotations

import math
import os
import pickle
import random
import shutil
import subprocess
import sys
from importlib.util import find_spec
from itertools import product
from pathlib import Path
from unittest import mock

import mpmath
import numpy as np
import pytest
from test_accuracy import EDGES, LIMIT, in_domain, same_or_close, true_numbers, worst
from test_new_row import ROWS as NEW
from test_tape_blocks import difference
from truth import ulps

from micrograd_es import MLP, Adam, Tape, Value, cross_entropy, custom, fit, grad, mse, vsum
from micrograd_es.cli import main
from micrograd_es.data import moons
from micrograd_es.engine.algebra import arrays
from micrograd_es.engine.ops import TABLE, Operation
from micrograd_es.engine.value import apply
from micrograd_es.native import library as loading
from micrograd_es.native.writing import can_be_written, text
from micrograd_es.tape import native
from micrograd_es.tape.batches import Batches

ROOT = Path(__file__).resolve().parent.parent
LIBRARY = loading.library()
needs_native = pytest.mark.skipif(not LIBRARY, reason="there is no native code")
LEVELS = range(len(LIBRARY.LEVELS)) if LIBRARY else []
WRITTEN = [op for op in TABLE.values() if not op.variadic]
numpy = arrays(np)


@pytest.fixture
def level(request):
    """Has native code use what processors of one kind have."""
    begun = native.Native.__init__

    def begin(self, *given):
        begun(self, *given)
        self._level = request.param

    with mock.patch.object(native.Native, "__init__", begin):
        yield request.param


at_every_level = pytest.mark.parametrize("level", LEVELS, indirect=True)


def raw(op: Operation, points: list[tuple[float, ...]]) -> tuple[list[list[float]], set[int]]:
    """Value and partials as C gives them, and the points that are handed back."""
    x = [Value(v) for v in op.at]
    tape = Tape(apply(op, *x), x)
    X = np.array(points)
    outputs, d_inputs = np.full((len(X), 1), np.nan), np.full(X.shape, np.nan)
    given = X, np.zeros(0), np.ones((len(X), 1)), outputs, d_inputs
    _, rest = tape._native.run(*given, threads=1, memory_limit=2**28)
    return np.hstack([outputs, d_inputs]).tolist(), {*rest.tolist()}


def by_numpy(op: Operation, points: list[tuple[float, ...]]) -> np.ndarray:
    """The same by the algebra of arrays; what takes no gradient is 0."""
    columns = [np.array(column) for column in zip(*points)]
    with np.errstate(all="ignore"):
        y = numpy.value(op)(*columns)
        partials = [
            numpy.partial(op, i)(y, *columns) if op.takes(i) else 0.0 for i in range(op.arity)
        ]
        return np.stack([np.broadcast_to(part, y.shape) for part in (y, *partials)], axis=1)


# -- each row ---------------------------------------------------------------------------------


@needs_native
def test_the_library_has_every_row_that_takes_a_fixed_number_of_operands():
    assert set(loading.operations()) == set(WRITTEN)


@needs_native
@at_every_level
@pytest.mark.parametrize("op", WRITTEN, ids=lambda op: op.name)
def test_within_four_ulps_over_the_whole_domain(op, level):
    def in_c(op, points):
        expected = by_numpy(op, points)
        finite = np.isfinite(expected).all(axis=1)
        expected[finite], back = raw(op, [at for at, sound in zip(points, finite) if sound])
        assert not back
        return expected.tolist()

    for error, at in worst(op, in_c, 100):
        assert error <= LIMIT, at


@needs_native
@at_every_level
@pytest.mark.parametrize("op", WRITTEN, ids=lambda op: op.name)
def test_edges_are_as_numpy_has_them_or_handed_back(op, level):
    points = list(product(EDGES, repeat=op.arity))
    points = points if op.arity == 1 else random.Random(op.name).sample(points, 1500)
    expected = by_numpy(op, points)
    found, back = raw(op, points)
    checked = 0
    for k, at in enumerate(points):
        if not np.isfinite(expected[k]).all():
            assert k in back, at
            continue
        assert k not in back, at
        assert all(map(same_or_close, found[k], expected[k].tolist())), (at, found[k])
        if all(map(math.isfinite, at)) and in_domain(op, at):
            for x, y in zip(found[k], true_numbers(op, at)):
                if not mpmath.isnan(y):
                    checked += 1
                    assert ulps(x, y) <= LIMIT, (at, x, float(y))
    assert checked > 50


@needs_native
@at_every_level
@pytest.mark.parametrize("name", ["sin", "cos"])
def test_next_to_multiples_of_half_pi_and_far_out(name, level):
    op = TABLE[name]
    rng = random.Random(name)
    near = [float(mpmath.pi / 2 * n) for n in (1, 2, 3, 11, 355, 710, 3819, 10**5, 10**9)]
    points = [
        (sign * math.nextafter(x, to),) for x in near for sign in (1, -1) for to in (x, 0, 1e300)
    ]
    points += [(rng.choice([-1, 1]) * 10.0 ** rng.uniform(3, 20),) for _ in range(300)]
    found, back = raw(op, points)
    assert not back
    for at, numbers in zip(points, found):
        for x, y in zip(numbers, true_numbers(op, at)):
            assert ulps(x, y) <= LIMIT, at


@needs_native
@at_every_level
@pytest.mark.parametrize("name", ["sin", "tanh"])
def test_zeros_keep_their_sign(name, level):
    found, _ = raw(TABLE[name], [(0.0,), (-0.0,)])
    assert [math.copysign(1, y) for y, _ in found] == [1, -1]


def sum_of_far_terms(x: list[Value]) -> Value:
    """A sum of terms that are there at very different times, some of them read again above it."""
    terms, nodes = [], [*x]
    for k in range(60):
        nodes.append((nodes[-1] * nodes[-2 - k % 2]).sin() + 0.5 * x[k % 2])
        terms += [nodes[-1], nodes[-1] * nodes[k // 2], x[0] * 0.25]
    return vsum(terms) * nodes[-1] + vsum(nodes)


@needs_native
@pytest.mark.parametrize("parameters", [0, 1])
def test_a_sum_takes_terms_and_hands_on_gradients_in_their_turn(parameters):
    x = [Value(0.3), Value(-0.7)]
    tape = Tape(sum_of_far_terms(x), x[parameters:], x[:parameters])
    X = np.random.default_rng(3).uniform(-1, 1, (70, 2 - parameters))
    outputs, d_inputs, gradient = tape.value_and_vjp(X, np.ones(70))
    total = np.zeros(parameters)
    for sample, y, d in zip(X.tolist(), np.ravel(outputs), d_inputs):
        leaves = [Value(v) for v in [*tape.theta.tolist(), *sample]]
        root = sum_of_far_terms(leaves)
        expected = grad(root, leaves)
        assert root.data == pytest.approx(y, rel=1e-12)
        np.testing.assert_allclose(d, expected[parameters:], rtol=1e-11)
        total += expected[:parameters]
    np.testing.assert_allclose(gradient, total, rtol=1e-11)


def mostly_sums(x: list[Value], seed: int) -> Value:
    """A graph in which most gradients are handed on as they are, once or several times."""
    source, nodes = random.Random(seed), [*x]
    for _ in range(40):
        a, b = source.choices(nodes[-6:], k=2)
        nodes.append(source.choice([a + b, a - b, -a, a + a, a.sin(), 0.5 * (a + b)]))
    return vsum(source.sample(nodes, 12)) + nodes[-1]


@needs_native
@pytest.mark.parametrize("seed", range(40))
def test_rows_that_share_a_gradient_part_when_more_arrives(seed):
    x = [Value(0.3), Value(-0.7), Value(1.1)]
    tape = Tape(mostly_sums(x, seed), x[:2], x[2:])
    for width in (1, 5, 70):
        X = np.random.default_rng(seed).uniform(-1, 1, (width, 2))
        _, d_inputs, gradient = tape.value_and_vjp(X, np.ones(width))
        leaves = [[Value(v) for v in [*sample, 1.1]] for sample in X.tolist()]
        expected = np.array([grad(mostly_sums(three, seed), three) for three in leaves])
        np.testing.assert_allclose(d_inputs, expected[:, :2], rtol=1e-11, atol=1e-11)
        np.testing.assert_allclose(gradient, expected[:, 2:].sum(axis=0), rtol=1e-11, atol=1e-11)


@needs_native
def test_a_number_gives_the_same_bits_wherever_it_stands():
    x = Value(0.5)
    for name in ("exp", "log", "tanh", "sin", "softplus", "sigmoid", "sqrt", "log1p"):
        tape = Tape(apply(TABLE[name], x), [x])
        X = np.random.default_rng(0).uniform(0.1, 3, (203, 1))
        whole = tape.value(X)
        alone = [tape.value(row[None])[0] for row in X]
        odd = tape.value(np.vstack([X[:70], [[1e8]], X[70:]]))
        np.testing.assert_array_equal(whole, alone)
        np.testing.assert_array_equal(whole, np.delete(odd, 70))


# -- recordings --------------------------------------------------------------------------------


@needs_native
@at_every_level
def test_random_blocks_are_as_by_run(level):
    assert {seed: what for seed in range(5000, 5150) if (what := difference(seed))} == {}


def network(sizes=(3, 16, 8, 4), activation="tanh"):
    model = MLP(sizes[0], list(sizes[1:]), activation, seed=0)
    x = [Value(0.0) for _ in range(sizes[0])]
    t = [Value(0.0) for _ in range(sizes[-1])]
    penalty = 1e-3 * vsum(p * p for p in model.parameters())
    return Tape(cross_entropy(model(x), t) + penalty, [*x, *t], model.parameters())


def batch(n, seed=0):
    rng = np.random.default_rng(seed)
    return np.hstack([rng.normal(size=(n, 3)), np.eye(4)[rng.integers(0, 4, n)]])


def without_native(tape: Tape) -> Tape:
    again = pickle.loads(pickle.dumps(tape))
    again._native = None
    return again


@needs_native
@pytest.mark.parametrize("n", [1, 7, 8, 63, 64, 65, 128, 300, 1000])
def test_batches_of_every_size_are_as_numpy_has_them(n):
    tape, X = network(), batch(n)
    other = without_native(tape)
    weights = np.random.default_rng(1).normal(size=n)
    for a, b in zip(tape.value_and_grad(X, None, weights), other.value_and_grad(X, None, weights)):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-13)
    for a, b in zip(tape.vjp(X, weights), other.vjp(X, weights)):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-13)


@needs_native
def test_x_of_any_layout_and_type():
    tape, X = network(), batch(70)
    expected = tape.value_and_grad(X)
    for other in (np.asfortranarray(X), np.repeat(X, 2, axis=1)[:, ::2], X.tolist()):
        for a, b in zip(tape.value_and_grad(other), expected):
            np.testing.assert_array_equal(a, b)


def test_threads_give_the_same_bits():
    tape, X = network(), batch(3000)
    expected = [*tape.value_and_grad(X), *tape.vjp(X, X[:, 0])]
    for threads in (2, 3, 5, 16):
        tape.threads = threads
        for a, b in zip([*tape.value_and_grad(X), *tape.vjp(X, X[:, 0])], expected):
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(
    ("number", "error"), [(0, ValueError), (-1, ValueError), (1.5, TypeError), (True, TypeError)]
)
def test_threads_are_refused_below_one(number, error):
    tape = network()
    with pytest.raises(error, match="threads"):
        tape.threads = number
    assert tape.threads == 1
    with pytest.raises(error, match="threads"):
        fit(MLP(1, [1], seed=0), [[0.0]], [0.0], mse, epochs=0, threads=number)


def test_fit_in_threads_gives_the_same_bits():
    X, y = moons(600, seed=1)
    trained = []
    for threads in (1, 2):
        model = MLP(2, [8, 1], "tanh", seed=0)
        given = {"epochs": 3, "progress": False, "threads": threads}
        costs = fit(model, X, y, mse, Adam(model.parameters()), **given)
        trained.append([*costs, *(p.data for p in model.parameters())])
    assert trained[0] == trained[1]


@needs_native
@pytest.mark.parametrize("limit", [1, 3000, 50_000])
def test_a_memory_limit_makes_blocks_smaller(limit):
    tape, X = network(), batch(300)
    values, gradient = tape.value_and_grad(X)
    tape.memory_limit = limit
    again = tape.value_and_grad(X)
    np.testing.assert_array_equal(again[0], values)
    np.testing.assert_allclose(again[1], gradient, rtol=1e-12, atol=1e-15)


@needs_native
def test_samples_with_numbers_that_are_not_finite_are_done_as_by_run():
    x, w = Value(1.0), Value(2.0)
    tape = Tape((w * x).log().relu() + w * w, [x], [w])
    X = np.linspace(-1, 3, 401)[:, None]  # log of what is negative, of 0, and of the rest
    values, d_inputs, gradient = tape.value(X), *tape.vjp(X, np.ones(len(X)))
    total = 0.0
    for sample, value, d in zip(X[:, 0].tolist(), values, d_inputs[:, 0]):
        a, b = Value(sample), Value(2.0)
        y = (b * a).log().relu() + b * b
        found = grad(y, [a, b])
        np.testing.assert_allclose([value, d], [y.data, found[0]], rtol=1e-14)
        total += found[1]
    np.testing.assert_allclose(gradient, [total], rtol=1e-12)


@needs_native
def test_one_odd_sample_leaves_the_others_to_native_code():
    x, w = Value(1.0), Value(2.0)
    tape = Tape(w / x, [x], [w])
    X = np.ones((1000, 1))
    X[500] = 0.0
    with mock.patch.object(Batches, "_part", autospec=True, side_effect=Batches._part) as part:
        values, gradient = tape.value_and_grad(X)
    assert [len(call.args[1]) for call in part.call_args_list] == [1]
    assert values[500] == gradient[0] == math.inf
    assert (np.delete(values, 500) == 2.0).all()


@needs_native
def test_a_sum_that_overflows_halfway_is_handed_back_though_nothing_shows():
    x = [Value(1.0) for _ in range(3)]
    tape = Tape(1 / vsum(x), x)
    X = np.array([[1e308, 1e308, -1.5e308], [1.0, 2.0, 1.0]])
    outputs = np.empty((2, 1))
    assert tape._native.run(X, np.zeros(0), None, outputs, None, 1, 2**28)[1].tolist() == [0]
    assert outputs[1] == 0.25


@needs_native
def test_a_pickle_keeps_what_was_set():
    tape = network()
    tape.threads, tape.memory_limit = 3, 10_000
    again = pickle.loads(pickle.dumps(tape))
    assert (again.threads, again.memory_limit) == (3, 10_000)
    np.testing.assert_array_equal(again.value(batch(100)), tape.value(batch(100)))


# -- which way is chosen -------------------------------------------------------------------------


@needs_native
def test_the_summary_says_how_it_is_replayed():
    x = Value(0.5)
    assert "replayed by native code, in blocks" in Tape(x.tanh(), [x]).summary()
    own = Tape(custom(lambda a: a * a, lambda a: 2 * a, x), [x])
    assert "replayed by NumPy: native code has no" in own.summary()
    with mock.patch.object(native, "_LARGE", 8 * 17):
        assert "BLAS is faster" in network().summary()


def test_an_operation_of_ones_own_may_be_called_like_a_row():
    def tanh(z):
        return 3 * z

    x = Value(1.0)
    tape = Tape(custom(tanh, lambda z: 3.0, x), [x])
    assert tape.value([[1.0], [2.0]]).tolist() == [3.0, 6.0]
    assert tape.vjp([[2.0]], [1.0])[0].tolist() == [[3.0]]


@needs_native
@pytest.mark.parametrize("exponent", [-0.5, 0, 0.5, 1, 2, 3, -1])
@pytest.mark.parametrize("reflected", [False, True])
def test_a_power_with_a_plain_number_is_run_in_c(exponent, reflected):
    def power(v):
        return abs(exponent) ** v if reflected else v**exponent

    x, w = Value(1.5), Value(0.5)
    tape = Tape(power(x * w + 1).tanh(), [x], [w])
    assert "replayed by native code" in tape.summary()
    X = np.array([-3.0, -2.0, -0.5, 0.0, 0.25, 2.0])[:, None]
    values, gradients = tape.value(X), tape.vjp(X, np.ones(len(X)))
    for k, number in enumerate(X[:, 0]):
        a, b = Value(number), Value(0.5)
        y = power(a * b + 1).tanh()
        y.backward()
        assert values[k] == pytest.approx(y.data, rel=1e-14, abs=0, nan_ok=True)
        assert gradients[0][k, 0] == pytest.approx(a.grad, rel=1e-13, abs=1e-300, nan_ok=True)


@needs_native
def test_a_row_that_the_library_has_otherwise_is_left_to_numpy(monkeypatch):
    rows = [(n, d if n != "tanh" else "another", k) for n, d, k in LIBRARY.OPERATIONS]
    monkeypatch.setattr(LIBRARY, "OPERATIONS", tuple(rows))
    loading.operations.cache_clear()
    try:
        x = Value(0.5)
        assert "native code has no tanh" in Tape(x.tanh(), [x]).summary()
        assert "by native code" in Tape(x.sin(), [x]).summary()
    finally:
        loading.operations.cache_clear()


def test_a_row_that_calls_what_c_has_not_is_not_written(monkeypatch):
    row = Operation("erfcx", "erfcx(a)", ("erfcx(a)",), "{a}", (0.5,))
    monkeypatch.setitem(TABLE, "erfcx", row)
    assert not can_be_written("erfcx")
    assert "erfcx" not in text()


def test_the_switch_turns_it_off():
    program = (
        "from micrograd_es import Tape, Value; x = Value(1.0)\n"
        "print(Tape(x.tanh(), [x]).summary())\n"
        "from micrograd_es.cli import main; main(['--version', '--lang', 'en'])"
    )
    for switch, says in ("0", "without native code"), ("1", "native code"):
        done = subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, check=True,
            env={**os.environ, "MICROGRAD_ES_NATIVE": switch},
        )  # fmt: skip
        assert says in done.stdout
        built_here = find_spec("micrograd_es.native._replay")
        assert ("by NumPy" in done.stdout) == (switch == "0" or not built_here)


def test_version(capsys):
    with pytest.raises(SystemExit) as done:
        main(["--version"])
    assert not done.value.code
    assert ("con código nativo" if LIBRARY else "sin código nativo") in capsys.readouterr().out


# -- building it ----------------------------------------------------------------------------------


def built(folder: Path, **environment: str) -> subprocess.CompletedProcess:
    """Builds the library in a copy of the project."""
    for name in ("micrograd_es", "tests", "demos"):
        ignored = shutil.ignore_patterns("*.so", "*.pyd", "__pycache__")
        shutil.copytree(ROOT / name, folder / name, dirs_exist_ok=True, ignore=ignored)
    for name in ("setup.py", "setup.cfg", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, folder)
    return subprocess.run(
        [sys.executable, "setup.py", "-q", "build_ext", "--inplace"], cwd=folder,
        capture_output=True, text=True, timeout=600, check=False,
        env={**os.environ, **environment},
    )  # fmt: skip


def test_without_a_compiler_all_is_well(tmp_path):
    pytest.importorskip("setuptools")
    done = built(tmp_path, CC="there-is-no-such-compiler")
    assert done.returncode == 0, done.stderr
    assert not list((tmp_path / "micrograd_es/native").glob("_replay*"))


@needs_native
@pytest.mark.skipif(not shutil.which("cc"), reason="there is no C compiler")
def test_new_rows_are_written_and_run_in_c(tmp_path):
    pytest.importorskip("setuptools")
    shutil.copytree(ROOT / "micrograd_es/engine", tmp_path / "micrograd_es/engine")
    built(tmp_path, CC="there-is-no-such-compiler")
    table = tmp_path / "micrograd_es/engine/ops.py"
    first = '    Operation("add", '
    lines = "".join(f"    {row},\n" for row in NEW.values() if "atan2" not in row[:20])
    planted = table.read_text("utf-8").replace(first, lines + first)
    table.write_text(planted, "utf-8")
    done = subprocess.run(
        [sys.executable, "setup.py", "-q", "build_ext", "--inplace"], cwd=tmp_path,
        capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    words = ["-m", "pytest", "-qx", "-p", "no:cacheprovider", "tests/test_native.py"]
    done = subprocess.run(
        [sys.executable, *words, "-k", "(ulps or edges) and (softsign or arcsinh)"],
        cwd=tmp_path, capture_output=True, text=True, timeout=600, check=False,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


GUARDED = r"""
import ctypes, mmap, random
import numpy as np
from micrograd_es import Tape, Value, dot

libc, page, kept = ctypes.CDLL(None, use_errno=True), mmap.PAGESIZE, []
libc.mprotect.argtypes = ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int

def zeros(shape, dtype=float):
    # an array that ends where the memory does
    size = int(np.prod(shape)) * 8
    room = mmap.mmap(-1, (size // page + 2) * page)
    end = len(room) - page
    place = ctypes.addressof(ctypes.c_char.from_buffer(room))
    assert libc.mprotect(place + end, page, 0) == 0
    kept.append(room)
    return np.frombuffer(room, dtype, size // 8, end - size).reshape(shape)

from micrograd_es.tape import native
class Guarded:
    zeros = staticmethod(zeros)
    def __getattr__(self, name):
        return getattr(np, name)
native.np = Guarded()
chance = random.Random(0)
for n in range(2, 12):
    for m in range(2, 12):
        A, B = [[[Value(chance.gauss(0, 1)) for _ in range(n)] for _ in range(m)] for _ in "AB"]
        outputs = [dot(a, b) for a in A for b in B]
        tape = Tape(outputs, [], [v for row in (*A, *B) for v in row])
        tape.vjp(None, np.ones((1, m * m)))
print("well")
"""


@needs_native
@pytest.mark.skipif(sys.platform != "linux", reason="memory is guarded as Linux does it")
def test_nothing_is_read_behind_an_array():
    done = subprocess.run(
        [sys.executable, "-c", GUARDED], capture_output=True, text=True, timeout=300
    )
    assert (done.returncode, done.stdout.strip()) == (0, "well"), done.stderr
