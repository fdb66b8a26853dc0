"""What users import, and what a reader meets on opening a file."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest

import micrograd_es

PACKAGE = Path(micrograd_es.__file__).parent
FILES = sorted(PACKAGE.rglob("*.py"))
NAMES = {
    "Adam", "AnomalyError", "BackwardPass", "ConvergenceWarning", "Layer", "MLP",
    "ModelFormatError", "Module", "Net", "Neuron", "SGD", "Tape", "Value",
    "binary_cross_entropy", "binary_cross_entropy_with_logits", "check_gradient",
    "cross_entropy", "custom", "d_sigmoid", "detect_anomaly", "dot", "draw_graph",
    "draw_network", "explain", "fit", "grad", "GradientError", "hinge", "maximum", "minimum", "mse",
    "sigmoid", "sum_squares", "vsum", "where", "softmax", "log_softmax", "logsumexp", "AdamW",
    "clip_norm", "Sequential", "Embedding", "LayerNorm", "RNN", "GRU", "Conv2d", "MaxPool2d",
    "SelfAttention", "Dropout",
}  # fmt: skip


def public(module):
    things = {name: getattr(module, name) for name in dir(module) if not name.startswith("_")}
    return {name: thing for name, thing in things.items() if not inspect.ismodule(thing)}


def test_all_is_sorted_and_is_all():
    assert micrograd_es.__all__ == sorted(set(micrograd_es.__all__))
    assert set(micrograd_es.__all__) == public(micrograd_es).keys()


def test_the_names_of_the_contract():
    assert set(micrograd_es.__all__) >= NAMES


def test_names_as_micrograd_has_them():
    engine = importlib.import_module("micrograd_es.engine")
    nn = importlib.import_module("micrograd_es.nn")
    assert engine.Value is micrograd_es.Value
    for name in ("Module", "Neuron", "Layer", "MLP"):
        assert getattr(nn, name) is getattr(micrograd_es, name)


def test_data_are_there_without_an_import_of_their_own():
    text = "import micrograd_es; print(micrograd_es.data.xor(4, seed=0)[0].shape)"
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True)
    assert done.stdout == "(4, 2)\n", done.stderr


# -- docstrings ---------------------------------------------------------------------


def documented():
    """Every public object, and the public methods of every public class."""
    for name in micrograd_es.__all__:
        thing = getattr(micrograd_es, name)
        yield name, thing
        if inspect.isclass(thing):
            for attribute, member in vars(thing).items():
                if not attribute.startswith("_") and (
                    inspect.isfunction(member) or isinstance(member, (property, classmethod))
                ):
                    yield f"{name}.{attribute}", member


@pytest.mark.parametrize("thing", [t for _, t in documented()], ids=[n for n, _ in documented()])
def test_a_docstring_says_in_its_first_line_what_there_is(thing):
    doc = inspect.getdoc(thing)
    assert doc
    first, *rest = doc.splitlines()
    assert first.rstrip("`").endswith((".", ":")), "the first line is a sentence of its own"
    assert len(first) <= 100
    assert not rest or rest[0] == ""


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_a_file_says_what_it_is_and_each_public_definition_too(path):
    tree = ast.parse(path.read_text("utf-8"))
    if path.name != "__main__.py":
        assert ast.get_docstring(tree)
    for node in tree.body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and not node.name.startswith("_"):
            overloaded = any("overload" in ast.unparse(d) for d in node.decorator_list)
            assert overloaded or ast.get_docstring(node), node.name


# -- size ---------------------------------------------------------------------------


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_line_budget(path):
    assert len(path.read_text("utf-8").splitlines()) <= 400


def chapters():
    """What the README calls the core: the files of each of its two chapters."""
    text = (PACKAGE.parent / "README.md").read_text("utf-8")
    found = re.findall(r"^\* \*\*(the [\w ]+)\*\*: (.*?)$", text, re.MULTILINE)
    return {name: re.findall(r"`(engine/\w+)`", files) for name, files in found}


def test_the_core_has_two_chapters():
    assert {name: len(files) for name, files in chapters().items()} == {
        "the graph": 2,
        "the calculus": 2,
    }


@pytest.mark.parametrize("chapter", chapters())
def test_line_budget_of_the_core(chapter):
    """A chapter without blank lines and docstrings: one sitting."""
    lines = 0
    for name in chapters()[chapter]:
        tree = ast.parse((PACKAGE / f"{name}.py").read_text("utf-8"))
        documented = (ast.Module, ast.ClassDef, ast.FunctionDef)
        for node in ast.walk(tree):
            if isinstance(node, documented) and ast.get_docstring(node):
                node.body.pop(0)
                node.body = node.body or [ast.Pass()]
        lines += len(ast.unparse(tree).splitlines())
    assert 100 < lines <= 330


# -- importing ----------------------------------------------------------------------


def test_importing_brings_in_no_extra():
    extras = ("torch", "jax", "uvicorn", "playwright", "hypothesis", "sympy", "pytest")
    program = f"import sys, micrograd_es; print([m for m in {extras!r} if m in sys.modules])"
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        check=True, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert result.stdout.strip() == "[]"


def test_types_are_for_users_too():
    assert (PACKAGE / "py.typed").exists()


def test_the_version_is_the_one_installed():
    from importlib.metadata import version

    assert version("micrograd-es").count(".") == 2
