"""What a training leaves behind: its costs, and how it ended."""

from __future__ import annotations


class History(list[float]):
    """The costs of a training.

    `fit` gives one for each epoch: the mean over the samples, each as its update met it. Of
    `Net.learn` the first is from before any update, and one follows each.

    Attributes
    ----------
    held_out : list of float
        The costs of the held-out samples after each epoch, where there are any.
    metrics : dict of list of float
        What each metric was after each epoch, of the held-out samples if there are any.
    converged : bool
        Whether `Net.learn` reached its tolerance.
    stopped_early : bool
        Whether `patience` ended the training.
    interrupted : bool
        Whether Ctrl-C did.
    """

    def __init__(self) -> None:
        super().__init__()
        self.held_out: list[float] = []
        self.metrics: dict[str, list[float]] = {}
        self.converged = False
        self.stopped_early = False
        self.interrupted = False

    def _repr_svg_(self) -> str | None:
        """Its curve, for a notebook."""
        from micrograd_es.pictures.plots import plot_costs

        return plot_costs(self).svg if self else None

    def _repr_png_(self) -> bytes | None:
        from micrograd_es.pictures.plots import plot_costs

        return plot_costs(self)._repr_png_() if self else None
