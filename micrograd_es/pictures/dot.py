"""`Graph`: a picture in the DOT language that renders where Graphviz is, in either way.

Graphviz comes as the program ``dot``, or inside the wheels of pygraphviz 2, which
render in this process. Whatever of the two draws, its SVG is made fit to stand in a
page: one element, nothing external, names that a pointer or a screen reader finds.
"""

from __future__ import annotations

import io
import os
import re
import threading
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr
from html import escape
from pathlib import Path
from subprocess import CalledProcessError
from typing import Any

import graphviz  # type: ignore[import-untyped]

from micrograd_es.base.errors import RendererMissingError
from micrograd_es.base.files import write_file
from micrograd_es.formulas.notation import shown

#: Who draws in the place of Graphviz: (DOT text, engine, format) to the picture. A page in a
#: browser, which starts no programs, puts its own here.
renderer: Callable[[str, str, str], bytes] | None = None

_one_at_a_time = threading.Lock()


class Graph(graphviz.Digraph):  # type: ignore[misc]
    """A `graphviz.Digraph` that renders with the ``dot`` program or without it.

    Formats are those of Graphviz, SVG, PNG and PDF among them; "dot" and "gv" are its
    source. Rendering raises `RendererMissingError` where there is neither ``dot`` nor
    pygraphviz.

    Attributes
    ----------
    titles : dict of str to str
        What the SVG says of the element of an id when it is pointed at.
    """

    titles: dict[str, str]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.titles = {}

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name!r}>"

    def copy(self) -> Graph:
        """A copy that can be changed on its own."""
        copy: Graph = super().copy()
        copy.titles = dict(self.titles)
        return copy

    def svg(self) -> str:
        """The picture as one ``<svg>`` element."""
        svg: str = self.pipe("svg", encoding="utf-8")
        return svg

    def png(self) -> bytes:
        """The picture on white in a few colours, for a notebook that is not trusted with SVG."""
        white = self.copy()
        white.graph_attr["bgcolor"] = "white"
        try:
            data: bytes = white.pipe("png", renderer="cairo", formatter="gd")
        except (CalledProcessError, TypeError, ValueError):  # a Graphviz without gd
            data = white.pipe("png")
        return data

    def pipe(
        self, format: str | None = None, *args: Any, encoding: str | None = None, **options: Any
    ) -> Any:
        """The picture as bytes, or as text where there is an `encoding`."""
        format = format or self.format
        if format in ("dot", "gv"):
            data = self.source.encode()
        elif renderer is not None:
            data = renderer(self.source, options.get("engine") or self.engine, format)
        else:
            try:
                data = super().pipe(format, *args, **options)
            except graphviz.ExecutableNotFound:
                plugins = (options.get("renderer"), options.get("formatter"))
                full = ":".join([format, *filter(None, plugins)])
                data = _in_process(self.source, options.get("engine") or self.engine, full)
        if format == "svg":
            data = self._cleaned(data.decode()).encode()
        elif format == "pdf":
            # the same picture is the same file at any time
            data = re.sub(rb"(/CreationDate \(D:)\d{14}", rb"\g<1>20000101000000", data)
        return data.decode(encoding) if encoding else data

    def render(
        self,
        filename: str | os.PathLike[str] | None = None,
        directory: str | os.PathLike[str] | None = None,
        view: bool = False,
        cleanup: bool = False,
        format: str | None = None,
        *args: Any,
        outfile: str | os.PathLike[str] | None = None,
        **options: Any,
    ) -> str:
        """Writes the picture, as `graphviz.Digraph.render` does, and returns its path.

        Whatever happens, the old file or the new one is whole. With `cleanup` no DOT
        file is written beside it.
        """
        if outfile is not None:
            path = Path(directory or self.directory or "", outfile)
            format = format or path.suffix[1:] or self.format
            source = path.with_suffix(".gv")
        else:
            source = Path(directory or self.directory or "", filename or self.filename)
            format = format or self.format
            path = source.with_name(f"{source.name}.{format}")
        if options.pop("raise_if_result_exists", False) and path.exists():
            raise graphviz.FileExistsError(f"output file exists: {str(path)!r}")
        options.pop("overwrite_source", None)
        view = options.pop("quiet_view", False) or view
        data = self.pipe(format, *args, **options)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_file(path, data)
        if not cleanup and source != path:
            write_file(source, self.source)
        if view:
            graphviz.view(str(path))
        return str(path)

    def _repr_image_svg_xml(self) -> str:
        # A notebook holds many pictures: without ids none clashes with another's. A wide one
        # gives way to the page, as far as one can still read it.
        svg = re.sub(r' id="[^"]*"', "", self.svg())
        width = re.search(r'<svg width="(\d+)', svg)
        least = 0.6 * int(width[1]) if width else 0
        style = f"max-width: 100%; min-width: {least:.0f}pt; height: auto"
        return svg.replace("<svg ", f'<svg style="{style}" ', 1)

    def _pictures(self) -> dict[str, str]:
        """What a notebook shows; it prefers the first, and shows the second untrusted."""
        return {
            "image/svg+xml": self._repr_image_svg_xml(),
            "image/png": b64encode(self.png()).decode(),
        }

    def _repr_mimebundle_(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        try:
            return {**super()._repr_mimebundle_(*args, **kwargs), **self._pictures()}
        except RendererMissingError as error:
            return {"text/plain": f"{error}\n\n{self.source}"}

    def _cleaned(self, svg: str) -> str:
        svg = re.sub(r"<!--.*?-->\n?", "", svg[svg.index("<svg") :], flags=re.DOTALL)
        svg = svg.replace(' xmlns:xlink="http://www.w3.org/1999/xlink"', "", 1)
        # Graphviz keeps spaces apart by making every other one a no-break space
        svg = svg.replace("&#160;", " ")

        def titled(match: re.Match[str]) -> str:
            lines = self.titles.get(match[2], "").split("\n")
            title = escape("\n".join(map(shown, lines)))
            return match[1] + (f"<title>{title}</title>\n" if title else "")

        return re.sub(r'(<g id="([^"]*)"[^>]*>\n)<title>[^<]*</title>\n', titled, svg)


def _in_process(source: str, engine: str, format: str) -> bytes:
    try:
        import pygraphviz  # type: ignore[import-untyped]
    except ImportError:
        raise RendererMissingError(
            "drawing needs Graphviz: pip install 'pygraphviz>=2' brings it, or install the "
            "program dot (https://graphviz.org/download); .source has the picture as DOT text"
        ) from None
    with _one_at_a_time, _quiet():
        graph = pygraphviz.AGraph(string=source)
        try:
            data: bytes = graph.draw(format=format, prog=engine)
        finally:
            graph.close()
    return data


@contextmanager
def _quiet() -> Iterator[None]:
    """Holds back what Graphviz and fontconfig remark on stderr; errors are exceptions."""
    with redirect_stderr(io.StringIO()):
        try:
            saved = os.dup(2)
        except OSError:  # there is no stderr
            yield
            return
        with open(os.devnull, "wb") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(saved, 2)
            os.close(saved)
