"""Runs the notebooks of ``demos/`` and keeps what they show: ``python tools/notebooks.py``.

Nothing is kept of when, where and with which Python they ran, so that a rerun changes
only what has another result.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import nbformat
from jupyter_client.manager import KernelManager
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell

DEMOS = Path(__file__).resolve().parent.parent / "demos"


def executed() -> Iterator[tuple[Path, nbformat.NotebookNode]]:
    """The notebooks, each run from its first cell to its last, with nothing of those before.

    One kernel runs them all: to start one takes longer than to run a notebook.
    """
    kernel = KernelManager(transport="ipc")
    try:
        for path in sorted(DEMOS.glob("*.ipynb")):
            notebook = nbformat.read(path, as_version=4)
            notebook.cells.insert(0, new_code_cell("%reset -f"))
            client = NotebookClient(
                notebook, km=kernel, record_timing=False, startup_timeout=600, iopub_timeout=600
            )  # so long may a busy machine take
            client.execute()
            client.kc.stop_channels()
            del notebook.cells[0]
            yield path, _plain(notebook)
    finally:
        kernel.shutdown_kernel(now=True)


def _plain(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    notebook.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    count = 0
    for n, cell in enumerate(notebook.cells, 1):
        cell.id, cell.metadata = f"cell-{n}", {}
        if cell.cell_type == "code":
            count += 1
            cell.execution_count = count
            cell.outputs = _joined(cell.outputs)
            for output in cell.outputs:
                if output.output_type == "execute_result":
                    output.execution_count = count
    return notebook


def _joined(outputs: list[nbformat.NotebookNode]) -> list[nbformat.NotebookNode]:
    """What a cell printed as one output: in how many pieces it arrives is chance."""
    result: list[nbformat.NotebookNode] = []
    for output in outputs:
        if output.output_type == "stream" and result and result[-1].get("name") == output.name:
            result[-1].text += output.text
        else:
            result.append(output)
    return result


def main() -> None:
    """Runs all and writes them."""
    for path, notebook in executed():
        nbformat.write(notebook, path)
        print(path.name)


if __name__ == "__main__":
    main()
