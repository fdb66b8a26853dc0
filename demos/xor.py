"""XOR, which no single neuron can compute: four points, a hidden layer, the decision map."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from micrograd_es import MLP, Adam, fit, mse
from micrograd_es.base.files import write_file
from micrograd_es.base.languages import gettext as _
from micrograd_es.formulas.notation import number
from micrograd_es.gallery import load
from micrograd_es.pictures.chart import Points, chart

X = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
Y = np.array([-1.0, 1.0, 1.0, -1.0])


def about() -> str:
    """What the list of demos says."""
    return _("XOR, which no single neuron can compute")


def main(out: Path, quick: bool = False) -> dict[str, Any]:
    """The costs, the four outputs and the picture written into `out`."""
    model = MLP(2, [4, 1], activation="tanh", output="tanh", seed=0)
    costs = fit(model, X, Y, mse, Adam(model.parameters(), lr=0.05), epochs=400)
    outputs = [float(model(x)) for x in X]
    for x, wanted, y in zip(X, Y, outputs):
        print(f"  xor({x[0]:g}, {x[1]:g})   ŷ = {number(wanted):3}   y = {number(y)}")
    picture = chart(
        [
            load("_mapa").decision_map(model, (-0.5, -0.5), (1.5, 1.5)),
            Points(*X[Y < 0].T, label=number(-1), sign=-1),
            Points(*X[Y > 0].T, label=number(1), sign=1),
        ],
        _("XOR: the output between the four points"),
        "x⁽¹⁾",
        "x⁽²⁾",
    )
    path = out / "xor.svg"
    write_file(path, picture)
    print(path.resolve())
    return {"costs": costs, "outputs": outputs, "files": [path]}


if __name__ == "__main__":
    main(Path())
