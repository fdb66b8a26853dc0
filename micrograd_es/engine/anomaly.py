"""What a number that turned nan or infinite is told with."""

from __future__ import annotations

from math import isfinite

from micrograd_es.base.errors import AnomalyError
from micrograd_es.engine.graph import Node, backward_edges


def watch_forward(node: Node) -> None:
    """Raises AnomalyError where the number of a node is not finite."""
    if not isfinite(node._data):
        raise anomaly(node, f"{node._rule.name} gave {node._data}")


def watch_backward(root: Node) -> None:
    """Raises AnomalyError at the first gradient below `root` that is not finite."""
    for edge in backward_edges(root):
        if not isfinite(edge.after):
            to = _printable(edge.parent.label) or f"operand {edge.index + 1}"
            raise anomaly(
                edge.node,
                f"the gradient of {to} turned {edge.after}, "
                f"from {edge.upstream!r} · {edge.partial!r}, backward through",
            )


def anomaly(node: Node, what: str, sample: int | None = None) -> AnomalyError:
    """The error that names the node, its operation and its operands."""
    operands = ", ".join(
        f"{_printable(v.label)}={v.data!r}" if v.label else repr(v.data) for v in node.parents[:10]
    )
    more = ", …" if len(node.parents) > 10 else ""
    name = f" (the node {node.label!r})" if node.label else ""
    of = "" if sample is None else f" in sample {sample}"
    return AnomalyError(f"{what}{of}: {node._rule.name}({operands}{more}){name}", node, sample)


def _printable(label: str) -> str:
    return label if label.isprintable() else repr(label)
