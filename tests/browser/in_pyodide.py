"""What runs in the site's Python: pytest on the tests, and a stand-in for what is not there.

`words` are those of pytest. The last line that it prints says what passed and what was skipped.
"""

# ruff: noqa: F821
from __future__ import annotations

import builtins
import importlib
import json
import os
import sys
from collections import Counter
from types import SimpleNamespace
from typing import Any

sys.dont_write_bytecode = True  # the folder of the tests is that of the machine
sys.path[:0] = ["/site", "/wheels"]
os.chdir("/project")
os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"

import drawing  # noqa: E402, F401
import js  # noqa: E402
import pytest  # noqa: E402


class Absent:
    """Stands in a test's module for NumPy, and for a name of ours that needs it.

    While tests are collected anything may be done with it; a test that then uses it is skipped.
    """

    running = False

    def __init__(self, *anything: Any) -> None: ...

    def _used(self, *anything: Any, **more: Any) -> Any:
        if Absent.running:
            pytest.skip("needs NumPy")
        return Absent()

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name != "__version__":
            raise AttributeError(name)
        return self._used()

    def __mro_entries__(self, bases: Any) -> tuple[type, ...]:
        return (Absent,)

    def _whole(self, *anything: Any) -> Any:
        pytest.skip("needs NumPy", allow_module_level=True)

    __call__ = __getitem__ = __neg__ = __gt__ = _used
    __float__ = __iter__ = __len__ = _whole


for name in ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul"):
    for side in ("", "r"):
        setattr(Absent, f"__{side}{name}__", Absent._used)

really = builtins.__import__


def of_numpy(error: ImportError) -> bool:
    """Whether it is NumPy that is missing."""
    return "NumPy" in str(error) or (error.name or "").partition(".")[0] == "numpy"


def importing(
    name: str, globals: Any = None, locals: Any = None, fromlist: Any = (), level: int = 0
) -> Any:
    """Imports, and in a module of the tests gives what is absent its stand-in."""
    if not (globals or {}).get("__file__", "").startswith("/project/tests"):
        return really(name, globals, locals, fromlist, level)
    try:
        if not name.startswith("micrograd_es") or not fromlist:
            return really(name, globals, locals, fromlist, level)
        module = importlib.import_module(name)
    except ImportError as error:
        if of_numpy(error):
            return Absent()
        raise
    found = {}
    for each in fromlist:
        try:
            found[each] = getattr(really(name, globals, locals, (each,), level), each)
        except ImportError as error:
            if not of_numpy(error):
                raise
            found[each] = Absent()
        except AttributeError:  # as Python itself says it
            return module
    return SimpleNamespace(**found)


class Plugin:
    """Skips what a browser cannot have, and counts."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()

    def pytest_collection_finish(self) -> None:
        Absent.running = True

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        js.test = nodeid  # for whoever asks what ended the interpreter

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self) -> Any:
        try:
            return (yield)
        except ImportError as error:
            if of_numpy(error):
                pytest.skip("needs NumPy")
            if error.name in ("safetensors", "torch"):
                pytest.skip(f"needs {error.name}")
            raise
        except (OSError, RuntimeError) as error:
            for missing in ("support processes", "start new thread"):
                if missing in str(error):
                    pytest.skip(f"needs {missing.rpartition(' ')[2]}")
            raise

    def pytest_runtest_logreport(self, report: Any) -> None:
        if report.when == "call" or report.skipped or report.failed:
            reason = str(report.longrepr[2]) if report.skipped else report.outcome
            self.counts[reason.removeprefix("Skipped: ")] += 1


try:
    import numpy  # noqa: F401
except ImportError:
    builtins.__import__ = importing

plugin = Plugin()
own = ("-p", "no:cacheprovider", "-p", "no:doctest", "-c", "/dev/null", "--rootdir=/project")
code = pytest.main([*own, "-W", "error", "-q", "--tb=short", *words], plugins=[plugin])
print(json.dumps(plugin.counts))
int(code)
