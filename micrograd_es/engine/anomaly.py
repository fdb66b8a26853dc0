"""`detect_anomaly`: finding where numbers turn nan or infinite."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from math import isfinite

from micrograd_es.base.errors import AnomalyError
from micrograd_es.engine import graph
from micrograd_es.engine.graph import Node, backward_edges

_watching: ContextVar[bool] = ContextVar("watching", default=False)
_counting = threading.Lock()
_watches = 0  # that are on in the whole process


@contextmanager
def detect_anomaly() -> Iterator[None]:
    """Raises AnomalyError at the first node that turns nan or infinite.

    It watches forward and backward passes and replays, in this thread or task.

    Examples
    --------
    >>> from micrograd_es import Value
    >>> with detect_anomaly():
    ...     Value(0.0, label="x").log()
    Traceback (most recent call last):
    micrograd_es.base.errors.AnomalyError: log gave -inf: log(x=0.0)
    """
    token = _watching.set(True)
    _count(1)
    try:
        yield
    finally:
        _count(-1)
        _watching.reset(token)


def _count(one: int) -> None:
    global _watches
    with _counting:
        _watches += one
        graph.watch = _watch_forward if _watches else None


@contextmanager
def unwatched() -> Iterator[None]:
    """Looks away for a while: whoever tries a function out goes beyond its domain."""
    token = _watching.set(False)
    try:
        yield
    finally:
        _watching.reset(token)


def is_watching() -> bool:
    """Whether `detect_anomaly` is on, here."""
    return _watches > 0 and _watching.get()


def _watch_forward(node: Node) -> None:
    if _watching.get() and not isfinite(node._data):
        raise anomaly(node, f"{node.rule.name} gave {node._data}")


def watch_backward(root: Node) -> None:
    """Raises AnomalyError at the first gradient below `root` that is not finite."""
    for edge in backward_edges(root):
        if not isfinite(edge.after):
            to = _printable(edge.parent.label) or f"operand {edge.index + 1}"
            raise anomaly(
                edge.node,
                f"the gradient of {to} turned {edge.after}, "
                f"from {edge.upstream!r} · {edge.partial!r}, backward through",
            )


def anomaly(node: Node, what: str, sample: int | None = None) -> AnomalyError:
    """The error that names the node, its operation and its operands."""
    operands = ", ".join(
        f"{_printable(v.label)}={v.data!r}" if v.label else repr(v.data) for v in node.parents[:10]
    )
    more = ", …" if len(node.parents) > 10 else ""
    name = f" (the node {node.label!r})" if node.label else ""
    of = "" if sample is None else f" in sample {sample}"
    return AnomalyError(f"{what}{of}: {node.rule.name}({operands}{more}){name}", node, sample)


def _printable(label: str) -> str:
    return label if label.isprintable() else repr(label)
