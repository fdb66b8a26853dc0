"""What the site's search finds: the sections of its pages, as they were built."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from html.parser import HTMLParser
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple
from unicodedata import normalize

_HEADING = re.compile(r"<h([23])>(.*?)</h\1>", re.DOTALL)
_SILENT = {"script", "style", "svg", "nav", "annotation", "template"}
_INLINE = {"a", "b", "code", "em", "i", "small", "span", "strong", "sub", "sup", "var", "wbr"}


def anchored(page: str) -> str:
    """The page with a name for each heading to which a link can lead."""
    taken = set(re.findall(r'\bid="([^"]*)"', page))

    def named(found: re.Match[str]) -> str:
        level, text = found.groups()
        plain = normalize("NFKD", unescape(re.sub(r"<[^>]*>", "", text))).lower()
        name = re.sub(r"\W+", "-", re.sub(r"[\u0300-\u036f]", "", plain)).strip("-")
        name = next(n for i in count() if (n := f"{name}-{i}" if i else name) not in taken)
        taken.add(name)
        return f'<h{level} id="{name}">{text}</h{level}>'

    return _HEADING.sub(named, page)


def sections(site: Path, language: str) -> list[dict[str, Any]]:
    """The sections of the pages in this language, and of the reference, which has one."""
    own = site if language == "es" else site / language
    paths = [path for folder in ("", "lessons", "play") for path in (own / folder).glob("*.html")]
    paths += (site / "reference").rglob("*.html")
    found = []
    for path in sorted(paths):
        if path.name != "show.html":  # which another page opens
            address = path.relative_to(site).as_posix()
            reader = _Reader(address)
            reader.feed(path.read_text("utf-8"))
            found += reader.sections()
    return [{"id": i} | section for i, section in enumerate(found)]


class _Section(NamedTuple):
    address: str
    heading: list[str]
    text: list[str]


class _Reader(HTMLParser):
    """Reads one page: a heading or a member of the reference that has a name begins a section."""

    def __init__(self, address: str) -> None:
        super().__init__()
        self._address = address
        self._found = [_Section(address, [], [])]
        self._title: list[str] = []
        self._into = self._found[0].text
        self._silent = 1  # until the page itself begins

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self._part(tag)
        given = dict(attributes)
        name = given.get("id")
        if tag in _SILENT:
            self._silent += 1
        elif tag == "main":
            self._silent -= 1
        elif tag == "title" and not self._title:  # the parts of a drawing have titles, too
            self._into = self._title
        elif tag == "section" or "classattr" in (given.get("class") or ""):
            if name:  # of the reference, where it is what Python calls it
                self._begin(name, [name])
        elif tag in ("h2", "h3") and name:
            self._begin(name, [])
            self._into = self._found[-1].heading

    def _begin(self, name: str, heading: list[str]) -> None:
        self._found.append(_Section(f"{self._address}#{name}", heading, []))
        self._into = self._found[-1].text

    def handle_endtag(self, tag: str) -> None:
        self._part(tag)
        if tag in _SILENT:
            self._silent -= 1
        elif tag == "main":
            self._silent += 1
        elif tag in ("title", "h2", "h3"):
            self._into = self._found[-1].text

    def handle_data(self, data: str) -> None:
        if not self._silent or self._into is self._title:
            self._into.append(data)

    def _part(self, tag: str) -> None:
        """Words on both sides of what is no part of a line are two."""
        if tag not in _INLINE:
            self.handle_data(" ")

    def sections(self) -> Iterator[dict[str, str]]:
        """Those in which something stands."""
        title = re.sub(r" · micrograd_es$", "", _plain(self._title))
        for found in self._found:
            if text := _plain(found.text):
                yield {"title": title, "heading": _plain(found.heading), "text": text,
                       "address": found.address}  # fmt: skip


def _plain(parts: list[str]) -> str:
    return " ".join("".join(parts).split())
