"""`grad`, `jacobian`, `hessian`: derivatives as numbers, and as graphs to derive again."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import isclose, isnan
from typing import Any, TypeAlias, Union

from micrograd_es.base.arrays import Array
from micrograd_es.engine.algebra import Algebra
from micrograd_es.engine.anomaly import watch_backward
from micrograd_es.engine.custom import CustomOperation, NumbersAlone
from micrograd_es.engine.functions import function, sum_node, where
from micrograd_es.engine.graph import adjoints_of, topological_order
from micrograd_es.engine.nesting import flat, nested
from micrograd_es.engine.ops import TABLE
from micrograd_es.engine.value import Value, apply
from micrograd_es.engine.watching import enable_grad, is_watching

Values: TypeAlias = Union[Value, "Iterable[Values]", Array]

WRT = "derivatives are taken with respect to Values"


def grad(output: Value, wrt: Values, create_graph: bool = False) -> Any:
    """d(output)/d(wrt) as floats; no `.grad` changes.

    Parameters
    ----------
    wrt : Value, or Values in lists, lists of lists, … or in an array of NumPy
        One derivative for a Value, a list nested in the same way for a list, an array of
        the same shape for an array; 0.0 for a Value from which `output` was not computed.
    create_graph : bool
        Give the derivatives as Values, which can be differentiated again.

    Examples
    --------
    >>> x = Value(2.0)
    >>> dy = grad(x**3, x, create_graph=True)
    >>> dy.data, grad(dy, x)
    (12.0, 12.0)
    >>> w = [[Value(1.0), Value(2.0)], [Value(3.0)]]
    >>> grad(w[0][0] * w[1][0] + w[0][1], w)
    [[3.0, 1.0], [1.0]]
    """
    if not isinstance(output, Value):
        raise TypeError(f"the output of grad is a Value, not {type(output).__name__}")
    wrt = nested(wrt, WRT, lambda v: v)  # an iterator can be walked only once
    if create_graph:
        with enable_grad():
            graph = _adjoint_graph(output, flat(wrt, WRT))
        return nested(wrt, WRT, lambda v: graph[v] if v in graph else Value(0.0))
    if is_watching():
        watch_backward(output)
    adjoints = adjoints_of(output, topological_order(output))
    return nested(wrt, WRT, lambda v: adjoints.get(v, 0.0), float)


def jacobian(outputs: Values, wrt: Values) -> list[list[float]]:
    """∂output/∂wrt as rows of floats: one row an output, in it one number a Value of `wrt`.

    Nested lists and arrays count as the Values in them, in their order. Each row is a
    backward pass of its own; no `.grad` changes.

    Returns
    -------
    list of list of float, shape (number of outputs, number of Values in `wrt`)

    Raises
    ------
    TypeError
        `outputs` or `wrt` holds something else than Values.

    Examples
    --------
    >>> r, t = Value(2.0), Value(0.0)
    >>> jacobian([r * t.cos(), r * t.sin()], [r, t])
    [[1.0, 0.0], [0.0, 2.0]]
    """
    wanted = flat(wrt, WRT)
    return [grad(output, wanted) for output in flat(outputs, "the outputs of jacobian are Values")]


def hessian(output: Value, wrt: Values) -> list[list[float]]:
    """∂²output/∂wrt∂wrt as rows of floats; no `.grad` changes.

    Nested lists and arrays count as the Values in them, in their order.

    Returns
    -------
    list of list of float, shape (n, n) for n Values in `wrt`

    Raises
    ------
    TypeError
        `output` is no Value, `wrt` holds something else than Values, or a `custom`
        operation below has a derivative that takes no Values.
    ValueError
        `data` of an operand has been assigned since the graph was recorded.

    Examples
    --------
    >>> x, y = Value(2.0), Value(3.0)
    >>> hessian(x**3 * y, [x, y])
    [[36.0, 12.0], [12.0, 0.0]]
    """
    wanted = flat(wrt, WRT)
    return jacobian(grad(output, wanted, create_graph=True), wanted)


_WHERE = TABLE["where"]

# The algebra of Values: the partials of the table as new graphs.
_VALUES = Algebra({name: function(op) for name, op in TABLE.items()} | {"where": where})


def _partial_graphs(node: Value, wanted: Sequence[int]) -> list[tuple[int, Any]]:
    """The wanted partials of a node as Values; plain numbers where they are constant."""
    rule, operands = node._rule, node.parents
    if isinstance(rule, NumbersAlone):
        raise rule.refused("create_graph")
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
            number = partial._data if isinstance(partial, Value) else float(partial)
            _check_unchanged(node, number, partials[i] or 0.0)
            if not isinstance(partial, Value):
                if partial == 0.0:
                    continue
                contribution = upstream if partial == 1.0 else upstream * partial
            elif node._rule.piecewise:
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
