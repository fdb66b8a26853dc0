"""The program as a table of integers, which `native/interpreter.h` runs: the way forward.

An instruction is its number, its length, and what it works on: rows of the store that it
belongs to, or of the other one. Where rows do not follow each other, they stand in a list.
The numbers of a sample have a row only as long as something still reads them, on the way
forward or, if there is one, on the way back.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from math import prod
from typing import Any, NamedTuple

import numpy as np

from micrograd_es.base.arrays import Array
from micrograd_es.engine.ops import TABLE, Operation, tree
from micrograd_es.tape.library import Rule
from micrograd_es.tape.places import Places
from micrograd_es.tape.program import Elementwise, Product, Program, Step, SumStep
from micrograd_es.tape.recording import BATCHED, STATIC
from micrograd_es.tape.rows import Rows, together

_NONE = np.array([], int)

# The steps of the interpreter, in its order.
(ELEMENTWISE, PRODUCTS, PLAIN, MATRIX, GATHER, ELEMENTWISE_BACK, PRODUCTS_BACK, PLAIN_BACK,
 MATRIX_TO_LEFT, MATRIX_TO_RIGHT, ZERO) = range(11)  # fmt: skip


class Code:
    """Instructions, and the lists of rows that they name."""

    def __init__(self) -> None:
        self._instructions: list[int] = []
        self._lists: list[int] = []

    def emit(self, instruction: int, *numbers: int) -> None:
        """Adds an instruction."""
        self._instructions += (instruction, len(numbers) + 2, *numbers)

    def listed(self, rows: Array) -> int:
        """Where a list of rows begins."""
        self._lists += rows.tolist()
        return len(self._lists) - len(rows)

    def arrays(self) -> tuple[Array, Array]:
        """Instructions and lists, as the interpreter takes them."""
        return np.array(self._instructions, np.int32), np.array(self._lists, np.int32)


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


class _Part(NamedTuple):
    """Terms of a sum; whether they are the first ones, and the last ones."""

    step: SumStep
    first: bool
    last: bool


def _parts(program: Program) -> dict[int, list[_Part]]:
    """For each step what can be added up after it.

    A sum of one row for each sample takes each term when it is there, and not all in the end:
    a term that nothing else reads has no row any more by then.
    """
    turn = np.full(program.sizes[BATCHED], -1)
    found: dict[int, list[_Part]] = defaultdict(list)
    for k, step in enumerate(program.steps):
        if step.store == BATCHED:
            turn[step.rows] = k
        if not isinstance(step, SumStep):
            continue
        cut = {k: step}
        if step.store == BATCHED and len(step) == 1 and not any(p.matrix for p in step.products):
            cut = _cut(step, k, turn)
        for place in sorted(cut):
            found[place].append(_Part(cut[place], place == min(cut), place == max(cut)))
    return found


def _cut(step: SumStep, k: int, turn: Array) -> dict[int, SumStep]:
    """The sum that is step k, by the steps after which its terms are there."""
    cut: dict[int, SumStep] = defaultdict(lambda: replace(step, products=[], plain=[]))

    def after(*factors: Rows) -> Array:
        turns = [turn[rows.flat()] for rows in factors if rows.store == BATCHED]
        latest: Array = np.max(turns, axis=0)
        return np.where(latest < 0, k, latest)

    def some(rows: Rows, where: Array) -> Rows:
        return Rows(rows.store, rows.flat()[where][:, None])

    for product in step.products:
        there = after(product.left, product.right)
        for place in np.unique(there).tolist():
            left, right = (some(rows, there == place) for rows in (product.left, product.right))
            cut[place].products.append(replace(product, left=left, right=right))
    for rows, trained in step.plain:
        there = after(rows) if rows.store == BATCHED else np.full(rows.size, k)
        for place in np.unique(there).tolist():
            cut[place].plain.append((some(rows, there == place), trained))
    return cut


class Assembly:
    """The program's way forward.

    Parameters
    ----------
    operations : mapping
        For each row of the table its number in the library, and whether its partial is kept.
    everything : bool, optional
        What the way back will be asked for: all gradients, or those of the parameters alone;
        None where there is no way back.

    Attributes
    ----------
    forward : (Code, Code)
        What is done once, and what is done for each sample.
    statics : int
        Rows of what is the same for all samples, with those that only native code has.
    places : Places
        Where the numbers of each sample lie.
    room : Room
    """

    def __init__(
        self,
        program: Program,
        operations: Mapping[Operation, tuple[int, bool]],
        everything: bool | None,
    ) -> None:
        self.program, self.everything, self._operations = program, everything, operations
        self.forward = Code(), Code()
        self.statics = program.sizes[STATIC]
        self.places, self.room = Places(program), Room()
        self._kept: dict[int, int] = {}
        self._matrices: dict[int, tuple[int, int, int]] = {}
        self.places.of(_given(program))
        parts = _parts(program)
        done = self._done(parts)
        for k, step in enumerate(program.steps):
            if isinstance(step, Elementwise):
                self._elementwise(step)
            for part in parts[k]:
                self._sum(part)
            self.places.give_back(done.get(k, _NONE))

    # -- what is read, and when for the last time -----------------------------------------

    def _done(self, parts: Mapping[int, list[_Part]]) -> dict[int, Array]:
        """For each step the rows that nothing reads any more after it."""
        program, never = self.program, len(self.program.steps)
        last = np.zeros(program.sizes[BATCHED], int)
        for k, step in enumerate(program.steps):
            if step.store == BATCHED:
                last[step.rows] = k  # if nobody reads it at all
            readers: list[Elementwise | SumStep] = [part.step for part in parts[k]]
            if isinstance(step, Elementwise):
                readers.append(step)
            for rows in (rows for reader in readers for rows in reader.operands):
                if rows.store == BATCHED:
                    last[rows.at] = k
        last[_given(program)] = never
        last[[row for store, row in program.outputs if store == BATCHED]] = never
        for step in program.steps:
            for rows in self._read_back(step):
                if rows.store == BATCHED:
                    last[rows.at] = never
        order = np.argsort(last, kind="stable")
        starts = np.flatnonzero(np.diff(last[order], prepend=-1))
        return {int(last[rows[0]]): rows for rows in np.split(order, starts[1:]) if len(rows)}

    def _read_back(self, step: Elementwise | SumStep) -> Iterator[Rows]:
        """What the way back reads of the numbers of the way forward."""
        if self.everything is None or not (self.everything or step.trained):
            return
        if isinstance(step, SumStep):
            for product in step.products:
                to_left, to_right = product.wants(self.everything)
                if to_left:
                    yield product.right
                if to_right:
                    yield product.left
            return
        for k, want in enumerate(step.wants(self.everything)):
            if want:
                used = self.used(step, k)
                yield from (rows for rows, use in zip(step.operands, used) if use)
                if "y" in used:
                    yield _results(step)

    def used(self, step: Elementwise, k: int) -> list[Any]:
        """Which operands the k-th partial is computed from, and "y" if from the result."""
        op = _row(step)
        if self._operations[op][1]:
            return [False] * op.arity
        names = _names(op.df[k])
        return [*(x in names for x in op.operands), *names & {"y"}]

    # -- the steps ----------------------------------------------------------------------------

    def number(self, step: Elementwise) -> int:
        """The number of an operation in the library."""
        return self._operations[_row(step)][0]

    def factor(self, code: Code, step: Elementwise, k: int) -> tuple[int, int, int] | None:
        """The k-th partial, where it is there as rows: kept, or an operand, or the result."""
        op = _row(step)
        if self._operations[op][1]:
            return 0, self._kept[id(step)], -1
        if op.df[k] == "y":
            return self.result(code, step)
        named = [rows for x, rows in zip(op.operands, step.operands) if x == op.df[k]]
        return self.located(code, step, named[0]) if named else None

    def sign(self, step: Elementwise, k: int) -> int | None:
        """1 where the k-th operand is handed what arrives, -1 where its negative; else None."""
        return {"1.0": 1, "-1.0": -1}.get(_row(step).df[k])

    def matrix(self, product: Product) -> tuple[int, int, int]:
        """Where the left factors of a matrix product lie: first, and from row and column."""
        return self._matrices[id(product)]

    def at(self, rows: Rows) -> Array:
        """Where rows lie, for all places, one after the other."""
        return rows.flat() if rows.store == STATIC else self.places.of(rows.flat())

    def located(self, code: Code, step: Step, rows: Rows) -> tuple[int, int, int]:
        """An operand: its store, as seen from the step's; its first row, or a list."""
        other, at = int(rows.store != step.store), self.at(rows)
        if together(at):
            return other, int(at[0]), -1
        return other, 0, code.listed(at)

    def lines(self, code: Code, rows: Rows) -> tuple[int, int, int, int]:
        """The right factors of a matrix product, as lines of parts that lie together."""
        at = self.at(rows).reshape(rows.shape)
        step = int(at[1, 0] - at[0, 0]) if len(at) > 1 else 0
        expected = at[0, 0] + np.arange(at.shape[1]) + step * np.arange(len(at))[:, None]
        if (at == expected).all():
            return 0, int(at[0, 0]), -1, step
        return 0, 0, code.listed(at.ravel()), 0

    def _elementwise(self, step: Elementwise) -> None:
        code, n = self.forward[step.store], len(step)
        number, keeps = self._operations[_row(step)]
        if keeps and self.everything is not None and step.wants(self.everything)[0]:
            self._kept[id(step)] = self._more(step.store, n)
        kept = self._kept.get(id(step), -1)
        result = self.result(code, step)
        if _row(step).name == "mul" and step.store == BATCHED:
            shared, each = sorted(step.operands, key=lambda rows: rows.store)
            if shared.store == STATIC:  # a multiple, for which no row of equal numbers is made
                factors = *self.located(code, step, shared), *self.located(code, step, each)
                code.emit(PRODUCTS, *result, 2, n, 1, *factors)
                return
        operands = [x for rows in step.operands for x in self.located(code, step, rows)]
        code.emit(ELEMENTWISE, number, n, *result, kept, len(step.operands), *operands)

    def result(self, code: Code, step: Step) -> tuple[int, int, int]:
        """Where the results of a step lie: the first row, or a list."""
        return self.located(code, step, _results(step))

    def _sum(self, part: _Part) -> None:
        step, there, later = part.step, int(not part.first), 2 * (not part.last)
        code, n = self.forward[step.store], len(step)
        result = self.result(code, step)
        for product in step.products:
            if product.matrix:
                m, k = product.left.shape
                parts = product.right.shape[1]
                factors = int(product.left.store != step.store), *self._packed(product)
                code.emit(
                    MATRIX,
                    result[1],
                    there,
                    m,
                    parts,
                    k,
                    *factors,
                    *self.lines(code, product.right),
                )
                self.room.needs(0, k * parts, k, m)
            else:
                left = self.located(code, step, product.left)
                right = self.located(code, step, product.right)
                code.emit(PRODUCTS, *result, there + later, n, product.left.shape[0], *left, *right)
            there = 1
        for rows, _ in step.plain:
            terms = self.located(code, step, rows)
            code.emit(PLAIN, *result, there + later, n, rows.shape[0], *terms)
            there = 1

    def _packed(self, product: Product) -> tuple[int, int, int]:
        left = product.left
        if left.steps is not None:
            row, column = left.steps
            place = left.first, row, column
        else:  # copied once, to where they follow each other
            first = self._more(STATIC, prod(left.shape))
            code = self.forward[STATIC]
            code.emit(GATHER, first, prod(left.shape), code.listed(left.flat()))
            place = first, left.shape[1], 1
        self._matrices[id(product)] = place
        return place

    def _more(self, store: int, n: int) -> int:
        """Rows that only native code has."""
        if store == STATIC:
            self.statics += n
            return self.statics - n
        return self.places.more(n)


def _row(step: Elementwise) -> Operation:
    """The row of the table; a user's own operation is never here."""
    rule = row_of(step)
    assert isinstance(rule, Operation)
    return rule


def row_of(step: Elementwise) -> Rule:
    """The operation of a step as the table has it: to be a number is to want no gradient."""
    if isinstance(step.rule, Operation) and step.rule.number is not None:
        return TABLE[step.rule.name]
    return step.rule


def _results(step: Step) -> Rows:
    return Rows(step.store, np.arange(step.rows.start, step.rows.stop))


def _given(program: Program) -> Array:
    """The rows of each sample that are there from the beginning."""
    return np.array([*range(program.given[BATCHED]), *program.ones], int)


@cache
def _names(text: str) -> frozenset[str]:
    return frozenset(n.id for n in ast.walk(tree(text)) if isinstance(n, ast.Name))
