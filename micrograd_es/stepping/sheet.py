"""What a worksheet asks of a pass: the formulas, what is given, and the numbers of its key."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from unicodedata import normalize

from micrograd_es.formulas.notation import number
from micrograd_es.stepping.steps import is_told

if TYPE_CHECKING:
    from markupsafe import Markup

    from micrograd_es.engine.value import Value
    from micrograd_es.stepping.steps import Pass


@dataclass(frozen=True)
class Sheet:
    """One exercise, its formulas in MathML, as what need not be escaped again.

    Attributes
    ----------
    titles : list of Markup
        What the root is, and then each node in it that is called by another name than that.
    numbers : list of Markup
        Each variable with its number.
    answers : list of (Markup, str)
        What is asked for, and the number that it is.
    """

    titles: list[Markup]
    numbers: list[Markup]
    answers: list[tuple[Markup, str]]


def sheet_of(steps: Pass, title: str, formulas: dict[str, str]) -> Sheet:
    """The worksheet of a pass, of what its root is called and the formulas of its page by name."""
    from markupsafe import Markup

    written = {key: Markup(formula) for key, formula in formulas.items()}
    place = {node: i for i, node in enumerate(steps.nodes)}
    grads, root = steps.at(len(steps)), place[steps.root]
    variables = [n for n in steps.nodes if not n.parents and is_told(steps, n)]
    variables.sort(key=lambda n: normalize("NFKC", n.label))  # ¹ is after ² as a character

    def slope(node: Value) -> Markup:
        above, below = (_inner(formulas[f"by-{i}"]) for i in (root, place[node]))
        return Markup(
            f"<math><mfrac><mrow><mi>∂</mi>{above}</mrow><mrow><mi>∂</mi>{below}</mrow></mfrac></math>"
        )

    head, others = Markup.escape(title), []
    for node in reversed(steps.nodes):
        name, made = (formulas.get(f"{kind}-{place[node]}", "") for kind in ("name", "forward"))
        # a very long formula is written as its number, which is for the key
        if not made or _seen(made) in (_seen(name), number(node.data)):
            continue
        if node is steps.root:
            head += Markup(f" <math><mo>=</mo>{_inner(made)}</math>")
        else:
            others.append(Markup(f"<math>{_inner(name)}<mo>=</mo>{_inner(made)}</math>"))
    found = {n: grads[n] for n in variables}
    if steps.ahead:
        found = {steps.start: grads[steps.root]}
    return Sheet(
        [head, *others],
        [written[f"name-{place[n]}"] + f" = {number(n.data)}" for n in variables],
        [
            (written[f"name-{root}"], number(steps.root.data)),
            *((slope(by), number(x)) for by, x in found.items()),
        ],
    )


def _inner(mathml: str) -> str:
    return re.sub(r"^<math[^>]*>|</math>$", "", mathml)


def _seen(mathml: str) -> str:
    return re.sub(r"<[^>]*>", "", mathml).replace("&#x02212;", "−")
