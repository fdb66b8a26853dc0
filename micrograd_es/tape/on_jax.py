"""JAX's arrays with the calculus of the table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jax.custom_derivatives import SymbolicZero
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir

from micrograd_es.tape.customs import Array, Function, array_functions
from micrograd_es.tape.library import (
    NEITHER,
    Derived,
    Found,
    Keeps,
    Library,
    Rule,
    others,
    plain_times,
    term_by_term,
)
from micrograd_es.tape.recording import Recording

_apart = getattr(lax, "optimization_barrier", lambda array: array)  # from JAX 0.4.31 on


class _Arrays(Library):
    """The arrays of JAX."""

    def __init__(self, recording: Recording) -> None:
        # the user's functions have to take these arrays; their own errors say so if not
        super().__init__(jnp, array_functions(recording, _one_by_one))

    def floats(self, numbers: Any, like: Array) -> Array:
        return jnp.asarray(numbers, like.dtype)

    def fixed(self, numbers: Array) -> Array:
        return lax.stop_gradient(numbers)

    def scattered(self, d: Array, rows: Any, size: int) -> Array:
        return jnp.zeros((size, *d.shape[1:]), d.dtype).at[rows].add(d)


class Plain(_Arrays):
    """The same, where 0 times infinity is nan in gradients too."""

    def hand_on(self, rule: Rule, g: Array, local: Array, keeps: bool) -> Array:
        return g * local

    def times(self, a: Array, b: Array, keeps: Keeps = NEITHER) -> Array:
        return a * b

    def turned(self, matrix: Array) -> Array:
        # a product that XLA has sum over the first axis of a matrix takes several times as long
        return _apart(matrix.T)

    def dot(self, a: Array, b: Array, keeps: Keeps = NEITHER) -> Array:
        return jnp.matmul(a, b)


class Jax(_Arrays, Derived):
    """The same, where they are differentiated."""

    def __init__(self, recording: Recording) -> None:
        super().__init__(recording)
        self.plain = Plain(recording)

    def given(self, *numbers: Any) -> list[Array]:
        arrays = [jnp.asarray(x) for x in numbers]
        for x in arrays:
            if x.dtype == bool or jnp.issubdtype(x.dtype, jnp.complexfloating):
                raise TypeError(f"X and theta should hold real numbers, not {x.dtype}")
        floats = [x.dtype for x in arrays if jnp.issubdtype(x.dtype, jnp.floating)]
        return [x.astype(floats[0] if floats else jnp.result_type(float)) for x in arrays]

    def finite(self, found: Found, again: Callable[[], Found]) -> Found:
        sound = jnp.all(jnp.stack([jnp.all(jnp.isfinite(x)) for x in found]))
        if not isinstance(sound, jax.core.Tracer):
            return found if sound else again()
        return lax.cond(_in_all.bind(sound), lambda: found, again)  # type: ignore[no-any-return]

    def derived(self, apart: Function) -> Function:
        @jax.custom_jvp
        def f(given: Array, weights: Array) -> Found:
            return apart(given, weights)  # type: ignore[no-any-return]

        @f.defjvp
        def _(numbers: Sequence[Array], directions: Sequence[Array]) -> tuple[Found, Found]:
            (given, weights), (d, dw) = numbers, directions
            slopes = f(given, jnp.ones_like(weights))[1]
            first = jnp.sum(self.times(d, slopes, (True, False)), axis=0)
            second = jnp.broadcast_to(jnp.sum(d, axis=0), d.shape)
            second = self.times(second, jnp.full_like(d, jnp.nan), (True, False))
            return f(given, weights), (first, second + self.times(dw, slopes, (True, False)))

        return f  # type: ignore[no-any-return]

    def function(self, rule: Rule, value: Function) -> Function:
        @jax.custom_jvp
        def f(*operands: Array) -> Array:
            y = jnp.asarray(value(*operands), operands[0].dtype)
            return jnp.broadcast_to(y, jnp.broadcast_shapes(*[x.shape for x in operands]))

        @partial(f.defjvp, symbolic_zeros=True)
        def _(operands: Sequence[Array], directions: Sequence[Any]) -> tuple[Array, Array]:
            y = f(*operands)
            total = jnp.zeros_like(y)
            for i, direction in enumerate(directions):
                if rule.takes(i) and not isinstance(direction, SymbolicZero):
                    local = self.floats(self.partial(rule, i)(y, *operands), y)
                    total = total + self.hand_on(rule, direction, local, True)
            return y, total

        def call(*operands: Any) -> Array:
            dtype = jnp.result_type(*operands)
            return f(*[jnp.asarray(x, dtype) for x in operands])

        return call

    def times(self, a: Array, b: Array, keeps: Keeps = NEITHER) -> Array:
        dtype = jnp.result_type(a, b)
        a, b = jnp.broadcast_arrays(jnp.asarray(a, dtype), jnp.asarray(b, dtype))
        return _times.bind(a, b, keeps=keeps)

    def dot(self, a: Array, b: Array, keeps: Keeps = NEITHER) -> Array:
        return _dot.bind(a, b, keeps=keeps)


def _one_by_one(f: Function) -> Function:
    def of_arrays(*arrays: Array) -> Array:
        alike = jnp.broadcast_arrays(*arrays)
        found = jax.vmap(lambda *x: jnp.asarray(f(*x)))(*[x.ravel() for x in alike])
        return found.reshape(alike[0].shape)

    return of_arrays


# -- products as primitives -------------------------------------------------------------
# They are linear in each operand, in the eyes of JAX. It could not see that of a product
# that asks whether a number is 0.


def _dot_of(a: Array, b: Array, keeps: Keeps) -> Array:
    if not any(keeps):
        return jnp.matmul(a, b)
    finite = [jnp.all(jnp.isfinite(x)) for x in others(a, b, keeps)]
    one_by_one = partial(term_by_term, jnp, keeps=keeps)
    return lax.cond(jnp.all(jnp.stack(finite)), jnp.matmul, one_by_one, a, b)


def _bilinear(name: str, of: Function, shape: Function, turned: Function) -> Primitive:
    """A product as a primitive of JAX.

    Parameters
    ----------
    of, shape : callable
        The product itself, and its shape.
    turned : callable
        An operand as the factor of what arrives at the product, where it is handed on to the
        other one.
    """
    product = Primitive(name)
    product.def_impl(jax.jit(of, static_argnames="keeps"))
    mlir.register_lowering(product, mlir.lower_fun(of, multiple_results=False))

    @product.def_abstract_eval
    def _(a: Any, b: Any, keeps: Keeps) -> Any:
        return jax.core.ShapedArray(shape(a, b), a.dtype)

    def derived(operands: Any, directions: Any, keeps: Keeps) -> Any:
        (a, b), (da, db) = operands, directions
        y, total = product.bind(a, b, keeps=keeps), None
        if type(da) is not ad.Zero:
            total = product.bind(da, b, keeps=(True, keeps[1]))
        if type(db) is not ad.Zero:
            other = product.bind(a, db, keeps=(keeps[0], True))
            total = other if total is None else total + other
        return y, total

    ad.primitive_jvps[product] = derived

    def transposed(g: Array, a: Any, b: Any, keeps: Keeps) -> Any:
        if type(g) is ad.Zero:
            return None, None
        if ad.is_undefined_primal(a):
            return product.bind(g, turned(b), keeps=(True, keeps[1])), None
        return None, product.bind(turned(a), g, keeps=(keeps[0], True))

    ad.primitive_transposes[product] = transposed

    def mapped(operands: Any, axes: Any, keeps: Keeps) -> Any:
        [size] = {x.shape[axis] for x, axis in zip(operands, axes) if axis is not None}
        a, b = (
            jnp.broadcast_to(x, (size, *x.shape)) if axis is None else jnp.moveaxis(x, axis, 0)
            for x, axis in zip(operands, axes)
        )
        return product.bind(a, b, keeps=keeps), 0

    batching.primitive_batchers[product] = mapped
    return product


def _turned(matrices: Array) -> Array:
    return jnp.swapaxes(matrices, -1, -2)


_times = _bilinear("times", partial(plain_times, jnp), lambda a, b: a.shape, lambda x: x)
_dot = _bilinear("dot", _dot_of, lambda a, b: (*a.shape[:-1], b.shape[-1]), _turned)


# Whether something is so in all that are mapped: a condition of one value for all of them stays
# one, and only one of its branches is run.
_in_all = Primitive("in_all")
_in_all.def_impl(lambda holds: holds)
_in_all.def_abstract_eval(lambda holds: holds)
mlir.register_lowering(_in_all, lambda _, holds: [holds])
batching.primitive_batchers[_in_all] = lambda given, axes: (
    _in_all.bind(jnp.all(given[0], axes[0])), None,
)  # fmt: skip
