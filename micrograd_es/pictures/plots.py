"""Pictures of a training: its costs, and what a model of two inputs says of the plane."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from os import PathLike
from typing import Any

from micrograd_es.base.arrays import as_array, needing
from micrograd_es.base.errors import RendererMissingError
from micrograd_es.base.files import write_file
from micrograd_es.base.languages import gettext as _
from micrograd_es.pictures.chart import Cells, Layer, Line, Points, chart

_CELLS = 60  # in each direction


class Picture:
    """A picture that shows itself in a notebook.

    Attributes
    ----------
    svg : str
        An SVG document.
    """

    def __init__(self, svg: str) -> None:
        self.svg = svg

    def save(self, path: str | PathLike[str]) -> None:
        """Writes the SVG into a file."""
        write_file(path, self.svg)

    def __repr__(self) -> str:
        return f"<{type(self).__name__}, {len(self.svg)} characters of SVG>"

    def _repr_svg_(self) -> str:
        return self.svg

    def _repr_png_(self) -> bytes | None:
        """For a notebook that is not trusted with SVG; nothing where there is no Graphviz."""
        from micrograd_es.pictures.still import still

        with suppress(RendererMissingError):
            return still(self.svg).png()
        return None


def plot_costs(history: Sequence[float]) -> Picture:
    """A picture of the costs of a training, epoch by epoch; of those held out, too.

    Their axis is logarithmic where none of them is 0 or below.

    Parameters
    ----------
    history : History or sequence of float
        What `fit` or `Net.learn` gave.

    Examples
    --------
    >>> plot_costs([1.0, 0.1, 0.01]).svg[:4]
    '<svg'
    """
    costs = [float(cost) for cost in history]
    if not costs:
        raise ValueError("a training without epochs has no costs to show")
    held_out: list[float] = getattr(history, "held_out", [])
    lines = [Line(range(1, len(costs) + 1), costs, _("trained on") if held_out else "")]
    if held_out:
        lines.append(Line(range(1, len(held_out) + 1), held_out, _("held out")))
    positive = all(y > 0 for line in lines for y in line.y)
    return Picture(chart(lines, _("The cost, epoch by epoch"), _("epoch"), "C", log_y=positive))


def plot_boundary(model: Any, X: Any, y: Any, title: str = "") -> Picture:
    """A picture of the plane as a model of two inputs divides it, with the samples on it.

    Parameters
    ----------
    model : Module
        With one output, whose sides are the two classes' numbers; or with two, the scores
        of the classes 0 and 1.
    X : shape (n, 2)
    y : shape (n,)
        Two classes: -1 and 1, or 0 and 1. The boundary is halfway between them.

    Raises
    ------
    ValueError
        X or y has another shape, or there are other classes.

    Examples
    --------
    >>> from micrograd_es.data import moons
    >>> from micrograd_es import MLP
    >>> plot_boundary(MLP(2, [4, 1], seed=0), *moons(20)).svg[:4]
    '<svg'
    """
    with needing("plot_boundary"):
        import numpy as np

    points, classes = as_array(X, "X"), as_array(y, "y")
    if points.ndim != 2 or points.shape[1] != 2 or not len(points):
        raise ValueError(f"X should have shape (n, 2), with n above 0, not {points.shape}")
    if classes.shape != points.shape[:1]:
        raise ValueError(f"y should have shape ({len(points)},), not {classes.shape}")
    known = set(classes.tolist())
    if not (known <= {-1.0, 1.0} or known <= {0.0, 1.0}):
        raise ValueError(f"the classes are -1 and 1, or 0 and 1, not {sorted(known)}")
    low = -1.0 if -1.0 in known else 0.0
    margin = 0.1 * np.ptp(points, axis=0) + 0.1
    (x0, y0), (x1, y1) = points.min(axis=0) - margin, points.max(axis=0) + margin
    # the middles of the cells
    shares = (np.arange(_CELLS) + 0.5) / _CELLS
    across, up = np.meshgrid(x0 + (x1 - x0) * shares, y0 + (y1 - y0) * shares)
    found = model.predict(np.column_stack([across.ravel(), up.ravel()]))
    if found.ndim == 2 and found.shape[1] == 2:
        found = np.tanh((found[:, 1] - found[:, 0]) / 2)
    elif found.ndim == 1:
        found = np.tanh(found) if low < 0 else 2 * found - 1
    else:
        raise ValueError(f"the model has one or two outputs, not {found.shape[1:]}")
    layers: list[Layer] = [
        Cells(float(x0), float(x1), float(y0), float(y1), found.reshape(_CELLS, _CELLS))
    ]
    for sign, number in ((-1, low), (1, 1.0)):
        these = points[classes == number]
        label = f"ŷ = {number:.0f}".replace("-", "−")
        layers.append(Points(these[:, 0].tolist(), these[:, 1].tolist(), label, sign))
    title = title or _("The plane, as the model divides it")
    return Picture(chart(layers, title, "x⁽¹⁾", "x⁽²⁾"))
