"""The notebooks run, and what they show is small and tells nothing of the machine."""

from __future__ import annotations

import json
import os
import re
import socket
from pathlib import Path

import nbformat
import pytest

from tests.conftest import ROOT
from tests.notebooks import FOLDER, WIDGET, normalise, run

NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
LARGEST_OUTPUT = 60_000
SECRET_NAMES = re.compile("TOKEN|SECRET|PASSWORD|PASSWD|API_KEY", re.IGNORECASE)
MACHINE = re.compile(r"/(?:home|root|Users|tmp|work)/[\w.-]+")


def check_outputs(notebook: nbformat.NotebookNode) -> None:
    """There are some, without an error, small, and of this machine neither a path nor a secret."""
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    outputs = [output for cell in cells for output in cell.outputs]
    assert outputs
    assert not [output for output in outputs if output.output_type == "error"]
    assert not [output for output in outputs if WIDGET in output.get("data", {})]
    secrets = [value for name, value in os.environ.items() if SECRET_NAMES.search(name)]
    for output in outputs:
        text = json.dumps(output, ensure_ascii=False)
        assert len(text) < LARGEST_OUTPUT, text[:300]
        # pictures are left out: any text may happen to stand in base64
        shown = re.sub(r'"image/png": "[^"]*"|data:image/png;base64,[^"\\]*', "", text)
        assert not MACHINE.search(shown), MACHINE.search(shown)
        assert str(ROOT) not in shown
        assert not [secret for secret in secrets if len(secret) > 7 and secret in shown]
        assert socket.gethostname() not in shown


@pytest.mark.slow
@pytest.mark.filterwarnings("default")  # the kernel's own start-up warns about itself
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_from_top_to_bottom(path: Path) -> None:
    """In a fresh kernel, in its own folder, without an error; what it shows then is fit to keep."""
    check_outputs(run(path))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_stored_outputs_are_real_and_small(path: Path) -> None:
    """A reader sees results without running anything, and the file stays light."""
    check_outputs(nbformat.read(path, as_version=4))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebooks_are_stored_as_the_tool_stores_them(path: Path) -> None:
    """`python -m tests.notebooks` wrote them: every code cell was run, in order, and no more."""
    notebook = nbformat.read(path, as_version=4)
    counts = [cell.execution_count for cell in notebook.cells if cell.cell_type == "code"]
    assert counts == list(range(1, len(counts) + 1))
    assert normalise(nbformat.read(path, as_version=4)) == notebook
