"""`detect_anomaly`: finding where numbers turn nan or infinite."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from math import isfinite
from typing import TYPE_CHECKING

from micrograd_es.chain import backward_edges
from micrograd_es.errors import AnomalyError

if TYPE_CHECKING:
    from micrograd_es.engine import Value

_watching: ContextVar[bool] = ContextVar("watching", default=False)
_counting = threading.Lock()
# How many watches are on in the whole process: a plain number, which a node in
# the making can ask at next to no cost.
watches = 0


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
    micrograd_es.errors.AnomalyError: log gave -inf: log(x=0.0)
    """
    global watches
    token = _watching.set(True)
    with _counting:
        watches += 1
    try:
        yield
    finally:
        with _counting:
            watches -= 1
        _watching.reset(token)


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
    return watches > 0 and _watching.get()


def watch_forward(node: Value) -> None:
    """Raises AnomalyError if the node is not finite."""
    if not isfinite(node.data):
        raise anomaly(node, f"{node.op} gave {node.data}")


def watch_backward(root: Value) -> None:
    """Raises AnomalyError at the first gradient below `root` that is not finite."""
    for edge in backward_edges(root):
        if not isfinite(edge.after):
            to = _printable(edge.parent.label) or f"operand {edge.index + 1}"
            raise anomaly(
                edge.node,
                f"the gradient of {to} turned {edge.after}, "
                f"from {edge.upstream!r} · {edge.partial!r}, backward through",
            )


def anomaly(node: Value, what: str, sample: int | None = None) -> AnomalyError:
    """The error that names the node, its operation and its operands."""
    operands = ", ".join(
        f"{_printable(v.label)}={v.data!r}" if v.label else repr(v.data) for v in node.parents[:10]
    )
    more = ", …" if len(node.parents) > 10 else ""
    name = f" (the node {node.label!r})" if node.label else ""
    of = "" if sample is None else f" in sample {sample}"
    return AnomalyError(f"{what}{of}: {node.op}({operands}{more}){name}", node, sample)


def _printable(label: str) -> str:
    return label if label.isprintable() else repr(label)
