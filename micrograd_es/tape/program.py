"""The recording as a short list of steps, each over many rows at once.

Nodes of one depth and one operation make a step. The sums among them are dot products;
where every list of left factors meets every list of right factors (the weights of a
layer and the activations of many samples), the step is one matrix product.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from micrograd_es.engine.custom import CustomOperation
from micrograd_es.engine.ops import Operation
from micrograd_es.tape.recording import BATCHED, STATIC, Recording, Sum
from micrograd_es.tape.rows import Rows


@dataclass
class Step:
    """Rows `rows` of a store, computed together.

    Attributes
    ----------
    trained : bool
        Whether the rows depend on a parameter.
    always : bool
        Whether a gradient arrives in every sample, whatever branch it takes.
    """

    store: int
    rows: slice
    trained: bool
    always: bool

    def __len__(self) -> int:
        return int(self.rows.stop - self.rows.start)


@dataclass
class Elementwise(Step):
    """One operation on rows: ``y = f(*operands)``.

    `wanted` says for each operand whether it takes a gradient at all, `to_parameters`
    whether it leads to a parameter.
    """

    rule: Operation | CustomOperation
    operands: list[Rows]
    wanted: list[bool]
    to_parameters: list[bool]

    @property
    def name(self) -> str:
        """Name of the operation."""
        return self.rule.name

    def wants(self, everything: bool) -> list[bool]:
        """Which operands are handed a gradient: all that take one, or the parameters' alone."""
        return self.wanted if everything else self.to_parameters

    def of(self, place: int) -> Elementwise:
        """The part that computes one row."""
        operands = [rows.of(place) for rows in self.operands]
        return replace(self, rows=_one(self.rows, place), operands=operands)


@dataclass
class Product:
    """Σ over the first axis of left·right.

    As a matrix product, `left` has shape (M, k) and `right` (k, S); otherwise both have
    shape (k, n).
    """

    left: Rows
    right: Rows
    matrix: bool
    to_parameters: tuple[bool, bool]

    def wants(self, everything: bool) -> tuple[bool, bool]:
        """Whether the left and the right factors are handed a gradient, in the same way."""
        to_left, to_right = self.to_parameters
        return (
            to_left or (everything and self.left.store == BATCHED),
            to_right or (everything and self.right.store == BATCHED),
        )


@dataclass
class SumStep(Step):
    """Sums of products and of plain terms."""

    products: list[Product] = field(default_factory=list)
    plain: list[tuple[Rows, bool]] = field(default_factory=list)

    @property
    def operands(self) -> list[Rows]:
        """All rows that it reads."""
        factors = [rows for product in self.products for rows in (product.left, product.right)]
        return factors + [rows for rows, _ in self.plain]

    def wanting(self, everything: bool) -> list[Rows]:
        """The plain terms that are handed a gradient, in the same way."""
        return [
            rows
            for rows, to_parameters in self.plain
            if to_parameters or (everything and rows.store == BATCHED)
        ]

    @property
    def terms(self) -> int:
        """How many terms each of the sums has."""
        shapes = [p.left.shape[1:] if p.matrix else p.left.shape for p in self.products]
        return sum(int(shape[0]) for shape in [*shapes, *[rows.shape for rows, _ in self.plain]])

    def of(self, place: int) -> SumStep:
        """The part that computes one row; not of a matrix product."""
        products = [replace(p, left=p.left.of(place), right=p.right.of(place))
                    for p in self.products]  # fmt: skip
        plain = [(rows.of(place), trained) for rows, trained in self.plain]
        return replace(self, rows=_one(self.rows, place), products=products, plain=plain)


def _one(rows: slice, place: int) -> slice:
    return slice(rows.start + place, rows.start + place + 1)


@dataclass
class Program:
    """All steps, each after those that it reads from.

    Attributes
    ----------
    sizes : (int, int)
        Rows of each store.
    given : (int, int)
        How many of them, the first ones, hold the parameters and the inputs.
    leaves : int
        How many of the first store, the first ones, hold parameters or constants.
    inputs : list of int
        The rows of the inputs.
    outputs : list of (int, int)
        Store and row of each.
    ones : list of int
        Rows of the numbers of each sample that hold 1: what a bias is the weight of.
    """

    steps: list[Elementwise | SumStep]
    sizes: tuple[int, int]
    given: tuple[int, int]
    leaves: int
    inputs: list[int]
    outputs: list[tuple[int, int]]
    ones: list[int]

    @property
    def operations(self) -> int:
        """How many there are, of two operands or so each."""
        return sum(
            len(step) * (step.terms if isinstance(step, SumStep) else 1) for step in self.steps
        )


def plan(recording: Recording) -> Program:
    """Groups the nodes into steps and gives each its row."""
    n = len(recording.nodes)
    place, sizes = [-1] * n, [0, 0]

    ones: dict[tuple[int, ...], int] = {}
    biased = _biased(recording)

    def give_row(i: int) -> None:
        store = recording.store[i]
        place[i] = sizes[store]
        sizes[store] += 1

    def give_one_after(i: int) -> None:
        factors = biased.get(i)
        if factors and _in_order([place[j] for j in factors]):
            ones[factors] = sizes[BATCHED]
            sizes[BATCHED] += 1

    groups: dict[int, dict[Any, list[int]]] = defaultdict(dict)
    depth = [0] * n
    given = 0
    absorbed, operands = recording.absorbed, recording.operands
    for i in range(n):
        if i in absorbed:
            continue
        if not operands[i]:
            give_row(i)
            give_one_after(i)
            given = max(given, sizes[BATCHED]) if i < sum(recording.given) else given
            continue
        depth[i] = 1 + max([depth[j] for j in recording.inputs_of(i)])
        groups[depth[i]].setdefault(_key(recording, i), []).append(i)

    leaves = sizes[STATIC]
    steps: list[Elementwise | SumStep] = []
    for level in sorted(groups):
        for members in groups[level].values():
            parts = _blocks(recording, members) if members[0] in recording.sums else [members]
            for part in parts:
                if isinstance(part, list):
                    part.sort(key=lambda i: [place[j] for j in recording.inputs_of(i)])
                    ordered = part
                else:
                    ordered = part.in_rows(place)
                for i in ordered:
                    give_row(i)
                give_one_after(ordered[-1])
                first = place[ordered[0]]
                rows = slice(first, first + len(ordered))
                steps.append(
                    _sum_step(recording, place, part, ordered, rows, ones)
                    if ordered[0] in recording.sums
                    else _elementwise(recording, place, ordered, rows)
                )
    return Program(
        steps,
        (sizes[STATIC], sizes[BATCHED]),
        (recording.given[STATIC], given),
        leaves,
        place[: recording.given[BATCHED]],
        [(recording.store[i], place[i]) for i in recording.outputs],
        list(ones.values()),
    )


def _biased(recording: Recording) -> dict[int, tuple[int, ...]]:
    """The right factors of sums that have a bias, by the last of them.

    Where a row of ones follows the rows of these factors, the bias is one more weight, and
    a layer with its biases is one matrix product.
    """
    store = recording.store
    found: dict[int, tuple[int, ...]] = {}
    for i, terms in recording.sums.items():
        if store[i] == BATCHED and len(terms.products) > 1 and len(terms.plain) == 1:
            factors = tuple([b for _, b in terms.products])
            if {(store[a], store[b]) for a, b in terms.products} == {(STATIC, BATCHED)}:
                found.setdefault(factors[-1], factors)
    return found


def _in_order(rows: list[int]) -> bool:
    return rows == list(range(rows[0], rows[0] + len(rows)))


def _key(recording: Recording, i: int) -> Any:
    """What nodes of one step have in common."""
    store, trained = recording.store, recording.trained
    if i in recording.sums:
        terms = recording.sums[i]
        kinds = [(store[a], store[b], trained[a], trained[b]) for a, b in terms.products]
        # products of one kind stand together, and so do plain terms
        terms.products = [p for _, p in sorted(zip(kinds, terms.products), key=lambda t: t[0])]
        terms.plain.sort(key=lambda j: (store[j], trained[j]))
        plain = tuple([(store[j], trained[j]) for j in terms.plain])
        return "sum", store[i], recording.always[i], tuple(sorted(kinds)), plain
    rule = recording.rule(i)
    operands = tuple([(store[j], trained[j]) for j in recording.operands[i]])
    if isinstance(rule, CustomOperation):
        return rule.f, rule.df, store[i], recording.always[i], operands
    return rule, store[i], recording.always[i], operands


@dataclass
class _Block:
    """Sums in which each of M lists of left factors meets each of S right ones."""

    grid: list[list[int]]  # M x S nodes
    lefts: list[tuple[int, ...]]
    rights: list[tuple[int, ...]]

    def in_rows(self, place: list[int]) -> list[int]:
        # in the order of the rows that they read, so that those are slices
        self.rights, columns = _sorted(self.rights, place)
        self.lefts, rows = _sorted(self.lefts, place)
        self.grid = [[self.grid[r][c] for c in columns] for r in rows]
        return [i for row in self.grid for i in row]


def _sorted(
    lists: list[tuple[int, ...]], place: list[int]
) -> tuple[list[tuple[int, ...]], list[int]]:
    order = sorted(range(len(lists)), key=lambda k: [place[j] for j in lists[k]])
    return [lists[k] for k in order], order


def _blocks(recording: Recording, members: list[int]) -> list[list[int] | _Block]:
    """Matrix products among sums of one kind, and the sums that are left over."""
    products = recording.sums[members[0]].products
    if not products:
        return [members]
    a, b = products[0]
    kind = recording.store[a], recording.store[b]
    same_kind = sum((recording.store[x], recording.store[y]) == kind for x, y in products)
    if kind == (BATCHED, BATCHED) or same_kind < len(products):
        return [members]
    grid: dict[tuple[int, ...], dict[tuple[int, ...], int]] = defaultdict(dict)
    rest: list[int] = []
    for i in members:
        left, right = (tuple(side) for side in zip(*recording.sums[i].products))
        if right in grid[left]:
            rest.append(i)
        else:
            grid[left][right] = i
    met: dict[frozenset[tuple[int, ...]], list[tuple[int, ...]]] = defaultdict(list)
    for left, row in grid.items():
        met[frozenset(row)].append(left)
    result: list[list[int] | _Block] = []
    for lefts in met.values():
        rights = list(grid[lefts[0]])
        if len(lefts) * len(rights) == 1 and len(rights[0]) < 8:
            rest.append(grid[lefts[0]][rights[0]])
        else:
            nodes = [[grid[left][right] for right in rights] for left in lefts]
            result.append(_Block(nodes, lefts, rights))
    return [*result, rest] if rest else result


def _sum_step(
    recording: Recording,
    place: list[int],
    part: list[int] | _Block,
    order: list[int],
    rows: slice,
    ones: dict[tuple[int, ...], int],
) -> SumStep:
    store, trained = recording.store, recording.trained
    first = order[0]
    step = SumStep(store[first], rows, trained[first], recording.always[first])
    terms = [recording.sums[i] for i in order]

    def where(indices: Any) -> Rows:
        first = np.asarray(indices).flat[0]
        table = np.asarray(indices)
        return Rows(store[first], np.array([place[j] for j in table.flat]).reshape(table.shape))

    if isinstance(part, _Block):
        lefts, factors = part.lefts, where(np.array(part.rights).T)  # (k, S)
        # all lists are alike in this, and some factors may be trained and others not
        to_left, to_right = (any(trained[j] for j in side[0]) for side in (lefts, part.rights))
        one = ones.get(part.rights[0]) if len(part.rights) == 1 else None
        if one is not None and [store[j] for j in terms[0].plain] == [STATIC]:
            to_left = to_left or trained[terms[0].plain[0]]
            lefts = [(*left, *t.plain) for left, t in zip(lefts, terms)]
            factors = Rows(BATCHED, [[place[j]] for j in part.rights[0]] + [[one]])
            terms = [Sum() for _ in terms]
        step.products.append(Product(where(lefts), factors, True, (to_left, to_right)))
    else:
        pairs = np.array([t.products for t in terms]).reshape(len(order), -1, 2)
        for k in _runs([_pair_kind(recording, p) for p in terms[0].products]):
            left, right = pairs[:, k, 0].T, pairs[:, k, 1].T  # (k, n)
            a, b = left.flat[0], right.flat[0]
            step.products.append(
                Product(where(left), where(right), False, (trained[a], trained[b]))
            )
    plain = np.array([t.plain for t in terms]).reshape(len(order), -1)
    for k in _runs([(store[j], trained[j]) for j in terms[0].plain]):
        table = plain[:, k].T
        step.plain.append((where(table), trained[table.flat[0]]))
    return step


def _pair_kind(recording: Recording, pair: tuple[int, int]) -> Any:
    return tuple([(recording.store[j], recording.trained[j]) for j in pair])


def _runs(kinds: list[Any]) -> list[slice]:
    """Slices over neighbours of one kind."""
    cuts = [k for k in range(1, len(kinds)) if kinds[k] != kinds[k - 1]]
    return [slice(a, b) for a, b in zip([0, *cuts], [*cuts, len(kinds)]) if b > a]


def _elementwise(
    recording: Recording, place: list[int], order: list[int], rows: slice
) -> Elementwise:
    node = recording.nodes[order[0]]
    rule = recording.rule(order[0])
    operands, wanted, to_parameters = [], [], []
    for k in range(len(node.parents)):
        below = [recording.operands[i][k] for i in order]
        operands.append(Rows(recording.store[below[0]], [place[j] for j in below]))
        trained = recording.trained[below[0]]
        wanted.append(rule.takes(k) and (trained or recording.store[below[0]] == BATCHED))
        to_parameters.append(rule.takes(k) and trained)
    first = order[0]
    return Elementwise(
        recording.store[first], rows, recording.trained[first], recording.always[first],
        rule, operands, wanted, to_parameters,
    )  # fmt: skip
