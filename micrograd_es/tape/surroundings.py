"""What a function finds outside of itself, and whether it is as the function left it.

That is what it reads by name: of its module, of the functions in which it stands, and of those
of its module that it calls; the objects that it is given; and what lists, dicts, sets, arrays and
attributes of these hold. Each is compared with what it held, which for the most part is to see
the same objects there.
"""

from __future__ import annotations

import dis
from collections import deque
from collections.abc import Iterable, Iterator
from functools import cache, partial
from operator import eq
from types import CodeType, FunctionType, MethodType, ModuleType
from typing import Any

from micrograd_es.base.arrays import is_array
from micrograd_es.engine.graph import Node

# Things that are looked at, at most, and bytes of an array. More than this is compared only where
# the function itself is: a replay should not take longer for what it does not compute with.
_THINGS, _BYTES = 10_000, 2**16

_COPIED = (list, dict, set, deque)


class Surroundings:
    """What a function finds now, to be compared with what it finds later.

    Parameters
    ----------
    own : dict
        What the function changes itself, which is its own affair: for each thing, by its id,
        that thing and the keys of it, if it has keys. `add_changes` adds to it.
    """

    def __init__(self, function: Any, arguments: Any, own: dict[int, tuple[Any, set[Any]]]) -> None:
        self._home, self._own = getattr(function, "__module__", None), own
        self._names: list[tuple[Any, tuple[Any, ...]]] = []  # mappings, and keys of them
        self._cells: list[Any] = []
        self._holding: list[Any] = []  # what is compared with a copy
        self._arrays: list[Any] = []
        self._follow([function, arguments])
        self._found = self._named()
        self._held = [x.copy() for x in self._holding]
        self._bytes = [x.tobytes() for x in self._arrays]

    def are_unchanged(self) -> bool:
        """Whether the function finds the same now."""
        return (
            _equal(self._named(), self._found)
            and _equal(self._holding, self._held)
            and all(x.tobytes() == was for x, was in zip(self._arrays, self._bytes))
        )

    def add_changes(self) -> None:
        """Takes what has changed since, while the function was run, for its own."""
        places = [(x, None) for x in self._cells]
        places += [(names, key) for names, keys in self._names for key in keys]
        for (x, key), before, now in zip(places, self._found, self._named()):
            if not _equal([before], [now]):
                self._add(x, key)
        for x, held in zip(self._holding, self._held):
            if isinstance(held, dict):
                for key in held.keys() | x.keys():
                    if not _equal([held.get(key, self)], [x.get(key, self)]):
                        self._add(x, key)
            elif not _equal([x], [held]):
                self._add(x, None)
        for x, was in zip(self._arrays, self._bytes):
            if x.tobytes() != was:
                self._add(x, None)

    def _add(self, x: Any, key: Any) -> None:
        self._own.setdefault(id(x), (x, set()))[1].add(key)

    def _note(self, kept: list[Any], x: Any) -> None:
        """Has a thing be compared, but for what is the function's own."""
        if id(x) not in self._own:
            kept.append(x)
        elif hasattr(x, "keys"):
            self._note_names(x, x.keys())

    def _note_names(self, names: Any, keys: Iterable[Any]) -> None:
        _, own = self._own.get(id(names), (None, ()))
        self._names.append((names, tuple([key for key in keys if key not in own])))

    def _named(self) -> list[Any]:
        found = [*map(content, self._cells)]
        for names, some in self._names:
            found += map(names.get, some)
        return found

    def _follow(self, first: list[Any]) -> None:
        waiting, left = deque(first), _THINGS
        seen: dict[int, Any] = {}
        while waiting and left > 0:
            x = waiting.popleft()
            if id(x) in seen or isinstance(x, (Node, ModuleType, str, bytes)):
                continue
            seen[id(x)] = x
            more = [*self._parts(x)]
            left -= len(more) + 1
            waiting += more

    def _parts(self, x: Any) -> Iterator[Any]:
        """What belongs to a thing; the thing itself is noted down where that can change."""
        if hasattr(x, "__wrapped__"):  # what is recorded, say: of its own it has only memories
            yield x.__wrapped__
        elif isinstance(x, _COPIED):
            self._note(self._holding, x)
            yield from x.values() if isinstance(x, dict) else x
        elif isinstance(x, tuple):
            yield from x
        elif is_array(x):
            if x.nbytes <= _BYTES:
                self._note(self._arrays, x)
        elif isinstance(x, MethodType):
            yield from (x.__func__, x.__self__)
        elif isinstance(x, partial):
            yield from (x.func, x.args, x.keywords)
        elif isinstance(x, FunctionType):
            if x.__module__ == self._home or x.__closure__:
                yield from self._of_function(x)
        elif isinstance(x, type):
            if x.__module__ == self._home:
                self._note(self._holding, vars(x))
                yield from [f for f in vars(x).values() if not isinstance(f, type)]
        elif hasattr(x, "__dict__"):
            self._note(self._holding, vars(x))
            yield from (*vars(x).values(), type(x))

    def _of_function(self, f: FunctionType) -> Iterator[Any]:
        yield from (f.__defaults__, f.__kwdefaults__)
        for cell in f.__closure__ or ():
            self._note(self._cells, cell)
            yield content(cell)
        if f.__module__ == self._home:
            names = _globals_of(f.__code__)
            self._note_names(f.__globals__, names)
            yield from [f.__globals__.get(name) for name in names]


def _equal(some: list[Any], others: list[Any]) -> bool:
    try:
        return all(map(eq, some, others))
    except Exception:  # what cannot be compared, as an array with another
        return all(x is y for x, y in zip(some, others))


def content(cell: Any) -> Any:
    """What a name of the function around stands for."""
    try:
        return cell.cell_contents
    except ValueError:  # a name that has no value as yet
        return None


@cache
def _globals_of(code: CodeType) -> tuple[str, ...]:
    """The names of its module that it reads, also in the functions within it."""
    names = {i.argval for i in dis.get_instructions(code) if i.opname == "LOAD_GLOBAL"}
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            names.update(_globals_of(constant))
    return tuple(sorted(names))
