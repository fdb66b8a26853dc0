"""XOR, which no single neuron can compute: four points, a hidden layer, the decision map."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from micrograd_es import MLP, Adam, fit, mse, plot_boundary
from micrograd_es.base.languages import gettext as _
from micrograd_es.formulas.notation import number

X = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
Y = np.array([-1.0, 1.0, 1.0, -1.0])


def about() -> str:
    """What the list of demos says."""
    return _("XOR, which no single neuron can compute")


def main(out: Path, quick: bool = False) -> dict[str, Any]:
    """The costs, the four outputs and the picture written into `out`."""
    model = MLP(2, [4, 1], activation="tanh", output="tanh", seed=0)
    costs = fit(model, X, Y, mse, Adam(model.parameters(), lr=0.05), epochs=400)
    outputs = model.predict(X).tolist()
    for x, wanted, y in zip(X, Y, outputs):
        print(f"  xor({x[0]:g}, {x[1]:g})   ŷ = {number(wanted):3}   y = {number(y)}")
    picture = plot_boundary(model, X, Y, _("XOR: the output between the four points"))
    path = out / "xor.svg"
    picture.save(path)
    print(path.resolve())
    return {"costs": costs, "outputs": outputs, "files": [path]}


if __name__ == "__main__":
    main(Path())
