"""`explain`: one derivative as a person writes it, the sum over paths of products of partials."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from html import escape
from math import fsum, isfinite, isnan, log10, nan

from micrograd_es.base.languages import gettext as _
from micrograd_es.base.languages import ngettext
from micrograd_es.base.palette import MATH_FONT
from micrograd_es.base.scalars import as_count
from micrograd_es.engine.graph import adjoints_of, topological_order
from micrograd_es.engine.leaving import how_it_left
from micrograd_es.engine.value import Value
from micrograd_es.explaining import remarks
from micrograd_es.explaining.paths import Factor, Path, Paths
from micrograd_es.formulas import notation
from micrograd_es.formulas.nodes import LONGEST_FORMULA, Formulas, invented_names, operand
from micrograd_es.formulas.notation import mathml
from micrograd_es.formulas.symbols import Formula, Number, Sum
from micrograd_es.formulas.writing import ATOM, PRODUCT, SUM, Style

SHOWN = 12  # factors of a path; of a longer one the middle is left out
_WIDE = 200  # nameless nodes between two stations, beyond which only the number is shown
_GROWN = 8 * LONGEST_FORMULA  # names and numbers that a formula may have before it is simplified


def explain(root: Value, wrt: Value, k: int = 10) -> Explanation:
    """d(root)/d(wrt) as the sum over paths of products of partials.

    Labelled nodes are the stations of a path; what lies between collapses into one
    partial. Without any label, every node is a station.

    Parameters
    ----------
    k : int
        How many paths are listed, the largest by absolute product; the others are
        added up in one remainder.

    Examples
    --------
    >>> w, x = Value(0.5, label="w"), Value(3.0, label="x")
    >>> z = w * x
    >>> z.label = "z"
    >>> print(explain((z - 1) ** 2, w))
    ∂f/∂w = ∂f/∂z · ∂z/∂w
          = 2(z − 1) · x
          = 2(1.5 − 1) · 3
          = 1 · 3
          = 3
    <BLANKLINE>
    w.grad todavía vale 0: falta llamar a backward()
    """
    for v in (root, wrt):
        if not isinstance(v, Value):
            raise TypeError(f"explain takes two Values, not {type(v).__name__}")
    k = as_count(k, "k")
    nodes = topological_order(root)
    paths = Paths(root, wrt)
    listed = paths.largest(k)
    total = adjoints_of(root, nodes).get(wrt, 0.0)
    return Explanation(
        root, wrt, tuple(listed), paths.count, total, _remainder(total, listed, paths.count), paths
    )


def _remainder(total: float, listed: Sequence[Path], count: int) -> float:
    products = [p.product for p in listed]
    if isfinite(total) and all(map(isfinite, products)):
        return total - fsum(products)
    return nan if count > len(listed) else 0.0


@dataclass(frozen=True, eq=False)
class Explanation:
    """What `explain` gives; it shows itself in a notebook.

    Attributes
    ----------
    paths : tuple of Path
        The largest by absolute product, each with `stations`, `factors` and `product`.
    path_count : int
        How many paths there are, told apart by their stations.
    total : float
        The derivative.
    remainder : float
        What the paths that are not listed add to it.
    why : str
        If the derivative is zero, or `wrt.grad` is, the reason; else empty.
    """

    root: Value
    wrt: Value
    paths: tuple[Path, ...]
    path_count: int
    total: float
    remainder: float
    _all: Paths = field(repr=False)

    @property
    def text(self) -> str:
        """The equations for a terminal."""
        return "\n".join(self._text_lines())

    @property
    def latex(self) -> str:
        """An ``aligned`` block for a LaTeX document or a notebook."""
        lines = [f"{left} &= {right}" for left, right in self._equations(latex=True)]
        body = " \\\\\n".join(lines)
        return f"\\begin{{aligned}}\n{body}\n\\end{{aligned}}"

    @property
    def html(self) -> str:
        """A page fragment with its formulas in MathML."""
        rows = "\n".join(
            f"<tr><td>{mathml(left) if left else ''}</td><td>{mathml('=')}</td>"
            f"<td>{mathml(right)}</td></tr>"
            for left, right in self._equations(latex=True)
        )
        notes = "".join(f"<p>{escape(note)}</p>" for note in self._notes())
        return (
            f'<div class="micrograd-es-explanation">\n<style>{_CSS}</style>\n'
            f"<table>\n{rows}\n</table>\n{notes}\n</div>"
        )

    def _repr_html_(self) -> str:
        return self.html

    def _repr_latex_(self) -> str:
        return f"$\\displaystyle {self.latex}$"

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return f"<Explanation {self._derivative(Style(False, False))} = {self.total!r}>"

    # -- the equations, which all three forms show ----------------------------------

    def _text_lines(self) -> list[str]:
        lines = []
        indent = ""
        for left, right in self._equations(latex=False):
            indent = " " * len(left) if left else indent
            lines.append(f"{left or indent} = {right}")
        notes = self._notes()
        return [*lines, "", *notes] if notes else lines

    def _equations(self, latex: bool) -> list[tuple[str, str]]:
        """Left and right sides; an empty left side goes on with the one above."""
        names, numbers = Style(latex, numbers=False), Style(latex, numbers=True)
        derivative = self._derivative(names)
        if isnan(self.root.data):  # what has no value has no derivative
            return [(derivative, (notation.latex_number if latex else notation.number)(None))]
        if self.path_count == 1 and len(self.paths) == 1:
            steps = self._steps(self.paths[0], names, numbers)
            return [(derivative if i == 0 else "", step) for i, step in enumerate(steps)]
        result = (notation.latex_number if latex else notation.number)(self.total)
        if not self.paths:
            return [(derivative, result)]
        numbered = [str(n) for n in range(1, len(self.paths) + 1)]
        symbols = [f"p_{{{n}}}" if latex else f"p{notation.subscript(n)}" for n in numbered]
        products = [
            numbers.wrapped(numbers.piece(Number(p.product)), PRODUCT if i else SUM)
            for i, p in enumerate(self.paths)
        ]
        rest = self.path_count - len(self.paths)
        if rest:
            symbols.append("R")
            products.append(numbers.wrapped(numbers.piece(Number(self.remainder)), PRODUCT))
        lines = [(derivative, self._joined("add", symbols, names))]
        for symbol, path in zip(symbols, self.paths):
            steps = self._steps(path, names, numbers)
            lines += [(symbol if i == 0 else "", step) for i, step in enumerate(steps)]
        if rest:
            many = ngettext("{n} more path", "{n} more paths", min(rest, 2)).format(n=_count(rest))
            words = rf"\quad \text{{({many})}}" if latex else f" ({many})"
            lines.append(("R", numbers.write(Number(self.remainder)) + f" {words}"))
        lines.append((derivative, self._joined("add", products, numbers)))
        return [*lines, ("", result)]

    def _steps(self, path: Path, names: Style, numbers: Style) -> list[str]:
        """One product: partials, symbols, numbers put in, factors, result."""
        factors = path.factors
        shown = [*range(len(factors))]
        gap = len(factors) > SHOWN
        if gap:
            shown = [*shown[: SHOWN // 2], *shown[-SHOWN // 2 :]]
        written = [self.symbolic(factors[i]) for i in shown]
        steps = [
            [(self._ratio(factors[i], names), PRODUCT) for i in shown],
            [names.piece(f) for f in written],
            [numbers.piece(f) for f in written],
            [numbers.piece(Number(factors[i])) for i in shown],
        ]
        trivial = [i for i, f in enumerate(written) if isinstance(f, Number) and f.value == 1]
        lines = []
        for n, step in enumerate(steps):
            left_out = set(trivial) if n and len(trivial) < len(step) else set()
            pieces = [
                names.wrapped(piece, PRODUCT if place or isinstance(written[place], Sum) else SUM)
                if len(step) > 1
                else piece[0]
                for place, piece in enumerate(step)
                if place not in left_out
            ]
            if gap:
                middle = sum(1 for i in range(SHOWN // 2) if i not in left_out)
                pieces.insert(middle, r"\cdots" if names.latex else "…")
            lines.append(self._joined("mul", pieces, names) if pieces else "1")
        lines.append(numbers.write(Number(path.product)))
        if len(factors) == 1 and not self._which(factors[0]):  # ∂f/∂x = ∂f/∂x says nothing
            del lines[0]
        return [line for i, line in enumerate(lines) if i == 0 or line != lines[i - 1]]

    def _joined(self, name: str, pieces: Sequence[str], style: Style) -> str:
        text = pieces[0]
        for piece in pieces[1:]:
            text = style.joined(name, text, piece)
        return text

    # -- names and symbols ----------------------------------------------------------

    @cached_property
    def _names(self) -> dict[Value, str]:
        """Names for stations without a label, as drawings have them."""
        nodes = topological_order(self.root)[::-1]
        stations = {v for v in (*self._all.order, self.root) if self._all.is_station(v)}
        invented = invented_names(nodes, stations)
        names = {node: name for node, name in invented.items() if node in stations}
        if not self.wrt.label and self.wrt not in names:
            names[self.wrt] = "x" if all(node.label != "x" for node in nodes) else "v"
        return names

    @cached_property
    def _formulas(self) -> Formulas:
        return Formulas(self._names)

    def _derivative(self, style: Style) -> str:
        return self._quotient(self.root, self.wrt, style)

    def _ratio(self, factor: Factor, style: Style) -> str:
        which = self._which(factor)
        which = rf"\text{{{which}}}" if which and style.latex else which
        return self._quotient(factor.node, factor.station, style) + which

    def _which(self, factor: Factor) -> str:
        """Which operand of its node the factor is by, where one is several of them."""
        return "" if factor.index is None else operand(factor.node, factor.index)

    def _quotient(self, above: Value, below: Value, style: Style) -> str:
        pieces = (style.piece(self._formulas.name(v)) for v in (above, below))
        top, bottom = (style.wrapped(piece, ATOM) for piece in pieces)
        if style.latex:
            return rf"\frac{{\partial {top}}}{{\partial {bottom}}}"
        return f"∂{top}/∂{bottom}"

    def symbolic(self, factor: Factor) -> Formula:
        """A factor of a path as a formula; as its number where it is too long to write."""
        return self._formula(factor) or Number(factor)

    def _formula(self, factor: Factor) -> Formula | None:
        """None where it is too long to write."""
        if factor.blocked:
            return Number(0.0)
        if factor.index is not None:
            return self._formulas.partial(factor.node, factor.index)
        if factor.node not in self._collapsed:
            self._collapsed[factor.node] = self._routes(factor.node)
        grown = self._collapsed[factor.node].get(factor.station)
        if grown is None or grown.formula.size > LONGEST_FORMULA:
            return None
        return grown.formula.valued(factor)

    def _routes(self, node: Value) -> dict[Value, _Growing]:
        """∂node/∂station for each station; nothing where one is too long to write."""
        seen = 0

        def partial(above: Value, index: int) -> _Growing | None:
            nonlocal seen
            seen += 1
            if above.partials[index] is None:
                return None
            if seen > _WIDE:
                raise _TooLong
            return _Growing(self._formulas.partial(above, index))

        try:
            return self._all.collapsed(node, partial, _Growing(Number(1.0)))
        except _TooLong:
            return {}

    @cached_property
    def _collapsed(self) -> dict[Value, dict[Value, _Growing]]:
        return {}

    # -- why a gradient is zero -----------------------------------------------------

    def _notes(self) -> list[str]:
        said = [remarks.without_value(self.root, self._formulas), self.why]
        notes = [*filter(None, said), *remarks.corners(self.root, self.wrt, self._formulas)]
        if any(self._formula(f) is None for p in self.paths for f in p.factors[:SHOWN]):
            notes.append(
                _("A partial too long to write is shown as its number: label nodes in between.")
            )
        return notes

    @cached_property
    def why(self) -> str:
        root, wrt = (self._formulas.name(v).text for v in (self.root, self.wrt))
        names = {"root": root, "wrt": wrt}
        if self.total != 0:
            if self.wrt.grad == 0:
                return _("{wrt}.grad still holds 0: backward() has not been called").format(**names)
            return ""
        if not self.path_count:
            if self.wrt in set(topological_order(self.root)):
                return _("0: {root} uses {wrt} only where no derivative passes").format(**names)
            return _("0: {wrt} is not connected to {root}").format(**names) + how_it_left(self.wrt)
        culprits, size = self._zeros()
        if size is None:
            return "\n".join(_("0 because {reason}").format(reason=r) for r in culprits[:3])
        if size:
            return _("0 because the paths cancel each other out")
        return _("0 because the product is too small for a float")

    def _zeros(self) -> tuple[list[str], float | None]:
        """The first zero factors from above, and Σ |product| of what passes them, if anything."""
        sizes, reasons = {self.root: 1.0}, []
        for node in self._all.order:
            if node in sizes:
                for index, below in self._all.edges(node):
                    if partial := node.partials[index]:
                        sizes[below] = sizes.get(below, 0.0) + sizes[node] * abs(partial)
                    else:
                        reasons.append(remarks.zero(node, index, self._formulas))
        return list(dict.fromkeys(reasons)), sizes.get(self.wrt)


class _TooLong(Exception):
    """The formula is beyond what anybody would read."""


class _Growing:
    """A formula in the making; it is given up before it costs time to go on."""

    def __init__(self, formula: Formula) -> None:
        if formula.size > _GROWN:
            raise _TooLong
        self.formula = formula

    def __mul__(self, other: _Growing) -> _Growing:
        return _Growing(self.formula * other.formula)

    def __add__(self, other: _Growing) -> _Growing:
        return _Growing(self.formula + other.formula)


def _count(n: int) -> str:
    """A number of paths, which may have thousands of digits."""
    if n < 10**6:
        return str(n)
    exponent = int(log10(n))
    return f"{10 ** (log10(n) - exponent):.3g}e{exponent}"


# A notebook has rules of its own for tables: stripes, and cells to the right.
_CSS = (
    ".micrograd-es-explanation table{border-collapse:collapse;margin:.5em 0;display:block;"
    "overflow-x:auto}"
    ".micrograd-es-explanation tr{background:none!important}"
    ".micrograd-es-explanation td{padding:.35em .2em;text-align:left!important;"
    "vertical-align:middle;border:0;background:none;white-space:nowrap}"
    ".micrograd-es-explanation math{font-size:1.15em;math-style:normal;"
    f"font-family:{MATH_FONT}}}"
)
