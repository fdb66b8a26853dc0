"""`draw_network`: the neurons of a network in columns, joined by their weights."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite, sqrt
from typing import TYPE_CHECKING, Any

from micrograd_es.base.languages import gettext as _
from micrograd_es.base.languages import ngettext
from micrograd_es.base.palette import LIGHT
from micrograd_es.formulas.notation import name, number
from micrograd_es.nn.modules import MLP, Neuron
from micrograd_es.pictures.look import FONT, html

if TYPE_CHECKING:
    from micrograd_es.nn.net import Net
    from micrograd_es.pictures.dot import Graph

MOST_NEURONS = 8  # neurons of a layer that are drawn
_WRITTEN = 3  # the widest layer at which each weight is written on its line

# In points: a neuron's radius, a line of text, the straight part of a line under the weight that
# is written on it, what it takes to come there, and from there, or without it, to the next column.
_RADIUS, _TEXT, _TAG, _FAN, _GAP, _ARROW = 24, 20, 124, 44, 142, 7


@dataclass
class _Layer:
    """One layer's numbers: `weights[n][m]` joins neuron m before it to its neuron n."""

    activation: str
    weights: list[list[float]]
    names: list[list[str]]
    biases: list[list[str]]


def draw_network(network: Net | MLP, *, limit: int = MOST_NEURONS) -> Graph:
    """The network of neurons and weights, left to right, as a `graphviz.Digraph`.

    A line's width is the weight's size beside the largest of the network's; a negative
    weight is dashed and violet, a positive one solid and teal. Small networks have each
    weight written above its line, and each bias below its neuron; in any, a line and a neuron
    say them when pointed at.

    Parameters
    ----------
    limit : int
        How many neurons of a layer are drawn; of a wider one, the first and the last.

    Examples
    --------
    >>> graph = draw_network(MLP(2, [2, 1], seed=0))
    >>> graph.source.count("->")
    6
    """
    if limit < 2:
        raise ValueError(f"limit is at least 2, not {limit}")
    if isinstance(network, MLP):
        layers = _of_mlp(network)
    elif hasattr(network, "grad_C_W"):  # a Net, of which only its arrays are needed here
        layers = _of_net(network)
    else:
        raise TypeError(f"a network is an MLP or a Net, not {type(network).__name__}")
    return _Picture(layers, limit).graph


def _of_mlp(mlp: MLP) -> list[_Layer]:
    layers = []
    for l, layer in enumerate(mlp.layers, 1):  # noqa: E741
        neurons = getattr(layer, "neurons", [None])
        if not all(isinstance(neuron, Neuron) for neuron in neurons):
            raise ValueError(f"there are no neurons with weights to draw in layer {l}: {layer!r}")
        layers.append(
            _Layer(
                neurons[0].activation,
                [[w.data for w in neuron.w] for neuron in neurons],
                [[name("w", n, m, layer=l) for m in range(1, len(neuron.w) + 1)]
                 for n, neuron in enumerate(neurons, 1)],
                [[f"{name('b', n, layer=l)} = {number(neuron.b.data)}"]
                 for n, neuron in enumerate(neurons, 1)],
            )
        )  # fmt: skip
    return layers


def _of_net(net: Net) -> list[_Layer]:
    activation = getattr(net.g, "__name__", "g")
    layers = []
    for l in range(net.L):  # noqa: E741
        W, B, own = net.W[:, l].tolist(), net.B[:, l].tolist(), range(1, net.N + 1)
        one = net.form == "mean-input"  # of a neuron's one weight every input has its part
        names = [[name("w", n, *(() if one else (m,)), layer=l + 1) for m in own] for n in own]
        biases = [
            [f"{name('b', n, *i, layer=l + 1)} = {number(b)}" for i, b in _numbered(of_neuron)]
            for n, of_neuron in enumerate(B, 1)
        ]
        weights = [[w] * net.N for w in W] if one else W
        layers.append(_Layer(activation, weights, names, biases))
    return layers


def _spoken(activation: str) -> str:
    """What an activation is called in the language chosen."""
    return {"linear": _("linear"), "sigmoid": _("sigmoid")}.get(activation, activation)


def _numbered(biases: Any) -> list[tuple[tuple[int, ...], float]]:
    """The biases of one neuron: one, or one for each input, counted from 1."""
    if isinstance(biases, list):
        return [((i,), b) for i, b in enumerate(biases, 1)]
    return [((), biases)]


def _rows(size: int, limit: int) -> list[int | None]:
    """The neurons that are drawn, from the top; None for those that are left out."""
    if size <= limit:
        return list(range(1, size + 1))
    return [*range(1, limit), None, size]


class _Picture:
    """Columns of neurons, each element at its own place."""

    def __init__(self, layers: list[_Layer], limit: int) -> None:
        from micrograd_es.pictures.dot import Graph

        self._layers = layers
        self._sizes = [len(layers[0].weights[0]), *(len(layer.weights) for layer in layers)]
        self._rows = [_rows(size, limit) for size in self._sizes]
        self._most = max(map(len, self._rows))
        self._written = max(self._sizes) <= min(_WRITTEN, limit)
        lines = max(len(biases) for layer in layers for biases in layer.biases)
        self._step = 2 * _RADIUS + _TEXT * (lines + 1 if self._written else 1)
        self._gap = 2 * _RADIUS + _GAP + (_FAN + _TAG if self._written else 0)
        weights = [w for layer in layers for row in layer.weights for w in row]
        self._largest = max((abs(w) for w in weights if isfinite(w)), default=0.0) or 1.0
        self.graph = Graph(
            "network",
            engine="neato",
            # places and lines are taken as they are given
            graph_attr={"bgcolor": "transparent", "layout": "nop2", "outputorder": "edgesfirst"},
            node_attr={"fontname": FONT, "fontsize": "14", "shape": "plain",
                       "fontcolor": LIGHT["ink"]},
            edge_attr={"arrowsize": "0.7", "arrowhead": "normal" if self._written else "none"},
        )  # fmt: skip
        for column in range(len(self._sizes)):
            self._column(column)
        self._key()

    def _height(self, column: int, row: int) -> float:
        return ((len(self._rows[column]) - 1) / 2 - row) * self._step

    def _column(self, column: int) -> None:
        x = column * self._gap
        title = _("layer {n}").format(n=column) if column else _("inputs")
        activation = _spoken(self._layers[column - 1].activation) if column else ""
        top = (self._most - 1) / 2 * self._step + _RADIUS + 1.6 * _TEXT
        self._text(f"t{column}", x, top, title, activation)
        for row, n in enumerate(self._rows[column]):
            if n is None:
                more = self._sizes[column] - len(self._rows[column]) + 1
                text = ngettext("{n} more", "{n} more", more).format(n=more)
                self._text(f"m{column}", x, self._height(column, row), "⋮", text)
            else:
                self._neuron(column, row, n)

    def _neuron(self, column: int, row: int, n: int) -> None:
        x, y = column * self._gap, self._height(column, row)
        if column in (0, len(self._layers)):
            label = name("y" if column else "x", n)
        else:
            label = name("a", n, layer=column)
        id = f"n{column}_{n}"
        self.graph.node(
            id, f"<{label}>", id=id, pos=_point(x, y), shape="circle", fixedsize="true",
            width=f"{2 * _RADIUS / 72:.4f}", style="filled", fillcolor=LIGHT["value-soft"],
            color=LIGHT["value"], penwidth="1.5",
        )  # fmt: skip
        biases = self._layers[column - 1].biases[n - 1] if column else []
        self.graph.titles[id] = "\n".join([label, *biases])
        if self._written and biases:
            self._text(f"b{column}_{n}", x, y - _RADIUS - _TEXT * len(biases) / 2, *biases)
        for before, m in enumerate(self._rows[column - 1] if column else []):
            if m is not None:
                self._weight(column, row, n, before, m)

    def _weight(self, column: int, row: int, n: int, before: int, m: int) -> None:
        layer = self._layers[column - 1]
        w = layer.weights[n - 1][m - 1]
        id, text = f"w{column}_{n}_{m}", f"{layer.names[n - 1][m - 1]} = {number(w)}"
        size = abs(w) / self._largest if isfinite(w) else 0.0
        way, place = self._way(column, before, row)
        self.graph.edge(
            f"n{column - 1}_{m}", f"n{column}_{n}", id=id, pos=way,
            penwidth=f"{0.5 + 3 * size:.3g}", style="dashed" if w < 0 else "solid",
            color=LIGHT["negative" if w < 0 else "positive"],
        )  # fmt: skip
        self.graph.titles[id] = text
        if self._written:
            self._text(f"t{id}", *place, text)

    def _way(self, column: int, before: int, row: int) -> tuple[str, tuple[float, float]]:
        """The line between two neurons of neighbouring columns, and where its weight is written.

        Neither comes from above or below, where a neuron's texts stand.
        """
        x, next_x = (column - 1) * self._gap, column * self._gap
        of_next, of_those = len(self._rows[column]), len(self._rows[column - 1])
        aside, next_aside = (of_next - 1) / 2 - row, (of_those - 1) / 2 - before
        y, next_y = self._height(column - 1, before), self._height(column, row)
        start = _at_side(x, y, aside / of_next, 1)
        end = _at_side(next_x, next_y, next_aside / of_those, -1)
        if not self._written:
            return f"{_point(*start)} {_point(*start)} {_point(*end)} {_point(*end)}", start
        first, track = x + _RADIUS + _FAN, y + aside * _TEXT
        last = first + _TAG
        tip = end[0] - _ARROW
        points = [
            start, (x + _RADIUS + _FAN / 2, start[1]), (x + _RADIUS + _FAN / 2, track),
            (first, track), (first, track), (last, track),
            (last, track), (last + _GAP / 2, track), (tip - _GAP / 2, end[1]), (tip, end[1]),
        ]  # fmt: skip
        way = " ".join(_point(*point) for point in points)
        return f"e,{_point(*end)} {way}", (first + _TAG / 2, track + 0.45 * _TEXT)

    def _key(self) -> None:
        middle, below = len(self._layers) / 2 * self._gap, -(self._most + 1) / 2 * self._step
        cells = "".join(
            f'<TD><FONT COLOR="{LIGHT[sign]}">{line}</FONT></TD><TD>{_small(text)}</TD>'
            for sign, line, text in (
                ("positive", "━━", _("positive weight")), ("negative", "╍╍", _("negative weight"))
            )
        )  # fmt: skip
        self._table("key", middle, below, f"<TR>{cells}</TR>", apart=8)

    def _text(self, id: str, x: float, y: float, *lines: str) -> None:
        rows = "".join(f"<TR><TD>{_small(html(line))}</TD></TR>" for line in lines if line)
        self._table(id, x, y, rows)

    def _table(self, id: str, x: float, y: float, rows: str, apart: int = 0) -> None:
        table = f'<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="{apart}" CELLPADDING="2">'
        self.graph.node(id, f"<{table}{rows}</TABLE>>", id=id, pos=_point(x, y))


def _small(text: str) -> str:
    return f'<FONT POINT-SIZE="11">{text}</FONT>'


def _point(x: float, y: float) -> str:
    return f"{x:.6g},{y:.6g}"


def _at_side(x: float, y: float, share: float, side: int) -> tuple[float, float]:
    """Where a line meets a neuron: on its right or left side, spread over half of its height."""
    up = _RADIUS * share
    return x + side * sqrt(_RADIUS**2 - up**2), y + up
