"""The MLflow run around real Kedro runs of a small pipeline."""

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import cv2
import mlflow
import numpy as np
import pytest
from kedro.framework.session import KedroSession
from kedro.framework.startup import bootstrap_project
from kedro.runner import ThreadRunner
from mlflow import MlflowClient

from hand_gestures.mlflow_support.hooks import require_database
from hand_gestures.mlflow_support.killed_runs import process_tags
from hand_gestures.utils.errors import HandGesturesError
from tiny_project import copy_project


@pytest.fixture(scope="module")
def project(tmp_path_factory, empty_store) -> Path:
    """A project outside of any repository, with frames of two classes."""
    folder = copy_project(tmp_path_factory.mktemp("project"))
    shutil.copy(empty_store, folder / "mlflow.db")
    for class_name, grey in (("fist", 0), ("wave", 100)):
        (folder / "frames" / class_name).mkdir(parents=True)
        for video in range(3):
            for number in range(2):
                path = folder / "frames" / class_name / f"v{video}_frame_{number}.jpg"
                cv2.imwrite(str(path), np.full((48, 64, 3), grey + 40 * number, np.uint8))
    return folder


@pytest.fixture
def client(project, monkeypatch):
    monkeypatch.chdir(project)  # as a user would
    store = f"sqlite:///{project}/mlflow.db"
    monkeypatch.setenv("TRACKING_URI", store)  # MLflow opens a relative path only once per process
    before = mlflow.get_tracking_uri()
    yield MlflowClient(store)
    mlflow.set_tracking_uri(before)


def run(project, runner=None, **parameters):
    given = {"frames_dir": str(project / "frames"), "data_root": str(project / "out"), **parameters}
    bootstrap_project(project)
    with KedroSession.create(project, env="demo", runtime_params=given) as session:
        session.run(pipeline_names=["data_processing"], runner=runner)


def runs_of(client):
    """All runs, the latest first."""
    experiment = client.get_experiment_by_name("hand_gestures")
    if experiment is None:
        return []
    return list(client.search_runs([experiment.experiment_id], order_by=["attributes.start_time DESC"]))


def test_a_run_logs_the_parameters_of_its_nodes_and_the_load_of_the_machine_and_is_closed(project, client, monkeypatch):
    monkeypatch.setenv("MLFLOW_SYSTEM_METRICS_SAMPLING_INTERVAL", "0.1")
    run(project, seed=3)
    (only,) = runs_of(client)
    assert (only.info.run_name, only.info.status) == ("data_processing", "FINISHED")
    assert {name.partition(".")[0] for name in only.data.params} == {
        "seed", "frame_catalog", "clips", "split", "leak_audit", "dataset_report"
    }  # fmt: skip
    assert (only.data.params["seed"], only.data.params["split.val_fraction"]) == ("3", "0.25")
    assert "system/cpu_utilization_percentage" in only.data.metrics
    assert only.data.metrics["leaks_held_out"] > 0
    ours = {name: value for name, value in only.data.tags.items() if not name.startswith("mlflow.")}
    assert ours == {"env": "demo", "pipeline": "data_processing"} | process_tags()
    assert not any(name.startswith("mlflow.source.git") for name in only.data.tags)
    assert {item.path for item in client.list_artifacts(only.info.run_id)} == {"dataset", "plots"}
    assert mlflow.active_run() is None


def test_a_failed_run_is_marked_and_the_next_kedro_run_gets_a_new_run(project, client, tmp_path):
    for class_name in ("fist", "wave"):
        (tmp_path / class_name).mkdir()
        (tmp_path / class_name / "v_frame_0.jpg").write_text("no picture")
    with pytest.raises(HandGesturesError):
        run(project, frames_dir=str(tmp_path))
    run(project)
    last, failed = runs_of(client)[:2]
    assert (failed.info.status, last.info.status) == ("FAILED", "FINISHED")


def test_nodes_in_threads_log_into_the_run_of_their_pipeline(project, client):
    before = len(runs_of(client))
    run(project, ThreadRunner(max_workers=2))
    last, *others = runs_of(client)
    assert len(others) == before
    assert last.info.status == "FINISHED"
    assert last.data.metrics["leaks_held_out"] > 0
    assert {item.path for item in client.list_artifacts(last.info.run_id)} == {"dataset", "plots"}


def test_a_run_that_was_active_before_is_used_and_stays_open(project, client):
    mlflow.set_tracking_uri(f"sqlite:///{project}/mlflow.db")
    with mlflow.start_run(experiment_id=client.get_experiment_by_name("hand_gestures").experiment_id) as outer:
        run(project)
        assert mlflow.active_run().info.run_id == outer.info.run_id
        mlflow.log_metric("afterwards", 1)
    logged = client.get_run(outer.info.run_id)
    assert {"afterwards", "leaks_held_out"} <= logged.data.metrics.keys()
    assert logged.data.params["split.val_fraction"] == "0.25"


STOPPED = """
import sys, time
from kedro.framework.session import KedroSession
from kedro.framework.startup import bootstrap_project
from hand_gestures.dataset import frame_catalog

def catalog_frames(*arguments):
    print("working", flush=True)
    time.sleep(300)

frame_catalog.catalog_frames = catalog_frames
bootstrap_project(sys.argv[1])
with KedroSession.create(sys.argv[1], env="demo", runtime_params={"frames_dir": sys.argv[1] + "/frames"}) as session:
    session.run(pipeline_names=["data_processing"])
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_run_that_is_stopped_is_marked_as_killed(project, client, number):
    stopped = subprocess.Popen(
        [sys.executable, "-c", STOPPED, project], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    try:
        assert any("working" in line for line in stopped.stdout)
        assert runs_of(client)[0].info.status == "RUNNING"
        stopped.send_signal(number)
        assert stopped.wait(120) == -number
    finally:
        stopped.kill()
    assert runs_of(client)[0].info.status == "KILLED"


def test_the_commit_is_a_tag_if_the_project_is_a_repository(project, client):
    author = ["-c", "user.name=Anna", "-c", "user.email=anna@example.org"]
    for arguments in (["init", "-q"], ["add", "pyproject.toml", "src", "conf"], [*author, "commit", "-qm", "first"]):
        subprocess.run(["git", *arguments], cwd=project, check=True)
    run(project)
    head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=project, capture_output=True, text=True, check=True)
    tags = runs_of(client)[0].data.tags
    assert (tags["mlflow.source.git.commit"], tags["git_dirty"]) == (head.stdout.strip(), "false")


def cut_to(share):
    return lambda content: content[: int(len(content) * share)]


@pytest.mark.parametrize(
    "damage",
    [lambda content: b"no database, " * 100, lambda content: content[:60], cut_to(0.1), cut_to(0.5), cut_to(0.99)],
    ids=["text", "60 bytes", "a tenth", "half", "nearly all"],
)
def test_a_damaged_database_is_an_error_of_one_sentence_before_anything_runs(
    project, tmp_path, empty_store, monkeypatch, damage
):
    path = tmp_path / "mlflow.db"
    path.write_bytes(damage(empty_store.read_bytes()))
    monkeypatch.setenv("TRACKING_URI", f"sqlite:///{path}")
    before = path.read_bytes()
    with pytest.raises(HandGesturesError, match=r"mlflow\.db cannot be read as one \(.*\); .* move it away"):
        run(project)
    assert path.read_bytes() == before


def test_the_command_line_prints_one_line_about_a_damaged_database(project, tmp_path):
    path = tmp_path / "mlflow.db"
    path.write_bytes(b"no database, " * 100)
    command = [sys.executable, "-m", "kedro", "run", "--env", "demo", "--pipeline", "data_processing"]
    environment = os.environ | {"TRACKING_URI": f"sqlite:///{path}"}
    ran = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, check=False)
    assert ran.returncode == 1
    errors = [line for line in ran.stderr.splitlines() if line.startswith("Error:")]
    assert errors == [
        f"Error: runs are recorded in an SQLite database, but {path} cannot be read as one (file is not a database); "
        "restore it from a copy, or move it away and run again: MLflow then starts with an empty one"
    ]
    assert "Traceback" not in ran.stderr + ran.stdout


@pytest.mark.parametrize("uri", ["http://127.0.0.1:1", "sqlite:///nowhere/mlflow.db", "sqlite://"])
def test_other_stores_are_left_to_mlflow(uri):
    require_database(uri)


def test_a_locked_or_empty_database_is_left_to_mlflow(tmp_path, empty_store):
    path = Path(shutil.copy(empty_store, tmp_path / "mlflow.db"))
    with sqlite3.connect(path, isolation_level=None) as other:
        other.execute("BEGIN EXCLUSIVE")
        require_database(f"sqlite:///{path}")
    (tmp_path / "empty.db").touch()
    require_database(f"sqlite:///{tmp_path / 'empty.db'}")
