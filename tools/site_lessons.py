"""Lessons: Markdown files with live pictures and questions, made into the parts of a page.

A block ``live`` has an expression ``f``, its numbers ``at``, whose derivatives are explained
(``wrt``), and ``hide = gradients`` where these are asked for; a block ``question`` a line of
text, its ``answer`` and a ``hint``. What stands between `` `$`` and ``$` `` is LaTeX.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from markdown_it import MarkdownIt

from micrograd_es.formulas.notation import mathml

_QUESTION = re.compile(r"^```question\n(.*?)^```\n", re.DOTALL | re.MULTILINE)
_SETTING = re.compile(r"^(\w+) = (.*)$", re.MULTILINE)


class Lesson:
    """A lesson's title, first sentence and parts; each part but the last ends in a question.

    What is wrong in its file ends the build with a line for whoever edits it.
    """

    def __init__(
        self, path: Path, live: Callable[[dict[str, str]], str], ask: Callable[..., str]
    ) -> None:
        self.name = f"{path.stem}.html"
        text = path.read_text("utf-8").replace("\r\n", "\n")
        self.title = text.split("\n")[0].removeprefix("# ")
        markdown = MarkdownIt("commonmark")
        markdown.add_render_rule("fence", lambda _self, tokens, i, *_more: (
            self._shown(path, live, tokens[i].content) if tokens[i].info == "live"
            else f"<pre tabindex='0'>{tokens[i].content}</pre>"
        ))  # fmt: skip
        plain: Any = markdown.renderer.rules["code_inline"]
        markdown.add_render_rule("code_inline", lambda _self, tokens, i, *more: (
            mathml(tokens[i].content.strip("$")) if tokens[i].content.startswith("$")
            else plain(tokens, i, *more)
        ))  # fmt: skip
        first = re.match(r".*?[.?:](?= |$)", text.split("\n\n")[1])
        if first is None:
            raise SystemExit(f"{path}: no sentence after the title")
        self.first = markdown.renderInline(first[0].replace(":", "."))
        pieces = _QUESTION.split(text)
        self.parts = [markdown.render(piece) for piece in pieces[::2]]
        for i, question in enumerate(pieces[1::2]):
            told, line = _settings(question), question.split("\n")[0]
            if told.keys() != {"answer", "hint"} or not _is_number(told["answer"]):
                raise SystemExit(f"{path}: “{line}” needs a line answer = a number, and hint = …")
            text = markdown.renderInline(line)
            self.parts[i] += ask(id=f"question{i + 1}", text=text, **told)

    def _shown(self, path: Path, live: Callable[[dict[str, str]], str], block: str) -> str:
        try:
            return live(_settings(block))
        except (TypeError, ValueError) as error:
            raise SystemExit(f"{path}: the picture\n{block}{error}") from None


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _settings(block: str) -> dict[str, str]:
    return {name: text.strip() for name, text in _SETTING.findall(block)}
