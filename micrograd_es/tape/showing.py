"""The replay in which it shows that a sum was infinite, as its order alone may have made it.

That has to be known afterwards, and to ask each sum would take longer than some programs do.
So operations see nan in its place, which reaches all that depends on it.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import nan

from micrograd_es.engine.custom import CustomOperation
from micrograd_es.tape.customs import Array
from micrograd_es.tape.library import Derived
from micrograd_es.tape.program import Elementwise, SumStep
from micrograd_es.tape.replay import Arrays, Interpreter


class Showing(Interpreter):
    """A program whose values are finite only if no sum that they depend on left the floats.

    Sums and products hand on what is infinite by themselves. A comparison would hide a nan.
    """

    def applied(self, step: Elementwise, operands: Arrays) -> Array:
        """An operation on its operands, nan where one of them is."""
        y = super().applied(step, operands)
        for k, x in enumerate(operands):
            if isinstance(step.rule, CustomOperation) or not step.rule.takes(k):
                y = self.xp.where(self.xp.isnan(x), nan, y)
        return y

    def seen(self, step: Elementwise | SumStep, y: Array, seen: Arrays) -> Array:
        """Sums as they are, and nan where they are infinite and no term is so by itself."""
        if not isinstance(step, SumStep):
            return y
        odd = 0.0 * y
        for infinite in self._infinite(step, seen):
            odd = self.xp.where(infinite, 0.0, odd)
        return y + self.library.fixed(odd)

    def _infinite(self, step: SumStep, seen: Arrays) -> Iterator[Array]:
        """Where a term of a sum is infinite by itself.

        Of terms that are trained and of factors that is asked only where it is differentiated:
        elsewhere it would take longer than to do again, now and then, what need not be.
        """
        everything, any_ = isinstance(self.library, Derived), self.xp.any
        for product in step.products if everything else ():
            left, right = (self.xp.isinf(self.read(x, seen)) for x in (product.left, product.right))
            if product.matrix:
                left, right = any_(left, axis=1)[:, None], any_(right, axis=0)[None]
                both = left | right
                yield both.reshape(len(step), both.shape[-1])
            else:
                yield any_(left | right, axis=0)
        for rows, trained in step.plain:
            if everything or not trained:  # as the -inf of a mask
                yield any_(self.xp.isinf(self.read(rows, seen)), axis=0)
