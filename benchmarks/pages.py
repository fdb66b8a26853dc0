"""A stepping page in a browser: what showing one step costs."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.table import Missing, Row
from micrograd_es import BackwardPass, Value

_STEP = """async () => {
    const frame = () => new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
    document.getElementById("next").click();
    await frame();
}"""


def stepping(quick: bool) -> Iterator[Row]:
    """The time of the page's thread for one step, of a graph of 200 nodes seen whole."""
    from playwright.sync_api import sync_playwright

    path = shutil.which("chromium") or shutil.which("google-chrome")
    if path is None:
        raise Missing("chromium")
    x = Value(0.5, "x")
    for _ in range(66):
        x = (x * x + x).tanh()
    steps = BackwardPass(x)
    with TemporaryDirectory() as folder, sync_playwright() as playwright:
        page_path = Path(folder) / "steps.html"
        steps.save_html(page_path)
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        page = browser.new_page(reduced_motion="reduce")
        page.goto(f"{page_path.as_uri()}#300")
        session = page.context.new_cdp_session(page)
        session.send("Performance.enable", {"timeDomain": "threadTicks"})

        def spent() -> float:
            metrics = session.send("Performance.getMetrics")["metrics"]
            return float(next(m["value"] for m in metrics if m["name"] == "TaskDuration"))

        times = []
        for _ in range(5 if quick else 60):
            before = spent()
            page.evaluate(_STEP)
            times.append(spent() - before)
        browser.close()
    yield Row(
        f"a step of a stepping page of {len(steps.nodes)} nodes, shown: time of the page's thread",
        sorted(times)[len(times) // 2], "", in_seconds=True,
    )  # fmt: skip
