import numpy as np
import pytest

from micrograd_es.data import digits, moons, names
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
