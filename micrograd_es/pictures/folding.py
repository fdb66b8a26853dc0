"""Folding: which neuron, layer or sample each node of a graph belongs to.

The nodes' names say it: w₍₁₎⁽²·¹⁾ belongs to neuron 2 of layer 1, x⁽¹⁾ to the inputs.
What has no such name belongs where all that uses it belongs.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from math import hypot, inf
from typing import TypeAlias

from micrograd_es.base.languages import gettext as _
from micrograd_es.engine.value import Value
from micrograd_es.formulas.notation import parsed

FOLDS = ("neuron", "layer", "sample")

# A layer or sample, a group with a name, a neuron.
Key: TypeAlias = "int | str | tuple[int, int]"

_INPUTS, _PARAMETERS, _COST = "inputs", "parameters", "cost"


@dataclass(frozen=True, eq=False)
class Fold:
    """Nodes that are drawn as one.

    Attributes
    ----------
    by : str
        "neuron", "layer" or "sample".
    key : int, str or tuple of int
        A layer's or sample's number, (layer, neuron), or "inputs", "parameters", "cost".
    nodes : list of Value
        In forward order.
    outputs : list of Value
        The nodes that something outside uses.
    """

    by: str
    key: Key
    nodes: list[Value] = field(default_factory=list)
    outputs: list[Value] = field(default_factory=list)

    @property
    def name(self) -> str:
        """What the fold is called in a picture."""
        if isinstance(self.key, tuple):
            return _("layer {l}, neuron {n}").format(l=self.key[0], n=self.key[1])
        if isinstance(self.key, int):
            return (_("layer {n}") if self.by == "layer" else _("sample {n}")).format(n=self.key)
        return {_INPUTS: _("inputs"), _PARAMETERS: _("parameters"), _COST: _("cost")}[self.key]

    @property
    def column(self) -> str | int | None:
        """What is equal for folds that stand side by side: neurons of a layer, and samples."""
        if isinstance(self.key, tuple):
            return self.key[0]
        return "samples" if self.by == "sample" and isinstance(self.key, int) else None

    @property
    def parameters(self) -> list[Value]:
        """Its weights and biases."""
        return [node for node in self.nodes if _is_parameter(node)]

    def gradient(self, root: Value) -> float | None:
        """The gradient of the output, or the norm of the gradients of several."""
        if len(self.outputs) == 1:
            return gradient_of(self.outputs[0], root)
        return _norm(self.outputs, root)

    def parameter_gradient(self, root: Value) -> float | None:
        """The norm of the gradient of the fold's weights and biases."""
        return _norm(self.parameters, root)


def gradient_of(node: Value, root: Value) -> float | None:
    """The node's grad; None where ``root.backward()`` has not run yet.

    After it has, the root's grad is 1. Where that is 0, so is a grad that was not
    computed; another number was left by some other pass.
    """
    return node.grad if node.grad or root.grad else None


def fold_graph(nodes: list[Value], by: str) -> list[Fold]:
    """The folds of a graph; a node that is in none of them stands by itself.

    `nodes` are the whole graph, each after its operands. The root is never folded.

    Raises
    ------
    ValueError
        `by` is no way to fold, or no node bears a name to fold by.

    Examples
    --------
    >>> from micrograd_es import MLP
    >>> from micrograd_es.engine.graph import topological_order
    >>> C = MLP(2, [2, 1], seed=0)([1.0, 2.0]) ** 2
    >>> [(f.key, len(f.nodes)) for f in fold_graph(topological_order(C)[::-1], "layer")]
    [('inputs', 2), (1, 14), (2, 6), ('cost', 1)]
    """
    if by not in FOLDS:
        raise ValueError(f"fold is one of {', '.join(FOLDS)}, not {by!r}")
    own = _samples(nodes) if by == "sample" else _layers(nodes, by)
    if not own:
        raise ValueError(
            "there is nothing to fold by: no node of this graph bears a name such as "
            "w₍₁₎⁽²·¹⁾ or x⁽¹⁾, as MLP and Net give them"
        )
    keys = _spread(nodes, own, None if by == "sample" else _COST)
    folds: dict[Key, Fold] = {}
    for node in nodes[:-1]:
        key = keys.get(node)
        if key is not None:
            folds.setdefault(key, Fold(by, key)).nodes.append(node)
    used_outside = {p for node in nodes for p in node.parents if keys[p] != keys[node]}
    for fold in folds.values():
        outputs = [node for node in fold.nodes if node in used_outside]
        # a number that the cost divides by is no result of the fold it stands in
        fold.outputs.extend([node for node in outputs if node.parents] or outputs)
    return sorted(folds.values(), key=_order)


def _order(fold: Fold) -> tuple[float, ...]:
    if isinstance(fold.key, str):
        return (inf,) if fold.key == _COST else (0,)
    return fold.key if isinstance(fold.key, tuple) else (fold.key,)


def _spread(nodes: list[Value], own: dict[Value, Key], top: Key | None) -> dict[Value, Key | None]:
    """Every node's key: its own, else the one that all its users have."""
    keys: dict[Value, Key | None] = {}
    users: dict[Value, set[Key | None]] = {}
    for node in reversed(nodes):
        above = users.pop(node, {top})
        keys[node] = own.get(node, above.pop() if len(above) == 1 else None)
        for parent in node.parents:
            users.setdefault(parent, set()).add(keys[node])
    keys[nodes[-1]] = None
    return keys


def _place(node: Value) -> tuple[str, int, int]:
    """Symbol, layer and neuron that the label names; "" and 0 where it does not."""
    name = parsed(node.label)
    if name is None or not name.indices:
        return "", 0, 0
    return name.symbol, int(name.layer or 0), int(name.indices[0])


def _is_parameter(node: Value) -> bool:
    return not node.parents and _place(node)[0] in ("w", "b")


def _layers(nodes: list[Value], by: str) -> dict[Value, Key]:
    names = {node: _place(node) for node in nodes}
    last = max((layer for _symbol, layer, _n in names.values()), default=0)
    own: dict[Value, Key] = {}
    for node, (symbol, layer, n) in names.items():
        if symbol == "x" and not layer:
            own[node] = _INPUTS
        elif layer or (symbol == "y" and last):
            layer = layer or last
            own[node] = (layer, n) if by == "neuron" else layer
    return own


def _samples(nodes: list[Value]) -> dict[Value, Key]:
    """The sample of all that depends on one sample's inputs, and on no other's.

    Two inputs are of one sample where one neuron takes both. What depends on no inputs
    but on parameters, such as the sum of their squares, stands with these.
    """
    same: dict[Value, Value] = {}

    def first(node: Value) -> Value:
        while same[node] is not node:
            same[node] = node = same[same[node]]
        return node

    inputs: dict[Value, set[Value]] = {}
    own: dict[Value, Key] = {}
    for node in nodes:
        symbol = _place(node)[0]
        below = {first(x) for parent in node.parents for x in inputs.get(parent, ())}
        if not node.parents and symbol == "x":
            same[node] = node
            below = {node}
        elif symbol in ("z", "a", "y") and below:
            one, *others = below
            for other in others:
                same[first(other)] = first(one)
            below = {first(one)}
        if below:
            inputs[node] = below
        elif _is_parameter(node) or any(parent in own for parent in node.parents):
            own[node] = _PARAMETERS
    numbers: dict[Value, int] = {}
    for node in reversed(nodes):  # in which order the first operand comes first
        samples = {first(x) for x in inputs.get(node, ())}
        if len(samples) == 1:
            own[node] = numbers.setdefault(samples.pop(), len(numbers) + 1)
    return own if numbers else {}


def _norm(nodes: Iterable[Value], root: Value) -> float | None:
    grads = [gradient_of(node, root) for node in nodes]
    known = [g for g in grads if g is not None]
    return hypot(*known) if len(known) == len(grads) else None
