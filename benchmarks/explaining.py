"""How long it takes to explain a network, and to write its stepping page."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.table import Row
from benchmarks.timing import best
from micrograd_es import MLP, BackwardPass, hinge


def explaining(quick: bool) -> Iterator[Row]:
    """Every parameter of MLP(2, [16, 16, 1]) on one sample, and the page of its pass."""
    from micrograd_es.explaining.explanation import explain

    model = MLP(2, [4, 1] if quick else [16, 16, 1], seed=1337)
    cost = hinge(model([0.5, -1.0]), 1.0)
    parameters = model.parameters()

    def explain_all() -> None:
        for p in parameters:
            assert explain(cost, p).text

    yield Row(
        f"explaining all {len(parameters)} parameters of {model!r} on one sample",
        best(explain_all, 1),
        "",
        in_seconds=True,
    )
    steps = BackwardPass(cost)
    with TemporaryDirectory() as folder:
        page = Path(folder) / "steps.html"
        taken = best(lambda: steps.save_html(page, limit=len(steps)), 1)
        size = page.stat().st_size
    yield Row(
        f"writing the page of its {len(steps)} steps",
        taken,
        f"{size / 1e6:.2g} MB",
        in_seconds=True,
    )
