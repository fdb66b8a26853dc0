"""The program run by native code, block by block of samples that stay in the cache."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import numpy as np

from micrograd_es.base.arrays import Array
from micrograd_es.native.library import library, operations
from micrograd_es.tape.assembly import Assembly, row_of
from micrograd_es.tape.program import Elementwise, Program, SumStep
from micrograd_es.tape.recording import BATCHED, STATIC, Recording
from micrograd_es.tape.returning import Return

_NONE = np.array([], int)
_NOTHING = None, None  # no way back

BLOCK = 64  # samples: a row of them is 512 bytes
_CACHE = 2**20  # bytes; where the rows do not fit anyway, twice as many samples halve the rest
# Blocks whose gradients are added up in one go, and how many such goes there are at most: this,
# and not the threads that share them, is what the order of the sum depends on.
_BLOCKS, _GOES = 4, 64
_BEHIND = 8  # numbers behind the last one, which a vector that begins before may read
_LARGE = 2**20  # multiplications of one matrix product, from which on BLAS is faster


def why_not(program: Program) -> str:
    """Why native code does not run a program; "" where it does."""
    if library() is None:
        return "native code is absent or switched off"
    for step in program.steps:
        if isinstance(step, Elementwise) and row_of(step) not in operations():
            return f"native code has no {step.name}"
        for product in step.products if isinstance(step, SumStep) else ():
            if product.matrix and len(step) * product.left.shape[1] >= _LARGE:
                return "its matrices are so large that BLAS is faster"
    return ""


class Native:
    """A program, ready to be run by native code."""

    def __init__(self, program: Program, recording: Recording) -> None:
        self._program, self._recording = program, recording
        self._library = library()
        self._level = len(self._library.LEVELS) - 1
        self._own = threading.local()
        self._plans: dict[bool | None, _Plan] = {}

    def _plan(self, everything: bool | None) -> _Plan:
        if everything not in self._plans:
            self._plans[everything] = _Plan(self._program, everything)
        return self._plans[everything]

    def run(
        self,
        X: Array,
        theta: Array,
        cotangent: Array | None,
        outputs: Array,
        d_inputs: Array | None,
        threads: int,
        memory_limit: int,
    ) -> tuple[Array, Array]:
        """The gradient of the parameters, if there is a cotangent; outputs and d_inputs are filled.

        The samples for which that will not do are handed back: a sum in them, or a number
        that came out of them, is not finite. They have added nothing to the gradient.
        """
        plan = self._plan(None if cotangent is None else d_inputs is not None)
        width, layout, size = plan.of(memory_limit)
        numbers, memory = self._numbers(plan), self._memory(size)
        numbers[: len(theta)] = theta
        alone, level = self._library.alone, self._level
        shared = plan.forward[STATIC]
        if shared and not alone(level, *shared, layout, numbers, None, memory):
            return np.zeros(len(theta)), np.arange(len(X))
        step = width * max(_BLOCKS, -(-len(X) // (width * _GOES)))
        goes, odd = -(-len(X) // step), bytearray(len(X))
        totals = np.zeros((goes, self._program.sizes[STATIC] + _BEHIND))
        given = (
            np.ascontiguousarray(X),
            None if cotangent is None else np.ascontiguousarray(cotangent),
        )
        fixed = level, *plan.forward[BATCHED], *plan.back[BATCHED], layout, numbers, *given

        def go(k: int, memory: Array) -> None:
            self._library.blocks(
                *fixed, outputs, d_inputs, totals[k], odd, memory, width,
                k * step, min(len(X), (k + 1) * step),
            )  # fmt: skip

        if threads == 1 or goes == 1:
            for k in range(goes):
                go(k, memory)
        else:
            _shared(go, goes, threads, memory)
        gradient = totals[0] if goes == 1 else totals.sum(axis=0)
        back = plan.back[STATIC]
        if back and not alone(level, *back, layout, numbers, gradient, memory):
            return np.zeros(len(theta)), np.arange(len(X))
        marks = np.frombuffer(odd, np.int8)
        return gradient[: len(theta)], np.flatnonzero(marks) if 1 in odd else _NONE

    def _numbers(self, plan: _Plan) -> Array:
        """What is the same for all samples, of this thread."""
        known = getattr(self._own, "numbers", None)
        if known is None or len(known) < plan.statics + _BEHIND:
            self._own.numbers = known = np.zeros(plan.statics + _BEHIND)
            constants = slice(self._recording.given[STATIC], self._program.leaves)
            known[constants] = [*self._recording.constants.values()]
        return known

    def _memory(self, size: int) -> Array:
        """What a block works in, of this thread."""
        known = getattr(self._own, "memory", None)
        if known is None or len(known) < size:
            self._own.memory = known = np.empty(size)
        return known


class _Plan:
    """What the interpreter is given for one kind of run.

    Attributes
    ----------
    forward, back : list of (instructions, lists)
        What is done once, and what is done for each sample.
    statics : int
        How many numbers are the same for all samples.
    """

    def __init__(self, program: Program, everything: bool | None) -> None:
        assembly = Assembly(program, operations(), everything)
        back = None if everything is None else Return(assembly)
        self.forward: list[Any] = [code.arrays() for code in assembly.forward]
        self.back: list[Any] = [code.arrays() for code in back.codes] if back else [_NOTHING] * 2
        for codes in self.forward, self.back:
            if codes[STATIC] is _NOTHING or not len(codes[STATIC][0]):
                codes[STATIC] = None  # there is nothing to do
        self.statics, self._room = assembly.statics, assembly.room
        rows, slots = assembly.places.size, back.places.size if back else 0
        self._each = rows + slots + self._room.each
        self._sizes = rows, slots, program.sizes[STATIC]
        inputs = program.inputs
        self._counts = len(inputs), len(program.ones), len(program.outputs)
        places: list[int] = []
        for k, (store, row) in enumerate(program.outputs):
            at = int(assembly.places.of(np.array([row]))[0]) if store == BATCHED else row
            places += [int(store == STATIC), at, *(back.seeds[k] if back else (0, 0))]
        given, ones = (assembly.places.of(np.array(rows, int)) for rows in (inputs, program.ones))
        gradients = [back.inputs[row] if back else -1 for row in inputs]
        self._rows = [*given, *ones, *places, *gradients]
        self._known: dict[int, tuple[int, Array, int]] = {}

    def of(self, memory_limit: int) -> tuple[int, Array, int]:
        """Samples in a block, fewer where the limit is near; what it consists of; its numbers."""
        if memory_limit not in self._known:
            block = BLOCK if 8 * BLOCK * self._each <= _CACHE else 2 * BLOCK
            width = max(1, min(block, memory_limit // (8 * self._each + 1)))
            room, turned = self._room, max(self._counts[0], width)
            rest = (
                room.fixed + width * room.each,
                max(room.sources, turned),
                max(room.targets, turned),
            )
            layout = np.array([*self._sizes, *rest, *self._counts, *self._rows], np.int32)
            size = sum(rest) + self._sizes[2] + self._each * width + 6 * library().ROOM + 64
            self._known[memory_limit] = width, layout, size
        return self._known[memory_limit]


def _shared(go: Callable[[int, Array], None], goes: int, threads: int, memory: Array) -> None:
    """Makes all goes, with the help of other threads."""
    left, lock = iter(range(goes)), threading.Lock()

    def work(memory: Array) -> None:
        while True:
            with lock:
                k = next(left, None)
            if k is None:
                return
            go(k, memory)

    others = [np.empty(len(memory)) for _ in range(min(threads, goes) - 1)]
    helpers = [threading.Thread(target=work, args=(other,)) for other in others]
    for helper in helpers:
        helper.start()
    work(memory)
    for helper in helpers:
        helper.join()
