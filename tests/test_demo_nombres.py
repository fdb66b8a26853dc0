"""The transformer of names: one cost define-by-run and by replay, and a real gradient."""

import numpy as np
import pytest

from micrograd_es.gallery import load


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    return load("nombres").main(tmp_path_factory.mktemp("nombres"), quick=True)


def test_define_by_run_and_replay_have_the_same_costs(result):
    assert result["define_by_run"] == pytest.approx(result["replay"], rel=1e-9)
    assert len(set(result["replay"])) == len(result["replay"])


def test_it_learns_and_invents(result):
    costs, invented = result["costs"], result["names"]
    assert np.mean(costs[-5:]) < np.mean(costs[:5]) - 0.3
    assert all(name.isalpha() and len(name) < 16 for name in invented if name)
    assert result["files"][0].read_text("utf-8").startswith("<svg")


def test_the_gradient_of_a_batch_against_finite_differences():
    task = load("nombres").Names(["ana", "eva", "noa"])
    theta = np.array([p.data for p in task.optimizer.parameters])
    _, gradient = task.replayed(theta, ["ana", "eva"])
    direction = np.random.default_rng(0).standard_normal(theta.shape)
    h = 1e-5
    ahead, behind = (task.replayed(theta + s * h * direction, ["ana", "eva"])[0] for s in (1, -1))
    assert gradient @ direction == pytest.approx((ahead - behind) / (2 * h), rel=1e-6)
    # each letter's embedding has its own share
    letters = gradient[: (task.mark + 1) * 16].reshape(-1, 16)
    present = {*task.codes("ana"), *task.codes("eva")}
    assert {int(k) for k in np.flatnonzero(letters.any(axis=1))} == present
