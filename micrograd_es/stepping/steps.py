"""`BackwardPass` and `ForwardPass`: a pass as data, one event for each edge of the graph."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from os import PathLike
from typing import ClassVar, overload

from micrograd_es.base.files import write_file
from micrograd_es.engine.forward import forward_edges
from micrograd_es.engine.graph import Edge, backward_edges, topological_order
from micrograd_es.engine.numbers import is_constant
from micrograd_es.engine.value import Value


def is_told(steps: Pass, node: Value) -> bool:
    """Whether a page or terminal tells of the node: a plain number only stands at its edge."""
    return node is steps.root or not is_constant(node)


class Pass:
    """What a backward and a forward pass have in common: a sequence that one moves through.

    Attributes
    ----------
    start : Value
        The node from which it starts, with 1.
    """

    ahead: ClassVar[bool]  # from the operands up; the other way else

    def __init__(
        self, root: Value, start: Value, nodes: list[Value], events: Sequence[Edge]
    ) -> None:
        self.root, self.start, self.nodes, self.events = root, start, nodes, list(events)
        self.final_at = dict.fromkeys(nodes, 0) | {e.target: k for k, e in enumerate(events, 1)}
        self.position = 0

    def __repr__(self) -> str:
        return f"<{type(self).__name__} from {self.start!r}, {len(self)} events>"

    def __len__(self) -> int:
        return len(self.events)

    @overload
    def __getitem__(self, k: int) -> Edge: ...
    @overload
    def __getitem__(self, k: slice) -> list[Edge]: ...
    def __getitem__(self, k: int | slice) -> Edge | list[Edge]:
        return self.events[k]

    def __iter__(self) -> Iterator[Edge]:
        return iter(self.events)

    def at(self, k: int) -> dict[Value, float]:
        """The derivative at every node after `k` events, 0.0 where nothing has arrived.

        Raises
        ------
        IndexError
            `k` is not in 0..len(self).
        """
        self._check(k)
        found = dict.fromkeys(self.nodes, 0.0)
        found[self.start] = 1.0
        for event in self.events[:k]:
            found[event.target] = event.after
        return found

    def seek(self, k: int) -> dict[Value, float]:
        """Moves to after `k` events and gives the derivatives there, as `at` does."""
        found = self.at(k)
        self.position = k
        return found

    def forward(self) -> Edge | None:
        """The next event, played; None at the end."""
        if self.position == len(self):
            return None
        self.position += 1
        return self.events[self.position - 1]

    def back(self) -> Edge | None:
        """The last event, taken back; None at the start."""
        if self.position == 0:
            return None
        self.position -= 1
        return self.events[self.position]

    def play(self) -> None:
        """Steps through the pass in the terminal with keys; prints it where there is none."""
        from micrograd_es.stepping.terminal import play_in_terminal

        play_in_terminal(self)

    def derivative(self, node: Value) -> tuple[Value, Value]:
        """What is found at a node: the derivative of the first of these by the second."""
        return (node, self.start) if self.ahead else (self.root, node)

    def save_html(self, path: str | PathLike[str], limit: int | None = None) -> None:
        """Writes the stepping page: one HTML file that opens from disk and asks for nothing.

        Raises
        ------
        ValueError
            The pass has more than `limit` events (500 unless told otherwise).
        """
        from micrograd_es.stepping.page import MOST_EVENTS, stepping_page

        write_file(path, stepping_page(self, MOST_EVENTS if limit is None else limit))

    def _repr_html_(self) -> str:
        from micrograd_es.stepping.page import cell

        return cell(self)

    def _repr_png_(self) -> bytes | None:
        from micrograd_es.stepping.page import still

        return still(self)

    def seen_as(self, other: Callable[[Value], Value]) -> Pass:
        """The same pass over the graph of other nodes."""
        raise NotImplementedError

    def _check(self, k: int) -> None:
        if not 0 <= k <= len(self):
            way = "forward" if self.ahead else "backward"
            raise IndexError(f"this {way} pass has {len(self)} events, and no place {k}")


class BackwardPass(Pass):
    """The recorded backward pass from `root`; it changes no `grad`.

    It is a sequence of events, each one multiplication of the chain rule:
    ``after = before + upstream · partial``. `forward`, `back` and `seek` move through it.

    Attributes
    ----------
    nodes : list of Value
        The graph, each node after its operands; `root` comes last.
    events : list of Edge
        ``node, parent, index, upstream, partial, contribution, before, after``.
    final_at : dict of Value to int
        After how many events a node's gradient is final.
    position : int
        How many events have been played.

    Examples
    --------
    >>> x = Value(3.0, label="x")
    >>> steps = BackwardPass(x * x)
    >>> [(e.parent.label, e.partial, e.after) for e in steps]
    [('x', 3.0, 3.0), ('x', 3.0, 6.0)]
    >>> steps.at(1)[x], steps.final_at[x]
    (3.0, 2)
    """

    ahead = False

    def __init__(self, root: Value) -> None:
        if not isinstance(root, Value):
            raise TypeError(f"a backward pass starts from a Value, not {type(root).__name__}")
        nodes = topological_order(root)[::-1]
        super().__init__(root, root, nodes, list(backward_edges(root)))

    def seen_as(self, other: Callable[[Value], Value]) -> BackwardPass:
        """The same pass over the graph of other nodes."""
        return BackwardPass(other(self.root))


class ForwardPass(Pass):
    """The forward pass of the derivatives with respect to `wrt`, from the leaves up to `root`.

    Its events are the multiplications of a `BackwardPass`: ``after = before + tangent · partial``,
    from an operand (`parent`) to the node. `at(k)` gives every tangent ∂node/∂wrt after k events.
    A graph with n leaves takes n such passes for what one backward pass gives: ∂root/∂leaf for
    every leaf.

    Attributes
    ----------
    nodes : list of Value
        The graph, each node after its operands; `root` comes last.
    events : list of ForwardEdge
        ``node, parent, index, tangent, partial, contribution, before, after``; `tangent` is
        also called `upstream`.
    final_at : dict of Value to int
        After how many events a node's tangent is final.
    position : int
        How many events have been played.

    Raises
    ------
    TypeError
        `root` or `wrt` is no Value.
    ValueError
        `wrt` is not below `root`.

    Examples
    --------
    >>> x, y = Value(3.0), Value(2.0)
    >>> f = x * y + x
    >>> steps = ForwardPass(f, x)
    >>> [(e.tangent, e.partial, e.after) for e in steps if e.arrives]
    [(1.0, 2.0, 2.0), (2.0, 1.0, 2.0), (1.0, 1.0, 3.0)]
    >>> steps.at(4)[f], ForwardPass(f, y).at(4)[f], len(BackwardPass(f))
    (3.0, 3.0, 4)
    """

    ahead = True

    def __init__(self, root: Value, wrt: Value) -> None:
        for v in (root, wrt):
            if not isinstance(v, Value):
                raise TypeError(
                    f"a forward pass goes from one Value to another, not {type(v).__name__}"
                )
        nodes = topological_order(root)[::-1]
        if wrt not in nodes:
            raise ValueError("no forward pass leads from wrt to root, which is not made of it")
        super().__init__(root, wrt, nodes, list(forward_edges(nodes, wrt)))

    def seen_as(self, other: Callable[[Value], Value]) -> ForwardPass:
        """The same pass over the graph of other nodes."""
        return ForwardPass(other(self.root), other(self.start))
