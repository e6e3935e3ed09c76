"""What is to be known of a training later: when it ended, in which run, of which parameters and packages."""

from collections.abc import Mapping
from datetime import datetime
from importlib.metadata import version
from platform import python_version
from typing import Any

import pandas as pd

from hand_gestures.reporting.figures import best_epoch

PACKAGES = (
    "torch", "torchvision", "lightning", "timm", "transformers", "ultralytics", "albumentations", "opencv-python",
    "h5py", "numpy", "pandas", "scikit-learn", "kedro", "mlflow",
)  # fmt: skip


def record_run(
    parameters: Mapping[str, Any], history: pd.DataFrame, tracked: Mapping[str, str], ended: datetime
) -> dict[str, Any]:
    """A record as JSON keeps it, so that a report drawn later tells of the training and not of itself.

    Args:
        parameters: all topics, as plain values.
        history: one row an epoch.
        tracked: name and id of the MLflow run; empty without one.
        ended: when the training did.
    """
    return {
        "ended": ended.isoformat(timespec="seconds"),
        "mlflow_run": dict(tracked),
        "epochs": len(history),
        "best_epoch": int(best_epoch(history)["epoch"]),
        "versions": {"python": python_version()} | {name: version(name) for name in PACKAGES},
        "parameters": dict(parameters),
    }
