"""The replay on PyTorch's and JAX's arrays: the same values and gradients as on NumPy's."""

import os
import subprocess
import sys
import textwrap
from fractions import Fraction
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
from test_tape_branches import CASES as BRANCHES
from test_tape_branches import POINTS, W, derivative, truth

from micrograd_es import (
    MLP,
    Tape,
    Value,
    cross_entropy,
    custom,
    dot,
    hinge,
    maximum,
    vsum,
    where,
)
from micrograd_es.engine.functions import function
from micrograd_es.engine.ops import TABLE
from micrograd_es.tape import elsewhere


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


KINDS = (
    lambda a, b, c: a * b + c,
    lambda a, b, c: (a - b).tanh(),
    lambda a, b, c: maximum(a, b) * 0.5,
    lambda a, b, c: where(a > b, c, a * 0.5),
    lambda a, b, c: (a * a + 1.0) ** b.sigmoid() - c,
    lambda a, b, c: dot([a, b, c], [c, a, b]).sin(),
    lambda a, b, c: custom(lambda z: z * z * 0.25, lambda z: z * 0.5, a.sin()),
)


def irregular(n=70):
    """A graph without repetition, in many steps of few nodes."""
    rng = np.random.default_rng(n)
    x, w = [Value(0.3), Value(0.7)], [Value(0.5), Value(-0.4), Value(1.2)]
    nodes = [*x, *w]
    for _ in range(n):
        operands = [nodes[k] for k in rng.integers(max(0, len(nodes) - 20), len(nodes), 3)]
        nodes.append((KINDS[rng.integers(len(KINDS))](*operands) * 0.7).sin())
    return Tape(dot(nodes[-8:], nodes[-9:-1]), x, w), rng.uniform(-1, 1, (6, 2))


def layers_one_by_one():
    """Many steps, of which each is a matrix product or as good as one."""
    model = MLP(4, [4] * 40 + [1], "tanh", seed=0)
    x = [Value(0.0) for _ in range(4)]
    return Tape(model(x), x, model.parameters()), np.random.default_rng(4).normal(size=(3, 4))


def rows_that_come_often():
    """Scales of rows and weights of columns, of which each comes once for each element."""
    x, w = [Value(0.0) for _ in range(12)], [Value(0.3 * k - 0.5) for k in range(4)]
    rows = [x[k : k + 4] for k in range(0, 12, 4)]
    scales = [(dot(row, row) + w[0]).exp() for row in rows]
    terms = [(v * s).tanh() * u for row, s in zip(rows, scales) for v, u in zip(row, w)]
    return Tape(vsum(terms), x, w), np.random.default_rng(5).normal(size=(4, 12)) / 2


CASES = [
    network, samples_written_out, every_operation, branches, sums_that_share_a_term, irregular,
    layers_one_by_one, rows_that_come_often,
]  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_torch(case):
    torch = pytest.importorskip("torch")
    tape, X = case()
    run = tape.to("torch")
    values, gradient = run(torch.tensor(X), torch.tensor(tape.theta))
    expected = tape.value_and_grad(X)
    np.testing.assert_allclose(values, expected[0], rtol=1e-12, atol=1e-15)
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


def xor():
    x, w = [Value(0.0), Value(0.0)], [Value(v) for v in (0.5, -0.3, 0.8)]
    return Tape((w[0] * x[0] + w[1] * x[1] + 0.7).tanh() * w[2], x, w)


INTEGERS = [[0, 0], [0, 1], [1, 0], [1, 1]]


def check_what_is_given(name, asarray, default):
    """Integers, lists, NumPy's arrays and plain numbers, in any place."""
    tape = xor()
    run = tape.to(name)
    values, gradient = tape.value_and_grad(INTEGERS)
    weighted = tape.value_and_grad(INTEGERS, weights=[1, 0, 2, 3])[1]
    thirds = tape.value_and_grad(INTEGERS, theta=[1, 0, 2])
    tolerance = {"rtol": 1e-6, "atol": 1e-6}  # the default may be of single precision
    for X in (INTEGERS, np.array(INTEGERS), np.array(INTEGERS, float), asarray(INTEGERS)):
        for theta in (tape.theta, tape.theta.tolist(), asarray(tape.theta)):
            found = run(X, theta)
            np.testing.assert_allclose(found[0], values, **tolerance)
            np.testing.assert_allclose(found[1], gradient, **tolerance)
            for weights in ([1, 0, 2, 3], np.array([1, 0, 2, 3]), asarray([1.0, 0.0, 2.0, 3.0])):
                np.testing.assert_allclose(run(X, theta, weights)[1], weighted, **tolerance)
    for theta in ([1, 0, 2], asarray([1, 0, 2])):
        found = run(asarray(INTEGERS), theta)
        assert {found[0].dtype, found[1].dtype} == {default}
        np.testing.assert_allclose(found[0], thirds[0], **tolerance)
        np.testing.assert_allclose(found[1], thirds[1], **tolerance)
    # integers have no say in the precision
    assert (
        run(asarray(INTEGERS), np.array([1.0, 0.0, 2.0], "float32"))[0].dtype
        == asarray(np.zeros(1, "float32")).dtype
    )
    for bad in ([[True, False]], [[1j, 0.0]], asarray([[True, False]])):
        with pytest.raises(TypeError, match="real numbers"):
            run(bad, tape.theta)
    x = Value(1.0)
    alone = Tape(x * x, [x]).to(name)([[1], [3]], [])  # neither parameters nor constants
    np.testing.assert_allclose(alone[0], [1.0, 9.0])
    assert tuple(alone[1].shape) == (0,)
    same = Tape(Value(2.0) * tape._parameters[0], [Value(0.0)], tape._parameters)
    for one in (tape, same):  # the same for all samples, or not
        X = np.zeros((4, len(one._inputs)))
        for weights in (1.0, 2, asarray(2.0), [1.0], np.ones((4, 1))):
            with pytest.raises(ValueError, match=r"weights should have shape \(4,\)"):
                one.to(name)(X, one.theta, weights)


def check_nothing_hands_on_nothing(name, asarray, jit=lambda run: run):
    """A branch that is not taken and what stands below it, in sums and matrix products too."""
    inf = np.inf

    def by_run(tape, X):
        expected = tape.value_and_grad(X)
        found = jit(tape.to(name))(asarray(np.array(X)), asarray(tape.theta))
        np.testing.assert_allclose(found[0], expected[0], rtol=1e-12)
        np.testing.assert_allclose(found[1], expected[1], rtol=1e-12, atol=1e-15)
        return np.asarray(found[1]).tolist()

    x, w, b = Value(1.0), Value(2.0), Value(0.5)
    assert by_run(Tape((w * x + b).relu(), [x], [w, b]), [[-inf], [-inf]]) == [0.0, 0.0]
    assert by_run(Tape((w * x + b).relu(), [x], [w, b]), [[-inf], [3.0]]) == [1.5, 0.5]
    log = where(x > 0, w * x.log() + x.sqrt() * b, w)
    assert by_run(Tape(log, [x], [w, b]), [[0.0], [1.0]]) == [0.5, 0.5]
    inputs = [Value(1.0), Value(-2.0)]
    model = MLP(2, [8, 8, 1], "relu", seed=3)
    X = [[-inf, 1.0], [0.5, 0.25], [inf, inf], [-1.0, inf]]
    by_run(Tape(model(inputs).tanh(), inputs, model.parameters()), X)
    # a factor that is infinite in a product of many, of a neuron that is off
    ws = [Value(0.1 * k - 0.5) for k in range(9)]
    off = vsum([p * q for p, q in zip(ws, [x.log(), *[x + k for k in range(8)]])])
    by_run(Tape(where(x > 0, off, 0.0), [x], ws), [[0.0], [2.0]])
    # what is reached with 0 is no nothing: 0 times infinity
    v = Value(0.0)
    assert np.isnan(by_run(Tape(x.sqrt() * 0.0 * v, [x], [v]), [[inf]])[0])


def check_branches(name, asarray, jit=lambda run: run):
    """A graph of derivatives, recorded where another branch is taken."""
    for case in ("sqrt", "log", "a reciprocal", "one in another", "maximum", "a sum below"):
        for which in ((0,), (1, 0), (0, 0)):
            x, w = Value(-1.0), Value(W)
            tape = Tape(derivative(BRANCHES[case][0], x, w, which), [x], [w])
            numbers = np.array([truth(case, point, which) for point in POINTS])
            run = jit(tape.to(name))
            found = run(asarray(np.array(POINTS)[:, None]), asarray(tape.theta), np.ones(4))
            np.testing.assert_allclose(found[0], numbers[:, 0], rtol=1e-10, atol=1e-12)
            np.testing.assert_allclose(found[1], [numbers[:, 2].sum()], rtol=1e-10, atol=1e-12)


def left(a, b, c):
    """a + b − c, finite from left to right; a replay adds the products first."""
    return (a * 1.0 + -c) + b * 1.0


HALFWAY = {
    "forward, where no other number shows it": (
        lambda x, w: (1e200 / left(x[0] * w[0], x[1] * w[1], x[2]).sqrt()) * w[0],
        [[1e308, 1e308, 1e308], [3.0, 2.0, 1.0]], [1.5, 1.0, 0.5],
    ),
    "in what all samples share": (
        lambda x, w: x[0] * left(w[0], w[1], w[2]).sigmoid() + x[1] * w[0].tanh(),
        [[2.0, 1.0, 0.0]] * 3, [1.5e308, 1e308, 1e308],
    ),
    "below a comparison": (
        lambda x, w: where(left(x[0] * w[0], x[1], x[2]) < 1.7e308, w[1] * w[0], w[2] * w[1]),
        [[1e308, 1e308, 1e308], [1e308, 0.0, 0.0], [1.0, 1.0, 1.0]], [1.5, 3.0, 0.5],
    ),
    "below a function of one's own": (
        lambda x, w: custom(
            lambda z: 2.0 * (z < 1.7e308) + 0.0 * z, lambda z: 0.0 * z,
            left(x[0] * w[0], x[1], x[2]),
        ) * w[1],
        [[1e308, 1e308, 1e308]], [1.5, 3.0, 0.5],
    ),
    "a matrix product": (
        lambda x, w: vsum(
            [
                dot([*w[k:], *w[:k]] * 4, [v * sign for v in x for sign in (1, -1, 1, -1)]).tanh()
                * w[k]
                for k in range(3)
            ]
        ),
        [[1.7e308, 1.7e308, 1.7e308], [0.5, 0.25, 2.0]], [1.0, 1.0, 1.0],
    ),
    "backward, where the ways meet": (
        lambda x, w: vsum([w[0] * v for v in (x[0], x[1], x[2], x[1])]) + w[1],
        [[1.5e308, -1e308, 1e308], [-1e308, 1e308, -1.5e308]], [2.0**-9, 0.5, 0.0],
    ),
    "beside the mask of a softmax": (
        lambda x, w: cross_entropy([w[0] * x[0], w[1] * x[1] - np.inf, w[2] * x[2] + w[0]], 0),
        [[1.0, 2.0, 3.0], [0.5, -1.0, 2.0]], [1.5, 1.0, 0.5],
    ),
}  # fmt: skip


def check_sums_that_leave_the_floats_halfway(name, asarray, jit=lambda run: run):
    """Where define-by-run does not; its numbers are compared, sample by sample."""
    library = pytest.importorskip(name)
    f = library if name == "jax" else library.func
    for what, (build, X, theta) in HALFWAY.items():
        values, gradients = [], []
        for row in X:
            leaves = [Value(p) for p in theta]
            y = build([Value(v) for v in row], leaves)
            y.backward()
            values.append(y.data)
            gradients.append([p.grad for p in leaves])
        total = [float(sum(map(Fraction, column))) for column in zip(*gradients)]
        assert np.isfinite(values).all(), what
        x, w = [Value(0.5) for _ in X[0]], [Value(0.25) for _ in theta]
        run, ones = Tape(build(x, w), x, w).to(name), asarray(np.ones(len(X)))
        at, there = asarray(np.array(X)), asarray(np.array(theta))
        close = {"rtol": 1e-12, "err_msg": what}
        found = jit(run)(at, there, ones)
        np.testing.assert_allclose(found[0], values, **close)
        np.testing.assert_allclose(found[1], total, **close)
        # among others, of which one is sound
        several = asarray(np.array([[0.5, 0.25, 0.5][: len(theta)], theta]))
        found = jit(f.vmap(lambda t, run=run, at=at, ones=ones: run(at, t, ones)))(several)
        np.testing.assert_allclose(found[0][1], values, **close)
        np.testing.assert_allclose(found[1][1], total, **close)
        np.testing.assert_allclose(found[0][0], run(at, several[0], ones)[0], **close)
        slope = jit(f.grad(lambda t, run=run, at=at: run(at, t)[0].sum()))(there)
        np.testing.assert_allclose(slope, total, **close)


def test_torch_gives_what_is_finite_by_run():
    torch = pytest.importorskip("torch")
    check_sums_that_leave_the_floats_halfway("torch", torch.as_tensor)


def test_a_mask_of_infinities_is_nothing_odd():
    """It is replayed as quickly as what is finite."""
    torch = pytest.importorskip("torch")
    build, X, theta = HALFWAY["beside the mask of a softmax"]
    x, w = [Value(0.5) for _ in X[0]], [Value(v) for v in theta]
    tape = Tape(build(x, w), x, w)
    with mock.patch.object(elsewhere, "NodeByNode", side_effect=AssertionError):
        run = tape.to("torch")
        values, gradient = run(torch.tensor(np.array(X)), torch.tensor(np.array(theta)))
    expected = tape.value_and_grad(X)
    np.testing.assert_allclose(values, expected[0], rtol=1e-12)
    np.testing.assert_allclose(gradient, expected[1], rtol=1e-12)


def test_torch_takes_what_is_given():
    torch = pytest.importorskip("torch")
    check_what_is_given("torch", torch.as_tensor, torch.get_default_dtype())
    values, _ = xor().to("torch")(torch.tensor(INTEGERS, dtype=torch.float16), xor().theta)
    assert values.dtype == torch.float16


def test_torch_hands_on_nothing_where_a_branch_is_not_taken():
    torch = pytest.importorskip("torch")
    check_nothing_hands_on_nothing("torch", torch.as_tensor)
    check_branches("torch", torch.as_tensor)


JAX = """
    import sys
    sys.path.insert(0, {folder!r})
    import jax
    import jax.numpy as jnp
    import numpy as np
    from jax.sharding import Mesh, NamedSharding, PartitionSpec
    from test_tape_elsewhere import (
        CASES, check_branches, check_nothing_hands_on_nothing,
        check_sums_that_leave_the_floats_halfway, check_what_is_given, irregular, network,
    )

    check_what_is_given("jax", jnp.asarray, jnp.zeros(1).dtype)
    assert jnp.zeros(1).dtype == "float32"
    jax.config.update("jax_enable_x64", True)
    check_what_is_given("jax", jnp.asarray, jnp.zeros(1).dtype)
    check_nothing_hands_on_nothing("jax", jnp.asarray, jax.jit)
    check_branches("jax", jnp.asarray, jax.jit)
    check_sums_that_leave_the_floats_halfway("jax", jnp.asarray, jax.jit)
    assert len(jax.devices()) == 8

    def check(found, expected):
        np.testing.assert_allclose(found[0], expected[0], rtol=1e-12, atol=1e-15)
        np.testing.assert_allclose(found[1], expected[1], rtol=1e-11, atol=1e-14)

    for case in CASES:
        tape, X = case()
        run = jax.jit(tape.to("jax"))
        check(run(X, tape.theta), tape.value_and_grad(X))
        weights = np.linspace(0, 1, len(X))
        check(run(X, tape.theta, weights), tape.value_and_grad(X, weights=weights))
        check(run(X[:0], tape.theta), tape.value_and_grad(X[:0]))

    # what is compiled does not grow with a graph without repetition
    sizes = [
        len(jax.make_jaxpr(tape.to("jax"))(X, tape.theta).eqns)
        for tape, X in map(irregular, (200, 400))
    ]
    assert sizes[0] == sizes[1] < 100

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
        timeout=900,
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
