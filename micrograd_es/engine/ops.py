"""The operation table: every rule of calculus in this package, written once.

A row says in text what an operation computes and what its derivative is with
respect to each operand. The text means nothing by itself: an algebra (`algebra`) says
what ``exp`` or ``where`` is for floats, for arrays, for Values or for formulas, and
so one row serves the forward pass, `backward()`, the replay of a recorded graph,
derivatives of derivatives and the formulas that explain them.

A new operation is one new row.

The language of the rows
------------------------
A text is one Python expression, made of

* the operands ``a``, ``b`` and ``c``, and in partials also ``y``, the result;
* numbers with a decimal point or an exponent (``1.0``, ``1e999`` for infinity);
* ``+ - * /``, a leading ``-``, and a comparison ``< <= > >=`` of two things;
* ``where(condition, x, y)``, and a call of any row by its name; ``total(a)`` adds up
  the operands of the row that takes any number of them;
* ``(z := text)``, any one letter, for what is used again.

Nothing else: a power is ``pow(a, b)``. Whatever is outside is refused when the row is made.

A row whose text is its own name, such as ``tan(a)``, is a primitive: each namespace of
functions (`math`, NumPy, JAX, PyTorch) is asked for it by that name, which is NumPy's. A
partial that is the text ``0.0`` takes no gradient at all, as the condition of `where`.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, replace
from functools import cache, reduce


@dataclass(frozen=True, eq=False)
class Operation:
    """One row of the table.

    Parameters
    ----------
    name : str
        What `Value.op` reports, and what it is called as a function.
    f : str
        The value, in terms of the operands ``a, b, c``.
    df : tuple of str
        The local partials, one an operand, in terms of the operands and ``y``.
        The operation that takes any number of operands has one for all of them.
    notation : str
        How a person writes it, in LaTeX; ``{a}`` stands for the operand.
    at : tuple of float
        A point inside its domain, from which tests and pages start.
    sign : str
        What stands in its node in a picture; the name unless given.
    piecewise : bool
        Its partials are constants that depend on the branch taken. Where one
        is 0, the branch is not taken and contributes exactly nothing, even if
        what arrives from above is infinite.
    variadic : bool
        It takes any number of operands.
    operator : str
        How Python writes it, where it is an operator and no function.
    primed : bool
        Its derivative reads best as f'(a), since ``df`` is written for its digits.
    short : str
        The same value in one call, for arrays that have it. Of two that are equal, as 0
        and -0 are, that call gives the second (NumPy on x86-64).
    let : str
        A quantity that ``f`` uses more than once, as ``name := text``.
    number : int, optional
        Which operand is a plain number, as in ``x ** 2``: nothing is derived for it.
    activation : bool
        Neurons take it by its name.

    Raises
    ------
    ValueError
        A text is outside the language of the rows.
    """

    name: str
    f: str
    df: tuple[str, ...]
    notation: str
    at: tuple[float, ...]
    sign: str = ""
    piecewise: bool = False
    variadic: bool = False
    operator: str = ""
    primed: bool = False
    short: str = ""
    let: str = ""
    number: int | None = None
    activation: bool = False

    def __post_init__(self) -> None:
        if self.let:
            _check(self, f"{self.f} + ({self.let})", {*self.operands})
        else:
            _check(self, self.f, {*self.operands})
        if self.short:
            _check(self, self.short, {*self.operands})
        for text in self.df:
            _check(self, text, {*self.operands, "y"})

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

    @property
    def primitive(self) -> bool:
        """Whether the text is its own name: the operation is asked for, not composed."""
        return self.f == f"{self.name}({', '.join(self.operands)})"

    def takes(self, i: int) -> bool:
        """Whether operand `i` ever takes a gradient."""
        return self.df[0 if self.variadic else i] != "0.0"

    def __reduce__(self) -> tuple[object, ...]:
        return row, (self.name, self.number)


def row(name: str, number: int | None) -> Operation:
    """The row of that name; or of those, the one whose operand `number` is a plain number."""
    return TABLE[name] if number is None else with_number(TABLE[name], number)


@cache
def with_number(op: Operation, i: int) -> Operation:
    """The row whose operand `i` is a number and no variable."""
    df = tuple("0.0" if k == i else text for k, text in enumerate(op.df))
    return replace(op, df=df, number=i)


# -- the language of the rows -----------------------------------------------------

_LANGUAGE = (
    ast.BinOp, ast.Add, ast.Sub, ast.Mult, ast.Div, ast.UnaryOp, ast.USub,
    ast.Compare, ast.Lt, ast.LtE, ast.Gt, ast.GtE,
    ast.Call, ast.Name, ast.Constant, ast.NamedExpr, ast.Load, ast.Store,
)  # fmt: skip


@cache
def tree(text: str) -> ast.expr:
    """The syntax tree of a text, for those who read it otherwise than Python does."""
    return ast.parse(text, "<table>", "eval").body


@cache
def called(text: str) -> frozenset[str]:
    """The functions that a text calls."""
    calls = [n.func for n in ast.walk(tree(text)) if isinstance(n, ast.Call)]
    return frozenset(f.id for f in calls if isinstance(f, ast.Name))


def _check(op: Operation, text: str, names: set[str]) -> None:
    nodes = list(ast.walk(tree(text)))
    names = names | {n.target.id for n in nodes if isinstance(n, ast.NamedExpr)} | called(text)
    for n in nodes:
        if (
            not isinstance(n, _LANGUAGE)
            or (isinstance(n, ast.Constant) and type(n.value) is not float)
            or (isinstance(n, ast.Compare) and len(n.ops) > 1)
            or (isinstance(n, ast.Call) and (not isinstance(n.func, ast.Name) or n.keywords))
            or (isinstance(n, ast.NamedExpr) and len(n.target.id) > 1)
            or (isinstance(n, ast.Name) and n.id not in names)
        ):
            what = ast.unparse(n) or type(n).__name__
            raise ValueError(f"{text!r} in the row {op.name!r}: no row is written with {what!r}")


# -- the rows -----------------------------------------------------------------------

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

# Far out, 1 + a² is a², and 1/a squared does not overflow on the way.
_D_ARCTAN = "where(abs(a) < 1e9, 1.0 / (1.0 + a * a), (h := 1.0 / a) * h)"
# Where squares are out of range though their result need not be, both operands are divided by
# the larger one first.
_LARGER = "where(maximum(abs(a), abs(b)) < 1e999, maximum(abs(a), abs(b)), 1.0)"
_SIZE = f"where({{r}} < {{high}}, where({{r}} > {{low}}, 1.0, {_LARGER}), {_LARGER})"
_HYPOT = tuple(
    f"{x} / (m := {_SIZE.format(r='y', low='1e-300', high='1e999')}) / hypot(a / m, b / m)"
    for x in ("a", "b")
)
_ARCTAN2 = tuple(
    f"where((r := hypot(a, b)) <= 0.0, 0.0, {x} / "
    f"(m := {_SIZE.format(r='r', low='1e-150', high='1e150')}) / ((h := hypot(a / m, b / m)) * h) / m)"
    for x in ("b", "-a")
)


def _polynomial(x: str, meaning: str, coefficients: tuple[float, ...]) -> str:
    """By Horner's rule, in what `x` stands for; the highest power comes first."""
    first, second, *others = map(repr, coefficients)
    start = f"{first} * ({x} := {meaning}) + {second}"
    return reduce(lambda text, c: f"({text}) * {x} + {c}", others, start)


# The first 26 bits, h, of a number (Veltkamp, 1968). Their square is exact, and exp(-h²) is as
# accurate as exp itself.
def _head(x: str) -> str:
    return f"(h := (k := 134217729.0 * {x}) - (k - {x}))"


# Near 0, erf(a) is a + a · P(a²). Farther out, erfc(m) is exp(-m²) · exp(Q) / (1 + 2m), where Q is
# small. P and Q go through the true numbers at Chebyshev's points, from mpmath.
_P = _polynomial("z", "a * a", (
    -8.905151131672966e-10, 1.4215069808219508e-08, -1.63046150641907e-07, 1.6458051806890862e-06,
    -1.4925471268019038e-05, 0.00012055327697362146, -0.0008548326920588401, 0.005223977624171083,
    -0.02686617064503848, 0.11283791670954775, -0.3761263890318375, 0.1283791670955126,
))  # fmt: skip
_Q = _polynomial("u", "(m - 2.0) / (m + 2.0)", (
    -2.2013857348263228e-07, 1.429281700211379e-06, -1.376289189198983e-06, -6.569209143921644e-06,
    1.4819158067604744e-05, -1.0314307345322972e-05, 3.102148334549445e-05, -8.572448520795116e-05,
    6.864731469993937e-05, -0.00011006552658672442, 0.0005041416455013512, -0.0006983915581386739,
    0.00044606236905164965, -0.002245767033584551, 0.006344898394953885, -0.006017066442728013,
    0.006727061436947677, -0.042272689366249436, 0.11889561023126669, -0.1326566931580975,
    -0.07264322397765716, 0.2444966478174628,
))  # fmt: skip
_ERF = f"a * ({_P})"
_ERFC = (
    f"exp(-{_head('(m := minimum(abs(a), 30.0))')} * h) * exp({_Q} + (h - m) * (h + m)) "
    "/ (1.0 + 2.0 * m)"
)
_D_ERF = (
    f"where(abs(a) > 40.0, 0.0, 1.1283791670955126 * exp(-{_head('a')} * h) "
    "* exp((h - a) * (h + a)))"
)

# gelu(a) = a · Φ(a) and gelu'(a) = Φ(a) + a · φ(a), with the normal distribution's Φ and φ.
# Φ(a) is erfc(-a/√2) / 2, which far out asks for more digits of a/√2 than its rounded x has:
# _REST is what is missing from x. The two large terms of gelu' are added first.
_PHI = "0.5 * erfc(-(x := 0.7071067811865476 * a))"
_REST = "((h * 0.7071067690849304 - x) + (a - h) * 0.7071067690849304 + a * 1.210161710447897e-08)"
_BELL = f"(e := 0.5641895835477563 * exp(-0.5 * {_head('a')} * h))"
_GELU = f"a * ({_PHI} + where(abs(a) < 40.0, {_BELL} * {_REST}, 0.0))"
_D_GELU = (
    f"where(abs(a) < 40.0, ({_PHI} + (p := x * {_BELL})) + "
    f"(p * expm1(0.5 * (h - a) * (h + a)) + 2.0 * e * {_REST}), {_PHI} + 0.0 * a)"
)

# silu'(a) = (1 + a + exp(a)) / (2 + exp(a) + exp(-a)). The numerator is d + exp(r) · expm1(d), with
# the distance d from its root r: both terms have one sign. Below -40, halves of exp(a), which
# itself may underflow.
_SILU = "where(a < -40.0, (h := exp(0.5 * a)) * a * h, a / (1.0 + exp(-a)))"
_D_SILU = (
    "where(a < -40.0, (h := exp(0.5 * a)) * (1.0 + a) * h, where(a < 0.0, where(a < -1.0, "
    "(d := a + 1.2784645427610737 + 1.0946994183093437e-16) + 0.2784645427610738 * expm1(d), "
    "1.0 + a + exp(a)) / (2.0 + exp(a) + exp(-a)), sigmoid(a) + y * sigmoid(-a)))"
)

# fmt: off
_ROWS = (
    #          name        f                    df                                notation                   at
    Operation("add",      "a + b",             ("1.0", "1.0"),                   "{a} + {b}",               (1.5, -0.5), "+", operator="+"),
    Operation("sub",      "a - b",             ("1.0", "-1.0"),                  "{a} - {b}",               (1.5, -0.5), "−", operator="-"),
    Operation("mul",      "a * b",             ("b", "a"),                       r"{a} \cdot {b}",          (1.5, -0.5), "×", operator="*"),
    # a times a weight b: one of 0 leaves nothing of an infinite a either, and of nan it leaves nan.
    Operation("weighted", "where(where(abs(a) >= 1e999, abs(b), 1.0) <= 0.0, 0.0, a * b)",
                                               ("b", "a"),                       r"{a} \cdot {b}",          (1.5, -0.5), "×"),
    Operation("div",      "a / b",             ("1.0 / b", "-y / b"),            r"\frac{{{a}}}{{{b}}}",    (1.5, -0.5), "/", operator="/"),
    Operation("neg",      "-a",                ("-1.0",),                        "-{a}",                    (1.5,),      "−", operator="-"),
    Operation("pow",      "pow(a, b)",         (_POW_A, _POW_B),                 "{{{a}}}^{{{b}}}",         (1.5, -0.5), "^", operator="**"),
    Operation("exp",      "exp(a)",            ("y",),                           "e^{{{a}}}",               (0.5,)),
    Operation("log",      "log(a)",            ("1.0 / a",),                     r"\ln {a}",                (1.5,)),
    Operation("sqrt",     "sqrt(a)",           ("0.5 / y",),                     r"\sqrt{{{a}}}",           (1.5,),      "√"),
    Operation("sin",      "sin(a)",            ("cos(a)",),                      r"\sin {a}",               (0.5,)),
    Operation("cos",      "cos(a)",            ("-sin(a)",),                     r"\cos {a}",               (0.5,)),
    Operation("tanh",     "tanh(a)",           (_D_TANH,),                       r"\tanh {a}",              (0.5,),      primed=True, activation=True),
    Operation("sigmoid",  "where(a < 0.0, e, 1.0) / (1.0 + e)",
                                               ("y * sigmoid(-a)",),             r"\sigma({a})",            (0.5,),      "σ", primed=True, let=_E, activation=True),
    Operation("softplus", "where(a > 0.0, a, 0.0) + log1p(e)",
                                               ("sigmoid(a)",),                  r"\ln(1 + e^{{{a}}})",     (0.5,),      let=_E, activation=True),
    Operation("elu",      "where(a <= 0.0, expm1(a), a)",
                                               ("where(a <= 0.0, exp(a), 1.0)",), r"\mathrm{{elu}}({a})",   (-0.5,),     activation=True),
    Operation("silu",     _SILU,               (_D_SILU,),                       r"\mathrm{{silu}}({a})",  (0.5,),      primed=True, activation=True),
    Operation("gelu",     _GELU,               (_D_GELU,),                       r"\mathrm{{gelu}}({a})",  (0.5,),      primed=True, activation=True),
    Operation("erf",      f"where(abs(a) < 0.84, a + {_ERF}, where(a < 0.0, -1.0, 1.0) * (1.0 - {_ERFC}))",
                                               (_D_ERF,),                        r"\mathrm{{erf}}({a})",   (0.5,),      primed=True),
    Operation("erfc",     f"where(abs(a) < 0.84, 0.5 - (a - 0.5 + {_ERF}), where(a < 0.0, 2.0, 0.0) + where(a < 0.0, -1.0, 1.0) * {_ERFC})",
                                               (f"-{_D_ERF}",),                  r"\mathrm{{erfc}}({a})",  (0.5,),      primed=True),
    Operation("tan",      "tan(a)",            ("1.0 + y * y",),                 r"\tan {a}",               (0.5,)),
    Operation("arctan",   "arctan(a)",         (_D_ARCTAN,),                     r"\arctan {a}",            (0.5,)),
    Operation("arctan2",  "arctan2(a, b)",     _ARCTAN2,
                                                                                 r"\mathrm{{arctan2}}({a}, {b})", (1.5, -0.5)),
    Operation("sinh",     "sinh(a)",           ("cosh(a)",),                     r"\sinh {a}",              (0.5,)),
    Operation("cosh",     "cosh(a)",           ("sinh(a)",),                     r"\cosh {a}",              (0.5,)),
    Operation("log1p",    "log1p(a)",          ("1.0 / (1.0 + a)",),             r"\mathrm{{log1p}}({a})",  (0.5,)),
    Operation("expm1",    "expm1(a)",          ("exp(a)",),                      r"\mathrm{{expm1}}({a})",  (0.5,)),
    Operation("log2",     "log2(a)",           ("1.4426950408889634 / a",),      r"\log_2 {a}",             (1.5,)),
    Operation("log10",    "log10(a)",          ("0.4342944819032518 / a",),      r"\log_{{10}} {a}",        (1.5,)),
    Operation("hypot",    "hypot(a, b)",       _HYPOT,             r"\mathrm{{hypot}}({a}, {b})", (1.5, -0.5)),
    Operation("mod",      "mod(a, b)",         ("1.0", "-floor_divide(a, b)"),        r"\mathrm{{mod}}({a}, {b})", (2.5, -1.5)),
    Operation("sum",      "total(a)",          ("1.0",),                         r"\sum {a}",               (1.5,),      "Σ", variadic=True),
    # Constants by branch. Comparisons are false for nan, and the last branch of a value is
    # chosen so that a nan goes through.
    Operation("rint",     "rint(a)",           ("0.0",),                         r"\mathrm{{rint}}({a})",  (1.9,),      piecewise=True),
    Operation("floor",    "floor(a)",          ("0.0",),                        r"\left\lfloor {a}\right\rfloor", (1.5,),      piecewise=True),
    Operation("sign",     "where(a < 0.0, -1.0, where(a > 0.0, 1.0, where(a <= 0.0, 0.0, a)))",
                                               ("0.0",),                         r"\mathrm{{sign}}({a})",   (-1.5,),     piecewise=True),
    Operation("floor_divide", "floor_divide(a, b)",
                                               ("0.0", "0.0"),                   r"\left\lfloor\frac{{{a}}}{{{b}}}\right\rfloor",
                                                                                                            (2.5, -1.5), "//", piecewise=True),
    Operation("abs",      "abs(a)",            ("where(a < 0.0, -1.0, where(a > 0.0, 1.0, 0.0))",),
                                                                                 r"\left|{a}\right|",       (-1.5,),     piecewise=True),
    Operation("relu",     "where(a <= 0.0, 0.0, a)",
                                               ("where(a <= 0.0, 0.0, 1.0)",),   r"\mathrm{{relu}}({a})",   (1.5,),      "ReLU", piecewise=True, short="maximum(0.0, a)", activation=True),
    Operation("leaky_relu", "where(a > 0.0, a, 0.01 * a)",
                                               ("where(a > 0.0, 1.0, 0.01)",),   r"\mathrm{{leaky\_relu}}({a})",
                                                                                                            (-1.5,),     piecewise=True, activation=True),
    Operation("maximum",  "where(a < b, b, where(b <= a, a, a + b))",
                                               ("where(a < b, 0.0, where(a <= b, 0.5, 1.0))",
                                                "where(b < a, 0.0, where(b <= a, 0.5, 1.0))"),
                                                                                 r"\max({a}, {b})",         (1.5, -0.5), "max", piecewise=True, short="maximum(b, a)"),
    Operation("minimum",  "where(b < a, b, where(a <= b, a, a + b))",
                                               ("where(b < a, 0.0, where(b <= a, 0.5, 1.0))",
                                                "where(a < b, 0.0, where(a <= b, 0.5, 1.0))"),
                                                                                 r"\min({a}, {b})",         (1.5, -0.5), "min", piecewise=True, short="minimum(b, a)"),
    Operation("where",    "where(abs(a) <= 0.0, c, b)",
                                               ("0.0",
                                                "where(abs(a) <= 0.0, 0.0, 1.0)",
                                                "where(abs(a) <= 0.0, 1.0, 0.0)"),
                                                                                 r"\mathrm{{where}}({a}, {b}, {c})",
                                                                                                            (1.0, 1.5, -0.5), piecewise=True),
    Operation("less",     "where(a < b, 1.0, 0.0)",
                                               ("0.0", "0.0"),                   "[{a} < {b}]",             (1.5, -0.5), "<", piecewise=True, operator="<"),
    Operation("less_equal", "where(a <= b, 1.0, 0.0)",
                                               ("0.0", "0.0"),                   r"[{a} \le {b}]",          (1.5, -0.5), "≤", piecewise=True, operator="<="),
)
# fmt: on

TABLE = {op.name: op for op in _ROWS}
