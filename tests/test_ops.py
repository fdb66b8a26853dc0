"""Every row of the operation table in every algebra; a new row is checked without an edit here."""

import pickle
import xml.etree.ElementTree as ET

import mpmath
import numpy as np
import pytest
from truth import difference, read, ulps

from micrograd_es import Tape, Value, grad
from micrograd_es.engine.algebra import FLOATS, IEEE, arrays
from micrograd_es.engine.functions import function
from micrograd_es.engine.ops import TABLE
from micrograd_es.engine.value import apply
from micrograd_es.formulas import symbols
from micrograd_es.formulas.nodes import Formulas
from micrograd_es.formulas.notation import mathml
from micrograd_es.formulas.symbols import SYMBOLS, Symbol

LIMIT = 4.0
EVERY_ROW = pytest.mark.parametrize("op", TABLE.values(), ids=TABLE)


def points(op) -> list[tuple[float, ...]]:
    """The sample point and two near it; a sum has three terms too."""
    near = [tuple(s * x for x in op.at) for s in (1.0, 0.75, 1.25)]
    return near + [(*at, 2.5, -1.0) for at in near if op.variadic]


def truth(op, at: tuple[float, ...]) -> list:
    """The row's own text in mpmath, and central differences of that."""
    value, partials = read(op.name, mpmath.mp)
    with mpmath.workdps(60):
        numbers = [mpmath.mpf(x) for x in at]
        differences = [
            difference(value, numbers, i, mpmath.mp) if op.variadic else partials[i](*numbers)
            for i in range(len(at))
        ]
        return [value(*numbers), *differences]


def evaluated(algebra, op, at) -> list:
    y = algebra.value(op)(*at)
    return [y, *(algebra.partial(op, i)(y, *at) for i in range(len(at)))]


def in_floats(op, at) -> list[float]:
    return evaluated(FLOATS, op, at)


def in_arrays(op, at) -> list[float]:
    rows = [np.array([x, x]) for x in at]
    return [float(np.broadcast_to(x, 2)[1]) for x in evaluated(arrays(np), op, rows)]


def in_ieee(op, at) -> list[float]:
    return evaluated(IEEE, op, at)


def in_a_replay(op, at) -> list[float]:
    x = [Value(0.5) for _ in at]
    tape = Tape(apply(op, *x), x)
    X = np.array([at, at])
    return [float(tape.value(X)[1]), *tape.vjp(X, [0.0, 1.0])[0][1].tolist()]


def in_values(op, at) -> list[float]:
    x = [Value(v) for v in at]
    y = function(op)(*x)
    assert (y.op, y.parents) == (op.name, tuple(x))
    recorded = [p or 0.0 for p in y.partials]
    assert recorded == grad(y, x)
    if op.piecewise:  # not taken is not the same as 0
        assert 0.0 not in y.partials
    y.backward()
    assert recorded == [v.grad for v in x]
    return [y.data, *recorded]


def in_graphs_of_the_derivative(op, at) -> list[float]:
    x = [Value(v) for v in at]
    y = function(op)(*x)
    return [y.data, *(d.data for d in grad(y, x, create_graph=True))]


def in_symbols(op, at) -> list[float]:
    x = [Symbol(f"x{i}", v, object()) for i, v in enumerate(at)]
    y = symbols.apply(op, *x)
    found = [y, *(SYMBOLS.partial(op, i)(y, *x) for i in range(len(at)))]
    return [float(f if isinstance(f, float) else f.value) for f in found]


ALGEBRAS = [
    in_floats, in_arrays, in_ieee, in_a_replay, in_values, in_graphs_of_the_derivative, in_symbols,
]  # fmt: skip


@EVERY_ROW
@pytest.mark.parametrize("algebra", ALGEBRAS)
def test_every_row_in_every_algebra(op, algebra):
    for at in points(op):
        expected = truth(op, at)
        found = algebra(op, at)
        assert len(found) == len(expected) == 1 + len(at)
        for x, y in zip(found, expected):
            # formulas are simplified, and so rounded elsewhere
            assert ulps(x, y) <= (8 * LIMIT if algebra is in_symbols else LIMIT)


@EVERY_ROW
def test_second_derivatives(op):
    value = read(op.name, mpmath.mp).value
    for at in points(op):
        x = [Value(v) for v in at]
        first = grad(function(op)(*x), x, create_graph=True)
        with mpmath.workdps(110):
            for i, d in enumerate(first):
                for j, second in enumerate(grad(d, x)):
                    expected = difference(
                        lambda *z, i=i: difference(value, z, i, mpmath.mp), at, j, mpmath.mp
                    )
                    assert second == pytest.approx(float(expected), rel=1e-13, abs=1e-15)


@EVERY_ROW
def test_every_row_is_written_as_text_and_latex(op):
    x = [Value(v, label=f"x{i}") for i, v in enumerate(op.at)]
    node = apply(op, *x)
    formulas = Formulas()
    whole = formulas.expression(node)
    for formula in (whole.text, whole.latex):
        assert all(v.label in formula.replace("_{0}", "0") or "x" in formula for v in x)
    assert not set("\\{}") & set(whole.text)
    for i in range(len(x)):
        d = formulas.partial(node, i)
        assert d.text
        assert d.numbers
        assert ET.fromstring(mathml(d.latex)).tag.endswith("math")
    assert ET.fromstring(mathml(whole.latex)).tag.endswith("math")


@EVERY_ROW
def test_every_row_says_what_it_is(op):
    assert op.operands == ("a", "b", "c")[: len(op.at)]
    assert len(op.df) == (1 if op.variadic else op.arity)
    assert all(f"{{{x}}}" in op.notation for x in op.operands)
    assert pickle.loads(pickle.dumps(op)) is op


def derivatives(p: float, x: float) -> list[float]:
    """The first, second and third of x**p at x, each as the graph of the one before."""
    v, found = Value(x), []
    y = v**p
    for _ in range(3):
        y = grad(y, v, create_graph=True)
        found.append(y.data)
    return found


@pytest.mark.parametrize(
    ("p", "at_0"),
    [
        (1, [1, 0, 0]),
        (1.5, [0, np.inf, -np.inf]),
        (2, [0, 2, 0]),
        (2.5, [0, 0, np.inf]),
        (3, [0, 0, 6]),
        (4, [0, 0, 0]),
        (8, [0, 0, 0]),
        (12, [0, 0, 0]),
    ],
)
def test_pow_has_its_higher_derivatives_at_and_next_to_zero(p, at_0):
    assert derivatives(p, 0.0) == at_0
    assert derivatives(p, -0.0) == at_0
    for x in (5e-324, 1e-200, 1e-100, 1e-50, 1e-29, 0.5):
        for sign in (1, -1) if p == int(p) else (1,):
            exact = [float(mpmath.ff(p, k) * mpmath.mpf(sign * x) ** (p - k)) for k in (1, 2, 3)]
            assert derivatives(p, sign * x) == pytest.approx(exact, rel=1e-13, abs=1e-322)


@pytest.mark.parametrize("a", [np.inf, -np.inf, np.nan, 1e308, -2.0, 0.0])
@pytest.mark.parametrize("b", [0.0, -0.0, 0.5, -3.0, np.inf, np.nan])
def test_weighted_is_a_product_in_which_0_leaves_nothing_of_an_infinity(a, b):
    with np.errstate(all="ignore"):
        product = 0.0 if b == 0 and np.isinf(a) else float(np.multiply(a, b))
    x, w = Value(a), Value(b)
    np.testing.assert_array_equal(
        [x.weighted(w).data, *grad(x.weighted(w), [x, w])], [product, b, a]
    )
    x, w = Value(1.0), Value(1.0)
    np.testing.assert_array_equal(Tape(x.weighted(w), [x, w]).value([[a, b]]), [product])


def test_values_have_a_method_for_each_named_function_of_one_operand():
    named = {
        "exp", "log", "sqrt", "sin", "cos", "tanh", "sigmoid", "softplus", "relu", "tan", "arctan",
        "sinh", "cosh", "log1p", "expm1", "log2", "log10", "floor", "rint", "sign", "leaky_relu",
        "elu", "silu", "gelu", "erf", "erfc",
    }  # fmt: skip
    of_two = {"arctan2", "hypot", "maximum", "minimum", "mod", "floor_divide", "weighted"}
    assert named <= {op.name for op in TABLE.values() if op.arity == 1}
    assert {name for name in TABLE if hasattr(Value, name)} == named | of_two
