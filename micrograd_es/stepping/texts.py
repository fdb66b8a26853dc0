"""What a pass says in a page and in a terminal, in the language chosen.

Names in braces are put in there.
"""

from __future__ import annotations

from micrograd_es.base.languages import gettext as _
from micrograd_es.engine.graph import Edge


def texts() -> dict[str, str]:
    """Every text by the key under which it is asked for."""
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
        "value": _("value"),
        "gradient": _("gradient"),
        "node": _("node"),
        "data": _("data"),
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
        "predict": _("Predict, then reveal"),
        "wrong_order": _("Wrong order"),
        "no_wrong_order": _("No order goes wrong here: every result has a single user."),
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
            "The backward pass starts at the end: the derivative of {root} by itself is 1."
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
        "say_unreached": _("No gradient has reached {node}, so it hands {parent} none."),
        "say_constant": _("{parent} is a constant exponent, which takes no gradient."),
        "factor": _("factor {k}"),
        "operand": _("operand {k}"),
        "say_final": _("That completes the gradient of {parent}."),
        "say_early": _("Too early: {node} had only {upstream}, and its gradient is {right}."),
        "say_inherited": _(
            "The error is handed on: {node} has {upstream}, and its gradient is {right}."
        ),
        "ask_product": _(
            "{node} hands {parent} its gradient times the local partial. How much is that?"
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
        "one_factor": _("That is only one of the two factors: multiply {upstream} · {factor}."),
        "not_yet": _("Not yet. Try again, or reveal it."),
    }


def why_none(e: Edge) -> str:
    """Why no gradient goes this way: the text is ``say_`` and this."""
    if e.node.rule.number == e.index:
        return "constant"
    return "flat" if e.node.partials[e.index] is None else "unreached"
