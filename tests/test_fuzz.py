"""The fuzzer runs, takes and refuses, and notices what goes wrong."""

import sys

import pytest

from tools import fuzz


def test_a_short_run(capsys):
    assert fuzz.fuzz(3000, seed=7) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.partition(":")[0] for line in lines[:-1]] == [
        "expressions", "model files", "queries", "requests"
    ]  # fmt: skip
    for line in lines[:-1]:
        assert "of seed 7" in line
        assert " 0 taken" not in line
        assert " 0 refused" not in line


@pytest.mark.parametrize(
    ("read", "says", "seconds"),
    [
        (lambda given: 1 / 0, "ZeroDivisionError", 60.0),
        (lambda given: sys.exit(), "SystemExit", 60.0),
        pytest.param(
            lambda given: [None for _ in iter(int, 1)],
            "Hang",
            0.05,
            marks=pytest.mark.skipif(sys.platform == "win32", reason="needs an alarm of POSIX"),
        ),
    ],
)
def test_what_goes_wrong_is_printed_and_counted(read, says, seconds, monkeypatch, capsys):
    monkeypatch.setattr(fuzz, "SECONDS", seconds)
    monkeypatch.setattr(fuzz, "targets", lambda folder: [("this", 1, lambda r: r.random(), read)])
    assert fuzz.fuzz(2, seed=3) == 2
    out = capsys.readouterr().out
    assert "this, seed 3, input 1: 0." in out
    assert says in out
    assert "2 went wrong" in out


def test_an_input_follows_from_its_seed_and_number(tmp_path):
    for name, _, make, _ in fuzz.targets(tmp_path):
        inputs = [make(fuzz.Random(f"{name} 1 {k}")) for k in (5, 5, *range(40))]
        assert inputs[0] == inputs[1]
        assert len(set(map(repr, inputs))) > 10
