"""Runs that SIGKILL left open are marked as killed by the next run, with real processes and a real store."""

import json
import subprocess
import sys

import mlflow

from hand_gestures.mlflow_support.killed_runs import close_killed_runs, process_tags

LEAVE_OPEN = """
import os, signal, sys
import mlflow
from hand_gestures.mlflow_support.killed_runs import process_tags
mlflow.set_tracking_uri(sys.argv[1])
with mlflow.start_run(experiment_id=sys.argv[2], tags=process_tags(), run_name="outer"):
    mlflow.start_run(nested=True, tags=process_tags(), run_name="nested")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_only_runs_whose_process_has_ended_on_this_host_are_closed_nested_ones_too(store):
    experiment = store.get_experiment_by_name("gestures").experiment_id
    command = [sys.executable, "-c", LEAVE_OPEN, mlflow.get_tracking_uri(), experiment]
    assert subprocess.run(command, check=False).returncode == -9

    def leave(name, tags):
        store.create_run(experiment, run_name=name, tags=tags)

    mine = process_tags()
    reused = json.loads(mine["process"]) | {"started": "1"}
    elsewhere = json.loads(mine["process"]) | {"host": "gpu-7", "started": "1"}
    leave("this process", mine)
    leave("its number is used again", mine | {"process": json.dumps(reused)})
    leave("another host", {"host": "gpu-7", "pid": "1", "process": json.dumps(elsewhere)})
    leave("no tags", {})
    leave("damaged tags", mine | {"process": "{"})

    def statuses():
        return {run.info.run_name: run.info.status for run in store.search_runs([experiment])}

    assert set(statuses().values()) == {"RUNNING"}
    close_killed_runs(store, experiment)
    assert statuses() == {
        "outer": "KILLED",
        "nested": "KILLED",
        "this process": "RUNNING",
        "its number is used again": "KILLED",
        "another host": "RUNNING",
        "no tags": "RUNNING",
        "damaged tags": "RUNNING",
    }
