"""The manual's notebooks as files: clean, self-contained, and leaving nothing open. That they run is CI's own step."""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
import pytest

NOTEBOOKS = sorted((Path(__file__).resolve().parents[2] / "notebooks").glob("*.ipynb"))


@pytest.fixture(params=NOTEBOOKS, ids=lambda path: path.stem)
def notebook(request: pytest.FixtureRequest) -> nbformat.NotebookNode:
    read = nbformat.read(request.param, as_version=4)
    nbformat.validate(read)
    return read


def test_the_manual_begins_at_one() -> None:
    numbers = [int(path.stem[:2]) for path in NOTEBOOKS]
    assert numbers[0] == 1
    assert numbers == sorted(set(numbers))  # one after the other; a number may wait for its chapter
    assert len(NOTEBOOKS) >= 2


def test_outputs_are_stripped(notebook: nbformat.NotebookNode) -> None:
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert code
    assert all(not cell.outputs and cell.execution_count is None for cell in code)


def test_it_says_what_it_is_and_teaches(notebook: nbformat.NotebookNode) -> None:
    assert notebook.metadata.title
    assert notebook.metadata.description.endswith(".")
    assert notebook.cells[0].source.startswith(f"# {notebook.metadata.title}")
    kinds = [cell.cell_type for cell in notebook.cells]
    assert kinds.count("markdown") * 2 >= kinds.count("code")


def test_it_knows_no_machine_of_ours(notebook: nbformat.NotebookNode) -> None:
    text = "\n".join(cell.source for cell in notebook.cells)
    assert not re.search(r"/(home|root|work|tmp|Users)/|https?://(?!docs\.)|pip install", text)


def test_it_closes_what_it_opens(notebook: nbformat.NotebookNode) -> None:
    assert notebook.cells[-1].source.strip() == "lab.close()"
