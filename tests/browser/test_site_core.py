"""The tests of the core in the site's own Python: Pyodide under node, with the site's modules.

With NumPy all of it runs where the site was built with its wheel (``--numpy FILE``). What needs
NumPy is else skipped, and counted; so are threads, processes and other packages where a test
asks for them: a browser has none.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from test_site_pages import SITE, tool

from conftest import without

pytestmark = pytest.mark.browser

HERE = Path(__file__).resolve().parent
TESTS = HERE.parent

# Files that are not about the package itself.
ELSEWHERE = {
    "the repository, its documents, tools and demos": (
        "bad_input benchmarks browsers demo_nombres demos fuzz i18n imports mutation new_row"
        " notebooks notes numpy proofs public readme site"
    ),
    "other programs: a server, a compiler, JAX, other processes": (
        "backends native play storage without_numpy"
    ),
    "a disk: links, pipes, owners, and what happens when it is full": "files",
}
# Files about arrays, from their first line to their last.
ARRAYS = (
    "checking data net plots predict recorded tape tape_blocks tape_branches tape_derived"
    " tape_elsewhere tape_odd torch train"
)
# Tests by the beginning of their name.
NOT_THERE = {
    "a chain so long that the stack of a browser ends, and with it the interpreter": (
        "test_copying.py::test_deep_and_wide",
        "test_derivative.py::test_a_long_chain_has_a_graph_of_its_derivative",
        "test_draw.py::test_a_chain_of_100_000_nodes_is_refused_at_once",
        "test_explain.py::test_a_graph_of_a_hundred_thousand_nodes",
        "test_leaving.py::test_what_is_remembered_keeps_no_graph",
        "test_nodes.py::test_a_deep_graph_of_other_nodes_is_freed_too",
        "test_promises.py::test_promise_4",
        "test_source.py::test_large_graphs",
        "test_tape.py::test_a_deep_chain",
    ),
    "PNG and PDF, which the site's Graphviz does not write, and other programs that draw": (
        "test_draw.py::test_a_large_graph_shows_folded_or_as_text",
        "test_draw.py::test_a_pdf_does_not_tell_the_time",
        "test_draw.py::test_a_value_shows_its_graph_in_a_notebook",
        "test_draw.py::test_a_value_without_a_renderer_shows_as_text",
        "test_draw.py::test_formats",
        "test_draw.py::test_the_dot_program_draws_where_it_is",
        "test_draw.py::test_where_there_is_neither_the_error_says_what_to_install",
        "test_plots.py::test_a_png_stands_beside_it_with_what_the_svg_shows",
        "test_labels.py::test_a_drawing",
    ),
    "the demos, which are not in the site": (
        "test_cli.py::test_demo_alone_lists_the_demos",
        "test_data.py::test_there_is_no_such_demo",
    ),
    "Python's own sources, which are in an archive there": (
        "test_caller.py::test_every_instruction_of_real_programs_can_be_read",
    ),
    "safetensors, which writes the files of models, and is missing too late to be skipped": (
        "test_state_machine.py::TestEngine",
    ),
    "a terminal": (
        "test_player.py::test_a_terminal_that_goes_away_ends_the_player",
        "test_player.py::test_keys_of_a_terminal",
    ),
    "an event loop of its own: a browser has one": (
        "test_anomaly.py::test_other_tasks_are_not_watched",
        "test_watching.py::test_other_tasks_record",
    ),
}

# What without NumPy is seen to be missing too late to be skipped.
NEEDS_NUMPY = (
    "test_custom.py::test_division_by_zero_is_ieees",
    "test_custom.py::test_what_only_numpys_floats_have",
    "test_functions.py::test_where_takes_the_branch_that_the_condition_says",
    "test_ops.py::test_pow_has_its_higher_derivatives_at_and_next_to_zero",
)


def ran(numpy: bool) -> dict[str, int]:
    """What came of the tests in Pyodide: how many passed, and how many were skipped for what."""
    node = shutil.which("node")
    if node is None or not (SITE / "index.html").exists():
        without("the site, or node (python tools/site.py builds it)")
    wheels = tool("site").downloaded(HERE / "in_pyodide.txt")
    files = set(TESTS.glob("test_*.py"))
    for names in (*ELSEWHERE.values(), "" if numpy else ARRAYS):
        files -= {TESTS / f"test_{name}.py" for name in names.split()}
    words = [f"tests/{path.name}" for path in sorted(files)]
    left = [*NOT_THERE.values(), *([] if numpy else [NEEDS_NUMPY])]
    words += [f"--deselect=tests/{name}" for names in left for name in names]
    done = subprocess.run(
        [node, HERE / "in_pyodide.mjs", SITE, wheels, TESTS, HERE / "in_pyodide.py",
         "numpy" if numpy else "", *words],
        capture_output=True, text=True, encoding="utf-8", timeout=1500,
    )  # fmt: skip
    assert done.returncode == 0, (done.stdout + done.stderr)[-20_000:]
    counts: dict[str, int] = json.loads(done.stdout.splitlines()[-1])
    return counts


def test_what_is_left_out_is_there():
    for names in (*ELSEWHERE.values(), ARRAYS):
        for name in names.split():
            assert (TESTS / f"test_{name}.py").exists(), name
    for names in (*NOT_THERE.values(), NEEDS_NUMPY):
        for name in names:
            path, _, test = name.partition("::")
            assert re.search(rf"^(def )?{test}", (TESTS / path).read_text("utf-8"), re.M), name


def test_the_core_passes_its_tests_in_pyodide(capsys):
    counts = ran(numpy=False)
    with capsys.disabled():
        print("\nin Pyodide without NumPy:", json.dumps(counts))
    assert counts["passed"] > 2500


def test_with_numpy_what_needs_it_passes_too(capsys):
    if not list((SITE / "pyodide").glob("numpy*.whl")):
        pytest.skip("the site was built without NumPy's wheel (--numpy FILE)")
    counts = ran(numpy=True)
    with capsys.disabled():
        print("\nin Pyodide with NumPy:", json.dumps(counts))
    assert counts["passed"] > 4500
    assert "needs NumPy" not in counts
