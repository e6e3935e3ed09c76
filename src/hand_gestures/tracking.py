"""What goes to MLflow beside the artifacts that the catalog declares. Without an active run nothing happens."""

from collections.abc import Mapping
from typing import Any

from hand_gestures.flatten import flatten

LONGEST_VALUE = 6000  # characters, MLflow's limit


def log_parameters(parameters: Mapping[str, Any]) -> None:
    """Log nested parameters under flat keys: `training.epochs`."""
    import mlflow

    if mlflow.active_run():
        flat = flatten(parameters)
        mlflow.log_params({key: str(value)[:LONGEST_VALUE] for key, value in flat.items() if value is not None})


def log_metrics(metrics: Mapping[str, float], step: int | None = None) -> None:
    """Log metrics of one step, an epoch for instance."""
    import mlflow

    if mlflow.active_run():
        mlflow.log_metrics(dict(metrics), step=step)


def set_tags(tags: Mapping[str, str]) -> None:
    """Tag the run, so that runs can be told apart in the UI."""
    import mlflow

    if mlflow.active_run():
        mlflow.set_tags(dict(tags))


def tracked_run() -> dict[str, str]:
    """Name and id of the run; empty where nothing is tracked."""
    import mlflow

    run = mlflow.active_run()
    return {"name": run.info.run_name, "id": run.info.run_id} if run else {}
