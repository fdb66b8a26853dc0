"""Medians over alternating repetitions, in this process or each in its own."""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np

from benchmarks.table import ROOT, Missing


def agree(results: Mapping[str, tuple[float, Any]], rtol: float = 1e-9) -> None:
    """Raises AssertionError unless all have one cost and one gradient."""
    (first, (cost, gradient)), *others = results.items()
    for name, (other_cost, other_gradient) in others:
        what = f"{name} against {first}"
        np.testing.assert_allclose(other_cost, cost, rtol=rtol, err_msg=what)
        scale = np.abs(gradient).max()
        np.testing.assert_allclose(
            other_gradient, gradient, rtol=rtol, atol=rtol * scale, err_msg=what
        )


def alternate(
    contestants: Mapping[str, Callable[[], Any]],
    rounds: int = 9,
    least: float = 0.03,
    of: Callable[[list[float]], float] = median,
) -> dict[str, float]:
    """Seconds a call of each: the median over rounds in which all take their turn, or the best."""
    calls = {}
    for name, call in contestants.items():
        call()
        start = perf_counter()
        call()
        calls[name] = max(1, int(least / (perf_counter() - start)))
    times: dict[str, list[float]] = {name: [] for name in contestants}
    for _round in range(rounds):
        for name, call in contestants.items():
            start = perf_counter()
            for _call in range(calls[name]):
                call()
            times[name].append((perf_counter() - start) / calls[name])
    return {name: of(taken) for name, taken in times.items()}


@contextmanager
def one_processor() -> Iterator[None]:
    """Has whatever wants to share its work among processors find only one, where that is known."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    known = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(known)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, known)


def best(call: Callable[[], Any], times: int) -> float:
    """Seconds of the quickest of some calls, from a clean slate."""
    taken = []
    for _time in range(times):
        gc.collect()
        start = perf_counter()
        call()
        taken.append(perf_counter() - start)
    return min(taken)


def in_own_processes(
    program: str, kinds: list[str], work: dict[str, Any], rounds: int, steps: int
) -> dict[str, dict[str, Any]]:
    """What `programs` reports of each kind: seconds (median), peak, cost and gradient."""
    reports: dict[str, list[dict[str, Any]]] = {kind: [] for kind in kinds}
    for _round in range(rounds):
        for kind in kinds:
            done = subprocess.run(
                [sys.executable, "-m", "benchmarks.programs", program, kind, str(steps)],
                input=json.dumps(work), capture_output=True, text=True, cwd=ROOT, check=False,
            )  # fmt: skip
            if "ModuleNotFoundError" in done.stderr:
                raise Missing(done.stderr.strip().splitlines()[-1])
            if done.returncode:
                raise RuntimeError(done.stderr)
            reports[kind].append(json.loads(done.stdout))
    return {
        kind: {
            **given[0],
            "seconds": median(s for report in given for s in report["seconds"]),
            "peak": max(report["peak"] for report in given),
        }
        for kind, given in reports.items()
    }
