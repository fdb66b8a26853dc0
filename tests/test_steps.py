"""`BackwardPass`: the events, their order, and moving through them."""

from __future__ import annotations

import gc
import math

import pytest

from micrograd_es import BackwardPass, Value, grad, maximum, where


def sample():
    a, b, c = Value(1.0, "a"), Value(2.0, "b"), Value(3.0, "c")
    return 2 * (a * b + c) ** 2, a, b, c


def test_one_event_an_edge():
    f, *_ = sample()
    steps = BackwardPass(f)
    assert steps.root is f
    assert len(steps) == sum(len(v.parents) for v in steps.nodes) == 8
    for e in steps:
        assert e.parent is e.node.parents[e.index]
        assert e.partial == (e.node.partials[e.index] or 0.0)
        assert e.contribution == e.upstream * e.partial
        assert e.after == e.before + e.contribution


def test_nodes_come_after_their_operands():
    steps = BackwardPass(sample()[0])
    place = {v: i for i, v in enumerate(steps.nodes)}
    assert all(place[p] < place[v] for v in steps.nodes for p in v.parents)
    assert steps.nodes[-1] is steps.root


def test_a_node_hands_on_only_what_is_final():
    x = Value(3.0)
    y = x * x
    steps = BackwardPass(y * y + y.tanh() * x)
    for k, e in enumerate(steps):
        assert steps.final_at[e.node] <= k


def test_events_are_indexed_like_a_list():
    steps = BackwardPass(sample()[0])
    assert list(steps) == steps.events == steps[:]
    assert steps[0] is steps.events[0]
    assert steps[-1] is steps.events[-1]
    assert steps[2:4] == steps.events[2:4]
    for k in (8, -9):
        with pytest.raises(IndexError):
            steps[k]


def test_gradients_at_any_place():
    f, a, b, c = sample()
    steps = BackwardPass(f)
    start = steps.at(0)
    assert set(start) == set(steps.nodes)
    assert start.pop(f) == 1.0
    assert set(start.values()) == {0.0}
    end = steps.at(len(steps))
    assert [end[v] for v in (a, b, c)] == grad(f, [a, b, c])
    for k, e in enumerate(steps):
        assert steps.at(k)[e.parent] == e.before
        assert steps.at(k + 1)[e.parent] == e.after


@pytest.mark.parametrize("k", [-1, 9])
def test_places_that_are_not_there(k):
    steps = BackwardPass(sample()[0])
    for method in (steps.at, steps.seek):
        with pytest.raises(IndexError, match=f"8 events, and no place {k}"):
            method(k)
    assert steps.position == 0


def test_forward_and_back():
    steps = BackwardPass(sample()[0])
    assert steps.back() is None
    assert [steps.forward() for _ in range(8)] == steps.events
    assert steps.position == 8
    assert steps.forward() is None
    assert [steps.back() for _ in range(8)] == steps.events[::-1]
    assert steps.position == 0


def test_seeking_both_ways():
    steps = BackwardPass(sample()[0])
    assert steps.seek(5) == steps.at(5)
    assert steps.position == 5
    assert steps.forward() is steps[5]
    assert steps.seek(2) == steps.at(2)
    assert steps.back() is steps[1]


def test_it_changes_no_grad_and_keeps_what_was_recorded():
    f, a, _, _ = sample()
    a.grad = 7.0
    a.data = 100.0
    steps = BackwardPass(f)
    assert steps.at(8)[a] == 40.0
    assert (a.grad, f.grad) == (7.0, 0.0)


def test_branches_not_taken_are_events_that_bring_nothing():
    x = Value(0.0)
    y = where(x > 0, x.log(), x * 2) + maximum(x, 1.0)
    steps = BackwardPass(y)
    assert steps.at(len(steps))[x] == 2.0
    (log,) = [e for e in steps if e.node.op == "log"]
    assert (log.upstream, log.partial, log.contribution) == (0.0, 0.0, 0.0)


def test_numbers_that_are_not_finite():
    x = Value(0.0)
    steps = BackwardPass(x.log() * 2)
    assert steps.at(len(steps))[x] == math.inf


def test_a_leaf_has_no_events():
    x = Value(3.0)
    steps = BackwardPass(x)
    assert (len(steps), list(steps), steps.nodes, steps.at(0)) == (0, [], [x], {x: 1.0})
    assert steps.final_at == {x: 0}
    assert steps.forward() is None


@pytest.mark.parametrize("bad", [3.0, None, "x", [Value(1.0)]])
def test_it_starts_from_a_value(bad):
    with pytest.raises(TypeError, match="starts from a Value"):
        BackwardPass(bad)


def test_a_dropped_pass_is_freed_at_once():
    gc.collect()
    gc.disable()
    try:
        steps = BackwardPass(sample()[0])
        steps.seek(3)
        del steps
        assert gc.collect() == 0
    finally:
        gc.enable()


def test_a_page_of_its_own(tmp_path):
    steps = BackwardPass(sample()[0])
    path = tmp_path / "steps.html"
    steps.save_html(path)
    assert path.read_text("utf-8").startswith("<!doctype html>")
    assert "<iframe" in steps._repr_html_()
    with pytest.raises(ValueError, match="8"):
        steps.save_html(tmp_path / "other.html", limit=7)
    assert not (tmp_path / "other.html").exists()


def test_play_without_a_terminal_prints_every_event(capsys):
    BackwardPass(sample()[0]).play()
    assert "40" in capsys.readouterr().out
