"""The program as a table of integers: the way back.

Adjoints have rows of their own, which are used again once they have been handed on. Each place
to which a gradient goes says whether it is the first to arrive there, which is written, or
comes later, and is added.

What a sum hands on, which may be to a thousand rows, each row is handed when its own turn comes:
until then one row of adjoints serves them all. Where nothing but that arrives, there is no copy:
rows that are handed the same gradient share its place until more arrives at one of them.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace

import numpy as np

from micrograd_es.base.arrays import Array
from micrograd_es.native.library import library
from micrograd_es.tape.assembly import (
    ELEMENTWISE_BACK,
    MATRIX_TO_LEFT,
    MATRIX_TO_RIGHT,
    PLAIN_BACK,
    PRODUCTS_BACK,
    ZERO,
    Assembly,
    Code,
)
from micrograd_es.tape.places import Places
from micrograd_es.tape.program import Elementwise, Product, Program, Step, SumStep
from micrograd_es.tape.recording import BATCHED, STATIC
from micrograd_es.tape.rows import Rows, together


@dataclass
class _Share:
    """What a sum hands on to some of its rows: its gradients, or them times other rows."""

    step: SumStep
    gradients: Array
    store: int
    rows: Array
    factor: Rows | None

    def of(self, some: Array) -> _Share:
        """The part for some of the rows."""
        factor = self.factor and Rows(self.factor.store, self.factor.flat()[some])
        return replace(self, rows=self.rows[some], factor=factor)


class Return:
    """The way back, after its way forward.

    Attributes
    ----------
    codes : (Code, Code)
        What is done once, and what is done for each sample, which comes first.
    places : Places
        Where the adjoints of each sample lie.
    seeds : list of (int, int)
        The row of adjoints of each output, and whether something is there already.
    inputs : list of int
        The row of adjoints of each input; -1 where nothing arrives.
    """

    def __init__(self, assembly: Assembly) -> None:
        program = assembly.program
        self._assembly, self._everything = assembly, bool(assembly.everything)
        self.codes = Code(), Code()
        self.places = Places(program)
        self._written = [np.zeros(size, bool) for size in program.sizes]
        self._turn = np.full(program.sizes[BATCHED], -1)  # the step that a row is of, if of any
        for k, step in enumerate(program.steps):
            if step.store == BATCHED:
                self._turn[step.rows] = k
        self._apart = _apart(program)
        self._waiting: dict[int, list[_Share]] = defaultdict(list)
        self._over: dict[int, list[Array]] = defaultdict(list)
        self.seeds: list[tuple[int, int]] = []
        for store, row in program.outputs:
            if store == BATCHED:
                places, later = self._arrive(np.array([row]))
                self.seeds.append((int(places[0]), int(later[0])))
            else:
                self._written[STATIC][row] = True
                self.seeds.append((row, 1))
        for k in range(len(program.steps) - 1, -1, -1):
            step = program.steps[k]
            if self._everything or step.trained:
                for share in self._waiting.pop(k, []):
                    self._hand_on(share)
                for rows in self._over.pop(k, []):
                    self.places.give_back(rows)
                self._step(step)
        given = program.given[BATCHED]
        self.inputs = [-1] * given
        rows = np.flatnonzero(self._written[BATCHED][:given])
        for row, place in zip(rows.tolist(), self.places.of(rows).tolist()):
            self.inputs[row] = place

    def _arrive(self, rows: Array) -> tuple[Array, Array]:
        """Where the adjoints of rows lie, and for each whether something is there already."""
        later = self._written[BATCHED][rows]
        for row in np.unique(rows[self._apart[rows] & later]).tolist():
            shared, own = self.places.part(row)
            if own != shared:
                code = self.codes[BATCHED]
                code.emit(PLAIN_BACK, 0, shared, -1, 1, 1, 0, own, -1, 0, 1)
        if not later.all():
            _, first = np.unique(rows, return_index=True)
            again = np.ones(len(rows), bool)
            again[first] = False
            later = later | again
            self._written[BATCHED][rows] = True
        return self.places.of(rows), later

    def _to(self, code: Code, step: Step, store: int, rows: Array) -> tuple[int, int, int, int]:
        """A target: its store, its first row or a list, and whether something is there."""
        if store == BATCHED:
            places, later = self._arrive(rows)
        else:  # where zeros are from the beginning
            self._written[STATIC][rows] = True
            places, later = rows, np.ones(len(rows), bool)
        other = int(store != step.store)
        if together(places) and (later == later[0]).all():
            return other, int(places[0]), -1, int(later[0])
        return other, 0, code.listed(2 * places + later), 0

    def _step(self, step: Elementwise | SumStep) -> None:
        there = self._written[step.store][step.rows]
        if not there.any():
            return  # nothing arrives here, and so nothing is handed on
        code, rows = self.codes[step.store], np.arange(step.rows.start, step.rows.stop)
        if step.store == BATCHED:
            gradients = self.places.of(rows)
            for place in gradients[~there].tolist():
                code.emit(ZERO, place, 1)
        else:
            gradients = rows
        last = None
        if isinstance(step, SumStep):
            last = self._sum(code, step, gradients)
        else:
            self._elementwise(code, step, gradients)
        if step.store == BATCHED and last is None:
            self.places.give_back(rows)
        elif last is not None:
            self._over[last].append(rows)

    def _elementwise(self, code: Code, step: Elementwise, places: Array) -> None:
        assembly, nothing, n = self._assembly, (0, 0, -1), len(step)
        gradients = _where(code, places)
        for k, want in enumerate(step.wants(self._everything)):
            if not want:
                continue
            rows, sign = step.operands[k], assembly.sign(step, k)
            if sign:
                self._as_it_is(step, places, rows.store, rows.flat(), sign)
                continue
            to = self._to(code, step, rows.store, rows.flat())
            factor = assembly.factor(code, step, k)
            if factor:
                code.emit(PRODUCTS_BACK, *gradients, n, 1, *factor, *to)
                continue
            used = assembly.used(step, k)
            result = assembly.result(code, step) if "y" in used else nothing
            operands = [
                x
                for operand, use in zip(step.operands, used)
                for x in (assembly.located(code, step, operand) if use else nothing)
            ]
            code.emit(
                ELEMENTWISE_BACK, assembly.number(step), k, n, *result, *gradients, *to,
                len(step.operands), *operands,
            )  # fmt: skip

    def _sum(self, code: Code, step: SumStep, gradients: Array) -> int | None:
        """Hands on what a sum has, or puts it off; up to which step, if it does."""
        shares = []
        for product in step.products:
            left, right = product.left, product.right
            to_left, to_right = product.wants(self._everything)
            if product.matrix:
                if to_left:
                    self._to_left(code, step, product, int(gradients[0]))
                if to_right:
                    self._to_right(code, step, product, int(gradients[0]))
                continue
            for rows, factor, want in (left, right, to_left), (right, left, to_right):
                if want:
                    shares.append(_Share(step, gradients, rows.store, rows.flat(), factor))
        for rows in step.wanting(self._everything):
            shares.append(_Share(step, gradients, rows.store, rows.flat(), None))
        turns = set()
        for share in shares:
            if share.store == STATIC or step.store == STATIC or len(step) > 1:
                self._hand_on(share)
                continue
            turn = self._turn[share.rows]
            for k in np.unique(turn).tolist():
                part = share.of(turn == k)
                if k < 0:
                    self._hand_on(part)
                else:
                    self._waiting[k].append(part)
                    turns.add(k)
        return min(turns, default=None)

    def _hand_on(self, share: _Share) -> None:
        code, step, n = self.codes[share.step.store], share.step, len(share.step)
        if share.factor is None:
            self._as_it_is(step, share.gradients, share.store, share.rows)
            return
        to, where = self._to(code, step, share.store, share.rows), _where(code, share.gradients)
        place = self._assembly.located(code, step, share.factor)
        code.emit(PRODUCTS_BACK, *where, n, len(share.rows) // n, *place, *to)

    def _as_it_is(
        self, step: Step, gradients: Array, store: int, rows: Array, sign: int = 1
    ) -> None:
        """Hands gradients on to rows as they are, or their negatives.

        A row where nothing is yet has no need of a copy: it shares the gradient's place.
        """
        code, n = self.codes[step.store], len(gradients)
        if step.store == store == BATCHED and sign > 0 and self._apart[rows].any():
            left = []
            for i, row in enumerate(rows.tolist()):
                if self._apart[row] and not self._written[BATCHED][row]:
                    self._written[BATCHED][row] = True
                    self.places.share(row, int(gradients[i % n]))
                else:
                    left.append(i)
            if not left:
                return
            if len(left) < len(rows):
                rows, gradients = rows[left], gradients[np.array(left) % n]
                n = len(left)
        to = self._to(code, step, store, rows)
        code.emit(PLAIN_BACK, *_where(code, gradients), n, len(rows) // n, *to, sign)

    def _to_left(self, code: Code, step: SumStep, product: Product, first: int) -> None:
        assembly, left, (k, parts) = self._assembly, product.left, product.right.shape
        m, rows = left.shape[0], left.flat()
        self._written[STATIC][rows] = True
        other = int(left.store != step.store)
        if left.steps is not None and left.unique and (k == 1 or left.steps[1] == 1):
            to = other, left.first, left.steps[0], -1
        else:
            to = other, 0, 0, code.listed(2 * rows + 1)
        right = assembly.lines(code, product.right)
        code.emit(MATRIX_TO_LEFT, first, m, parts, k, *right, *to)
        piece: int = library().PIECE  # columns that the interpreter turns at a time
        assembly.room.needs(piece * (k + 8) + m * k, k * parts, k + piece, m)

    def _to_right(self, code: Code, step: SumStep, product: Product, first: int) -> None:
        (m, _), (k, parts) = product.left.shape, product.right.shape
        rows = product.right.flat().reshape(k, parts)
        if product.right.store == BATCHED and rows[-1, 0] in self._assembly.program.ones:
            rows, k = rows[:-1], k - 1  # a bias has no factor to hand on to
        factors = int(product.left.store != step.store), *self._assembly.matrix(product)
        other, to, listed, later = self._to(code, step, product.right.store, rows.ravel())
        code.emit(MATRIX_TO_RIGHT, first, m, parts, k, *factors, other, to, listed, parts, later)
        self._assembly.room.needs(0, k * parts, m, k)


def _where(code: Code, places: Array) -> tuple[int, int, int]:
    """Rows of a step's own adjoints: the first one, or a list."""
    return 0, int(places[0]), -1 if together(places) else code.listed(places)


def _apart(program: Program) -> Array:
    """For each row whether it does not matter that it lies with its neighbours.

    It is by itself, or its operands are gathered from here and there in any case.
    """
    apart = np.zeros(program.sizes[BATCHED], bool)
    for step in program.steps:
        if step.store == BATCHED and not any(p.matrix for p in getattr(step, "products", ())):
            scattered = any(rows.steps is None for rows in step.operands)
            apart[step.rows] = len(step) == 1 or scattered
    return apart
