"""The notes, completed: every derivative by every path, checked, and what they leave open."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from micrograd_es import MLP, Value, draw_network, explain
from micrograd_es.base.files import write_file
from micrograd_es.base.languages import get_language
from micrograd_es.base.languages import gettext as _
from micrograd_es.formulas.nodes import Formulas
from micrograd_es.formulas.notation import latex, latex_number
from micrograd_es.gallery import load

_patron = load("_patron")
Pattern = _patron.Pattern
network, cost, differences = _patron.network, _patron.cost, _patron.differences
_doc = load("_documento")
Title, Text, Formula, Table = _doc.Title, _doc.Text, _doc.Formula, _doc.Table
Picture, Code, Corrections = _doc.Picture, _doc.Code, _doc.Corrections
aligned, matrix = _doc.aligned, _doc.matrix


def about() -> str:
    """What the list of demos says."""
    return _("the notes, completed: the eight derivatives by all their paths, as a document")


def main(out: Path, quick: bool = False) -> dict[str, Any]:
    """The gradients and their finite differences, and the files written into `out`."""
    pattern = network()
    files = []
    for file, text in written(pattern).items():
        files.append(out / file)
        write_file(files[-1], text)
    weights = _patron.in_order(pattern)
    gradients, checks = [w.grad for w in weights], differences(pattern)
    print(_("each derivative, and its finite difference:"))
    for w, gradient, check in zip(weights, gradients, checks):
        print(f"  ∂C/∂{w.label}   {_digits(gradient):>12} {_digits(check):>12}")
    for path in files:
        print(path.resolve())
    return {
        "labels": [w.label for w in weights],
        "gradients": gradients,
        "differences": checks,
        "files": files,
    }


def written(p: Pattern) -> dict[str, str]:
    """The document as a page and as Markdown, and its picture, by the names of the files."""
    document = blocks(p)
    stem = "notas" if get_language() == "es" else "notes"
    picture = next(block for block in document if isinstance(block, Picture))
    return {
        f"{stem}.html": _doc.page(document),
        f"{stem}.md": _doc.markdown(document),
        picture.file: picture.svg,
    }


def page(p: Pattern) -> str:
    """The document as a page."""
    text: str = _doc.page(blocks(p))
    return text


def blocks(p: Pattern) -> list[Any]:
    """The document."""
    return [
        *_introduction(p),
        *_matrices(p),
        *_cost(p),
        *_derivatives(p, differences(p)),
        *_rule(p),
        *_corrections(),
        Title(_("The code, corrected")),
        Text(
            _(
                "The notes' class with all of this put right, in NumPy and for one pattern, as "
                "in the notes. Its gradients are those of this page."
            )
        ),
        Code(Path(__file__).with_name("_red.py").read_text("utf-8").partition("\n\n")[2]),
    ]


def _introduction(p: Pattern) -> list[Any]:
    first, second = zip(*p.A)
    return [
        Title(_("The notes, completed"), 1),
        Text(
            _(
                "The notes derive by hand how a feed-forward network learns, and stop halfway: "
                "four of the eight derivatives are empty, and in `learn` the gradient is an "
                "empty list. Here is the rest, in their notation. Code wrote every formula and "
                "every number of this page (`micrograd-es demo notas` writes it again), and "
                "each derivative stands beside a finite difference."
            )
        ),
        Title(_("The network")),
        Picture(
            draw_network(_drawn(p)).svg(),
            _("network.svg"),
            _("The notes' network: two inputs, two layers of two neurons, and their weights"),
        ),
        Text(
            _(
                r"$w_{(l)}^{(n,m)}$ is the weight from neuron $m$ of layer $l-1$ to neuron $n$ "
                r"of layer $l$. As in the notes' worked example, $y$ is the network's output and "
                r"$\hat{y}$ the target:"
            )
        ),
        aligned(
            [
                (
                    r"z_{(l)}^{(n)}",
                    r"\sum\limits_{m=1}^{N} w_{(l)}^{(n,m)} \cdot a_{(l-1)}^{(m)} + b_{(l)}^{(n)}",
                ),
                (r"a_{(l)}^{(n)}", r"\sigma(z_{(l)}^{(n)})"),
                (r"a_{(0)}^{(m)}", r"x^{(m)}"),
                (r"a_{(L)}^{(n)}", r"y^{(n)}"),
            ]
        ),
        Text(
            _("The forward pass, with {x} and {wanted}:").format(
                x=_equal("x", p.x), wanted=_equal(r"\hat{y}", p.y)
            )
        ),
        aligned([row for a in (*first, *second) for row in _forward(a)]),
    ]


def _drawn(p: Pattern) -> MLP:
    """The network to be drawn."""
    mlp = MLP(2, [2, 2], "sigmoid", "sigmoid", seed=0)
    for k, layer in enumerate(mlp.layers):
        for n, neuron in enumerate(layer.neurons):
            for w, v in zip([*neuron.w, neuron.b], [*p.W[n][k], p.B[n][k]]):
                w.data = v.data
    return mlp


def _equal(symbol: str, values: list[Value]) -> str:
    return f"${symbol} = ({', '.join([latex_number(v.data) for v in values])})$"


def _forward(a: Value) -> list[tuple[str, str]]:
    z = a.parents[0]
    formula = Formulas().expression(z)
    return [
        (latex(z.label), formula.latex),
        ("", f"{formula.latex_numbers} = {latex_number(z.data)}"),
        (latex(a.label), rf"\sigma({latex(z.label)}) = {latex_number(a.data)}"),
    ]


def _matrices(p: Pattern) -> list[Any]:
    weights = _nested(p.W, lambda w: latex(w.label))
    partials = _nested(p.W, lambda w: rf"\partial C / \partial {latex(w.label)}")
    names, numbers = (
        matrix([[write(a) for a in row] for row in p.A])
        for write in (lambda a: latex(a.label), lambda a: latex_number(a.data))
    )
    vectors = matrix([[rf"\mathbf{{w}}_{{({m})}}^{{({n})}}" for m in (1, 2)] for n in (1, 2)])
    return [
        Title(_("The matrices")),
        Text(
            _(
                "Each row is a neuron and each column a layer, in $A$, in $\\mathbf{W}$ and in "
                "the gradient alike. The activations:"
            )
        ),
        Formula(f"A =\n{names} =\n{numbers}"),
        Text(_("The weights; each entry is the column of those that lead to one neuron:")),
        Formula(f"\\mathbf{{W}} =\n{vectors} =\n{weights}"),
        Formula(f"\\mathbf{{W}} =\n{_nested(p.W, lambda w: latex_number(w.data))}"),
        Text(_("The gradient of $C$ with respect to $\\mathbf{W}$ has the same shape:")),
        Formula(
            f"\\nabla C_{{\\mathbf{{W}}}} =\n{partials} =\n"
            f"{_nested(p.W, lambda w: latex_number(w.grad))}"
        ),
    ]


def _nested(W: Any, write: Any) -> str:
    return matrix([[matrix([[write(w)] for w in cell]) for cell in row] for row in W])


def _cost(p: Pattern) -> list[Any]:
    written = Formulas()
    formula = written.expression(p.cost)

    def squares(*answers: str) -> str:
        return " + ".join(
            rf"\left({answer} - \hat{{y}}^{{({n})}}\right)^{{2}}"
            for n, answer in enumerate(answers, 1)
        )

    z = [a.parents[0] for _first, a in p.A]
    return [
        Title(_("The cost")),
        Text(
            _("For one pattern, unfolded as the notes unfold it, from the outputs to the weights:")
        ),
        aligned(
            [
                ("C", r"\sum\limits_{n=1}^{N} \left(y^{(n)} - \hat{y}^{(n)}\right)^{2}"),
                ("", squares("y^{(1)}", "y^{(2)}")),
                ("", squares(*(rf"\sigma({latex(v.label)})" for v in z))),
                ("", squares(*(rf"\sigma\left({written.expression(v).latex}\right)" for v in z))),
                ("", formula.latex_numbers),
                ("", latex_number(p.cost.data)),
            ]
        ),
    ]


def _derivatives(p: Pattern, checks: list[float]) -> list[Any]:
    empty, one, right = (
        _("empty"), _("one path of the two"), _("complete, but for an index"),
    )  # fmt: skip
    notes = [empty, empty, empty, empty, one, one, _("complete"), right]
    table, each = [], []
    for w, check, state in zip(_patron.in_order(p), checks, notes):
        explained = explain(p.cost, w)
        table.append(
            [
                rf"$\partial C / \partial {latex(w.label)}$", str(explained.path_count),
                f"${_digits(explained.total)}$", f"${_digits(check)}$", state,
            ]
        )  # fmt: skip
        each += [
            Title(f"∂C/∂{w.label}", 3),
            Formula(explained.latex),
            Text(
                _("Gradient {gradient}, finite difference {difference}.").format(
                    gradient=f"${_digits(explained.total)}$", difference=f"${_digits(check)}$"
                )
            ),
        ]
    return [
        Title(_("The eight derivatives")),
        Text(
            _(
                "A weight of the second layer reaches $C$ by one path. A weight of the first "
                "reaches it by two, because its neuron feeds both outputs: the derivative is "
                "the sum over the paths, $p_{1} + p_{2}$, and each path a product of partials. "
                "The finite difference moves the weight by ±0.00001 and computes $C$ again, "
                "with no derivative at all."
            )
        ),
        Table(
            ["", _("paths"), _("gradient"), _("finite difference"), _("in the notes")], table
        ),
        *each,
    ]  # fmt: skip


def _rule(p: Pattern) -> list[Any]:
    deltas = [[a.parents[0].grad for a in row] for row in p.A]
    before = p.cost.data
    after = cost(
        p,
        [[[w.data - w.grad for w in cell] for cell in row] for row in p.W],
        [[b.data - b.grad for b in row] for row in p.B],
    )
    return [
        Title(_("What the eight have in common")),
        Text(
            _(
                "The derivatives of the weights that lead to one neuron differ only in their "
                "last factor. Call what comes before it "
                r"$\delta_{(l)}^{(n)} = \partial C / \partial z_{(l)}^{(n)}$, and the eight rows "
                "are a few lines; that is what a backward pass computes, from the last layer to "
                "the first:"
            )
        ),
        aligned(
            [
                (
                    r"\delta_{(L)}^{(n)}",
                    r"2\left(y^{(n)} - \hat{y}^{(n)}\right) \cdot \sigma'(z_{(L)}^{(n)})",
                ),
                (
                    r"\delta_{(l)}^{(m)}",
                    r"\sigma'(z_{(l)}^{(m)}) \cdot "
                    r"\sum\limits_{n=1}^{N} w_{(l+1)}^{(n,m)} \cdot \delta_{(l+1)}^{(n)}",
                ),
                (
                    r"\frac{\partial C}{\partial w_{(l)}^{(n,m)}}",
                    r"\delta_{(l)}^{(n)} \cdot a_{(l-1)}^{(m)}",
                ),
                (r"\frac{\partial C}{\partial b_{(l)}^{(n)}}", r"\delta_{(l)}^{(n)}"),
            ]
        ),
        Text(
            _(
                "The sum over $n$ is the sum over the paths. A bias is a weight whose input is "
                r"always 1, so that $\nabla C_{\mathbf{B}}$ is the matrix of the $\delta$:"
            )
        ),
        Formula(
            "\\nabla C_{\\mathbf{B}} =\n"
            + matrix([[rf"\delta_{{({l})}}^{{({n})}}" for l in (1, 2)] for n in (1, 2)])  # noqa: E741
            + " =\n"
            + matrix([[latex_number(d) for d in row] for row in deltas])
        ),
        Text(
            _(
                "One step against the gradient, with $lr = 1$, takes the cost from {before} "
                "to {after}:"
            ).format(before=f"${latex_number(before)}$", after=f"${latex_number(after)}$")
        ),
        Formula(
            r"\mathbf{W} \leftarrow \mathbf{W} - lr \cdot \nabla C_{\mathbf{W}}"
            r", \qquad "
            r"\mathbf{B} \leftarrow \mathbf{B} - lr \cdot \nabla C_{\mathbf{B}}"
        ),
    ]


def _digits(x: float) -> str:
    return f"{x:.8f}"


def _corrections() -> list[Any]:
    wrong = load("_errores")
    return [
        Title(_("What the notes leave open, and what to correct")),
        Text(
            _(
                "The method is right: each product that the notes write follows the chain rule, "
                "factor by factor. These are the details to complete and to correct."
            )
        ),
        Title(_("In the formulas"), 3),
        Corrections(wrong.in_formulas()),
        Title(_("In the code"), 3),
        Corrections(wrong.in_code()),
    ]


if __name__ == "__main__":
    main(Path())
