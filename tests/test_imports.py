"""Rooms: a file imports only from its own room and from rooms above it in the README's map."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "micrograd_es"
# Methods that only hand on to what stands above them in the same room, when they are called.
FACADES = {
    ("engine.dispatch", "engine.numpys"),
    ("stepping.steps", "stepping.page"),
    ("stepping.steps", "stepping.terminal"),
    ("formulas.symbols", "formulas.writing"),
    ("nn.module", "nn.samples"),
}


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__")


FILES = {
    name_of(path): path for path in sorted(PACKAGE.rglob("*.py")) if path.name != "__main__.py"
}
del FILES["__init__"]


def the_map(readme: str, heading: str) -> list[list[str]]:
    """The names in the first column of the table, row by row; folders end in a slash."""
    section = (ROOT / readme).read_text("utf-8").split(f"\n## {heading}\n")[1].split("\n## ")[0]
    rows = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `")]
    return [re.findall(r"`([^`]+)`", row) for row in rows]


ROWS = the_map("README.md", "The map")
FLOOR = {name: floor for floor, row in enumerate(ROWS) for name in row}


def floor(module: str) -> int:
    """Where a file stands, counted from the top of the map."""
    return FLOOR[module if module in FLOOR else module.split(".")[0] + "/"]


def imports(path: Path) -> Iterator[tuple[str, bool]]:
    """The files of this package that a file imports, and whether only when it is called.

    What is imported for types alone counts too: a reader has to know it.
    """

    def walk(node: ast.AST, called: bool) -> Iterator[tuple[str, bool]]:
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
        "from micrograd_es.engine.ops import TABLE\nfrom micrograd_es.engine import graph\n"
        "if TYPE_CHECKING:\n    from micrograd_es.tape.tape import Tape\n"
        "class A:\n    import micrograd_es.nn\n"
        "    def f(self):\n        from micrograd_es.stepping import page\n"
    )
    assert set(imports(file)) == {
        ("engine.ops", False), ("engine.graph", False), ("engine", False), ("tape.tape", False),
        ("nn", False), ("stepping.page", True), ("stepping", True),
    }  # fmt: skip


def test_the_map_has_every_room_and_file_once_in_at_most_twelve_rows():
    rooms = {name.split(".")[0] + "/" if "." in name else name for name in FILES}
    rooms -= {room.removesuffix("/") for room in rooms if room.endswith("/")}
    named = [name for row in ROWS for name in row]
    assert sorted(named) == sorted(rooms)
    assert len(ROWS) <= 12


def test_both_languages_have_the_same_map():
    assert the_map("README.es.md", "El mapa") == ROWS


@pytest.mark.parametrize("room", [name for name in FLOOR if name.endswith("/")])
def test_a_room_states_its_reason_in_a_line(room):
    tree = ast.parse((PACKAGE / room / "__init__.py").read_text("utf-8"))
    reason, *more = (ast.get_docstring(tree) or "").splitlines()
    assert reason.endswith(".")
    assert not more or more[0] == ""


@pytest.mark.parametrize("module", FILES)
def test_a_file_imports_only_from_its_room_and_from_rooms_above(module):
    room = module.split(".")[0]
    for other, _called in imports(FILES[module]):
        if other.split(".")[0] != room:
            beside = floor(other) == floor(module) and "." not in module + other
            assert beside or floor(other) < floor(module), f"{module} imports {other}"


def test_no_two_files_import_each_other_in_a_circle():
    needed = {
        name: {other for other, _ in imports(path) if (name, other) not in FACADES} - {name}
        for name, path in FILES.items()
    }
    # that a room is imported with a file of it is Python's doing, and no arrow
    for name in needed:
        needed[name] -= {o for o in needed[name] if any(x.startswith(o + ".") for x in FILES)}
    while needed:
        free = [name for name, others in needed.items() if not others & needed.keys()]
        assert free, f"a circle among {sorted(needed)}"
        for name in free:
            del needed[name]


def test_what_only_hands_on_is_still_there_and_imports_when_called():
    for module, other in FACADES:
        assert module.split(".")[0] == other.split(".")[0]
        assert {called for found, called in imports(FILES[module]) if found == other} == {True}


def test_the_table_imports_nothing_of_the_package():
    assert list(imports(FILES["engine.ops"])) == []
