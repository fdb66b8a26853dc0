"""Whether a recording holds for another sample: the graphs of both, node by node.

A tape replays the graph that one sample made. It holds for every sample that makes the
same graph: the same operations on the same operands, with the same constants. What Python
decided or took out of the graph while it was made shows as a difference.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, count, zip_longest
from math import gcd
from types import FunctionType
from typing import Any

import numpy as np

from micrograd_es.base.arrays import Array
from micrograd_es.base.errors import RecordingError
from micrograd_es.engine.custom import CustomOperation
from micrograd_es.engine.derivative import grad
from micrograd_es.engine.value import Value
from micrograd_es.tape.recording import below
from micrograd_es.tape.surroundings import content, parts_of
from micrograd_es.tape.tape import Tape

# Nodes that are made anew, at most, to check a recording before it is used, and the samples
# that are looked at: at least two, one of them the recorded one once more.
_NODES, _LEAST, _MOST = 10_000, 2, 24
# About 1,500 samples are replayed in the time in which one is made anew and compared; in the
# time in which all are asked what they decide, no more than all. Both take a hundredth at most.
_RESTS, _ROUNDS = 150_000, 100


@dataclass(frozen=True)
class Made:
    """What one sample makes: its outputs, from its inputs and the parameters."""

    outputs: list[Value]
    inputs: list[Value]


class CheckedRecording:
    """A tape of what `make` makes of one sample, which is compared with what it makes of others.

    Parameters
    ----------
    make : callable
        Gives what the sample of a number makes.
    samples : ndarray, shape (n, inputs)
        The numbers of all that it may be replayed with.
    decided : list of Value
        Nodes that decided something outside the graph while the first was made.

    Attributes
    ----------
    tape : Tape
    """

    def __init__(
        self,
        make: Callable[[int], Made],
        first: Made,
        samples: Array,
        parameters: list[Value],
        decided: Sequence[Value],
    ) -> None:
        self._make, self._samples, self._parameters = make, samples, parameters
        outputs = first.outputs[0] if len(first.outputs) == 1 else first.outputs
        self.tape = Tape(outputs, first.inputs, parameters)
        self._first = first
        self._shape = Shape(first, parameters)
        self._decided = Tape(decided, first.inputs, parameters) if decided else None
        self._truths = np.array([v.data != 0.0 for v in decided])
        self._waiting = self._in_turn()
        self._unseen = self._rounds = self._turn = 0

    def check_first(self) -> None:
        """Compares with the same sample again and with some others.

        Raises
        ------
        RecordingError
            It does not hold for one of them.
        """
        self._compare(0)
        number = min(max(_NODES // len(self._shape.nodes), _LEAST), _MOST, len(self._samples))
        self._compare_decisions(number)
        for _ in range(number - 1):
            self._compare(next(self._waiting))

    def check_later(self, rounds: int) -> None:
        """Compares with another sample, once all were replayed so often that it is no matter."""
        self._rounds += rounds
        if self._rounds >= _ROUNDS:
            self._rounds = 0
            self._compare_decisions(1)
        self._unseen += rounds * len(self._samples)
        if self._unseen >= _RESTS:
            self._unseen = 0
            self.tape.write_back()
            self._compare(next(self._waiting))

    def check_last(self) -> None:
        """Compares with two samples at the parameters as they are now, and all that is decided."""
        self._compare_decisions(1)
        self.tape.write_back()
        for _ in range(min(2, len(self._samples))):
            self._compare(next(self._waiting))

    def _compare_decisions(self, number: int) -> None:
        """Compares with samples in which something else is decided, others each time."""
        if self._decided is not None:
            found = self._decided.value(self._samples, self.tape.theta) != 0.0
            others = np.flatnonzero((found != self._truths).any(axis=1))
            if len(others):
                self.tape.write_back()
            for k in np.roll(others, -self._turn)[:number].tolist():
                self._turn += 1
                self._compare(k)

    def _in_turn(self) -> Iterator[int]:
        """The samples, over and over, each once in a round: the extremes of each input first."""
        n = len(self._samples)
        lowest, highest = self._samples.argmin(axis=0), self._samples.argmax(axis=0)
        extremes = np.stack([lowest, highest], axis=1).ravel()[:_MOST].tolist()
        step = max(1, round(n * 0.618))  # far from each other, and all of them in turn
        while gcd(step, n) != 1:
            step += 1
        seen = {0}
        for k in chain(extremes, (i * step % n for i in count(1))):
            if k not in seen:
                seen.add(k)
                yield k
            if len(seen) == n:
                break
        while True:
            yield from (i * step % n for i in range(n))

    def _compare(self, k: int) -> None:
        made = self._make(k)
        if self._shape.is_that_of(made):
            return
        pair = first_difference(self._first, made, self._parameters)
        if pair is None or self._agree(made):
            return
        raise RecordingError(
            f"what was recorded for sample 0 does not hold for sample {k}: {told(pair[0])} "
            f"{'there' if k else 'at first'}, and {told(pair[1])} "
            f"{'here' if k else 'the second time'}. {_cure(k, *pair)}"
        )

    def _agree(self, made: Made) -> bool:
        """Whether the replay gives the numbers all the same, as with a shift that cancels."""
        X = np.array([[v.data for v in made.inputs]])
        theta = np.array([p.data for p in self._parameters])
        values = self.tape.value(X, theta)
        _, gradient = self.tape.vjp(X, np.ones_like(values), theta)
        slopes = np.sum([grad(v, self._parameters) for v in made.outputs], axis=0)
        expected = np.array([*[v.data for v in made.outputs], *slopes])
        found = np.array([*values.ravel(), *gradient])
        scale = np.abs(expected[np.isfinite(expected)]).max(initial=1.0)
        return np.allclose(found, expected, rtol=1e-9, atol=1e-12 * scale, equal_nan=True)


# -- graphs without their numbers -----------------------------------------------------


class Shape:
    """The graph of what one sample made, with which those of others are compared quickly.

    Another graph is like it where each of its nodes can be laid on one of the other. That a
    node is used twice where there are two equal ones in the other makes no other numbers.
    """

    def __init__(self, made: Made, parameters: Sequence[Value]) -> None:
        known: dict[Value, Any] = dict.fromkeys(made.inputs) | dict.fromkeys(parameters)
        self._known = list(parameters)
        self.nodes = list(below(made.outputs, known.keys()))
        place = {node: i for i, node in enumerate(self.nodes)}
        self._outputs = [place[v] for v in made.outputs]
        self._inputs = [place.get(v) for v in made.inputs]
        self._parameters = {place[p]: p for p in parameters if p in place}
        # each after those that use it
        self._operations = [
            (i, _rule(node._rule), [place[p] for p in node.parents])
            for i, node in reversed(list(enumerate(self.nodes)))
            if node.parents and node not in known
        ]
        inner = {i for i, *_ in self._operations}
        self._constants = [
            (i, repr(node.data))
            for i, node in enumerate(self.nodes)
            if i not in inner and node not in known
        ]

    def is_that_of(self, made: Made) -> bool:
        """Whether the other graph is like it, down to the numbers of its constants."""
        if len(made.outputs) != len(self._outputs) or len(made.inputs) != len(self._inputs):
            return False
        laid: list[Any] = [None] * len(self.nodes)
        given = [*zip(self._outputs, made.outputs), *self._parameters.items()]
        given += [(i, v) for i, v in zip(self._inputs, made.inputs) if i is not None]
        for i, v in given:
            if laid[i] is not None and laid[i] is not v:
                return False
            laid[i] = v
        for i, rule, operands in self._operations:
            node = laid[i]
            parents = node.parents
            if (node._rule is not rule and _rule(node._rule) != rule) or len(parents) != len(
                operands
            ):
                return False
            for k, parent in zip(operands, parents):
                there = laid[k]
                if there is None:
                    laid[k] = parent
                elif there is not parent:
                    return False
        moving = {*made.inputs, *self._known}
        return all(
            not laid[i].parents and laid[i] not in moving and repr(laid[i].data) == number
            for i, number in self._constants
        )


# A node, what it is, and where its operands stand.
_Entry = tuple[Value, Any, tuple[int, ...]]


def _outline(made: Made, parameters: Sequence[Value]) -> Iterator[_Entry]:
    known: dict[Value, Any] = {v: ("parameter", i) for i, v in enumerate(parameters)}
    known |= {v: ("input", i) for i, v in enumerate(made.inputs)}
    place: dict[Value, int] = {}
    for node in below(made.outputs, known.keys()):
        operands = () if node in known else tuple([place[p] for p in node.parents])
        place[node] = len(place)
        what = known.get(node) or (_rule(node._rule) if operands else ("constant", repr(node.data)))
        yield node, what, operands
    if len(made.outputs) > 1:
        yield made.outputs[0], "outputs", tuple([place[v] for v in made.outputs])


def _rule(rule: Any) -> Any:
    """What is equal for equal operations: a user's own is made anew each time."""
    if not isinstance(rule, CustomOperation):
        return rule
    return _meaning(rule.f), _meaning(rule.df)


def _meaning(x: Any, depth: int = 10) -> Any:
    """Equal for functions of the same text that have taken the same numbers with them."""
    if depth <= 0:
        return None
    if isinstance(x, FunctionType):
        taken = [*map(content, x.__closure__ or ())]
        return x.__code__, _meaning([x.__defaults__, x.__kwdefaults__, taken], depth - 1)
    if isinstance(x, dict):
        x = [*x.items()]
    if isinstance(x, np.ndarray):
        if x.dtype != object:
            return x.shape, x.tobytes()
        x = x.tolist()
    if isinstance(x, (list, tuple, set, frozenset)):
        return tuple([_meaning(part, depth - 1) for part in x])
    if isinstance(x, (bool, int, float, complex, str, bytes, np.generic)):
        return repr(x)
    return x if isinstance(x, type) or x is None else _Taken(x, depth - 1)


class _Taken:
    """Another thing: equal to itself, and to those of its kind in which the same numbers stand."""

    def __init__(self, x: Any, depth: int) -> None:
        self._x, self._depth = x, depth

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, _Taken) or type(self._x) is not type(other._x):
            return False
        return self._x is other._x or self._numbers == other._numbers

    __hash__ = None  # type: ignore[assignment]

    @property
    def _numbers(self) -> Any:
        if isinstance(self._x, Value):
            return repr(self._x._data)
        kind: Any = type(self._x)
        parts = parts_of(self._x)
        if not parts and kind.__repr__ is not object.__repr__:
            return repr(self._x)
        return _meaning(parts, self._depth)


def first_difference(
    first: Made, second: Made, parameters: Sequence[Value]
) -> tuple[_Entry | None, _Entry | None] | None:
    """Where two graphs begin to differ; None where they do not."""
    outlines = [_outline(made, parameters) for made in (first, second)]
    return next(_differences(list(outlines[0]), outlines[1]), None)


def _differences(
    first: Sequence[_Entry], second: Iterator[_Entry]
) -> Iterator[tuple[_Entry | None, _Entry | None]]:
    for a, b in zip_longest(first, second):
        if a is None or b is None or a[1:] != b[1:]:
            yield a, b


def told(entry: _Entry | None) -> str:
    """What stands at a place of a graph, in words."""
    if entry is None:
        return "nothing more is done"
    node, what, operands = entry
    name = f" (the node {node.label!r})" if node.label else ""
    if operands:
        return f"there is {node.op} = {node.data!r}{name}"
    kind = {"constant": "the number", "input": "the input"}.get(what[0], "the parameter")
    return f"there is {kind} {node.data!r}{name}"


def _cure(k: int, *pair: _Entry | None) -> str:
    if not k:
        return (
            "What is drawn or counted anew in each call stays as it was recorded: draw it "
            "outside, and give it as an input."
        )
    if all(entry and not entry[2] and entry[1][0] == "constant" for entry in pair):
        return (
            "A number that was taken out of the graph, as by .data or float(), stays as it was "
            "recorded: use the Value itself, or give the number as an input."
        )
    return (
        "What an if, an and, max or the length of a loop decided stays as it was recorded: "
        "where(x > 0, …), maximum and minimum decide anew in each sample."
    )
