"""A page on this machine on which one trains a small network, update by update.

The page's address is its whole state, and so is every request: the server remembers
nothing that it could not work out again.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Awaitable, Callable
from typing import Any

from micrograd_es.base.languages import get_language
from micrograd_es.base.languages import gettext as _

HOST = "127.0.0.1"


def app() -> Callable[..., Awaitable[Any]]:
    """The application, for an ASGI server of one's own or a test."""
    from micrograd_es.play.server import application

    return application


def serve(port: int = 8000, open_browser: bool = True) -> None:
    """Serves the page to this machine alone, until Ctrl-C; port 0 is any free one.

    Raises
    ------
    ImportError
        The extra ``play`` is not installed.
    ValueError
        There is no such port.
    OSError
        The port is taken.
    """
    try:
        import uvicorn
    except ModuleNotFoundError as error:
        raise ImportError(
            _('the page needs a web server: pip install "micrograd-es[play]"')
        ) from error
    import webbrowser

    if not 0 <= port <= 65535:
        raise ValueError(_("a port is a number from 0 to 65535, not {port}").format(port=port))
    with _listening(port) as listening:
        language = get_language()
        address = f"http://{HOST}:{listening.getsockname()[1]}/"
        address += "" if language == "es" else f"?lang={language}"
        print(_("{address} (Ctrl-C ends it)").format(address=address), flush=True)
        if open_browser:
            webbrowser.open(address)
        config = uvicorn.Config(
            app(), log_level="warning", lifespan="off", ws="none", timeout_graceful_shutdown=1
        )
        uvicorn.Server(config).run(sockets=[listening])


def _listening(port: int) -> socket.socket:
    # It has to say that it speaks TCP: only then does asyncio send small answers at once
    # (TCP_NODELAY), and not when the browser has confirmed the one before, 40 ms later.
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if os.name == "posix":  # so that a port just left can be used again
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((HOST, port))
        listening.listen()
    except OSError as error:
        listening.close()
        number = error.errno or 0
        raise OSError(number, os.strerror(number), f"{HOST}:{port}") from None
    return listening
