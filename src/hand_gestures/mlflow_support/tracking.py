"""What is logged to the active MLflow run. Without an active run every function here does nothing.

A lost MLflow is no error here: what is logged is kept until it answers again (`Delivery`).
"""

import re
import time
from collections import Counter
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from hand_gestures.mlflow_support.delivery import Delivery
from hand_gestures.mlflow_support.git_state import GitState
from hand_gestures.mlflow_support.killed_runs import process_tags
from hand_gestures.utils.names import HASH_DIGITS, name_hash
from hand_gestures.utils.nested import flatten

MAX_KEY, MAX_VALUE = 250, 6000  # characters that MLflow accepts
MAX_RUN_NAME = 100  # characters; a longer name fills the table of runs
NOTE = "mlflow.note.content"
COMMIT = "mlflow.source.git.commit"
GUESSED_TAGS = (COMMIT, "mlflow.source.git.branch", "mlflow.source.git.repoURL")  # MLflow looks where the command lies
PATH_PARAMETERS = ("data_root", "frames_dir", "videos_dir")

delivery = Delivery()  # of all runs of this process: it has one run at a time


def run_name(parameters: Mapping[str, Any], changed: Mapping[str, Any], env: str) -> str:
    """The name of a run that trains, such as `"bilstm seed 42 demo epochs=5"`.

    Args:
        parameters: all parameters of the run.
        changed: the parameters that were given on the command line.
        env: the Kedro environment; "base" is not mentioned.

    Returns:
        At most `MAX_RUN_NAME` characters.
    """
    mentioned = {"seed", "network.name", *PATH_PARAMETERS}
    changes = [f"{key.rpartition('.')[2]}={value}" for key, value in flatten(changed).items() if key not in mentioned]
    name = f"{parameters['network']['name']} seed {parameters['seed']}"
    full_name = " ".join([name, *([] if env == "base" else [env]), *changes])
    return full_name if len(full_name) <= MAX_RUN_NAME else full_name[: MAX_RUN_NAME - 1] + "…"


def active_run() -> dict[str, str]:
    """`name` and `id` of the active run; empty without one."""
    import mlflow

    run = mlflow.active_run()
    return {"name": run.info.run_name, "id": run.info.run_id} if run else {}


def log_parameters(parameters: Mapping[str, Any]) -> None:
    """Log nested parameters under flat keys such as `training.epochs`; parameters that are null are left out."""
    import mlflow

    if active_run():
        flat = flatten(parameters)
        given = {name: str(value)[:MAX_VALUE] for name, value in flat.items() if value is not None}
        delivery.send(lambda: mlflow.log_params(_with_valid_keys(given)))


def log_metrics(metrics: Mapping[str, float], step: int | None = None) -> None:
    """Log metrics, of one step (such as an epoch) if `step` is given."""
    import mlflow

    if active_run():
        now, valid = int(time.time() * 1000), _with_valid_keys(metrics)
        delivery.send(lambda: mlflow.log_metrics(valid, step=step, timestamp=now))


def log_epoch(metrics: Any) -> None:
    """Log the `EpochMetrics` of one epoch. The catalog entry `on_epoch` gives this function to the training."""
    values = dict(metrics._asdict())
    log_metrics(values, step=values.pop("epoch"))


def log_trial(trial: Any) -> None:
    """Log one finished `Trial` of a comparison as a nested run, with the metrics of its epochs.

    The catalog entry `on_trial` gives this function to the comparison.
    """
    if active_run():
        delivery.send(lambda: _log_trial(trial))


def _log_trial(trial: Any) -> None:
    import mlflow

    with mlflow.start_run(run_name=trial.name, nested=True, log_system_metrics=False, tags=process_tags()):
        mlflow.log_params(trial.described())
        mlflow.log_metrics(_with_valid_keys({f"best_val_{name}": value for name, value in trial.metrics.items()}))
        for epoch in trial.history:
            values = dict(epoch)
            mlflow.log_metrics(values, step=int(values.pop("epoch")))


def set_tags(tags: Mapping[str, str]) -> None:
    """Tag the run; tags distinguish and filter runs in the MLflow page."""
    import mlflow

    if active_run():
        delivery.send(lambda: mlflow.set_tags(dict(tags)))


def log_artifact(path: Path, artifact_path: str | None) -> None:
    """Log a file or a folder.

    Args:
        path: it must stay as it is until the run ends.
        artifact_path: folder of the run's artifacts; None is their root.
    """
    import mlflow

    if active_run():
        delivery.send(lambda: mlflow.log_artifact(str(path), artifact_path))


def log_code(state: GitState | None) -> None:
    """Tag the run with the commit of the project's code, which the MLflow page shows as source version.

    Args:
        state: None removes the tags that MLflow guessed and sets none.
    """
    import mlflow

    run = mlflow.active_run()
    if run is None:
        return
    for tag in sorted(set(GUESSED_TAGS) & run.data.tags.keys()):
        delivery.send(partial(mlflow.delete_tag, tag))
    if state is not None:
        set_tags({COMMIT: state.commit, "git_dirty": str(state.dirty).lower()})


def log_input(name: str, digest: str, context: str) -> None:
    """Record a data set that the run has read. MLflow does not open the data.

    Args:
        name: file name.
        digest: identifies the content.
        context: how the run used it: "training" or "validation".
    """
    import mlflow

    if not active_run():
        return
    from mlflow.data.meta_dataset import MetaDataset
    from mlflow.data.sources import LocalArtifactDatasetSource  # type: ignore[attr-defined]

    source = LocalArtifactDatasetSource(name)  # the folder on this machine means nothing to others
    dataset = MetaDataset(source, name=name, digest=digest)  # type: ignore[abstract]
    delivery.send(lambda: mlflow.log_input(dataset, context=context))


def describe_run(markdown: str) -> None:
    """Set the description that the MLflow page shows for the run."""
    set_tags({NOTE: markdown})


def _with_valid_keys(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values under keys that MLflow accepts: names of classes and class sets may hold any character.

    Keys that would be equal get a hash of the name: the store keeps only one value of a key.
    """
    keys = {name: re.sub(r"[^\w.\- :]", "_", name)[:MAX_KEY] for name in values}
    uses = Counter(keys.values())
    return {
        key if uses[key] == 1 else f"{key[: MAX_KEY - 1 - HASH_DIGITS]}-{name_hash(name)}": values[name]
        for name, key in keys.items()
    }
