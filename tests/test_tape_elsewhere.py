"""The replay on PyTorch's and JAX's arrays: the same values and gradients as on NumPy's."""

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest

from micrograd_es import MLP, Tape, Value, cross_entropy, custom, hinge, vsum, where
from micrograd_es.engine.functions import function
from micrograd_es.engine.ops import TABLE


def network():
    """A tape of a small network with a shared penalty, and samples for it."""
    model = MLP(3, [5, 4], "tanh", seed=0)
    x = [Value(0.0) for _ in range(3)]
    penalty = 0.01 * vsum([p * p for p in model.parameters()])
    tape = Tape(cross_entropy(model(x), 2) + penalty, x, model.parameters())
    return tape, np.random.default_rng(0).normal(size=(16, 3))


def samples_written_out():
    model = MLP(2, [6, 1], seed=1)
    X = np.random.default_rng(1).normal(size=(9, 2))
    loss = hinge([model(x) for x in X], np.sign(X[:, 0]))
    return Tape(loss, parameters=model.parameters()), np.empty((1, 0))


def every_operation():
    """All rows of the table on inputs and parameters around their sample points."""
    inputs, parameters, terms = [], [], []
    for op in TABLE.values():
        x = [Value(a) for a in op.at]
        w = [Value(a * 1.25) for a in op.at]
        inputs, parameters = inputs + x, parameters + w
        f = function(op)
        terms += [f(*x) * f(*w), f(*x[:1], *w[1:]), f(*w[:1], *x[1:])]
    # a row that is used often, out of order: its gradients are added up
    terms += [x.sin() for x in parameters[::-2]] + [x.cos() for x in inputs[::-3]]
    tape = Tape(vsum(terms), inputs, parameters)
    at = np.array([v.data for v in inputs])
    return tape, at * np.random.default_rng(2).uniform(0.9, 1.1, (4, len(at)))


def branches():
    x, w = Value(0.5), Value(2.0)
    y = where(x > 0, x * w, x.log() * w) + custom(lambda z: z * z, lambda z: 2 * z, x * w)
    return Tape(y, [x], [w]), np.array([[0.0], [-1.0], [2.0]])


def sums_that_share_a_term():
    x, w = [Value(0.0) for _ in range(3)], [Value(0.3 * k - 0.7) for k in range(5)]
    h = (w[0] * x[0]).tanh()
    sums = [vsum([w[1] * x[1], h]), vsum([w[2] * x[2], h]), vsum([w[3] * x[1], h])]
    tape = Tape(vsum([w[4] * s.sin() for s in sums]), x, w)
    return tape, np.random.default_rng(3).normal(size=(4, 3))


CASES = [network, samples_written_out, every_operation, branches, sums_that_share_a_term]


@pytest.mark.parametrize("case", CASES)
def test_torch(case):
    torch = pytest.importorskip("torch")
    tape, X = case()
    run = tape.to("torch")
    values, gradient = run(torch.tensor(X), torch.tensor(tape.theta))
    expected = tape.value_and_grad(X)
    np.testing.assert_allclose(values, expected[0], rtol=1e-12)
    np.testing.assert_allclose(gradient, expected[1], rtol=1e-11, atol=1e-14)
    weights = np.linspace(0, 1, len(X))
    _, gradient = run(torch.tensor(X), torch.tensor(tape.theta), torch.tensor(weights))
    np.testing.assert_allclose(
        gradient, tape.value_and_grad(X, weights=weights)[1], rtol=1e-11, atol=1e-14
    )
    values, gradient = run(torch.tensor(X[:0]), torch.tensor(tape.theta))
    assert values.shape == (0,)
    assert not gradient.any()
    single = run(torch.tensor(X).float(), torch.tensor(tape.theta).float())
    assert {t.dtype for t in single} == {torch.float32}
    np.testing.assert_allclose(single[1], expected[1], rtol=1e-3, atol=1e-4)


JAX = """
    import sys
    sys.path.insert(0, {folder!r})
    import jax
    import jax.numpy as jnp
    import numpy as np
    from jax.sharding import Mesh, NamedSharding, PartitionSpec
    from test_tape_elsewhere import CASES, network

    jax.config.update("jax_enable_x64", True)
    assert len(jax.devices()) == 8

    def check(found, expected):
        np.testing.assert_allclose(found[0], expected[0], rtol=1e-12)
        np.testing.assert_allclose(found[1], expected[1], rtol=1e-11, atol=1e-14)

    for case in CASES:
        tape, X = case()
        run = jax.jit(tape.to("jax"))
        check(run(X, tape.theta), tape.value_and_grad(X))
        weights = np.linspace(0, 1, len(X))
        check(run(X, tape.theta, weights), tape.value_and_grad(X, weights=weights))
        check(run(X[:0], tape.theta), tape.value_and_grad(X[:0]))

    tape, X = network()
    thetas = np.stack([tape.theta, tape.theta * 0.5])
    found = jax.vmap(tape.to("jax"), (None, 0))(jnp.asarray(X), jnp.asarray(thetas))
    for k in range(2):
        check((found[0][k], found[1][k]), tape.value_and_grad(X, thetas[k]))

    mesh = Mesh(np.array(jax.devices()), ("samples",))
    split = NamedSharding(mesh, PartitionSpec("samples"))
    whole = NamedSharding(mesh, PartitionSpec())
    sharded = jax.device_put(X, split)
    assert len(sharded.addressable_shards) == 8
    assert sharded.addressable_shards[0].data.shape == (2, 3)
    run = jax.jit(tape.to("jax"), out_shardings=(split, whole))
    found = run(sharded, jax.device_put(tape.theta, whole))
    assert len(found[0].addressable_shards) == 8
    assert found[0].addressable_shards[0].data.shape == (2,)
    check(found, tape.value_and_grad(X))
"""


def test_jax_jitted_mapped_and_sharded_over_eight_devices():
    pytest.importorskip("jax")
    here = Path(__file__).parent
    # a process of its own: the number of devices is decided once, and so is the precision
    result = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(JAX.format(folder=str(here)))],
        env=os.environ
        | {
            "XLA_FLAGS": "--xla_force_host_platform_device_count=8",
            "JAX_PLATFORMS": "cpu",
            "PYTHONPATH": os.pathsep.join([str(here.parent), *sys.path]),
        },
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert result.returncode == 0, result.stderr


def test_what_it_refuses():
    tape, X = network()
    with pytest.raises(ValueError, match="jax"):
        tape.to("numpy")
    x = Value(1.0)
    with pytest.raises(ValueError, match="several outputs"):
        Tape([x, x.exp()], [x]).to("jax")
    torch = pytest.importorskip("torch")
    with pytest.raises(ValueError, match=r"\(B, 3\)"):
        tape.to("torch")(torch.tensor(X[:, :2]), torch.tensor(tape.theta))
