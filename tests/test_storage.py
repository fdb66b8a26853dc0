"""Model files: whole, and of this model, or refused with nothing changed."""

import gzip
import io
import json
import math
import pickle
import sys
import tracemalloc
import zipfile

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import load_file, save

from micrograd_es import MLP, Layer, ModelFormatError, Module, Neuron, Value
from micrograd_es.nn.storage import _digest, _read, read_arrays, write_arrays

ODD = [-0.0, 5e-324, -2.2250738585072014e-308, 1.7976931348623157e308, 1 / 3]


class Own(Module):
    """A user's model, of parameters that only `parameters` knows."""

    def __init__(self, *numbers):
        self.mine = [Value(x) for x in numbers]

    def parameters(self):
        return self.mine


class Scaled(MLP):
    """A subclass with a parameter more; its first layer is not trained."""

    def __init__(self, seed):
        super().__init__(2, [2, 1], seed=seed)
        self.scale = Value(float(seed))

    def parameters(self):
        return [*self.layers[1].parameters(), self.scale]


def load_metadata(path):
    with safe_open(path, "numpy") as file:
        return file.metadata()


def numbers(model):
    return [p.data for p in model.parameters()]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model"


def refused(model, path, says=None):
    before = numbers(model)
    with pytest.raises(ModelFormatError, match=says) as caught:
        model.load(path)
    assert numbers(model) == before
    message = str(caught.value)
    assert path.name in message
    assert "\n" not in message
    assert len(message) < 500


# -- what is kept -------------------------------------------------------------------


def test_every_bit_comes_back(path):
    Own(*ODD).save(path)
    model = Own(*[9.0] * len(ODD))
    model.load(path)
    assert [x.hex() for x in numbers(model)] == [x.hex() for x in ODD]
    assert all(type(p.data) is float for p in model.parameters())


@pytest.mark.parametrize(
    "make", [lambda: Module(), lambda: Own(), lambda: Own(1.0), lambda: Own(*range(1000))]
)
def test_a_module_of_ones_own(make, path):
    one, other = make(), make()
    for p in other.parameters():
        p.data = -1.0
    one.save(path)
    other.load(path)
    assert numbers(other) == numbers(one)


def test_a_parameter_that_stands_twice(path):
    shared = Value(2.0)
    model = Own(1.0)
    model.mine += [shared, shared]
    model.save(path)
    shared.data = 0.0
    model.load(path)
    assert numbers(model) == [1.0, 2.0, 2.0]


def test_a_subclass_keeps_what_it_adds_and_what_it_does_not_train(path):
    one, other = Scaled(1), Scaled(2)
    one.save(path)
    other.load(path)
    assert other.scale.data == 1.0
    assert numbers(other.layers[0]) == numbers(one.layers[0])
    assert numbers(other.layers[1]) == numbers(one.layers[1])
    refused(MLP(2, [2, 1]), path, "only the file has 'parameters'")


def test_gradients_and_labels_are_no_part_of_it(path):
    model = Own(1.0)
    model.save(path)
    model.mine[0].grad, model.mine[0].label = 3.0, "mine"
    model.load(path)
    assert (model.mine[0].grad, model.mine[0].label) == (3.0, "mine")


def test_the_file_is_one_that_safetensors_reads(path):
    model = MLP(2, [3, 1], seed=0)
    model.save(path)
    arrays = load_file(path)
    assert {name: a.shape for name, a in arrays.items()} == {
        "1.w": (3, 2), "1.b": (3,), "2.w": (1, 3), "2.b": (1,)
    }  # fmt: skip
    assert arrays["1.w"].tolist() == [[w.data for w in n.w] for n in model.layers[0].neurons]


def test_the_same_model_is_the_same_file(path, tmp_path):
    MLP(2, [3, 1], seed=0).save(path)
    MLP(2, [3, 1], seed=0).save(tmp_path / "other")
    assert path.read_bytes() == (tmp_path / "other").read_bytes()


@pytest.mark.parametrize("x", [math.nan, math.inf, -math.inf])
def test_what_is_not_finite_is_refused_before_anything_is_written(x, path):
    model = MLP(2, [3, 1], seed=0)
    model.parameters()[-1].data = x
    with pytest.raises(ValueError, match=r"2\.b holds nan or infinity"):
        model.save(path)
    assert not list(path.parent.iterdir())
    path.write_text("old")
    with pytest.raises(ValueError, match="infinity"):
        model.save(path)
    assert path.read_text() == "old"
    assert list(path.parent.iterdir()) == [path]


# -- what kind of model it is --------------------------------------------------------


class Pair(Module):
    """A user's model of two others and a parameter of its own."""

    def __init__(self, activation="tanh", order=("scale", "shift"), seed=0):
        self.first, self.more = MLP(2, [3, 2], activation, seed=seed), [Layer(2, 1, seed=seed)]
        self.scale, self.shift = Value(2.0), Value(3.0)
        self.order, self.again = order, self

    def parameters(self):
        own = [getattr(self, name) for name in self.order]
        return [*self.first.parameters(), *self.more[0].parameters(), *own]


class Renamed(Pair):
    def __init__(self):
        super().__init__()
        self.offset = vars(self).pop("shift")
        self.order = ("scale", "offset")


KINDS = {
    "another activation": (
        MLP(2, [3, 3, 1], "tanh"), MLP(2, [3, 3, 1], "relu"),
        "the activation layers.0.neurons.0-2: tanh, and the model layers.0.neurons.0-2: relu",
    ),
    "of the last layer": (
        MLP(2, [3, 1], output="sigmoid"), MLP(2, [3, 1]),
        "layers.1.neurons.0: sigmoid, and the model layers.1.neurons.0: linear",
    ),
    "of a layer": (Layer(2, 3, "relu"), Layer(2, 3, "tanh"), "neurons.0-2: relu.*0-2: tanh"),
    "of a neuron": (Neuron(2), Neuron(2, nonlin=False), "activation relu, and the model linear"),
    "of a part": (Pair("tanh"), Pair("softplus"), "first.layers.0.neurons.0-2: tanh"),
    "another order": (
        Pair(), Pair(order=("shift", "scale")), "the parameter scale, and the model shift",
    ),
    "another name": (Pair(), Renamed(), "the parameter shift, and the model offset"),
    "a model of one's own that lists backwards": (
        Pair(), type("Back", (Pair,), {"parameters": lambda s: Pair.parameters(s)[::-1]})(),
        "the parameter first.layers.0.neurons.0.w.0-1, and the model shift",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", KINDS)
def test_the_same_shapes_of_another_model_are_refused(name, path):
    saved, other, says = KINDS[name]
    saved.save(path)
    refused(other, path, says)
    saved.load(path)


def test_what_is_tied_in_one_model_need_not_be_in_the_other(path):
    tied, apart, shared = Own(), Own(1.0, 2.0), Value(3.0)
    tied.mine = [shared, shared]
    tied.save(path)
    apart.load(path)
    assert numbers(apart) == [3.0, 3.0]


def test_models_of_the_same_kind_take_each_other(path):
    one, other = Pair(seed=1), Pair(seed=2)
    other.unused, other.scale.label = [1.0, "text", None, {"a": np.zeros(3)}], "another label"
    one.save(path)
    other.load(path)
    assert numbers(other) == numbers(one)


def test_an_old_file_says_no_kind_and_is_taken_where_the_shapes_fit(path):
    saved, other = MLP(2, [3, 1], "tanh", seed=1), MLP(2, [3, 1], "relu", seed=2)
    blocks, _ = saved._stored()
    write_arrays(path, {name: block.astype(float) for name, block in blocks.items()})
    assert set(load_metadata(path)) == {"sha256"}
    other.load(path)
    assert numbers(other) == numbers(saved)
    refused(MLP(2, [3, 2]), path, "shape")


@pytest.mark.parametrize(
    "kind",
    [
        "{}",
        "[]",
        '"text"',
        "1",
        "none",
        "{" * 1500,
        '{"activation": 5}',
        '{"activation": [5]}',
        '{"activation": ["' + "x" * 3000 + '"]}',
    ],
)
def test_a_kind_that_no_model_writes(kind, path):
    model = Neuron(2, seed=0)
    blocks, _ = model._stored()
    write_arrays(path, {name: block.astype(float) for name, block in blocks.items()}, kind)
    refused(model, path)


# -- what is refused ----------------------------------------------------------------


def test_any_bit_flipped_is_detected_or_harmless(path):
    saved, model = Neuron(1, seed=0), Neuron(1, seed=1)
    saved.save(path)
    whole, before = path.read_bytes(), numbers(model)
    for place in range(8 * len(whole)):
        flipped = int.from_bytes(whole, "little") ^ 1 << place
        path.write_bytes(flipped.to_bytes(len(whole), "little"))
        try:
            model.load(path)
        except ModelFormatError:
            assert numbers(model) == before
        else:
            assert numbers(model) == numbers(saved)
            for p, number in zip(model.parameters(), before):
                p.data = number


def test_any_byte_changed_to_any_other_is_detected_or_harmless(path):
    saved = {"w": np.array([0.5]), "b": np.array([-3.0])}
    write_arrays(path, saved)
    whole, harmless = bytearray(path.read_bytes()), 0
    for place, byte in enumerate(whole):
        for other in {*range(256)} - {byte}:
            whole[place] = other
            try:
                found = _read(bytes(whole), {"w": (1,), "b": (1,)}, kind="")
            except ValueError:
                continue
            assert found == saved
            harmless += 1
        whole[place] = byte
    assert harmless <= 3 * whole.count(b" ")  # JSON has four kinds of space


def test_every_truncation_is_detected(path):
    MLP(2, [2, 1], seed=0).save(path)
    whole, model = path.read_bytes(), MLP(2, [2, 1], seed=1)
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        refused(model, path)


@pytest.mark.parametrize("more", [b"\0", b" ", b"\0" * 8, b"x" * 100_000])
def test_whatever_is_appended_is_detected(more, path):
    model = MLP(2, [2, 1], seed=0)
    model.save(path)
    path.write_bytes(path.read_bytes() + more)
    refused(model, path)


@pytest.mark.parametrize(
    "other",
    [MLP(3, [2, 1]), MLP(2, [3]), MLP(2, [3, 1, 1]), MLP(2, [3, 2]), Layer(2, 3), Neuron(2),
     MLP(40, [40]), Own(*range(13)), Module()],
    ids=repr,
)  # fmt: skip
def test_a_model_of_another_shape(other, path):
    one = MLP(2, [3, 1], seed=0)
    one.save(path)
    refused(other, path)
    other.save(path)
    refused(one, path)


def test_the_message_says_what_differs(path):
    MLP(2, [3, 1]).save(path)
    refused(MLP(3, [2, 1]), path, r"1\.w should have .*\[2, 3\].* not .*\[3, 2\]")
    refused(MLP(2, [3, 1, 1]), path, r"only the model has '3\.w'")
    refused(MLP(2, [3]), path, "only the file has '2")
    path.write_bytes(path.read_bytes()[:100])
    refused(MLP(2, [3, 1]), path, "ends too early")


def test_the_digest_is_of_names_shapes_and_numbers():
    numbers = np.arange(6.0)
    kinds = [("a", (6,)), ("b", (6,)), ("a", (2, 3)), ("a", (3, 2))]
    digests = {_digest({name: numbers.reshape(shape)}) for name, shape in kinds}
    assert len(digests | {_digest({"a": -numbers})}) == 5


NUMBERS = {"w": np.array([0.5, 0.25]), "b": np.array([1.0])}
ENTRIES = {
    "w": {"dtype": "F64", "shape": [2], "data_offsets": [0, 16]},
    "b": {"dtype": "F64", "shape": [1], "data_offsets": [16, 24]},
}
DIGEST = {"__metadata__": {"sha256": _digest(NUMBERS)}}
DATA = NUMBERS["w"].tobytes() + NUMBERS["b"].tobytes()


def made(header, data=DATA, length=None):
    """A file by hand; the header as text, or as what is written as JSON."""
    header = header if isinstance(header, (str, bytes)) else json.dumps(header)
    header = header.encode() if isinstance(header, str) else header
    return (len(header) if length is None else length).to_bytes(8, "little") + header + data


def with_numbers(w, b):
    arrays = {"w": np.array(w), "b": np.array(b)}
    return save(arrays, {"sha256": _digest(arrays)})


def zipped():
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("w.npy", bytes(10_000_000))
    return file.getvalue()


class Harmful:
    def __reduce__(self):
        return exec, ("raise SystemExit('a pickle was loaded')",)


TEXT = json.dumps(DIGEST | ENTRIES)
BAD = {
    "empty": b"",
    "seven bytes": bytes(7),
    "no header": bytes(8),
    "a header of 2**63 bytes": made(TEXT, length=2**63),
    "a header of 2**64 - 1 bytes": made(TEXT, length=2**64 - 1),
    "a header that takes in the numbers": made(TEXT, length=len(TEXT) + len(DATA)),
    "a header one byte short": made(TEXT, length=len(TEXT) - 1),
    "no json": made("hello"),
    "a list": made([1, 2]),
    "a string": made('"text"'),
    "a number": made("1"),
    "null": made("null"),
    "two values": made(TEXT + "{}"),
    "NaN": made(TEXT.replace("24]", "NaN]")),
    "a number of 2000 digits": made(TEXT.replace("24]", "9" * 1000 + "]")),
    "a negative offset": made(TEXT.replace("[0,", "[-0,").replace("[0, 16", "[-8, 16")),
    "deep lists": made("[" * 1500),
    "deep objects": made('{"a":' * 280 + "1" + "}" * 280),
    "deep shape": made(TEXT.replace("[2]", "[" * 300 + "2" + "]" * 300)),
    "bad utf-8": made(TEXT.encode().replace(b'"w"', b'"\xff"')),
    "half of a surrogate pair": made(TEXT.replace('"w"', r'"\ud800"')),
    "utf-16": made(TEXT.encode("utf-16")),
    "a byte order mark": made("\ufeff" + TEXT),
    "a name twice": made(TEXT[:-1] + ', "w": ' + json.dumps(ENTRIES["w"]) + "}"),
    "metadata twice": made(TEXT[:-1] + ', "__metadata__": {}}'),
    "a shape twice": made(TEXT.replace('"shape": [1]', '"shape": [9], "shape": [1]')),
    "no metadata": made(ENTRIES),
    "no digest": made({"__metadata__": {}} | ENTRIES),
    "a digest of another kind": made({"__metadata__": {"sha256": None}} | ENTRIES),
    "a model that is a number": made({"__metadata__": {"model": 5}} | ENTRIES),
    "metadata of another kind": made({"__metadata__": "sha256"} | ENTRIES),
    "more metadata": made({"__metadata__": DIGEST["__metadata__"] | {"a": "b"}} | ENTRIES),
    "the digest of others": made({"__metadata__": {"sha256": _digest({})}} | ENTRIES),
    "an entry of another kind": made(DIGEST | ENTRIES | {"w": [1, 2]}),
    "an entry without offsets": made(DIGEST | ENTRIES | {"w": {"dtype": "F64", "shape": [2]}}),
    "a name more": made(DIGEST | ENTRIES | {"v": ENTRIES["w"]}),
    "a name less": made(DIGEST | {"w": ENTRIES["w"]}, DATA[:16]),
    "another name": made(DIGEST | {"v": ENTRIES["w"], "b": ENTRIES["b"]}),
    "a very long name": made(DIGEST | ENTRIES | {"v" * 900: ENTRIES["w"]}),
    "shapes exchanged": with_numbers([0.5], [0.25, 1.0]),
    "one more axis": with_numbers([[0.5, 0.25]], [1.0]),
    "float32": with_numbers(np.array([0.5, 0.25, 1, 2], "f4"), [1.0]),
    "integers": with_numbers([1, 2], [1.0]),
    "a dtype that there is not": made(TEXT.replace("F64", "F65")),
    "a dtype of another kind": made(TEXT.replace('"F64"', "64")),
    "a shape with a fraction": made(TEXT.replace("[2]", "[2.0]")),
    "a shape with a bool": made(TEXT.replace("[1]", "[true]")),
    "a huge shape": made(TEXT.replace("[2]", "[4294967296, 4294967296]")),
    "a shape that wraps around to 2": made(TEXT.replace("[2]", f"[{2**63 + 1}, 2]")),
    "numbers that overlap": made(TEXT.replace("[16, 24]", "[8, 16]"), DATA[:16]),
    "a hole": made(TEXT.replace("[16, 24]", "[24, 32]"), DATA[:16] + bytes(8) + DATA[16:]),
    "offsets the wrong way": made(TEXT.replace("[0, 16]", "[16, 0]")),
    "more numbers": made(TEXT, DATA + bytes(8)),
    "nan": with_numbers([0.5, math.nan], [1.0]),
    "infinity": with_numbers([0.5, 0.25], [-math.inf]),
    "zip": zipped(),
    "gzip": gzip.compress(made(TEXT)),
    "pickle": pickle.dumps(Harmful()),
    "text": b"a model file\n",
}


@pytest.mark.parametrize("data", BAD.values(), ids=BAD)
def test_refuses(data, path):
    path.write_bytes(data)
    refused(Neuron(2, seed=0), path)


def test_what_these_files_are_made_from_is_a_model(path):
    model = Neuron(2, seed=0)
    for header in TEXT, json.dumps(ENTRIES | DIGEST, indent=1):
        path.write_bytes(made(header))
        model.load(path)
        assert numbers(model) == [0.5, 0.25, 1.0]


def test_a_file_of_any_size_takes_no_memory(path):
    model = MLP(2, [3, 1], seed=0)
    model.save(path)
    model.load(path)  # imports what it needs
    with open(path, "wb") as file:
        file.write((2**40).to_bytes(8, "little"))
        file.truncate(2**40)  # a hole: it takes no disk either
    tracemalloc.start()
    try:
        refused(model, path, "larger")
        assert tracemalloc.get_traced_memory()[1] < 200_000
    finally:
        tracemalloc.stop()


def test_a_header_of_many_names_takes_no_memory(path):
    path.write_bytes(made({f"a{k}": ENTRIES["w"] for k in range(10_000)}))
    refused(Neuron(2), path, "larger")


@pytest.mark.skipif(sys.platform == "win32", reason="a device of POSIX")
def test_a_device_without_an_end():
    with pytest.raises(ModelFormatError, match="larger"):
        Neuron(2).load("/dev/zero")


def test_what_is_not_there_or_cannot_be_opened_is_an_oserror(path):
    model = Neuron(2, seed=0)
    before = numbers(model)
    with pytest.raises(FileNotFoundError):
        model.load(path)
    with pytest.raises(OSError, match=path.parent.name):
        model.load(path.parent)
    with pytest.raises(FileNotFoundError):
        model.save(path / "below")
    path.write_text("old")
    with pytest.raises(OSError, match="below"):
        model.save(path / "below")
    assert path.read_text() == "old"
    assert numbers(model) == before


def test_paths_of_every_kind(path):
    model = Neuron(1, seed=0)
    for kind in (path, str(path), str(path).encode()):
        model.save(kind)
        model.load(kind)
        path.write_bytes(b"")
        with pytest.raises(ModelFormatError):
            model.load(kind)
    for wrong in (None, 1.5, 3, True, [str(path)]):
        with pytest.raises(TypeError):
            model.save(wrong)
        with pytest.raises(TypeError):
            model.load(wrong)


def test_large_arrays(path):
    arrays = {"w": np.arange(1e6).reshape(1000, 1000), "b": np.zeros((0, 3))}
    write_arrays(path, arrays)
    found = read_arrays(path, {name: a.shape for name, a in arrays.items()})
    for name, a in arrays.items():
        np.testing.assert_array_equal(found[name], a)
