"""What a training is judged by beside its cost: a share of right classes, a user's function."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias

from micrograd_es.base.arrays import Array
from micrograd_es.nn.losses import binary_cross_entropy_with_logits

Metric: TypeAlias = Callable[[Array, Array], Any]


def metrics_by_name(metrics: Any, loss: Any) -> dict[str, Metric]:
    """Functions of predictions and targets by their names.

    Parameters
    ----------
    metrics : None, str, callable, mapping or iterable of such
        "accuracy", a function, or functions by the names that they are to have.
    """
    if metrics is None:
        return {}
    if isinstance(metrics, str):
        if metrics != "accuracy":
            raise ValueError(f'a metric is "accuracy" or a function, not {metrics!r}')
        takes_scores = loss is binary_cross_entropy_with_logits
        return {metrics: _accuracy_of_scores if takes_scores else accuracy}
    if isinstance(metrics, Mapping):
        named = {str(key): metrics_by_name(m, loss) for key, m in metrics.items()}
        return {key: m for key, found in named.items() for m in found.values()}
    if callable(metrics):
        return {getattr(metrics, "__name__", type(metrics).__name__): metrics}
    if not isinstance(metrics, Iterable):
        raise TypeError(f'a metric is "accuracy" or a function, not {type(metrics).__name__}')
    return {name: f for metric in metrics for name, f in metrics_by_name(metric, loss).items()}


def accuracy(predictions: Array, targets: Array) -> float:
    """The share of samples, from 0 to 1, whose class is told right.

    Several outputs tell the class whose is the largest; one tells the upper of two classes
    where it is above the middle between both: 0 for -1 and 1, 0.5 for 0 and 1.

    Parameters
    ----------
    predictions : shape (n,) or (n, outputs)
    targets : shape (n,) or (n, outputs)
        Classes, or 1 at the class of each and 0 elsewhere.

    Examples
    --------
    >>> import numpy as np
    >>> accuracy(np.array([0.2, 0.9, 0.4]), np.array([0.0, 1.0, 1.0]))
    0.6666666666666666
    >>> accuracy(np.array([[0.1, 2.0], [1.0, -1.0]]), np.array([1, 1]))
    0.5
    """
    if predictions.ndim > 1:
        classes = targets if targets.ndim == 1 else targets.argmax(axis=1)
        return float((predictions.argmax(axis=1) == classes).mean())
    return _share(predictions, targets, 0.0 if (targets < 0).any() else 0.5)


def _accuracy_of_scores(predictions: Array, targets: Array) -> float:
    return _share(predictions, targets, 0.0)


def _share(predictions: Array, targets: Array, middle: float) -> float:
    return float(((predictions > middle) == (targets.reshape(predictions.shape) > middle)).mean())
