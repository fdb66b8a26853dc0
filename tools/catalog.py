"""Brings the message catalogs up to date with the code.

``python tools/catalog.py`` collects every ``_("…")`` of the package, the demos and the site
(and of the page templates, and what argparse says), keeps the translations that exist, drops those
that nothing uses, and compiles. It ends with status 1 and names what has no translation.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import polib

ROOT = Path(__file__).resolve().parent.parent
CATALOG = ROOT / "micrograd_es/locale/es/LC_MESSAGES/micrograd_es.po"
_IN_TEMPLATE = re.compile(r"""\b_\(\s*("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')""")

# It looks its messages up, but has no catalog of its own.
OF_ARGPARSE = (
    "usage: ",
    "positional arguments",
    "options",
    "show this help message and exit",
    "the following arguments are required: %s",
    "unrecognized arguments: %s",
    "expected one argument",
    "argument %(argument_name)s: %(message)s",
    "invalid choice: %(value)r (choose from %(choices)s)",
    "ambiguous option: %(option)s could match %(matches)s",
    "ignored explicit argument %r",
)


def messages() -> Iterator[tuple[str, str | None, str]]:
    """Each message with its plural, if it has one, and the file that it stands in."""
    for folder in ("micrograd_es", "demos", "web", "tools"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                    texts = [a.value for a in node.args if isinstance(a, ast.Constant)]
                    if node.func.id in ("_", "gettext") and texts:
                        yield texts[0], None, path.name
                    elif node.func.id == "ngettext" and len(texts) >= 2:
                        yield texts[0], texts[1], path.name
    for path in sorted([*ROOT.glob("micrograd_es/**/templates/*"), *ROOT.glob("web/**/*.html")]):
        if path.is_file():
            for text in _IN_TEMPLATE.findall(path.read_text("utf-8")):
                yield ast.literal_eval(text), None, path.name
    for text in OF_ARGPARSE:
        yield text, None, "argparse"


def updated() -> polib.POFile:
    """The catalog as the code needs it, with the translations that there are."""
    old = polib.pofile(str(CATALOG)) if CATALOG.exists() else polib.POFile()
    known = {entry.msgid: entry for entry in old}
    new = polib.POFile(wrapwidth=0)
    new.metadata = {
        "Content-Type": "text/plain; charset=utf-8",
        "Content-Transfer-Encoding": "8bit",
        "Language": "es",
        "Plural-Forms": "nplurals=2; plural=(n != 1);",
    }
    entries: dict[str, polib.POEntry] = {}
    for message, plural, file in messages():
        entry = entries.get(message)
        if entry is None:
            entry = entries[message] = polib.POEntry(msgid=message)
            translated = known.get(message)
            if plural is not None:
                entry.msgid_plural = plural
                entry.msgstr_plural = (translated and translated.msgstr_plural) or {0: "", 1: ""}
            elif translated:
                entry.msgstr = translated.msgstr
            entry.occurrences = [(file, "")]
    new.extend(entries[message] for message in sorted(entries))
    return new


def main() -> int:
    """0 where every message has its translation."""
    catalog = updated()
    CATALOG.parent.mkdir(parents=True, exist_ok=True)
    catalog.save(str(CATALOG))
    catalog.save_as_mofile(str(CATALOG.with_suffix(".mo")))
    missing = [entry.msgid for entry in catalog.untranslated_entries()]
    for message in missing:
        print("no translation:", repr(message), file=sys.stderr)
    return bool(missing)


if __name__ == "__main__":
    sys.exit(main())
