"""Runs whose process was killed: SIGKILL closes nothing, so the next run marks them as killed."""

import json
import logging

from mlflow import MlflowClient

from hand_gestures.utils.nested import parse_json
from hand_gestures.utils.process_identity import ProcessIdentity, is_gone, parse_process, this_process

logger = logging.getLogger(__name__)

HOST, PID, PROCESS = "host", "pid", "process"  # tags; the last one holds what makes the first two certain


def process_tags() -> dict[str, str]:
    """Tags that say which process logs a run. A run gets them when it is created."""
    process = this_process()
    return {HOST: process.host, PID: str(process.pid), PROCESS: json.dumps(process._asdict())}


def close_killed_runs(client: MlflowClient, experiment_id: str) -> None:
    """Mark runs as killed that are open although their process has ended; nested runs too.

    Args:
        client: of the store.
        experiment_id: only runs of this experiment, and only those that a process of this host logged.
    """
    open_here = f"attributes.status = 'RUNNING' and tags.{HOST} = '{this_process().host}'"
    for run in client.search_runs([experiment_id], open_here):
        process = _process_of(run.data.tags)
        if process is not None and is_gone(process):
            client.set_terminated(run.info.run_id, "KILLED")
            logger.info("run %s is marked as killed: its process %d has ended", run.info.run_name, process.pid)


def _process_of(tags: dict[str, str]) -> ProcessIdentity | None:
    try:
        return parse_process(parse_json(tags.get(PROCESS, "").encode()))
    except ValueError:
        return None
