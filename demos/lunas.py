"""Two moons: micrograd's own demo, with the SVM loss and the decision boundary."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from micrograd_es import MLP, SGD, fit, hinge
from micrograd_es.base.files import write_file
from micrograd_es.base.languages import gettext as _
from micrograd_es.data import moons
from micrograd_es.gallery import load
from micrograd_es.pictures.chart import Points, chart


def about() -> str:
    """What the list of demos says."""
    return _("two moons, told apart by a 2-16-16-1 network")


def main(out: Path, quick: bool = False) -> dict[str, Any]:
    """The costs, the accuracy on new points, and the picture written into `out`."""
    X, y = moons(100, noise=0.1, seed=1)
    model = MLP(2, [16, 16, 1], seed=1337)
    optimizer = SGD(model.parameters(), lr=0.1, momentum=0.9, weight_decay=2e-4)
    costs = fit(model, X, y, hinge, optimizer, epochs=50 if quick else 200)
    new, labels = moons(400, noise=0.1, seed=2)
    accuracy = float(np.mean([(model(x).data > 0) == (t > 0) for x, t in zip(new, labels)]))
    print(_("accuracy on 400 new points: {percent} %").format(percent=f"{100 * accuracy:.1f}"))
    picture = chart(
        [
            load("_mapa").decision_map(model, (-1.5, -1.0), (2.5, 1.5)),
            Points(*X[y < 0].T, label="ŷ = −1", sign=-1),
            Points(*X[y > 0].T, label="ŷ = 1", sign=1),
        ],
        _("Two moons and the decision boundary"),
        "x⁽¹⁾",
        "x⁽²⁾",
    )
    path = out / _("moons.svg")
    write_file(path, picture)
    print(path.resolve())
    return {"costs": costs, "accuracy": accuracy, "files": [path]}


if __name__ == "__main__":
    main(Path())
