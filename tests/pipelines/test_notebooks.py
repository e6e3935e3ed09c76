"""The notebooks are executed on the tiny demo, and hold no outputs in git."""

import os
import shutil
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from tiny_project import ROOT

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


@pytest.fixture(scope="module")
def execute(demo):
    """Executes a notebook in a folder of the project, as an editor does, and gives the outputs of its cells."""
    shutil.copytree(ROOT / "notebooks", demo / "notebooks", ignore=shutil.ignore_patterns("*.ipynb"))
    environment = os.environ | {"PYTHONPATH": str(demo / "src"), "IPYTHONDIR": str(demo / "ipython")}

    def run(book: nbformat.NotebookNode, folder: str) -> list[nbformat.NotebookNode]:
        client = NotebookClient(book, timeout=300, kernel_name="python3")
        client.execute(cwd=str(demo / folder), env=environment)
        return [output for cell in book.cells if cell.cell_type == "code" for output in cell.outputs]

    return run


@pytest.mark.parametrize(
    ("name", "folder", "pictures"),
    [("1_data_set", "notebooks", 4), ("2_embeddings", ".", 3), ("3_errors_and_attention", "notebooks", 9)],
)
def test_a_notebook_shows_its_pictures_and_warns_of_nothing(execute, demo, name, folder, pictures):
    outputs = execute(nbformat.read(ROOT / f"notebooks/{name}.ipynb", 4), folder)
    assert not [output for output in outputs if output.output_type == "stream"]
    shown = [output for output in outputs if {"image/png", "image/jpeg"} & output.get("data", {}).keys()]
    assert len(shown) == pictures
    assert [path.name for path in (demo / "notebooks").iterdir()] == ["README.md"]  # and nothing that it left


def test_every_notebook_is_executed_here_and_starts_in_the_same_way():
    assert [path.stem for path in NOTEBOOKS] == ["1_data_set", "2_embeddings", "3_errors_and_attention"]
    starts = {nbformat.read(path, 4).cells[1].source for path in NOTEBOOKS}
    assert len(starts) == 1


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_in_git_holds_no_outputs(path: Path):
    cells = [cell for cell in nbformat.read(path, 4).cells if cell.cell_type == "code"]
    assert all(cell.execution_count is None and cell.outputs == [] for cell in cells), f"run nbstripout {path}"
