"""Two moons: micrograd's own demo, with the SVM loss and the decision boundary."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from micrograd_es import MLP, SGD, fit, hinge, plot_boundary
from micrograd_es.base.languages import gettext as _
from micrograd_es.data import moons


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
    accuracy = float(np.mean((model.predict(new) > 0) == (labels > 0)))
    print(_("accuracy on 400 new points: {percent} %").format(percent=f"{100 * accuracy:.1f}"))
    picture = plot_boundary(model, X, y, _("Two moons and the decision boundary"))
    path = out / _("moons.svg")
    picture.save(path)
    print(path.resolve())
    return {"costs": costs, "accuracy": accuracy, "files": [path]}


if __name__ == "__main__":
    main(Path())
