"""What has to be said beside a derivative: no value there, a corner, why it is zero."""

from __future__ import annotations

from collections.abc import Iterator
from math import inf, isfinite, isnan, nextafter

from micrograd_es.base.languages import gettext as _
from micrograd_es.engine.algebra import IEEE
from micrograd_es.engine.graph import topological_order
from micrograd_es.engine.ops import Operation
from micrograd_es.engine.value import Value
from micrograd_es.formulas import notation
from micrograd_es.formulas.nodes import Formulas


def without_value(root: Value, formulas: Formulas) -> str:
    """Where the first number that is none arises, if the root has no finite value; else empty."""
    if isfinite(root.data):
        return ""
    first = next(
        node
        for node in topological_order(root)[::-1]
        if (isnan(node.data) if isnan(root.data) else not isfinite(node.data))
    )
    name, where = formulas.name(root).text, formulas.expression(first).numbers
    if isnan(root.data):
        return _(
            "{root} has no value here: {where} is not a real number. "
            "So it has no derivative either."
        ).format(root=name, where=where)
    return _("{root} is not finite here: {where} = {number}.").format(
        root=name, where=where, number=notation.number(first.data)
    )


def corners(root: Value, wrt: Value, formulas: Formulas) -> Iterator[str]:
    """Where the derivative is a convention: a function on the way has a corner just here."""
    above = {wrt}
    for node in topological_order(root)[::-1]:
        if above.isdisjoint(node.parents):
            continue
        above.add(node)
        if not any(p in above and _turns(node, i) for i, p in enumerate(node.parents)):
            continue
        written = formulas.expression(node).text
        if len(node.parents) == 1:
            yield _(
                "{function} has a corner here; by convention its derivative is {partial}."
            ).format(function=written, partial=notation.number(node.partials[0] or 0.0))
        else:
            a, b = (formulas.name(p).text for p in node.parents)
            yield _(
                "{a} and {b} tie in {function}: by convention each gets half of the gradient."
            ).format(a=a, b=b, function=written)


def of_node(node: Value) -> str:
    """What is peculiar to a node: "no_value", "corner" or "tie"; empty if nothing is.

    It has no value where that of each of its operands is a number, and its own is none.
    """
    if isnan(node.data):
        return "" if any(isnan(p.data) for p in node.parents) else "no_value"
    if not any(_turns(node, i) for i in range(len(node.parents))):
        return ""
    return "corner" if len(node.parents) == 1 else "tie"


def _turns(node: Value, index: int) -> bool:
    """Whether the partial is one number to the left and another one to the right."""
    rule, at = node._rule, [p.data for p in node.parents]
    if not isinstance(rule, Operation) or not rule.piecewise or not all(map(isfinite, at)):
        return False
    if node.parents.count(node.parents[index]) > 1:  # max(x, x) is x
        return False
    beside = [[*at[:index], nextafter(at[index], way), *at[index + 1 :]] for way in (-inf, inf)]
    left, right = (IEEE.partial(rule, index)(node.data, *x) for x in beside)
    return bool(left != right)


def zero(node: Value, index: int, formulas: Formulas) -> str:
    """Why the partial by that operand is zero."""
    above, below = formulas.name(node).text, formulas.name(node.parents[index]).text
    operand = notation.number(node.parents[index].data)
    if node.op == "relu":
        return _("{above} is off: {below} = {number} is not above 0").format(
            above=above, below=below, number=operand
        )
    if node.partials[index] is None and not _turns(node, index):
        return _("{above} does not take the branch of {below}").format(above=above, below=below)
    partial = formulas.partial(node, index)
    if partial.text == "0":  # which would be a reason that says nothing
        if node.op == "mul":
            return _("{below} is multiplied by 0").format(below=below)
        return _("{above} does not change, to first order, when {below} does").format(
            above=above, below=below
        )
    return (
        _("{partial} = {symbols} = 0")
        .format(partial=notation.quotient(above, below), symbols=partial.text)
        .replace("= 0 = 0", "= 0")
    )
