"""The native code, if it was built and is not switched off."""

from __future__ import annotations

from functools import cache
from typing import Any

from micrograd_es.base.native import extension
from micrograd_es.engine.digest import digest
from micrograd_es.engine.ops import TABLE, Operation


@cache
def library() -> Any:
    """The compiled module; None where there is none, or where the switch says 0."""
    return extension("micrograd_es.native._replay")


@cache
def operations() -> dict[Operation, tuple[int, bool]]:
    """The rows that the library has as they are: number there, and whether a partial is kept."""
    found = library().OPERATIONS if library() else ()
    return {
        TABLE[name]: (number, bool(kept))
        for number, (name, mark, kept) in enumerate(found)
        if name in TABLE and digest(TABLE[name]) == mark
    }
