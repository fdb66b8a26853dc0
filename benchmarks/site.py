"""The site in a browser: how long it takes to be there, and to answer. Needs it to be built."""

from __future__ import annotations

import gzip
import importlib.util
import json
import shutil
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

from benchmarks.table import Bar, Missing, Row, seconds

ROOT = Path(__file__).resolve().parent.parent
SITE = ROOT / "site"


def opened(quick: bool) -> Iterator[Row]:
    """From an empty browser to an answer, again with the files kept, and one answer."""
    from playwright.sync_api import sync_playwright

    if not (SITE / "index.html").exists():
        raise Missing("the site, which python tools/site.py builds")
    path = shutil.which("chromium") or shutil.which("google-chrome")
    with _server() as serving, sync_playwright() as playwright:
        threading.Thread(target=serving.serve_forever, daemon=True).start()
        address = f"http://localhost:{serving.server_port}/"
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        page = browser.new_page()
        cold = _until_answered(page, address)
        size = _kilobytes()
        yield Row(
            "the site: its default expression, drawn, on the first visit", cold[0], size,
            in_seconds=True,
        )  # fmt: skip
        yield Row("the site: what one types there, answered, cold", cold[1], "", in_seconds=True)
        page.evaluate("navigator.serviceWorker.ready.then(() => true)")
        warm = _until_answered(page, address)
        yield Row("the same on the second visit", warm[1], "", in_seconds=True)
        times = [page.evaluate(_ONE, n) for n in range(3 if quick else 30)]
        yield Row("the same once Python is there", median(times) / 1000, "", in_seconds=True)
        browser.close()
        serving.shutdown()


def trained(quick: bool) -> Iterator[Row]:
    """Training in the page where NumPy cannot be had: the graph as a program in Python."""
    from playwright.sync_api import sync_playwright

    if not (SITE / "index.html").exists():
        raise Missing("the site, which python tools/site.py builds")
    path = shutil.which("chromium") or shutil.which("google-chrome")
    with _server() as serving, sync_playwright() as playwright:
        threading.Thread(target=serving.serve_forever, daemon=True).start()
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        page = browser.new_page()
        page.goto(f"http://localhost:{serving.server_port}/")
        page.wait_for_selector("body[data-python=ready]", timeout=120_000)
        code = _TRAINING.replace("N", "20" if quick else "200")
        text = page.evaluate(
            "(code) => python.ask('python', `code=${encodeURIComponent(code)}`)", code
        )["text"]
        taken = float(json.loads(text)["printed"])
        browser.close()
        serving.shutdown()
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


def _until_answered(page: Any, address: str) -> tuple[float, float]:
    start = perf_counter()
    page.goto(address, wait_until="commit")
    page.wait_for_selector(".graph svg")
    drawn = perf_counter() - start
    page.fill("#f", "tanh(w*x + b)**2")
    page.wait_for_selector(".live[data-asking=yes]")
    page.wait_for_selector(".live[data-asking=no]", timeout=120_000)
    return drawn, perf_counter() - start


def _kilobytes() -> str:
    """What a first visit to that page fetches, as a host sends it."""
    names = ["index.html", "pyodide/pyodide.mjs", "pyodide/pyodide.asm.js", "viz/viz.js",
             "pyodide/pyodide.asm.wasm", "pyodide/python_stdlib.zip", "pyodide/pyodide-lock.json",
             "app/python.zip"]  # fmt: skip
    sent = sum(len(gzip.compress((SITE / name).read_bytes())) for name in names)
    return f"{sent / 1e6:.1f} MB compressed"


def _server() -> Any:
    sys.path.insert(0, str(ROOT / "tools"))
    spec = importlib.util.spec_from_file_location("tools_site", ROOT / "tools/site.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    sys.path.pop(0)
    return module.server(SITE)
