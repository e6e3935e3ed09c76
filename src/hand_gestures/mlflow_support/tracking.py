"""What goes to MLflow beside the artifacts that the catalog declares. Without an active run nothing happens."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from hand_gestures.mlflow_support.git_state import GitState
from hand_gestures.utils.nested import flatten

LONGEST_KEY, LONGEST_VALUE = 250, 6000  # characters, MLflow's limits
LONGEST_NAME = 100  # of a run: longer ones fill the UI's table
NOTE = "mlflow.note.content"
COMMIT = "mlflow.source.git.commit"
GUESSED = (COMMIT, "mlflow.source.git.branch", "mlflow.source.git.repoURL")  # by MLflow, from where the command lies
PLACES = ("data_root", "frames_dir", "videos_dir")


def run_name(parameters: Mapping[str, Any], changed: Mapping[str, Any], env: str) -> str:
    """`"bilstm seed 42 demo epochs=5"`: what a training is told by at a glance.

    Args:
        parameters: all topics.
        changed: those that this run was given on its command line.
        env: the environment; "base" goes without saying.
    """
    told = {"seed", "network.name", *PLACES}
    changes = [f"{key.rpartition('.')[2]}={value}" for key, value in flatten(changed).items() if key not in told]
    name = f"{parameters['network']['name']} seed {parameters['seed']}"
    whole = " ".join([name, *([] if env == "base" else [env]), *changes])
    return whole if len(whole) <= LONGEST_NAME else whole[: LONGEST_NAME - 1] + "…"


def log_parameters(parameters: Mapping[str, Any]) -> None:
    """Log nested parameters under flat keys, `training.epochs`; those that are null are left out."""
    import mlflow

    if mlflow.active_run():
        flat = flatten(parameters)
        mlflow.log_params({_key(name): str(value)[:LONGEST_VALUE] for name, value in flat.items() if value is not None})


def log_metrics(metrics: Mapping[str, float], step: int | None = None) -> None:
    """Log metrics of one step, an epoch for instance."""
    import mlflow

    if mlflow.active_run():
        mlflow.log_metrics({_key(name): value for name, value in metrics.items()}, step=step)


def log_trial(
    name: str, parameters: Mapping[str, str], figures: Mapping[str, float], epochs: Sequence[Mapping[str, float]]
) -> None:
    """Log one training of many as a run inside the run: its figures, and those of each epoch."""
    import mlflow

    if not mlflow.active_run():
        return
    with mlflow.start_run(run_name=name, nested=True, log_system_metrics=False):
        mlflow.log_params(dict(parameters))
        mlflow.log_metrics({f"best_val_{figure}": value for figure, value in figures.items()})
        for metrics in epochs:
            of_epoch = {figure: value for figure, value in metrics.items() if figure != "epoch"}
            mlflow.log_metrics(of_epoch, step=int(metrics["epoch"]))


def set_tags(tags: Mapping[str, str]) -> None:
    """Tag the run, so that runs can be told apart in the UI."""
    import mlflow

    if mlflow.active_run():
        mlflow.set_tags(dict(tags))


def log_code(state: GitState | None) -> None:
    """Tag the run with the commit of its code, which the UI shows as its source version; with none where None."""
    import mlflow

    run = mlflow.active_run()
    if run is None:
        return
    for tag in set(GUESSED) & run.data.tags.keys():
        mlflow.delete_tag(tag)
    if state is not None:
        mlflow.set_tags({COMMIT: state.commit, "git_dirty": str(state.dirty).lower()})


def log_input(name: str, digest: str, context: str) -> None:
    """Name a data set that the run read, as its file name and digest; the data is not looked at.

    Args:
        name: of the file.
        digest: what tells this content from any other.
        context: what the run did with it: "training", "validation".
    """
    import mlflow

    if not mlflow.active_run():
        return
    from mlflow.data.meta_dataset import MetaDataset
    from mlflow.data.sources import LocalArtifactDatasetSource  # type: ignore[attr-defined]

    source = LocalArtifactDatasetSource(name)  # where the file lies on this machine tells others nothing
    mlflow.log_input(MetaDataset(source, name=name, digest=digest), context=context)  # type: ignore[abstract]


def describe_run(markdown: str) -> None:
    """The description that the UI shows on the run's page."""
    set_tags({NOTE: markdown})


def tracked_run() -> dict[str, str]:
    """Name and id of the run; empty where nothing is tracked."""
    import mlflow

    run = mlflow.active_run()
    return {"name": run.info.run_name, "id": run.info.run_id} if run else {}


def _key(name: str) -> str:
    """As MLflow takes it: names of the user's classes and class sets are part of some."""
    return re.sub(r"[^\w.\- :]", "_", name)[:LONGEST_KEY]
