"""The recorded graph as a program's text: a line a node forward, a line an edge backward.

Each line is the text of a row of the operation table with the nodes' names in it. What a program
is made of stands here, and how a language writes that in `languages`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from math import isfinite

from micrograd_es.engine.custom import CustomOperation
from micrograd_es.engine.graph import topological_order
from micrograd_es.tape.in_c import C
from micrograd_es.tape.in_python import Python, Values
from micrograd_es.tape.languages import Language, is_taken
from micrograd_es.tape.recording import Recording

LANGUAGES: dict[str, type[Language]] = {"python": Python, "c": C}
LONGEST = 40  # characters of a name


def source(recording: Recording, language: str) -> str:
    """The text of a program that defines ``value_and_grad`` of the one output.

    Raises
    ------
    ValueError
        The language is unknown, there are several outputs, or an operation is the user's own.
    """
    if language not in LANGUAGES:
        raise ValueError(f"a program is written in {' or '.join(LANGUAGES)}, not {language!r}")
    if len(recording.outputs) > 1:
        raise ValueError("a program has one output; give each output a tape of its own")
    return _Program(recording, LANGUAGES[language]()).text()


def values(recording: Recording) -> str:
    """The text of a program in Python that defines ``values``, the list of all outputs."""
    return _Program(recording, Values()).text()


@dataclass
class _Program:
    recording: Recording
    language: Language
    names: list[str] = field(default_factory=list)

    def text(self) -> str:
        recording, language = self.recording, self.language
        parameters, inputs = recording.given
        order = self._order()
        self.names = _names(recording, order)
        x, w = self.names[:inputs], self.names[inputs : inputs + parameters]
        language.begin(x, w, {*x, *w} - {self.names[i] for i in order})
        for i in order:
            if recording.operands[i]:
                if isinstance(rule := recording.rule(i), CustomOperation):
                    raise ValueError(
                        f"{rule.name} cannot be written out: "
                        "a custom operation has functions and no text"
                    )
                operands = [self.names[j] for j in recording.operands[i]]
                language.node(self.names[i], rule, operands)
            elif i in recording.constants and self.names[i].isidentifier():
                language.constant(self.names[i], recording.constants[i])
        if language.derives:
            self._backward(order, recording.outputs[0])
        return language.end([self.names[i] for i in recording.outputs], x, w)

    def _order(self) -> list[int]:
        """The nodes, operands first, so that sums come about as `Value.backward` has them."""
        recording = self.recording
        if len(recording.outputs) > 1:  # of which no sum is asked for
            return list(range(len(recording.nodes)))
        place = {v: i for i, v in enumerate(recording.nodes)}
        root = recording.nodes[recording.outputs[0]]
        return [place[v] for v in topological_order(root) if v in place][::-1]

    def _backward(self, order: list[int], root: int) -> None:
        recording, names, language = self.recording, self.names, self.language
        given = sum(recording.given)
        flags = self._flags(order, root)
        language.zeros(
            [*names[:given], *(names[i] for i in order if i in flags and i >= given)],
            [names[i] for i in order if flags.get(i) == names[i]],
            names[root] if root in flags else "",
        )
        for i in reversed(order):
            for index, j in self._edges(i) if i in flags else ():
                language.edge(
                    names[i],
                    names[j],
                    recording.rule(i),  # type: ignore[arg-type]
                    index,
                    [names[k] for k in recording.operands[i]],
                    within=flags[i],
                    reaches=flags[j] == names[j],
                )

    def _edges(self, i: int) -> Iterator[tuple[int, int]]:
        """Where node `i` hands a gradient on to: number of the operand, and which node it is."""
        if not self.recording.operands[i]:
            return
        rule = self.recording.rule(i)
        for index, j in enumerate(self.recording.operands[i]):
            if rule.takes(index) and self._leads[j]:
                yield index, j

    def _flags(self, order: list[int], root: int) -> dict[int, str]:
        """For each node to which a gradient may come, the name of what says whether it does.

        That is the empty text where it always does, or where nobody asks; its own name where
        a branch decides, or where what decides differs; else that of the node it comes from.
        """
        recording = self.recording
        self._leads = leads = [i < sum(recording.given) for i in range(len(recording.nodes))]
        for i in order:
            leads[i] = leads[i] or any(True for _ in self._edges(i))
        comes: dict[int, set[str]] = {}
        flags: dict[int, str] = {}
        for i in reversed(order):
            if not leads[i]:
                continue
            if i == root or (i in comes and (recording.always[i] or not recording.operands[i])):
                flags[i] = ""
            elif i in comes:
                own = self.names[i]
                flags[i] = comes[i].pop() if len(comes[i]) == 1 else own
                flags[i] = flags[i] or own
            else:
                continue
            for _, j in self._edges(i):
                branch = recording.rule(i).piecewise
                comes.setdefault(j, set()).add("" if branch else flags[i])
        return flags


# -- names ------------------------------------------------------------------------------


def _names(recording: Recording, order: list[int]) -> list[str]:
    """A name for each node: an identifier, or the number itself of a constant without a label.

    In a program a name also has ``d_`` or ``reached_`` before it, which collide with none.
    """
    found = [""] * len(recording.nodes)
    used: set[str] = set()
    again: dict[str, int] = {}

    def free(name: str) -> bool:
        all_of_it = {name, f"d_{name}", f"reached_{name}"}
        if used & all_of_it or any(map(is_taken, all_of_it)):
            return False
        used.update(all_of_it)
        return True

    given = range(sum(recording.given))
    everything = [*given, *(i for i in order if i not in given)]
    for i in everything:
        if name := identifier(recording.nodes[i].label):
            while any(map(is_taken, (name, f"d_{name}", f"reached_{name}"))):
                name = f"{name.lower()}_"  # no macro of C's is written so
            tries = again.get(name, 1)
            while not free(name if tries == 1 else f"{name}_{tries}"):
                tries += 1
            found[i] = name if tries == 1 else f"{name}_{tries}"
            again[name] = tries + 1
    numbers = count(1)
    for i in everything:
        if not found[i] and i in recording.constants and isfinite(recording.constants[i]):
            number = repr(recording.constants[i])
            found[i] = f"({number})" if number.startswith("-") else number
        while not found[i]:
            name = f"v{next(numbers)}"
            found[i] = name if free(name) else ""
    return found


def identifier(label: str) -> str:
    """The label as a name in a program, or nothing if it has no letter.

    Examples
    --------
    >>> [identifier(label) for label in ("w₁", "w₍₁₎⁽²·¹⁾", "año 2", "σ", "a + b", "∂", "2")]
    ['w1', 'w_1_2_1', 'año_2', 'σ', 'a_b', '', '']
    """
    words = re.sub(r"\W+", "_", unicodedata.normalize("NFKC", label))
    name = words[:LONGEST].strip("_")
    return name if name.isidentifier() else ""
