"""A page on this machine on which one trains a small network, update by update.

The page's address is its whole state, and so is every request: the server remembers
nothing that it could not work out again.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from micrograd_es.base.languages import get_language
from micrograd_es.base.languages import gettext as _

if TYPE_CHECKING:
    from starlette.applications import Starlette

HOST = "127.0.0.1"


def app() -> Starlette:
    """The application, for a server of one's own or a test.

    Raises
    ------
    ImportError
        The extra ``play`` is not installed.
    """
    try:
        from micrograd_es.play.server import application
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] in ("micrograd_es", "numpy"):
            raise
        raise ImportError(
            _('the page needs a web server: pip install "micrograd-es[play]"')
        ) from error
    return application()


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
    application = app()
    import socket
    import webbrowser

    import uvicorn

    if not 0 <= port <= 65535:
        raise ValueError(_("a port is a number from 0 to 65535, not {port}").format(port=port))
    try:
        listening = socket.create_server((HOST, port))
    except OSError as error:
        number = error.errno or 0
        raise OSError(number, os.strerror(number), f"{HOST}:{port}") from None
    with listening:
        language = get_language()
        address = f"http://{HOST}:{listening.getsockname()[1]}/"
        address += "" if language == "es" else f"?lang={language}"
        print(_("{address} (Ctrl-C ends it)").format(address=address), flush=True)
        if open_browser:
            webbrowser.open(address)
        config = uvicorn.Config(application, log_level="warning")
        uvicorn.Server(config).run(sockets=[listening])
