"""Who asks a Value for a float, or a comparison for its truth: read from the frame that waits.

A function written in C has no frame of its own. But the frame beneath still stands at the
instruction that called it: a call, whose function was put on the stack before its arguments,
or an assignment to an item, as in ``array[i] = v``.
"""

from __future__ import annotations

import builtins
import dis
import sys
from types import BuiltinFunctionType, CodeType, FrameType
from typing import Any, NamedTuple

_CALLS = {"CALL", "PRECALL", "CALL_KW", "CALL_FUNCTION", "CALL_FUNCTION_KW", "CALL_METHOD",
          "CALL_FUNCTION_EX"}  # fmt: skip
_ASSIGNMENTS = {"STORE_SUBSCR", "STORE_SLICE"}
_LEAVES = ("RETURN_V", "RETURN_C", "RAISE", "RERAISE", "JUMP_FORWARD", "JUMP_BACK", "JUMP_ABS")


class Asker(NamedTuple):
    """What a frame is at.

    Attributes
    ----------
    function : str or None
        The name of the function that it calls, by which that knows itself; "" where that cannot
        be told, and None where it calls none.
    builtin : bool
        Whether that is one of Python's own, such as `float`, `max` and `list`.
    assigns : bool
        Whether it assigns to an item of something.
    """

    function: str | None = None
    builtin: bool = False
    assigns: bool = False


_INSIDE = {"micrograd_es", "numpy", *sys.stdlib_module_names}
_NOTHING, _ASSIGNS = Asker(), Asker(assigns=True)
_PYTHONS: dict[Any, Asker] = {
    f: Asker(name, builtin=True)
    for name, f in vars(builtins).items()
    if isinstance(f, (BuiltinFunctionType, type))
}
# By code and place what is found there, since reading it takes time. The code is kept with it,
# so that its id is not given to another one.
_seen: dict[tuple[int, int], tuple[CodeType, Asker | dis.Instruction]] = {}


def asker(frame: FrameType) -> Asker:
    """What the frame is at; an `Asker` that knows nothing where that cannot be told."""
    try:
        code, place = frame.f_code, frame.f_lasti
        known = _seen.get((id(code), place))
        if known is None:
            if len(_seen) > 10_000:
                _seen.clear()
            known = _seen[id(code), place] = code, _NOTHING  # in case it cannot be read
            known = _seen[id(code), place] = code, _read(code, place)
        found = known[1]
        return found if isinstance(found, Asker) else _in_variable(found, frame)
    except Exception:  # another Python, say: what is read here only helps, and never harms
        return _NOTHING


def is_inside(frame: FrameType) -> bool:
    """Whether what runs there is this package, NumPy or the standard library."""
    return str(frame.f_globals.get("__name__")).partition(".")[0] in _INSIDE


def outside(frame: FrameType) -> FrameType:
    """The frame itself, or the one from which those were called."""
    while frame.f_back and is_inside(frame):
        frame = frame.f_back
    return frame


def _in_variable(loading: dis.Instruction, frame: FrameType) -> Asker:
    """The function that a variable holds, which may be another one the next time."""
    name: str = loading.argval
    function = None if loading.opname == "LOAD_GLOBAL" else frame.f_locals.get(name)
    if function is None:
        function = frame.f_globals.get(name) or frame.f_builtins.get(name)
    return _PYTHONS.get(function) or Asker(getattr(function, "__name__", name))


def _read(code: CodeType, place: int) -> Asker | dis.Instruction:
    """What stands at that place of the code; of a variable that is called, how it is loaded."""
    instructions = list(dis.get_instructions(code))
    # the last one that begins there or before: a place may be among what an instruction keeps
    at = max(k for k, ins in enumerate(instructions) if ins.offset <= place)
    call = instructions[at]
    if call.opname in _ASSIGNMENTS:
        return _ASSIGNS
    if call.opname not in _CALLS:
        return _NOTHING
    if instructions[at - 1].opname == "PRECALL":  # which counts the arguments as gone
        at -= 1
    arguments = call.arg or 0
    if call.opname == "CALL_FUNCTION_EX":  # a tuple, and perhaps a dictionary
        arguments = 2 if sys.version_info >= (3, 14) else 1 + (arguments & 1)
    elif call.opname.endswith("_KW"):  # and the names of some
        arguments += 1
    stack = _stacks(instructions)[at]
    beneath = stack[: len(stack) - arguments]
    # Beside the function there may be an empty place, for the object of a method.
    loading: dis.Instruction = beneath[-2 if beneath[-1].opname == "PUSH_NULL" else -1]
    if not loading.opname.startswith("LOAD_") or not isinstance(loading.argval, str):
        return Asker("")
    return Asker(loading.argval) if loading.opname.endswith(("ATTR", "METHOD")) else loading


def _stacks(instructions: list[dis.Instruction]) -> dict[int, tuple[Any, ...]]:
    """For each instruction the stack before it: of every entry, the instruction it comes from."""
    places = {ins.offset: k for k, ins in enumerate(instructions)}
    stacks: dict[int, tuple[Any, ...]] = {}
    # What only an exception leads to is begun at with a stack of which nothing is known.
    for start in range(len(instructions)):
        todo = [(start, (None,) * 32)]
        while todo:
            k, stack = todo.pop()
            if k in stacks or k == len(instructions):
                continue
            stacks[k], ins = stack, instructions[k]
            if ins.opcode in dis.hasjrel or ins.opcode in dis.hasjabs:
                todo.append((places[ins.argval], _after(ins, stack, jump=True)))
            if not ins.opname.startswith(_LEAVES):
                todo.append((k + 1, _after(ins, stack, jump=False)))
    return stacks


def _after(ins: dis.Instruction, stack: tuple[Any, ...], jump: bool) -> tuple[Any, ...]:
    effect = dis.stack_effect(ins.opcode, ins.arg, jump=jump)
    if effect > 0:
        return stack + (ins,) * effect
    stack = stack[: len(stack) + effect]
    # these put a result in the place of their operands
    return (*stack[:-1], ins) if ins.opname.startswith(("LOAD_", "BINARY_", "CALL")) else stack
