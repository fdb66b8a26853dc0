"""The notes' network of two layers of two neurons: trained, drawn, explained and checked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from micrograd_es import BackwardPass, Net, draw_graph, draw_network, explain, sum_squares
from micrograd_es.base.files import write_file
from micrograd_es.base.languages import gettext as _
from micrograd_es.formulas.notation import number
from micrograd_es.pictures.chart import Line, chart

X = [1.0, 0.5]
Y = [0.0, 1.0]


def about() -> str:
    """What the list of demos says."""
    return _("the notes' 2-2-2 network: trained, drawn, explained and checked")


def main(out: Path, quick: bool = False) -> dict[str, Any]:
    """The costs, the gradient and its finite difference, and the files written into `out`."""
    net = Net(2, L=2, lr=1.0, C=sum_squares, seed=1)
    print(
        _("The notes' network: 2 inputs, 2 layers of 2 neurons, x = {x}, ŷ = {y}").format(x=X, y=Y)
    )

    pattern = net.graph(X, Y)
    files = [
        _written(out / _("graph-before.svg"), draw_graph(pattern.cost).svg()),
    ]
    pattern.cost.backward()
    files += [
        _written(out / _("graph-after.svg"), draw_graph(pattern.cost).svg()),
    ]
    page = out / _("backpropagation.html")
    BackwardPass(pattern.cost).save_html(page)

    weight = pattern.W[1, 0, 0]
    print("\n" + _("One of its derivatives, by every path from the weight to the cost:") + "\n")
    print(explain(pattern.cost, weight).text)
    step = 1e-6
    difference = (_cost(net, step) - _cost(net, -step)) / (2 * step)
    print(
        "\n"
        + _("finite difference {a}, gradient {b}").format(
            a=number(difference), b=number(weight.grad)
        )
    )

    print("\n" + _("Training until C ≤ {tol}…").format(tol=0.01))
    before = net.predict(X)
    costs = net.learn(X, Y, tol=0.01)
    after = net.predict(X)
    print(
        _("C went from {a} to {b} in {n} epochs").format(
            a=number(costs[0]), b=number(costs[-1]), n=len(costs) - 1
        )
    )
    print(
        _("before: y = ({before}); after: y = ({after}); wanted: ŷ = ({wanted})").format(
            before="; ".join(map(number, before)),
            after="; ".join(map(number, after)),
            wanted="; ".join(map(number, Y)),
        )
    )
    curve = chart(
        [Line(range(len(costs)), costs)], _("The cost, epoch by epoch"), _("epoch"), "C", log_y=True
    )
    files += [
        _written(out / _("trained-network.svg"), draw_network(net).svg()),
        _written(out / _("cost.svg"), curve),
        page,
    ]
    print("\n" + _("Everything is in {folder}:").format(folder=out.resolve()))
    widest = max(len(path.name) for path in files)
    for path, what in zip(files, _captions()):
        print(f"  {path.name:{widest}}  {what}")
    return {
        "costs": costs,
        "gradient": weight.grad,
        "difference": difference,
        "prediction": after,
        "files": files,
    }


def _captions() -> list[str]:
    return [
        _("the graph before the backward pass"),
        _("and after it, with every gradient"),
        _("the trained network"),
        _("the training curve"),
        _("the backward pass, step by step (open it in a browser)"),
    ]


def _cost(net: Net, shift: float) -> float:
    """C where w₍₁₎⁽²·¹⁾ is moved a little: the notes' own arithmetic, no graph."""
    W = net.W.copy()
    W[1, 0, 0] += shift
    a = np.array(X)
    for layer in range(net.L):
        a = 1 / (1 + np.exp(-(W[:, layer] @ a + net.B[:, layer])))
    return float(np.sum((a - Y) ** 2))


def _written(path: Path, text: str) -> Path:
    write_file(path, text)
    return path


if __name__ == "__main__":
    main(Path())
