"""A real browser for the tests of pages; without one they are skipped.

With MICROGRAD_ES_REQUIRE_BROWSER=1 in the environment a missing browser is a failure.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

collect_ignore = ["in_pyodide.py"]  # runs in the site's Python, where it is what runs pytest

PATIENCE = 20_000  # ms, so long may a busy machine take

_QUIET = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run"
    " --disable-background-networking --disable-component-update --disable-sync"
)


def without(what: str) -> None:
    """Skips a test that needs this; fails it where a browser is asked for."""
    if os.environ.get("MICROGRAD_ES_REQUIRE_BROWSER") == "1":
        pytest.fail(f"{what} is not there, and MICROGRAD_ES_REQUIRE_BROWSER=1 asks for it")
    pytest.skip(f"{what} is not there")


def expect(what: Any) -> Any:
    """Playwright's `expect`, which waits; asked for only where there is a browser."""
    from playwright import sync_api

    sync_api.expect.set_options(timeout=PATIENCE)
    return sync_api.expect(what)


def location(page: Any) -> str:
    """The address as the page itself has it: `page.url` hears of a change a little later."""
    return page.evaluate("location.href")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Chromium, for one module: its event loop is in the way of others that use asyncio."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        without("playwright")
    path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
    path = path or shutil.which("google-chrome")
    if path is None:
        without("chromium")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=path, args=_QUIET.split(), timeout=6 * PATIENCE
        )
        yield chromium
        chromium.close()


@pytest.fixture
def visit(browser: Any) -> Iterator[Callable[..., Any]]:
    """``visit(url or path, **options)``: a page, with the options of Playwright's `new_page`.

    When the test ends, no page may have written an error to its console, thrown an
    exception, or asked anything of another origin than its own.
    """
    pages: list[Any] = []
    wrong: list[str] = []

    def open_page(target: str | Path, **options: Any) -> Any:
        url = target.resolve().as_uri() if isinstance(target, Path) else target
        home = urlsplit(url)[:2]

        def ask(request: Any) -> None:
            if urlsplit(request.url)[:2] != home and not request.url.startswith(("data:", "blob:")):
                wrong.append(f"asked for {request.url}")

        options.setdefault("viewport", {"width": 1280, "height": 800})
        page = browser.new_page(**options)
        pages.append(page)
        page.set_default_timeout(PATIENCE)
        page.on("request", ask)
        page.on("pageerror", lambda error: wrong.append(f"threw {error}"))
        page.on("console", lambda m: wrong.append(m.text) if m.type == "error" else None)
        page.goto(url)
        return page

    yield open_page
    for page in pages:
        page.close()
    assert not wrong


@pytest.fixture(scope="session")
def accessible() -> Callable[[Any], None]:
    """``accessible(page)`` fails where axe finds something on a page as it is."""
    try:
        from axe_playwright_python.sync_playwright import Axe
    except ImportError:
        without("axe-playwright-python")

    def look(page: Any) -> None:
        found = Axe().run(page).response["violations"]
        assert [(v["id"], v["nodes"][0]["html"]) for v in found] == []

    return look
