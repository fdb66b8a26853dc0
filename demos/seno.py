"""A sine from noisy points: what a small network of tanh neurons makes of a curve."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from micrograd_es import MLP, Adam, fit, mse
from micrograd_es.base.files import write_file
from micrograd_es.base.languages import gettext as _
from micrograd_es.formulas.notation import number
from micrograd_es.pictures.chart import Line, Points, chart


def about() -> str:
    """What the list of demos says."""
    return _("a sine, fitted to noisy points")


def main(out: Path, quick: bool = False) -> dict[str, Any]:
    """The costs, the mean error against the true curve, and the picture written into `out`."""
    random = np.random.default_rng(0)
    x = np.sort(random.uniform(-np.pi, np.pi, 80))
    y = np.sin(x) + 0.1 * random.standard_normal(80)
    model = MLP(1, [8, 8, 1], activation="tanh", seed=0)
    costs = fit(
        model, x[:, None], y, mse, Adam(model.parameters(), lr=0.01),
        epochs=300 if quick else 1500, batch_size=20, seed=0,
    )  # fmt: skip
    line = np.linspace(-np.pi, np.pi, 200)
    fitted = np.array([float(model([v])) for v in line])
    error = float(np.sqrt(np.mean((fitted - np.sin(line)) ** 2)))
    print(_("distance to the true sine (root mean square): {error}").format(error=number(error)))
    picture = chart(
        [
            Points(x, y, label=_("noisy points")),
            Line(line, fitted, label=_("network")),
            Line(line, np.sin(line), label=_("sine")),
        ],
        _("A sine from 80 noisy points"),
        "x",
        "y",
    )
    path = out / _("sine.svg")
    write_file(path, picture)
    print(path.resolve())
    return {"costs": costs, "error": error, "files": [path]}


if __name__ == "__main__":
    main(Path())
