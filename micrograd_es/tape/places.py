"""Where the rows of a block lie: fewer of them than the program has, used again and again."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter

import numpy as np

from micrograd_es.base.arrays import Array
from micrograd_es.tape.program import Program, SumStep
from micrograd_es.tape.recording import BATCHED

_LOOKED_AT = 64  # gaps, before rows get a place at the end


class Places:
    """The places of rows of numbers for each sample, by the rows that the program gives them.

    Rows that come together get a place together; so do the inputs, and the rows of a matrix.
    Rows in which the same numbers stand may share one.

    Attributes
    ----------
    size : int
        How many places there are.
    """

    def __init__(self, program: Program) -> None:
        self.size = 0
        self._place = np.full(program.sizes[BATCHED], -1)
        self._gaps: list[tuple[int, int]] = []  # (start, stop), sorted and apart
        self._solid = {row: program.given[BATCHED] for row in (0,) if program.given[BATCHED]}
        self._others: Counter[int] = Counter()  # rows that share a place, beyond the first
        self._first = np.arange(program.sizes[BATCHED])
        self._first[: program.given[BATCHED]] = 0
        for step in program.steps:
            products = step.products if isinstance(step, SumStep) else []
            if step.store == BATCHED and any(product.matrix for product in products):
                self._solid[step.rows.start] = len(step)
                self._first[step.rows] = step.rows.start

    def of(self, rows: Array) -> Array:
        """Where rows lie; those that have no place yet get one."""
        places = self._place[rows]
        if places.min(initial=0) < 0:
            new: dict[int, None] = {}
            solid = False
            for row in rows[places < 0].tolist():
                first = int(self._first[row])
                solid = solid or first in self._solid
                new.update(dict.fromkeys(range(first, first + self._solid.get(first, 1))))
            self._place[[*new]] = self._found(len(new), solid)
            places = self._place[rows]
        return places

    def share(self, row: int, place: int) -> None:
        """Lets a row that has no place yet share one that another row has."""
        self._place[row] = place
        self._others[place] += 1

    def part(self, row: int) -> tuple[int, int]:
        """The place of a row and, where others share it, a new one that the row has from now on."""
        place = int(self._place[row])
        if self._others[place]:
            self._others[place] -= 1
            self._place[row] = self.more(1)
        return place, int(self._place[row])

    def give_back(self, rows: Array) -> None:
        """Lets others have the places of rows, once no row shares them any more."""
        for start in self._place[rows].tolist():
            if self._others[start]:
                self._others[start] -= 1
                continue
            gaps, stop = self._gaps, start + 1
            k = bisect_left(gaps, (start, stop))
            if k < len(gaps) and gaps[k][0] == stop:
                stop = gaps.pop(k)[1]
            if k and gaps[k - 1][1] == start:
                k -= 1
                start = gaps.pop(k)[0]
            gaps.insert(k, (start, stop))

    def more(self, n: int) -> int:
        """The first of n places that follow each other."""
        return int(self._found(n, True)[0])

    def _found(self, n: int, solid: bool) -> Array:
        for k, (start, stop) in enumerate(self._gaps[:_LOOKED_AT]):
            if stop - start >= n:
                self._gaps[k : k + 1] = [(start + n, stop)] if stop - start > n else []
                return np.arange(start, start + n)
        if not solid and len(self._gaps) > n:  # each of which has room for one
            return np.concatenate([self._found(1, True) for _ in range(n)])
        start = self.size
        if self._gaps and self._gaps[-1][1] == self.size:
            start, _ = self._gaps.pop()
        self.size = start + n
        return np.arange(start, start + n)
