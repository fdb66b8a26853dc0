"""A page on this machine on which one trains a small network, update by update.

The page's address is its whole state, and so is every request: the server remembers
nothing that it could not work out again.
"""

from __future__ import annotations

import ipaddress
import os
import socket
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from micrograd_es.base.languages import get_language
from micrograd_es.base.languages import gettext as _

HOST = "127.0.0.1"


def app(host: str = HOST) -> Callable[..., Awaitable[Any]]:
    """The application, for an ASGI server of one's own or a test.

    It answers requests to this machine under the names that only this machine has for itself;
    with another `host`, also under that and under the address at which they arrive.
    """
    from micrograd_es.play.server import Application

    return Application(() if host in (HOST, "localhost") else (host,))


def serve(port: int = 8000, open_browser: bool = True, host: str = HOST) -> None:
    """Serves the page until Ctrl-C; port 0 is any free one.

    Parameters
    ----------
    host : str
        The address or name of this machine at which others reach it, "0.0.0.0" for all that
        it has. Unless it is given, the page is there for this machine alone.

    Raises
    ------
    ImportError
        The extra ``play`` is not installed.
    ValueError
        There is no such port.
    OSError
        The port is taken, or `host` is none of this machine's.
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
    with _listening(port, host) as listening:
        bound, port = listening.getsockname()[:2]
        language = get_language()
        address = f"http://{_reachable(bound)}:{port}/"
        if not _is_local(bound):
            print(
                _(
                    "Careful: whoever reaches {address} over the network can open this page and "
                    "put this machine to work. There is no password, and nothing is encrypted: "
                    "only for a network that you trust."
                ).format(address=address),
                file=sys.stderr,
            )
        address += "" if language == "es" else f"?lang={language}"
        print(_("{address} (Ctrl-C ends it)").format(address=address), flush=True)
        if open_browser:
            webbrowser.open(address)
        config = uvicorn.Config(
            app(bound if _is_local(bound) else host),
            log_level="warning",
            lifespan="off",
            ws="none",
            timeout_graceful_shutdown=1,
        )
        uvicorn.Server(config).run(sockets=[listening])


def _is_local(host: str) -> bool:
    """Whether that is this machine for itself alone."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _reachable(bound: str) -> str:
    """The address as others write it; of all addresses, the one that leads out of here."""
    address = ipaddress.ip_address(bound)
    if address.is_unspecified:
        family, somewhere = (
            (socket.AF_INET6, "2001:db8::1")
            if address.version == 6
            else (socket.AF_INET, "192.0.2.1")
        )
        with socket.socket(family, socket.SOCK_DGRAM) as outward, suppress(OSError):
            outward.connect((somewhere, 9))  # it only chooses a way: nothing is sent
            bound = outward.getsockname()[0]
    return f"[{bound}]" if ":" in bound else bound


def _listening(port: int, host: str = HOST) -> socket.socket:
    # It has to say that it speaks TCP: only then does asyncio send small answers at once
    # (TCP_NODELAY), and not when the browser has confirmed the one before, 40 ms later.
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if os.name == "posix":  # so that a port just left can be used again
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen()
    except OSError as error:
        listening.close()
        number, problem = error.errno or 0, error.strerror
        if not isinstance(error, socket.gaierror):  # which has numbers of its own
            problem = os.strerror(number)
        raise OSError(number, problem, f"{host}:{port}") from None
    return listening
