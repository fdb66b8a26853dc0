"""`fit` on the arrays of JAX and PyTorch: the same training as on NumPy's."""

import itertools
import os
import socket
import subprocess
import sys
import textwrap
from math import isfinite
from pathlib import Path
from unittest import mock

import numpy as np
import pytest

from micrograd_es import (
    MLP,
    SGD,
    Adam,
    AdamW,
    AnomalyError,
    Dropout,
    Module,
    Sequential,
    Value,
    cross_entropy,
    detect_anomaly,
    fit,
    hinge,
    mse,
    where,
)

RNG = np.random.default_rng(0)
X = RNG.normal(size=(21, 2))
Y = np.where(X[:, 0] * X[:, 1] > 0, 1.0, -1.0)
CLASSES = (np.arange(21) * 5 // 7) % 3
WEIGHTS = np.arange(21) % 3
WEIGHTS[4:8] = 0  # a batch in which no sample counts


def numbers(model):
    return [p.data for p in model.parameters()]


def tanh():
    return MLP(2, [5, 1], "tanh", seed=0)


def with_dropout():
    return Sequential(MLP(2, [8], seed=1), Dropout(0.5, seed=2), MLP(8, [1], seed=3))


class Logarithm(Module):
    """Below the branch that is not taken there is an infinite partial."""

    def __init__(self):
        self.w = Value(0.5)

    def parameters(self):
        return [self.w]

    def __call__(self, x):
        return where(x[0] > 0, (self.w * x[0]).log() * self.w, self.w * x[1])


class Halfway(Module):
    """A sum that is finite from left to right, and infinite where the products come first."""

    def __init__(self):
        self.w, self.v = Value(1.5), Value(1.0)

    def parameters(self):
        return [self.w, self.v]

    def __call__(self, x):
        large = (1e308 * self.w + -1e308) + 1e308 * self.v
        return x[0] * (1e156 / large.sqrt()) + x[1] * self.v


# A model, its loss and targets, the optimiser, and the settings of `fit`
CASES = {
    "one batch": (tanh, hinge, Y, lambda p: Adam(p, lr=0.01), {"epochs": 40}),
    "batches": (
        tanh, mse, Y, lambda p: SGD(p, 0.02, momentum=0.9, weight_decay=1e-3),
        {"epochs": 6, "batch_size": 4, "seed": 3},
    ),
    "weights": (
        tanh, hinge, Y, lambda p: AdamW(p, lr=lambda k: 0.02 / (1 + k / 10)),
        {"epochs": 9, "batch_size": 4, "sample_weight": WEIGHTS, "clip_norm": 0.3},
    ),
    "one by one": (
        tanh, hinge, Y, lambda p: SGD(p, lr=0.05),
        {"epochs": 3, "batch_size": 1, "sample_weight": WEIGHTS, "seed": 2},
    ),
    "all around it": (
        tanh, mse, Y, lambda p: SGD(p, lr=0.3),
        {
            "epochs": 30, "batch_size": 8, "patience": 3, "metrics": "accuracy",
            "held_out": (X[:9], Y[:9]), "clip_norm": 1.0,
        },
    ),
    "patience": (tanh, mse, Y, lambda p: SGD(p, lr=0.7), {"epochs": 60, "patience": 2}),
    "dropout": (with_dropout, mse, Y, lambda p: SGD(p, lr=0.05), {"epochs": 3, "batch_size": 8}),
    "classes": (
        lambda: MLP(2, [4, 3], seed=0), cross_entropy, CLASSES, lambda p: Adam(p, weight_decay=0.1),
        {"epochs": 3, "batch_size": 30},
    ),
    "a branch": (Logarithm, mse, Y, lambda p: SGD(p, lr=0.01), {"epochs": 4, "batch_size": 5}),
    "halfway": (
        Halfway, mse, Y, lambda p: SGD(p, lr=1e-6), {"epochs": 4, "batch_size": 9, "seed": 1},
    ),
}  # fmt: skip


def trained(name, **more):
    make, loss, targets, optimizer, settings = CASES[name]
    model = make()
    optimizer = optimizer(model.parameters())
    data = np.where(X > 0, X, 0.0) if name == "a branch" else X
    history = fit(model, data, targets, loss, optimizer, progress=False, **settings, **more)
    return history, numbers(model), optimizer


def check_case(name, backend, **more):
    a, b = trained(name), trained(name, backend=backend, **more)
    np.testing.assert_allclose(b[0], a[0], rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(b[0].held_out, a[0].held_out, rtol=1e-12)
    np.testing.assert_allclose(b[1], a[1], rtol=1e-12, atol=1e-14)
    assert b[0].metrics == a[0].metrics
    assert b[0].stopped_early == a[0].stopped_early
    assert b[2].updates == a[2].updates
    assert a[2].updates > len(a[0]) / 2
    for one, other in zip(a[2].state, b[2].state):
        np.testing.assert_allclose(other, one, rtol=1e-11, atol=1e-15)


def check_where_it_ends(backend):
    """A training that diverges, in the epoch and with the numbers of NumPy."""
    for lr, epochs in (1e200, 9), (1e308, 9), (1e3, 1000):
        ends = []
        for name in "numpy", backend:
            model = MLP(2, [3, 1], seed=0)
            optimizer = SGD(model.parameters(), lr=lr)
            with pytest.raises(AnomalyError, match="epoch") as raised:
                fit(model, X, Y * 1e3, mse, optimizer, epochs=epochs, progress=False, backend=name)
            assert all(map(isfinite, numbers(model)))
            ends.append((str(raised.value), optimizer.updates, numbers(model)))
        assert ends[0][:2] == ends[1][:2]
        np.testing.assert_allclose(ends[1][2], ends[0][2], rtol=1e-9)


def check_around_it(backend):
    """What sees the training, and what goes on after it."""
    asked, seen = [], []

    def rate(k):
        asked.append(k)
        return 0.1 / (k + 1)

    model = tanh()

    def callback(epoch, history):
        seen.append((epoch, len(history), numbers(model)))
        if epoch == 2:
            raise KeyboardInterrupt

    settings = {"batch_size": 8, "progress": False}
    optimizer = Adam(model.parameters(), lr=rate)
    history = fit(
        model, X, Y, hinge, optimizer, epochs=9, callback=callback, backend=backend, **settings
    )
    assert history.interrupted
    assert asked == list(range(9))
    assert [s[:2] for s in seen] == [(0, 1), (1, 2), (2, 3)]
    assert seen[2][2] == numbers(model) != seen[1][2]
    # the optimiser goes on where it is, by whatever
    fit(model, X, Y, hinge, optimizer, epochs=3, **settings)
    fit(model, X, Y, hinge, optimizer, epochs=2, backend=backend, **settings)
    other = tanh()
    optimizer = Adam(other.parameters(), lr=rate)
    fit(other, X, Y, hinge, optimizer, epochs=8, **settings)
    np.testing.assert_allclose(numbers(model), numbers(other), rtol=1e-12)
    # a rate that is none is told before anything moves
    model = tanh()
    before = numbers(model)
    with pytest.raises(ValueError, match=r"lr\(0\)"):
        fit(model, X, Y, hinge, SGD(model.parameters(), lr=lambda k: -1.0), backend=backend)
    assert numbers(model) == before
    model = MLP(2, [3, 1], seed=0)
    with detect_anomaly(), pytest.raises(AnomalyError, match=r"in sample \d+"):
        fit(model, X, Y * 1e3, mse, SGD(model.parameters(), lr=1e3), backend=backend)


def check_how_long_a_call_takes():
    """As many epochs as are quick, and the same bits however many those are."""
    from micrograd_es.nn import epochs_on_jax

    ends, whole = [], epochs_on_jax.JaxEpochs._moved
    for seconds, most in (0.0, 48), (0.1, 48), (10.0, 1):
        calls = []

        def moved(*given, calls=calls):
            found = whole(*given)
            calls.append(len(found[0]))
            return found

        ticks = itertools.count(0.0, seconds)  # one at the beginning, and one at the end
        model = tanh()
        with (
            mock.patch.object(epochs_on_jax, "perf_counter", lambda ticks=ticks: next(ticks)),
            mock.patch.object(epochs_on_jax.JaxEpochs, "_moved", moved),
        ):
            optimizer = Adam(model.parameters(), lr=0.01)
            history = fit(
                model, X, Y, hinge, optimizer, epochs=50, batch_size=8, progress=False,
                backend="jax",
            )  # fmt: skip
        assert sum(calls) == len(history) == 50
        assert calls[:2] == [1, 1]  # which compiles, and which is measured
        assert max(calls) <= most
        assert (len(calls) < 20) == (most > 1)
        ends.append([*history, *numbers(model), *optimizer.state[0].tolist()])
    assert ends[0] == ends[1] == ends[2]


# -- PyTorch ----------------------------------------------------------------------------


@pytest.mark.parametrize("name", CASES)
def test_torch(name):
    pytest.importorskip("torch")
    check_case(name, "torch")


def test_torch_ends_and_is_seen_as_numpy_is():
    pytest.importorskip("torch")
    check_where_it_ends("torch")
    check_around_it("torch")


# -- JAX, in processes of its own: the number of devices is decided once ----------------

ON_EIGHT = """
    import jax
    import pytest
    from test_backends import (
        CASES, X, Y, check_around_it, check_case, check_how_long_a_call_takes,
        check_where_it_ends, tanh,
    )
    from micrograd_es import fit, mse

    assert len(jax.devices()) == 8
    for name in CASES:
        check_case(name, "jax")
    check_case("weights", "jax", devices=3)
    check_case("batches", "jax", devices=jax.devices()[:0:-2])
    check_where_it_ends("jax")
    check_around_it("jax")
    check_how_long_a_call_takes()
    assert jax.numpy.zeros(1).dtype == "float32"  # what others compute is left alone

    for devices, says in (9, "there are 8 devices"), (0, "1 upwards"), ([], "one or more"), (
        ["cpu"], "jax.devices()"), (jax.devices()[:1] * 2, "each once"):
        with pytest.raises(ValueError, match=says):
            fit(tanh(), X, Y, mse, backend="jax", devices=devices)
    with pytest.raises(TypeError, match="bool"):
        fit(tanh(), X, Y, mse, backend="jax", devices=True)
"""

IN_TWO = """
    import sys
    import jax

    jax.distributed.initialize("127.0.0.1:{port}", num_processes=2, process_id=int(sys.argv[1]))

    import numpy as np
    import pytest
    from test_backends import X, Y, check_case
    from micrograd_es import MLP, fit, mse

    assert jax.process_count() == 2
    assert len(jax.devices()) == 2 * len(jax.local_devices()) == 4
    for name in ("one batch", "batches", "weights"):
        check_case(name, "jax")
    # each its own model, or its own samples
    with pytest.raises(ValueError, match="the same seed"):
        fit(MLP(2, [1], seed=int(sys.argv[1])), X, Y, mse, backend="jax", progress=False)
    few = X[int(sys.argv[1]) :], Y[int(sys.argv[1]) :]
    with pytest.raises(ValueError, match="the same samples"):
        fit(MLP(2, [1], seed=0), *few, mse, backend="jax", progress=False)
    with pytest.raises(ValueError, match="every process"):
        fit(MLP(2, [1], seed=0), X, Y, mse, backend="jax", devices=1, progress=False)
"""


def started(program, devices, *arguments):
    here = Path(__file__).parent
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(program), *arguments],
        env=os.environ
        | {
            "XLA_FLAGS": f"--xla_force_host_platform_device_count={devices}",
            "JAX_PLATFORMS": "cpu",
            "no_grpc_proxy": "127.0.0.1",
            "PYTHONPATH": os.pathsep.join([str(here.parent), str(here), *sys.path]),
        },
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip


def ended(*processes):
    try:
        said = [process.communicate(timeout=900)[0] for process in processes]
    finally:
        for process in processes:
            process.kill()
    for process, text in zip(processes, said):
        assert process.returncode == 0, text


def test_jax_on_eight_devices():
    pytest.importorskip("jax")
    ended(started(ON_EIGHT, 8))


def test_jax_in_two_processes():
    pytest.importorskip("jax")
    try:
        socket.getaddrinfo(socket.gethostname(), None)
    except OSError:
        pytest.skip("JAX's processes meet at this machine's name, which has no address")
    share = getattr(socket, "SO_REUSEPORT", None)
    with socket.socket() as held:  # so that nobody else has the port before JAX listens there
        if share:
            held.setsockopt(socket.SOL_SOCKET, share, 1)
        held.bind(("127.0.0.1", 0))
        port = held.getsockname()[1]
        if not share:
            held.close()
        program = IN_TWO.replace("{port}", str(port))
        ended(*[started(program, 2, str(k)) for k in range(2)])


# -- settings ---------------------------------------------------------------------------


class Own:
    """An optimiser of one's own, on NumPy's arrays."""

    def __init__(self, parameters):
        self.parameters = parameters

    def update(self, theta, gradient):
        return theta - 0.1 * np.sign(gradient)


def test_an_optimiser_of_ones_own():
    pytest.importorskip("torch")
    one, other = tanh(), tanh()
    fit(one, X, Y, mse, Own(one.parameters()), epochs=3, progress=False)
    fit(other, X, Y, mse, Own(other.parameters()), epochs=3, progress=False, backend="torch")
    assert numbers(one) == numbers(other)


def test_an_optimiser_that_jax_cannot_compile_is_refused():
    pytest.importorskip("jax")

    class Other(SGD):
        def update(self, theta, gradient):
            return super().update(theta, np.sign(gradient))

    for kind in Own, Other:
        model = tanh()
        with pytest.raises(TypeError, match=f"{kind.__name__} has an update of its own"):
            fit(model, X, Y, mse, kind(model.parameters()), backend="jax")
        assert numbers(model) == numbers(tanh())


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"backend": "tensorflow"}, "not 'tensorflow'"),
        ({"backend": None}, "not None"),
        ({"backend": ["jax"]}, "not .'jax'."),
        ({"devices": 2}, "not of 'numpy'"),
        ({"devices": 1, "backend": "torch"}, "not of 'torch'"),
    ],
)
def test_refuses(settings, says):
    with pytest.raises(ValueError, match=says):
        fit(tanh(), X, Y, mse, **settings)


@pytest.mark.parametrize(
    ("backend", "missing"), [("jax", "jax"), ("torch", "torch"), ("torch", "array_api_compat")]
)
def test_a_library_that_is_not_installed(monkeypatch, backend, missing):
    for name in [*sys.modules]:
        if name.endswith(f"on_{backend}") or name.startswith(f"{missing}."):
            monkeypatch.delitem(sys.modules, name)
    if missing != backend:
        pytest.importorskip(backend)
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(ImportError, match=f'backend="{backend}" needs {missing}: pip install'):
        fit(tanh(), X, Y, mse, backend=backend)
