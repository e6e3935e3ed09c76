"""What is logged to MLflow of each catalog entry beside its file: nodes return values, this module logs them."""

from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd

from hand_gestures.evaluation.baselines import BASELINES
from hand_gestures.mlflow_support import tracking

NOTE_OUTPUTS = (
    "embeddings_description",
    "evaluation",
    "test_evaluation",
    "registry_decision",
)  # the run note uses them


def log_output(name: str, value: Any) -> None:
    """Log the metrics, tags and inputs that belong to a catalog entry; other entries log nothing.

    Args:
        name: of the catalog entry.
        value: what a node returned for it.
    """
    if name in LOGGERS:
        LOGGERS[name](value)


def _log_leaks(split_summary: Mapping[str, Any]) -> None:
    tracking.log_metrics({f"leaks_{name}": count for name, count in split_summary["split"]["leaks"].items()})


def _log_datasets(files: Mapping[str, Any]) -> None:
    train, val = files["train"], files["validation"]
    tracking.log_input(train["file"], train["content_digest"], "training")
    tracking.log_input(val["file"], val["content_digest"], "validation")
    tracking.set_tags(
        {
            "embedding_contract": train["digest"],
            "classes": str(len(train["rows_by_class"])),
            "clips": str(train["sequences"] + val["sequences"]),
        }
    )


def _log_evaluation(metrics: Mapping[str, Any]) -> None:
    tracking.log_metrics(_comparable(metrics, "best_val"))


def _log_test_evaluation(metrics: Mapping[str, Any]) -> None:
    tracking.log_metrics(_comparable(metrics, "test"))


def _log_faithfulness(table: pd.DataFrame) -> None:
    from hand_gestures.evaluation.faithfulness import faithfulness  # imports torch, which is loaded by then

    tracking.log_metrics(faithfulness(table))


def _log_registry(decision: Mapping[str, Any]) -> None:
    tracking.set_tags({"registry_decision": decision["decision"]})
    tracking.log_metrics({f"champion_{name}": value for name, value in (decision["champion"] or {}).items()})


def _comparable(metrics: Mapping[str, Any], prefix: str) -> dict[str, float]:
    """The metrics by which runs are compared: no counts, and of all intervals only the one of the accuracy.

    Baselines are the same for all runs on the same data; the note of the run has them.
    """
    numbers = {name for name, value in metrics.items() if isinstance(value, float)} - set(BASELINES)
    ends = {name for name in numbers if name.endswith(("_low", "_high"))} - {"accuracy_low", "accuracy_high"}
    return {f"{prefix}_{name}": metrics[name] for name in sorted(numbers - ends)}


LOGGERS: dict[str, Callable[[Any], None]] = {
    "split_summary": _log_leaks,
    "embeddings_description": _log_datasets,
    "evaluation": _log_evaluation,
    "test_evaluation": _log_test_evaluation,
    "faithfulness": _log_faithfulness,
    "registry_decision": _log_registry,
}
