"""`recorded`: a function of Values that is run twice, and from then on replayed.

What a replay cannot see is guarded: the arguments, what the function finds outside of itself,
what an ``if`` decided, the numbers that were read and those of constants. What it could not give
again is refused inside: numbers that are taken out of the graph, passes over it, and Values that
are set.
"""

from __future__ import annotations

import functools
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MethodType
from typing import Any, TypeVar

import numpy as np

from micrograd_es.base.arrays import Array, is_array
from micrograd_es.base.errors import RecordingError
from micrograd_es.engine.comparison import decisions
from micrograd_es.engine.custom import NumbersAlone, making_graph, no_floats
from micrograd_es.engine.graph import Node, record
from micrograd_es.engine.value import Value
from micrograd_es.engine.watching import enable_grad, is_recording, is_watching, numbers_told
from micrograd_es.tape.checking import Made, Shape, first_difference, told
from micrograd_es.tape.recording import below
from micrograd_es.tape.surroundings import Surroundings, Wrapper
from micrograd_es.tape.tape import Tape

F = TypeVar("F", bound=Callable[..., Any])

_KEPT = 64  # recordings of one function, for as many different arguments


def recorded(function: F) -> F:
    """The function itself, to be called as before; it is run twice and from then on replayed.

    It computes Values, one (a loss, say) or several in lists, tuples and dicts, of Values that
    it finds: those that are the same objects in both runs are its parameters. A replay makes no
    graph, and gives Values whose `data`, and whose gradients in the parameters, are those of a
    run. What the function prints or changes is not repeated.

    For other arguments there are other recordings. What an ``if`` decides is looked at in each
    replay, and where it is decided otherwise the function is run. In calls 8, 16, 32, …, and
    where it would find something else by its names (a number, a list that has grown, an attribute),
    it is run and compared with what was recorded.

    Raises
    ------
    RecordingError
        When it is called: it does not make the same graph again; it draws random numbers anew;
        it takes numbers out of its graph (``.data``, ``float(v)``, a ``backward()``); it
        sets numbers or gradients (``zero_grad()``); or it returns something else than Values.

    Examples
    --------
    >>> from micrograd_es import MLP, SGD, mse
    >>> model = MLP(2, [3, 1], seed=0)
    >>> optimizer = SGD(model.parameters(), lr=0.1)
    >>> @recorded
    ... def loss():
    ...     return mse([model(x) for x in [[0.0, 1.0], [1.0, 0.0]]], [1.0, -1.0])
    >>> for _ in range(200):
    ...     optimizer.zero_grad()
    ...     cost = loss()
    ...     cost.backward()
    ...     optimizer.step()
    >>> cost.data < 1e-4
    True
    """
    return _Recorded(function)  # type: ignore[return-value]


class _Recorded(Wrapper):
    def __init__(self, function: Callable[..., Any]) -> None:
        if not callable(function):
            raise TypeError(f"recorded takes a function, not {type(function).__name__}")
        self._function = function
        self._recordings: OrderedDict[Any, _Recording] = OrderedDict()
        self._own: dict[int, Any] = {}
        functools.update_wrapper(self, function)

    def __reduce__(self) -> str:
        # as of any function: a copy is itself
        return str(getattr(self, "__qualname__", repr(self)))

    def __get__(self, owner: Any, kind: Any = None) -> Any:
        return self if owner is None else MethodType(self, owner)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        # what another recording is being made of becomes a part of that
        if making_graph.get() or not is_recording() or is_watching():
            return self._function(*args, **kwargs)
        key = _key((args, kwargs))
        if key not in self._recordings:
            # arguments that are known as objects have to live as long as they are known
            self._recordings[key] = _Recording(self._function, (args, kwargs), self._own)
            if len(self._recordings) > _KEPT:
                self._recordings.popitem(last=False)
        self._recordings.move_to_end(key)
        return self._recordings[key](*args, **kwargs)


def _key(x: Any) -> Any:
    """Equal for equal arguments: numbers and texts by what they are, other things as objects."""
    if isinstance(x, (list, tuple)):
        return type(x), tuple(map(_key, x))
    if isinstance(x, Mapping):
        return type(x), tuple([(_key(k), _key(v)) for k, v in x.items()])
    if is_array(x) and x.dtype != object:
        return "array", x.shape, x.dtype.str, x.tobytes()
    if isinstance(x, (bool, int, float, str, bytes, type(None), np.generic)):
        return type(x), repr(x)
    return "object", id(x)


class _Recording:
    """What a function makes of certain arguments."""

    def __init__(self, function: Callable[..., Any], arguments: Any, own: dict[int, Any]) -> None:
        self._function, self._arguments, self._own = function, arguments, own
        self._calls = 0
        self._first: _Run | None = None
        self._replay: _Replay | None = None
        self._around: Surroundings | None = None
        self._leaves: list[Value] = []
        self._drawn: dict[int, tuple[Any, bytes]] = {}

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        self._calls += 1
        known = self._around and self._around.are_unchanged()
        if self._replay and known and not _is_checked(self._calls):
            found = self._replay()
            if found:
                return found[0]
        around = self._surroundings()
        run = _Run(lambda: self._function(*args, **kwargs), self._leaves)
        around.add_changes()
        if self._replay:
            self._replay.holds_for(run, self._calls)
        elif self._first:
            self._replay = _Replay.of(self._first, run)
        self._first = None if self._replay else run
        self._leaves = [v for v in below(run.made.outputs, set()) if not v.parents]
        self._around = self._surroundings()
        return run.result

    def _surroundings(self) -> Surroundings:
        nodes = self._replay.size if self._replay else 0
        return Surroundings(self._function, self._arguments, self._own, self._drawn, nodes)


def _is_checked(call: int) -> bool:
    """Whether the function is run in this call: 8, 16, 32, …"""
    return call >= 8 and call & (call - 1) == 0


class _Run:
    """One run of a function: what it gives, and what it took out of the graph to decide."""

    def __init__(self, function: Callable[[], Any], leaves: Sequence[Value]) -> None:
        self.read: dict[Value, float] = {}
        before = [repr((v._data, v.grad)) for v in leaves]
        with no_floats(), numbers_told(self._tell), enable_grad(), decisions() as decided:
            self.result = function()
        for v, was in zip(leaves, before):
            if repr((v._data, v.grad)) != was:
                raise RecordingError(
                    f"a recorded function leaves its parameters as they are, and this one has set "
                    f"{v!r}, which a replay would not repeat: call zero_grad() and step() outside"
                )
        self.outputs: list[Value] = []
        _mapped(self.result, self.outputs)
        if not self.outputs:
            raise RecordingError(f"a recorded function returns Values, {_INSTEAD}")
        self.decided = list(dict.fromkeys(decided))
        self.made = Made([*self.outputs, *self.decided], [])

    def _tell(self, node: Node | None) -> None:
        if node is None or node._rule:
            raise RecordingError(
                "a number that is taken out of the graph inside of a recorded function would "
                f"stay as it was recorded: return the Value, {_INSTEAD}; a maximum that only keeps "
                "exp from overflowing is not needed with softmax, log_softmax and logsumexp"
            )
        self.read[node] = node._data  # type: ignore[index]

    @property
    def truths(self) -> list[bool]:
        """What was decided."""
        return [v._data != 0.0 for v in self.decided]


_INSTEAD = "and take its number outside, as in cost, scores = loss(); scores[0].data"


class _Replay:
    """The graph of a function as a tape of its parameters."""

    def __init__(self, run: _Run, parameters: list[Value], read: dict[Value, float]) -> None:
        self._run, self._parameters, self._known = run, parameters, {*parameters}
        self._shape = Shape(run.made, parameters)
        self._truths = run.truths
        self._read = list(read.items())
        self._tape = Tape(run.made.outputs, [], parameters)
        self.size = len(self._shape.nodes)

    @classmethod
    def of(cls, first: _Run, second: _Run) -> _Replay | None:
        """What two runs have made alike; None where they have decided otherwise.

        Raises
        ------
        RecordingError
            They have made something else.
        """
        there = set(below(first.made.outputs, set()))
        shared = [v for v in below(second.made.outputs, set()) if v in there]
        for v in shared:
            if v.parents:
                raise RecordingError(
                    f"{v!r} was computed outside of the recorded function, once, "
                    "and a replay would compute it anew: compute it inside"
                )
        read = {v: number for v, number in second.read.items() if v in first.read}
        replay = cls(second, shared, read)
        return replay if replay.holds_for(first, 2) else None

    def holds_for(self, run: _Run, call: int) -> bool:
        """Whether a run has made the same; False where it has only decided otherwise.

        Raises
        ------
        RecordingError
            It has made something else all the same.
        """
        if self._shape.is_that_of(run.made):
            return True
        if run.truths != self._truths or any(v._data != number for v, number in self._read):
            return False
        pair = first_difference(self._run.made, run.made, self._parameters)
        if pair is None:
            return True
        raise RecordingError(
            f"a recorded function has to make the same graph in each call: {told(pair[0])} when "
            f"it was recorded, and {told(pair[1])} in call {call}. What is drawn or counted anew, "
            "or taken out of the graph, stays as it was recorded: draw it outside and give it "
            "as an argument, and use the Values themselves."
        )

    def __call__(self) -> tuple[Any] | None:
        """What the function gives, in a tuple; None where it has to be run."""
        if any(v._data != number for v, number in self._read):
            return None
        theta = np.array([p._data for p in self._parameters])
        numbers, gradient = self._pulled(0, theta)
        if self._truths and (numbers[len(self._run.outputs) :] != 0.0).tolist() != self._truths:
            return None
        partials = [_Partials(self, k, theta) for k in range(len(self._run.outputs))]
        partials[0].found = gradient
        parents = tuple(self._parameters)
        values = [
            # a parameter that is returned is itself: it may be set later
            v if v in self._known else record(Value, _REPLAYED, x, parents, p)  # type: ignore[arg-type]
            for v, x, p in zip(self._run.outputs, numbers.tolist(), partials)
        ]
        for made, v in zip(values, self._run.outputs):
            made.label = v.label
        return (_mapped(self._run.result, [], iter(values)),)

    def _pulled(self, k: int, theta: Array) -> tuple[Array, tuple[float, ...]]:
        """The outputs, and the gradient of the output `k`."""
        seed = np.zeros((1, len(self._run.made.outputs)))
        seed[0, k] = 1.0
        found, _, gradient = self._tape.value_and_vjp(np.empty((1, 0)), seed, theta)
        return found[0], tuple(gradient.tolist())


class _Partials(Sequence[float]):
    """The partials of an output by the parameters; of most outputs nobody asks for them."""

    def __init__(self, replay: _Replay, k: int, theta: Array) -> None:
        self._replay, self._k, self._theta = replay, k, theta
        self.found: tuple[float, ...] | None = None

    def _all(self) -> tuple[float, ...]:
        if self.found is None:
            self.found = self._replay._pulled(self._k, self._theta)[1]
        return self.found

    def __len__(self) -> int:
        return len(self._theta)

    def __getitem__(self, i: Any) -> Any:
        return self._all()[i]

    def __iter__(self) -> Iterator[float]:
        return iter(self._all())

    def __reduce__(self) -> tuple[Any, ...]:
        return tuple, (self._all(),)


class _Replayed(NumbersAlone):
    why = "a replay has only its numbers; the function before it was recorded is its __wrapped__"


_REPLAYED = _Replayed("replay")


def _mapped(result: Any, found: list[Value], others: Iterator[Value] | None = None) -> Any:
    """What a function returns, its Values listed in `found`, and replaced if there are others."""
    if isinstance(result, Value):
        found.append(result)
        return next(others) if others else result
    if isinstance(result, (list, tuple)):
        parts = [_mapped(part, found, others) for part in result]
        named = hasattr(result, "_fields")
        return type(result)(*parts) if named else type(result)(parts)
    if isinstance(result, dict):
        return {key: _mapped(part, found, others) for key, part in result.items()}
    if is_array(result) and result.dtype == object:
        parts = [_mapped(part, found, others) for part in result.ravel()]
        array = np.empty(result.shape, dtype=object)
        array.ravel()[:] = parts
        return array
    if result is None or isinstance(result, str):
        return result
    raise RecordingError(
        f"a recorded function returns Values and not {type(result).__name__}: {_INSTEAD[4:]}"
    )
