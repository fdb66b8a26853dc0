"""New Spanish first names from a transformer of scalar Values.

It learns first define-by-run, node by node, and then by replay: for each length of name
the graph of its cost is recorded once.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from micrograd_es import Adam, Tape, Value, cross_entropy, no_grad, softmax
from micrograd_es.base.files import write_file
from micrograd_es.base.languages import gettext as _
from micrograd_es.data import names
from micrograd_es.formulas.notation import number
from micrograd_es.gallery import load
from micrograd_es.pictures.chart import Line, chart

SEED = 42


class Names:
    """The model, its letters, and its training by replay.

    Each name stands between two marks; the cost of a name is the mean cost of guessing
    each letter, and the mark at the end, from those before it.
    """

    def __init__(self, known: list[str], lr: float | Callable[[int], float] = 0.01) -> None:
        self.letters = sorted(set("".join(known)))
        self.mark = len(self.letters)
        self.model = load("_gpt").GPT(self.mark + 1, SEED)
        self.optimizer = Adam(self.model.parameters(), lr, betas=(0.85, 0.99))
        self.recorded = cache(self._recorded)

    def codes(self, name: str) -> list[int]:
        """The letters as numbers, between two marks."""
        return [self.mark, *map(self.letters.index, name), self.mark]

    def step(self, batch: list[str]) -> float:
        """The cost of some names and one update, define-by-run."""
        total = Value(0.0)
        for name in batch:
            codes = self.codes(name)
            total = total + cross_entropy(self.model(codes[:-1]), codes[1:])
        cost = total / len(batch)
        self.optimizer.zero_grad()
        cost.backward()
        self.optimizer.step()
        return cost.data

    def _recorded(self, length: int) -> Tape:
        """The cost of a name of that length, from its letters and those to guess."""
        codes = [Value(0.0) for _ in range(length + 1)]
        wanted = [[Value(0.0) for _ in range(self.mark + 1)] for _ in codes]
        inputs = [*codes, *(v for row in wanted for v in row)]
        return Tape(cross_entropy(self.model(codes), wanted), inputs, self.optimizer.parameters)

    def replayed(self, theta: Any, batch: list[str]) -> tuple[float, Any]:
        """The cost of some names of one length and its gradient, by replay."""
        codes = np.array([self.codes(name) for name in batch])
        wanted = np.eye(self.mark + 1)[codes[:, 1:]].reshape(len(batch), -1)
        tape = self.recorded(len(batch[0]))
        costs, gradient = tape.value_and_grad(np.hstack([codes[:, :-1], wanted]), theta)
        return float(costs.mean()), gradient

    def train(self, batches: Iterator[list[str]]) -> Iterator[float]:
        """The cost of each batch, and an update after it; at the end the Values learn of it."""
        parameters = self.optimizer.parameters
        theta = np.array([p.data for p in parameters])
        try:
            for batch in batches:
                cost, gradient = self.replayed(theta, batch)
                theta = self.optimizer.update(theta, gradient)
                yield cost
        finally:
            for p, x in zip(parameters, theta.tolist()):
                p.data = x

    def invented(self, source: random.Random, temperature: float = 0.6) -> str:
        """A name, letter by letter, each drawn from what the model expects."""
        codes = [self.mark]
        while len(codes) < load("_gpt").BLOCK:
            with no_grad():
                shares = softmax([s / temperature for s in self.model(codes)[-1]])
            codes += source.choices(range(len(shares)), [share.data for share in shares])
            if codes[-1] == self.mark:
                break
        return "".join(self.letters[code] for code in codes if code != self.mark)


def about() -> str:
    """What the list of demos says."""
    return _("a scalar transformer invents Spanish first names")


def batches(known: list[str], steps: int, size: int) -> Iterator[list[str]]:
    """Names of one length each time; a length comes as often as its names do."""
    of_length: dict[int, list[str]] = defaultdict(list)
    for name in known:
        of_length[len(name)].append(name)
    source = random.Random(SEED)
    for _step in range(steps):
        same = of_length[len(source.choice(known))]
        yield source.sample(same, min(size, len(same)))


def main(out: Path, quick: bool = False) -> dict[str, Any]:
    """The costs both ways, the names invented, and the picture written into `out`."""
    from rich.progress import track

    known = [n for n in names() if len(n) < load("_gpt").BLOCK and (not quick or len(n) == 5)]
    few = list(batches(known, steps=2 if quick else 5, size=2))
    by_node = Names(known)
    slow = [by_node.step(batch) for batch in few]
    fast = list(Names(known).train(iter(few)))
    print(_("the first costs, node by node and by replay:"))
    for a, b in zip(slow, fast):
        print(f"  {a:.12f}  {b:.12f}")

    steps = 20 if quick else 1500
    task = Names(known, lr=lambda k: 0.01 * (1 - k / steps))
    training = task.train(batches(known, steps, size=16))
    costs = list(track(training, _("training"), total=steps))
    source = random.Random(SEED)
    invented = [task.invented(source) for _name in range(3 if quick else 20)]
    print(_("invented (* is in no list): {names}").format(
        names=", ".join(name if name in known else f"{name}*" for name in invented)
    ))  # fmt: skip

    width = max(1, steps // 50)
    smooth = np.convolve(costs, np.ones(width) / width, "valid")
    picture = chart(
        [
            Line(range(1, steps + 1), costs, label=_("each batch")),
            Line(range(width, steps + 1), smooth.tolist(), label=_("running mean")),
        ],
        _("A scalar transformer learns names: cost from {first} to {last}").format(
            first=number(smooth[0]), last=number(smooth[-1])
        ),
        _("update"),
        _("cost"),
    )
    path = out / _("names.svg")
    write_file(path, picture)
    print(path.resolve())
    return {
        "define_by_run": slow, "replay": fast, "costs": costs, "names": invented, "files": [path]
    }  # fmt: skip


if __name__ == "__main__":
    main(Path())
