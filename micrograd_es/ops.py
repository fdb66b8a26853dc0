"""The operation table: every rule of calculus in this package, written once.

A row says in text what an operation computes and what its derivative is with
respect to each operand. The operands are called ``a``, ``b`` and ``c``, the
result ``y``. The text means nothing by itself: an algebra (`algebra`) says what
``exp`` or ``where`` is for floats, for arrays, for Values or for formulas, and
so one row serves the forward pass, `backward()`, the replay of a recorded graph,
derivatives of derivatives and the formulas that explain them.

A new operation is one new row.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, eq=False)
class Operation:
    """One row of the table.

    Parameters
    ----------
    name : str
        What `Value.op` reports.
    f : str
        The value, in terms of the operands ``a, b, c``.
    df : tuple of str
        The local partials, one an operand, in terms of the operands and ``y``.
        The operation that takes any number of operands has one for all of them.
    notation : str
        How a person writes it, in LaTeX; ``{a}`` stands for the operand.
    at : tuple of float
        A point inside its domain, from which tests and pages start.
    piecewise : bool
        Its partials are constants that depend on the branch taken. Where one
        is 0, the branch is not taken and contributes exactly nothing, even if
        what arrives from above is infinite.
    let : str
        A quantity that ``f`` uses more than once, as ``name := text``.
    """

    name: str
    f: str
    df: tuple[str, ...]
    notation: str
    at: tuple[float, ...]
    piecewise: bool = False
    variadic: bool = False
    let: str = ""

    @property
    def arity(self) -> int:
        """Number of operands (of the shortest use, for a sum)."""
        return len(self.at)

    @property
    def operands(self) -> tuple[str, ...]:
        """Names of the operands in the texts of this row."""
        return tuple("abc"[: self.arity])

    @property
    def value(self) -> str:
        """`f`, with what it uses more than once computed first."""
        return f"(({self.let}), {self.f})[1]" if self.let else self.f

    def __reduce__(self) -> tuple[object, ...]:
        return _row, (self.name,)


def _row(name: str) -> Operation:
    return TABLE[name]


# The power's partial is b · z with z = a**(b - 1), or b · z / a with z = a**b where b - 1 is
# not exact, below 1/2 and above 2**53 (but not at 0 and infinity: 0/0). Where z underflows
# and the partial may not, z is taken in two halves. d(x**0)/dx at 0 is 0.
_EXACT = "where(abs(a) > 0.0, where(abs(a) < 1e999, where(b < 9e15, b, 0.0), 1.0), 1.0)"
_LARGE = "where(where(abs(a) > 0.0, abs(b), 0.0) > 6.0, 0.0, 1.0)"
_POW_A = (
    "where(abs(b) <= 0.0, 0.0, "
    f"where(abs(z := pow(a, e := where((d := {_EXACT}) < 0.5, b, b - 1.0))) + {_LARGE} < 3e-308, "
    "b * (h := pow(abs(a), 0.5 * e)) / where(d < 0.5, a, 1.0) * h * where(1.0 / z < 0.0, -1.0, 1.0), "
    "b * z / where(d < 0.5, a, 1.0)))"
)
_POW_B = (
    "where(where(abs(a) <= 0.0, b, -1.0) >= 0.0, 0.0, "
    "where(where(abs(y) < 1e-290, where(a < 1e999, 1e999, y), y) < 1e290, "
    "y * log(a), (h := pow(a, 0.5 * b)) * log(a) * h))"
)

# sigmoid and tanh are written with σ(-a) rather than 1 - σ(a): the difference
# has no correct digit left from a = 37 on. Both stay smooth at 0, to any order.
_D_TANH = "4.0 * sigmoid(2.0 * a) * sigmoid(-2.0 * a)"
_E = "e := exp(-abs(a))"

# fmt: off
_ROWS = (
    #          name        f                    df                                notation                   at
    Operation("add",      "a + b",             ("1.0", "1.0"),                   "{a} + {b}",               (1.5, -0.5)),
    Operation("sub",      "a - b",             ("1.0", "-1.0"),                  "{a} - {b}",               (1.5, -0.5)),
    Operation("mul",      "a * b",             ("b", "a"),                       r"{a} \cdot {b}",          (1.5, -0.5)),
    Operation("div",      "a / b",             ("1.0 / b", "-y / b"),            r"\frac{{{a}}}{{{b}}}",    (1.5, -0.5)),
    Operation("neg",      "-a",                ("-1.0",),                        "-{a}",                    (1.5,)),
    Operation("pow",      "pow(a, b)",         (_POW_A, _POW_B),                 "{{{a}}}^{{{b}}}",         (1.5, -0.5)),
    Operation("exp",      "exp(a)",            ("y",),                           "e^{{{a}}}",               (0.5,)),
    Operation("log",      "log(a)",            ("1.0 / a",),                     r"\ln {a}",                (1.5,)),
    Operation("sqrt",     "sqrt(a)",           ("0.5 / y",),                     r"\sqrt{{{a}}}",           (1.5,)),
    Operation("sin",      "sin(a)",            ("cos(a)",),                      r"\sin {a}",               (0.5,)),
    Operation("cos",      "cos(a)",            ("-sin(a)",),                     r"\cos {a}",               (0.5,)),
    Operation("tanh",     "tanh(a)",           (_D_TANH,),                       r"\tanh {a}",              (0.5,)),
    Operation("sigmoid",  "where(a < 0.0, e, 1.0) / (1.0 + e)",
                                               ("y * sigmoid(-a)",),             r"\sigma({a})",            (0.5,),      let=_E),
    Operation("softplus", "where(a > 0.0, a, 0.0) + log1p(e)",
                                               ("sigmoid(a)",),                  r"\ln(1 + e^{{{a}}})",     (0.5,),      let=_E),
    Operation("sum",      "total(a)",          ("1.0",),                         r"\sum {a}",               (1.5,),      variadic=True),
    # Constants by branch. Comparisons are false for nan, and the last branch of a value is
    # chosen so that a nan goes through.
    Operation("abs",      "abs(a)",            ("where(a < 0.0, -1.0, where(a > 0.0, 1.0, 0.0))",),
                                                                                 r"\left|{a}\right|",       (-1.5,),     piecewise=True),
    Operation("relu",     "where(a <= 0.0, 0.0, a)",
                                               ("where(a <= 0.0, 0.0, 1.0)",),   r"\mathrm{{relu}}({a})",   (1.5,),      piecewise=True),
    Operation("maximum",  "where(a < b, b, where(b <= a, a, a + b))",
                                               ("where(a < b, 0.0, where(a <= b, 0.5, 1.0))",
                                                "where(b < a, 0.0, where(b <= a, 0.5, 1.0))"),
                                                                                 r"\max({a}, {b})",         (1.5, -0.5), piecewise=True),
    Operation("minimum",  "where(b < a, b, where(a <= b, a, a + b))",
                                               ("where(b < a, 0.0, where(b <= a, 0.5, 1.0))",
                                                "where(a < b, 0.0, where(a <= b, 0.5, 1.0))"),
                                                                                 r"\min({a}, {b})",         (1.5, -0.5), piecewise=True),
    Operation("where",    "where(abs(a) <= 0.0, c, b)",
                                               ("0.0",
                                                "where(abs(a) <= 0.0, 0.0, 1.0)",
                                                "where(abs(a) <= 0.0, 1.0, 0.0)"),
                                                                                 r"\mathrm{{where}}({a}, {b}, {c})",
                                                                                                            (1.0, 1.5, -0.5), piecewise=True),
    Operation("less",     "where(a < b, 1.0, 0.0)",
                                               ("0.0", "0.0"),                   "[{a} < {b}]",             (1.5, -0.5), piecewise=True),
    Operation("less_equal", "where(a <= b, 1.0, 0.0)",
                                               ("0.0", "0.0"),                   r"[{a} \le {b}]",          (1.5, -0.5), piecewise=True),
)
# fmt: on

TABLE = {row.name: row for row in _ROWS}
