"""Floors: a file imports only from files above it in the README's map."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "micrograd_es"
# What the README says goes the other way, and only when it is called.
LATER = {("steps", "page"), ("steps", "player"), ("symbols", "writing")}


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__")


FILES = {
    name_of(path): path for path in sorted(PACKAGE.rglob("*.py")) if path.name != "__main__.py"
}
del FILES["__init__"]


def the_map(readme: str, heading: str) -> list[str]:
    """The names in the first column of the table, in order; folders end in a slash."""
    section = (ROOT / readme).read_text("utf-8").split(f"\n## {heading}\n")[1].split("\n## ")[0]
    rows = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `")]
    return [name for row in rows for name in re.findall(r"`([^`]+)`", row)]


FLOORS = the_map("README.md", "The map")


def floor(module: str) -> int:
    """Where a file stands, counted from the top of the list."""
    return FLOORS.index(module if module in FLOORS else module.split(".")[0] + "/")


def imports(path: Path) -> Iterator[tuple[str, bool]]:
    """The files of this package that a file imports, and whether only when it is called."""

    def walk(node: ast.AST, called: bool) -> Iterator[tuple[str, bool]]:
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            return
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports say where from in full"
            for alias in node.names:
                yield f"{node.module}.{alias.name}", called
                yield str(node.module), called
        elif isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, called
        called = called or isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
        for child in ast.iter_child_nodes(node):
            yield from walk(child, called)

    for name, called in walk(ast.parse(path.read_text("utf-8")), False):
        module = name.removeprefix("micrograd_es.")
        if name != module and module in FILES:
            yield module, called


def test_the_reader_of_imports_sees_them(tmp_path):
    file = tmp_path / "file.py"
    file.write_text(
        "import math\nfrom typing import TYPE_CHECKING\n"
        "from micrograd_es.ops import TABLE\nfrom micrograd_es import chain\n"
        "if TYPE_CHECKING:\n    from micrograd_es.engine import Value\n"
        "class A:\n    import micrograd_es.nn\n"
        "    def f(self):\n        from micrograd_es import page\n"
    )
    assert set(imports(file)) == {("ops", False), ("chain", False), ("nn", False), ("page", True)}


def test_the_map_has_every_file_and_nothing_else():
    files = {name if "." not in name else name.split(".")[0] + "/" for name in FILES}
    files = {name for name in files if name + "/" not in files}
    folders = {name for name in FLOORS if name.endswith("/")} - files
    assert set(FLOORS) - folders == files
    assert all((PACKAGE / name).is_dir() for name in folders)


def test_nothing_stands_in_the_map_twice():
    assert sorted(FLOORS) == sorted(set(FLOORS))


def test_both_languages_have_the_same_map():
    assert the_map("README.es.md", "El mapa") == FLOORS


@pytest.mark.parametrize("module", FILES)
def test_a_file_imports_only_from_above(module):
    for other, called in imports(FILES[module]):
        if (module, other) in LATER:
            assert called, f"{module} imports {other} when it is imported itself"
        elif floor(other) != floor(module):
            assert floor(other) < floor(module), f"{module} imports {other}"


def test_what_goes_the_other_way_is_still_there():
    assert all(other in {m for m, _ in imports(FILES[module])} for module, other in LATER)


@pytest.mark.parametrize("folder", ["tape", "play"])
def test_no_circle_inside_a_folder(folder):
    inside = {
        name: {o for o, called in imports(path) if not called and o.startswith(folder + ".")}
        for name, path in FILES.items()
        if name.startswith(folder + ".")
    }
    while inside:
        free = [name for name, needed in inside.items() if not needed & inside.keys()]
        assert free, f"a circle among {sorted(inside)}"
        for name in free:
            del inside[name]


def test_the_table_imports_nothing_of_the_package():
    assert list(imports(FILES["ops"])) == []
