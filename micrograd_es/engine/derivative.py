"""`grad`: derivatives as numbers, or as graphs that can be differentiated again."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import isclose, isnan
from typing import Any, overload

from micrograd_es.engine import anomaly
from micrograd_es.engine.algebra import Algebra
from micrograd_es.engine.custom import CustomOperation
from micrograd_es.engine.functions import function, sum_node, where
from micrograd_es.engine.graph import adjoints_of, topological_order
from micrograd_es.engine.ops import TABLE
from micrograd_es.engine.value import Value, apply


@overload
def grad(output: Value, wrt: Value, create_graph: bool = False) -> Any: ...
@overload
def grad(output: Value, wrt: Iterable[Value], create_graph: bool = False) -> list[Any]: ...
def grad(output: Value, wrt: Value | Iterable[Value], create_graph: bool = False) -> Any:
    """d(output)/d(wrt) as floats; no `.grad` changes.

    Parameters
    ----------
    wrt : Value or iterable of Values
        One derivative for a Value, a list for several; 0.0 for one that is not
        below `output`.
    create_graph : bool
        Give the derivatives as Values, which can be differentiated again.

    Examples
    --------
    >>> x = Value(2.0)
    >>> dy = grad(x**3, x, create_graph=True)
    >>> dy.data, grad(dy, x)
    (12.0, 12.0)
    """
    if not isinstance(output, Value):
        raise TypeError(f"the output of grad is a Value, not {type(output).__name__}")
    wanted = [wrt] if isinstance(wrt, Value) else list(wrt)
    for v in wanted:
        if not isinstance(v, Value):
            raise TypeError(f"grad is taken with respect to Values, not {type(v).__name__}")
    if create_graph:
        graph = _adjoint_graph(output, wanted)
        found: list[Any] = [graph[v] if v in graph else Value(0.0) for v in wanted]
    else:
        if anomaly.is_watching():
            anomaly.watch_backward(output)
        adjoints = adjoints_of(output, topological_order(output))
        found = [adjoints.get(v, 0.0) for v in wanted]
    return found[0] if isinstance(wrt, Value) else found


_WHERE = TABLE["where"]

# The algebra of Values: the partials of the table as new graphs.
_VALUES = Algebra({name: function(op) for name, op in TABLE.items()} | {"where": where})


def _partial_graphs(node: Value, wanted: Sequence[int]) -> list[tuple[int, Any]]:
    """The wanted partials of a node as Values; plain numbers where they are constant."""
    rule, operands = node.rule, node.parents
    if isinstance(rule, CustomOperation):
        partials = rule.partial_graphs(operands)
        return [(i, partials[i]) for i in wanted]
    if rule.variadic:
        partial = _VALUES.partial(rule, 0)(node, *operands)
        return [(i, partial) for i in wanted]
    return [(i, _VALUES.partial(rule, i)(node, *operands)) for i in wanted if rule.takes(i)]


def _adjoint_graph(root: Value, wanted: Iterable[Value]) -> dict[Value, Value]:
    """The chain rule of `adjoints_of`, recorded as a graph of its own.

    A branch that was not taken hands on nothing, and so does all that stands below it; 0
    times an infinite partial would be nan. Which branches are taken differs from sample to
    sample when the graph is replayed. So below a piecewise operation every contribution
    has a condition, which is a node too: whether anything has arrived from above.
    """
    order = topological_order(root)
    leading = {*wanted}
    for node in reversed(order):
        if not leading.isdisjoint(node.parents):
            leading.add(node)
    adjoints, nothing = {root: Value(1.0)}, Value(0.0)
    # of what stands below piecewise operations alone; where one is not 0, something arrives
    conditions: dict[Value, list[Value]] = {}
    always = {root}
    for node in order:
        upstream, parents, partials = adjoints.get(node), node.parents, node.partials
        places = [i for i, parent in enumerate(parents) if parent in leading]
        if upstream is None or not places:
            continue
        arrives = None if node in always else _any(conditions[node])
        for i, partial in _partial_graphs(node, places):
            parent, condition = parents[i], arrives
            _check_unchanged(node, float(partial), partials[i] or 0.0)
            if not isinstance(partial, Value):
                if partial == 0.0:
                    continue
                contribution = upstream if partial == 1.0 else upstream * partial
            elif node.rule.piecewise:
                # an infinite gradient from above times 0 would be nan, too
                contribution = apply(_WHERE, partial, upstream * partial, nothing)
                condition = partial * partial
                if arrives is not None:
                    condition = apply(_WHERE, arrives, condition, nothing)
            else:
                contribution = upstream * partial
                if arrives is not None:
                    contribution = apply(_WHERE, arrives, contribution, nothing)
            if condition is None:
                always.add(parent)
            else:
                conditions.setdefault(parent, []).append(condition)
            known = adjoints.get(parent)
            adjoints[parent] = contribution if known is None else known + contribution
    return adjoints


def _any(conditions: Iterable[Value]) -> Value:
    """A node that is not 0 where one of the conditions, none of them negative, is not."""
    different = tuple(dict.fromkeys(conditions))
    return different[0] if len(different) == 1 else sum_node(different)


def _check_unchanged(node: Value, now: float, recorded: float) -> None:
    # A graph of the derivative is made from the operands as they are, and is wrong
    # where one was assigned after the node was made.
    if now == recorded or isclose(now, recorded, rel_tol=1e-9):
        return
    if not (isnan(now) and isnan(recorded)):
        raise ValueError(
            f"an operand of {node.op} has been given other data since the graph was recorded; "
            "record it again to differentiate it with create_graph"
        )
