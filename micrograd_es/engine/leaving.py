"""Values that become floats: no gradient goes through them, which is easily overlooked.

Who writes ``float(v)`` knows. Who writes ``math.exp(v)``, or puts `v` into an array of floats,
may not: there is a warning, and `explain` and `check_gradient` find it again.
"""

from __future__ import annotations

import os
import sys
import warnings
from types import FrameType
from typing import NamedTuple
from weakref import WeakKeyDictionary

from micrograd_es.base.errors import DetachedWarning
from micrograd_es.base.languages import gettext as _
from micrograd_es.engine import graph
from micrograd_es.engine.caller import Asker, asker, outside
from micrograd_es.engine.custom import making_graph
from micrograd_es.engine.graph import Node
from micrograd_es.engine.ops import TABLE

# Functions by which one asks for a number, or about it.
_MEANT = {"__float__", "astype", "float16", "float32", "float64", "double", "longdouble",
          "isnan", "isfinite", "isinf", "isclose"}  # fmt: skip
_INSTEAD = {"pow": "v ** w", "fabs": "abs(v)", "fsum": "vsum(values)"}
_INTO_ARRAYS = {"array", "asarray", "asanyarray", "full", "fill", "fromiter", "copyto", "put",
                "insert"}  # fmt: skip
_KEPT = 10_000  # nodes below one that became a float, of which that is remembered


class Place(NamedTuple):
    """A line of a file."""

    file: str
    line: int


_left: WeakKeyDictionary[Node, Place] = WeakKeyDictionary()


def left_at(node: Node) -> Place | None:
    """Where something that was computed from the node, or the node, became a float unnoticed."""
    return _left.get(node)


def how_it_left(node: Node) -> str:
    """The same in words, to be put at the end of others; "" if there is no such place."""
    if not (place := left_at(node)):
        return ""
    words = _("what uses it became a float in line {line} of {file}")
    return ": " + words.format(line=place.line, file=place.file)


def number_of(node: Node) -> float:
    """The number of the node, as ``float(v)`` gives it: no gradient goes through it."""
    if graph.taken:
        graph.taken(node)
    if making_graph.get():
        raise TypeError("a Value that becomes a float leaves the graph being made")
    leaves(node, sys._getframe(1))
    return node._data


def leaves(node: Node, frame: FrameType) -> None:
    """Notes that the node becomes a float, which the frame asks for, unless that is meant.

    There is a warning if the node has operands: a leaf may well be a mere number.
    """
    inner = asker(frame)
    if _is_meant(inner) or not (inner.assigns or inner.function is not None):
        return
    # The reader of a warning looks at his own line, and at the function that is called there.
    place = outside(frame)
    outer = asker(place)
    asks = outer if outer.assigns or outer.function else inner
    if _is_meant(asks) or not (asks.assigns or asks.function):
        return
    _remember(node, Place(os.path.basename(place.f_code.co_filename), place.f_lineno))
    if node._rule:
        warnings.warn(_text(asks), DetachedWarning, stacklevel=_depth(frame, place) + 3)


def _is_meant(asks: Asker) -> bool:
    # none of Python's own takes a float by itself: it calls `float`, as list(map(float, values))
    return asks.builtin or asks.function in _MEANT


def _text(asks: Asker) -> str:
    function = asks.function
    if not function or function in _INTO_ARRAYS:
        return (
            "an array of floats takes the number of a Value: no gradient goes through it; "
            "an array with dtype=object takes the Value (v.data is the number)"
        )
    row = TABLE.get(function) or TABLE.get("arc" + function[1:])
    if row and not (row.operator or row.variadic):
        instead = f"v.{row.name}({'w' * (row.arity - 1)})"
    else:
        instead = _INSTEAD.get(function, "a function of Values, or custom(f, df, v),")
    return (
        f"{function} takes the number of a Value: no gradient goes through it; "
        f"{instead} is a node (v.data is the number)"
    )


def _depth(frame: FrameType | None, place: FrameType) -> int:
    depth = 0
    while frame and frame is not place:
        frame, depth = frame.f_back, depth + 1
    return depth


def _remember(node: Node, place: Place) -> None:
    """The node itself may be gone soon; what is below it is what a derivative is asked for by."""
    stack, count = [node], 0
    while stack and count < _KEPT:
        below = stack.pop()
        if below not in _left:
            _left[below] = place
            stack += below.parents
            count += 1
