"""Handwritten digits: 1,797 real ones, a 64-32-10 network, held-out accuracy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from micrograd_es import MLP, Adam, Tape, Value, cross_entropy, fit
from micrograd_es.base.files import write_file
from micrograd_es.base.languages import gettext as _
from micrograd_es.data import digits
from micrograd_es.pictures.chart import tiles


def about() -> str:
    """What the list of demos says."""
    return _("1,797 real handwritten digits, read by a 64-32-10 network")


def main(out: Path, quick: bool = False) -> dict[str, Any]:
    """The costs, the accuracy on the digits held out, and the picture written into `out`."""
    X, classes = digits()
    order = np.random.default_rng(0).permutation(len(X))
    held_out, training = order[:360], order[360:]
    model = MLP(64, [32, 10], activation="relu", seed=0)
    print(
        _("{n} digits to learn from, {m} held out, {p} parameters").format(
            n=len(training), m=len(held_out), p=len(model.parameters())
        )
    )
    costs = fit(
        model, X[training], classes[training], cross_entropy,
        Adam(model.parameters(), lr=0.01), epochs=8 if quick else 40, batch_size=32, seed=0,
    )  # fmt: skip
    inputs = [Value(0.0) for _pixel in range(64)]
    scores = Tape(model(inputs), inputs, model.parameters()).value(X[held_out])
    read = scores.argmax(axis=1)
    right = read == classes[held_out]
    accuracy = float(right.mean())
    print(_("accuracy on the digits held out: {percent} %").format(percent=f"{100 * accuracy:.1f}"))
    # what it got wrong first: that is what one wants to look at
    shown = np.argsort(right, kind="stable")[:40]
    picture = tiles(
        [X[held_out[k]].reshape(8, 8) for k in shown],
        [str(read[k]) if right[k] else f"{read[k]} ≠ {classes[held_out[k]]}" for k in shown],
        [not right[k] for k in shown],
        _("Digits held out, and what the network read (mistakes first)"),
    )
    path = out / _("digits.svg")
    write_file(path, picture)
    print(path.resolve())
    return {"costs": costs, "accuracy": accuracy, "files": [path]}


if __name__ == "__main__":
    main(Path())
