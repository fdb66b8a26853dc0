"""The benchmarks run, their contestants agree, and the table says what was measured."""

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from benchmarks import define_by_run, replay, table
from benchmarks.__main__ import measure
from benchmarks.table import Bar, Row
from benchmarks.timing import agree
from micrograd_es.engine.graph import topological_order


def test_the_cheap_rows_run(capsys):
    rows = measure(["slots", "moons", "written-out", "digits", "gpt"], quick=True)
    assert len(rows) == 7 + bool(find_spec("jax"))  # against which one row is
    assert "left out" not in capsys.readouterr().err
    rows += measure(["xad"], quick=True)  # nothing, where that is not installed
    assert all(row.ratio > 0 for row in rows)


def test_the_rows_of_trainings_on_jax_run():
    pytest.importorskip("jax")
    program = """if True:
        from benchmarks.__main__ import measure
        rows = measure(["moons-on-jax", "digits-on-jax", "gpt-on-jax"], quick=True)
        assert len(rows) == 3 and all(row.ratio > 0 for row in rows)
    """
    root = Path(__file__).parent.parent
    subprocess.run([sys.executable, "-c", program], cwd=root, check=True, timeout=900)


def test_a_contestant_that_is_absent_leaves_its_row_out(monkeypatch, capsys):
    def absent(quick):
        raise table.Missing("no module named x")
        yield

    monkeypatch.setitem(measure.__globals__["ROWS"], "moons", absent)
    assert measure(["moons"], quick=True) == []
    assert "left out: no module named x" in capsys.readouterr().err


def test_contestants_that_disagree_are_not_timed():
    with pytest.raises(AssertionError, match="b against a"):
        agree({"a": (1.0, [1.0, 2.0]), "b": (1.0, [1.0, 2.1])})


def test_growing_graphs_have_the_size_that_they_claim():
    for graph in (
        define_by_run.chain,
        define_by_run.wide,
        define_by_run.diamond,
        define_by_run.fibonacci,
        define_by_run.network,
    ):
        assert len(topological_order(graph(3000))) == pytest.approx(3000, rel=0.15)


def test_the_matrices_of_the_hand_written_step_are_the_models():
    work = replay.Moons()
    for (w, b), layer in zip(work.matrices(work.theta), work.model.layers):
        assert w.tolist() == [[v.data for v in neuron.w] for neuron in layer.neurons]
        assert b.tolist() == [neuron.b.data for neuron in layer.neurons]


def test_the_table_is_in_one_place_and_some_rows_between_the_markers(tmp_path, monkeypatch):
    monkeypatch.setattr(table, "ROOT", tmp_path)
    monkeypatch.setattr(table, "__file__", str(tmp_path / "table.py"))
    for name in ("README.md", "README.es.md"):
        (tmp_path / name).write_text(f"before\n{table.BEGIN}\nold\n{table.END}\nafter\n", "utf-8")
    rows = [
        Row("a step", 2.5, "4 ms : 10 ms", Bar(low=2), Bar(low=3), spanish="un paso"),
        Row("1,000,000 nodes", 13770.2, "1,2 MB", spanish="1,000,000 nodos"),
        Row("a page", 0.25, "1 MB", in_seconds=True),
        Row("a long step", 1.5, "4 ms : 6 ms", Bar(low=2), short="it is long"),
    ]
    assert len(table.write(rows)) == 3
    spanish = (tmp_path / "README.es.md").read_text("utf-8")
    assert spanish.startswith(f"before\n{table.BEGIN}\n| trabajo |")
    assert spanish.endswith(f"{table.END}\nafter\n")
    assert "| un paso | 2.5× | 4 ms : 10 ms |" in spanish
    assert "| 1 000 000 nodos | 13 770× | 1,2 MB |" in spanish
    assert spanish.count("\n|") == 2 + 2
    assert "old" not in spanish
    english = (tmp_path / "README.md").read_text("utf-8")
    assert "| 1,000,000 nodes | 13,770× | 1,2 MB |" in english
    assert english.count("\n|") == spanish.count("\n|")
    whole = (tmp_path / "RESULTS.md").read_text("utf-8")
    assert "| a step | 2.5× | ≥ 2× | ≥ 3× | yes | 4 ms : 10 ms |" in whole
    assert "| a page | 250 ms |  |  |  | 1 MB |" in whole
    assert "| a long step | 1.5× | ≥ 2× |  | **no** (it is long) | 4 ms : 6 ms |" in whole


@pytest.mark.parametrize(
    ("bar", "ratio", "reached"),
    [
        (Bar(low=12), 11.9, False),
        (Bar(low=12), 12.0, True),
        (Bar(high=0.5), 0.6, False),
        (Bar(low=5, high=20), 10, True),
        (Bar(low=5, high=20), 21, False),
    ],
)
def test_a_bar(bar, ratio, reached):
    assert bar.reached(ratio) is reached
