"""Writes the table of measured errors into the pages of proofs.

``python tools/proofs.py`` measures every row of the operation table, those that are new among
them, which takes a minute.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGES = ("PROOFS.md", "PRUEBAS.md")
# the lines of the table below its heading, each of which names an operation
_ROWS = re.compile(r"(?<=\| --- \| --- \| --- \|\n)(?:\| `\w+` \| \d.*\n)+")


def main() -> None:
    """Writes the pages."""
    sys.path.insert(0, str(ROOT / "tests"))
    import test_accuracy

    rows = test_accuracy.table().split("\n", 2)[2] + "\n"
    for page in PAGES:
        path = ROOT / page
        path.write_text(_ROWS.sub(rows, path.read_text("utf-8"), count=1), "utf-8", newline="\n")


if __name__ == "__main__":
    main()
