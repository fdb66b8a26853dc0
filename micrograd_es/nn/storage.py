"""Model files: named arrays of float64 in the safetensors format, whole or refused.

A file is read only for a model that is already there, so that everything about it is
known but the numbers: how large it can be, the names, the shapes, and what kind of model
they belong to. The digest in its metadata is over all of that and the numbers.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import sha256
from os import PathLike, fsdecode
from typing import Any, TypeAlias

import numpy as np

from micrograd_es.base.errors import ModelFormatError
from micrograd_es.base.files import write_file
from micrograd_es.nn.structure import compare

Arrays: TypeAlias = "dict[str, np.ndarray[Any, Any]]"


def write_arrays(path: str | PathLike[str], arrays: Arrays, kind: str = "") -> None:
    """Writes the arrays into the file, and what kind of model they are of, if that is said.

    Raises
    ------
    ValueError
        A number is nan or infinite; nothing has been written.
    """
    from safetensors.numpy import save

    for name, array in arrays.items():
        if not np.isfinite(array).all():
            raise ValueError(f"{name} holds nan or infinity, which a model file does not keep")
    write_file(path, save(arrays, _metadata(arrays, kind)))


def read_arrays(
    path: str | PathLike[str], shapes: Mapping[str, tuple[int, ...]], kind: str = ""
) -> Arrays:
    """The arrays of a file that `write_arrays` wrote, which have to be of these shapes.

    A file that does not say its kind is of any.

    Raises
    ------
    ModelFormatError
        The file is damaged, too large, or holds other names or shapes, or it is of a model
        of another kind.
    """
    path = fsdecode(path)  # a number would be an open file's
    with open(path, "rb") as file:
        data = file.read(_most_bytes(shapes, kind) + 1)
    try:
        return _read(data, shapes, kind)
    except (ValueError, RecursionError) as error:
        raise ModelFormatError(f"{path!r} is no file of this model: {error}") from None


def _most_bytes(shapes: Mapping[str, tuple[int, ...]], kind: str) -> int:
    """A file's limit: its numbers, and ample room for the header."""
    numbers = sum(8 * int(np.prod(shape)) for shape in shapes.values())
    return numbers + 4096 + 2 * len(kind) + sum(256 + 6 * len(name) for name in shapes)


def _read(data: bytes, shapes: Mapping[str, tuple[int, ...]], kind: str) -> Arrays:
    from safetensors import SafetensorError
    from safetensors.numpy import load

    if len(data) > _most_bytes(shapes, kind):
        raise ValueError(f"it is larger than {_most_bytes(shapes, kind)} bytes")
    end = 8 + int.from_bytes(data[:8], "little")
    if end > len(data):
        raise ValueError("it ends too early, or is of another kind")
    header = json.loads(data[8:end].decode(), object_pairs_hook=_no_name_twice)
    metadata = header.pop("__metadata__", None) if isinstance(header, dict) else None
    if metadata is None:
        raise ValueError("it has no digest")
    found = ""
    if isinstance(metadata, dict):
        found = str(metadata.get("model", "")).partition(" ")[2]
    _compare(header, shapes)
    try:
        arrays: Arrays = load(data)
    except SafetensorError as error:
        raise ValueError(error) from None
    if metadata != _metadata(arrays, found):
        raise ValueError("its numbers are not those that its digest is of")
    if not all(np.isfinite(array).all() for array in arrays.values()):
        raise ValueError("it holds nan or infinity")
    if found and kind:
        compare(found, kind)
    return arrays


def _compare(header: dict[str, Any], shapes: Mapping[str, tuple[int, ...]]) -> None:
    """Stops at the first array that is not as expected."""
    for name in (*shapes, *header):
        if name not in header or name not in shapes:
            where = "the file" if name in header else "the model"
            raise ValueError(f"only {where} has {_short(name)}")
        wanted, found = {"dtype": "F64", "shape": list(shapes[name])}, header[name]
        if not isinstance(found, dict) or found | wanted != found:
            raise ValueError(f"{name} should have {wanted}, not {_short(str(found))}")


def _short(text: str) -> str:
    return repr(text) if len(text) <= 60 else f"{text[:59]!r}…"


def _no_name_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = [name for name, _ in pairs]
    if len(set(names)) < len(names):
        raise ValueError("a name is there twice")
    return dict(pairs)


def _metadata(arrays: Arrays, kind: str) -> dict[str, str]:
    """One entry, so that the same model is the same file: they have no order of their own."""
    digest = _digest(arrays, kind)
    return {"model": f"{digest} {kind}"} if kind else {"sha256": digest}


def _digest(arrays: Arrays, kind: str = "") -> str:
    digest = sha256(kind.encode())
    for name, array in sorted(arrays.items()):
        digest.update(f"{name} {array.shape}\n".encode())
        digest.update(array.astype("<f8").tobytes())
    return digest.hexdigest()
