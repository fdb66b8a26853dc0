"""Epochs whose gradients PyTorch computes, on a GPU where there is one."""

from __future__ import annotations

from typing import Any

import torch

from micrograd_es.base.arrays import Array
from micrograd_es.nn.epochs import Epochs
from micrograd_es.nn.optim import Optimizer
from micrograd_es.tape.tape import Tape


class TorchEpochs(Epochs):
    """The samples stay where they are computed; a cost and a gradient come back for each update."""

    def __init__(self, tape: Tape, optimizer: Optimizer, size: int, most: float | None) -> None:
        super().__init__(tape, optimizer, size, most)
        self._device = "cuda" if torch.cuda.is_available() else "cpu"
        run = tape.to("torch")

        def gradient(batch: Any, theta: Array, weights: Array | None) -> tuple[Array, Array]:
            with torch.no_grad():
                values, found = run(batch, self._placed(theta), weights)
            return values.cpu().numpy(), found.cpu().numpy()

        self._gradient = gradient

    def _placed(self, samples: Array) -> Any:
        return torch.tensor(samples, device=self._device)
