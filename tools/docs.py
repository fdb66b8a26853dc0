"""Writes ``docs/``: the notes, completed, and the README's pictures, in both languages.

``python tools/docs.py`` gives the same files byte for byte as long as the package says
the same. The screenshots of the stepping page are taken only where they are asked for,
``python tools/docs.py screenshots``, and need the extra [browser] and chromium.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from micrograd_es import BackwardPass, Value, draw_graph
from micrograd_es.base.languages import LANGUAGES, speaking
from micrograd_es.base.languages import gettext as _
from micrograd_es.gallery import load

DOCS = Path(__file__).resolve().parent.parent / "docs"


def example() -> Value:
    """The README's first example, after its backward pass."""
    a, b, c = Value(1.0, "a"), Value(2.0, "b"), Value(3.0, "c")
    f = 2 * (a * b + c) ** 2
    f.label = "f"
    f.backward()
    return f


def neuron() -> Value:
    """The cost of one neuron, with the notes' names."""
    w, x, b, wanted = (
        Value(v, name) for v, name in ((0.8, "w"), (1.5, "x"), (-0.4, "b"), (0, "ŷ"))
    )
    z = w * x + b
    z.label = "z"
    y = z.sigmoid()
    y.label = "y"
    cost = (y - wanted) ** 2
    cost.label = "C"
    return cost


def files() -> dict[str, str]:
    """What stands in ``docs/``, by name, but for the screenshots."""
    notes = load("notas")
    result = {"graph.svg": draw_graph(example()).svg()}
    for language in LANGUAGES:
        with speaking(language):
            written = notes.written(notes.network())
            result.update({k: text for k, text in written.items() if not k.endswith(".html")})
    return result


def screenshots() -> None:
    """The stepping page of a neuron, in the middle of its backward pass."""
    from playwright.sync_api import sync_playwright

    with TemporaryDirectory() as folder, sync_playwright() as playwright:
        page = Path(folder, "page.html")
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        for language in LANGUAGES:
            with speaking(language):
                BackwardPass(neuron()).save_html(page)
                view = browser.new_page(viewport={"width": 1366, "height": 768})
                view.goto(page.as_uri())
                view.mouse.move(0, 0)
                view.evaluate("document.activeElement.blur()")
                view.keyboard.press("End")
                for _step in range(4):
                    view.keyboard.press("ArrowLeft")
                view.screenshot(path=DOCS / f"{_('steps')}.png")
                view.close()
        browser.close()


def main() -> None:
    """Writes the files."""
    DOCS.mkdir(exist_ok=True)
    for name, text in files().items():
        (DOCS / name).write_text(text, "utf-8", newline="\n")
    if "screenshots" in sys.argv[1:]:
        screenshots()


if __name__ == "__main__":
    main()
