"""The replay of a recorded graph, beside programs that were written with arrays."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from time import perf_counter
from typing import Any, ClassVar

import numpy as np

from benchmarks import gpt
from benchmarks.define_by_run import compared, moons_work, network
from benchmarks.programs import ALPHA, RATE
from benchmarks.table import Bar, Row, seconds
from benchmarks.timing import agree, alternate, best, one_processor
from micrograd_es import MLP, Tape, Value, cross_entropy, vsum
from micrograd_es.data import digits
from micrograd_es.native.library import library

Array = np.ndarray[Any, Any]
CostAndGradient = Callable[[Array], tuple[float, Array]]


class Step:
    """A training step, θ ← θ - lr·g, of whatever gives the cost and its gradient."""

    def __init__(self, theta: Array, gradient: CostAndGradient) -> None:
        self.theta, self.gradient = theta.copy(), gradient

    def __call__(self) -> float:
        cost, gradient = self.gradient(self.theta)
        self.theta = self.theta - RATE * gradient
        return cost


def raced(theta: Array, ways: dict[str, CostAndGradient], quick: bool) -> dict[str, float]:
    """Seconds a step of each way, once they agree."""
    agree({name: way(theta) for name, way in ways.items()})
    steps = {name: Step(theta, way) for name, way in ways.items()}
    return alternate(steps, *((1, 0.0) if quick else (35, 0.02)))


def against(
    taken: dict[str, float],
    ours: str,
    other: str,
    work: str,
    bar: Bar | None,
    aim: Bar | None,
    short: str = "",
    spanish: str = "",
) -> Row:
    """How `ours` compares: as a part of the other's time."""
    times = f"{seconds(taken[ours])} : {seconds(taken[other])}"
    return Row(work, taken[ours] / taken[other], times, bar, aim, short=short, spanish=spanish)


# -- 100 moons, 2-16-16-1, SVM loss and L2 -------------------------------------


class Moons:
    """The step of micrograd's demo, in every way in which one would write it."""

    sizes = (2, 16, 16, 1)

    def __init__(self) -> None:
        work = moons_work()
        self.X, self.y = np.array(work["X"]), np.array(work["y"])
        self.theta = np.array(work["theta"])
        self.model = MLP(2, [16, 16, 1], seed=1337)
        self.parameters = self.model.parameters()
        self.rows = np.column_stack([self.X, self.y])
        self.tape = self._tape()

    def _penalty(self) -> Value:
        return ALPHA * vsum(p * p for p in self.parameters)

    def _tape(self) -> Tape:
        x, t = [Value(0.0), Value(0.0)], Value(1.0)
        cost = (1 - t * self.model(x)).relu() + self._penalty()
        return Tape(cost, [*x, t], self.parameters)

    def replay(self, theta: Array) -> tuple[float, Array]:
        values, gradient = self.tape.value_and_grad(self.rows, theta)
        return float(values.sum()) / len(values), gradient

    def one_graph(self) -> CostAndGradient:
        """The loss over all samples as one graph, recorded as it stands."""
        losses = [(1 - t * self.model(x)).relu() for x, t in zip(self.X, self.y)]
        tape = Tape(vsum(losses) / len(losses) + self._penalty(), (), self.parameters)

        def way(theta: Array) -> tuple[float, Array]:
            values, gradient = tape.value_and_grad(None, theta)
            return float(values[0]), gradient

        return way

    def matrices(self, theta: Any) -> list[tuple[Any, Any]]:
        """Weights (nout, nin) and biases (nout,) of each layer, as views of theta."""
        layers, start = [], 0
        for nin, nout in zip(self.sizes, self.sizes[1:]):
            block = theta[start : start + nout * (nin + 1)].reshape(nout, nin + 1)
            layers.append((block[:, :-1], block[:, -1]))
            start += nout * (nin + 1)
        return layers

    def numpy(self, theta: Array) -> tuple[float, Array]:
        """By hand, as one does it: forward, then the chain rule layer by layer."""
        layers = self.matrices(theta)
        activations = [self.X]
        for w, b in layers[:-1]:
            activations.append(np.maximum(activations[-1] @ w.T + b, 0))
        w, b = layers[-1]
        margins = 1 - self.y * (activations[-1] @ w.T + b)[:, 0]
        cost = np.maximum(margins, 0).sum() / len(self.y) + ALPHA * (theta @ theta)
        gradient = np.empty_like(theta)
        blocks = self.matrices(gradient)
        delta = np.where(margins > 0, -self.y, 0.0)[:, None] / len(self.y)
        for k in range(len(layers) - 1, -1, -1):
            blocks[k][0][:] = delta.T @ activations[k]
            blocks[k][1][:] = delta.sum(axis=0)
            if k:
                delta = (delta @ layers[k][0]) * (activations[k] > 0)
        gradient += 2 * ALPHA * theta
        return float(cost), gradient


def moons_step(quick: bool) -> Iterator[Row]:
    """Replay against NumPy by hand."""
    work = Moons()
    taken = raced(work.theta, {"numpy": work.numpy, "replay": work.replay}, quick)
    yield against(
        taken, "replay", "numpy",
        "full-batch step, 100 moons, 2-16-16-1, replay: time against NumPy by hand",
        Bar(high=0.5 if library() else 1), None,
        spanish="paso con 100 lunas, 2-16-16-1, reproduciendo la grabación: "
        "tiempo frente a NumPy a mano",
    )  # fmt: skip


def moons_peers(quick: bool) -> Iterator[Row]:
    """The same step against frameworks, each updating parameters of its own kind."""
    for name, build, bar, spanish in (
        ("jax.jit", _jax, Bar(high=1), ""),
        ("PyTorch eager", _torch, Bar(high=0.5), "lo mismo: tiempo frente a PyTorch eager"),
        ("CasADi SX, map", _casadi, Bar(high=0.1), ""),
    ):
        work = Moons()
        way, step = build(work)
        agree({"numpy": work.numpy(work.theta), name: way(work.theta)})
        agree({"numpy": work.numpy(work.theta), "replay": work.replay(work.theta)})
        contestants = {name: step, "replay": Step(work.theta, work.replay)}
        taken = alternate(contestants, *((1, 0.0) if quick else (35, 0.02)))
        yield against(
            taken, "replay", name,
            f"the same: time against {name}", bar, bar, _CALLS, spanish,
        )  # fmt: skip


_CALLS = "a step this small is mostly calls from Python into NumPy, and a compiler has none"

Build = tuple[CostAndGradient, Callable[[], Any]]


def _jax(work: Moons) -> Build:
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", True)
    X, y = jnp.asarray(work.X), jnp.asarray(work.y)

    def cost(theta: Any) -> Any:
        *hidden, (w, b) = work.matrices(theta)
        a = X
        for v, c in hidden:
            a = jax.nn.relu(a @ v.T + c)
        margins = 1 - y * (a @ w.T + b)[:, 0]
        return jax.nn.relu(margins).mean() + ALPHA * (theta @ theta)

    both = jax.jit(jax.value_and_grad(cost))

    @jax.jit
    def update(theta: Any) -> Any:
        value, gradient = jax.value_and_grad(cost)(theta)
        return value, theta - RATE * gradient

    state = [jnp.asarray(work.theta)]

    def step() -> None:
        value, state[0] = update(state[0])
        value.block_until_ready()
        state[0].block_until_ready()

    def way(theta: Array) -> tuple[float, Array]:
        value, gradient = both(jnp.asarray(theta))
        return float(value), np.asarray(gradient)

    return way, step


def _torch(work: Moons) -> Build:
    import torch

    model = work.model.to_torch()
    X, y = torch.from_numpy(work.X), torch.from_numpy(work.y)
    parameters = list(model.parameters())
    optimizer = torch.optim.SGD(parameters, lr=RATE)

    def gradient() -> Any:
        optimizer.zero_grad()
        margins = 1 - y * model(X)[:, 0]
        cost = torch.relu(margins).mean() + ALPHA * sum((p * p).sum() for p in parameters)
        cost.backward()
        return cost

    def step() -> None:
        gradient()
        optimizer.step()

    def way(theta: Array) -> tuple[float, Array]:
        cost = float(gradient())
        # ours go neuron by neuron: weights, then the bias
        pairs = zip(parameters[::2], parameters[1::2])
        blocks = [torch.column_stack([w.grad, b.grad]).ravel() for w, b in pairs]
        return cost, torch.cat(blocks).numpy()

    return way, step


def _casadi(work: Moons) -> Build:
    import casadi

    theta, x, t = casadi.SX.sym("theta", len(work.theta)), casadi.SX.sym("x", 2), casadi.SX.sym("t")
    a, start = x, 0
    for nin, nout in zip(work.sizes, work.sizes[1:]):
        block = casadi.reshape(theta[start : start + nout * (nin + 1)], nin + 1, nout).T
        a = block[:, :nin] @ a + block[:, nin]
        a = casadi.fmax(a, 0) if nout > 1 else a
        start += nout * (nin + 1)
    cost = casadi.fmax(1 - t * a, 0) + ALPHA * casadi.dot(theta, theta)
    way = _mapped(theta, casadi.vertcat(x, t), cost, work.rows)
    return way, Step(work.theta, way)


def _mapped(theta: Any, inputs: Any, cost: Any, rows: Array) -> CostAndGradient:
    """CasADi's function of one sample, mapped over the batch, cost and gradient summed."""
    import casadi

    one = casadi.Function("one", [theta, inputs], [cost, casadi.gradient(cost, theta)])
    many = one.map("many", "serial", len(rows), [0], [0, 1])
    columns = casadi.DM(rows.T)

    def way(theta: Array) -> tuple[float, Array]:
        value, gradient = many(theta, columns)
        return float(value) / len(rows), np.array(gradient)[:, 0] / len(rows)

    return way


def moons_micrograd(quick: bool) -> Iterator[Row]:
    """The same against micrograd, in its own process."""
    reports = compared("moons", ["micrograd"], moons_work(), quick)
    work = Moons()
    theirs = reports["micrograd"]
    agree(
        {
            "micrograd": (theirs["cost"], np.array(theirs["gradient"])),
            "replay": work.replay(work.theta),
        }
    )
    ours = raced(work.theta, {"replay": work.replay}, quick)["replay"]
    yield Row(
        "the same: times as fast as micrograd",
        theirs["seconds"] / ours,
        f"{seconds(ours)} : {seconds(theirs['seconds'])}",
        Bar(low=3000),
        Bar(low=6000),
        spanish="lo mismo: veces más rápido que micrograd",
    )


def written_out(quick: bool) -> Iterator[Row]:
    """All samples in one graph against the batched replay."""
    work = Moons()
    ways = {"batched": work.replay, "one graph": work.one_graph()}
    taken = raced(work.theta, ways, quick)
    yield against(
        taken, "one graph", "batched",
        "the same loss recorded as one graph of all 100 samples: time against the batched replay",
        Bar(high=3), Bar(high=1.2),
    )  # fmt: skip


# -- digits --------------------------------------------------------------------


def digits_step(quick: bool) -> Iterator[Row]:
    """64-32-10 with cross-entropy on 1,437 digits, against NumPy by hand."""
    n = 100 if quick else 1437
    X, classes = (a[:n] for a in digits())
    Y = np.eye(10)[classes]
    model = MLP(64, [32, 10], seed=1)
    x, t = [Value(0.0) for _ in range(64)], [Value(0.0) for _ in range(10)]
    tape = Tape(cross_entropy(model(x), t), [*x, *t], model.parameters())
    theta, both = tape.theta.copy(), np.hstack([X, Y])

    def replay(theta: Array) -> tuple[float, Array]:
        values, gradient = tape.value_and_grad(both, theta)
        return float(values.mean()), gradient

    def numpy(theta: Array) -> tuple[float, Array]:
        first, second = theta[: 32 * 65].reshape(32, 65), theta[32 * 65 :].reshape(10, 33)
        hidden = np.maximum(X @ first[:, :-1].T + first[:, -1], 0)
        scores = hidden @ second[:, :-1].T + second[:, -1]
        scores -= scores.max(axis=1, keepdims=True)
        exps = np.exp(scores)
        totals = exps.sum(axis=1, keepdims=True)
        cost = (np.log(totals[:, 0]) - scores[np.arange(n), classes]).mean()
        delta = (exps / totals - Y) / n
        d_hidden = (delta @ second[:, :-1]) * (hidden > 0)
        gradient = np.concatenate(
            [
                np.column_stack([d.T @ a, d.sum(axis=0)]).ravel()
                for d, a in ((d_hidden, X), (delta, hidden))
            ]
        )
        return float(cost), gradient

    kept = _kept(X, Y, classes)
    taken = raced(theta, {"numpy": numpy, "kept": kept, "replay": replay}, quick)
    yield against(
        taken, "replay", "numpy",
        f"digits, 64-32-10, cross-entropy, batch {n:,}, replay: time against NumPy by hand",
        Bar(high=0.65 if library() else 1.1), None,
        spanish=f"dígitos, 64-32-10, entropía cruzada, lote {n}, reproduciendo la grabación: "
        "tiempo frente a NumPy a mano",
    )  # fmt: skip
    yield against(
        taken, "replay", "kept",
        "the same: time against NumPy by hand that writes into arrays kept from step to step",
        Bar(high=1.1) if library() else None, None,
    )  # fmt: skip


def _kept(X: Array, Y: Array, classes: Array) -> CostAndGradient:
    """The same by hand, with every array made once."""
    n = len(X)
    hidden, d_hidden = np.empty((n, 32)), np.empty((n, 32))
    scores, delta, mask = np.empty((n, 10)), np.empty((n, 10)), np.empty((n, 32), bool)
    column, rows = np.empty((n, 1)), np.arange(n)
    gradient = np.empty(32 * 65 + 10 * 33)
    first_d, second_d = gradient[: 32 * 65].reshape(32, 65), gradient[32 * 65 :].reshape(10, 33)

    def way(theta: Array) -> tuple[float, Array]:
        first, second = theta[: 32 * 65].reshape(32, 65), theta[32 * 65 :].reshape(10, 33)
        np.matmul(X, first[:, :-1].T, hidden)
        np.add(hidden, first[:, -1], hidden)
        np.maximum(hidden, 0, out=hidden)
        np.matmul(hidden, second[:, :-1].T, scores)
        np.add(scores, second[:, -1], scores)
        np.subtract(scores, scores.max(axis=1, out=column[:, 0])[:, None], scores)
        np.exp(scores, delta)
        np.add.reduce(delta, 1, None, column, True)
        cost = (np.log(column[:, 0]) - scores[rows, classes]).mean()
        np.divide(delta, column, delta)
        np.subtract(delta, Y, delta)
        np.divide(delta, n, delta)
        np.matmul(delta, second[:, :-1], d_hidden)
        np.greater(hidden, 0, mask)
        np.multiply(d_hidden, mask, d_hidden)
        for d, a, out in (d_hidden, X, first_d), (delta, hidden, second_d):
            np.matmul(d.T, a, out[:, :-1])
            np.add.reduce(d, 0, None, out[:, -1])
        return float(cost), gradient

    return way


# -- the scalar transformer ----------------------------------------------------


def gpt_step(quick: bool) -> Iterator[Row]:
    """A transformer step against microgpt's kind of Value, and against JAX."""
    work = gpt.work()
    theirs = compared("gpt", ["microgpt"], work, quick)["microgpt"]
    model = gpt.GPT(work["vocabulary"], seed=0)
    step = gpt.Step(model, len(work["codes"]) - 1)
    theta = np.array(work["theta"])

    def replay(theta: Array) -> tuple[float, Array]:
        return step(theta, work["codes"])

    agree(
        {
            "microgpt": (theirs["cost"], np.array(theirs["gradient"])),
            "replay": replay(theta),
        }
    )
    ours = raced(theta, {"replay": replay}, quick)["replay"]
    yield Row(
        "scalar GPT step, 8 tokens, replay: times as fast as define-by-run with a Value with "
        "local gradients in slots",
        theirs["seconds"] / ours,
        f"{seconds(ours)} : {seconds(theirs['seconds'])}",
        Bar(low=100),
        Bar(low=250),
    )
    try:
        jax = gpt_jax(model, work)
    except ImportError:
        return
    taken = raced(theta, {"jax": jax, "replay": replay}, quick)
    yield against(
        taken, "replay", "jax",
        "the same, one sample: time against loss and gradient written by hand for jax.jit",
        Bar(high=1) if library() else None, None,
    )  # fmt: skip


def gpt_jax(model: gpt.GPT, work: dict[str, Any]) -> CostAndGradient:
    """The transformer's loss and its gradient, compiled."""
    import jax

    jax.config.update("jax_enable_x64", True)
    both = jax.jit(jax.value_and_grad(gpt_cost(model, len(work["codes"]) - 1)))
    codes = jax.numpy.asarray(work["codes"])

    def way(theta: Array) -> tuple[float, Array]:
        value, gradient = both(theta, codes)
        return float(value), np.asarray(gradient)

    return way


def gpt_cost(model: gpt.GPT, length: int) -> Callable[[Any, Any], Any]:
    """The transformer's loss as one writes it for the arrays of JAX."""
    import jax
    import jax.numpy as jnp

    shapes = {name: (len(m), len(m[0])) for name, m in model.weights.items()}
    heads, size = gpt.HEADS, gpt.WIDE // gpt.HEADS
    before = jnp.tril(jnp.ones((length, length), bool))

    def normed(x: Any) -> Any:
        return x * ((x * x).mean(axis=-1, keepdims=True) + 1e-5) ** -0.5

    def cost(theta: Any, codes: Any) -> Any:
        w, start = {}, 0
        for name, (m, k) in shapes.items():
            w[name] = theta[start : start + m * k].reshape(m, k)
            start += m * k
        x = normed(w["tokens"][codes[:-1]] + w["places"][:length])
        a = normed(x)
        q, k, v = (
            (a @ w[name].T).reshape(length, heads, size).transpose(1, 0, 2)
            for name in ("queries", "keys", "values")
        )
        scores = jnp.where(before, q @ k.transpose(0, 2, 1) / size**0.5, -jnp.inf)
        weights = jnp.exp(scores)  # as the model has it, of numbers that are small
        shares = weights / weights.sum(axis=-1, keepdims=True)
        gathered = (shares @ v).transpose(1, 0, 2).reshape(length, heads * size)
        x = x + gathered @ w["attention"].T
        x = x + jax.nn.relu(normed(x) @ w["up"].T) @ w["down"].T
        logits = jax.nn.log_softmax(x @ w["scores"].T)
        return -logits[jnp.arange(length), codes[1:]].mean()

    return cost


# -- no repetition, and growth -------------------------------------------------


def scattered(n: int, leaves: list[Any], ops: dict[str, Callable[..., Any]]) -> Any:
    """A graph of n nodes without a pattern, of whatever kind the leaves are."""
    source = random.Random(0)
    nodes, unused = list(leaves), set()
    names = sorted(ops)
    for _node in range(n):
        # the bounded ones twice as often, so that numbers stay within range
        name = source.choice([*names, "sin", "tanh"])
        places = [source.randrange(max(0, len(nodes) - 200), len(nodes)) for _ in range(2)]
        places = places[: 1 if name in ("sin", "tanh", "neg") else 2]
        unused -= set(places)
        unused.add(len(nodes))
        nodes.append(ops[name](*[nodes[k] for k in places]))
    total = nodes[-1]
    for k in sorted(unused - {len(nodes) - 1}):
        total = total + nodes[k]
    return total


class Scattered:
    """A graph in which nothing repeats, as a tape, and its leaves of another kind."""

    arithmetic: ClassVar[dict[str, Callable[..., Any]]] = {
        "add": lambda a, b: 0.5 * (a + b),
        "sub": lambda a, b: 0.5 * (a - b),
        "mul": lambda a, b: a * b,
        "neg": lambda a: -a,
    }

    def __init__(self, quick: bool) -> None:
        self.n, self.batch = (500, 20) if quick else (10_000, 1000)
        values = [Value(v) for v in np.random.default_rng(0).uniform(-1, 1, 16)]
        root = self.of(values, {"sin": Value.sin, "tanh": Value.tanh})
        start = perf_counter()
        self.tape = Tape(root, values[:8], values[8:])
        self.X = np.random.default_rng(1).uniform(-1, 1, (self.batch, 8))
        self.replay(self.tape.theta)
        self.recorded = perf_counter() - start

    def of(self, leaves: list[Any], functions: dict[str, Callable[..., Any]]) -> Any:
        """The graph above leaves of whatever kind."""
        return scattered(self.n, leaves, self.arithmetic | functions)

    def replay(self, theta: Array) -> tuple[float, Array]:
        outputs, gradient = self.tape.value_and_grad(self.X, theta)
        return float(outputs.mean()), gradient

    def against(
        self, name: str, way: CostAndGradient, quick: bool, bar: Bar | None, short: str = ""
    ) -> Row:
        """The row of one contestant, once both agree."""
        theta = self.tape.theta
        agree({name: way(theta), "replay": self.replay(theta)}, rtol=1e-8)
        contestants = {name: lambda: way(theta), "replay": lambda: self.replay(theta)}
        taken = alternate(contestants, 1 if quick else 5, 0.0)
        work = f"a random graph of {self.n:,} nodes with no repetition, batch {self.batch:,}"
        return against(taken, "replay", name, f"{work}: time against {name}", bar, None, short)


def random_graph(quick: bool) -> Iterator[Row]:
    """A graph in which nothing repeats, against CasADi SX mapped over the batch."""
    import casadi

    work = Scattered(quick)
    symbols = casadi.SX.sym("leaves", 16)
    theirs = work.of(casadi.vertsplit(symbols), {"sin": casadi.sin, "tanh": casadi.tanh})
    mapped = _mapped(symbols[8:], symbols[:8], theirs, work.X)
    yield work.against("CasADi SX, map", mapped, quick, Bar(high=1))


def random_heyoka(quick: bool) -> Iterator[Row]:
    """The same against heyoka, which compiles the graph and its gradient for vectors."""
    with one_processor():  # heyoka shares a batch among all that it finds when it begins
        import heyoka

        work = Scattered(quick)
        names = heyoka.make_vars(*[f"x{k}" for k in range(16)])
        start = perf_counter()
        root = work.of(list(names), {"sin": heyoka.sin, "tanh": heyoka.tanh})
        tensors = heyoka.diff_tensors([root], diff_args=list(names[8:]), diff_order=1)
        compiled = heyoka.cfunc([root, *tensors.gradient], vars=list(names))
        taken = perf_counter() - start
        inputs = np.empty((16, work.batch))
        inputs[:8] = work.X.T

        def way(theta: Array) -> tuple[float, Array]:
            inputs[8:] = theta[:, None]
            outputs = compiled(inputs)
            return float(outputs[0].mean()), outputs[1:].mean(axis=1)

        yield work.against(
            "heyoka", way, quick, Bar(high=1) if library() else None,
            "numbers of 10,000 nodes do not fit the cache; compiled code keeps them in registers",
        )  # fmt: skip
    yield Row(
        "recording it and planning its replay: time against heyoka's derivatives and compilation",
        work.recorded / taken,
        f"{seconds(work.recorded)} : {seconds(taken)}",
    )


def recording(quick: bool) -> Iterator[Row]:
    """Recording and replaying as graphs grow tenfold: moons written out, nothing batched."""
    sizes = (10**3, 10**4) if quick else (10**3, 10**4, 10**5, 10**6)
    record, replay = [], []
    for n in sizes:
        output = network(n)
        leaves = _parameters(output)
        times = 1 if n >= 10**5 else 3
        record.append(best(lambda output=output, leaves=leaves: Tape(output, (), leaves), times))
        tape = Tape(output, (), leaves)
        tape.value_and_grad()
        replay.append(best(lambda tape=tape: tape.value_and_grad(), 2 * times))
    yield Row(
        f"recording {sizes[-1]:,} nodes",
        record[-1],
        " → ".join(map(seconds, record)),
        in_seconds=True,
    )
    for taken, work in (record, "recording"), (replay, "replaying (cost and gradient)"):
        grown = taken[-1] / taken[-2]
        yield Row(
            f"ten times the nodes ({sizes[-2]:,} to {sizes[-1]:,}): {work}",
            grown,
            " → ".join(map(seconds, taken)),
            Bar(high=20),
        )


def _parameters(output: Value) -> list[Value]:
    from micrograd_es.engine.graph import topological_order

    return [v for v in topological_order(output) if v.label[:1] in ("w", "b") and not v.parents]
