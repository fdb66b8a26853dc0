"""The demos by name: each is a script in ``demos/`` with `about` and `main`."""

from __future__ import annotations

import importlib.util
import sys
from types import ModuleType

from micrograd_es.base.languages import gettext as _
from micrograd_es.data import DEMOS


def listed() -> list[tuple[str, str]]:
    """Each demo and, in a line, what it shows."""
    names = sorted(path.stem for path in DEMOS.glob("[!_]*.py"))
    return [(name, load(name).about()) for name in names]


def load(name: str) -> ModuleType:
    """The demo as a module.

    Raises
    ------
    ValueError
        There is no demo of that name.
    """
    path = DEMOS / f"{name}.py"
    if not name.isidentifier() or not path.is_file():
        known = ", ".join(sorted(p.stem for p in DEMOS.glob("[!_]*.py")))
        raise ValueError(
            _("there is no demo {name}; there are {known}").format(name=name, known=known)
        )
    spec = importlib.util.spec_from_file_location(f"micrograd_es.demos.{name}", path)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
