"""Bad input: the error that it is, wherever it comes in, and nothing half done."""

import errno
import os
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest

from micrograd_es import (
    MLP,
    SGD,
    Adam,
    BackwardPass,
    Layer,
    Net,
    Neuron,
    Tape,
    Value,
    binary_cross_entropy,
    check_gradient,
    cli,
    cross_entropy,
    custom,
    dot,
    draw_graph,
    draw_network,
    explain,
    fit,
    grad,
    hinge,
    maximum,
    minimum,
    mse,
    set_language,
    sum_squares,
    vsum,
    where,
)
from micrograd_es.expression import parse
from tools.fuzz import Server

V, MODEL, NEURON = Value(0.5, "v"), MLP(2, [2, 1], seed=0), Neuron(2, seed=0)
LAYER = Layer(2, 2, seed=0)
TAPE = Tape(V * V * Value(2.0), [], [V])
ROWS = Tape(V * V, [V])
NET = Net(2, seed=0)


def set_data(x):
    V.data = x


def set_theta(x):
    TAPE.theta = [x]


def set_W(x):
    NET.W = [[[x, 0.5]], [[0.5, 0.5]]]


def trained(X, Y):
    model = MLP(2, [1], seed=0)
    return fit(model, X, Y, mse, SGD(model.parameters()), epochs=1, progress=False)


#: Wherever one number goes: a function of that number.
PLACES = {
    "Value": Value,
    "data": set_data,
    "+": lambda x: V + x,
    "r+": lambda x: x + V,
    "-": lambda x: V - x,
    "r-": lambda x: x - V,
    "*": lambda x: V * x,
    "/": lambda x: V / x,
    "r/": lambda x: x / V,
    "**": lambda x: V**x,
    "r**": lambda x: x**V,
    "<": lambda x: x > V,
    ">=": lambda x: x <= V,
    "vsum": lambda x: vsum([V, x]),
    "dot": lambda x: dot([V, 1.0], [V, x]),
    "r dot": lambda x: dot([x], [V]),
    "maximum": lambda x: maximum(V, x),
    "minimum": lambda x: minimum(x, V),
    "method maximum": lambda x: V.maximum(x),
    "method hypot": lambda x: V.hypot(x),
    "where": lambda x: where(V > 0, x, V),
    "custom": lambda x: custom(lambda a: 1.0, lambda a: 0.0, x),
    "result of custom": lambda x: custom(lambda a: x, lambda a: 0.0, V),
    "partial of custom": lambda x: custom(lambda a: a, lambda a: x, V),
    "Neuron": lambda x: NEURON([x, 1.0]),
    "Layer": lambda x: LAYER([V, x]),
    "MLP": lambda x: MODEL([1.0, x]),
    "sum_squares": lambda x: sum_squares([V, x], [1.0, 0.0]),
    "mse": lambda x: mse([V], [x]),
    "hinge": lambda x: hinge(x, 1.0),
    "binary_cross_entropy": lambda x: binary_cross_entropy([0.5, V], [0.5, x]),
    "cross_entropy": lambda x: cross_entropy([V, x], 1),
    "check_gradient": lambda x: check_gradient(lambda a: a * 2.0, [x]),
    "theta": set_theta,
    "value": lambda x: ROWS.value([[1.0], [x]]),
    "value at theta": lambda x: TAPE.value(theta=[x]),
    "weights": lambda x: TAPE.value_and_grad(weights=[x]),
    "cotangent": lambda x: TAPE.vjp(None, [x]),
    "W": set_W,
    "predict": lambda x: NET.predict([x, 1.0]),
    "gradients": lambda x: NET.gradients([1.0, 0.0], [x, 1.0]),
    "learn": lambda x: NET.learn([[x, 1.0]], [[0.5, 0.5]], tol=1e9),
    "fit X": lambda x: trained([[1.0, x]], [1.0]),
    "fit Y": lambda x: trained([[1.0, 2.0]], [x]),
    "expression": lambda x: parse("a*a", {"a": x}),
}

WRONG = {
    "text": "1",
    "bytes": b"1",
    "None": None,
    "complex": 1j,
    "complex128": np.complex128(1),
    "True": True,
    "bool_": np.bool_(False),
    "set": {1.0},
    "object": object(),
    "type": float,
    "function": len,
    "text of NumPy": np.str_("1"),
    "date": np.datetime64("2020-01-01"),
    "days": np.timedelta64(3, "D"),
}


def state():
    return (
        V.data,
        V.label,
        TAPE.theta.tolist(),
        NET.W.tolist(),
        [p.data for p in MODEL.parameters()],
    )


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
@pytest.mark.parametrize("place", PLACES)
def test_what_is_no_real_number_is_a_type_error(place, wrong):
    before = state()
    with pytest.raises(TypeError):
        PLACES[place](wrong)
    assert state() == before


@pytest.mark.parametrize("place", PLACES)
def test_an_integer_beyond_a_float_is_an_overflow_error(place):
    before = state()
    for huge in 10**400, -(10**400), Fraction(10**400, 3):
        with pytest.raises(OverflowError):
            PLACES[place](huge)
    assert state() == before


#: Where one number belongs and an array is not taken element by element.
SINGLE = [
    "Value", "data", "vsum", "dot", "r dot", "custom", "result of custom", "partial of custom",
    "Neuron", "Layer", "MLP", "sum_squares", "mse", "binary_cross_entropy", "cross_entropy",
    "check_gradient", "theta", "value", "value at theta", "weights", "cotangent", "W", "predict",
    "gradients", "learn", "fit X", "fit Y", "expression",
]  # fmt: skip


@pytest.mark.parametrize("place", SINGLE)
@pytest.mark.parametrize(
    "several", [np.array([1.0, 2.0]), np.array([]), np.zeros((2, 2)), [1.0, 2.0]], ids=repr
)
def test_several_numbers_where_one_belongs(place, several):
    before = state()
    with pytest.raises((TypeError, ValueError)) as caught:
        PLACES[place](several)
    assert type(caught.value) in (TypeError, ValueError)
    assert state() == before


NUMBERS = [
    1, 1.0, Fraction(3, 3), Decimal("1.0"), np.float64(1), np.float32(1), np.float16(1),
    np.longdouble(1), np.int8(1), np.uint8(1), np.int64(1), np.uint64(1),
]  # fmt: skip


@pytest.mark.parametrize("place", PLACES)
def test_every_real_number_does(place, fresh):
    outcomes = [repr(PLACES[place](one)) for one in NUMBERS]
    assert len(set(outcomes)) == 1


@pytest.fixture
def fresh():
    """What the places change is as before afterwards."""
    data, theta, W = V.data, TAPE.theta, NET.W
    yield
    V.data, TAPE.theta, NET.W = data, theta, W


@pytest.mark.parametrize("kind", [np.uint8, np.int8, np.uint16, np.float16, np.float32])
def test_small_numbers_of_numpy_do_not_wrap_or_round(kind, fresh):
    one, sum_ = kind(100), Value(kind(100)) + kind(100)
    assert sum_.data == 200.0
    assert (sum_ * kind(100) * one).data == 2e6
    assert vsum([one, one, one]).data == 300.0
    assert dot([one, one], [one, one]).data == 20_000.0
    assert sum_squares(np.array([one]), np.array([kind(0)])) == 10_000.0
    assert maximum(one, one).data == 100.0
    TAPE.theta = np.array([one])
    assert TAPE.value(theta=np.array([one])).item() == 20_000.0
    assert ROWS.value(np.array([[one]])).item() == 10_000.0
    linear = Net(2, g=lambda z: z, d_g=lambda z: z * 0 + 1)
    linear.W, linear.B = np.full((2, 1, 2), one), np.zeros((2, 1), kind)
    assert linear.predict(np.array([one, one])).tolist() == [20_000.0, 20_000.0]


def test_numbers_are_exact_to_the_last_bit():
    assert Value(Fraction(1, 3)).data == 1 / 3
    assert Value(Decimal("0.1")).data == 0.1
    assert Value(2**53 + 1).data == 2.0**53
    assert Value(np.uint64(2**64 - 1)).data == 2.0**64
    assert Value(np.float32(0.1)).data == float(np.float32(0.1)) != 0.1


@pytest.mark.parametrize(
    "numbers",
    [[[1.0, True]], [[True, 1]], [[1.0, np.True_]], [(1.0, False)], [np.array([True, False])],
     [[Fraction(1), True]], np.array([[True, False]]), [[None, 1.0]], [["1", 1.0]], [[1j, 1.0]]],
    ids=repr,
)  # fmt: skip
def test_one_that_is_no_number_among_others(numbers):
    for take in (
        NET.predict,
        lambda x: NET.learn(x, [[0.0, 1.0]]),
        lambda x: trained(x, [1.0]),
        lambda x: Tape(V * V * Value(1.0), [V, Value(0.0)]).value(x),
    ):
        with pytest.raises(TypeError, match="real number"):
            take(numbers)


# -- shapes, lengths, names, settings: what no other test has --------------------------

OTHERS = [
    (lambda: Value(), TypeError),
    (lambda: Value(1.0, None), TypeError),
    (lambda: vsum(1.0), TypeError),
    (lambda: vsum(V), TypeError),
    (lambda: dot([V], V), TypeError),
    (lambda: dot([V], [V, V]), ValueError),
    (lambda: custom(None, None, V), TypeError),
    (lambda: where("a", V, V), TypeError),
    (lambda: where(None, V, V), TypeError),
    (lambda: where(1j, V, V), TypeError),
    (lambda: MODEL([]), ValueError),
    (lambda: MODEL(None), TypeError),
    (lambda: MODEL({1.0: 2.0}.items()), ValueError),
    (lambda: MODEL(V), TypeError),
    (lambda: MODEL("12"), TypeError),
    (lambda: MODEL(b"12"), TypeError),
    (lambda: MODEL(np.zeros(3)), ValueError),
    (lambda: MODEL(np.array(1.0)), ValueError),
    (lambda: MLP(2, [1], activation="Tanh"), ValueError),
    (lambda: MLP(2, [2, 1], activation=["tanh"]), ValueError),
    (lambda: MLP(2, [1.0]), TypeError),
    (lambda: MLP(2, None), TypeError),
    (lambda: MLP("2", [1]), TypeError),
    (lambda: MLP(2, [1], seed=0.5), TypeError),
    (lambda: Layer(2, -1), ValueError),
    (lambda: Layer(2, 2)([1.0]), ValueError),
    (lambda: MODEL.save(None), TypeError),
    (lambda: MODEL.load(None), TypeError),
    (lambda: hinge([V], [[1.0]]), ValueError),
    (lambda: mse([V], []), ValueError),
    (lambda: mse(None, None), TypeError),
    (lambda: cross_entropy([V, V], 0.5), ValueError),
    (lambda: cross_entropy([V, V], float("nan")), ValueError),
    (lambda: cross_entropy([V, V], float("inf")), ValueError),
    (lambda: cross_entropy([V, V], "0"), TypeError),
    (lambda: SGD(None), TypeError),
    (lambda: SGD(V), TypeError),
    (lambda: SGD([V], lr=None), TypeError),
    (lambda: SGD([V], lr=1j), TypeError),
    (lambda: SGD([V], lr=True), TypeError),
    (lambda: SGD([V], momentum=True), TypeError),
    (lambda: SGD([V], lr=float("inf")), ValueError),
    (lambda: SGD([V], weight_decay=-1.0), ValueError),
    (lambda: Adam([V], betas=0.9), TypeError),
    (lambda: Adam([V], betas=(0.9, -0.1)), ValueError),
    (lambda: Adam([V], betas=(0.9, float("nan"))), ValueError),
    (lambda: Adam([V], eps=float("nan")), ValueError),
    (lambda: Net("2"), TypeError),
    (lambda: Net(2, lr="0.1"), TypeError),
    (lambda: Net(2, lr=None), TypeError),
    (lambda: Net(2, lr=True), TypeError),
    (lambda: Net(2, seed=True), TypeError),
    (lambda: MLP(2, [1], seed=True), TypeError),
    (lambda: MLP(2, [1], seed=1.5), TypeError),
    (lambda: Net(2, form=None), ValueError),
    (lambda: Net(2, C=None), TypeError),
    (lambda: NET.learn([1.0, 0.0], [1.0, 0.0], tol="a"), TypeError),
    (lambda: NET.learn([1.0, 0.0], [1.0, 0.0], tol=None), TypeError),
    (lambda: NET.learn([1.0, 0.0], [1.0, 0.0], tol=float("nan")), ValueError),
    (lambda: NET.learn([1.0, 0.0], [1.0, 0.0], max_epochs="1"), TypeError),
    (lambda: NET.predict(None), TypeError),
    (lambda: NET.predict([]), ValueError),
    (lambda: NET.gradients([1.0, 0.0], [1.0]), ValueError),
    (lambda: ROWS.value(np.zeros((2, 2))), ValueError),
    (lambda: ROWS.value(None), ValueError),
    (lambda: ROWS.value_and_grad(np.zeros((2, 1)), weights=np.zeros((2, 1))), ValueError),
    (lambda: ROWS.vjp(np.zeros((2, 1)), np.zeros(3)), ValueError),
    (lambda: Tape(None), TypeError),
    (lambda: Tape(V, None), TypeError),
    (lambda: fit(MODEL, [[1.0, 2.0]], [1.0], mse, batch_size=1.5), TypeError),
    (lambda: fit(MODEL, [[1.0, 2.0]], [1.0], mse, seed=True), TypeError),
    (lambda: fit(MODEL, [[1.0, 2.0]], [1.0], mse, held_out=3), TypeError),
    (lambda: fit(MODEL, [[1.0, 2.0]], [1.0], None), TypeError),
    (lambda: fit(MODEL, [[1.0, 2.0]], [1.0], mse, "sgd"), TypeError),
    (lambda: grad(1.0, V), TypeError),
    (lambda: grad(V, 1.0), TypeError),
    (lambda: explain(V, None), TypeError),
    (lambda: BackwardPass(None), TypeError),
    (lambda: BackwardPass(V).at(1), IndexError),
    (lambda: draw_graph(V, limit="a"), TypeError),
    (lambda: draw_graph(V, limit=0), ValueError),
    (lambda: draw_network(None), TypeError),
    (lambda: set_language("xx"), ValueError),
    (lambda: parse("x" * 9000, {}), ValueError),
]


@pytest.mark.parametrize(("make", "error"), OTHERS)
def test_others(make, error):
    before = state()
    with pytest.raises(error) as caught:
        make()
    assert type(caught.value) is error
    assert len(str(caught.value)) < 300
    assert state() == before


# -- files, folders, the command line, the server ----------------------------------------


@pytest.mark.parametrize(
    "write",
    [MODEL.save, BackwardPass(V * V).save_html,
     lambda path: draw_graph(V * V).render(outfile=path, format="svg", cleanup=True)],
    ids=["model", "page", "picture"],
)  # fmt: skip
def test_a_folder_that_cannot_be_written(write, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("kept")
    with pytest.raises(OSError, match="file"):
        write(tmp_path / "file" / "below")
    old = tmp_path / "old"
    old.write_text("kept")

    def refuses(*args, **options):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), *args[:1])

    monkeypatch.setattr("micrograd_es.base.files.open", refuses, raising=False)
    with pytest.raises(PermissionError) as caught:
        write(old)
    monkeypatch.undo()
    assert caught.value.filename == str(old)
    assert old.read_text() == "kept"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "old"]


@pytest.mark.parametrize(
    "words",
    [
        ["draw", "\x1b[31m\ud800"],
        ["draw", "a\nb", "a=1", "b=1"],
        ["draw", "x" * 9_000],
        ["draw", "(" * 9_000],
        ["draw", "-" * 9_000 + "1"],
        ["draw", "1" * 100_000],
        ["draw", "a", "a=\x1b[31m"],
        ["explain", "a*b", "a=1", "b=2", "--wrt", "\u2028"],
        ["step", "a", "a=" + "9" * 5_000 + "x"],
        ["demo", "\0"],
        ["demo", "."],
        ["play", "--port", "70000"],
        ["play", "--port", "-1"],
        ["draw", "a*a", "a=1", "--out", "/dev/null/below"],
        ["\udcff"],
        [""],
        ["--lang"],
    ],
)
def test_the_command_line_is_one_line_and_status_2(words, capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert cli.main(words) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert len(err.splitlines()) == 1
    assert err.startswith("micrograd-es: ")
    assert "\x1b" not in err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "address", [b"/?lang=\x95\xfe", b"/\xff?seed=1", b"/train?%00=%ff", b"/?" + b"9" * 9_000]
)
def test_the_server_answers_what_is_no_address(address):
    assert not Server().read(address)
