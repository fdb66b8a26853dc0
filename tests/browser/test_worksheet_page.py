"""A worksheet on a screen and on paper."""

import re

import pytest

from micrograd_es.worksheet import LEVELS, worksheet

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("level", LEVELS)
def test_it_prints_exercises_and_then_the_key_on_one_page(visit, tmp_path, level):
    path = tmp_path / "worksheet.html"
    path.write_text(worksheet(3, level), "utf-8")
    page = visit(path)
    whole = pages(page)
    page.evaluate("document.querySelector('.key').remove()")
    assert whole == pages(page) + 1 <= 5


def pages(page):
    return len(re.findall(rb"/Type\s*/Page\b", page.pdf(prefer_css_page_size=True)))


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 360])
def test_it_fits_a_screen_and_is_white_as_paper(visit, tmp_path, width, scheme):
    path = tmp_path / "worksheet.html"
    path.write_text(worksheet(3, 3), "utf-8")
    page = visit(path, color_scheme=scheme, viewport={"width": width, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert ground == "rgb(255, 255, 255)"


@pytest.mark.parametrize(
    ("size", "least"), [((360, 640), 11), ((1280, 800), 11), ((3840, 2160), 26)]
)
def test_its_graphs_are_read_on_any_screen(visit, tmp_path, size, least):
    path = tmp_path / "worksheet.html"
    path.write_text(worksheet(1, 3), "utf-8")
    page = visit(path, viewport={"width": size[0], "height": size[1]})
    sizes = page.locator(".blanks text").evaluate_all(
        "all => all.map((e) => parseFloat(getComputedStyle(e).fontSize) * e.getScreenCTM().d)"
    )
    assert min(sizes) >= least


@pytest.mark.parametrize("width", [1280, 360])
def test_axe_finds_nothing(visit, tmp_path, accessible, width):
    path = tmp_path / "worksheet.html"
    path.write_text(worksheet(3, 3), "utf-8")
    accessible(visit(path, viewport={"width": width, "height": 800}))
