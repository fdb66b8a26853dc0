"""The program as a table of integers, which `native/interpreter.h` runs.

An instruction is its number, its length, and what it works on: rows of the store that it
belongs to, or of the other one. Where rows do not follow each other, they stand in a list.
Adjoints have rows of their own, which are used again once they have been handed on; and each
place to which a gradient goes says whether it is the first to arrive there, which is written,
or comes later, and is added.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import prod
from typing import Any

import numpy as np

from micrograd_es.engine.ops import TABLE, Operation
from micrograd_es.tape.program import Elementwise, Product, Program, Step, SumStep
from micrograd_es.tape.recording import BATCHED, STATIC
from micrograd_es.tape.rows import Rows

Array = Any

# The steps of the interpreter, in its order.
(ELEMENTWISE, PRODUCTS, PLAIN, MATRIX, GATHER, ELEMENTWISE_BACK, PRODUCTS_BACK, PLAIN_BACK,
 MATRIX_TO_LEFT, MATRIX_TO_RIGHT, ZERO) = range(11)  # fmt: skip
_PIECE = 64  # columns that are turned at a time


class Code:
    """Instructions, and the lists of rows that they name."""

    def __init__(self) -> None:
        self._instructions: list[int] = []
        self._lists: list[Array] = []
        self._length = 0

    def emit(self, instruction: int, *numbers: int) -> None:
        """Adds an instruction."""
        self._instructions += (instruction, len(numbers) + 2, *numbers)

    def listed(self, rows: Array) -> int:
        """Where a list of rows begins."""
        self._lists.append(rows)
        self._length += len(rows)
        return self._length - len(rows)

    def arrays(self) -> tuple[Array, Array]:
        """Instructions and lists, as the interpreter takes them."""
        lists = np.concatenate([*self._lists, np.zeros(0, int)]).astype(np.int32)
        return np.array(self._instructions, np.int32), lists


@dataclass
class Room:
    """What the largest step needs beside the rows: numbers, more for each sample, pointers."""

    fixed: int = 0
    each: int = 0
    sources: int = 0
    targets: int = 0

    def needs(self, fixed: int, each: int, sources: int, targets: int) -> None:
        """Makes room for a step."""
        self.fixed, self.each = max(self.fixed, fixed), max(self.each, each)
        self.sources, self.targets = max(self.sources, sources), max(self.targets, targets)


@dataclass
class Backward:
    """The way back, for all gradients or for those of the parameters alone.

    Attributes
    ----------
    codes : (Code, Code)
        What is done once, and what is done for each sample, which comes first.
    slots : int
        Rows of adjoints.
    seeds : list of (int, int)
        The row of adjoints of each output, and whether something is there already.
    inputs : list of int
        The row of adjoints of each input; -1 where nothing arrives.
    """

    codes: tuple[Code, Code] = field(default_factory=lambda: (Code(), Code()))
    slots: int = 0
    seeds: list[tuple[int, int]] = field(default_factory=list)
    inputs: list[int] = field(default_factory=list)


class Assembly:
    """The program's way forward, and what its ways back need of it.

    Parameters
    ----------
    operations : mapping
        For each row of the table its number in the library, and whether a partial is kept.

    Attributes
    ----------
    forward : (Code, Code)
        What is done once, and what is done for each sample.
    sizes : list of int
        Rows of each store, with those that only native code has.
    """

    def __init__(self, program: Program, operations: dict[Operation, tuple[int, bool]]) -> None:
        self.program, self._operations = program, operations
        self.forward = Code(), Code()
        self.sizes = list(program.sizes)
        self.room = Room()
        self._kept: dict[int, int] = {}
        self._matrices: dict[int, tuple[int, int, int]] = {}
        for step in program.steps:
            if isinstance(step, SumStep):
                self._sum(step)
            else:
                assert isinstance(step, Elementwise)
                self._elementwise(step)

    def number(self, step: Elementwise) -> tuple[int, bool]:
        """The row of the table that a step computes."""
        return self._operations[TABLE[step.name]]

    def kept(self, step: Step) -> int:
        """The row from which on the partials of a step are kept, or -1."""
        return self._kept.get(id(step), -1)

    def matrix(self, product: Product) -> tuple[int, int, int]:
        """Where the left factors of a matrix product lie: first, and from row and column."""
        return self._matrices[id(product)]

    def _elementwise(self, step: Elementwise) -> None:
        code, n = self.forward[step.store], len(step)
        number, keeps = self.number(step)
        if keeps and step.wanted[0]:
            self._kept[id(step)] = self._more(step.store, n)
        operands = [x for rows in step.operands for x in located(code, step, rows)]
        code.emit(
            ELEMENTWISE, number, n, step.rows.start, self.kept(step), len(step.operands), *operands
        )

    def _sum(self, step: SumStep) -> None:
        code, n, result = self.forward[step.store], len(step), step.rows.start
        there = 0
        for product in step.products:
            if product.matrix:
                m, k = product.left.shape
                parts = product.right.shape[1]
                factors = int(product.left.store != step.store), *self._packed(product)
                code.emit(MATRIX, result, there, m, parts, k, *factors, *lines(code, product.right))
                self.room.needs(0, k * parts, k, m)
            else:
                left, right = (located(code, step, x) for x in (product.left, product.right))
                code.emit(PRODUCTS, result, there, n, product.left.shape[0], *left, *right)
            there = 1
        for rows, _ in step.plain:
            code.emit(PLAIN, result, there, n, rows.shape[0], *located(code, step, rows))
            there = 1

    def _packed(self, product: Product) -> tuple[int, int, int]:
        left = product.left
        if left.steps is not None:
            row, column = left.steps
            place = left.first, row, column
        else:  # copied once, to where they follow each other
            first = self._more(STATIC, prod(left.shape))
            code = self.forward[STATIC]
            code.emit(GATHER, first, prod(left.shape), code.listed(flat(left)))
            place = first, left.shape[1], 1
        self._matrices[id(product)] = place
        return place

    def _more(self, store: int, n: int) -> int:
        self.sizes[store] += n
        return self.sizes[store] - n


def flat(rows: Rows) -> Array:
    """The rows for all places, one after the other."""
    if rows.single:
        return np.full(prod(rows.shape), rows.first)
    return np.arange(rows.at.start, rows.at.stop) if isinstance(rows.at, slice) else rows.at


def located(code: Code, step: Step, rows: Rows) -> tuple[int, int, int]:
    """An operand: its store, as seen from the step's; its first row, or a list."""
    other = int(rows.store != step.store)
    if isinstance(rows.at, slice) and not rows.single:
        return other, rows.first, -1
    return other, 0, code.listed(flat(rows))


def lines(code: Code, rows: Rows) -> tuple[int, int, int, int]:
    """The right factors of a matrix product, as lines of parts that lie together."""
    if rows.steps is not None and (rows.shape[1] == 1 or rows.steps[1] == 1):
        return 0, rows.first, -1, rows.steps[0]
    return 0, 0, code.listed(flat(rows)), 0


class _Slots:
    """Rows of adjoints, given out and taken back."""

    def __init__(self) -> None:
        self.size = 0
        self._free: list[tuple[int, int]] = []  # (start, stop), sorted and apart

    def take(self, n: int) -> int:
        for k, (start, stop) in enumerate(self._free):
            if stop - start >= n:
                self._free[k : k + 1] = [(start + n, stop)] if stop - start > n else []
                return start
        if self._free and self._free[-1][1] == self.size:
            start, _ = self._free.pop()
        else:
            start = self.size
        self.size = start + n
        return start

    def give_back(self, start: int, n: int) -> None:
        stop = start + n
        k = 0
        while k < len(self._free) and self._free[k][0] < start:
            k += 1
        if k < len(self._free) and self._free[k][0] == stop:
            stop = self._free.pop(k)[1]
        if k and self._free[k - 1][1] == start:
            k -= 1
            start = self._free.pop(k)[0]
        self._free.insert(k, (start, stop))


class _Return:
    """Assembles a way back."""

    def __init__(self, assembly: Assembly, everything: bool) -> None:
        program = assembly.program
        self._assembly, self._everything = assembly, everything
        self.result = Backward()
        self._slots = _Slots()
        # rows of one step, and the rows that are given, get theirs together
        self._ranges = [(0, program.given[BATCHED])]
        self._ranges += [(s.rows.start, len(s)) for s in program.steps if s.store == BATCHED]
        self._range_of = np.zeros(program.sizes[BATCHED], int)
        for k, (start, n) in enumerate(self._ranges):
            self._range_of[start : start + n] = k
        self._slot = np.full(len(self._ranges), -1)
        self._starts = np.array([start for start, _ in self._ranges])
        self._written = [np.zeros(size, bool) for size in program.sizes]
        for store, row in program.outputs:
            if store == BATCHED:
                slots, later = self._arrive(np.array([row]))
                self.result.seeds.append((int(slots[0]), int(later[0])))
            else:
                self._written[STATIC][row] = True
                self.result.seeds.append((row, 1))
        for step in reversed(program.steps):
            if everything or step.trained:
                self._step(step)
        given = program.given[BATCHED]
        self.result.inputs = [-1] * given
        for row in np.flatnonzero(self._written[BATCHED][:given]).tolist():
            self.result.inputs[row] = int(self._slot[0]) + row
        self.result.slots = self._slots.size

    def _arrive(self, rows: Array) -> tuple[Array, Array]:
        """The rows of adjoints for rows, and for each whether something is there already."""
        ranges = self._range_of[rows]
        for k in np.unique(ranges[self._slot[ranges] < 0]).tolist():
            self._slot[k] = self._slots.take(self._ranges[k][1])
        later = self._written[BATCHED][rows]
        if not later.all():
            _, first = np.unique(rows, return_index=True)
            again = np.ones(len(rows), bool)
            again[first] = False
            later = later | again
            self._written[BATCHED][rows] = True
        return self._slot[ranges] + rows - self._starts[ranges], later

    def _to(self, code: Code, step: Step, store: int, rows: Array) -> tuple[int, int, int, int]:
        """A target: its store, its first row or a list, and whether something is there."""
        if store == BATCHED:
            rows, later = self._arrive(rows)
        else:  # where zeros are from the beginning
            self._written[STATIC][rows] = True
            later = np.ones(len(rows), bool)
        other = int(store != step.store)
        together = len(rows) == 1 or bool((np.diff(rows) == 1).all())
        if together and (later == later[0]).all():
            return other, int(rows[0]), -1, int(later[0])
        return other, 0, code.listed(2 * rows + later), 0

    def _step(self, step: Step) -> None:
        there = self._written[step.store][step.rows]
        if not there.any():
            return  # nothing arrives here, and so nothing is handed on
        code, gradients = self.result.codes[step.store], step.rows.start
        if step.store == BATCHED:
            k = int(self._range_of[step.rows.start])
            gradients = int(self._slot[k])
            if not there.all():
                for place in np.flatnonzero(~there).tolist():
                    code.emit(ZERO, gradients + place, 1)
        if isinstance(step, SumStep):
            self._sum(code, step, gradients)
        else:
            assert isinstance(step, Elementwise)
            self._elementwise(code, step, gradients)
        if step.store == BATCHED:
            self._slots.give_back(gradients, len(step))

    def _elementwise(self, code: Code, step: Elementwise, gradients: int) -> None:
        wanted = step.wanted if self._everything else step.to_parameters
        number, _ = self._assembly.number(step)
        operands = [x for rows in step.operands for x in located(code, step, rows)]
        for k, (rows, want) in enumerate(zip(step.operands, wanted)):
            if want:
                code.emit(
                    ELEMENTWISE_BACK, number, k, len(step), step.rows.start, gradients,
                    self._assembly.kept(step), *self._to(code, step, rows.store, flat(rows)),
                    len(step.operands), *operands,
                )  # fmt: skip

    def _sum(self, code: Code, step: SumStep, gradients: int) -> None:
        n = len(step)
        for product in step.products:
            left, right = product.left, product.right
            to_left, to_right = product.to_parameters
            to_left = to_left or (self._everything and left.store == BATCHED)
            to_right = to_right or (self._everything and right.store == BATCHED)
            if product.matrix:
                if to_left:
                    self._to_left(code, step, product, gradients)
                if to_right:
                    self._to_right(code, step, product, gradients)
                continue
            for rows, factor, want in (left, right, to_left), (right, left, to_right):
                if want:
                    place = located(code, step, factor)
                    to = self._to(code, step, rows.store, flat(rows))
                    code.emit(PRODUCTS_BACK, gradients, n, rows.shape[0], *place, *to)
        for rows, to_parameters in step.plain:
            if to_parameters or (self._everything and rows.store == BATCHED):
                to = self._to(code, step, rows.store, flat(rows))
                code.emit(PLAIN_BACK, gradients, n, rows.shape[0], *to)

    def _to_left(self, code: Code, step: SumStep, product: Product, gradients: int) -> None:
        left, (k, parts) = product.left, product.right.shape
        rows = flat(left)
        self._written[STATIC][rows] = True
        other = int(left.store != step.store)
        if left.steps is not None and left.unique and (k == 1 or left.steps[1] == 1):
            to = other, left.first, left.steps[0], -1
        else:
            to = other, 0, 0, code.listed(2 * rows + 1)
        m = left.shape[0]
        code.emit(MATRIX_TO_LEFT, gradients, m, parts, k, *lines(code, product.right), *to)
        self._assembly.room.needs(_PIECE * (k + 8) + m * k, k * parts, k + _PIECE, m)

    def _to_right(self, code: Code, step: SumStep, product: Product, gradients: int) -> None:
        (m, _), (k, parts) = product.left.shape, product.right.shape
        rows = flat(product.right).reshape(k, parts)
        if product.right.store == BATCHED and rows[-1, 0] in self._assembly.program.ones:
            rows, k = rows[:-1], k - 1  # a bias has no factor to hand on to
        place = (int(product.left.store != step.store), *self._assembly.matrix(product))
        other, first, listed, later = self._to(code, step, product.right.store, rows.ravel())
        code.emit(
            MATRIX_TO_RIGHT, gradients, m, parts, k, *place, other, first, listed, parts, later
        )
        self._assembly.room.needs(0, k * parts, m, k)


def way_back(assembly: Assembly, everything: bool) -> Backward:
    """The way back, of which the parameters' gradients are a part."""
    return _Return(assembly, everything).result


def layout(assembly: Assembly, back: Backward | None, inputs: Sequence[int], width: int) -> Array:
    """What a block of samples needs: sizes, and the rows of what goes in and out."""
    program, room = assembly.program, assembly.room
    seeds = back.seeds if back else [(0, 0)] * len(program.outputs)
    places = [
        x
        for (store, row), (slot, later) in zip(program.outputs, seeds)
        for x in (int(store == STATIC), row, slot, later)
    ]
    slots = [back.inputs[row] if back else -1 for row in inputs]
    sizes = (
        assembly.sizes[BATCHED], back.slots if back else 0, program.sizes[STATIC],
        room.fixed + width * room.each, room.sources, room.targets,
        len(inputs), len(program.ones), len(program.outputs),
    )  # fmt: skip
    return np.array([*sizes, *inputs, *program.ones, *places, *slots], np.int32)
