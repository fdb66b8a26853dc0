"""Losses: one number that says how far the predictions are from the targets.

Each takes predictions and targets of one shape, of numbers or Values: a number, a
list (one sample), or a list of samples. Targets that are numbers become leaves ŷ⁽¹⁾,
ŷ⁽²⁾, … and the result, a Value, bears the notes' name C. Where there are only
numbers, it is a float.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple, TypeAlias

from micrograd_es.base.scalars import is_number
from micrograd_es.engine.comparison import Comparison
from micrograd_es.engine.functions import maximum, shifted, sum_node
from micrograd_es.engine.value import Value, as_value
from micrograd_es.formulas.notation import name

Pairs: TypeAlias = Iterable[tuple[Value, Value]]


def sum_squares(predictions: Any, targets: Any) -> Any:
    """The notes' C = Σ (y - ŷ)²; over many samples, its mean."""
    return _loss(predictions, targets, _squares, _mean_over_samples)


def mse(predictions: Any, targets: Any) -> Any:
    """The mean of (y - ŷ)²."""
    return _loss(predictions, targets, _squares, _mean)


def hinge(predictions: Any, targets: Any) -> Any:
    """The mean of relu(1 - ŷ·y): the SVM's "max-margin" loss, for targets -1 and 1."""
    return _loss(predictions, targets, lambda pairs: [(1 - t * y).relu() for y, t in pairs], _mean)


def binary_cross_entropy(predictions: Any, targets: Any) -> Any:
    """The mean of -(ŷ ln y + (1 - ŷ) ln(1 - y)), for probabilities y.

    The logarithms stop at -100, as PyTorch's do, so that a certain and wrong
    prediction costs 100 and not infinity. There it has no slope: a sigmoid that has reached 1
    by mistake learns nothing more, and `binary_cross_entropy_with_logits`, of what goes into
    the sigmoid, still does.

    Raises
    ------
    ValueError
        A prediction is below 0 or above 1: it is a score and no probability.
    """

    def term(y: Value, t: Value) -> Value:
        if y._data < 0 or y._data > 1:
            raise ValueError(
                f"binary_cross_entropy takes probabilities, from 0 to 1, not {y.data!r}; "
                "of scores it is binary_cross_entropy_with_logits"
            )
        cost: Value = -(t * maximum(y.log(), -100) + (1 - t) * maximum((1 - y).log(), -100))
        return cost

    return _loss(predictions, targets, lambda pairs: [term(y, t) for y, t in pairs], _mean)


def binary_cross_entropy_with_logits(predictions: Any, targets: Any) -> Any:
    """The mean of -(ŷ ln σ(z) + (1 - ŷ) ln σ(-z)), for scores z before a sigmoid ("logits").

    It keeps its digits and its slope σ(z) - ŷ however large a score is.

    Examples
    --------
    >>> z = Value(50.0)
    >>> cost = binary_cross_entropy_with_logits(z, 0)
    >>> cost.backward()
    >>> cost.data, z.grad
    (50.0, 1.0)
    """

    def terms(pairs: Pairs) -> list[Value]:
        # -ln σ(z) = softplus(-z)
        return [t * (-z).softplus() + (1 - t) * z.softplus() for z, t in pairs]

    return _loss(predictions, targets, terms, _mean)


def cross_entropy(predictions: Any, targets: Any) -> Any:
    """The mean over the samples of -Σ ŷ ln softmax(y).

    Parameters
    ----------
    predictions : shape (K,) or (n, K)
        Scores before the softmax ("logits").
    targets : int or shape (n,); or as the predictions
        The class of each sample, counted from 0, or a probability for each class.
    """
    scores, wanted = _table(predictions), _table(targets)
    if len(scores.shape) not in (1, 2) or 0 in scores.shape:
        raise ValueError(f"expected predictions of shape (K,) or (n, K), got {scores.shape}")
    if wanted.shape != scores.shape:
        if wanted.shape != scores.shape[:-1]:
            raise ValueError(
                f"expected targets of shape {scores.shape[:-1]} (classes) or {scores.shape} "
                f"(probabilities), got {wanted.shape}"
            )
        classes = [c for row in wanted.rows for c in row]
        wanted = _Table(scores.shape, one_hot(classes, scores.shape[-1]))
    return _loss(scores, wanted, _cross_entropy_terms, _mean_over_samples)


def one_hot(classes: Iterable[Any], k: int) -> list[list[Any]]:
    """For each class k probabilities, 1 at its place and 0 elsewhere.

    Raises
    ------
    ValueError
        A class is no integer from 0 to k - 1.
    """
    rows = []
    for c in classes:
        if isinstance(c, Value) or not 0 <= c < k or c != int(c):
            raise ValueError(f"a class is an integer from 0 to {k - 1}, not {c!r}")
        rows.append([float(i == c) for i in range(k)])
    return rows


def _squares(pairs: Pairs) -> list[Value]:
    return [(y - t) ** 2 for y, t in pairs]


def _cross_entropy_terms(pairs: Pairs) -> list[Value]:
    scores, targets = zip(*pairs)
    rest, total = shifted(scores)
    # the score of a class that never comes may be -inf, and inf · 0 would be nan
    return [(total - y).weighted(t) for y, t in zip(rest, targets)]


def _mean(terms: list[list[Value]]) -> Value:
    flat = tuple([term for sample in terms for term in sample])
    return _divided(sum_node(flat), len(flat))


def _mean_over_samples(terms: list[list[Value]]) -> Value:
    return _divided(sum_node(tuple([term for sample in terms for term in sample])), len(terms))


def _divided(total: Value, n: int) -> Value:
    return total if n == 1 else total / n


def _loss(
    predictions: Any,
    targets: Any,
    terms: Callable[[Pairs], list[Value]],
    mean: Callable[[list[list[Value]]], Value],
) -> Any:
    y = predictions if isinstance(predictions, _Table) else _table(predictions)
    t = targets if isinstance(targets, _Table) else _table(targets)
    if y.shape != t.shape:
        raise ValueError(f"predictions of shape {y.shape} and targets of shape {t.shape} differ")
    if 0 in y.shape:
        raise ValueError("there are no predictions to compare")
    total = mean(
        [
            terms([(as_value(a), _target(b, n)) for n, (a, b) in enumerate(zip(*sample), 1)])
            for sample in zip(y.rows, t.rows)
        ]
    )
    if any(isinstance(x, Value) for row in (*y.rows, *t.rows) for x in row):
        total.label = "C"
        return total
    return total.data


def _target(t: Any, n: int) -> Value:
    return t if isinstance(t, Value) else Value(t, label=name("ŷ", n))


class _Table(NamedTuple):
    """Numbers and Values, a row a sample, and the shape in which they came."""

    shape: tuple[int, ...]
    rows: list[list[Any]]


def _table(x: Any) -> _Table:
    if not isinstance(x, (Value, list, tuple)) and hasattr(x, "tolist"):
        x = x.tolist()  # an array
    if not isinstance(x, (list, tuple)):
        return _Table((), [[_entry(x)]])
    samples = [s.tolist() if hasattr(s, "tolist") else s for s in x]
    rows = [list(s) for s in samples if isinstance(s, (list, tuple))]
    if not rows:
        return _Table((len(samples),), [[_entry(s) for s in samples]])
    if len(rows) < len(samples) or len({*map(len, rows)}) > 1:
        raise ValueError("the samples are of different lengths")
    if any(isinstance(v, (list, tuple)) or getattr(v, "ndim", 0) for row in rows for v in row):
        raise ValueError("expected one sample or a list of samples, got samples of samples")
    return _Table((len(rows), len(rows[0])), [[_entry(v) for v in row] for row in rows])


def _entry(x: Any) -> Any:
    if isinstance(x, Comparison):
        return x.node
    if not isinstance(x, Value) and not is_number(x):
        raise TypeError(f"expected numbers or Values, got {type(x).__name__}")
    return x
