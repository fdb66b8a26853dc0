"""Module: what is common to whatever has parameters."""

from __future__ import annotations

from collections.abc import Iterable
from os import PathLike
from typing import Any, TypeVar

from micrograd_es.base.arrays import Array, needing
from micrograd_es.engine.value import Value

M = TypeVar("M", bound="Module")


class Module:
    """Anything with parameters: the base class of Neuron, Layer and MLP, and of your models.

    Attributes
    ----------
    training : bool
        Whether it is being trained, which `train()` and `eval()` decide; dropout asks for it.
    """

    training = True

    def parameters(self) -> list[Value]:
        """The Values that training changes."""
        return []

    def zero_grad(self) -> None:
        """Sets the gradient of every parameter to 0."""
        for p in self.parameters():
            p.grad = 0.0

    def modules(self) -> list[Module]:
        """This module and those in its attributes, lists and dicts included, each once."""
        found: list[Module] = []
        todo: list[Any] = [self]
        seen: set[int] = set()
        while todo:
            thing = todo.pop()
            inside: Iterable[Any] = ()
            if isinstance(thing, Module):
                inside = vars(thing).values()
            elif isinstance(thing, dict):
                inside = thing.values()
            elif isinstance(thing, (list, tuple)):
                inside = thing
            if id(thing) not in seen:
                seen.add(id(thing))
                todo += reversed(list(inside))
                found += [thing] if isinstance(thing, Module) else []
        return found

    def train(self: M, mode: bool = True) -> M:
        """The module itself, with all modules in it set to be trained, or not (``mode=False``).

        Examples
        --------
        >>> model = Module()
        >>> model.training, model.eval().training
        (True, False)
        """
        if not isinstance(mode, bool):
            raise TypeError(f"mode is True or False, not {mode!r}")
        for module in self.modules():
            module.training = mode
        return self

    def eval(self: M) -> M:
        """The module itself, with all modules in it set to be used and not trained."""
        return self.train(False)

    def save(self, path: str | PathLike[str]) -> None:
        """Writes the parameters into a file: at any moment it is the old one or the new one, whole.

        Raises
        ------
        ValueError
            A parameter is nan or infinite.
        """
        with needing("a model file"):
            from micrograd_es.nn.storage import write_arrays

        blocks, kind = self._stored()
        write_arrays(path, {key: block.astype(float) for key, block in blocks.items()}, kind)

    def load(self, path: str | PathLike[str]) -> None:
        """Reads the parameters from a file that `save` wrote.

        Raises
        ------
        ModelFormatError
            The file is damaged, or of a model of another shape, with other activations, or
            whose parameters have another order or other names; nothing has changed. An old
            file that names neither is taken where the shapes fit.
        """
        with needing("a model file"):
            from micrograd_es.nn.storage import read_arrays

        blocks, kind = self._stored()
        arrays = read_arrays(path, {key: block.shape for key, block in blocks.items()}, kind)
        for key, block in blocks.items():
            for p, number in zip(block.flat, arrays[key].flat):
                p.data = number

    def _stored(self) -> tuple[dict[str, Array], str]:
        """The parameters as arrays of Values by their names in a file, and its structure."""
        import numpy as np

        from micrograd_es.nn.structure import structure

        blocks = {key: np.array(block, dtype=object) for key, block in self._blocks().items()}
        known = {p for block in blocks.values() for p in block.flat}
        rest = [p for p in self.parameters() if p not in known]
        kind = structure(self, rest)
        return blocks | ({"parameters": np.array(rest, dtype=object)} if rest else {}), kind

    def _blocks(self) -> dict[str, list[Any]]:
        """The parameters, nested in their own shapes where these are known."""
        return {}
