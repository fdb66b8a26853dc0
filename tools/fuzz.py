"""Random input for what reads input: the expression parser, the model loader, the server.

``python tools/fuzz.py --count 1000000`` gives them so many inputs together and ends with
status 1 if one of them crashed, hung, or did more than it may. An input follows from its
seed and its number, both of which are printed with it.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import quote, unquote_to_bytes

import numpy as np
from safetensors.numpy import save

from micrograd_es import MLP, ModelFormatError, Value, play
from micrograd_es.expression import FUNCTIONS, parse
from micrograd_es.nn.modules import ACTIVATIONS
from micrograd_es.nn.storage import _digest
from micrograd_es.play.state import DATA, LOSSES, BadRequest, parsed

SECONDS = 10.0  # more is a hang: a request may train for 0.3 s, on a machine that is busy
ODD = "\0\t\n\r\x0b\x0c\x1b\x7f\x85\xa0\u2028\u202e\ufeff\ufffe\ud800\U0010ffff²½éß٣９ﬁ𝒂😀"


class Hang(BaseException):
    """An input took longer than SECONDS."""


def _refused(error: Exception) -> bool:
    """False, and that the message is one line of a length that one reads."""
    assert len(str(error).splitlines()) == 1
    assert len(str(error)) < 300
    return False


# -- expressions ----------------------------------------------------------------------

NAMES = "a b x pi e if else for in is not and or lambda await yield None True __import__ self"
DIGITS = "0 1 2.5 .5 1. 1e9 1e400 1e-400 0x1F 0b2 1_000 07 1j 9999999999999999999 'a' b'x' f'{a}'"
SIGNS = "+ - * / ** // % @ & | ^ ~ << < <= == != ( ) [ ] { } , . : := = ; ... -> ! ? $ ` \\ # \" '"
TOKENS = [*NAMES.split(), *DIGITS.split(), *SIGNS.split(), *ODD, " "]
TOKENS += [f"{name}(" for name in FUNCTIONS]
SOUND = ["2*(a*b+x)**2", "tanh(a*x)-b", "max(a, min(b, x))", "-a**-b/+x", "exp(log(a))", "pi*e"]
NUMBERS = {"a": 1.5, "b": -2, "x": 0.25}


def expression(random: Random) -> str:
    """Tokens in any order, an expression with a few of them put in, or something very deep."""
    kind = random.random()
    if kind < 0.002:
        part = random.choice([*TOKENS, "a+", "-a*", "((", "tanh(a)+", "a**", "max(a,"])
        return part * random.randrange(1, 11_000 // len(part))
    if kind < 0.5:
        return "".join(random.choices(TOKENS, k=random.randrange(12)))
    text = random.choice(SOUND)
    for _ in range(random.randrange(4)):
        i, j = sorted(random.randrange(len(text) + 1) for _ in "ij")
        text = text[:i] + random.choice([random.choice(TOKENS), text[i:j], ""]) + text[j:]
    return text


def read_expression(text: str) -> bool:
    names = set(re.findall(r"\w+", text))
    try:
        root, _ = parse(text, {name: x for name, x in NUMBERS.items() if name in names})
    except ValueError as error:
        return _refused(error)
    assert isinstance(root, Value)
    root.backward()
    return True


# -- model files ----------------------------------------------------------------------

SOUND_NUMBERS = [0.0, 1.0, 2.5, -1e300]
PIECES = [b"", b"0", b"-1", b"1e3", b"18446744073709551616", b"null", b"{", b"}", b"[", b"]",
          b'"', b",", b":", b"\xff", b"\0" * 8, b"F32", b"I64", b'"1.w"', b'"shape":[2]', b"NaN",
          b'{"a":' * 300, b"[" * 900, b"9" * 700, b'"\\ud800"', b" "]  # fmt: skip


class Models:
    """A small model, a file of it, and files that differ from that one."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "model"
        self._model = MLP(2, [2, 1], seed=0)
        self._model.save(self._path)
        self._whole = self._path.read_bytes()
        self._numbers = [p.data for p in self._model.parameters()]

    def file(self, random: Random) -> bytes:
        if random.random() < 0.1:
            return self._made(random)
        data = self._whole
        for _ in range(random.randrange(4)):
            i, j = sorted(random.randrange(len(data) + 1) for _ in "ij")
            j = random.choice([i, min(i + 1, len(data)), min(i + 8, len(data)), j])
            piece = random.choice([random.choice(PIECES), random.randbytes(j - i), data[i:j] * 2])
            data = data[:i] + piece + data[j:]
        if random.random() < 0.5:  # the header as long as it says, so that it is read
            end = data.rfind(b"}") + 1
            data = max(0, end - 8).to_bytes(8, "little") + data[8:]
        return data

    def _made(self, random: Random) -> bytes:
        """A sound file, and a digest that is right, of arrays that may be wrong."""
        shapes = {"1.w": (2, 2), "1.b": (2,), "2.w": (1, 2), "2.b": (1,)}
        kind = random.choice(["f8", "f8", "f4", "i8", "u1", "?"])
        arrays = {name: np.array(random.choices(SOUND_NUMBERS, k=int(np.prod(shape))))
                  .reshape(shape) for name, shape in shapes.items()}  # fmt: skip
        arrays["2.b"] = np.array([random.choice([np.nan, np.inf, 1.0])])
        with np.errstate(all="ignore"):
            arrays["1.b"] = arrays["1.b"].astype(kind)
        if random.random() < 0.3:
            arrays["1.w"] = arrays["1.w"].reshape(random.choice([(4,), (1, 4), (2, 2, 1)]))
        return save(arrays, {"sha256": _digest(arrays)})

    def read(self, data: bytes) -> bool:
        with open(self._path, "r+b") as file:  # a file that is made anew goes to the disk
            file.write(data)
            file.truncate()
        try:
            self._model.load(self._path)
        except ModelFormatError:
            assert [p.data for p in self._model.parameters()] == self._numbers
            return False
        found = [p.data for p in self._model.parameters()]
        for p, number in zip(self._model.parameters(), self._numbers):
            p.data = number
        assert found == self._numbers or set(found) <= set(SOUND_NUMBERS)
        return True


# -- the server of the training page --------------------------------------------------

VALUES = {
    "data": DATA, "loss": LOSSES, "activation": ACTIVATIONS, "lang": ("es", "en"),
    "changes": ("", "3", "3_0.5_-0.2_1*7", "60_1_1_-1", "5_2_-2_1*6", "1*1", "199_0_0_1"),
    "layers": ("", "1", "4-4", "16", "1-2-1-2", "16-16-16-16-16", "0", "17", "4-"),
    "lr": ("0", "0.1", "100", "100.000001", "-1", "1e3"), "seed": ("0", "7", "999999", "1000000"),
    "updates": ("0", "1", "20", "10000", "10001"), "point": ("", "0", "59", "60", "199", "-1"),
}  # fmt: skip
PATHS = ["/", "/train", "/graph.svg", "/steps", "/static/play.js", "/static/../state.py", "//", "*"]


def query(random: Random) -> list[tuple[str, str]]:
    """Settings with values that are right, at the limit, or anything."""

    def spoilt(text: str) -> str:
        if random.random() < 0.9:
            return text
        i = random.randrange(len(text) + 1)
        odd = random.choice([random.choice(ODD), random.choice("-_*.=&%+#0"), "9" * 5000])
        return text[:i] + odd + text[random.choice([i, i + 1]) :]

    names = random.choices(list(VALUES), k=random.choice([0, 1, 1, 2, 3, 12]))
    return [(spoilt(name), spoilt(random.choice(VALUES[name]))) for name in names]


def read_query(pairs: list[tuple[str, str]]) -> bool:
    try:
        parsed(pairs)
    except BadRequest as error:
        return _refused(error)
    return True


def address(random: Random) -> bytes:
    """A path and a query, as bytes on the wire."""
    text = "&".join(
        f"{quote(name, errors='replace')}={quote(value, errors='replace')}"
        for name, value in query(random)
    )
    path = random.choice(PATHS[:4] * 4 + PATHS)
    wire = f"{path}?{text}".encode()
    if random.random() < 0.1:
        i = random.randrange(len(wire))
        wire = wire[:i] + random.randbytes(3) + wire[i:]
    return wire


class Server:
    """The application, asked without a server."""

    def __init__(self) -> None:
        self._app = play.app()

    def read(self, address: bytes) -> bool:
        status, body = asyncio.run(self._ask(address))
        assert status in (200, 400, 404, 405, 414, 503), status
        assert body, "an answer says something"
        return status == 200

    async def _ask(self, address: bytes) -> tuple[int, bytes]:
        path, _, text = address.partition(b"?")
        scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET",
            "scheme": "http", "path": unquote_to_bytes(path).decode(errors="replace"),
            "raw_path": path, "query_string": text, "root_path": "",
            "headers": [(b"host", b"127.0.0.1")], "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 80),
        }  # fmt: skip
        sent: list[Any] = []

        requests = [{"type": "http.request", "body": b"", "more_body": False}]

        async def receive() -> Any:
            return requests.pop() if requests else await asyncio.sleep(SECONDS)

        async def send(message: Any) -> None:
            sent.append(message)

        await self._app(scope, receive, send)
        return sent[0]["status"], b"".join(message.get("body", b"") for message in sent[1:])


# -- all of it ------------------------------------------------------------------------


def targets(folder: Path) -> list[tuple[str, float, Callable[..., Any], Callable[..., bool]]]:
    """Name, share of the inputs, what makes an input, and what reads it."""
    models = Models(folder)
    return [
        ("expressions", 0.4, expression, read_expression),
        ("model files", 0.4, models.file, models.read),
        ("queries", 0.19, query, read_query),
        ("requests", 0.01, address, Server().read),
    ]


def fuzz(count: int, seed: int) -> int:
    """How many inputs went wrong; each is printed, and for each target how many there were."""

    def hang(*args: Any) -> None:
        raise Hang(f"more than {SECONDS} seconds")

    watched = hasattr(signal, "setitimer")
    before = signal.signal(signal.SIGALRM, hang) if watched else None
    wrong = 0
    try:
        with tempfile.TemporaryDirectory() as folder:
            for name, share, make, read in targets(Path(folder)):
                outcomes: Counter[bool] = Counter()
                slowest, begun = 0.0, time.monotonic()
                for k in range(max(1, round(share * count))):
                    given = make(Random(f"{name} {seed} {k}"))
                    start = time.monotonic()
                    try:
                        try:
                            if watched:
                                signal.setitimer(signal.ITIMER_REAL, SECONDS)
                            outcomes[read(given)] += 1
                        finally:  # what is printed below takes its time
                            if watched:
                                signal.setitimer(signal.ITIMER_REAL, 0)
                    except KeyboardInterrupt:
                        raise
                    except BaseException:  # a panic of Rust is no Exception
                        wrong += 1
                        print(f"{name}, seed {seed}, input {k}: {given!r:.2000}")
                        traceback.print_exc(file=sys.stdout)
                    slowest = max(slowest, time.monotonic() - start)
                print(
                    f"{name}: {sum(outcomes.values())} inputs of seed {seed}, "
                    f"{outcomes[True]} taken, {outcomes[False]} refused, "
                    f"slowest {slowest:.3f} s, {time.monotonic() - begun:.0f} s in all",
                    flush=True,
                )
    finally:
        if watched:
            signal.signal(signal.SIGALRM, before)
    print(f"{wrong} went wrong")
    return wrong


def main() -> int:
    """0 where nothing went wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    return bool(fuzz(options.count, options.seed))


if __name__ == "__main__":
    sys.exit(main())
