"""What a model is besides its numbers: its activations, and which parameter stands where.

Two models of the same shapes may compute other things with the same numbers.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from itertools import zip_longest
from typing import Any

import numpy as np

from micrograd_es.engine.value import Value


def structure(model: Any, parameters: Iterable[Value]) -> str:
    """The activations of a model by their places, and these parameters by theirs, as JSON.

    A place is the way there by attributes and numbers, such as ``layers.0.neurons.2``;
    ``w.0-9`` are ten of them that follow each other.
    """
    names: dict[Value, list[str]] = {}
    activations: list[tuple[str, str]] = []
    parts = sorted(_parts(model, "", set()), key=lambda found: _sortable(found[0]))
    for place, part in parts:
        if isinstance(part, Value):
            names.setdefault(part, []).append(place)
        elif isinstance(activation := getattr(part, "activation", None), str):
            activations.append((place, activation))
    # a parameter that stands in several places bears the name of each in turn
    of = {p: iter(places) for p, places in names.items()}
    named = [(next(of.get(p, iter(())), "?"), "") for p in parameters]
    return json.dumps({"activation": _runs(activations), "parameter": _runs(named)})


def compare(found: str, wanted: str) -> None:
    """Stops with a ValueError at the first thing in which two structures differ."""
    if found == wanted:
        return
    theirs, ours = json.loads(found), json.loads(wanted)
    for kind, lines in ours.items():
        others = theirs.get(kind) if isinstance(theirs, dict) else None
        if not isinstance(others, list):
            break
        for other, line in zip_longest(others, lines, fillvalue="none"):
            if other != line:
                raise ValueError(
                    f"the file has the {kind} {str(other)[:60]}, and the model {line[:60]}"
                )
    raise ValueError("it does not say what kind of model it is of as this version does")


def _parts(thing: Any, place: str, seen: set[int]) -> Iterator[tuple[str, Any]]:
    """The Values and the modules in a model, with the way to each."""
    if isinstance(thing, Value):
        yield place, thing
        return
    parts: Iterable[tuple[Any, Any]] = ()
    if callable(getattr(thing, "parameters", None)) and hasattr(thing, "__dict__"):
        yield place, thing
        parts = vars(thing).items()
    elif isinstance(thing, dict):
        parts = thing.items()
    elif isinstance(thing, (list, tuple)) or (
        isinstance(thing, np.ndarray) and thing.dtype == object and thing.ndim
    ):
        parts = enumerate(thing)
    if parts and id(thing) not in seen:
        seen.add(id(thing))
        for key, part in parts:
            yield from _parts(part, f"{place}.{key}" if place else str(key), seen)


def _sortable(place: str) -> list[tuple[int, str]]:
    return [(int(word) if word.isdecimal() else -1, word) for word in place.split(".")]


def _runs(pairs: Iterable[tuple[str, str]]) -> list[str]:
    """Places with what is there, those with the same that follow each other in one line."""
    runs: list[list[Any]] = []  # the way to a list, the first and the last number, what is there
    for place, what in pairs:
        way, _, last = place.rpartition(".")
        number = int(last) if last.isdecimal() else None
        if number is not None and runs and [way, number - 1, what] == runs[-1][:1] + runs[-1][2:]:
            runs[-1][2] = number
        else:
            runs.append([place if number is None else way, number, number, what])
    return [_line(*run) for run in runs]


def _line(way: str, first: int | None, last: int | None, what: str) -> str:
    numbers = "" if first is None else f".{first}" if first == last else f".{first}-{last}"
    return ": ".join(filter(None, [f"{way}{numbers}".lstrip("."), what]))
