"""Formulas of a graph: what a node computes and its local partials, in symbols.

Nodes with a label appear under it; the others as the expression that they compute, or
as their number where that would be long.

Examples
--------
>>> from micrograd_es import Value
>>> w, x, b = Value(0.5, label="w"), Value(2.0, label="x"), Value(1.0, label="b")
>>> z = w * x + b
>>> z.label = "z"
>>> formulas = Formulas()
>>> for formula in formulas.expression(z), formulas.partial(z, 0), formulas.partial(z.sigmoid(), 0):
...     print(formula.text)
w · x + b
1
σ'(z)
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from itertools import count

from micrograd_es.base.languages import gettext as _
from micrograd_es.engine.custom import OwnOperation
from micrograd_es.engine.numbers import is_constant
from micrograd_es.engine.value import Value
from micrograd_es.formulas.notation import number, short, subscript
from micrograd_es.formulas.symbols import SYMBOLS, Call, Formula, Number, Symbol, apply, as_formula

LONGEST_FORMULA = 40  # names and numbers in an expression that stands for a node
_DEPTH = 12
_LONGEST_EXPRESSION = 18  # characters of one that is the name of a node


def which(node: Value, index: int) -> tuple[str, int] | None:
    """Which operand an edge leads to where the same node is several: in ``x * x``, factor 1 or 2.

    The partial of such an edge is by that operand alone, and not ∂node/∂x.
    """
    if node.parents.count(node.parents[index]) == 1:
        return None
    return "factor" if node.op == "mul" else "operand", index + 1


def operand(node: Value, index: int) -> str:
    """The same in words and in parentheses, with a space before; else the empty text.

    Examples
    --------
    >>> from micrograd_es import Value, set_language
    >>> set_language("en")
    >>> x = Value(3.0, "x")
    >>> operand(x * x, 1), operand(x * 2, 0)
    (' (factor 2)', '')
    >>> set_language("es")
    """
    found = which(node, index)
    if found is None:
        return ""
    word, k = found
    return f" ({(_('factor {k}') if word == 'factor' else _('operand {k}')).format(k=k)})"


class Expression(str):
    """A name that is what the node computes, as `a·b + c`, and the formula that it was made of."""

    formula: Formula

    def __new__(cls, formula: Formula) -> Expression:
        name = super().__new__(cls, formula.text.replace(" · ", "·"))
        name.formula = formula
        return name


def invented_names(
    nodes: Sequence[Value], wanted: Collection[Value] | None = None
) -> dict[Value, str]:
    """What nodes without a label are called: the last one f, the others by what they compute.

    A plain number is called by its digits. What would be too long, or is called so already,
    is u₁, u₂, … from left to right.

    Parameters
    ----------
    wanted : collection of Value, optional
        Those whose names are asked for, if not all: the search ends with the last of them.

    Examples
    --------
    >>> from micrograd_es import Value
    >>> from micrograd_es.engine.graph import topological_order
    >>> a, b, c = Value(1.0, "a"), Value(2.0, "b"), Value(3.0, "c")
    >>> f = 2 * (a * b + c) ** 2
    >>> list(invented_names(topological_order(f)[::-1]).values())
    ['2', 'a·b', 'a·b + c', '(a·b + c)²', '2', 'f']
    """
    root, labels = nodes[-1], {node.label for node in nodes}
    found: dict[Value, str] = {n: number(n.data) for n in nodes if is_constant(n) and n is not root}
    if not root.label and "f" not in labels:
        found[root] = "f"
    formulas, taken = Formulas(found), {*labels, "f"}
    numbered = (name for k in count(1) if (name := subscript(f"u{k}")) not in labels)
    missing = {n for n in (nodes if wanted is None else wanted) if not n.label and n not in found}
    for node in _from_the_left(nodes) if missing else ():
        if node.label or node in found:
            continue
        expression = _expression(node, formulas)
        found[node] = expression if expression and expression not in taken else next(numbered)
        taken.add(found[node])
        missing.discard(node)
        if not missing:
            break
    return {node: found[node] for node in nodes if node in found}


def _from_the_left(nodes: Sequence[Value]) -> list[Value]:
    column = dict.fromkeys(nodes, 0)
    for node in nodes:
        column[node] = 1 + max((column[p] for p in node.parents), default=-1)
    return sorted(nodes, key=column.__getitem__)


def _expression(node: Value, formulas: Formulas) -> Expression | None:
    """The expression as a name; None where it would be too long, or is a number."""
    if not 0 < len(node.parents) <= _LONGEST_EXPRESSION // 3:
        return None
    formula = formulas.expression(node)
    name = Expression(formula)
    return None if isinstance(formula, Number) or len(name) > _LONGEST_EXPRESSION else name


def names_of(nodes: Sequence[Value]) -> dict[Value, str]:
    """Every node's name: its label as pictures have it, or else an invented one."""
    return {node: short(node.label) for node in nodes} | invented_names(nodes)


class Formulas:
    """The formulas of one graph, with names for nodes that have no label.

    Parameters
    ----------
    names : mapping of Value to str
        They go before labels.
    """

    def __init__(self, names: Mapping[Value, str] | None = None) -> None:
        self._names = names or {}
        self._known: dict[Value, Formula] = {}

    def name(self, node: Value, depth: int = _DEPTH) -> Formula:
        """A symbol where the node has a name, else its expression or its number."""
        if node not in self._known:
            label = self._names.get(node, node.label)
            if label and not is_constant(node):
                self._known[node] = Symbol(label, node.data, node, getattr(label, "formula", None))
            elif not node.parents or depth == 0 or len(node.parents) > LONGEST_FORMULA:
                self._known[node] = Number(node.data)
            else:
                self._known[node] = self.expression(node, depth - 1)
        return self._known[node]

    def expression(self, node: Value, depth: int = _DEPTH) -> Formula:
        """What the node computes from its operands; its name if it is a leaf."""
        rule = node._rule
        if rule is None:
            return self.name(node)
        operands = [self.name(p, depth) for p in node.parents]
        if isinstance(rule, OwnOperation):
            result: Formula = Call(rule.name, _template(rule, len(operands)), tuple(operands), 0.0)
        else:
            result = apply(rule, *operands)
        return (Number(node.data) if result.size > LONGEST_FORMULA else result).valued(node.data)

    def partial(self, node: Value, index: int) -> Formula:
        """∂(node)/∂(operand `index`)."""
        rule, recorded = node._rule, node.partials[index]
        if recorded is None or rule is None:
            return Number(0.0)
        # every operand of a sum has the same partial
        parents = node.parents[:1] if rule.variadic else node.parents
        operands = [self.name(p).valued(p.data) for p in parents]
        if isinstance(rule, OwnOperation):
            template = _template(rule, len(operands))
            return Call(rule.name, template, tuple(operands), recorded, prime=index + 1)
        if rule.primed:
            return Call(rule.name, rule.notation, tuple(operands), recorded, prime=index + 1)
        value = apply(rule, *operands)
        result = as_formula(SYMBOLS.partial(rule, index)(value, *operands))
        return (Number(recorded) if result.size > LONGEST_FORMULA else result).valued(recorded)


def _template(rule: OwnOperation, n: int) -> str:
    """How a user's own function is written: by its name, which is no identifier if a lambda."""
    own = rule.name if rule.name.isidentifier() and rule.name != "lambda" else "f"
    shown = own if len(own) == 1 else rf"\operatorname{{{{{own}}}}}".replace("_", r"\_")
    return f"{shown}({', '.join('{' + c + '}' for c in 'abcdefghijklmnopqrstuvwxyz'[:n])})"
