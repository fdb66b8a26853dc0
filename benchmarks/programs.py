"""Training steps of scalar programs, each in a process of its own.

``python -m benchmarks.programs PROGRAM KIND STEPS`` reads the numbers to work on as JSON
and reports seconds a step, the peak of memory, and the first cost and gradient.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Any

ALPHA, RATE = 1e-4, 0.01


def moons(kind: str, work: dict[str, Any]) -> tuple[list[Any], Callable[[], Any]]:
    """micrograd's demo, the same text for both: only the import differs."""
    if kind == "micrograd":
        from micrograd.engine import Value
        from micrograd.nn import MLP
    else:
        from micrograd_es.engine.value import Value  # type: ignore[assignment]
        from micrograd_es.nn.modules import MLP  # type: ignore[assignment]
    X, y = work["X"], work["y"]
    model = MLP(2, [16, 16, 1])
    for p, number in zip(model.parameters(), work["theta"]):
        p.data = number

    def loss() -> Any:
        inputs = [list(map(Value, xrow)) for xrow in X]
        scores = list(map(model, inputs))
        losses = [(1 + -yi * scorei).relu() for yi, scorei in zip(y, scores)]
        data_loss = sum(losses) * (1.0 / len(losses))
        reg_loss = ALPHA * sum(p * p for p in model.parameters())
        return data_loss + reg_loss

    return model.parameters(), loss


def gpt(kind: str, work: dict[str, Any]) -> tuple[list[Any], Callable[[], Any]]:
    """A transformer step: in microgpt's manner, or as one writes it here."""
    from benchmarks import microgpt
    from benchmarks.gpt import GPT
    from micrograd_es import Value, cross_entropy

    codes, numbers = work["codes"], iter(work["theta"])
    model = GPT(work["vocabulary"], seed=0)
    if kind == "ours":
        for p in model.parameters():
            p.data = next(numbers)
        table = model.weights["tokens"]
        return model.parameters(), lambda: cross_entropy(
            model([table[code] for code in codes[:-1]]), codes[1:]
        )
    # "microgpt" with its own Value; "swapped" is the same program with ours
    number = microgpt.Value if kind == "microgpt" else Value
    weights = {
        name: [[number(next(numbers)) for _ in row] for row in matrix]
        for name, matrix in model.weights.items()
    }
    parameters = [p for matrix in weights.values() for row in matrix for p in row]
    return parameters, lambda: microgpt.cost(weights, codes)


def main() -> None:
    """Runs the program that the command line names."""
    program, kind, steps = sys.argv[1], sys.argv[2], int(sys.argv[3])
    sys.setrecursionlimit(10**6)
    parameters, loss = {"moons": moons, "gpt": gpt}[program](kind, json.load(sys.stdin))
    taken, first = [], None
    for _step in range(steps):
        start = perf_counter()
        total = loss()
        for p in parameters:
            p.grad = 0.0
        total.backward()
        gradient = [p.grad for p in parameters] if first is None else None
        for p in parameters:
            p.data -= RATE * p.grad
        taken.append(perf_counter() - start)
        first = first or (total.data, gradient)
    assert first is not None
    report = {"seconds": taken, "peak": peak(), "cost": first[0], "gradient": first[1]}
    print(json.dumps(report))


def peak() -> int:
    """The most memory that this process has held, in KiB."""
    try:  # getrusage would include what the parent held before the exec
        status = Path("/proc/self/status").read_text()
        return int(re.findall(r"VmHWM:\s+(\d+) kB", status)[0])
    except (OSError, IndexError):
        import resource

        scale = 1024 if sys.platform == "darwin" else 1
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // scale


if __name__ == "__main__":
    main()
