"""What a function finds outside of itself, and whether it is as the function left it.

That is what it reads by name: of its module, of the functions in which it stands, and of those
that it calls; the objects that it is given; and what lists, dicts, sets, arrays, attributes and
classes of these hold. Each is compared with what it held, which for the most part is to see
the same objects there. What is installed (NumPy, say) is taken to stay as it is.
"""

from __future__ import annotations

import dis
import pickle
import random
import sys
from array import array
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from functools import cache, lru_cache, partial
from itertools import accumulate, chain, compress, repeat, starmap
from operator import is_not
from types import (
    BuiltinMethodType,
    CodeType,
    FunctionType,
    MappingProxyType,
    MemberDescriptorType,
    MethodType,
    MethodWrapperType,
    ModuleType,
)
from typing import Any

import numpy as np

from micrograd_es.base.arrays import is_array
from micrograd_es.base.errors import RecordingError
from micrograd_es.engine.graph import Node

# Things that are looked at, at most, and bytes of an array, if the graph is not larger: of more,
# some rows. All is compared where the function itself is: a replay should not take longer for
# what it does not compute with.
_THINGS, _BYTES = 10_000, 2**16
_MANY = 100  # parts of a thing, from which on it is large

_MAPPINGS = (dict, MappingProxyType)
_SOURCES = (random.Random, np.random.Generator, np.random.RandomState)
_ROWS = (list, set, deque)
_HOLDING = (*_ROWS, *_MAPPINGS)
# nothing in them is changed
_CLOSED = (Node, np.generic, str, bytes, int, float, complex, type(None))
_PLAIN: set[Any] = {x.__eq__ for x in (object, int, str, bytes, set, frozenset, MethodType, Node)}
_OF_A_FUNCTION = ("__code__", "__defaults__", "__kwdefaults__")

# A thing, what reads a part of it, and by which keys.
_Read = tuple[Any, Callable[[Any], Any], tuple[Any, ...]]


class Wrapper:
    """What calls the function that is its `__wrapped__`, and has of its own only memories."""

    __wrapped__: Any


class Surroundings:
    """What a function finds now, to be compared with what it finds later.

    Parameters
    ----------
    own : dict
        What the function changes itself, which is its own affair: for each thing, by its id,
        that thing and the keys of it, if it has keys. `add_changes` adds to it.
    drawn : dict
        How a run with these arguments has left a source of random numbers: for each, by its id,
        the source and its state. `add_changes` adds to it.
    nodes : int
        How many the graph of the function has.
    """

    def __init__(
        self,
        function: Any,
        arguments: Any,
        own: dict[int, tuple[Any, set[Any]]],
        drawn: dict[int, tuple[Any, bytes]],
        nodes: int = 0,
    ) -> None:
        self._home, self._own, self._drawn = getattr(function, "__module__", None), own, drawn
        self._things, self._most = max(_THINGS, nodes), max(_BYTES, 8 * nodes)
        self._reads: list[_Read] = []
        self._holders: list[Any] = []
        self._holding: list[Any] = []  # what is compared with a copy
        self._ordered: set[int] = set()  # of these the dicts whose order may matter
        self._arrays: list[tuple[Any, Any]] = []  # and what of it is compared
        self._alive: list[Any] = []
        self._sources: list[Any] = [random._inst, np.random.mtrand._rand]
        self._follow([function, arguments])
        self._held = [*map(_copy, self._holding)]
        self._read, self._bytes = self._read_now(), self._bytes_now()
        self._states = [*map(_state, self._sources)]
        # Where equal things need not be alike; all others are compared in no time.
        self._loose = [
            (x, held)
            for x, held in zip(self._holding, self._held)
            if id(x) in self._ordered or not _is_plain(held)
        ]
        self._reads_loosely = not _is_plain(self._read)

    def are_unchanged(self) -> bool:
        """Whether the function finds the same now."""
        try:
            read = self._read_now()
            return bool(
                self._holding == self._held
                and read == self._read
                and self._bytes_now() == self._bytes
                and all(_same(_copy(x), held) for x, held in self._loose)
                and not (self._reads_loosely and not _same(read, self._read))
            )
        except Exception:  # what cannot be compared, as an array with another
            return False

    def add_changes(self) -> None:
        """Takes what has changed since, while the function was run, for its own.

        Raises
        ------
        RecordingError
            Something was drawn, and is another thing in each run: not once for all, nor from a
            seed that is set inside.
        """
        for x, holding, held in zip(self._holders, self._holding, self._held):
            if not isinstance(held, dict):
                if not _same(_copy(holding), held):
                    self._add(x, None)
            elif not _same(now := _copy(holding), held):
                for key in [*held, *now]:
                    if not _same(held.get(key, self), now.get(key, self)):
                        self._add(x, key)
        found = iter(self._read)
        for x, get, keys in self._reads:
            for key, before in zip(keys, found):
                if not _same(get(key), before):
                    self._add(x, key)
        for (x, some), was in zip(self._arrays, self._bytes):
            if some.tobytes() != was:
                self._add(x, None)
        for x, was in zip(self._sources, self._states):
            now = _state(x)
            if now != was and self._drawn.setdefault(id(x), (x, now))[1] != now:
                raise RecordingError(
                    "a recorded function has to make the same graph in each call, and this one "
                    f"draws random numbers from a {type(x).__name__}, which stay as they were "
                    "recorded: draw outside and give what is drawn as an argument"
                )

    def _add(self, x: Any, key: Any) -> None:
        self._own.setdefault(id(x), (x, set()))[1].add(key)

    def _read_now(self) -> list[Any]:
        return [found for _, get, keys in self._reads for found in map(get, keys)]

    def _bytes_now(self) -> list[bytes]:
        return [some.tobytes() for _, some in self._arrays]

    def _hold(self, x: Any, held: Any) -> None:
        """Has all be compared that a thing holds, but for what is the function's own."""
        if id(x) not in self._own:
            self._holders.append(x)
            self._holding.append(held)
        elif isinstance(held, _MAPPINGS):
            self._note(x, held.get, held)

    def _note(self, x: Any, get: Callable[[Any], Any], keys: Iterable[Any]) -> None:
        """Has parts of a thing be compared, but for what is the function's own."""
        _, own = self._own.get(id(x), (None, ()))
        if some := tuple([key for key in keys if key not in own]):
            self._reads.append((x, get, some))

    def _follow(self, first: list[Any]) -> None:
        # what a large collection holds is looked at last, so that it keeps nothing else from sight
        waiting, later = deque(first), deque[Any]()
        seen: dict[int, Any] = {}
        for _ in range(self._things):
            if not (waiting or later):
                break
            x = (waiting or later).popleft()
            if id(x) in seen or isinstance(x, (*_CLOSED, ModuleType)):
                continue
            seen[id(x)] = x
            more = [*self._parts(x)]
            (waiting if len(more) < _MANY else later).extend(more)

    def _parts(self, x: Any) -> Iterator[Any]:
        """What belongs to a thing; what of it can change is noted down."""
        if isinstance(x, Wrapper):
            yield x.__wrapped__
        elif isinstance(x, FunctionType):
            yield from self._of_function(x)
        elif isinstance(x, type):
            if self._is_users(x.__module__):
                self._hold(x, vars(x))
                yield from (*vars(x).values(), *x.__bases__, type(x))
        elif is_array(x):
            yield from self._of_array(x)
        elif isinstance(x, _SOURCES):
            self._sources.append(x)
        elif isinstance(x, (bytearray, memoryview, array)):
            self._note(x, lambda _: bytes(x), (None,))
        elif isinstance(x, (BuiltinMethodType, MethodWrapperType)):
            yield x.__self__
        else:
            if isinstance(x, _HOLDING):
                self._hold(x, x)
                self._ordered |= {id(x)} if isinstance(x, dict) else set()
            if isinstance(x, (*_HOLDING, tuple, frozenset)):
                yield from chain(x, x.values() if isinstance(x, _MAPPINGS) else ())
            yield from self._of_object(x)

    def _of_array(self, x: Any) -> Iterator[Any]:
        if x.dtype == object:
            # its bytes are where they lie, which no others do as long as they are there
            self._alive.append(x.ravel().tolist())
            yield from self._alive[-1]
        if id(x) not in self._own:
            some = x if x.nbytes <= self._most else x[:: -(-x.nbytes // self._most)]
            if some.nbytes <= self._most:
                self._arrays.append((x, some))

    def _note_numbers(self, x: Any) -> None:
        """Has an array of another library be compared, where NumPy can read it."""
        with suppress(Exception):
            if np.asarray(x).nbytes <= self._most:
                self._note(x, lambda _: np.asarray(x).tobytes(), (None,))

    def _of_object(self, x: Any) -> Iterator[Any]:
        """Its attributes, wherever they stand, and its class."""
        kind: Any = type(x)
        if hasattr(kind, "__array__"):
            self._note_numbers(x)
        if members := _members(kind):
            get = partial(_member, x)
            self._note(x, get, members)
            yield from map(get, members)
        yield from self._of_attributes(x)
        yield kind

    def _of_attributes(self, x: Any) -> Iterator[Any]:
        try:
            attributes = vars(x)
        except Exception:  # it has none, or is not asked in this way
            return
        if isinstance(attributes, dict):
            self._hold(attributes, attributes)
            yield from attributes.values()

    def _of_function(self, f: FunctionType) -> Iterator[Any]:
        users = self._is_users(f.__globals__.get("__name__"))
        if not (users or f.__closure__):
            return
        self._note(f, partial(getattr, f), _OF_A_FUNCTION)
        yield from (f.__defaults__, f.__kwdefaults__)
        yield from self._of_attributes(f)
        for cell in f.__closure__ or ():
            self._note(cell, _content_of(cell), (None,))
            yield content(cell)
        if users:
            names, within, imported = _names_of(f.__code__)
            yield from self._of_names(f.__globals__, names, within)
            for module in _modules(imported, str(f.__globals__.get("__package__"))):
                yield from self._of_names(vars(module), within & vars(module).keys(), within)

    def _of_names(self, x: Any, names: Iterable[str], within: frozenset[str]) -> Iterator[Any]:
        """What names of a module stand for, and those in a module that is found by them."""
        self._note(x, x.get, names)
        for found in map(x.get, names):
            yield found
            if isinstance(found, ModuleType) and self._is_users(found.__name__):
                yield from self._of_names(vars(found), within & vars(found).keys(), within)

    def _is_users(self, module: Any) -> bool:
        """Whether a module is that of the function, or another one that is not installed."""
        return module == self._home or _is_users(str(module))


def _same(some: Any, others: Any) -> bool:
    """Whether two things are one, or numbers, texts or collections that are alike to the bit."""
    kind = type(some)
    if some is others or kind is not type(others):
        return some is others
    if isinstance(some, (list, tuple, deque)):
        # most are one, which is seen without a call of this function
        pairs = compress(zip(some, others), map(is_not, some, others))
        return len(some) == len(others) and all(starmap(_same, pairs))
    if isinstance(some, dict):
        return _same([*some, *some.values()], [*others, *others.values()])
    if isinstance(some, (int, str, bytes, set, frozenset, MethodType)):
        return bool(some == others)
    return isinstance(some, (float, complex)) and repr(some) == repr(others)


def _is_plain(x: Any, depth: int = 5) -> bool:
    """Whether what is equal to it is like it to the bit: -0.0 is equal to 0.0."""
    if isinstance(x, (list, tuple, deque, dict)):
        inside = x.values() if isinstance(x, dict) else x
        return depth > 0 and all(map(_is_plain, inside, repeat(depth - 1)))
    if isinstance(x, float):
        return x != 0.0
    return type(x).__eq__ in _PLAIN


def _state(source: Any) -> bytes:
    """What a source of random numbers gives next."""
    try:
        return pickle.dumps(source)
    except Exception:  # it has none, as one of the operating system's
        return b""


def _copy(x: Any) -> Any:
    return dict(x) if isinstance(x, _MAPPINGS) else next(k for k in _ROWS if isinstance(x, k))(x)


@cache
def _is_users(module: str) -> bool:
    if module.partition(".")[0] in ("micrograd_es", *sys.stdlib_module_names):
        return False
    file = str(getattr(sys.modules.get(module), "__file__", ""))
    return "site-packages" not in file and "dist-packages" not in file


@lru_cache(maxsize=1000)
def _members(kind: Any) -> tuple[Any, ...]:
    """What a class keeps of its objects outside of their `__dict__`, as `__slots__` are."""
    found = chain.from_iterable(vars(base).values() for base in kind.__mro__)
    return tuple([member for member in found if isinstance(member, MemberDescriptorType)])


def _member(x: Any, member: Any) -> Any:
    try:
        return member.__get__(x)
    except AttributeError:  # one that is not set
        return None


def parts_of(x: Any) -> list[Any]:
    """What an object is made of: its attributes, wherever they stand."""
    kind: Any = type(x)
    found = [_member(x, member) for member in _members(kind)]
    try:
        return [*found, *vars(x).items()]
    except Exception:  # it has none, or is not asked in this way
        return found


def _content_of(cell: Any) -> Callable[[Any], Any]:
    return lambda _: content(cell)


def content(cell: Any) -> Any:
    """What a name of the function around stands for."""
    try:
        return cell.cell_contents
    except ValueError:  # a name that has no value as yet
        return None


def _modules(names: Iterable[str], package: str) -> list[ModuleType]:
    """The users' modules that are imported by those names, in a package, if it is one."""
    around = accumulate(package.split("."), "{}.{}".format)
    full = [f"{start}.{name}".strip(".") for start in ["", *around] for name in names]
    return [sys.modules[name] for name in full if name in sys.modules and _is_users(name)]


@cache
def _names_of(code: CodeType) -> tuple[tuple[str, ...], frozenset[str], tuple[str, ...]]:
    """What it reads by name, also within its functions.

    That is names of its module, names of attributes, and names of modules that it imports.
    """
    found: dict[str, set[str]] = {"LOAD_GLOBAL": set(), "LOAD_NAME": set(), "IMPORT_NAME": set()}
    for i in dis.get_instructions(code):
        if i.opname in found:
            found[i.opname].add(i.argval)
    names, imported = found["LOAD_GLOBAL"] | found["LOAD_NAME"], found["IMPORT_NAME"]
    within = {*code.co_names}
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            for known, more in zip((names, within, imported), _names_of(constant)):
                known.update(more)
    return tuple(sorted(names)), frozenset(within), tuple(sorted(imported))
