"""The native code, if it was built and is not switched off."""

from __future__ import annotations

import os
from functools import cache
from importlib import import_module
from typing import Any

from micrograd_es.engine.ops import TABLE, Operation
from micrograd_es.native.writing import digest

SWITCH = "MICROGRAD_ES_NATIVE"


@cache
def library() -> Any:
    """The compiled module; None where there is none, or where the switch says 0."""
    if os.environ.get(SWITCH) == "0":
        return None
    try:
        return import_module("micrograd_es.native._replay")
    except ImportError:
        return None


@cache
def operations() -> dict[Operation, tuple[int, bool]]:
    """The rows that the library has as they are: number there, and whether a partial is kept."""
    found = library().OPERATIONS if library() else ()
    return {
        TABLE[name]: (number, bool(kept))
        for number, (name, mark, kept) in enumerate(found)
        if name in TABLE and digest(TABLE[name]) == mark
    }
