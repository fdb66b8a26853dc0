"""`detect_anomaly`: the first node that turns non-finite, forward and backward."""

from __future__ import annotations

import asyncio
import math
import threading

import pytest

from micrograd_es import AnomalyError, Value, custom, detect_anomaly, dot, grad, vsum, where
from micrograd_es.engine.watching import is_watching, unwatched

FORWARD = {
    "log": (lambda x: x.log(), 0.0, "log gave -inf: log(x=0.0)"),
    "div": (lambda x: 1 / x, 0.0, "div gave inf: div(1.0, x=0.0)"),
    "exp": (lambda x: x.exp(), 1000.0, "exp gave inf: exp(x=1000.0)"),
    "pow": (lambda x: x**0.5, -1.0, "pow gave nan: pow(x=-1.0, 0.5)"),
    "mul": (lambda x: x * 1e300, 1e300, "mul gave inf: mul(x=1e+300, 1e+300)"),
    "sum": (lambda x: vsum([x, x]), 1e308, "sum gave inf: sum(x=1e+308, x=1e+308)"),
    "mul of a dot": (lambda x: dot([x, x], [1.0, 0.0]), math.inf, "mul gave inf: mul(x=inf, 1.0)"),
    "relu": (lambda x: x.relu(), math.nan, "relu gave nan: relu(x=nan)"),
}


@pytest.mark.parametrize("op", FORWARD)
def test_forward_names_the_node_its_operation_and_operands(op):
    f, x, message = FORWARD[op]
    f(Value(x, "x"))  # nobody watches
    with detect_anomaly(), pytest.raises(AnomalyError) as caught:
        f(Value(x, "x"))
    assert str(caught.value) == message
    assert caught.value.node.op == op.split()[0]
    assert caught.value.sample is None
    assert isinstance(caught.value, FloatingPointError)


def test_the_first_node_is_named_and_not_what_follows():
    x = Value(0.0)
    with detect_anomaly(), pytest.raises(AnomalyError) as caught:
        ((x + 1) * x).log().exp() * math.nan
    assert caught.value.node.op == "log"


def test_leaves_may_be_anything():
    with detect_anomaly():
        Value(math.nan)
        assert Value(2.0) * 3 > 5


def test_many_operands_are_cut_short():
    with detect_anomaly(), pytest.raises(AnomalyError) as caught:
        vsum([math.inf] + [1.0] * 20)
    assert str(caught.value).count("1.0") == 9
    assert str(caught.value).endswith("1.0, …)")


def test_a_users_operation_is_watched_too():
    def blow(z):
        return math.inf

    with detect_anomaly(), pytest.raises(AnomalyError, match="blow gave inf"):
        custom(blow, lambda z: 1.0, Value(1.0))


def test_a_branch_that_is_not_taken_is_watched_where_it_is_made():
    x = Value(0.0)
    with detect_anomaly(), pytest.raises(AnomalyError):
        where(x > 0, x.log(), 0.0)


# -- backward -----------------------------------------------------------------------


def test_backward_names_the_edge_and_changes_nothing():
    x = Value(0.0, "x")
    y = x.sqrt()
    z = y * 2 + x
    x.grad, y.grad = 5.0, 7.0
    with detect_anomaly(), pytest.raises(AnomalyError) as caught:
        z.backward()
    assert caught.value.node is y
    assert str(caught.value) == (
        "the gradient of x turned inf, from 2.0 · inf, backward through: sqrt(x=0.0)"
    )
    assert (x.grad, y.grad, z.grad) == (5.0, 7.0, 0.0)
    z.backward()
    assert x.grad == math.inf


def test_grad_is_watched_too():
    x = Value(0.0)
    y = x.sqrt()
    y.label = "root"
    with detect_anomaly(), pytest.raises(AnomalyError, match="operand 1 turned inf") as caught:
        grad(y, x)
    assert str(caught.value).endswith("(the node 'root')")
    with detect_anomaly(), pytest.raises(AnomalyError):
        grad(y, x, create_graph=True)


def test_a_gradient_that_overflows_in_a_sum():
    x = Value(1.0, "x")
    y = x * 1e308 + x * 1e308
    with detect_anomaly(), pytest.raises(AnomalyError, match="turned inf"):
        y.backward()


def test_a_branch_that_was_not_taken_is_no_anomaly():
    x = Value(0.0)
    y = (x.sqrt() - 1).relu() + x
    with detect_anomaly():
        y.backward()
        assert grad(y, x) == 1.0
    assert x.grad == 1.0


def test_what_is_finite_passes():
    with detect_anomaly():
        x = Value(2.0)
        (x * x).backward()
    assert x.grad == 4.0


# -- where it watches ---------------------------------------------------------------


def test_it_ends_with_its_block_and_may_be_nested():
    assert not is_watching()
    with detect_anomaly():
        with detect_anomaly():
            assert is_watching()
        assert is_watching()
        with unwatched():
            assert not is_watching()
            Value(0.0).log()
        assert is_watching()
    assert not is_watching()
    assert Value(0.0).log().data == -math.inf


def test_it_ends_where_an_error_leaves_the_block():
    with pytest.raises(KeyError), detect_anomaly():
        raise KeyError
    with pytest.raises(KeyError), unwatched():
        raise KeyError
    assert not is_watching()


def test_other_threads_are_not_watched():
    found = []
    with detect_anomaly():
        thread = threading.Thread(target=lambda: found.append(Value(0.0).log().data))
        thread.start()
        thread.join()
        assert is_watching()
    assert found == [-math.inf]


def test_other_tasks_are_not_watched():
    async def watched():
        with detect_anomaly():
            await asyncio.sleep(0)
            with pytest.raises(AnomalyError):
                Value(0.0).log()

    async def free():
        await asyncio.sleep(0)
        return Value(0.0).log().data

    async def main():
        return (await asyncio.gather(watched(), free()))[1]

    assert asyncio.run(main()) == -math.inf


def test_as_a_decorator():
    @detect_anomaly()
    def f(x):
        return Value(x).log()

    assert f(1.0).data == 0.0
    with pytest.raises(AnomalyError):
        f(0.0)


def test_a_label_is_written_so_that_it_can_be_read():
    x = Value(0.0, "x\x1b[2J\n")
    with detect_anomaly():
        with pytest.raises(AnomalyError) as forward:
            x.log()
        y = x.sqrt()
        with pytest.raises(AnomalyError) as backward:
            y.backward()
    assert str(forward.value) == r"log gave -inf: log('x\x1b[2J\n'=0.0)"
    assert r"the gradient of 'x\x1b[2J\n' turned inf" in str(backward.value)
