"""Two runs at once: one writes to a data_root, the other one is refused; real processes and kills."""

import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from hand_gestures.utils.errors import HandGesturesError
from tiny_project import run

WORKING = """
import sys, time
from kedro.framework.session import KedroSession
from kedro.framework.startup import bootstrap_project
from hand_gestures.dataset import frame_catalog

def catalog_frames(*arguments):
    print("working", flush=True)
    time.sleep(300)

frame_catalog.catalog_frames = catalog_frames
bootstrap_project(".")
with KedroSession.create(".", env="demo", runtime_params={"frames_dir": "frames", "data_root": "out"}) as session:
    session.run(pipeline_names=["data_processing"])
"""


@pytest.fixture
def working(project, write_frames, empty_store, monkeypatch):
    """A run that writes to out/ and does not end by itself."""
    write_frames(fist=3, wave=3)
    monkeypatch.setenv("TRACKING_URI", f"sqlite:///{project}/mlflow.db")
    (project / "mlflow.db").write_bytes(empty_store.read_bytes())
    command = [sys.executable, "-c", WORKING]
    run = subprocess.Popen(command, cwd=project, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert any("working" in line for line in run.stdout)
    yield run
    run.kill()
    run.wait()


def arguments(pipeline: str, data_root: str = "out") -> list[str]:
    parameters = f"frames_dir=frames,videos_dir=frames,data_root={data_root}"
    return ["run", "--env", "demo", "--pipeline", pipeline, "--params", parameters]


def errors(run: subprocess.CompletedProcess) -> list[str]:
    return [line for line in run.stderr.splitlines() if line.startswith("Error:")]


def files(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_second_run_in_a_data_root_is_refused_and_one_in_another_is_not(working, kedro, project):
    before = files(project / "out")
    refused = kedro(*arguments("data_processing"))
    assert refused.returncode == 1
    (sentence,) = errors(refused)
    assert re.fullmatch(
        rf"Error: one run at a time may write to \S+/out, but process {working.pid} on host {socket.gethostname()} "
        r"has been writing there since \d{4}-\d\d-\d\d \d\d:\d\d:\d\d[+-]\d\d:\d\d; wait until it ends, stop it, or "
        "let this run write to another folder",
        sentence,
    )
    assert "Traceback" not in refused.stderr + refused.stdout
    assert files(project / "out") == before

    assert kedro(*arguments("data_processing", "other")).returncode == 0
    assert (project / "other/03_primary/split.csv").is_file()
    assert kedro(*arguments("check_data")).returncode == 0  # it writes only its own report


def test_a_killed_run_blocks_nobody(working, project):
    os.kill(working.pid, signal.SIGKILL)
    working.wait(60)
    run(project, {"frames_dir": "frames", "data_root": "out"}, pipeline_names=["data_processing"])
    assert (project / "out/03_primary/split.csv").is_file()


def test_a_run_that_fails_frees_the_folder_for_the_next_run_of_its_process(project, write_frames, monkeypatch):
    write_frames(fist=3, wave=3)
    monkeypatch.chdir(project)
    folders = {"frames_dir": "nowhere", "data_root": "out"}
    for _ in range(2):
        with pytest.raises(HandGesturesError, match="frames are read from"):
            run(project, folders, pipeline_names=["data_processing"])
    (project / "out/03_primary").mkdir(parents=True)
    (project / "out/03_primary/class_names.json").write_text('["fist", "wave"]')
    with pytest.raises(HandGesturesError, match="a class set may contain only"):  # a hook refuses before any node
        run(project, folders, pipeline_names=["modeling"])
    run(project, folders | {"frames_dir": "frames"}, pipeline_names=["data_processing"])
