"""Every saved file is replaced whole: a process that dies while it writes leaves the old content."""

import signal
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import yaml
from kedro.io import DataCatalog
from kedro.io.core import AbstractVersionedDataset

from base_parameters import BASE
from hand_gestures import catalog_datasets
from hand_gestures.catalog_datasets.atomic_datasets import AtomicSave

# The process dies when the first half of a write has reached the file.
KILLED = """
import os, signal, sys
import pandas as pd
from fsspec.implementations.local import LocalFileOpener
from matplotlib.figure import Figure
from hand_gestures import catalog_datasets

def write(file, content):
    file.f.write(content[: len(content) // 2])
    file.f.flush()
    os.kill(os.getpid(), signal.SIGKILL)

name, path = sys.argv[1:]
LocalFileOpener.write = write
content = {
    "JSONDataset": {"seed": 2},
    "TextDataset": "second " * 9,
    "PlotDataset": Figure(figsize=(2, 2)),
}.get(name, pd.DataFrame({"name": ["second"] * 999}))
getattr(catalog_datasets, name)(filepath=path).save(content)
"""
OLD = {
    "JSONDataset": {"seed": 1},
    "TextDataset": "first",
    "ParquetDataset": pd.DataFrame({"name": ["first"]}),
    "SafeCSVDataset": pd.DataFrame({"name": ["first"]}),
}


def is_wrapper(entry):
    return entry["type"].endswith("MlflowArtifactDataset")


def entries():
    declared = yaml.safe_load((BASE / "catalog.yml").read_text())
    return {name: entry for name, entry in declared.items() if not name.startswith("_")}


@pytest.mark.parametrize("name", [*OLD, "PlotDataset"])
def test_a_process_that_dies_while_it_saves_leaves_the_old_file(tmp_path, name):
    path = tmp_path / "folder" / "file"
    dataset = getattr(catalog_datasets, name)(filepath=str(path))
    if name == "PlotDataset":
        path.parent.mkdir()
        path.write_bytes(b"first")
    else:
        dataset.save(OLD[name])
    before = path.read_bytes()
    killed = subprocess.run([sys.executable, "-c", KILLED, name, str(path)], capture_output=True, check=False)
    assert killed.returncode == -signal.SIGKILL
    assert path.read_bytes() == before
    assert len(list(path.parent.iterdir())) == 2  # and what the killed process had written
    if name in OLD:
        dataset.save(OLD[name])
        assert path.read_bytes() == before
        assert [file.name for file in path.parent.iterdir()] == ["file"]


def test_an_artifact_of_mlflow_is_also_replaced_whole(tmp_path):
    config = {"type": "hand_gestures.catalog_datasets.JSONDataset", "filepath": str(tmp_path / "file.json")}
    wrapped = {"type": "kedro_mlflow.io.artifacts.MlflowArtifactDataset", "dataset": config}
    dataset = DataCatalog.from_config({"record": wrapped})["record"]
    assert isinstance(dataset, AtomicSave)
    dataset._logging_activated = False
    dataset.save({"seed": 1})
    with pytest.raises(Exception, match="not JSON serializable"):
        dataset.save({"seed": object()})
    assert dataset.load() == {"seed": 1}


@pytest.mark.parametrize("name", entries())
def test_no_entry_of_the_catalog_is_written_in_place(name):
    """Datasets of this project write aside; those of kedro-datasets write to the file itself."""
    entry = entries()[name]
    module, _, kind = (entry["dataset"] if is_wrapper(entry) else entry)["type"].rpartition(".")
    assert module == "hand_gestures.catalog_datasets"
    dataset = getattr(catalog_datasets, kind)
    assert issubclass(dataset, AtomicSave) or not issubclass(dataset, AbstractVersionedDataset)


@pytest.mark.parametrize("name", ["JSONDataset", "TextDataset", "ParquetDataset", "SafeCSVDataset"])
def test_what_is_saved_is_loaded(tmp_path, name):
    dataset = getattr(catalog_datasets, name)(filepath=str(Path(tmp_path, "folder", "file")))
    dataset.save(OLD[name])
    if isinstance(OLD[name], pd.DataFrame):
        assert dataset.load()["name"].tolist() == ["first"]
    else:
        assert dataset.load() == OLD[name]
