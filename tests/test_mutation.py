"""The checkers are checked: errors planted in the rules and in the chain are seen."""

import sys
from pathlib import Path

import pytest

from micrograd_es.engine.ops import TABLE

sys.path.append(str(Path(__file__).resolve().parent.parent / "tools"))
import mutation

NAMED = {mutant.what: mutant for mutant in mutation.PLANTED}


@pytest.mark.parametrize("mutant", NAMED.values(), ids=NAMED)
def test_what_is_planted_has_its_place_in_the_source(mutant):
    assert mutant.old in mutant.file.read_text("utf-8")
    assert mutant.old != mutant.new


@pytest.mark.parametrize(
    "what", ["a gradient overwrites", "a half is lost in sqrt'", "1e-10 in sigmoid'"]
)
def test_oracles_see_what_is_planted(what):
    oracle = "test_rationals.py" if what == "a gradient overwrites" else "test_ops.py"
    assert mutation.seen(NAMED[what], (oracle,))


def test_nothing_is_seen_where_nothing_is_planted():
    assert not mutation.seen(
        mutation.Mutant("nothing", "ops", "", "", "sigmoid and "), ("test_ops.py",)
    )


def test_what_has_no_place_any_more_is_an_error():
    with pytest.raises(ValueError, match="any more"):
        mutation.seen(mutation.Mutant("gone", "ops", "no such text", ""))


def test_the_changes_reach_every_text_of_the_table():
    mutants = list(mutation.table_mutants())
    assert len(mutants) > 300
    assert {mutant.what.split(".")[0] for mutant in mutants} == set(TABLE)
    assert len({mutant.what for mutant in mutants}) == len(mutants)
