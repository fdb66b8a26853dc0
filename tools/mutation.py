"""Checks the checkers: plants errors in the rules and in the chain, and the oracles must see them.

``python tools/mutation.py`` plants the named errors below, then every small change to every
text of the operation table (another number, operator, name or branch), one at a time, each
in a process of its own, and prints the score and what nobody saw. Nothing on disk changes.
"""

from __future__ import annotations

import ast
import copy
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from micrograd_es.engine.ops import TABLE, Operation

ROOT = Path(__file__).resolve().parent.parent
ORACLES = (
    "test_rationals.py", "test_ops.py", "test_accuracy.py", "test_random_graphs.py",
    "test_promises.py",
)  # fmt: skip


@dataclass(frozen=True)
class Mutant:
    """A module whose source has `new` for `old`; without an `old`, at its end.

    A module without a room is one of `engine`.
    `only` begins the expression that chooses the tests.
    """

    what: str
    module: str
    old: str
    new: str
    only: str = ""

    @property
    def name(self) -> str:
        """The module's name in full."""
        return "micrograd_es." + ("" if "." in self.module else "engine.") + self.module

    @property
    def file(self) -> Path:
        """Where its source is."""
        return ROOT / (self.name.replace(".", "/") + ".py")


PLANTED = (
    Mutant("a gradient overwrites", "graph", "(a._adjoint or 0.0) + upstream", "upstream"),
    Mutant("a sum's gradient overwrites", "graph", "(parent._adjoint or 0.0) + upstream",
           "upstream"),
    Mutant("a second pass overwrites", "graph", "as_float(leaf.grad) + (leaf._adjoint or 0.0)",
           "leaf._adjoint"),
    Mutant("a replay's gradient overwrites", "tape.bound",
           "self.emit(np.add, place, d, place)", "self.emit(np.copyto, place, d)"),
    Mutant("a graph's gradient overwrites", "derivative", "known + contribution",
           "contribution"),
    Mutant("a tangent overwrites", "forward", "tangents.get(node, 0.0) + tangents[parent]",
           "tangents[parent]"),
    Mutant("the order is not reversed", "graph", "    order.reverse()\n", ""),
    Mutant("an upstream is lost", "graph", "+ upstream * db", "+ db"),
    Mutant("a half is lost in sqrt'", "ops", '"0.5 / y"', '"1.0 / y"'),
    Mutant("a half is lost at a tie", "ops", "where(a <= b, 0.5, 1.0)", "where(a <= b, 1.0, 1.0)"),
    Mutant("a sign in a difference", "ops", '("1.0", "-1.0")', '("1.0", "1.0")'),
    Mutant("a sign in cos'", "ops", '"-sin(a)"', '"sin(a)"'),
    Mutant("a sign in a quotient", "ops", '"-y / b"', '"y / b"'),
    Mutant("a float32 partial", "algebra", '"pow": math.pow,', '"pow": math.pow, '
           '"cos": lambda x: float(__import__("numpy").float32(math.cos(x))),'),
    Mutant("seven digits in a partial of every row of two", "making", "node._da = {}\\n",
           "node._da = ({}) * 1.0000001\\n"),
    Mutant("1e-10 in sigmoid'", "ops", '"y * sigmoid(-a)"', '"y * sigmoid(-a) * 1.0000000001"'),
    Mutant("1e-10 in tanh'", "ops", '"4.0 * sigmoid(2.0', '"4.0000000004 * sigmoid(2.0'),
    Mutant("1e-10 in exp'", "ops", '("y",),', '("y * 1.0000000001",),'),
    Mutant("1e-10 in a power'", "ops", '"b * z / where', '"1.0000000001 * b * z / where'),
    Mutant("operands swapped in a product'", "ops", '("b", "a"),', '("a", "b"),'),
    Mutant("operands swapped in a difference", "ops", '"a - b", ', '"b - a", '),
    Mutant("operands swapped on the right", "making", 'operands="right, left", other="left"',
           'operands="left, right", other="right"'),
    Mutant("branches swapped", "ops", '"where(abs(a) <= 0.0, c, b)"',
           '"where(abs(a) <= 0.0, b, c)"'),
    Mutant("relu' at 0", "ops", '("where(a <= 0.0, 0.0, 1.0)",)', '("where(a < 0.0, 0.0, 1.0)",)'),
    Mutant("digits lost in softplus'", "ops", '("sigmoid(a)",)', '("1.0 - sigmoid(-a)",)'),
)  # fmt: skip

# A module comes from its changed source, before anything has imported it.
_RUN = """
import sys
from importlib.machinery import SourceFileLoader
module, old, new, *arguments = sys.argv[1:]
get_code = SourceFileLoader.get_code
def changed(self, fullname):
    if fullname != module:
        return get_code(self, fullname)
    source = self.get_source(fullname)
    source = source.replace(old, new) if old else source + new
    return compile(source, self.path, "exec")
SourceFileLoader.get_code = changed
import pytest
sys.exit(pytest.main(["-qx", "-p", "no:randomly", "-p", "no:cacheprovider", *arguments]))
"""


def seen(mutant: Mutant, oracles: tuple[str, ...] = ORACLES) -> bool:
    """Whether a test fails."""
    if mutant.old not in mutant.file.read_text("utf-8"):
        raise ValueError(f"{mutant.file.name} has no {mutant.old!r} any more")
    # what starts tests of its own would start them without the error
    chosen = ["-k", f"{mutant.only}not new_row"]
    command = [sys.executable, "-c", _RUN, mutant.name, mutant.old, mutant.new, *chosen, *oracles]
    try:
        done = subprocess.run(
            command, cwd=ROOT / "tests", capture_output=True, text=True, timeout=120,
            env={**os.environ, "MICROGRAD_ES_NATIVE": "0"},  # the Python is what is changed
        )  # fmt: skip
    except subprocess.TimeoutExpired:  # a loop without an end is a difference too
        return True
    if done.returncode not in (0, 1, 2):  # 2: the package cannot even be imported
        raise RuntimeError(done.stdout + done.stderr)
    return done.returncode != 0


def table_mutants() -> Iterator[Mutant]:
    """Every text of the table with one small change."""
    for op in TABLE.values():
        for text in changes(op.f, op):
            yield _row(op, "f", op.f, text, repr(text))
        for k, df in enumerate(op.df):
            for text in changes(df, op):
                yield _row(op, f"df[{k}]", df, text, repr((*op.df[:k], text, *op.df[k + 1 :])))


def _row(op: Operation, field: str, old: str, new: str, value: str) -> Mutant:
    change = (
        f"__import__('dataclasses').replace(TABLE[{op.name!r}], {field[:2].strip('[')}={value})"
    )
    what = f"{op.name}.{field}: {old}  →  {new}"
    return Mutant(what, "ops", "", f"\nTABLE[{op.name!r}] = {change}\n", f"{op.name} and ")


def changes(text: str, op: Operation) -> Iterator[str]:
    """The text with one number, operator, name or call changed."""
    tree = ast.parse(text, mode="eval")
    found = {ast.unparse(tree)}
    for i, node in enumerate(ast.walk(tree)):
        for change in _CHANGES.get(type(node), ()):
            other = copy.deepcopy(tree)
            place = list(ast.walk(other))[i]
            change(place)
            new = ast.unparse(other)
            names = {n.id for n in ast.walk(other) if isinstance(n, ast.Name)}
            if new not in found and not names & ({"a", "b", "c"} - set(op.operands)):
                found.add(new)
                yield new


def _set(**values: object):
    return lambda node: [setattr(node, k, v) for k, v in values.items()]


_NAMES = {
    "a": "b", "b": "a", "y": "a", "sin": "cos", "cos": "sin", "sinh": "cosh", "cosh": "sinh",
    "exp": "expm1", "expm1": "exp",
}  # fmt: skip
_CHANGES = {
    ast.Constant: [lambda n: setattr(n, "value", n.value + 1.0),
                   lambda n: setattr(n, "value", -n.value or 0.0)],
    ast.Add: [_set(__class__=ast.Sub)],
    ast.Sub: [_set(__class__=ast.Add)],
    ast.Mult: [_set(__class__=ast.Div)],
    ast.Div: [_set(__class__=ast.Mult)],
    ast.Lt: [_set(__class__=ast.LtE), _set(__class__=ast.Gt)],
    ast.LtE: [_set(__class__=ast.Lt), _set(__class__=ast.GtE)],
    ast.Gt: [_set(__class__=ast.GtE), _set(__class__=ast.Lt)],
    ast.GtE: [_set(__class__=ast.Gt), _set(__class__=ast.LtE)],
    ast.USub: [_set(__class__=ast.UAdd)],
    ast.Name: [lambda n: setattr(n, "id", _NAMES.get(n.id, n.id))],
    ast.Call: [lambda n: n.args.__setitem__(slice(-2, None), n.args[:-3:-1])],
}  # fmt: skip


def main() -> int:
    """0 where every planted error is seen."""
    if seen(Mutant("nothing", "ops", "", "")):
        print("the oracles fail as it is")
        return 1
    missed = report("planted errors", list(PLANTED))
    report("changes to the table", list(table_mutants()))
    return bool(missed)


def report(what: str, mutants: list[Mutant]) -> int:
    """The number of mutants that nobody saw; prints them and the score."""
    start, missed = time.monotonic(), []
    for mutant in mutants:
        if not seen(mutant):
            missed.append(mutant)
            print("not seen:", mutant.what, flush=True)
    score = len(mutants) - len(missed)
    print(
        f"{what}: {score} of {len(mutants)} seen, in {time.monotonic() - start:.0f} s", flush=True
    )
    return len(missed)


if __name__ == "__main__":
    sys.exit(main())
