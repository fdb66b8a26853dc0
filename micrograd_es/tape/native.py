"""The program run by native code, block by block of samples that stay in the cache."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from functools import cached_property
from math import ceil
from typing import Any

import numpy as np

from micrograd_es.engine.ops import TABLE
from micrograd_es.native.library import library, operations
from micrograd_es.tape.assembly import Assembly, Backward, layout, way_back
from micrograd_es.tape.program import Elementwise, Program
from micrograd_es.tape.recording import BATCHED, STATIC

Array = Any
Codes = list[tuple[Array, Array]]

BLOCK = 64  # samples: a row of them is 512 bytes
# Blocks whose gradients are added up in one go, and how many such goes there are at most: this,
# and not the threads that share them, is what the order of the sum depends on.
_BLOCKS, _GOES = 4, 64


def why_not(program: Program) -> str:
    """Why native code does not run a program; "" where it does."""
    if library() is None:
        return "there is no native code"
    for step in program.steps:
        if isinstance(step, Elementwise) and TABLE.get(step.name) not in operations():
            return f"native code has no {step.name}"
    return ""


class Native:
    """A program, ready to be run by native code.

    Parameters
    ----------
    constants : (rows, numbers)
        What is the same for all samples and always.
    inputs : list of int
        The row of each input.
    """

    def __init__(
        self, program: Program, constants: tuple[Array, Array], inputs: Sequence[int]
    ) -> None:
        self._program, self._constants, self._inputs = program, constants, inputs
        self._library = library()
        self._level = len(self._library.LEVELS) - 1
        self._own = threading.local()
        self._known: dict[bool | None, tuple[Backward | None, Codes, Codes | None]] = {}
        self._layouts: dict[tuple[bool | None, int], Array] = {}

    @cached_property
    def _assembly(self) -> Assembly:
        return Assembly(self._program, operations())

    def _codes(self, everything: bool | None) -> tuple[Backward | None, Codes, Codes | None]:
        """The way back, if there is one, and the integers of the ways forward and back."""
        if everything not in self._known:
            forward = [code.arrays() for code in self._assembly.forward]
            back = None if everything is None else way_back(self._assembly, everything)
            returning = [code.arrays() for code in back.codes] if back else None
            self._known[everything] = back, forward, returning
        return self._known[everything]

    def _layout(self, everything: bool | None, back: Backward | None, width: int) -> Array:
        key = everything, width
        if key not in self._layouts:
            self._layouts[key] = layout(self._assembly, back, self._inputs, width)
        return self._layouts[key]

    def run(
        self,
        X: Array,
        theta: Array,
        cotangent: Array | None,
        outputs: Array,
        d_inputs: Array | None,
        gradient: Array,
        threads: int,
        memory_limit: int,
    ) -> list[slice]:
        """Fills outputs, and gradients if there is a cotangent.

        The samples for which that will not do are handed back, in slices: a number that came
        out of them is not finite. They have added nothing to the gradient.
        """
        everything = None if cotangent is None else d_inputs is not None
        back, forward, returning = self._codes(everything)
        width = self._width(back, memory_limit)
        plan = self._layout(everything, back, width)
        numbers, memory = self._numbers(), self._memory(plan, width)
        numbers[: len(theta)] = theta
        alone, level = self._library.alone, self._level
        if len(forward[STATIC][0]):
            alone(level, *forward[STATIC], plan, numbers, None, memory, int(back is not None))
        blocks = ceil(len(X) / width)
        size = max(_BLOCKS, ceil(blocks / _GOES))
        goes, odd = ceil(blocks / size), bytearray(blocks)
        totals = np.zeros((goes, self._program.sizes[STATIC]))
        X = np.ascontiguousarray(X)
        cotangent = None if cotangent is None else np.ascontiguousarray(cotangent)
        steps = (*forward[BATCHED], *(returning[BATCHED] if returning else (None, None)))

        def go(k: int, memory: Array) -> None:
            self._library.blocks(
                level, *steps, plan, numbers, X, cotangent, outputs, d_inputs, totals[k], odd,
                memory, width, k * size, min(blocks, (k + 1) * size),
            )  # fmt: skip

        self._shared(go, goes, threads, memory)
        if returning:
            adjoints = totals[0] if goes == 1 else totals.sum(axis=0)
            if len(returning[STATIC][0]):
                alone(level, *returning[STATIC], plan, numbers, adjoints, memory, 1)
            if not np.isfinite(adjoints[: len(theta)]).all():
                return [slice(0, len(X))]
            gradient += adjoints[: len(theta)]
        return _joined([k for k, mark in enumerate(odd) if mark], width, len(X))

    def _shared(
        self, go: Callable[[int, Array], None], goes: int, threads: int, memory: Array
    ) -> None:
        """Makes all goes, with the help of other threads."""
        if threads == 1 or goes == 1:
            for k in range(goes):
                go(k, memory)
            return
        left = iter(range(goes))
        lock = threading.Lock()

        def work(memory: Array) -> None:
            while True:
                with lock:
                    k = next(left, None)
                if k is None:
                    return
                go(k, memory)

        helpers = [
            threading.Thread(target=work, args=(np.empty(len(memory)),))
            for _ in range(min(threads, goes) - 1)
        ]
        for helper in helpers:
            helper.start()
        work(memory)
        for helper in helpers:
            helper.join()

    def _width(self, back: Backward | None, memory_limit: int) -> int:
        """How many samples make a block: fewer where the memory limit is near."""
        assembly = self._assembly
        rows = assembly.sizes[BATCHED] + (back.slots if back else 0) + assembly.room.each
        return max(1, min(BLOCK, memory_limit // (8 * rows + 1)))

    def _numbers(self) -> Array:
        """What is the same for all samples, of this thread."""
        if not hasattr(self._own, "numbers"):
            self._own.numbers = np.zeros(self._assembly.sizes[STATIC])
            rows, numbers = self._constants
            self._own.numbers[rows] = numbers
        return self._own.numbers

    def _memory(self, plan: Array, width: int) -> Array:
        """What a block works in, of this thread."""
        rows, slots, statics, matrices, sources, targets, *_ = plan[:6].tolist()
        size = (rows + slots) * width + statics + matrices + sources + targets
        size += 4 * self._library.ROOM + 64
        if len(getattr(self._own, "memory", ())) < size:
            self._own.memory = np.empty(size)
        return self._own.memory


def _joined(blocks: list[int], width: int, samples: int) -> list[slice]:
    """The samples of some blocks; of neighbours together."""
    known = {*blocks}
    starts = [k for k in blocks if k - 1 not in known]
    ends = [k for k in blocks if k + 1 not in known]
    return [slice(a * width, min(samples, (b + 1) * width)) for a, b in zip(starts, ends)]
