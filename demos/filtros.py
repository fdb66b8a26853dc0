"""Handwritten digits read by a small convolutional network, and what its filters see."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from micrograd_es import (
    Adam,
    Conv2d,
    Layer,
    MaxPool2d,
    Module,
    Tape,
    Value,
    cross_entropy,
    fit,
    no_grad,
)
from micrograd_es.base.files import write_file
from micrograd_es.base.languages import gettext as _
from micrograd_es.data import digits
from micrograd_es.pictures.chart import tiles

FILTERS = 7  # a row of the picture, beside the digit itself


class Reader(Module):
    """Filters of 3 × 3, the largest of each 2 × 2 of what they find, and ten scores."""

    def __init__(self, seed: int) -> None:
        self.conv = Conv2d(1, FILTERS, kernel_size=3, seed=seed)
        self.pool = MaxPool2d(2)
        self.scores = Layer(FILTERS * 3 * 3, 10, "linear", seed=seed, init="xavier")

    def parameters(self) -> list[Value]:
        """Those of the filters, then those of the scores."""
        return [*self.conv.parameters(), *self.scores.parameters()]

    def maps(self, pixels: Any) -> list[list[list[Value]]]:
        """What each filter finds, 6 × 6 places, in an image of 8 × 8."""
        image = [pixels[k : k + 8] for k in range(0, 64, 8)]
        return [[[v.relu() for v in row] for row in found] for found in self.conv([image])]

    def __call__(self, pixels: Any) -> Any:
        """The scores of the ten digits."""
        pooled = self.pool(self.maps(pixels))
        return self.scores([v for found in pooled for row in found for v in row])


def about() -> str:
    """What the list of demos says."""
    return _("a convolutional network reads the digits, and shows what its filters see")


def main(out: Path, quick: bool = False) -> dict[str, Any]:
    """The costs, the accuracy on the digits held out, and the picture written into `out`."""
    X, classes = digits()
    order = np.random.default_rng(0).permutation(len(X))
    held_out, training = order[:360], order[360:]
    model = Reader(seed=0)
    print(
        _("{n} digits to learn from, {m} held out, {p} parameters").format(
            n=len(training), m=len(held_out), p=len(model.parameters())
        )
    )
    epochs, size = 8 if quick else 30, 32
    updates = epochs * -(-len(training) // size)
    costs = fit(
        model, X[training], classes[training], cross_entropy,
        Adam(model.parameters(), lr=lambda k: 0.01 * (1 - k / updates)),
        epochs=epochs, batch_size=size, seed=0,
    )  # fmt: skip
    inputs = [Value(0.0) for _pixel in range(64)]
    scores = Tape(model(inputs), inputs, model.parameters()).value(X[held_out])
    accuracy = float((scores.argmax(axis=1) == classes[held_out]).mean())
    print(_("accuracy on the digits held out: {percent} %").format(percent=f"{100 * accuracy:.1f}"))
    images, captions = [], []
    for k in [held_out[classes[held_out] == digit][0] for digit in (0, 3, 6, 7)]:
        with no_grad():
            maps = np.array([[[v.data for v in row] for row in m] for m in model.maps(X[k])])
        images += [X[k].reshape(8, 8), *(maps / maps.max())]
        captions += [str(classes[k]), *(_("filter {n}").format(n=n) for n in range(1, FILTERS + 1))]
    picture = tiles(
        images,
        captions,
        [False] * len(images),
        _("Digits held out, and where each filter finds what it looks for"),
    )
    path = out / "filtros.svg"
    write_file(path, picture)
    print(path.resolve())
    return {"costs": costs, "accuracy": accuracy, "files": [path]}


if __name__ == "__main__":
    main(Path())
