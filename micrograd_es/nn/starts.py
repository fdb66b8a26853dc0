"""How parameters begin: drawn at random, the same bits from the same seed."""

from __future__ import annotations

import random
from collections.abc import Callable
from math import sqrt
from typing import Any, TypeAlias

from micrograd_es.base.scalars import as_count
from micrograd_es.engine.value import Value
from micrograd_es.formulas.notation import name

Seed: TypeAlias = int | random.Random | None

# A start is drawn uniformly between plus and minus a bound: Glorot and Bengio (2010), eq. 16;
# He et al. (2015), eq. 10, whose variance 2/nin it has. PyTorch's xavier_uniform_ and
# kaiming_uniform_.
_BOUNDS: dict[str, Callable[[int, int], float]] = {
    "uniform": lambda nin, nout: 1.0,
    "xavier": lambda nin, nout: sqrt(6 / (nin + nout)),
    "he": lambda nin, nout: sqrt(6 / nin),
}


def bound(init: str, nin: int, nout: int) -> float:
    """How far from 0 the weights of a layer begin, at most.

    Raises
    ------
    ValueError
        There is no start of that name.
    """
    if init not in tuple(_BOUNDS):
        raise ValueError(f"init is one of {', '.join(_BOUNDS)}, not {init!r}")
    return _BOUNDS[init](nin, nout)


def random_source(seed: Seed) -> random.Random | None:
    """What draws; None is Python's own `random`."""
    if seed is None or isinstance(seed, random.Random):
        return seed
    return random.Random(as_count(seed, "seed", 0))


def filled(draw: Callable[[], float], symbol: str, *shape: int) -> Any:
    """Nested lists of new Values, each drawn in turn."""

    def part(above: tuple[int, ...]) -> Any:
        if len(above) == len(shape):
            return Value(draw(), label=name(symbol, *above))
        return [part((*above, k)) for k in range(1, shape[len(above)] + 1)]

    return part(())


def drawn_within(bound: float, seed: Seed) -> Callable[[], float]:
    """Draws uniformly between plus and minus a bound."""
    uniform = (random_source(seed) or random).uniform
    return lambda: uniform(-bound, bound)
