"""The paths of a derivative: how many there are between two nodes, and the largest.

Named nodes are the stations of a path. What lies between two stations collapses into
one factor, ∂(upper)/∂(lower), summed over all routes that meet no other station; edges
that join two stations directly stay a factor each. Where no node is named, every node
is a station.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import inf, isfinite, isnan, log2
from typing import Any

from micrograd_es.engine.graph import topological_order
from micrograd_es.engine.value import Value


class Factor(float):
    """One factor of a path, ∂node/∂station: a number that knows what it is.

    Attributes
    ----------
    node, station : Value
        The stations above and below.
    index : int or None
        Which operand of `node` the edge leads to; None where nodes in between collapsed.
    blocked : bool
        No route was taken, which makes the product exactly 0, even where another
        factor is infinite.
    """

    node: Value
    station: Value
    index: int | None
    blocked: bool

    def __new__(
        cls, node: Value, station: Value, number: float | None, index: int | None = None
    ) -> Factor:
        factor = super().__new__(cls, number or 0.0)
        factor.node, factor.station = node, station
        factor.index, factor.blocked = index, number is None
        return factor

    @property
    def weight(self) -> float:
        """What is added along a path to compare products: log₂ of the absolute value."""
        if float(self) == 0.0:
            return -inf
        return log2(abs(self)) if isfinite(self) else 1e9


@dataclass(frozen=True, eq=False)
class Path:
    """One product of partials.

    Attributes
    ----------
    stations : tuple of Value
        From the output down to the variable.
    factors : tuple of Factor
        The partial between each station and the next; floats.
    product : float
        What this path contributes to the derivative.
    """

    stations: tuple[Value, ...]
    factors: tuple[Factor, ...]

    @property
    def product(self) -> float:
        if any(f.blocked for f in self.factors):
            return 0.0
        result = 1.0
        for factor in self.factors:
            result *= factor
        return result


LocalPartial = Callable[[Value, int], Any]


class Paths:
    """All paths from `root` to `wrt`, by their stations.

    Attributes
    ----------
    count : int
        How many there are.
    order : list of Value
        The nodes on some path, `root` first.
    """

    def __init__(self, root: Value, wrt: Value) -> None:
        self.root, self.wrt = root, wrt
        nodes = topological_order(root)
        leads: set[Value] = set()
        for node in reversed(nodes):
            if node is wrt or any(p in leads for _, p in differentiable(node)):
                leads.add(node)
        self.order = []
        reached = {root}
        for node in nodes:
            if node in reached and node in leads:
                self.order.append(node)
                reached.update(p for _, p in differentiable(node))
        self._place = {node: i for i, node in enumerate(self.order)}
        self.named = any(node.label for node in self.order)
        self.factors: dict[Value, list[Factor]] = {}
        self.count = self._counted()

    def is_station(self, node: Value) -> bool:
        """Whether paths are told apart by this node."""
        return bool(node.label) or not self.named or node is self.root or node is self.wrt

    def edges(self, node: Value) -> Iterator[tuple[int, Value]]:
        """The operands (index, node) through which `node` depends on `wrt`."""
        if node is not self.wrt:
            yield from ((i, p) for i, p in differentiable(node) if p in self._place)

    def collapsed(self, node: Value, partial: LocalPartial, one: Any) -> dict[Value, Any]:
        """∂node/∂station for each station that routes through nameless nodes lead to.

        `partial` gives ∂node/∂operand, a number or a formula, or None for a branch that
        was not taken; a station that is reached only so is given None.
        """
        found: dict[Value, Any] = {}
        arrived: dict[Value, Any] = {node: one}
        todo = [self._place[node]]
        while todo:
            above = self.order[heapq.heappop(todo)]
            upstream = arrived.pop(above)
            for index, below in self.edges(above):
                station = self.is_station(below)
                if station and above is node:
                    continue
                local = partial(above, index)
                passed = None if upstream is None or local is None else upstream * local
                into = found if station else arrived
                if below not in into:
                    into[below] = passed
                    if not station:
                        heapq.heappush(todo, self._place[below])
                elif passed is not None:
                    into[below] = passed if into[below] is None else into[below] + passed
        return found

    def _counted(self) -> int:
        if not self.order:
            return 0
        counts = {self.root: 1}
        for node in self.order:
            if node not in counts:
                continue
            if node is self.wrt:
                break
            n = counts.pop(node)
            self.factors[node] = factors = [
                Factor(node, p, node.partials[i], i)
                for i, p in self.edges(node)
                if self.is_station(p)
            ]
            below = self.collapsed(node, lambda v, i: v.partials[i], 1.0)
            factors.extend(Factor(node, station, number) for station, number in below.items())
            for factor in factors:
                counts[factor.station] = counts.get(factor.station, 0) + n
        return counts.get(self.wrt, 0)

    def largest(self, k: int) -> list[Path]:
        """The `k` paths of largest absolute product, largest first.

        The best way on from each station is found once, from below. Every other path
        leaves the best one somewhere, goes on in the best way, and may leave it again.
        """
        if not self.count:
            return []
        best: dict[Value, tuple[float, Factor | None]] = {self.wrt: (0.0, None)}
        for node in reversed(self.order):
            if node in self.factors:
                ways = [(f.weight + best[f.station][0], f) for f in self.factors[node]]
                best[node] = max(ways, key=lambda way: way[0])
        found: list[list[Factor]] = []
        # weight (negative, for the heap), tie-breaker, and where to leave which path how
        candidates: list[tuple[float, int, int, int, Factor | None]] = [(0.0, 0, -1, 0, None)]
        pushed = 0
        while candidates and len(found) < k:
            _, _, old, at, leave = heapq.heappop(candidates)
            path = [] if leave is None else found[old][:at]
            node = self.root
            if leave is not None:  # a factor of 0.0 is one too
                path.append(leave)
                node = leave.station
            while (way := best[node][1]) is not None:
                path.append(way)
                node = way.station
            weight = 0.0
            for place, taken in enumerate(path):
                if place > at or leave is None:
                    for other in self.factors[taken.node]:
                        if other is not taken:
                            pushed += 1
                            total = weight + other.weight + best[other.station][0]
                            candidates.append((-total, pushed, len(found), place, other))
                weight += taken.weight
            found.append(path)
            candidates = heapq.nsmallest(k - len(found), candidates)
        paths = [Path((self.root, *(f.station for f in path)), tuple(path)) for path in found]
        return sorted(paths, key=lambda p: -inf if isnan(p.product) else -abs(p.product))


def differentiable(node: Value) -> Iterator[tuple[int, Value]]:
    """The operands that a derivative passes through, whatever branch was taken.

    Not the condition of a `where`, nor the number in ``x ** 2``.
    """
    rule = node._rule
    if rule is None:
        return
    for i, (operand, partial) in enumerate(zip(node.parents, node.partials)):
        if partial is not None or rule.takes(i):
            yield i, operand
