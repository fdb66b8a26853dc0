"""Nested lists of Values: what layers take and give, and what their parameters are."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeAlias

from micrograd_es.base.arrays import is_array
from micrograd_es.engine.value import Value, as_value
from micrograd_es.nn.module import Module

Nested: TypeAlias = Any  # a Value, or a list of such


def shape_of(x: Any) -> tuple[int, ...]:
    """The sizes of nested lists, along their first elements."""
    if is_array(x):
        return tuple(x.shape)
    if not isinstance(x, (list, tuple)):
        return ()
    return (len(x), *(shape_of(x[0]) if x else ()))


def values_of(x: Any, who: str, *sizes: int | str) -> Nested:
    """`x` as nested lists of Values of these sizes, of which a letter may be any.

    Raises
    ------
    TypeError
        It is no list, or holds what is no number.
    ValueError
        It has another shape.
    """
    wanted = f"({', '.join(map(str, sizes))}{',' if len(sizes) == 1 else ''})"
    if not isinstance(x, (list, tuple)) and not is_array(x):
        raise TypeError(f"{who} takes lists of shape {wanted}, not {type(x).__name__}")
    shape = shape_of(x)
    if len(shape) != len(sizes) or 0 in shape or any(
        isinstance(size, int) and size != n for size, n in zip(sizes, shape)
    ):  # fmt: skip
        raise ValueError(f"{who} takes lists of shape {wanted}, not {shape}")

    def convert(part: Any, sizes: tuple[int, ...]) -> Nested:
        if not sizes:
            return as_value(part)
        part = part.tolist() if is_array(part) else part
        if not isinstance(part, (list, tuple)) or len(part) != sizes[0]:
            raise ValueError(f"{who} takes lists of shape {wanted}, and these are of several")
        return [convert(p, sizes[1:]) for p in part]

    return convert(x, shape)


def flat(x: Nested) -> Iterator[Any]:
    """The elements of nested lists."""
    if isinstance(x, list):
        for part in x:
            yield from flat(part)
    else:
        yield x


class Weighted(Module):
    """A module whose parameters are those of its attributes that are nested lists of Values."""

    def parameters(self) -> list[Value]:
        """The Values of each of its arrays in turn."""
        return [v for block in self._blocks().values() for v in flat(block)]

    def _blocks(self) -> dict[str, list[Any]]:
        blocks = {key: block for key, block in vars(self).items() if isinstance(block, list)}
        return {
            key: block
            for key, block in blocks.items()
            if isinstance(next(flat(block), None), Value)
        }

    def __repr__(self) -> str:
        sizes = [f"{key} {shape_of(block)}" for key, block in self._blocks().items()]
        return f"<{type(self).__name__}: {', '.join(sizes)}>"
