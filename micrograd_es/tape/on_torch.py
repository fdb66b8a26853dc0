"""PyTorch's arrays with the calculus of the table."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import array_api_compat.torch as xp
import torch
from torch.autograd import Function as Differentiable
from torch.autograd.forward_ad import _set_fwd_grad_enabled, unpack_dual

from micrograd_es.tape.customs import Array, Function, array_functions
from micrograd_es.tape.library import (
    NEITHER,
    Derived,
    Found,
    Keeps,
    Library,
    Rule,
    plain_dot,
    plain_times,
)
from micrograd_es.tape.recording import Recording


class _Plain(Library):
    """The arrays of PyTorch."""

    def __init__(self, recording: Recording) -> None:
        # the user's functions have to take these arrays; their own errors say so if not
        super().__init__(xp, array_functions(recording, _one_by_one))

    def floats(self, numbers: Any, like: Array) -> Array:
        return torch.as_tensor(numbers, dtype=like.dtype, device=like.device)

    def fixed(self, numbers: Array) -> Array:
        return numbers.detach()

    def scattered(self, d: Array, rows: Any, size: int) -> Array:
        zeros = d.new_zeros((size, *d.shape[1:]))
        return zeros.index_add(0, torch.as_tensor(rows, device=d.device), d)


class Torch(_Plain, Derived):
    """The same, where they are differentiated."""

    def __init__(self, recording: Recording) -> None:
        super().__init__(recording)
        self._plain = _Plain(recording)

    def at(self, *tensors: Array) -> Library:
        # a function with a rule of its own takes longer than most of what it computes
        differentiated = (
            torch._C._are_functorch_transforms_active()
            or (torch.is_grad_enabled() and any(x.requires_grad for x in tensors))
            or any(unpack_dual(x).tangent is not None for x in tensors)
        )
        return self if differentiated else self._plain

    def given(self, *numbers: Any) -> list[Array]:
        tensors = [torch.as_tensor(x) for x in numbers]
        for x in tensors:
            if x.dtype == torch.bool or x.dtype.is_complex:
                raise TypeError(f"X and theta should hold real numbers, not {x.dtype}")
        floats = [x.dtype for x in tensors if x.dtype.is_floating_point]
        dtype = floats[0] if floats else torch.get_default_dtype()
        known = [x.device for x in numbers if isinstance(x, torch.Tensor)]
        return [x.to(known[0] if known else x.device, dtype) for x in tensors]

    def finite(self, found: Found, again: Callable[[], Found]) -> Found:
        return found if _AllFinite.apply(*[x.detach() for x in found]) else again()

    def function(self, rule: Rule, value: Function) -> Function:
        def handed_on(saved: Sequence[Array], i: int, g: Array) -> Array:
            *operands, y = saved
            local = self.floats(self.partial(rule, i)(y, *operands), y)
            return self.hand_on(rule, g, local, True)

        class Row(_Mapped):
            @staticmethod
            def forward(*operands: Array) -> Array:
                y = torch.as_tensor(value(*operands))
                return y.to(operands[0]).expand_as(operands[0]).contiguous()

            @staticmethod
            def setup_context(ctx: Any, operands: Any, y: Array) -> None:
                ctx.save_for_backward(*operands, y)
                ctx.save_for_forward(*operands, y)

            @staticmethod
            def backward(ctx: Any, g: Array) -> Any:
                return tuple(
                    handed_on(ctx.saved_tensors, i, g) if needed and rule.takes(i) else None
                    for i, needed in enumerate(ctx.needs_input_grad)
                )

            @staticmethod
            def jvp(ctx: Any, *directions: Array | None) -> Array:
                with _forward_again(ctx) as saved:
                    total = torch.zeros_like(saved[-1])
                    for i, direction in enumerate(directions):
                        if direction is not None and rule.takes(i):
                            total = total + handed_on(saved, i, direction)
                    return total

        def call(*operands: Any) -> Array:
            return Row.apply(*_alike(operands))

        return call

    def times(self, a: Array, b: Array, keeps: Keeps = NEITHER) -> Array:
        return _Times.apply(*_alike((a, b)), keeps)

    def dot(self, a: Array, b: Array, keeps: Keeps = NEITHER) -> Array:
        return _Dot.apply(a, b, keeps)


def _one_by_one(f: Function) -> Function:
    def of_arrays(*arrays: Array) -> Array:
        arrays = torch.broadcast_tensors(*arrays)
        mapped = torch.func.vmap(lambda *x: torch.as_tensor(f(*x)))
        return mapped(*[x.ravel() for x in arrays]).reshape(arrays[0].shape)

    return of_arrays


def _alike(operands: Sequence[Any]) -> list[Array]:
    """The operands as tensors of one shape and one type."""
    like = next(x for x in operands if isinstance(x, torch.Tensor))
    tensors = [torch.as_tensor(x, dtype=like.dtype, device=like.device) for x in operands]
    return list(torch.broadcast_tensors(*tensors))


@contextmanager
def _forward_again(ctx: Any) -> Iterator[list[Array]]:
    """The tensors saved, in a `jvp` that is differentiated forwards itself.

    PyTorch leaves that out: what a `jvp` computes would have no direction of its own, and
    the second derivative would be 0.
    """
    with _set_fwd_grad_enabled(True):
        yield [unpack_dual(x, level=0).primal for x in ctx.saved_tensors]


class _Mapped(Differentiable):
    """A function of tensors of one shape or of matrices, which takes axes in front of them."""

    @classmethod
    def vmap(cls, info: Any, axes: Any, *operands: Any) -> tuple[Array, int]:
        moved = [
            x if not isinstance(x, torch.Tensor)
            else x.expand(info.batch_size, *x.shape) if axis is None
            else x.movedim(axis, 0)
            for x, axis in zip(operands, axes)
        ]  # fmt: skip
        return cls.apply(*moved), 0


class _Product(_Mapped):
    """A bilinear function of a and b, of which `keeps` says where a 0 is kept."""

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, y: Array) -> None:
        a, b, ctx.keeps = inputs
        ctx.save_for_backward(a, b)
        ctx.save_for_forward(a, b)

    @classmethod
    def jvp(cls, ctx: Any, da: Array | None, db: Array | None, _: Any) -> Array:
        keeps_a, keeps_b = ctx.keeps
        with _forward_again(ctx) as (a, b):
            parts = []
            if da is not None:
                parts.append(cls.apply(da, b, (True, keeps_b)))
            if db is not None:
                parts.append(cls.apply(a, db, (keeps_a, True)))
            return sum(parts[1:], parts[0])


class _Times(_Product):
    @staticmethod
    def forward(a: Array, b: Array, keeps: Keeps) -> Array:
        return plain_times(xp, a, b, keeps)

    @staticmethod
    def backward(ctx: Any, g: Array) -> Any:
        (a, b), (keeps_a, keeps_b) = ctx.saved_tensors, ctx.keeps
        return (
            _Times.apply(g, b, (True, keeps_b)) if ctx.needs_input_grad[0] else None,
            _Times.apply(a, g, (keeps_a, True)) if ctx.needs_input_grad[1] else None,
            None,
        )


class _Dot(_Product):
    @staticmethod
    def forward(a: Array, b: Array, keeps: Keeps) -> Array:
        return plain_dot(xp, a, b, keeps)

    @staticmethod
    def backward(ctx: Any, g: Array) -> Any:
        (a, b), (keeps_a, keeps_b) = ctx.saved_tensors, ctx.keeps
        return (
            _Dot.apply(g, b.mT, (True, keeps_b)) if ctx.needs_input_grad[0] else None,
            _Dot.apply(a.mT, g, (keeps_a, True)) if ctx.needs_input_grad[1] else None,
            None,
        )


class _AllFinite(Differentiable):
    """Whether all numbers of some tensors are finite, as one answer for all that are mapped."""

    @staticmethod
    def forward(*tensors: Array) -> Array:
        return torch.isfinite(torch.cat([x.flatten() for x in tensors])).all()

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Array) -> None:
        ctx.mark_non_differentiable(output)

    @staticmethod
    def jvp(ctx: Any, *directions: Any) -> None:
        return None

    @classmethod
    def vmap(cls, info: Any, axes: Any, *tensors: Array) -> tuple[Array, None]:
        return cls.apply(*tensors), None
