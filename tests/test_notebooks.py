"""Notebooks: those of ``demos/`` run, and what is saved in them needs nothing else."""

import base64
import re
import runpy
from html.parser import HTMLParser
from pathlib import Path

import nbformat
import pytest

from micrograd_es import MLP, BackwardPass, Value, draw_graph, draw_network, explain

ROOT = Path(__file__).parent.parent
NOTEBOOKS = sorted((ROOT / "demos").glob("*.ipynb"))


def outputs(notebook):
    """Of each code cell what it printed and showed: (kind, text by MIME type)."""
    return [
        (o.output_type, dict(o.data) if "data" in o else {"text/plain": o.text})
        for cell in notebook.cells
        if cell.cell_type == "code"
        for o in cell.outputs
    ]


def said(shown, kind):
    """The text of an output; where it stands in a picture depends on the machine's fonts."""
    text = shown.get(kind, "")
    return text if kind == "text/plain" else " ".join(re.findall(r">([^<\n]+)</text>", text))


def words_and_numbers(text):
    number = r"(?<![\w.⁾])-?\d+\.?\d*(?:e-?\d+)?"
    return re.sub(number, "#", text), [float(x) for x in re.findall(number, text)]


def test_they_run_and_show_what_is_saved_in_them():
    seen = []
    for path, notebook in runpy.run_path(str(ROOT / "tools/notebooks.py"))["executed"]():
        seen.append(path)
        now, saved = outputs(notebook), outputs(nbformat.read(path, as_version=4))
        assert [(kind, sorted(shown)) for kind, shown in now] == [
            (kind, sorted(shown)) for kind, shown in saved
        ]
        for (_, a), (_, b) in zip(now, saved):
            for kind in ("text/plain", "image/svg+xml"):
                (words, numbers), (old_words, old) = map(
                    words_and_numbers, (said(a, kind), said(b, kind))
                )
                assert words.split() == old_words.split()
                assert numbers == pytest.approx(old, rel=2e-3, abs=1e-4)
    assert seen == NOTEBOOKS
    assert len(seen) == 5


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_saved_notebook_is_whole(path):
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    first, *rest = notebook.cells
    assert first.cell_type == "markdown"
    assert first.source.startswith("# ")
    code = [cell for cell in rest if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == [*range(1, len(code) + 1)]
    assert {kind for kind, _ in outputs(notebook)} <= {"execute_result", "stream"}
    assert not any(o.get("name") == "stderr" for cell in code for o in cell.outputs)
    assert path.stat().st_size < 300_000
    shown = [s.get("text/html") or s.get("image/svg+xml") or "" for _, s in outputs(notebook)]
    check_that_nothing_clashes_or_is_missing(shown)


# -- what a Value, a graph, an explanation and a backward pass show -----------------


def test_one_output_does_not_disturb_another():
    x, w = Value(2.0, label="x"), Value(0.5, label='w"><b id="b')
    y = (w * x).tanh()
    steps = BackwardPass(y)
    shown = [
        y._repr_mimebundle_()["image/svg+xml"],
        draw_graph(y)._repr_mimebundle_()["image/svg+xml"],
        draw_network(MLP(2, [2, 1], seed=0))._repr_mimebundle_()["image/svg+xml"],
        explain(y, w)._repr_html_(),
        steps._repr_html_(),
    ]
    check_that_nothing_clashes_or_is_missing([*shown, *shown])


def test_a_picture_stands_beside_what_only_a_trusted_notebook_shows():
    x, w = Value(2.0, label="x"), Value(0.5, label="w")
    y = (w * x).tanh()
    for shown in (y, draw_graph(y), draw_network(MLP(2, [2, 1], seed=0))):
        png = base64.b64decode(shown._repr_mimebundle_()["image/png"])
        assert png.startswith(b"\x89PNG")
    assert BackwardPass(y)._repr_png_().startswith(b"\x89PNG")
    for _ in range(600):
        y = y.sin()
    assert BackwardPass(y)._repr_png_() is None  # too large to draw


def check_that_nothing_clashes_or_is_missing(shown):
    page = Page()
    for output in shown:
        page.feed(output)
    assert not page.ids
    assert not page.addresses
    for framed in page.frames:
        frame = Page()
        frame.feed(framed)
        assert len(frame.ids) == len(set(frame.ids)) > 20
        assert not frame.addresses
        assert not frame.frames
        assert "Content-Security-Policy" in framed


class Page(HTMLParser):
    """The ids of the elements, what is asked for from elsewhere, and the pages in frames."""

    def __init__(self):
        super().__init__()
        self.ids, self.addresses, self.frames = [], [], []

    def handle_starttag(self, tag, attributes):
        for name, value in attributes:
            if name == "id":
                self.ids.append(value)
            elif name == "srcdoc":
                self.frames.append(value)
            elif name in ("src", "href", "xlink:href", "action") and not value.startswith(
                ("#", "data:image/png;base64,")
            ):
                self.addresses.append(value)

    def handle_data(self, text):
        if self.cdata_elem:  # inside a style or script
            self.addresses += re.findall(
                r"@import.*|url\([^)#]*\)|https?://(?!www\.w3\.org/)\S+", text
            )


def test_plain_text_says_what_it_is_and_not_where_in_memory():
    x = Value(2.0, label="x")
    y = x * x
    for shown in (y, explain(y, x), BackwardPass(y), draw_graph(y), MLP(1, [1], seed=0)):
        assert " at 0x" not in repr(shown)
    assert repr(BackwardPass(y)) == f"<BackwardPass from {y!r}, 2 events>"
