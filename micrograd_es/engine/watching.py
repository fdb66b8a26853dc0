"""`detect_anomaly` and `no_grad`: what happens to the nodes of a thread or task.

As long as nobody in the whole process asks for either, a new node costs nothing more.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from micrograd_es.engine import graph
from micrograd_es.engine.anomaly import watch_forward
from micrograd_es.engine.graph import Node, make_again

_anomalies: ContextVar[bool] = ContextVar("anomalies", default=False)
_leaves: ContextVar[bool] = ContextVar("leaves", default=False)
_telling: ContextVar[Callable[[Node | None], None] | None] = ContextVar("telling", default=None)
_counting = threading.Lock()
_asking = 0  # contexts that are open in the whole process


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
    with _asked(_anomalies, True):
        yield


@contextmanager
def unwatched() -> Iterator[None]:
    """Looks away for a while: whoever tries a function out goes beyond its domain."""
    with _asked(_anomalies, False):
        yield


def is_watching() -> bool:
    """Whether `detect_anomaly` is on, here."""
    return _asking > 0 and _anomalies.get()


@contextmanager
def no_grad() -> Iterator[None]:
    """A context in which operations give leaves, in this thread or task.

    Nothing is kept of how they were computed: for predictions, say, of which nobody asks a
    derivative. What takes derivatives of its own (`grad` with `create_graph`, `hessian`,
    `check_gradient`, `fit`, `Net`) does so here too.

    Examples
    --------
    >>> from micrograd_es import Value
    >>> x = Value(3.0)
    >>> with no_grad():
    ...     y = x * x
    >>> y.data, y.parents, (x * x).parents == (x, x)
    (9.0, (), True)
    """
    if tell := _telling.get():
        tell(None)
    with _asked(_leaves, True):
        yield


@contextmanager
def enable_grad() -> Iterator[None]:
    """Has a graph be recorded, also within `no_grad`: for whoever needs it to derive."""
    with _asked(_leaves, False):
        yield


def is_recording() -> bool:
    """Whether operations make a graph, here, and not only leaves."""
    return not _leaves.get()


@contextmanager
def numbers_told(tell: Callable[[Node | None], None]) -> Iterator[None]:
    """Has somebody be told of each node of which a number is taken out of the graph.

    That is by ``.data``, by ``float(v)``, or, of a root, by a pass over what is below it; of no
    node in particular where `no_grad` does so.
    """
    with _asked(_telling, tell):
        yield


@contextmanager
def _asked(what: ContextVar[Any], on: Any) -> Iterator[None]:
    token = what.set(on)
    _count(1 if on else 0)
    try:
        yield
    finally:
        _count(-1 if on else 0)
        what.reset(token)


def _count(more: int) -> None:
    global _asking
    with _counting:
        _asking += more
        graph.watched_by(*((_look, _tell) if _asking else (None, None)))


def _tell(node: Node) -> float:
    if tell := _telling.get():
        tell(node)
    return node._data


def _look(node: Node) -> None:
    if _anomalies.get():
        watch_forward(node)
    if _leaves.get():  # last: an anomaly is told with the operands
        make_again(node, None, (), ())
