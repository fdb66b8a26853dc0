"""The graph as lists of integers, with its sums and dot products written out.

A sum of sums is one sum, and a product that only a sum uses is a term of it: what is
left of a neuron is its activation and ``Σ left·right + Σ plain``, ready to become a row
of a matrix product.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass, field

from micrograd_es.engine.custom import CustomOperation, NumbersAlone
from micrograd_es.engine.ops import Operation
from micrograd_es.engine.value import Value

# Where a node's number lives: one for all samples, or one for each.
STATIC, BATCHED = 0, 1


@dataclass
class Sum:
    """``Σ left·right + Σ plain``, as indices of nodes."""

    products: list[tuple[int, int]] = field(default_factory=list)
    plain: list[int] = field(default_factory=list)


@dataclass
class Recording:
    """The nodes below some outputs, each after its operands, by index.

    Attributes
    ----------
    nodes : list of Value
    operands : list of tuple of int
        Empty for what is given: inputs, parameters, constants.
    store : list of int
        STATIC where a number is the same in every sample, else BATCHED.
    trained : list of bool
        Whether a parameter is below.
    always : list of bool
        Whether a gradient arrives there in every sample: there is a way from an output on
        which no operation is piecewise.
    sums : dict of int to Sum
        What is left to compute as a sum, by the node that it is.
    absorbed : set of int
        Nodes that have become a part of a sum, and are not computed.
    constants : dict of int to float
        The leaves that are neither inputs nor parameters.
    given : (int, int)
        How many parameters (STATIC) and inputs (BATCHED) there are.
    """

    nodes: list[Value]
    outputs: list[int]
    operands: list[tuple[int, ...]] = field(default_factory=list)
    store: list[int] = field(default_factory=list)
    trained: list[bool] = field(default_factory=list)
    always: list[bool] = field(default_factory=list)
    sums: dict[int, Sum] = field(default_factory=dict)
    absorbed: set[int] = field(default_factory=set)
    constants: dict[int, float] = field(default_factory=dict)
    given: tuple[int, int] = (0, 0)

    def inputs_of(self, i: int) -> Iterable[int]:
        """The nodes that have to be there before node `i` is computed."""
        terms = self.sums.get(i)
        if terms is None:
            return self.operands[i]
        return [j for pair in terms.products for j in pair] + terms.plain

    def rule(self, i: int) -> Operation | CustomOperation:
        """The rule of a node that is computed."""
        rule: Operation | CustomOperation = self.nodes[i]._rule
        return rule


def record(
    outputs: Sequence[Value], inputs: Sequence[Value], parameters: Sequence[Value]
) -> Recording:
    """The recording of a graph; inputs and parameters come first, whether used or not.

    Raises
    ------
    TypeError, ValueError
        There is no output, something is no Value, or is given twice.
    """
    _check(outputs, inputs, parameters)
    given = [*inputs, *parameters]
    sources = set(given)
    nodes = given + [v for v in below(outputs, sources) if v not in sources]
    place = {v: i for i, v in enumerate(nodes)}
    recording = Recording(nodes, [place[v] for v in outputs], given=(len(parameters), len(inputs)))
    operands, store, trained = recording.operands, recording.store, recording.trained
    for i, v in enumerate(nodes):
        if i < len(given):
            operands.append(())
            store.append(BATCHED if i < len(inputs) else STATIC)
            trained.append(i >= len(inputs))
            continue
        parents = v.parents
        if not parents:
            operands.append(())
            store.append(STATIC)
            trained.append(False)
            recording.constants[i] = v.data
            continue
        if isinstance(v._rule, NumbersAlone):
            raise v._rule.refused("a replay")
        below_it = tuple([place[p] for p in parents])
        operands.append(below_it)
        store.append(max([store[j] for j in below_it]))
        trained.append(max([trained[j] for j in below_it]))
    recording.always = _always_reached(recording)
    _gather_sums(recording, len(given), {*recording.outputs})
    return recording


def _check(outputs: Sequence[Value], inputs: Sequence[Value], parameters: Sequence[Value]) -> None:
    for what, values in ("output", outputs), ("input", inputs), ("parameter", parameters):
        for v in values:
            if not isinstance(v, Value):
                raise TypeError(f"each {what} of a tape is a Value, not {type(v).__name__}")
    if not outputs:
        raise ValueError("a tape has at least one output")
    if len({*inputs, *parameters}) < len(inputs) + len(parameters):
        raise ValueError("an input is listed twice, or as a parameter too")


def _always_reached(recording: Recording) -> list[bool]:
    always = [False] * len(recording.nodes)
    for i in recording.outputs:
        always[i] = True
    for i in range(len(always) - 1, -1, -1):
        if always[i] and recording.operands[i] and not recording.rule(i).piecewise:
            for j in recording.operands[i]:
                always[j] = True
    return always


def below(outputs: Sequence[Value], given: Set[Value]) -> list[Value]:
    """The nodes below the outputs, each after its operands; what is given ends a path."""
    order: list[Value] = []
    seen: set[Value] = set()
    stack: list[Value | None] = [*reversed(outputs)]
    while stack:
        node = stack.pop()
        if node is None:
            order.append(stack.pop())  # type: ignore[arg-type]
        elif node not in seen:
            seen.add(node)
            parents = node.parents
            if node in given or not parents:
                order.append(node)
            else:
                stack.append(node)
                stack.append(None)
                stack.extend(reversed(parents))
    return order


def _gather_sums(recording: Recording, first: int, outputs: set[int]) -> None:
    operands, store, sums = recording.operands, recording.store, recording.sums
    names = [v._rule.name if v._rule else "" for v in recording.nodes]
    uses = [0] * len(names)
    for below_it in operands:
        for j in below_it:
            uses[j] += 1
    for i in range(first, len(names)):
        if names[i] not in ("add", "sum"):
            continue
        here = store[i]
        alone = [
            j
            for j in operands[i]
            if uses[j] == 1
            and names[j] in ("add", "sum", "mul")
            and store[j] == here
            and j >= first
            and j not in outputs
        ]
        if names[i] == "add" and not alone:
            continue  # an operation like any other
        terms: Sum | None = None
        own, single = Sum(), set(alone)
        for j in operands[i]:
            if j not in single:
                own.plain.append(j)
            elif names[j] == "mul":
                a, b = operands[j]
                # what is the same for all samples is the matrix, and stands on the left
                own.products.append((b, a) if store[a] > store[b] else (a, b))
            else:
                other = sums.pop(j) if j in sums else Sum(plain=list(operands[j]))
                if terms is None:  # the first one is taken over: a long chain stays linear
                    terms = other
                else:
                    own.products += other.products
                    own.plain += other.plain
        recording.absorbed.update(alone)
        if terms is None:
            terms = own
        else:
            terms.products += own.products
            terms.plain += own.plain
        sums[i] = terms
