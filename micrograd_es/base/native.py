"""Modules in C, which may be absent and can be switched off."""

from __future__ import annotations

import os
from importlib import import_module
from typing import Any

SWITCH = "MICROGRAD_ES_NATIVE"


def extension(name: str) -> Any:
    """The compiled module; None where there is none, or where the switch says 0."""
    if os.environ.get(SWITCH) == "0":
        return None
    try:
        return import_module(name)
    except ImportError:
        return None
