"""What a pass says in a page and in a terminal, in the language chosen.

Names in braces are put in there.
"""

from __future__ import annotations

from micrograd_es.base.languages import gettext as _
from micrograd_es.engine.graph import Edge
from micrograd_es.engine.value import Value
from micrograd_es.explaining.remarks import of_node


def texts(ahead: bool = False) -> dict[str, str]:
    """Every text of a backward pass by the key under which it is asked for, or of one `ahead`."""
    return _texts() | _texts_of_sheet() | (_texts_ahead() if ahead else {})


def _texts() -> dict[str, str]:
    return {
        "title": _("Step by step: the backward pass of {name}"),
        "heading": _("Backpropagation, step by step"),
        "graph": _("Computation graph"),
        "step": _("This step"),
        "nodes": _("Values and gradients"),
        "controls": _("Player"),
        "language": _("Language"),
        "dark": _("Dark"),
        "zoom_in": _("Zoom in"),
        "zoom_out": _("Zoom out"),
        "fit": _("Fit"),
        "fold": _("Fold neurons"),
        "class_mode": _("Class mode"),
        "more": _("Settings"),
        "sheet": _("Worksheet"),
        "partial": _("local partial"),
        "value": _("value"),
        "gradient": _("gradient"),
        "node": _("node"),
        "grad": _("grad"),
        "difference": _("finite difference"),
        "right_gradient": _("right"),
        "agrees": _("agrees"),
        "differs": _("differs: a kink, or data changed since"),
        "wrong_mark": _("wrong"),
        "first": _("To the start"),
        "back": _("Back"),
        "play": _("Play"),
        "pause": _("Pause"),
        "forward": _("Next"),
        "last": _("To the end"),
        "timeline": _("Timeline"),
        "speed": _("Speed"),
        "predict": _("Predict first"),
        "wrong_order": _("Wrong order"),
        "untrusted": _(
            "This notebook is not trusted yet. To step through the graph, trust it: "
            "File → Trust Notebook."
        ),
        "no_script": _("This page needs JavaScript."),
        "keys": _("Keys: ← → Home End Space. Click a node: its gradient."),
        "count": _("{k} of {n}"),
        "phase_start": _("Start"),
        "phase_forward": _("Forward pass"),
        "phase_seed": _("Backward pass"),
        "phase_product": _("Backward pass: a product"),
        "phase_sum": _("Backward pass: a sum"),
        "phase_none": _("Backward pass: no gradient"),
        "say_start": _(
            "The leaves have their values. First the forward pass: each operation gives a value. "
            "Then the backward pass: each node hands on its gradient."
        ),
        "say_start_wrong": _(
            "Now each node passes its gradient on as soon as it is reached, "
            "without waiting for all that use it."
        ),
        "say_forward": _("{node} is computed: {value}."),
        "say_seed": _(
            "The backward pass starts at the end: the derivative of {root} with respect to itself "
            "is 1."
        ),
        "say_product": _(
            "{node} hands {parent} its gradient times the local partial: "
            "{upstream} · {factor} = {result}."
        ),
        "say_sum": _(
            "{parent} is used more than once, so what arrives is added: "
            "{before} → {before} + {term} = {result}."
        ),
        "say_flat": _(
            "Here {node} does not depend on {parent}, so no gradient goes that way: exactly 0."
        ),
        "say_constant": _("{parent} is a constant exponent, which takes no gradient."),
        "say_unreached": _("No gradient has reached {node}, so it hands {parent} none."),
        "factor": _("factor {k}"),
        "operand": _("operand {k}"),
        "say_final": _("That completes the gradient of {parent}."),
        "say_no_value": _("{node} has no value here, so it has no derivative either."),
        "say_corner": _("{node} has a corner here: this derivative is a convention."),
        "say_tie": _("The operands of {node} tie: by convention each gets half of the gradient."),
        "say_early": _("Too early: {node} had only {upstream}, but its gradient is {right}."),
        "say_inherited": _(
            "The error is handed on: {node} has {upstream}, but its gradient is {right}."
        ),
        "ask_partial": _(
            "First the local partial: what is the derivative of {node} with respect to {parent}?"
        ),
        "ask_product": _(
            "{node} hands {parent} its gradient times the local partial: {upstream} · {factor}. "
            "How much is that?"
        ),
        "ask_sum": _(
            "{parent} already has {before}, and {contribution} arrives. What is its gradient now?"
        ),
        "your_answer": _("Your number"),
        "check": _("Check"),
        "reveal": _("Reveal"),
        "no_number": _("That is no number. Write it like 0.25, 0,25 or 1/4."),
        "correct": _("Right: {result}."),
        "sign": _("Nearly: look at the sign."),
        "not_added": _("That is what arrives. Add it to {before}, which is already there."),
        "whole_product": _("That is the whole product. Here only the local partial is asked for."),
        "one_factor": _("That is only one of the two factors: multiply {upstream} · {factor}."),
        "not_yet": _("Not yet. Try again, or reveal it."),
    }


def _texts_of_sheet() -> dict[str, str]:
    """What is printed on a worksheet."""
    return {
        "by_hand": _("Backpropagation by hand"),
        "your_name": _("Name:"),
        "date": _("Date:"),
        "by_hand_how": _(
            "First the values, from left to right, beside each {value}. Then the gradients, from "
            "right to left, beside each {grad}: that of {root} is 1, and each box hands its own, "
            "times the local partial, to the boxes that it is computed from. What arrives from "
            "several boxes is added."
        ),
        "its_graph": _("Its graph, with a box for each value and its gradient"),
        "answers": _("Answers"),
    }


def _texts_ahead() -> dict[str, str]:
    """What is said otherwise where derivatives go forward, from the operands up."""
    titles = ("phase_seed", "phase_product", "phase_sum", "phase_none")
    return dict.fromkeys(titles, _("Forward mode")) | {
        "title": _("Step by step: the forward mode of {name}"),
        "heading": _("Forward mode, step by step"),
        "by_hand": _("Forward mode by hand"),
        "by_hand_how": _(
            "First the values, then the tangents, beside each {grad}, both from left to right: "
            "that of {root} is 1, those of the other variables are 0, and each box gets the "
            "tangent of every box that it is computed from, times the local partial. What arrives "
            "from several boxes is added."
        ),
        "its_graph": _("Its graph, with a box for each value and its tangent"),
        "nodes": _("Values and tangents"),
        "gradient": _("tangent"),
        "grad": _("tang."),
        "keys": _("Keys: ← → Home End Space. Click a node: its tangent."),
        "say_start": _(
            "The leaves have their values. Each operation gives a value, and then a tangent: the "
            "derivative of that value with respect to one variable. Each variable takes a pass of "
            "its own."
        ),
        "say_seed": _(
            "Forward mode starts here: the derivative of {root} with respect to itself is 1."
        ),
        "say_product": _(
            "{parent} hands {node} its tangent times the local partial: "
            "{upstream} · {factor} = {result}."
        ),
        "say_sum": _(
            "{node} has several operands with a tangent, so what arrives is added: "
            "{before} → {before} + {term} = {result}."
        ),
        "say_flat": _(
            "Here {node} does not depend on {parent}, so nothing goes that way: exactly 0."
        ),
        "say_constant": _("{parent} is a constant exponent, which hands on nothing."),
        "say_unreached": _("The tangent of {parent} is 0, so {node} gets 0 from it."),
        "say_final": _("That completes the tangent of {parent}."),
    }


def remark_on(node: Value, is_product: bool) -> str:
    """What is peculiar where a value is computed, or a product: the text is ``say_`` and this."""
    remark = of_node(node)
    return remark if is_product or remark == "no_value" else ""


def why_none(e: Edge) -> str:
    """Why no gradient goes this way: the text is ``say_`` and this."""
    if e.node._rule.number == e.index:
        return "constant"
    if e.node.partials[e.index] is not None:
        return "unreached"
    return "corner" if of_node(e.node) == "corner" else "flat"
