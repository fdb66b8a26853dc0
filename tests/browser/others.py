"""Browsers besides Chromium, driven with the standard library: Firefox and WebKitGTK.

Each speaks WebDriver, Firefox's over a socket (Marionette) and WebKit's over HTTP, and of that
only three commands are needed: to go to an address, to a frame, and to run a script there.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import time
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen


def free_port() -> int:
    """A port that nobody uses."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


class Driven(AbstractContextManager["Driven"]):
    """A browser that has started; it ends with the block."""

    program: subprocess.Popen[bytes]
    version = ""

    def command(self, name: str, body: dict[str, Any]) -> Any:
        """The value with which a command of WebDriver is answered."""
        raise NotImplementedError

    def go(self, address: str) -> None:
        """Opens a page."""
        self.command("url", {"url": address})

    def frame(self, number: int | None) -> None:
        """Turns to a frame of the page, or to the page itself again."""
        self.command("frame", {"id": number})

    def js(self, script: str, *arguments: Any) -> Any:
        """What the body of a function returns in the page."""
        return self.command("execute/sync", {"script": script, "args": list(arguments)})

    def wait(self, expression: str, seconds: float = 120) -> Any:
        """The expression's value, as soon as it is true."""
        end = time.monotonic() + seconds
        while not (value := self.js(f"return {expression};")):
            if time.monotonic() > end:
                page = self.js("return location.href + ' ' + document.body.innerText;")
                raise AssertionError(f"{expression} does not come true: {page[:2000]}")
            time.sleep(0.1)
        return value

    def __exit__(self, *what: object) -> None:
        self.program.terminate()
        self.program.wait(30)


class Firefox(Driven):
    """Firefox, by its Marionette: each message is its length, a colon and JSON."""

    def __init__(self, folder: Path) -> None:
        path = shutil.which("firefox-esr") or shutil.which("firefox")
        if path is None:
            raise FileNotFoundError("firefox")
        port = free_port()
        (folder / "user.js").write_text(f'user_pref("marionette.port", {port});\n', "utf-8")
        self.program = subprocess.Popen(
            [path, "--headless", "--marionette", "--no-remote", "--profile", folder],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        self._socket = _connected(port)
        self._socket.settimeout(180)
        self._read()
        session = self._send("WebDriver:NewSession", {"capabilities": {}})
        self.version = f"Firefox {session['capabilities']['browserVersion']}"

    def command(self, name: str, body: dict[str, Any]) -> Any:
        names = {"url": "Navigate", "execute/sync": "ExecuteScript", "frame": "SwitchToFrame"}
        return self._send(f"WebDriver:{names[name]}", body).get("value")

    def _send(self, name: str, body: dict[str, Any]) -> Any:
        text = json.dumps([0, 1, name, body]).encode()
        self._socket.sendall(b"%d:%s" % (len(text), text))
        _kind, _id, error, result = self._read()
        if error:
            raise RuntimeError(error["message"])
        return result

    def _read(self) -> Any:
        length = b""
        while (byte := self._received(1)) != b":":
            length += byte
        text = b""
        while len(text) < int(length):
            text += self._received(int(length) - len(text))
        return json.loads(text)

    def _received(self, most: int) -> bytes:
        part = self._socket.recv(most)
        if not part:
            raise ConnectionError("Firefox has ended")
        return part

    def __exit__(self, *what: object) -> None:
        self._socket.close()
        super().__exit__(*what)


class WebKit(Driven):
    """WebKitGTK's MiniBrowser, by its driver, on a screen that nobody sees."""

    def __init__(self, folder: Path) -> None:
        path, screen = shutil.which("WebKitWebDriver"), shutil.which("Xvfb")
        if path is None or screen is None:
            raise FileNotFoundError("WebKitWebDriver or Xvfb")
        shown, number = os.pipe()
        self._screen = subprocess.Popen(
            [screen, "-displayfd", str(number), "-screen", "0", "1280x900x24", "-nolisten", "tcp"],
            pass_fds=[number], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        os.close(number)
        with os.fdopen(shown) as line:
            display = line.readline().strip()
        port = free_port()
        home = {"HOME": str(folder), "XDG_CACHE_HOME": str(folder), "XDG_DATA_HOME": str(folder)}
        self.program = subprocess.Popen(
            [path, f"--port={port}"],
            env=os.environ | home | {"DISPLAY": f":{display}", "GDK_BACKEND": "x11"},
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        _connected(port).close()
        self._address = f"http://127.0.0.1:{port}/session"
        session = self._post(self._address, {"capabilities": {}})
        self._address += f"/{session['sessionId']}"
        self.version = f"WebKitGTK {session['capabilities']['browserVersion']}"

    def command(self, name: str, body: dict[str, Any]) -> Any:
        return self._post(f"{self._address}/{name}", body)

    def _post(self, address: str, body: dict[str, Any] | None, method: str = "POST") -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = Request(address, data, {"Content-Type": "application/json"}, method=method)
        with urlopen(request, timeout=180) as answer:
            return json.load(answer)["value"]

    def __exit__(self, *what: object) -> None:
        self._post(self._address, None, "DELETE")
        super().__exit__(*what)
        self._screen.terminate()
        self._screen.wait(30)


def _connected(port: int) -> socket.socket:
    """A connection to what may still be starting."""
    end = time.monotonic() + 90
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port))
        except ConnectionRefusedError:
            if time.monotonic() > end:
                raise
            time.sleep(0.2)
