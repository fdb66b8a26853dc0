"""`draw_graph`: the computation graph as a picture, whole or folded."""

from __future__ import annotations

import re
from collections.abc import Iterable
from contextlib import suppress
from copy import copy
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from micrograd_es.base.errors import RendererMissingError
from micrograd_es.base.languages import gettext as _
from micrograd_es.base.languages import ngettext
from micrograd_es.base.palette import LIGHT
from micrograd_es.engine.graph import topological_order
from micrograd_es.engine.numbers import is_constant
from micrograd_es.engine.value import Value
from micrograd_es.formulas.nodes import invented_names
from micrograd_es.formulas.notation import LONGEST_NAME, number, quotient, shown
from micrograd_es.pictures.folding import Fold, Key, fold_graph, gradient_of
from micrograd_es.pictures.look import FONT, html
from micrograd_es.pictures.sums import with_long_sums

if TYPE_CHECKING:
    from micrograd_es.pictures.dot import Graph

MOST_BOXES = 500
_PASSED = 1000  # beyond it Graphviz takes minutes to lead each long edge around the boxes


def draw_graph(
    root: Value, *, limit: int = MOST_BOXES, fold: str | None = None, opened: Iterable[Key] = ()
) -> Graph:
    """The graph below `root`, left to right, as a `graphviz.Digraph`.

    Each value stands in a box with its name, value and gradient, each operation in a small
    node of its own, and a plain number at its edge; a sum of four terms or more is one Σ. A
    dashed edge takes no gradient back: a branch that was not taken, or the exponent of
    ``x ** 2``. A gradient is "—" until ``backward()`` has run: as long as the
    root's own grad is 0, a 0 below it is no gradient.

    Parameters
    ----------
    limit : int
        How many boxes are drawn at most.
    fold : str, optional
        "neuron", "layer" or "sample": draws all that belongs to one of these as one
        box, with its gradient. The nodes' names, as `MLP` and `Net` give them, say
        what belongs where.
    opened : iterable
        Keys of the folds that are drawn open: a layer's number, (layer, neuron), a
        sample's number, or a name such as "inputs", "parameters", "cost".

    Raises
    ------
    ValueError
        There are more than `limit` boxes to draw.

    Examples
    --------
    >>> x = Value(3.0, label="x")
    >>> graph = draw_graph(x * x)
    >>> print("".join(line for line in graph.source.splitlines(True) if "->" in line))
        n0 -> o1 [id=e1_0]
        n0 -> o1 [id=e1_1]
        o1 -> n1 [id=r1]
    """
    if not isinstance(root, Value):
        raise TypeError(f"what is drawn is the graph of a Value, not of {type(root).__name__}")
    root = with_long_sums(root)
    nodes = topological_order(root)[::-1]
    opened = set(opened)
    folds = fold_graph(nodes, fold) if fold is not None else []
    unknown = opened - {f.key for f in folds}
    if unknown:
        raise ValueError(f"there is no fold {min(unknown, key=repr)!r} to open")
    closed = [f for f in folds if f.key not in opened]
    boxes = len(nodes) - sum(len(f.nodes) - 1 for f in closed)
    if boxes > limit:
        raise ValueError(
            f"a graph of {boxes} nodes is beyond limit={limit}: fold it (fold='layer', 'neuron' "
            "or 'sample'), draw a smaller part of it, or raise the limit"
        )
    return _Drawing(root, nodes, folds, closed).graph


def draw_folded(root: Value) -> tuple[Graph, list[Graph]]:
    """The graph folded by neuron, and the inside of each fold, for a page to write numbers into.

    A fold shows the value and the gradient of its output, where it has a single one. An inside
    begins with a point for each edge that arrives at its fold, with the id of that edge after
    "at_", and ends with one for all that leave it, "out" and the fold's place.
    """
    nodes = topological_order(root)[::-1]
    folds = fold_graph(nodes, "neuron")
    drawing = _Drawing(root, nodes, folds, folds, counted=False)
    drawing.graph.graph_attr["ranksep"] = "0.45"  # a page has less room, and writes on no edge
    return drawing.graph, [drawing.inside(i, fold) for i, fold in enumerate(folds)]


def draw_fitting(root: Value) -> Graph:
    """The whole graph; where that is beyond the limit, folded by layer or else by sample.

    Raises
    ------
    ValueError
        It is beyond the limit even so.
    """
    try:
        return draw_graph(root)
    except ValueError as beyond:
        for fold in ("layer", "sample"):
            with suppress(ValueError):
                return draw_graph(root, fold=fold)
        raise beyond from None


class _Drawing:
    """The graph in the DOT language, written once over its nodes in forward order."""

    def __init__(
        self,
        root: Value,
        nodes: list[Value],
        folds: list[Fold],
        closed: list[Fold],
        counted: bool = True,
    ) -> None:
        self._root = root
        self._counted = counted
        self._place = {node: i for i, node in enumerate(nodes)}
        self._names = invented_names(nodes)
        self._closed = {node: i for i, f in enumerate(folds) if f in closed for node in f.nodes}
        self.graph = self._empty(nodes, bool(folds))
        for i, f in enumerate(folds):
            if f in closed:
                self._fold(i, f)
            else:
                with self.graph.subgraph(name=f"cluster{i}") as frame:
                    self._frame(frame, f)
        for i, node in enumerate(nodes):
            if node not in self._closed:
                self._node(i, node)
                self._operation(i, node)
        self._edges_between_folds(nodes)
        self._from_the_top(closed)

    def inside(self, i: int, fold: Fold) -> Graph:
        """A fold that is drawn closed, as a picture of its own."""
        inside = copy(self)
        inside.graph = self._empty(fold.nodes, folded=False)
        inside.graph.graph_attr.update(id=f"inside{i}", pad="0")
        inside._closed = {node: k for node, k in self._closed.items() if k != i}
        own = set(fold.nodes)
        outside = {inside._id(p) for node in fold.nodes for p in node.parents if p not in own}
        starts = sorted(outside, key=lambda id: (id[0], int(id[1:])))
        inside._points("source", {start: f"at_{start}_f{i}" for start in starts})
        inside._points("sink", {"out": f"out{i}"})
        for node in fold.nodes:
            inside._node(self._place[node], node)
            inside._operation(self._place[node], node)
        for output in fold.outputs:
            inside.graph.edge(inside._id(output), "out", id=f"q{self._place[output]}",
                              arrowhead="none")  # fmt: skip
        return inside.graph

    def _points(self, rank: str, ids: dict[str, str]) -> None:
        """Points that have the first or the last column to themselves."""
        with self.graph.subgraph(graph_attr={"rank": rank}) as column:
            for name, id in ids.items():
                column.node(name, "", id=id, shape="point", width="0.05", color=LIGHT["edge"])

    def _empty(self, nodes: list[Value], folded: bool) -> Graph:
        from micrograd_es.pictures.dot import Graph

        large = (
            {"nslimit": "1", "nslimit1": "1", "mclimit": "0.3"} if len(nodes) > MOST_BOXES else {}
        )
        if not folded and _columns_passed(nodes) > _PASSED:
            large |= {"nslimit": "0.01", "mclimit": "0.1", "splines": "line"}
        return Graph(
            "graph",
            graph_attr={"rankdir": "LR", "bgcolor": "transparent",
                        "ranksep": "0.8" if folded else "0.3", "nodesep": "0.18",
                        "fontname": FONT, "fontsize": "13", **large},
            node_attr={"shape": "plain", "fontname": FONT, "fontsize": "12",
                       "fontcolor": LIGHT["ink"]},
            edge_attr={"color": LIGHT["edge"], "arrowsize": "0.7", "fontname": FONT,
                       "fontsize": "11", "fontcolor": LIGHT["edge"]},
        )  # fmt: skip

    def _node(self, i: int, node: Value) -> None:
        if self._is_constant(node):
            text = f'<<FONT COLOR="{LIGHT["value"]}">{number(node.data)}</FONT>>'
            self.graph.node(f"c{i}", text, id=f"c{i}", margin="0.05,0.03", shape="plaintext",
                            width="0", height="0")  # fmt: skip
            self.graph.titles[f"c{i}"] = repr(node.data)
            return
        grad = gradient_of(node, self._root)
        rows = [(_("value"), number(node.data)), (_("grad"), number(grad))]
        name = (
            f"<B>{html(node.label)}</B>" if node.label else _small(html(self._names[node]), "muted")
        )
        self.graph.node(f"n{i}", self._box(name, rows), id=f"n{i}")
        known = "—" if grad is None else repr(grad)
        self.graph.titles[f"n{i}"] = (
            f"{self._name(node)}\n{_('value')} {node.data!r}\n{_('grad')} {known}"
        )

    def _operation(self, i: int, node: Value) -> None:
        if not node.parents:
            return
        graph = self.graph
        sign = node._rule.sign or node.op
        small = len(sign) == 1
        size = {"width": "0.34", "fixedsize": "true"} if small else {"height": "0.3"}
        graph.node(
            f"o{i}", f"<{html(sign) or ' '}>", id=f"o{i}", ordering="in",
            shape="circle" if small else "box", style="filled" if small else "filled,rounded",
            fillcolor=LIGHT["ground"], color=LIGHT["edge"], fontsize="14" if small else "12",
            margin="0.06,0.03", **size,
        )  # fmt: skip
        graph.titles[f"o{i}"] = node.op
        for j, (parent, partial) in enumerate(zip(node.parents, node.partials)):
            style = {"style": "dashed"} if partial is None else {}
            graph.edge(self._id(parent), f"o{i}", id=f"e{i}_{j}", **style)
            result = "" if partial is None else f" = {partial!r}"
            graph.titles[f"e{i}_{j}"] = quotient(self._name(node), self._name(parent)) + result
        graph.edge(f"o{i}", f"n{i}", id=f"r{i}")

    def _fold(self, i: int, fold: Fold) -> None:
        rows, output = [], len(fold.outputs) == 1
        if self._counted:
            nodes = ngettext("{n} node", "{n} nodes", len(fold.nodes)).format(n=len(fold.nodes))
            rows.append(("", nodes))
        if output:
            rows.append((_("value"), number(fold.outputs[0].data)))
        if output or self._counted:
            rows.append((_one_or_norm(fold.outputs), number(fold.gradient(self._root))))
        if self._counted and fold.parameters and len(fold.parameters) < len(fold.nodes):
            norm = number(fold.parameter_gradient(self._root))
            rows.append((_("‖grad w, b‖"), norm))
        self.graph.node(f"f{i}", self._box(f"<B>{html(fold.name)}</B>", rows), id=f"f{i}")
        self.graph.titles[f"f{i}"] = fold.name

    def _frame(self, frame: Any, fold: Fold) -> None:
        title = (
            f'<TABLE BORDER="0" BGCOLOR="{LIGHT["ground"]}"><TR><TD>{fold.name}</TD></TR></TABLE>'
        )
        frame.attr(label=f"<{title}>", style="rounded,dashed", color=LIGHT["edge"],
                   fontcolor=LIGHT["ink"], margin="10")  # fmt: skip
        for node in fold.nodes:
            frame.node(self._id(node))
            if node.parents:
                frame.node(f"o{self._place[node]}")

    def _edges_between_folds(self, nodes: list[Value]) -> None:
        counts: dict[tuple[str, int], int] = {}
        for node in nodes:
            to = self._closed.get(node)
            if to is not None:
                for parent in node.parents:
                    if self._closed.get(parent) != to:
                        pair = (self._id(parent), to)
                        counts[pair] = counts.get(pair, 0) + 1
        for (start, to), n in counts.items():
            self.graph.edge(start, f"f{to}", id=f"{start}_f{to}", penwidth="2")
            self.graph.titles[f"{start}_f{to}"] = f"×{n}"

    def _from_the_top(self, closed: list[Fold]) -> None:
        """Keeps neurons of a layer, and samples, in their order: the first is the highest."""
        for above, below in pairwise(closed):
            if above.column is not None and above.column == below.column:
                with self.graph.subgraph(graph_attr={"rank": "same"}) as column:
                    column.edge(self._id(above.nodes[0]), self._id(below.nodes[0]), style="invis")

    def _id(self, node: Value) -> str:
        fold = self._closed.get(node)
        if fold is not None:
            return f"f{fold}"
        return f"{'c' if self._is_constant(node) else 'n'}{self._place[node]}"

    def _is_constant(self, node: Value) -> bool:
        return is_constant(node) and node is not self._root

    def _name(self, node: Value) -> str:
        return self._names.get(node) or shown(node.label)

    def _box(self, name: str, rows: list[tuple[str, str]]) -> str:
        """An HTML-like label: a name above captions and numbers, the last of them gradients.

        Captions come first in the file, then the numbers, so that the last texts of a
        value's element are its value and its gradient.
        """
        table = '<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="2">'
        captions, numbers = "", ""
        for caption, text in rows:
            value = caption in ("", _("value"))
            kind = "value" if value else "gradient"
            color, soft = LIGHT[kind], LIGHT[f"{kind}-soft"]
            written = html(caption) or " "
            captions += (
                f'<TR><TD ALIGN="LEFT">{_small(written if value else f"<I>{written}</I>", kind)}'
                "</TD></TR>"
            )
            numbers += (
                f'<TR><TD BGCOLOR="{soft}" WIDTH="66"><FONT COLOR="{color}">'
                f"{html(text)}</FONT></TD></TR>"
            )
        # browsers set a long name a little wider than it was measured
        room = 3 + min(len(re.sub("<.*?>", "", name)), LONGEST_NAME) // 4
        body = f"<TR><TD>{table}{captions}</TABLE></TD><TD>{table}{numbers}</TABLE></TD></TR>"
        return (
            f'<<TABLE STYLE="ROUNDED" COLOR="{LIGHT["edge"]}" BGCOLOR="{LIGHT["ground"]}" '
            f'BORDER="1" CELLBORDER="0" CELLSPACING="0" CELLPADDING="3"><TR><TD COLSPAN="2" '
            f'CELLPADDING="{room}">{name}</TD></TR>{body if rows else ""}</TABLE>>'
        )


def _small(text: str, color: str) -> str:
    return f'<FONT COLOR="{LIGHT[color]}" POINT-SIZE="11">{text}</FONT>'


def _columns_passed(nodes: list[Value]) -> int:
    """How many columns all edges pass on their way, as those of a weight used at each step do."""
    column: dict[Value, int] = {}
    passed = 0
    for node in nodes:
        if node.parents:
            before = max(column.get(parent, 0) for parent in node.parents)
            column[node] = before + 1
            # a leaf stands beside its first use
            passed += sum(abs(before - column.setdefault(p, before)) for p in node.parents)
    return passed


def _one_or_norm(outputs: list[Value]) -> str:
    return _("grad") if len(outputs) == 1 else _("‖grad‖")


# -- how a Value shows itself in a notebook --------------------------------------


def _in_notebook(self: Value, include: Any = None, exclude: Any = None) -> dict[str, Any]:
    """The graph beside the plain text; past what can be drawn, why there is none."""
    try:
        graph = draw_fitting(self)
        return {"text/plain": repr(self), **graph._pictures()}
    except (RendererMissingError, ValueError) as error:
        return {"text/plain": f"{self!r}\n{error}"}


setattr(Value, "_repr_mimebundle_", _in_notebook)  # noqa: B010  (engine is a floor below)
