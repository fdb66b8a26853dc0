"""The page of proofs names tests that exist, and shows the operations that there are."""

import ast
import re
from pathlib import Path

import pytest

from micrograd_es.engine.ops import TABLE

ROOT = Path(__file__).resolve().parent.parent
PAGES = ["PROOFS.md", "PRUEBAS.md"]


def existing() -> set[str]:
    """Names of all test functions."""
    found = set()
    for file in (ROOT / "tests").rglob("test_*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                found.add(node.name)
    return found


def read(page: str) -> str:
    return (ROOT / page).read_text("utf-8")


@pytest.mark.parametrize("page", PAGES)
def test_every_test_on_the_page_exists(page):
    named = set(re.findall(r"`(test_\w+)`", read(page)))
    assert len(named) > 25
    assert named <= existing()


@pytest.mark.parametrize("page", PAGES)
def test_every_promise_and_operation_is_on_the_page(page):
    text = read(page)
    for number in range(1, 11):
        assert len(re.findall(rf"^\| {number} \| \*\*", text, re.MULTILINE)) == 1
    for name in TABLE:
        assert len(re.findall(rf"^\| `{name}` \| \d", text, re.MULTILINE)) == 1


@pytest.mark.parametrize("page", PAGES)
def test_no_figure_on_the_page_is_beyond_the_promise(page):
    for name in TABLE:
        figures = re.search(rf"^\| `{name}` \| (.*) \|$", read(page), re.MULTILINE)[1]
        assert all(float(x) <= 4 for x in re.findall(r"\d+\.\d+", figures))


@pytest.mark.parametrize("page", PAGES)
def test_files_and_commands_on_the_page_exist(page):
    for path in re.findall(r"`(?:python )?((?:tests|tools)/[\w.]+)", read(page)):
        assert (ROOT / path).is_file()
    for link in re.findall(r"\]\(([^)#:]+)\)", read(page)):
        assert (ROOT / link).is_file()


def test_both_pages_show_the_same():
    for pattern in (r"`test_\w+`", r"^\| `\w+` \| \d.*"):
        english, spanish = (re.findall(pattern, read(page), re.MULTILINE) for page in PAGES)
        assert english == spanish
