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


def test_axe_finds_nothing(visit, tmp_path, accessible):
    path = tmp_path / "worksheet.html"
    path.write_text(worksheet(3, 3), "utf-8")
    accessible(visit(path))
