"""The errors of micrograd_es.

Everything that is not listed here is one of Python's own: `TypeError` for what
is not a real number, `OverflowError` for an integer beyond float range and
`ValueError` for shapes, lengths, names and settings.

::

    ValueError
      ├── ModelFormatError        a model file that cannot be what it claims to be
      └── RecordingError          what was recorded for one sample does not hold for another
    FloatingPointError
      └── AnomalyError            a number turned nan or infinite under detect_anomaly()
    AssertionError
      └── GradientError           check_gradient found a derivative that is wrong
    RuntimeError
      └── RendererMissingError    neither `dot` nor pygraphviz is there to draw with
    UserWarning
      ├── ConvergenceWarning      learn() stopped before the cost reached `tol`
      ├── DetachedWarning         a Value became a float, and no gradient goes through it
      └── ElementwiseWarning      a custom operation replays one element at a time
"""

from __future__ import annotations

from typing import Any


class AnomalyError(FloatingPointError):
    """A number turned nan or infinite while `detect_anomaly` was watching.

    Attributes
    ----------
    node : Value or None
        The operation at which it happened.
    sample : int or None
        In a replay, the row of the batch, counted from 0.
    """

    def __init__(self, message: str, node: Any = None, sample: int | None = None) -> None:
        super().__init__(message)
        self.node = node
        self.sample = sample


class ModelFormatError(ValueError):
    """A model file is truncated, damaged, too large or of another shape."""


class RecordingError(ValueError):
    """What was recorded for one sample does not hold for another."""


class GradientError(AssertionError):
    """A derivative and its finite difference do not agree."""


class RendererMissingError(RuntimeError):
    """There is no Graphviz on this machine to draw with."""


class ConvergenceWarning(UserWarning):
    """Training ended before the cost reached the tolerance."""


class DetachedWarning(UserWarning):
    """A Value became a float, and no gradient goes through it.

    It is given once for each line; ``warnings.simplefilter("ignore", DetachedWarning)`` turns it
    off.
    """


class ElementwiseWarning(UserWarning):
    """A custom operation takes no arrays and is replayed element by element."""
