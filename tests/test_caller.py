"""Who calls, read from a frame: the same on every Python, and never an error."""

from __future__ import annotations

import array
import math
import sys
from pathlib import Path

import pytest

from micrograd_es.engine import caller
from micrograd_es.engine.caller import Asker, asker, outside

found: list[Asker] = []


class Asked:
    """Notes who asks for its float or its truth."""

    def __float__(self) -> float:
        found.append(asker(sys._getframe(1)))
        return 1.0

    def __bool__(self) -> bool:
        found.append(asker(sys._getframe(1)))
        return True

    def __lt__(self, other):
        return self

    __gt__ = __lt__


v, e, no = Asked(), math.exp, False


class Holder:
    module, functions = math, [math.exp]


def in_variables():
    to, f = float, math.exp
    return to(v), f(v)


def in_a_cell():
    f = math.exp

    def deep():
        return f(v)

    return deep()


def in_handlers():
    try:
        raise ValueError
    except ValueError:
        math.exp(v if no else Asked())
    finally:
        math.cos(v)


def in_a_generator():
    with open(__file__, encoding="utf-8"):
        yield math.exp(v)


async def in_a_coroutine():
    return math.exp(v)


def awaited():
    with pytest.raises(StopIteration):
        in_a_coroutine().send(None)


def stored(numbers):
    numbers[0] = v
    numbers[0:1], numbers[1] = array.array("d", [1.0]), v


LONG = "".join(f"x{i} = {i}\n" for i in range(400)) + "math.exp(x399 and v)"

# who is found, in turn; an asterisk is Python's own, "=" an assignment, "-" nothing of the kind
PLACES = {
    "a method": (lambda: math.exp(v), "exp"),
    "a name": (lambda: e(v), "exp"),
    "Python's own": (lambda: float(v), "float*"),
    "variables": (in_variables, "float* exp"),
    "a cell": (in_a_cell, "exp"),
    "the second": (lambda: math.atan2(1.0, v), "atan2"),
    "a choice": (lambda: math.atan2(v if no else 1.0, 2 if no else v), "atan2"),
    "either": (lambda: math.exp(no or v), "exp"),
    "of an attribute": (lambda: Holder.module.exp(v), "exp"),
    "of a list": (lambda: Holder.functions[0](v), "?"),
    "of a call": (lambda: (lambda: math.exp)()(v), "?"),
    "inside another": (lambda: math.cos(math.exp(v)), "exp"),
    "after a loop": (lambda: math.exp([x for x in (v, v) if no or x][-1]), "- - exp"),
    "with stars": (lambda: math.hypot(*[v, 1.0]), "hypot"),
    "with more stars": (lambda: math.isclose(v, 1.0, **{"rel_tol": 1.0}), "isclose"),
    "by keyword": (lambda: math.isclose(1.0, 1.0, rel_tol=v), "isclose"),
    "key and all": (lambda: max(v, 0, key=None), "max*"),
    "the largest": (lambda: max(*[v, v], 0), "max* max*"),
    "for each": (lambda: list(map(float, [v, v])), "list* list*"),
    "in a loop": (lambda: [math.exp(x) for x in (v, v)], "exp exp"),
    "in a string": (lambda: f"{math.exp(v)}", "exp"),
    "handlers": (in_handlers, "exp cos"),
    "a generator": (lambda: [*in_a_generator()], "exp"),
    "a coroutine": (awaited, "exp"),
    "an assignment": (lambda: stored(array.array("d", [0.0, 0.0])), "= ="),
    "%": (lambda: "%f" % v, "-"),  # noqa: UP031 (what is tested)
    "an if": (lambda: 1 if v else 2, "-"),
    "not": (lambda: not v, "-"),
    "a long program": (lambda: exec(LONG, {"math": math, "v": v}), "exp"),
}  # fmt: skip


def said(asks: Asker) -> str:
    if asks.assigns:
        return "="
    if asks.function is None:
        return "-"
    return (asks.function or "?") + "*" * asks.builtin


@pytest.mark.parametrize(("call", "expected"), PLACES.values(), ids=PLACES)
def test_who_calls(call, expected):
    for _ in range(2):  # the second time it is known
        found.clear()
        call()
        assert " ".join(map(said, found)) == expected


class Frame:
    """What no Python would hand out."""

    f_code, f_lasti, f_back = compile("1", "", "eval"), 999, None
    f_globals: dict = {}  # noqa: RUF012 (it stands for a frame)


def test_whatever_the_frame_looks_like():
    assert asker(None) == asker(Frame()) == asker(object()) == Asker()
    assert outside(Frame()).f_lasti == 999
    unstarted = in_a_generator()
    assert asker(unstarted.gi_frame) == Asker()

    class Odd:
        @property
        def __name__(self):
            raise OSError

        def __call__(self):
            return asker(sys._getframe(1))

    odd = Odd()
    assert odd() == Asker()


def test_every_instruction_of_real_programs_can_be_read():
    import argparse
    import asyncio.tasks
    import dis

    for module in (argparse, asyncio.tasks, caller):
        codes = [compile(Path(module.__file__).read_text("utf-8"), "", "exec")]
        for code in codes:
            codes += [c for c in code.co_consts if isinstance(c, type(code))]
            for ins in dis.get_instructions(code):
                if ins.opname in caller._CALLS:
                    read = caller._read(code, ins.offset)
                    assert isinstance(read, (Asker, dis.Instruction))


def test_what_is_kept_is_bounded(monkeypatch):
    monkeypatch.setattr(caller, "_seen", {(i, 0): None for i in range(10_001)})
    found.clear()
    math.exp(v)
    assert said(found[0]) == "exp"
    assert len(caller._seen) == 1


def test_outside_is_the_users_line():
    def here():
        return sys._getframe(0)

    frame = here()
    assert outside(frame) is frame
    inside = eval("f()", {"f": lambda: sys._getframe(1), "__name__": "numpy.linalg"})
    assert outside(inside).f_code.co_name == "test_outside_is_the_users_line"
    assert outside(eval("f()", {"f": lambda: sys._getframe(1), "__name__": "numpyro"})) is not frame
