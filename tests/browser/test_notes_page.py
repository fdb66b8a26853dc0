"""The notes, completed, as a page; and what notebooks show, as a browser shows it."""

import pytest

from micrograd_es import BackwardPass, Value, explain
from micrograd_es.gallery import load

pytestmark = pytest.mark.browser

CONTRAST = """() => {
  const light = c => { const [r, g, b] = c.match(/[\\d.]+/g).map(v => v / 255)
    .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const ground = e => { for (; e; e = e.parentElement) {
    const c = getComputedStyle(e).backgroundColor;
    if (!c.endsWith(', 0)')) return c; } };
  return Math.min(...[...document.querySelectorAll('h1, h2, h3, p, td, th, dt, dd, code, math')]
    .map(e => [light(getComputedStyle(e).color), light(ground(e))].sort((a, b) => a - b))
    .map(([dark, bright]) => (bright + 0.05) / (dark + 0.05)));
}"""


@pytest.fixture(scope="module")
def notes(tmp_path_factory):
    page, *_ = load("notas").main(tmp_path_factory.mktemp("notes"))["files"]
    return page


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_the_notes_fit_and_are_legible(visit, notes, scheme, width):
    page = visit(notes, color_scheme=scheme, viewport={"width": width, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate(CONTRAST) >= 4.5
    sizes = page.evaluate(
        "[...document.querySelectorAll('math')].map(m => m.getBoundingClientRect().height)"
    )
    assert len(sizes) > 200
    assert min(sizes) > 5


def test_type_grows_with_the_screen(visit, notes):
    sizes = [
        visit(notes, viewport={"width": width, "height": width * 9 // 16})
        .locator("p").first.evaluate("e => parseFloat(getComputedStyle(e).fontSize)")
        for width in (1366, 1920, 3840)
    ]  # fmt: skip
    assert sizes[2] > 1.5 * sizes[1] > 1.8 * sizes[0]


def test_the_words_of_the_picture_are_as_large_as_a_caption_on_a_phone_too(visit, notes):
    page = visit(notes, viewport={"width": 390, "height": 800})
    sizes = page.locator("figure svg text").evaluate_all(
        "all => all.map((e) => parseFloat(getComputedStyle(e).fontSize) * e.getScreenCTM().d)"
    )
    assert min(sizes) >= 12


def test_what_is_too_wide_for_a_phone_scrolls_by_itself(visit, notes):
    page = visit(notes, viewport={"width": 390, "height": 800})
    wide = page.locator(".wide")
    assert wide.evaluate_all("all => all.every(e => e.tabIndex === 0)")
    assert wide.evaluate_all("all => all.filter(e => e.scrollWidth > e.clientWidth).length") > 5


def test_a_notebook_shows_both_at_once(visit, tmp_path):
    w, x = Value(0.5, label="w"), Value(2.0, label="x")
    y = (w * x).tanh()
    outputs = [explain(y, w)._repr_html_(), BackwardPass(y)._repr_html_()]
    # a notebook's own rules for tables
    style = "<style>td{text-align:right} tr:nth-child(odd){background:#eee}</style>"
    file = tmp_path / "notebook.html"
    file.write_text(f"<!doctype html>{style}<body>{''.join(outputs * 2)}", "utf-8")
    page = visit(file)
    cell = page.locator(".micrograd-es-explanation td").nth(2)
    assert cell.evaluate("e => getComputedStyle(e).textAlign") == "left"
    frames = [page.frame_locator("iframe").nth(n) for n in (0, 1)]
    frames[1].locator("#last").click()
    counts = [frame.locator("#count").inner_text() for frame in frames]
    assert counts[0].startswith("0 ")
    first, last = counts[1].split(" de ")
    assert first == last


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_axe_finds_nothing(visit, notes, accessible, scheme, width):
    accessible(visit(notes, color_scheme=scheme, viewport={"width": width, "height": 800}))
