import numpy as np
import pytest

from micrograd_es.data import circles, digits, moons, names, spirals, xor
from micrograd_es.gallery import load


def test_moons():
    X, y = moons(101, noise=0.0, seed=0)
    assert X.shape == (101, 2)
    assert set(y) == {-1.0, 1.0}
    upper, lower = X[y < 0], X[y > 0]
    np.testing.assert_allclose(np.hypot(*upper.T), 1)
    np.testing.assert_allclose(np.hypot(lower[:, 0] - 1, lower[:, 1] - 0.5), 1)
    np.testing.assert_array_equal(moons(seed=3)[0], moons(seed=3)[0])


def test_digits():
    X, classes = digits()
    assert X.shape == (1797, 64)
    assert X.min() == 0.0
    assert X.max() == 1.0
    assert np.bincount(classes).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]


def test_names():
    assert len(names()) == 1655
    assert names()[0] == "aarón"


def test_there_is_no_such_demo():
    with pytest.raises(ValueError, match="apuntes"):
        load("nada")


@pytest.mark.parametrize("data", [moons, circles, spirals, xor])
def test_points_in_the_plane(data):
    X, y = data(31, noise=0.05, seed=2)
    assert X.shape == (31, 2)
    assert y.shape == (31,)
    assert np.unique(y).tolist() == [-1.0, 1.0]
    assert abs((y < 0).sum() - (y > 0).sum()) == 1
    np.testing.assert_array_equal(X, data(31, noise=0.05, seed=2)[0])
    assert (data(31, noise=0.05, seed=3)[0] != X).all()
    clean = data(4000, noise=0.0)[0]
    assert (data(4000, noise=0.5, seed=1)[0] - clean).std(axis=0) == pytest.approx(0.5, abs=0.02)
    assert data(0)[0].shape == (0, 2)
    with pytest.raises(ValueError, match="n is an integer"):
        data(-1)
    with pytest.raises(ValueError, match="noise"):
        data(noise=-0.1)


def test_where_the_points_are():
    X, y = circles(60, noise=0)
    np.testing.assert_allclose(np.hypot(*X.T), np.where(y < 0, 1.0, 0.5))
    X, y = xor(40, noise=0)
    np.testing.assert_array_equal(y > 0, X[:, 0] != X[:, 1])
    assert len(np.unique(X, axis=0)) == 4
    X, y = spirals(80, noise=0)
    # half a turn brings one arm onto the other, and no two points of both are near
    np.testing.assert_allclose(X[y < 0], -X[y > 0], atol=1e-12)
    apart = np.linalg.norm(X[y < 0][:, None] - X[y > 0], axis=2)
    assert apart.min() > 0.15
