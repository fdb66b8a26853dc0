"""The state of the page: what stands in its address, and in every request."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, fields, replace
from itertools import pairwise
from typing import Any

from micrograd_es.base.languages import LANGUAGES
from micrograd_es.base.languages import gettext as _
from micrograd_es.base.reading import read_number
from micrograd_es.formulas.notation import short
from micrograd_es.nn.modules import ACTIVATIONS
from micrograd_es.play.features import FEATURES
from micrograd_es.play.points import EDGE, OWN, count, held_out, points

DATA = ("moons", "circles", "xor", "spiral", "blobs")
LOSSES = ("mse", "hinge", "binary_cross_entropy", "cross_entropy")
MAX_LAYERS = 4
MAX_NEURONS = 16
MAX_POINTS = 200
MAX_UPDATES = 10_000
MAX_RATE = 100.0
MAX_SEED = 999_999
MAX_QUERY = 8_000
MAX_PENALTY = 10.0
MAX_WEIGHT = 100.0
# what there is to choose from
TESTS = (0, 10, 20, 30, 40, 50)
NOISES = (0.0, 0.1, 0.2, 0.3, 0.5)
VIEWS = ("all", "class")

_INTEGER = re.compile(r"0|[1-9][0-9]{0,5}")
_DECIMAL = re.compile(r"-?[0-9]{1,3}([.,][0-9]{1,6})?")


class BadRequest(ValueError):
    """What is wrong with an address, in one line."""


class TooManySteps(BadRequest):
    """The address makes sense, and its backward pass is more than a page shows."""


@dataclass(frozen=True)
class Change:
    """A point that was moved, added (from number 60 on), or deleted (`at` is None)."""

    number: int
    at: tuple[float, float, float] | None


@dataclass(frozen=True)
class Edit:
    """A parameter that was set by hand after so many updates."""

    update: int
    parameter: int
    number: float


@dataclass(frozen=True)
class State:
    """Everything that the page shows follows from this."""

    data: str = "moons"
    changes: tuple[Change, ...] = ()
    noise: float = 0.0
    test: int = 0
    features: tuple[str, ...] = ("x1", "x2")
    layers: tuple[int, ...] = (4, 4)
    activation: str = "tanh"
    loss: str = "mse"
    lr: float = 0.1
    l1: float = 0.0
    l2: float = 0.0
    seed: int = 1
    edits: tuple[Edit, ...] = ()
    updates: int = 0
    point: int | None = None
    lang: str = "es"
    view: str = "all"

    @property
    def start(self) -> State:
        """The part that decides how a training goes, from its first update on."""
        return replace(self, updates=0, point=None, lang="es", view="all")

    @property
    def outputs(self) -> int:
        """How many outputs the network has."""
        return 2 if self.loss == "cross_entropy" else 1

    def points(self) -> tuple[list[int], list[tuple[float, float]], list[float]]:
        """The numbers of the points, where they are, and their classes."""
        table = dict(enumerate(points(self.data, self.seed, self.noise)))
        for change in self.changes:
            if change.at is None:
                table.pop(change.number, None)
            else:
                table[change.number] = change.at
        if not table:
            raise BadRequest(_("there has to be at least one point"))
        return list(table), [row[:2] for row in table.values()], [row[2] for row in table.values()]

    def held_out(self) -> list[bool]:
        """Which of the points test the network and do not train it."""
        chosen = held_out(self.points()[0], self.test, self.seed)
        if all(chosen):
            raise BadRequest(_("there has to be at least one point to train with"))
        return chosen


def parsed(query: Iterable[tuple[str, str]]) -> State:
    """The state that a query says, defaults where it says nothing.

    Raises
    ------
    BadRequest
        A name is unknown or said twice, or what it says is not of its kind or too large.
    """
    settings: dict[str, Any] = {}
    for name, text in query:
        if name not in _READERS:
            raise BadRequest(_("there is no setting {name}").format(name=_shortened(name)))
        if name in settings:
            raise BadRequest(_("{name} is given twice").format(name=name))
        try:
            settings[name] = _READERS[name](text)
        except ValueError as error:
            raise BadRequest(f"{name}={_shortened(text)}: {error}") from None
    state = State(**settings)
    of_data = count(state.data)
    if any(change.number >= of_data and change.at is None for change in state.changes):
        raise BadRequest(_("only the points of the data set can be missing"))
    state.held_out()
    if state.point is not None and state.point not in state.points()[0]:
        raise BadRequest(_("there is no point {n}").format(n=state.point))
    sizes = [len(state.features), *state.layers, state.outputs]
    parameters = sum((m + 1) * n for m, n in pairwise(sizes))
    for edit in state.edits:
        if edit.parameter >= parameters:
            raise BadRequest(_("there is no parameter {n}").format(n=edit.parameter))
    return state


def defaults() -> dict[str, str]:
    """The state of an empty address, as text, for the page."""
    texts = {"changes": "", "edits": "", "point": ""}
    texts |= {"layers": "-".join(map(str, State.layers)), "features": "-".join(State.features)}
    return {name: str(value) for name, value in (asdict(State()) | texts).items()}


def _shortened(text: str) -> str:
    return short("".join(c if c.isprintable() else "�" for c in text), 40)


def _one_of(names: tuple[str, ...]) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text not in names:
            raise ValueError(_("expected one of {names}").format(names=", ".join(names)))
        return text

    return read


def _up_to(largest: int, least: int = 0) -> Callable[[str], int]:
    def read(text: str) -> int:
        if not _INTEGER.fullmatch(text) or not least <= int(text) <= largest:
            raise ValueError(
                _("expected an integer from {least} to {largest}").format(
                    least=least, largest=largest
                )
            )
        return int(text)

    return read


def _decimal(least: float, largest: float) -> Callable[[str], float]:
    def read(text: str) -> float:
        if not _DECIMAL.fullmatch(text) or not least <= read_number(text) <= largest:
            raise ValueError(
                _("expected a decimal number from {least} to {largest}").format(
                    least=least, largest=largest
                )
            )
        return read_number(text)

    return read


_neurons = _up_to(MAX_NEURONS, least=1)
_coordinate = _decimal(-EDGE, EDGE)
_number = _up_to(MAX_POINTS - 1)
_update = _up_to(MAX_UPDATES)
_parameter = _up_to(MAX_SEED)
_weight = _decimal(-MAX_WEIGHT, MAX_WEIGHT)


def _layers(text: str) -> tuple[int, ...]:
    """``8-4`` is two hidden layers; the empty text is none."""
    words = text.split("-") if text else []
    if len(words) > MAX_LAYERS:
        raise ValueError(_("at most {n} hidden layers").format(n=MAX_LAYERS))
    return tuple([_neurons(word) for word in words])


def _changes(text: str) -> tuple[Change, ...]:
    """``3_0.5_-0.2_1*7`` moves point 3 to (0.5, -0.2), of class 1, and deletes point 7."""
    changes: dict[int, Change] = {}
    for word in text.split("*") if text else []:
        first, *rest = word.split("_")
        number = _number(first)
        if number in changes:
            raise ValueError(_("point {n} is there twice").format(n=number))
        if not rest:
            changes[number] = Change(number, None)
        elif len(rest) == 3 and rest[2] in ("-1", "1"):
            x, y = map(_coordinate, rest[:2])
            changes[number] = Change(number, (x, y, float(rest[2])))
        else:
            raise ValueError(_("a point is number_x_y_class, and its class -1 or 1"))
    return tuple([changes[n] for n in sorted(changes)])


def _features(text: str) -> tuple[str, ...]:
    """``x1-x2-x1x2``: what the network is given of a point, each once."""
    names = tuple(text.split("-"))
    if not set(names) <= set(FEATURES) or len(set(names)) < len(names):
        raise ValueError(_("expected some of {names}, each once").format(names=", ".join(FEATURES)))
    return names


def _edits(text: str) -> tuple[Edit, ...]:
    """``20_3_0.5*20_4_-1``: after update 20, parameter 3 was set to 0.5, and 4 to -1."""
    edits: dict[tuple[int, int], Edit] = {}
    for word in text.split("*") if text else []:
        words = word.split("_")
        if len(words) != 3:
            raise ValueError(_("a weight that was set is update_parameter_number"))
        edit = Edit(_update(words[0]), _parameter(words[1]), _weight(words[2]))
        if (edit.update, edit.parameter) in edits:
            raise ValueError(_("parameter {n} is there twice").format(n=edit.parameter))
        edits[edit.update, edit.parameter] = edit
    return tuple([edits[key] for key in sorted(edits)])


_READERS: dict[str, Callable[[str], Any]] = {
    "data": _one_of((*DATA, OWN)),
    "changes": _changes,
    "noise": _decimal(0.0, max(NOISES)),
    "test": _up_to(max(TESTS)),
    "features": _features,
    "layers": _layers,
    "activation": _one_of(ACTIVATIONS),
    "loss": _one_of(LOSSES),
    "lr": _decimal(0.0, MAX_RATE),
    "l1": _decimal(0.0, MAX_PENALTY),
    "l2": _decimal(0.0, MAX_PENALTY),
    "seed": _up_to(MAX_SEED),
    "edits": _edits,
    "updates": _update,
    "point": lambda text: _number(text) if text else None,
    "lang": _one_of(LANGUAGES),
    "view": _one_of(VIEWS),
}
assert set(_READERS) == {field.name for field in fields(State)}
