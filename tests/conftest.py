"""Fixtures that several test packages share."""

import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import mlflow
import pytest
import torch
from mlflow import MlflowClient

from hand_gestures.store.embedding_file import EmbeddingFile
from hand_gestures.store.write import write_embeddings
from small_embeddings import embedded_sequence, pending_embeddings


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    """Threads make these small networks slower, especially on a busy machine."""
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project in which the tiny demo has run. Tests that run more in it must not change its results."""
    from tiny_project import copy_project, run  # imports Kedro and MLflow

    project = copy_project(tmp_path_factory.mktemp("demo"))
    run(project, pipeline_names=["sample_data"], tags=["clips"])
    run(project)
    return project


@pytest.fixture
def write_file(tmp_path: Path) -> Callable[..., EmbeddingFile]:
    """Writes an embeddings file with `clips` sequences of alternating classes, numbered from `first`."""

    def write(
        name: str, clips: int, first: int = 0, contract: dict | None = None, views: int = 1, **header: object
    ) -> EmbeddingFile:
        sequences = [embedded_sequence(n % 3, n, views=views) for n in range(first, first + clips)]
        write_embeddings(tmp_path / name, pending_embeddings(sequences, contract, first, **header))
        return EmbeddingFile(tmp_path / name)

    return write


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An MLflow database without runs; creating one takes seconds."""
    path = tmp_path_factory.mktemp("mlflow") / "mlflow.db"
    MlflowClient(f"sqlite:///{path}").search_experiments()
    return path


@pytest.fixture
def store(empty_store: Path, tmp_path: Path) -> Iterator[MlflowClient]:
    """A new MLflow store; all runs and models of the test go there."""
    before, path = mlflow.get_tracking_uri(), shutil.copy(empty_store, tmp_path / "mlflow.db")
    mlflow.set_tracking_uri(f"sqlite:///{path}")
    mlflow.set_experiment(experiment_id=mlflow.create_experiment("gestures", (tmp_path / "mlruns").as_uri()))
    yield MlflowClient()
    mlflow.set_tracking_uri(before)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Callable[[int], Path]]:
    """Mounts a file system of so many kilobytes, or resizes it; skips where mounting is not allowed."""
    folder = tmp_path / "small"

    def mount(kilobytes: int) -> Path:
        options = f"size={kilobytes}k" + ",remount" * folder.exists()
        folder.mkdir(exist_ok=True)
        mounted = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder], capture_output=True, check=False
        )
        if mounted.returncode:
            pytest.skip(f"no file system can be mounted here: {mounted.stderr.decode().strip()}")
        return folder

    yield mount
    subprocess.run(["umount", "-l", folder], capture_output=True, check=False)
