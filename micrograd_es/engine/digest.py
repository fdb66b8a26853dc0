"""What tells a row of the table from one of other texts, for code that was built from it."""

from __future__ import annotations

import hashlib

from micrograd_es.engine.ops import TABLE, Operation, called


def digest(op: Operation) -> str:
    """The same for rows of the same texts, all that they call included."""
    texts = sorted(f"{r.name}: {r.value}; {r.df}; {r.piecewise}" for r in reached(op))
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()[:16]


def reached(op: Operation) -> set[Operation]:
    """The row and all rows that it calls."""
    rows, stack = {op}, [op]
    while stack:
        row = stack.pop()
        names = {f for t in (row.value, *row.df) for f in called(t)} & TABLE.keys()
        stack += {TABLE[name] for name in names} - rows
        rows |= {TABLE[name] for name in names}
    return rows
