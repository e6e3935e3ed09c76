"""What an accuracy must exceed: the accuracies of guessing and of always giving the same answer."""

from collections.abc import Mapping
from typing import Any

import numpy as np

BASELINES = ("chance_accuracy", "majority_accuracy")  # names among the metrics


def measure_baselines(labels: np.ndarray, classes: int) -> dict[str, float]:
    """Accuracies that need no model.

    Args:
        labels: int (N,), index of the true class of N clips, at least one.
        classes: number of classes that a model can answer, also those without clips here.

    Returns:
        `chance_accuracy`, the expected accuracy of guessing among all classes, and `majority_accuracy`, that of always
        answering the class with the most clips here.
    """
    return {"chance_accuracy": 1 / classes, "majority_accuracy": float(np.bincount(labels).max() / len(labels))}


def baseline_accuracy(metrics: Mapping[str, Any]) -> float | None:
    """The accuracy that a model must exceed: the larger one of the two `BASELINES`.

    Args:
        metrics: as `evaluation.summary.summarise` returns them.

    Returns:
        None for metrics of an earlier version, which have no baselines.
    """
    known = [metrics[name] for name in BASELINES if name in metrics]
    return max(known) if known else None
