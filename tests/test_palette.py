"""The colours: read on every ground they stand on, each of one meaning, in one place."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from micrograd_es import Value, explain
from micrograd_es.base.palette import (
    DARK,
    LIGHT,
    MATH_FONT,
    PALETTE,
    TERMINAL,
    repainted,
    stylesheet,
)

ROOT = Path(__file__).resolve().parent.parent
DRAWN = [
    path
    for folder in ("micrograd_es", "demos", "tools")
    for path in sorted((ROOT / folder).rglob("*"))
    if path.suffix in (".py", ".js", ".css", ".html", ".svg")
]
STYLES = {path.name: path.read_text("utf-8") for path in DRAWN if path.suffix != ".py"}
TEXTS = [
    *[(text, "back") for text in ("ink", "muted")],
    *[(text, "ground") for text in ("ink", "muted", "value", "gradient", "wrong", "right")],
    *[
        (text, soft)
        for text in ("ink", "value", "gradient", "right", "wrong")
        for soft in ("value-soft", "gradient-soft")
    ],
    *[("ink", soft) for soft in ("positive-soft", "negative-soft")],
    ("ground", "ink"),  # what is pressed
]


def contrast(a: str, b: str) -> float:
    """The ratio of WCAG 2."""

    def luminance(colour: str) -> float:
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    low, high = sorted(map(luminance, (a, b)))
    return (high + 0.05) / (low + 0.05)


def test_contrast_is_that_of_the_standard():
    assert contrast("#000000", "#ffffff") == 21
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.005)


@pytest.mark.parametrize("colours", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize(("text", "ground"), TEXTS)
def test_text_can_be_read(text, ground, colours):
    assert contrast(colours[text], colours[ground]) >= 4.5


@pytest.mark.parametrize("colours", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize("line", ["edge", "positive", "negative", "value", "gradient", "wrong"])
def test_lines_and_signs_can_be_seen(line, colours):
    assert contrast(colours[line], colours["ground"]) >= 3
    assert contrast(colours[line], colours["back"]) >= 3


@pytest.mark.parametrize("ground", ["#ffffff", "#000000"])
def test_what_has_no_ground_of_its_own_is_seen_on_white_and_on_black(ground):
    for name in ("edge", "positive", "negative"):  # lines of pictures
        assert contrast(LIGHT[name], ground) >= 3.5
    for colour in TERMINAL.values():
        assert contrast(colour, ground) >= 4.5


def test_a_colour_has_one_meaning():
    for colours in LIGHT, DARK:
        assert len(set(colours.values())) == len(PALETTE)


def test_every_colour_stands_in_the_palette():
    named = re.compile(
        r"(?<!&)#[0-9a-fA-F]{3,8}\b|\b(?:rgb|hsl|hwb|lab|lch|oklab|oklch|color)a?\(\d"
    )
    for path in DRAWN:
        if path.name != "palette.py":
            assert not named.findall(path.read_text("utf-8")), path


@pytest.mark.parametrize("name", STYLES)
def test_every_colour_of_a_style_is_one_of_the_palette(name):
    used = set(re.findall(r"var\(--([\w-]+)\)|\"--([\w-]+)\"", STYLES[name]))
    own = set(re.findall(r"(?:[{;]\s*--|setProperty\(\"--)([\w-]+)[\":]", STYLES[name]))
    assert {a or b for a, b in used} <= {*PALETTE, *own}


def test_the_page_follows_the_system_and_its_own_switch():
    style = stylesheet()
    light, system, dark = re.findall(r"(:root[^ ]*) \{ color-scheme: (\w+);(.*?)\}", style)
    assert light[:2] == (":root", "light")
    assert system[:2] == (":root:not([data-scheme=light])", "dark")
    assert dark[:2] == (":root[data-scheme=dark]", "dark")
    assert system[2] == dark[2]
    for colours, (_, _, block) in ((LIGHT, light), (DARK, dark)):
        assert dict(re.findall(r"--([\w-]+): (#\w{6});", block)) == colours
    paper = style.split("@media print")[1]
    assert dict(re.findall(r"--([\w-]+): (#\w{6});", paper)) == LIGHT
    assert "color-scheme: light" in paper
    assert style.index("@media (prefers-color-scheme: dark)") < style.index(system[0])


def test_pictures_in_a_page_follow_it():
    assert f'figure [fill="{LIGHT["value"]}"] {{ fill: var(--value); }}\n' in repainted("figure")
    assert f'figure [stroke="{LIGHT["edge"]}"] {{ stroke: var(--edge); }}\n' in repainted("figure")


def test_formulas_have_a_font_in_which_brackets_stretch():
    x = Value(2.0, "x")
    assert f"math {{ font-family: {MATH_FONT}; }}" in stylesheet()
    assert MATH_FONT in explain(x * x, x).html
