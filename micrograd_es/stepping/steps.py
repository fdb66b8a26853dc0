"""`BackwardPass`: a backward pass as data, one event for each edge of the graph."""

from __future__ import annotations

from collections.abc import Iterator
from os import PathLike
from typing import overload

from micrograd_es.base.files import write_file
from micrograd_es.engine.graph import Edge, backward_edges, topological_order
from micrograd_es.engine.value import Value


class BackwardPass:
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

    def __init__(self, root: Value) -> None:
        if not isinstance(root, Value):
            raise TypeError(f"a backward pass starts from a Value, not {type(root).__name__}")
        self.root = root
        self.nodes = topological_order(root)[::-1]
        self.events = list(backward_edges(root))
        self.final_at = {root: 0} | {e.parent: k for k, e in enumerate(self.events, 1)}
        self.position = 0

    def __repr__(self) -> str:
        return f"<BackwardPass from {self.root!r}, {len(self)} events>"

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
        """The gradient of every node after `k` events, 0.0 where none has arrived.

        Raises
        ------
        IndexError
            `k` is not in 0..len(self).
        """
        self._check(k)
        grads = dict.fromkeys(self.nodes, 0.0)
        grads[self.root] = 1.0
        for event in self.events[:k]:
            grads[event.parent] = event.after
        return grads

    def seek(self, k: int) -> dict[Value, float]:
        """Moves to after `k` events and gives the gradients there, as `at` does."""
        grads = self.at(k)
        self.position = k
        return grads

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

    def play(self) -> None:
        """Steps through the pass in the terminal with keys; prints it where there is none."""
        from micrograd_es.stepping.terminal import play_in_terminal

        play_in_terminal(self)

    def _check(self, k: int) -> None:
        if not 0 <= k <= len(self):
            raise IndexError(f"this backward pass has {len(self)} events, and no place {k}")
