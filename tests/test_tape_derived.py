"""The pure functions of JAX and PyTorch, differentiated by JAX and PyTorch.

``python tests/test_tape_derived.py`` is what is run on JAX, in a process of its own.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

import mpmath
import numpy as np
import pytest
from test_tape_branches import CASES as BRANCHES

from micrograd_es import MLP, Tape, Value, cross_entropy, custom, grad, maximum, minimum
from micrograd_es.engine.ops import TABLE
from micrograd_es.engine.value import apply
from micrograd_es.tape import elsewhere

W = 3.0
# A function of x and w, the same without branches for x > 0 and for x <= 0, and points.
CASES = {name: (*case, [2.0, -1.0, 0.0, 0.5]) for name, case in BRANCHES.items() if name != "relu"}
CASES |= {
    "powers of a negative number": (
        lambda x, w: (w * x) ** 3 + x**2,
        *[lambda x, w: (w * x) ** 3 + x**2] * 2,
        [-2.0, 1.5],
    ),
    "a slope that single precision has not": (
        lambda x, w: apply(TABLE["leaky_relu"], w * x),
        lambda x, w: w * x,
        lambda x, w: mpmath.mpf(0.01) * w * x,
        [2.0, -1.0],
    ),
    "a quotient": (
        lambda x, w: (x / w).tanh() / (w + x.exp()),
        *[lambda x, w: mpmath.tanh(x / w) / (w + mpmath.exp(x))] * 2,
        [-2.0, 0.0, 1.5],
    ),
    "a power of x": (
        lambda x, w: abs(x) ** (w / 2) * w**x,
        *[lambda x, w: abs(x) ** (w / 2) * w**x] * 2,
        [-2.0, 1.5],
    ),
    "an infinite input below a relu": (
        lambda x, w: (w * x + 1).relu() * w,
        lambda x, w: (w * x + 1) * w,
        lambda x, w: 0,
        [2.0, -np.inf, 0.5],
    ),
    "a custom operation": (
        lambda x, w: custom(lambda z: z * z * z, lambda z: 3 * z * z, x * w) + w,
        *[lambda x, w: (x * w) ** 3 + w] * 2,
        [2.0, -1.0],
    ),
}


def truth(case, n_x, n_w):
    """The derivative, n_x times to x and n_w times to w, at each point."""
    _, right, left, points = CASES[case]
    with mpmath.workdps(50):
        return np.array(
            [
                # what is constant so far out is so everywhere
                float(mpmath.diff(right if x > 0 else left, (max(x, -9.0), W), (n_x, n_w)))
                for x in points
            ]
        )


def jax_library():
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", True)
    # they are compiled once and run once
    jax.config.update("jax_disable_most_optimizations", True)
    names = ("grad", "jacrev", "jacfwd", "hessian", "vmap", "jvp", "jit")
    functions = {name: getattr(jax, name) for name in names}
    return SimpleNamespace(name="jax", array=jnp.asarray, **functions)


def torch_library():
    torch = pytest.importorskip("torch")
    names = ("grad", "jacrev", "jacfwd", "hessian", "vmap", "jvp")
    functions = {name: getattr(torch.func, name) for name in names}
    return SimpleNamespace(name="torch", array=torch.as_tensor, jit=lambda f: f, **functions)


def close(found, expected):
    np.testing.assert_allclose(np.asarray(found), expected, rtol=1e-9, atol=1e-11)


def check_derivatives(library, case):
    f, _, _, points = CASES[case]
    x, w = Value(0.7), Value(W)
    run = Tape(f(x, w), [x], [w]).to(library.name)
    weights = np.linspace(0.5, 2.0, len(points))
    value, dx, dw, dxw, dww = (
        truth(case, *n) for n in ((0, 0), (1, 0), (0, 1), (1, 1), (0, 2))
    )  # fmt: skip

    def found(X, theta, a, thetas):
        yield run(X, theta, a), (value, [weights @ dw])
        yield library.grad(lambda t: run(X, t)[0].sum())(theta), [dw.sum()]
        yield library.hessian(lambda t: run(X, t, a)[0].sum())(theta), [[dww.sum()]]
        directions = library.jvp(lambda t: run(X, t, a), (theta,), (theta,))[1]
        yield directions, (W * dw, [W * (weights @ dww)])
        values, gradients = library.vmap(lambda t: run(X, t, a))(thetas)
        yield (values[1], gradients[1]), (value, [weights @ dw])
        for jacobian, again in (
            (library.jacrev, library.jacfwd), (library.jacfwd, library.jacrev),
            (library.jacrev, library.jacrev), (library.jacfwd, library.jacfwd),
        ):  # fmt: skip
            yield jacobian(again(lambda t: run(X, t)[0]))(theta), dww[:, None, None]
            if jacobian is again:
                yield jacobian(lambda t: run(X, t)[0])(theta), dw[:, None]
                yield jacobian(lambda X: run(X, theta)[0])(X), np.diag(dx)[..., None]
                yield jacobian(lambda t: run(X, t, a)[1])(theta), [[weights @ dww]]
                yield jacobian(lambda X: run(X, theta, a)[1])(X), (weights * dxw)[None, :, None]
                yield jacobian(lambda a: run(X, theta, a)[1])(a), dw[None]

    given = np.array(points)[:, None], np.array([W]), weights, np.array([[1.5], [W]])
    arrays = [library.array(x) for x in given]
    expected: list[Any] = []

    def numbers(*arrays):
        pairs = list(found(*arrays))
        expected[:] = [e for _, e in pairs]
        return [n for n, _ in pairs]

    for n, e in zip(library.jit(numbers)(*arrays), expected):
        if isinstance(e, tuple):
            close(n[0], e[0])
            close(n[1], e[1])
        else:
            close(n, e)


def check_kinks(library):
    """relu'(0) = abs'(0) = 0, a tie is shared in halves, d(x**0)/dx at 0 is 0."""
    for f, slope in (
        (lambda x: x.relu(), 0.0), (abs, 0.0), (lambda x: x**0, 0.0), (lambda x: x**2, 0.0),
        (lambda x: maximum(x, 0.0), 0.5), (lambda x: minimum(0.0, x), 0.5),
    ):  # fmt: skip
        x, w = Value(1.0), Value(1.0)
        run = Tape(f(x * w), [x], [w]).to(library.name)
        zero, one = library.array(np.zeros((1, 1))), library.array(np.ones(1))
        assert run(zero, one)[1] == 0.0
        for jacobian in (library.jacrev, library.jacfwd):
            assert jacobian(lambda X, run=run, one=one: run(X, one)[0])(zero) == slope


def check_a_network(library):
    for activation in ("relu", "tanh"):
        model = MLP(3, [4, 3], activation, seed=0)
        x = [Value(0.0) for _ in range(3)]
        tape = Tape(cross_entropy(model(x), 2), x, model.parameters())
        X = np.random.default_rng(0).normal(size=(5, 3))
        expected = []
        for row in X:
            for v, number in zip(x, row):
                v.data = number
            first = grad(cross_entropy(model(x), 2), model.parameters(), create_graph=True)
            expected.append([grad(d, model.parameters()) for d in first])
        run = tape.to(library.name)
        at = library.array(X)
        for hessian in (library.hessian, lambda f: library.jacrev(library.jacrev(f))):
            found = library.jit(hessian(lambda t, run=run, at=at: run(at, t)[0].mean()))(
                library.array(tape.theta)
            )
            close(found, np.mean(expected, axis=0))


# PyTorch's own, when it maps a function for the first time
pytestmark = pytest.mark.filterwarnings("ignore:.*torch.jit.script.*:DeprecationWarning")


@pytest.mark.parametrize("case", CASES)
def test_pytorch_differentiates_with_our_derivatives(case):
    check_derivatives(torch_library(), case)


@pytest.mark.parametrize("check", [check_kinks, check_a_network])
def test_pytorch_at_kinks_and_in_networks(check):
    check(torch_library())


def test_pytorch_differentiates_backwards_step_by_step():
    torch = pytest.importorskip("torch")
    x, w = Value(0.7), Value(2.0)
    run = Tape((w * x).relu() ** 3, [x], [w]).to("torch")
    X = torch.tensor([[1.0], [-1.0]], dtype=torch.float64, requires_grad=True)
    theta = torch.tensor([2.0], dtype=torch.float64, requires_grad=True)
    values, gradient = run(X, theta)
    assert gradient.tolist() == [6.0]
    (first,) = torch.autograd.grad(values.sum(), theta, create_graph=True)
    assert first.tolist() == [12.0]
    (second,) = torch.autograd.grad(first, X)
    assert second.tolist() == [[36.0], [0.0]]
    run(X, theta)[1].backward()
    assert theta.grad.tolist() == [6.0]
    with torch.autograd.forward_ad.dual_level():
        dual = torch.autograd.forward_ad.make_dual(theta.detach(), torch.ones_like(theta))
        values, _ = run(X.detach(), dual)
        assert torch.autograd.forward_ad.unpack_dual(values).tangent.tolist() == [12.0, 0.0]


def test_jax_differentiates_with_our_derivatives():
    pytest.importorskip("jax")
    here = Path(__file__)
    result = subprocess.run(
        [sys.executable, str(here)],
        env=os.environ
        | {
            "JAX_PLATFORMS": "cpu",
            "PYTHONPATH": os.pathsep.join([str(here.parent.parent), *sys.path]),
        },
        capture_output=True,
        text=True,
        timeout=900,
    )
    assert result.returncode == 0, result.stderr


if __name__ == "__main__":
    jax_ = jax_library()
    from micrograd_es.tape.on_jax import Jax

    check_derivatives(jax_, "an infinite input below a relu")
    # to compile takes long, and the rules are the same; and so is what is run where a sum overflows
    with mock.patch.object(Jax, "finite", lambda _self, found, _again: found):
        for case in [*CASES][::2]:
            check_derivatives(jax_, case)
    check_kinks(jax_)
    check_a_network(jax_)
    # the same as loops over a table of operations
    with mock.patch.multiple(elsewhere, _MANY=1, _FEW=10**9):
        check_derivatives(jax_, "one in another")
        check_derivatives(jax_, "an infinite input below a relu")
        check_kinks(jax_)
