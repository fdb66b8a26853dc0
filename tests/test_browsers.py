"""Pages and pictures keep to what the oldest browsers have that the README names."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from micrograd_es import BackwardPass, Value, draw_graph
from micrograd_es.base.palette import repainted, stylesheet
from micrograd_es.stepping.page import stepping_page

ROOT = Path(__file__).resolve().parent.parent
OLDEST = {"Chrome": 109, "Firefox": 115, "Safari": 16}

# What is newer, by the first versions of the three that have it.
NEWER = {
    "light-dark": r"light-dark\(",  # 123, 120, 17.5
    "relational": r":has\(",  # 105, 121, 15.4
    "colour functions": r"(?<![\w-])(?:color-mix|oklch|oklab|lch|lab|color)\(",  # 111, 113, 15.4
    "arithmetic": r"(?<![\w.-])(?:round|mod|rem|hypot|sign|pow|sqrt|sin|cos|exp|calc-size)\(",
    "states": r":(?:dir|state)\(|:(?:user-(?:in)?valid|popover-open|open|modal)\b",  # 120, …
    "at-rules": r"@(?:scope|starting-style|property|view-transition|function|position-try)\b",
    "media ranges": r"@media[^{]*[<>]",  # 104, 63, 16.4
    "properties": r"(?:field-sizing|interpolate-size|text-box|view-transition-name|anchor-name"
    r"|animation-timeline|position-anchor|transition-behavior)\s*:",
    "values": r":\s*(?:subgrid|stretch|math)\b|\b(?:anchor|linear|if|sibling-index)\([^)]*\)\s*;",
}
NEWER_SCRIPT = {
    "lists": r"\.with\(|\.to(?:Sorted|Reversed|Spliced)\(|fromAsync|(?:Object|Map)\.groupBy\(",
    "sets": r"\.(?:union|intersection|difference|isSubsetOf|isDisjointFrom)\(",
    "iterators": r"\.(?:values|keys|entries)\(\)\.(?:map|filter|take|toArray)\(|Iterator\.",
    "elements": r"\.aria[A-Z]|checkVisibility|togglePopover|showPopover|setHTML|getHTML",
    "others": r"OffscreenCanvas|withResolvers|isWellFormed|URL\.canParse|startViewTransition"
    r"|RegExp\.escape|Math\.sumPrecise|scheduler\.|AbortSignal\.any|Promise\.try|/v[,;)]",
}
NEWER_MARKUP = r"<search\b|popover(?:target)?=|type=\"importmap\"|closedby=|<selectedcontent"


def files(*suffixes: str) -> list[Path]:
    return [
        path
        for folder in ("micrograd_es", "demos")
        for path in sorted((ROOT / folder).rglob("*"))
        if path.suffix in suffixes and path.is_file()
    ]


def styles(text: str) -> str:
    """The style sheets of a page or picture, and the styles of its elements."""
    text = re.sub(r"\{[{%#].*?[}%#]\}", "", text, flags=re.DOTALL)  # what a template puts in
    found = re.findall(r"<style>(.*?)</style>|\sstyle=\"(.*?)\"", text, re.DOTALL)
    return "\n".join(sheet or f"a {{ {own} }}" for sheet, own in found)


def nested(css: str) -> list[str]:
    """Rules that stand inside other rules, by what they begin with."""
    found, around, begin = [], [], 0
    for place, sign in enumerate(css):
        if sign == "{":
            head = css[begin:place].strip()
            if "rule" in around:
                found.append(head)
            around.append("at" if head.startswith("@") else "rule")
        elif sign == "}":
            around.pop()
        if sign in "{};":
            begin = place + 1
    return found


def refused(css: str) -> list[str]:
    css = re.sub(r"/\*.*?\*/|\"[^\"]*\"", " ", css, flags=re.DOTALL)
    return [name for name, newer in NEWER.items() if re.search(newer, css)] + nested(css)


a = Value(2.0, "a")
WRITTEN = {
    "palette": stylesheet() + repainted("figure"),
    "stepping page": styles(stepping_page(BackwardPass(a * a + 1))),
    "graph": styles(draw_graph(a * a + 1).svg()),
    **{path.name: path.read_text("utf-8") for path in files(".css")},
    **{path.name: styles(path.read_text("utf-8")) for path in files(".html", ".svg")},
}


@pytest.mark.parametrize("name", WRITTEN)
def test_styles_ask_for_nothing_newer(name):
    assert refused(WRITTEN[name]) == []


@pytest.mark.parametrize("path", files(".js"), ids=lambda path: path.name)
def test_scripts_ask_for_nothing_newer(path):
    text = path.read_text("utf-8")
    assert [name for name, newer in NEWER_SCRIPT.items() if re.search(newer, text)] == []


@pytest.mark.parametrize("path", files(".html", ".svg"), ids=lambda path: path.name)
def test_pages_ask_for_nothing_newer(path):
    assert not re.search(NEWER_MARKUP, path.read_text("utf-8"))


@pytest.mark.parametrize("path", files(".py"), ids=lambda path: path.stem)
def test_styles_in_python_ask_for_nothing_newer(path):
    text = path.read_text("utf-8").replace("``light-dark()``", "")
    assert not re.search(r"light-dark\(|:has\(|color-mix\(|oklch\(", text)


@pytest.mark.parametrize(
    "css",
    [
        "a { color: light-dark(red, blue); }", "p:has(a) { margin: 0; }", "a { b { margin: 0; } }",
        "a { &:hover { margin: 0; } }", "a { @media print { b { margin: 0 } } }",
        "@media (width >= 600px) { a { margin: 0; } }", "a { color: oklch(0.5 0 0); }",
        "a { width: round(3.2px, 1px); }", "@scope (a) { b { margin: 0; } }",
        "a { color: color-mix(in srgb, red, blue); }", "a { grid-template-rows: subgrid; }",
    ],
)  # fmt: skip
def test_what_is_newer_is_seen(css):
    assert refused(css)


def test_what_they_have_is_not_refused():
    css = (
        "@media (max-width: 600px) { a:is(.b, .c) > d { width: min(1px, 2vw); inset: 0; } }"
        '@page { margin: 1cm } a::before { content: "{ :has( "; } td { height: 100dvh; }'
    )
    assert refused(css) == []


@pytest.mark.parametrize("readme", ["README.md", "README.es.md"])
def test_the_readme_names_them(readme):
    text = (ROOT / readme).read_text("utf-8")
    for name, version in OLDEST.items():
        assert re.search(rf"{name}\D{{0,20}} {version}\b", text), name
