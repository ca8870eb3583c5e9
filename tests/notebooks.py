"""Run the notebooks in place and store what they show: `python -m tests.notebooks [NAME …]`.

A notebook's text and code are written by hand, in JupyterLab or in the file; this only fills in
the outputs, as a fresh kernel gives them, and leaves out what says nothing to a reader: when and
where it ran, widgets that no longer live, outputs that are empty by now.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient

from tests.conftest import ROOT

__all__ = ["FOLDER", "normalise", "run"]

FOLDER = ROOT / "notebooks"
WIDGET = "application/vnd.jupyter.widget-view+json"
SECONDS = 300
"""Longest time that a cell may take."""


def run(path: Path) -> nbformat.NotebookNode:
    """Run a notebook from top to bottom in a fresh kernel, in its own folder.

    Raises:
        CellExecutionError: A cell failed.
    """
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(
        notebook,
        timeout=SECONDS,
        resources={"metadata": {"path": str(path.parent)}},
        record_timing=False,
        store_widget_state=False,
    )
    client.execute()
    return normalise(notebook)


def normalise(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """The notebook with outputs and metadata as they are stored."""
    notebook.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    for number, cell in enumerate(notebook.cells):
        cell.id = f"cell-{number}"
        tags = cell.metadata.get("tags")  # papermill finds its cell by one
        cell.metadata = {"tags": tags} if tags else {}
        if cell.cell_type == "code":
            cell.outputs = [output for output in cell.outputs if _says_something(output)]
    return notebook


def _says_something(output: Any) -> bool:
    data = output.get("data", {})
    return WIDGET not in data and data.get("text/html") != ""


def main(names: list[str]) -> None:
    """Run notebooks whose file names begin so, by default all, and write them."""
    for path in sorted(FOLDER.glob("*.ipynb")):
        if not names or path.name.startswith(tuple(names)):
            nbformat.write(run(path), path)
            print(path.name)  # noqa: T201 # a script that says what it did


if __name__ == "__main__":
    main(sys.argv[1:])
