"""A sum of many terms as one Σ: what a person sees in ``a + b + c + d``."""

from __future__ import annotations

from collections import Counter

from micrograd_es.engine.graph import record, topological_order
from micrograd_es.engine.numbers import is_constant
from micrograd_es.engine.ops import TABLE
from micrograd_es.engine.value import Value

_LONG = 4  # terms


def with_long_sums(root: Value) -> Value:
    """The root of the same graph, in which additions of four terms or more are one sum.

    Partial sums that bear a label, or that something else uses too, stay. What stands above
    a sum is made again, with its numbers, gradient and label; the rest is the same nodes, and
    all of them are where there is no such sum.

    Examples
    --------
    >>> a, b, c, d = (Value(x, label) for x, label in zip((1.0, 2.0, 3.0, 4.0), "abcd"))
    >>> f = with_long_sums((a + b + c + d) ** 2)
    >>> f.data, f.parents[0].op, [term.label for term in f.parents[0].parents]
    (100.0, 'sum', ['a', 'b', 'c', 'd'])
    """
    return made_again(root).get(root, root)


def made_again(root: Value) -> dict[Value, Value]:
    """The nodes that are others where long additions are one sum, and those others."""
    nodes = topological_order(root)[::-1]
    users = Counter(p for node in nodes for p in node.parents)
    terms: dict[Value, list[Value]] = {}  # of each addition that may be a part of a larger one
    for node in nodes:
        if node.op == "add":
            first, second = (
                [p] if p.label or users[p] > 1 else terms.pop(p, [p]) for p in node.parents
            )
            first.extend(second)
            terms[node] = first
    made: dict[Value, Value] = {}
    for node in nodes:
        rule, parents, partials = node._rule, node.parents, node.partials
        # the 0 with which sum() begins is no term
        added = tuple(t for t in terms.get(node, ()) if t.data or not is_constant(t))
        if len(added) >= _LONG:
            rule, parents, partials = TABLE["sum"], added, (1.0,) * len(added)
        if rule is not node._rule or not made.keys().isdisjoint(parents):
            parents = tuple(made.get(p, p) for p in parents)
            made[node] = again = record(Value, rule, node.data, parents, partials)
            again.grad, again.label = node.grad, node.label
    return made
