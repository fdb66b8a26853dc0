"""The server of the page: who may ask, and threads to answer in; what is said is in `answers`.

It speaks ASGI, so that any server of that kind can run it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, MutableMapping
from contextlib import suppress
from threading import BoundedSemaphore, Thread
from typing import Any, TypeAlias
from urllib.parse import urlsplit

from micrograd_es.play.answers import Answer, answer, plain, works

Message: TypeAlias = MutableMapping[str, Any]
Send: TypeAlias = Callable[[Message], Awaitable[None]]

HOSTS = ("127.0.0.1", "localhost")
# So many trainings at once, and so long a request waits for its turn.
_TURNS, _SECONDS_WAITING = BoundedSemaphore(2), 2.0


class Application:
    """Answers requests addressed to this machine by the pages that it serves, or by a person.

    Parameters
    ----------
    names : sequence of str
        What others call this machine, if they are let in. Then they may also write the number
        of the address at which their request arrives.
    """

    def __init__(self, names: Collection[str] = ()) -> None:
        self.names = [_bracketed(name) for name in names]

    async def __call__(
        self, scope: Message, receive: Callable[[], Awaitable[Message]], send: Send
    ) -> None:
        if scope["type"] != "http":
            raise ValueError(f"this application speaks HTTP, not {scope['type']}")
        headers = {
            name.decode("latin-1"): text.decode("latin-1") for name, text in scope["headers"]
        }
        said = refusal(scope["method"], scope["path"], headers, self._hosts(scope))
        if said is None:
            asked = (scope["path"], scope["query_string"].decode("latin-1"))
            accept = headers.get("accept", "")
            try:
                said = await _in_a_thread(lambda: _in_turn(*asked, accept))
            except asyncio.CancelledError:  # Ctrl-C: the server waits no longer
                said = plain(503, "the server is ending")
        told = {**said.headers, "content-length": str(len(said.body))}
        await send(
            {
                "type": "http.response.start",
                "status": said.status,
                "headers": [(name.encode(), text.encode("latin-1")) for name, text in told.items()],
            }
        )
        body = b"" if scope["method"] == "HEAD" else said.body
        await send({"type": "http.response.body", "body": body})

    def _hosts(self, scope: Message) -> Collection[str]:
        if not self.names:
            return HOSTS
        address = (scope.get("server") or ("", 0))[0]
        return (*HOSTS, *self.names, _bracketed(address))


def _bracketed(host: str) -> str:
    """As an address of a page has it, where a colon would begin the port."""
    return f"[{host}]" if ":" in host else host


def _without_port(host: str) -> str:
    name, colon, port = host.rpartition(":")
    return name if colon and port.isdigit() else host


def refusal(
    method: str, path: str, headers: Mapping[str, str], hosts: Collection[str] = HOSTS
) -> Answer | None:
    """Why such a request is not answered; None where it is.

    A page of somebody else's could have its visitors' browsers ask, by the name of this
    machine or by one that it has point here ("DNS rebinding"). It may lead to the page
    itself, which does nothing until it is looked at.
    """
    host = headers.get("host", "")
    if not host or _without_port(host) not in hosts:
        return plain(400, "this is not the name of this machine")
    if method not in ("GET", "HEAD"):
        return plain(405, "there is nothing but GET", {"allow": "GET, HEAD"})
    site = headers.get("sec-fetch-site", "none")
    # older browsers say less
    origins = [headers.get("origin", ""), headers.get("referer", "")]
    foreign = site not in ("none", "same-origin") or any(
        origin and urlsplit(origin).netloc != host for origin in origins
    )
    leads_here = path == "/" and headers.get("sec-fetch-dest", "document") == "document"
    if foreign and not (leads_here and headers.get("origin") is None):
        return plain(403, "a page of another site asks for this; open it from the page itself")
    return None


def _in_turn(path: str, query: str, accept: str) -> Answer:
    if not works(path):
        return answer(path, query, accept)
    if not _TURNS.acquire(timeout=_SECONDS_WAITING):
        return plain(503, "too many requests at once", {"retry-after": "1"})
    try:
        return answer(path, query, accept)
    finally:
        _TURNS.release()


async def _in_a_thread(make: Callable[[], Answer]) -> Answer:
    """What `make` gives. Its thread keeps no program from ending."""
    loop = asyncio.get_running_loop()
    result: asyncio.Future[Answer] = loop.create_future()

    def settle(outcome: Answer | BaseException) -> None:
        if result.done():  # the server has given up waiting
            return
        if isinstance(outcome, BaseException):
            result.set_exception(outcome)
        else:
            result.set_result(outcome)

    def run() -> None:
        outcome: Answer | BaseException
        try:
            outcome = make()
        except BaseException as error:
            outcome = error
        with suppress(RuntimeError):  # the loop has ended meanwhile
            loop.call_soon_threadsafe(settle, outcome)

    Thread(target=run, daemon=True).start()
    return await result
