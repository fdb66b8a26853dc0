"""Writes the table of measured errors into the pages of proofs.

``python tools/proofs.py`` measures the rows of the operation table that the pages do not have
yet; with the word ``again`` it measures all of them, which takes a minute.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGES = ("PROOFS.md", "PRUEBAS.md")
_ROW = re.compile(r"^\| `(\w+)` \| \d.*\n", re.MULTILINE)


def main() -> None:
    """Writes the pages."""
    sys.path.insert(0, str(ROOT / "tests"))
    import test_accuracy

    for page in PAGES:
        path = ROOT / page
        text = path.read_text("utf-8")
        known = {} if "again" in sys.argv[1:] else {m[1]: m[0] for m in _ROW.finditer(text)}
        rows = [known.get(name) or test_accuracy.measured(name) for name in test_accuracy.TABLE]
        first = _ROW.search(text)
        assert first
        text = text[: first.start()] + "".join(rows) + _ROW.sub("", text[first.start() :])
        path.write_text(text, "utf-8", newline="\n")


if __name__ == "__main__":
    main()
