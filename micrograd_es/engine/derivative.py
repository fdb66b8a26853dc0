"""`grad`: derivatives as numbers, or as graphs that can be differentiated again."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import isclose, isnan
from typing import Any, overload

from micrograd_es.engine import anomaly
from micrograd_es.engine.algebra import Algebra
from micrograd_es.engine.custom import CustomOperation
from micrograd_es.engine.functions import function, where
from micrograd_es.engine.graph import adjoints_of, topological_order
from micrograd_es.engine.ops import TABLE
from micrograd_es.engine.value import Value


@overload
def grad(output: Value, wrt: Value, create_graph: bool = False) -> Any: ...
@overload
def grad(output: Value, wrt: Iterable[Value], create_graph: bool = False) -> list[Any]: ...
def grad(output: Value, wrt: Value | Iterable[Value], create_graph: bool = False) -> Any:
    """d(output)/d(wrt) as floats; no `.grad` changes.

    Parameters
    ----------
    wrt : Value or iterable of Values
        One derivative for a Value, a list for several; 0.0 for one from which `output`
        was not computed.
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
        graph = _adjoint_graph(output)
        found: list[Any] = [graph[v] if v in graph else Value(0.0) for v in wanted]
    else:
        if anomaly.is_watching():
            anomaly.watch_backward(output)
        adjoints = adjoints_of(output, topological_order(output))
        found = [adjoints.get(v, 0.0) for v in wanted]
    return found[0] if isinstance(wrt, Value) else found


# The algebra of Values: the partials of the table as new graphs.
_VALUES = Algebra({name: function(op) for name, op in TABLE.items()} | {"where": where})


def _partial_graphs(node: Value) -> Sequence[Any]:
    """The local partials of a node as Values; plain numbers where they are constant."""
    rule, operands = node.rule, node.parents
    if isinstance(rule, CustomOperation):
        return rule.partial_graphs(operands)
    if rule.variadic:
        return [_VALUES.partial(rule, 0)(node, *operands)] * len(operands)
    return [
        _VALUES.partial(rule, i)(node, *operands) if rule.takes(i) else None
        for i in range(rule.arity)
    ]


def _adjoint_graph(root: Value) -> dict[Value, Value]:
    """The chain rule of `adjoints_of`, recorded as a graph of its own."""
    order = topological_order(root)
    reached = adjoints_of(root, order)
    adjoints: dict[Value, Value] = {root: Value(1.0)}
    for node in order:
        if node not in adjoints or not node.parents:
            continue
        upstream = adjoints[node]
        for parent, partial, recorded in zip(node.parents, _partial_graphs(node), node.partials):
            if partial is None or (isinstance(partial, float) and partial == 0.0):
                continue
            _check_unchanged(node, float(partial), recorded or 0.0)
            if isinstance(partial, float) and partial == 1.0:
                contribution = upstream
            else:
                contribution = upstream * partial
                # 0 · inf is nan, and a branch that was not taken gives nothing
                if node.rule.piecewise:
                    contribution = where(partial, contribution, 0.0)
                elif node not in reached:
                    contribution = where(upstream, contribution, 0.0)
            adjoints[parent] = (
                adjoints[parent] + contribution if parent in adjoints else contribution
            )
    return adjoints


def _check_unchanged(node: Value, now: float, recorded: float) -> None:
    # A graph of the derivative is made from the operands as they are, and is wrong
    # where one was assigned after the node was made.
    if not isclose(now, recorded, rel_tol=1e-9) and not (isnan(now) and isnan(recorded)):
        raise ValueError(
            f"an operand of {node.op} has been given other data since the graph was recorded; "
            "record it again to differentiate it with create_graph"
        )
