"""The site in a browser: how long it takes to be there, and to answer. Needs it to be built.

It is served as a host does, compressed; and as to a phone, as Lighthouse has it: 1.6 Mbit/s,
150 ms to each answer, and a page that computes four times as slowly. The browser slows no worker,
and Python is in one.
"""

from __future__ import annotations

import gzip
import importlib.util
import json
import shutil
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from statistics import median
from time import perf_counter, sleep
from typing import Any

from benchmarks.table import Bar, Missing, Row, seconds

ROOT = Path(__file__).resolve().parent.parent
SITE = ROOT / "site"
BYTES_A_SECOND, DELAY, SLOWER = 1.6e6 / 8, 0.15, 4
PYTHON = ("pyodide/", "viz/", "app/python.zip")  # what comes for it alone
PAGES = (
    "index.html", "lessons/1-nudge.html", "play/index.html", "notes.html", "python.html",
    "teachers.html", "how-it-works.html", "proofs.html", "reference/micrograd_es.html",
)  # fmt: skip


def opened(quick: bool) -> Iterator[Row]:
    """From an empty browser to an answer, again with the files kept, and one answer."""
    from playwright.sync_api import sync_playwright

    if not (SITE / "index.html").exists():
        raise Missing("the site, which python tools/site.py builds")
    path = shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        for phone in (False,) if quick else (False, True):
            with _served(phone) as (address, sent):
                page = _page(browser, phone)
                where = "the site on a slow phone" if phone else "the site"
                drawn, answered = _until_answered(page, address)
                whole = f"{sum(sent.values()) / 1e6:.1f} MB compressed"
                yield Row(f"{where}: something on the screen", _painted(page), "", in_seconds=True)
                yield Row(
                    f"{where}: its default expression, drawn, on the first visit", drawn, whole,
                    in_seconds=True,
                )  # fmt: skip
                yield Row(
                    f"{where}: what one types there, answered, cold", answered, "", in_seconds=True
                )
                page.evaluate("navigator.serviceWorker.ready.then(() => true)")
                warm = _until_answered(page, address)
                yield Row(f"{where}: the same on the second visit", warm[1], "", in_seconds=True)
                times = [page.evaluate(_ONE, n) for n in range(3 if quick else 30)]
                yield Row(
                    f"{where}: the same once Python is there", median(times) / 1000, "",
                    in_seconds=True,
                )  # fmt: skip
                page.context.close()
        yield from _page_by_page(browser, PAGES[:1] if quick else PAGES)
        browser.close()


def _page_by_page(browser: Any, names: tuple[str, ...]) -> Iterator[Row]:
    for name in names:
        with _served(phone=True) as (address, sent):
            page = _page(browser, phone=True)
            page.goto(address + name)
            page.wait_for_function("() => performance.getEntriesByType('paint').length === 2")
            own = sum(bytes for path, bytes in sent.items() if not path.startswith(PYTHON))
            yield Row(
                f"the site on a slow phone: {name} on the screen", _painted(page),
                f"{own / 1000:.0f} kB compressed, without Python", in_seconds=True,
            )  # fmt: skip
            page.context.close()


def trained(quick: bool) -> Iterator[Row]:
    """Training in the page where NumPy cannot be had: the graph as a program in Python."""
    from playwright.sync_api import sync_playwright

    if not (SITE / "index.html").exists():
        raise Missing("the site, which python tools/site.py builds")
    path = shutil.which("chromium") or shutil.which("google-chrome")
    with _served(phone=False) as (address, _), sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        page = browser.new_page()
        page.goto(address)
        page.wait_for_selector("body[data-python=ready]", timeout=120_000)
        code = _TRAINING.replace("N", "20" if quick else "200")
        text = page.evaluate(
            "(code) => python.ask('python', `code=${encodeURIComponent(code)}`)", code
        )["text"]
        taken = float(json.loads(text)["printed"])
        browser.close()
    yield Row(
        "the site: a training update without NumPy, 60 points, 4-4: times as fast as 20 a "
        "second", 1 / 20 / taken, seconds(taken), bar=Bar(low=1),
    )  # fmt: skip


_TRAINING = """
from time import perf_counter
from micrograd_es.play.state import State
from micrograd_es.play.training import Training
run = Training(State())
assert run.slow
start = perf_counter()
run.advance(N, 60)
print((perf_counter() - start) / N)
"""

_ONE = """async (n) => {
    const start = performance.now();
    await python.ask("try", `f=2*(a*b%2Bc)**2&at=a:${n},b:2,c:3`);
    return performance.now() - start;
}"""


def _page(browser: Any, phone: bool) -> Any:
    page = browser.new_context(viewport={"width": 360, "height": 640} if phone else None).new_page()
    if phone:
        session = page.context.new_cdp_session(page)
        session.send("Emulation.setCPUThrottlingRate", {"rate": SLOWER})
    return page


def _painted(page: Any) -> float:
    """When the first of the page's content was on the screen, as the browser says."""
    found: float = page.evaluate(
        "performance.getEntriesByName('first-contentful-paint')[0].startTime"
    )
    return found / 1000


def _until_answered(page: Any, address: str) -> tuple[float, float]:
    start = perf_counter()
    page.goto(address, wait_until="commit")
    page.wait_for_selector(".graph svg")
    drawn = perf_counter() - start
    page.fill("#f", "tanh(w*x + b)**2")
    page.wait_for_selector(".live[data-asking=yes]", timeout=120_000)
    page.wait_for_selector(".live[data-asking=no]", timeout=240_000)
    return drawn, perf_counter() - start


@contextmanager
def _served(phone: bool) -> Iterator[tuple[str, Counter[str]]]:
    """The site's address, and how many bytes of each file pages have been sent."""
    tool = _tool()
    sent: Counter[str] = Counter()
    line = threading.Lock()  # one connection to the phone, shared by all requests

    class Host(tool.Handler):  # type: ignore[misc, name-defined]
        def send_header(self, keyword: str, value: str) -> None:
            # what a browser has fetched its service worker need not fetch again, as on a host
            super().send_header(keyword, "max-age=600" if keyword == "Cache-Control" else value)

        def do_GET(self) -> None:
            path = Path(self.translate_path(self.path.partition("?")[0]))
            path = path / "index.html" if path.is_dir() else path
            if not path.is_file():
                self.send_error(404)
                return
            content = _compressed(path)
            for_page = not self.headers.get("Referer", "").endswith("/sw.js")
            sleep(DELAY if phone else 0)
            self.send_response(200)
            self.send_header("Content-Type", self.guess_type(str(path)))
            self.send_header("Content-Encoding", "gzip")
            self.send_header("Content-Length", str(len(content)))
            with suppress(ConnectionError):  # of a page that was left meanwhile
                self.end_headers()
                for i in range(0, len(content), 16384):
                    piece = content[i : i + 16384]
                    with line:
                        sleep(len(piece) / BYTES_A_SECOND if phone else 0)
                    self.wfile.write(piece)
                    if for_page:
                        sent[path.relative_to(SITE).as_posix()] += len(piece)

    with tool.server(SITE, handler=Host) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://localhost:{server.server_port}/", sent
        server.shutdown()


@cache
def _compressed(path: Path) -> bytes:
    return gzip.compress(path.read_bytes())


@cache
def _tool() -> Any:
    sys.path.insert(0, str(ROOT / "tools"))
    spec = importlib.util.spec_from_file_location("tools_site", ROOT / "tools/site.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    sys.path.pop(0)
    return module
