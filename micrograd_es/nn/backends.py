"""What `fit` computes its updates with."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from importlib import import_module
from typing import Any

from micrograd_es.base.scalars import as_count
from micrograd_es.nn.epochs import Epochs
from micrograd_es.nn.optim import Optimizer

_INSTALL = {"jax": "jax", "torch": "torch array-api-compat"}


def backend_by_name(name: str, devices: Any, optimizer: Any) -> Callable[..., Epochs]:
    """What makes the updates from ``(tape, optimizer, size, most)``.

    Raises
    ------
    ValueError
        There is no such backend, or there are not so many devices.
    ImportError
        The library is not installed.
    TypeError
        The optimiser has a rule that JAX cannot compile.
    """
    if name not in ("numpy", *_INSTALL):
        raise ValueError(f'a backend is "numpy", "jax" or "torch", not {name!r}')
    if name != "jax" and devices is not None:
        raise ValueError(f'devices are those of backend="jax", not of {name!r}')
    if name == "numpy":
        return Epochs
    try:
        import_module(name)
        import_module(f"micrograd_es.tape.on_{name}")
        module = import_module(f"micrograd_es.nn.epochs_on_{name}")
    except ImportError as error:
        missing = (error.name or name).split(".")[0]
        raise ImportError(
            f'backend="{name}" needs {missing}: pip install {_INSTALL[name]}', name=missing
        ) from error
    if name == "torch":
        torch: Callable[..., Epochs] = module.TorchEpochs
        return torch
    if getattr(optimizer.update, "__func__", None) is not Optimizer.update:
        raise TypeError(
            'backend="jax" compiles the `moved` and `rates` of SGD, Adam, AdamW and their '
            f"subclasses; {type(optimizer).__name__} has an update of its own, for which there are "
            'backend="numpy" and "torch"'
        )
    return partial(module.JaxEpochs, devices=_devices(devices))


def _devices(given: Any) -> list[Any]:
    import jax

    known: list[Any] = jax.devices()
    if given is None:
        chosen = known
    elif isinstance(given, (list, tuple)):
        chosen = list(given)
        for device in chosen:
            if device not in known:
                raise ValueError(f"devices are some of jax.devices(), not {device!r}")
        if not chosen or len(set(chosen)) < len(chosen):
            raise ValueError("devices are one or more of jax.devices(), each once")
    else:
        number = as_count(given, "devices")
        if number > len(known):
            raise ValueError(f"there are {len(known)} devices, not {number}")
        chosen = known[:number]
    if {d.process_index for d in chosen} != {d.process_index for d in known}:
        raise ValueError("every process of jax.distributed needs a device among the devices")
    return chosen
