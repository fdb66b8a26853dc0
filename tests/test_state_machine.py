"""The engine against a naive model of it, through any sequence of what users do.

The model shares no code with the engine: a node is a dict with its number, its operands
and its local partials by formulas written here, and a gradient is the sum over all users,
found by recursion.
"""

from __future__ import annotations

import copy
import math
import pickle
import tempfile
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, multiple, rule

from micrograd_es import ModelFormatError, Module, Value, maximum, minimum, vsum, where


def share(a, b):
    """What the larger of the two takes of the gradient."""
    return 0.5 if a == b else float(a > b)


def sigma(x):
    return 0.5 * (1 + math.tanh(x / 2))


# name: (by the engine, value, partials); a constant takes no gradient and is no operand here
UNARY = {
    "neg": (lambda a: -a, lambda a: -a, lambda a: [-1.0]),
    "abs": (abs, abs, lambda a: [float((a > 0) - (a < 0))]),
    "tanh": (Value.tanh, math.tanh, lambda a: [1 / math.cosh(a) ** 2]),
    "sigmoid": (Value.sigmoid, sigma, lambda a: [sigma(a) * sigma(-a)]),
    "sin": (Value.sin, math.sin, lambda a: [math.cos(a)]),
    "relu": (Value.relu, lambda a: max(a, 0.0), lambda a: [float(a > 0)]),
    "softplus": (
        Value.softplus,
        lambda a: math.log(1 + math.exp(-abs(a))) + max(a, 0.0),
        lambda a: [sigma(a)],
    ),
}
BINARY = {
    "add": (lambda a, b: a + b, lambda a, b: a + b, lambda a, b: [1.0, 1.0]),
    "sub": (lambda a, b: a - b, lambda a, b: a - b, lambda a, b: [1.0, -1.0]),
    "mul": (lambda a, b: a * b, lambda a, b: a * b, lambda a, b: [b, a]),
    "maximum": (maximum, max, lambda a, b: [share(a, b), share(b, a)]),
    "minimum": (minimum, min, lambda a, b: [share(b, a), share(a, b)]),
}  # fmt: skip
NUMBERS = st.one_of(st.integers(-3, 3).map(float), st.floats(-3, 3, allow_subnormal=False))


class Model(Module):
    def __init__(self, values):
        self.values = values

    def parameters(self):
        return self.values


class Engine(RuleBasedStateMachine):
    nodes = Bundle("nodes")
    files = Bundle("files")

    def __init__(self):
        super().__init__()
        self.model = {}  # Value: dict(op, data, grad, operands, partials)
        self.folder = tempfile.TemporaryDirectory()
        self.saved = 0

    def teardown(self):
        self.folder.cleanup()

    def add(self, node, op, data, operands=(), partials=()):
        self.model[node] = {
            "op": op, "data": data, "grad": 0.0, "mass": 0.0,
            "operands": list(operands), "partials": list(partials),
        }  # fmt: skip
        return node

    def below(self, root):
        """All nodes below, the root included, operands first."""
        found = []

        def visit(node):
            if node not in found:
                for operand in self.model[node]["operands"]:
                    visit(operand)
                found.append(node)

        visit(root)
        return found

    # -- what users do --------------------------------------------------------------

    @rule(target=nodes, x=NUMBERS)
    def create(self, x):
        return self.add(Value(x), "", x)

    @rule(target=nodes, a=nodes, name=st.sampled_from(sorted(UNARY)))
    def apply(self, a, name):
        f, value, partials = UNARY[name]
        x = self.model[a]["data"]
        return self.add(f(a), name, value(x), [a], partials(x))

    @rule(target=nodes, a=nodes, b=nodes, name=st.sampled_from(sorted(BINARY)))
    def combine(self, a, b, name):
        f, value, partials = BINARY[name]
        x, y = self.model[a]["data"], self.model[b]["data"]
        if abs(x * y) > 1e3:  # numbers stay of a usual size
            a, x = b, y
            return self.add(a.tanh(), "tanh", math.tanh(x), [a], [1 / math.cosh(min(x, 300)) ** 2])
        return self.add(f(a, b), name, value(x, y), [a, b], partials(x, y))

    @rule(target=nodes, terms=st.lists(nodes, min_size=1, max_size=4))
    def add_up(self, terms):
        data = [self.model[v]["data"] for v in terms]
        return self.add(vsum(terms), "sum", sum(data), terms, [1.0] * len(terms))

    @rule(target=nodes, a=nodes, c=st.floats(0.5, 2))
    def combine_with_a_number(self, a, c):
        y = c / (a * a + 1)  # by hand: c / (x² + 1)
        x = self.model[a]["data"]
        square = self.add(y.parents[1].parents[0], "mul", x * x, [a, a], [x, x])
        one = self.add(y.parents[1].parents[1], "", 1.0)
        inner = self.add(y.parents[1], "add", x * x + 1, [square, one], [1.0, 1.0])
        top = self.add(y.parents[0], "", c)
        d = x * x + 1
        return self.add(y, "div", c / d, [top, inner], [1 / d, -c / d**2])

    @rule(target=nodes, a=nodes, b=nodes)
    def choose(self, a, b):
        x, y = self.model[a]["data"], self.model[b]["data"]
        chosen = where(a < b, a, b)
        condition = chosen.parents[0]
        self.add(condition, "less", float(x < y), [a, b], [None, None])
        partials = [None, 1.0 if x < y else None, None if x < y else 1.0]
        return self.add(chosen, "where", x if x < y else y, [condition, a, b], partials)

    @rule(root=nodes)
    def backward(self, root):
        root.backward()
        below = self.below(root)
        for node in below:
            d, mass = self.derivative(root, node, below, {})
            entry = self.model[node]
            if entry["operands"]:
                entry["grad"], entry["mass"] = d, mass
            else:
                entry["grad"] += d
                entry["mass"] += mass

    def derivative(self, root, node, below, known):
        """d(root)/d(node), and the sum of the sizes of all that it is made from."""
        if node is root:
            return 1.0, 1.0
        if node not in known:
            d = mass = 0.0
            for user in below:
                entry = self.model[user]
                for operand, partial in zip(entry["operands"], entry["partials"]):
                    if operand is node and partial is not None:
                        upstream, size = self.derivative(root, user, below, known)
                        d += upstream * partial
                        mass += size * abs(partial)
            known[node] = d, mass
        return known[node]

    @rule(node=nodes)
    def zero(self, node):
        node.grad = 0.0
        self.model[node]["grad"] = self.model[node]["mass"] = 0.0

    @rule(node=nodes, x=NUMBERS)
    def mutate(self, node, x):
        node.data = x
        self.model[node]["data"] = x

    @rule(target=nodes, a=nodes, b=nodes, by_pickle=st.booleans())
    def copy(self, a, b, by_pickle):
        again = pickle.loads(pickle.dumps((a, b))) if by_pickle else copy.deepcopy((a, b))
        twins = {}

        def pair(old, new):
            if old in twins:
                assert twins[old] is new, "what was shared stays shared"
                return
            assert new not in self.model
            twins[old] = new
            operands = self.model[old]["operands"]
            assert len(operands) == len(new.parents)
            for one, other in zip(operands, new.parents):
                pair(one, other)

        pair(a, again[0])
        pair(b, again[1])
        for old, new in twins.items():
            entry = self.model[old]
            self.model[new] = {**entry, "operands": [twins[v] for v in entry["operands"]]}
        return multiple(*again)

    @rule(target=files, values=st.lists(nodes, max_size=3))
    def save(self, values):
        self.saved += 1
        path = Path(self.folder.name) / f"{self.saved}.safetensors"
        Model(values).save(path)
        return path, [self.model[v]["data"] for v in values]

    @rule(file=files, values=st.lists(nodes, max_size=3, unique_by=id))
    def load(self, file, values):
        path, numbers = file
        if len(values) != len(numbers):
            with pytest.raises(ModelFormatError):
                Model(values).load(path)
            return
        Model(values).load(path)
        for v, x in zip(values, numbers):
            self.model[v]["data"] = x

    # -- what always holds ----------------------------------------------------------

    @invariant()
    def the_engine_is_as_the_model_says(self):
        for node, entry in self.model.items():
            assert node.op == entry["op"]
            assert list(node.parents) == entry["operands"]
            # not to the last place: the model has formulas of its own
            assert node.data == pytest.approx(entry["data"], rel=1e-12, abs=1e-13)
            entry["data"] = node.data
            assert abs(node.grad - entry["grad"]) <= 1e-10 * entry["mass"] + 1e-300
            partials = node.partials
            for i, partial in enumerate(entry["partials"]):
                assert (partials[i] or 0.0) == pytest.approx(partial or 0.0, rel=1e-11, abs=1e-13)


Engine.TestCase.settings = settings(
    derandomize=True, deadline=None, max_examples=200, stateful_step_count=30
)
TestEngine = Engine.TestCase
