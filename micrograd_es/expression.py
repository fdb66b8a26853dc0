"""Expressions as text, such as ``2*(a*b+c)**2``, made into a graph of Values.

They are read as people write them, ``2(a·b + c)²`` too, and as formulas here are written.
The text is parsed and never evaluated: what is not on the lists below is refused.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, NamedTuple, NoReturn

from micrograd_es.base.languages import gettext as _
from micrograd_es.base.languages import ngettext
from micrograd_es.base.reading import NAME, NUMBER, as_name, read_number
from micrograd_es.base.scalars import Number
from micrograd_es.engine.functions import function
from micrograd_es.engine.ops import TABLE, Operation
from micrograd_es.engine.value import Operand, Value, as_value
from micrograd_es.formulas.notation import short

MOST_CHARACTERS = 10_000
_NESTED = 200  # parentheses within each other

# What is written with a sign has no name there, nor has what looks the same, as each product does.
_SIGNS = {op.notation for op in TABLE.values() if op.operator}
FUNCTIONS: dict[str, Operation] = {
    name: op for name, op in TABLE.items() if not (op.notation in _SIGNS or op.variadic)
}
FUNCTIONS |= {"max": TABLE["maximum"], "min": TABLE["minimum"]}
# As formulas have them, and as Spanish does.
_ALSO = {
    "ln": "log", "σ": "sigmoid", "log₂": "log2", "log₁₀": "log10",
    "sen": "sin", "tg": "tan", "arctg": "arctan", "senh": "sinh", "tgh": "tanh",
    "raíz": "sqrt", "raiz": "sqrt", "sigmoide": "sigmoid", "máx": "max", "mín": "min",
}  # fmt: skip
CONSTANTS = {"pi": math.pi, "π": math.pi, "e": math.e}

# How tightly each holds its operands; of a power the exponent is read first.
_SUM, _PRODUCT, _SIGN, _POWER, _ROOT = range(5)
_BINARY = {
    "+": ("add", _SUM), "-": ("sub", _SUM),
    "*": ("mul", _PRODUCT), "/": ("div", _PRODUCT), "//": ("floor_divide", _PRODUCT),
    "%": ("mod", _PRODUCT), "**": ("pow", _POWER),
}  # fmt: skip
_SAME = {"−": "-", "–": "-", "·": "*", "⋅": "*", "×": "*", "÷": "/", "^": "**"}
_GROUPS = {"(": ")", "|": "|", "⌊": "⌋"}
_DIGITS = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")
_TOKEN = re.compile(
    rf"\s*(?:(?P<number>{NUMBER})|(?P<name>{NAME})|(?P<power>⁻?[⁰¹²³⁴-⁹]+)|(?P<sign>\*\*|//|\S))"
)


def parse(text: str, numbers: Mapping[str, Number]) -> tuple[Value, dict[str, Value]]:
    """The expression as a graph, and its variables by name, at the numbers given.

    What is written twice is computed once: ``(a + b) * (a + b)`` uses one node a + b twice.

    Raises
    ------
    ValueError
        The text is no expression of numbers, names, ``+ - * / // % **`` and the functions
        of `FUNCTIONS`; or a name has no number, or a number no name.

    Examples
    --------
    >>> y, variables = parse("2*(a*b+c)**2", {"a": 1, "b": 2, "c": 3})
    >>> y.data, sorted(variables)
    (50.0, ['a', 'b', 'c'])
    >>> parse("√(0,5x) − ln 1", {"x": 2})
    Traceback (most recent call last):
    ...
    ValueError: ln es una función: escribe ln(…)
    >>> parse("√(0,5x) − ln(1)", {"x": 2})[0].data
    1.0
    """
    program = _Reader(text).program
    used = {item for item in program if isinstance(item, str)}
    numbers = {as_name(name): number for name, number in numbers.items()}
    for name in sorted(set(numbers) - used):
        raise ValueError(_("the expression does not use {name}").format(name=_shortened(name)))
    variables = {name: Value(number, label=name) for name, number in numbers.items()}
    known = {name: Value(x, label=name) for name, x in CONSTANTS.items() if name in used}
    for name in sorted(used - set(variables) - set(known)):
        if _known(name) in FUNCTIONS:
            raise _not_called(name)
        raise ValueError(
            _("{name} has no number: write {name}=1, say").format(name=_shortened(name))
        )
    return as_value(_run(program, known | variables)), variables


def variables_of(text: str) -> list[str]:
    """The names that need a number, in the order in which they appear.

    Raises
    ------
    ValueError
        The text is no expression.

    Examples
    --------
    >>> variables_of("tanh(w*x + pi*b) * w")
    ['w', 'x', 'b']
    """
    names = [item for item in _Reader(text).program if isinstance(item, str)]
    return [n for n in dict.fromkeys(names) if n not in CONSTANTS and _known(n) not in FUNCTIONS]


class Apply(NamedTuple):
    """What is done to the last `n` operands, by its name in the table."""

    name: str
    n: int


Item = float | str | Apply  # a number, a name, or what is done to those before


def _run(program: Sequence[Item], names: Mapping[str, Value]) -> Operand:
    done: list[Operand] = []
    made: dict[object, Operand] = {}  # what is written twice is one node, used twice
    for item in program:
        if isinstance(item, Apply):
            operands = done[-item.n :]
            alike = (item.name, *(x if isinstance(x, Value) else str(x) for x in operands))
            if alike not in made:
                made[alike] = _applied(item.name)(*operands)
            done[-item.n :] = [made[alike]]
        else:
            done.append(names[item] if isinstance(item, str) else item)
    return done[0]


def _applied(name: str) -> Callable[..., Any]:
    if name == "pow":
        return lambda a, b: as_value(a) ** b
    if name == "neg":
        return lambda a: -a  # of a number, still a number: x ** -2
    return function(TABLE[name])


# -- from text to operands and what is done to them, operands first -----------------


class _Token(NamedTuple):
    kind: str
    text: str
    start: int

    @property
    def end(self) -> int:
        return self.start + len(self.text)


@dataclass
class _Waiting:
    """An operation whose last operand is still to come, or parentheses to be closed."""

    name: str
    level: int = -1  # of parentheses: nothing gets past them
    n: int = 1  # operands, as far as they are known
    closing: str = ""
    called: str = ""


class _Reader:
    """Reads an expression without recursion: ``a+a+a+…`` is as deep as it is long."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.program: list[Item] = []
        self._waiting: list[_Waiting] = []
        if len(text) > MOST_CHARACTERS:
            raise ValueError(
                _("the expression has more than {limit} characters").format(limit=MOST_CHARACTERS)
            )
        depths = accumulate((c in "([{") - (c in ")]}") for c in text)
        if max(depths, default=0) > _NESTED:
            raise ValueError(_("the expression has too many nested parentheses"))
        found = [
            _Token(str(m.lastgroup), m[str(m.lastgroup)], m.start(str(m.lastgroup)))
            for m in _TOKEN.finditer(text.rstrip())
        ]
        tokens = [*_with_decimal_commas(found), _Token("end", "", len(text))]
        before = _Token("start", "", 0)
        for token, following in zip(tokens, [*tokens[1:], tokens[-1]]):
            complete = before.kind in ("number", "name", "power", "closed")
            if complete and before.kind == "number" and self._begins(token):
                self._times_without_a_sign(before, token)
                complete = False
            elif complete and token.kind in ("number", "name") and _known(before.text) in FUNCTIONS:
                raise _not_called(before.text)
            before = (self._after if complete else self._begin)(token, following)

    def _begin(self, token: _Token, following: _Token) -> _Token:
        """Where an operand is to begin."""
        kind, text = token.kind, _SAME.get(token.text, token.text)
        if kind == "number":
            self.program.append(self._number(token))
            return token
        if kind == "name" and following.text == "(":
            op = self._function(token.text)
            self._waiting.append(_Waiting(op.name, called=token.text))
            return token._replace(kind="function")
        if kind == "name":
            self.program.append(as_name(token.text))
            return token
        if kind == "sign" and text in _GROUPS:
            call = self._waiting and self._waiting[-1].called and not self._waiting[-1].closing
            if not call:
                self._waiting.append(_Waiting({"|": "abs", "⌊": "floor"}.get(text, "")))
            self._waiting[-1].closing = _GROUPS[text]
        elif kind == "sign" and text == "-":
            self._waiting.append(_Waiting("neg", _SIGN))
        elif kind == "sign" and text == "√":
            self._waiting.append(_Waiting("sqrt", _ROOT))
        elif text == ")" and self._waiting and self._waiting[-1].called:
            self._close(self._waiting.pop(), missing=1)
        elif text != "+" or kind != "sign":
            self._refuse(token)
        return token

    def _after(self, token: _Token, following: _Token) -> _Token:
        """Where an operand has ended."""
        text = _SAME.get(token.text, token.text)
        if token.kind == "power":
            self._settle(_ROOT)
            self.program += [float(text.translate(_DIGITS)), Apply("pow", 2)]
            return token
        if token.kind == "sign" and text in _BINARY:
            name, level = _BINARY[text]
            self._settle(level + (level == _POWER))
            self._waiting.append(_Waiting(name, level, 2))
            return token
        self._settle(0)
        group = self._waiting[-1] if self._waiting else None
        if group and text == group.closing:
            self._close(self._waiting.pop())
            return token._replace(kind="closed")
        if group and group.called and text in (",", ";"):
            group.n += 1
            return token
        if token.kind != "end" or group:
            self._refuse(token)
        return token

    def _settle(self, level: int) -> None:
        """Does what waits and holds its operands at least as tightly."""
        while self._waiting and self._waiting[-1].level >= level:
            waiting = self._waiting.pop()
            self.program.append(Apply(waiting.name, waiting.n))

    def _close(self, group: _Waiting, missing: int = 0) -> None:
        n = group.n - missing
        arity = FUNCTIONS[_known(group.called)].arity if group.called else 1
        if n != arity:
            said = ngettext(
                "{name} takes {arity} operand, not {n}",
                "{name} takes {arity} operands, not {n}",
                arity,
            ).format(name=group.called, arity=arity, n=n)
            if re.search(r"\d,\d", self.text):
                said += "; " + _("beside decimal commas, operands are separated by ;")
            raise ValueError(said)
        if group.name:
            self.program.append(Apply(group.name, arity))

    def _begins(self, token: _Token) -> bool:
        """Whether an operand begins here, right after a number, as in 2a and 2(a + b)."""
        group = next((w.closing for w in self._waiting[::-1] if w.closing), "")
        opens = token.text in ("(", "√", "⌊") or (token.text == "|" and group != "|")
        return token.kind == "name" or opens

    def _times_without_a_sign(self, number: _Token, token: _Token) -> None:
        """2a is 2 · a; but 1/2a might be two things."""
        tighter = [w for w in self._waiting if w.level != _SIGN][-1:]
        if tighter and (
            tighter[0].level == _POWER or tighter[0].name in ("div", "floor_divide", "mod")
        ):
            what = number.text + self.text[number.end : token.end]
            raise ValueError(
                _("{text} can be read in two ways here: write * and parentheses").format(
                    text=_shortened(what)
                )
            )
        self._settle(_PRODUCT)
        self._waiting.append(_Waiting("mul", _PRODUCT, 2))

    def _number(self, token: _Token) -> float:
        number = read_number(token.text)
        if math.isinf(number) and token.text.isdigit():
            raise ValueError(_("a number is beyond the range of a float"))
        return number

    def _function(self, name: str) -> Operation:
        op = FUNCTIONS.get(_known(name))
        if op is None and len(name) == 1:  # as in x(y + 1)
            raise ValueError(
                _("there is no function {name}: for a product write {name}·(…)").format(name=name)
            )
        if op is None:
            known = ", ".join(sorted(FUNCTIONS))
            raise ValueError(
                _("there is no function {name}; there are {known}").format(
                    name=short(name, 16),
                    known=known,  # the others are the longer part
                )
            )
        return op

    def _refuse(self, token: _Token) -> NoReturn:
        if token.kind == "end":
            said = _("this is no expression: {text}").format(text=_shortened(self.text))
        else:
            said = _("this has no place in an expression: {text}").format(
                text=_shortened(token.text)
            )
            said += " " + _("(at character {n})").format(n=token.start + 1)
            if token.kind in ("number", "name") or token.text in ("(", "√"):
                said += "; " + _("write a product with * or ·")
        missing = self._missing_at(token)
        if missing:
            said += "; " + _("“{brackets}” is missing").format(brackets=short(missing, 16))
        raise ValueError(said)

    def _missing_at(self, token: _Token) -> str:
        """The brackets that are not there, where they do not balance."""
        closings = "".join(w.closing for w in self._waiting[::-1])
        if token.kind == "end":
            return closings
        if token.text not in (")", "⌋") or closings.startswith(token.text):
            return ""
        opening = next(bracket for bracket, closing in _GROUPS.items() if closing == token.text)
        return closings[:1] or opening


def _known(name: str) -> str:
    return _ALSO.get(as_name(name), as_name(name))


def _not_called(name: str) -> ValueError:
    return ValueError(_("{name} is a function: write {name}(…)").format(name=name))


def _with_decimal_commas(tokens: Sequence[_Token]) -> list[_Token]:
    """The tokens, with 2,5 as one number wherever no comma separates operands.

    That it does among the operands of a function that has several, unless ; separates them.
    """
    separates = [False]
    done: list[_Token] = []
    for i, token in enumerate(tokens):
        if token.text == "(":
            op = FUNCTIONS.get(_known(tokens[i - 1].text)) if i else None
            separates.append(bool(op and op.arity != 1) and not _has_semicolons(tokens[i + 1 :]))
        elif token.text == ")" and len(separates) > 1:
            separates.pop()
        if (
            len(done) > 1
            and done[-1].text == ","
            and done[-1].end == token.start
            and done[-2].end == done[-1].start
            and done[-2].text.isdigit()
            and token.kind == "number"
            and "." not in token.text
            and not separates[-1]
        ):
            _comma, whole = done.pop(), done.pop()
            token = _Token("number", f"{whole.text},{token.text}", whole.start)
        done.append(token)
    return done


def _has_semicolons(tokens: Sequence[_Token]) -> bool:
    """Whether there is one before these parentheses close."""
    depth = 0
    for token in tokens:
        depth += (token.text == "(") - (token.text == ")")
        if depth < 0:
            break
        if token.text == ";" and depth == 0:
            return True
    return False


def _shortened(text: str) -> str:
    return short(" ".join(text.split()) or "''", 60)
