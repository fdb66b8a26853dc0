"""The engine node by node, beside other scalar engines, and how it grows."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from functools import cache, partial
from itertools import product
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np

from benchmarks import gpt, programs
from benchmarks.table import Bar, Row, seconds
from benchmarks.timing import agree, alternate, best, in_own_processes
from micrograd_es import MLP, Value, recorded, vsum
from micrograd_es.data import moons
from micrograd_es.engine.graph import native, topological_order


def moons_work() -> dict[str, Any]:
    """100 moons and the first weights of a 2-16-16-1 network."""
    X, y = moons(100, seed=1)
    theta = [p.data for p in MLP(2, [16, 16, 1], seed=1337).parameters()]
    return {"X": X.tolist(), "y": y.tolist(), "theta": theta}


def compared(
    program: str, kinds: list[str], work: dict[str, Any], quick: bool
) -> dict[str, dict[str, Any]]:
    """The reports of programs that have been seen to agree."""
    reports = in_own_processes(program, kinds, work, *((1, 1) if quick else (3, 5)))
    agree({kind: (r["cost"], np.array(r["gradient"])) for kind, r in reports.items()})
    return reports


def beside_micrograd(quick: bool) -> Iterator[Row]:
    """The step of micrograd's demo: time and memory."""
    reports = compared("moons", ["micrograd", "ours"], moons_work(), quick)
    theirs, ours = reports["micrograd"], reports["ours"]
    yield Row(
        "training step of micrograd's demo, define-by-run: times as fast as micrograd",
        theirs["seconds"] / ours["seconds"],
        f"{seconds(ours['seconds'])} : {seconds(theirs['seconds'])}",
        Bar(low=100 if native else 15),
        spanish="paso de la demo de micrograd, nodo a nodo: veces más rápido que micrograd",
    )
    yield Row(
        "the same: peak memory of the process against micrograd's",
        ours["peak"] / theirs["peak"],
        f"{ours['peak'] / 1024:.0f} MiB : {theirs['peak'] / 1024:.0f} MiB",
        Bar(high=0.5),
    )
    first, step = recorded_steps(quick)
    yield Row(
        f"the same with @recorded (its first two calls take {seconds(first)}): times as fast as "
        "micrograd",
        theirs["seconds"] / step,
        f"{seconds(step)} : {seconds(theirs['seconds'])}",
        Bar(low=3000),
    )
    reports = compared("one_loop", ["micrograd", "ours"], moons_work(), quick)
    theirs, ours = reports["micrograd"], reports["ours"]
    yield Row(
        "one loop over 100 samples with a neuron of the script's own: times as fast as micrograd",
        theirs["seconds"] / ours["seconds"],
        f"{seconds(ours['seconds'])} : {seconds(theirs['seconds'])}",
    )


def recorded_steps(quick: bool) -> tuple[float, float]:
    """Seconds of the first two calls of micrograd's demo, recorded; and of a step after that."""
    parameters, loss = programs.moons("ours", moons_work())
    loss, taken = recorded(loss), []
    for _call in range(40 if quick else 400):
        start = perf_counter()
        total = loss()
        for p in parameters:
            p.grad = 0.0
        total.backward()
        for p in parameters:
            p.data -= programs.RATE * p.grad
        taken.append(perf_counter() - start)
    return sum(taken[:2]), median(taken[2:])


def beside_slots(quick: bool) -> Iterator[Row]:
    """A transformer step, beside a Value as microgpt has it."""
    reports = compared("gpt", ["microgpt", "ours", "swapped"], gpt.work(), quick)
    theirs = reports["microgpt"]["seconds"]
    for kind, work, bar in (
        (
            "ours",
            "transformer step, 8 tokens, define-by-run: times as fast as a Value with local "
            "gradients in slots",
            Bar(low=2.5),
        ),
        (
            "swapped",
            "the same, in its own program with only the class swapped",
            Bar(low=8 if native else 1.6),
        ),
    ):
        ours = reports[kind]["seconds"]
        yield Row(work, theirs / ours, f"{seconds(ours)} : {seconds(theirs)}", bar)


def chain(n: int) -> Value:
    """n nodes in a line."""
    x = v = Value(1.0)
    for _node in range(n):
        v = v * x
    return v


def wide(n: int) -> Value:
    """n products side by side, in one sum."""
    x = Value(1.0)
    return vsum([x * x for _node in range(n)])


def diamond(n: int) -> Value:
    """Two ways at each of n / 3 corners."""
    v = Value(1.0)
    for _corner in range(n // 3):
        v = v.sin() + v.cos()
    return v


def fibonacci(n: int) -> Value:
    """Each node the difference of the two before it."""
    a, b = Value(1.0), Value(1.0)
    for _node in range(n):
        a, b = b, a - b
    return b


@cache
def _model() -> MLP:
    """Made once, since naming its weights takes longer than a step of 1,000 nodes."""
    return MLP(2, [16, 16, 1], seed=1337)


def network(n: int) -> Value:
    """micrograd's demo on as many moons as make n nodes: 376 each, and the parameters."""
    model = _model()
    X, y = moons(max(1, round((n - 337) / 376)), seed=1)
    losses = [(1 - t * model(x)).relu() for x, t in zip(X, y)]
    return vsum(losses) / len(losses)


def beside_xad(quick: bool) -> Iterator[Row]:
    """A long line of products and its backward pass, the collector on, beside XAD's tape."""
    import xad.adj_1st as adj_1st  # `from xad import` gives another module of that name

    n = 10**4 if quick else 10**6
    tape = adj_1st.Tape()  # kept from pass to pass, which is what it does best

    def theirs() -> tuple[float, float]:
        x = v = adj_1st.Real(1.0)
        tape.registerInput(x)
        tape.newRecording()
        for _node in range(n):
            v = v * x
        tape.registerOutput(v)
        v.derivative = 1.0
        tape.computeAdjoints()
        return v.value, x.derivative

    def ours() -> tuple[float, float]:
        x = v = Value(1.0)
        for _node in range(n):
            v = v * x
        v.backward()
        return v.data, x.grad

    tape.activate()
    try:
        agree({"xad": theirs(), "ours": ours()})
        taken = alternate({"xad": theirs, "ours": ours}, rounds=5)
    finally:
        tape.deactivate()
    yield Row(
        f"a line of {n:,} products, define-by-run: time per node against XAD",
        taken["ours"] / taken["xad"],
        f"{seconds(taken['ours'] / n)} : {seconds(taken['xad'] / n)}",
        Bar(high=0.5) if native else None,
    )


class Bare:
    """The least that a node of a graph in Python can be: it can do nothing."""

    __slots__ = ("a", "b", "data")

    def __init__(self, data: float, a: Bare | None = None, b: Bare | None = None) -> None:
        self.data, self.a, self.b = data, a, b


def bare(n: int) -> list[Bare]:
    """n of them in a line, listed so that they are not freed one within the other."""
    nodes = [Bare(1.0)]
    for _node in range(n):
        nodes.append(Bare(1.0, nodes[-1], nodes[0]))
    return nodes


def forth_and_back(graph: Callable[[int], Value], n: int) -> None:
    """Makes a graph of n nodes and takes its backward pass."""
    graph(n).backward()


def by_size(work: Callable[[int], object], small: int, large: int) -> tuple[float, float]:
    """Seconds for one small graph, taken over as many as make a large one, and for that one."""
    parts = large // small

    def in_parts() -> None:
        for _part in range(parts):
            work(small)

    taken = alternate({"parts": in_parts, "whole": lambda: work(large)}, rounds=5)
    return taken["parts"] / parts, taken["whole"]


def flat(quick: bool) -> Iterator[Row]:
    """Time per node, forward and backward, of small graphs and of a large one."""
    small, large = (10**3, 10**4) if quick else (10**3, 10**6)
    for graph, collecting in product((network, chain), (True, False)):
        (gc.enable if collecting else gc.disable)()
        few, many = (
            taken / len(topological_order(graph(n)))
            for n, taken in zip(
                (small, large), by_size(partial(forth_and_back, graph), small, large)
            )
        )
        gc.enable()
        yield Row(
            f"time per node, {large:,} nodes against {small:,}: {graph.__name__}"
            + ("" if collecting else ", without the garbage collector"),
            many / few,
            f"{seconds(many)} : {seconds(few)}",
            Bar(high=1.25),
            short="Python's garbage collector visits old nodes over and over"
            if collecting and not native
            else "hundreds of MB of nodes lie outside the caches",
        )
    few, many = (taken / n for n, taken in zip((small, large), by_size(bare, small, large)))
    yield Row(
        "the same, with it: making the least node that can be, two operands and a number",
        many / few,
        f"{seconds(many)} : {seconds(few)}",
    )


def linear(quick: bool) -> Iterator[Row]:
    """t(10 n) / t(n) for graphs of different shapes."""
    n = 10**3 if quick else 10**5
    for graph in (chain, wide, diamond, fibonacci):
        few, many = (best(partial(forth_and_back, graph, size), 2) for size in (n, 10 * n))
        yield Row(
            f"ten times the nodes ({n:,} to {10 * n:,}): {graph.__name__}",
            many / few,
            f"{seconds(many)} : {seconds(few)}",
            Bar(low=5, high=20),
        )
