"""From embeddings to an evaluated classifier. torch is imported where it is used: the CLI starts without it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from hand_gestures.mlflow_support import tracking
from hand_gestures.parameters import (
    ChannelParameters,
    EvaluationParameters,
    NetworkParameters,
    Topic,
    TrainingParameters,
)

if TYPE_CHECKING:
    from hand_gestures.classifier import Bundle
    from hand_gestures.evaluation.summary import Score
    from hand_gestures.store.embedding_file import EmbeddingFile
else:  # Kedro resolves annotations as it starts, and these would import torch
    Bundle = EmbeddingFile = Score = Any


def train(
    train_embeddings: EmbeddingFile,
    val_embeddings: EmbeddingFile,
    checkpoint: Path,
    network: NetworkParameters,
    channels: ChannelParameters,
    training: TrainingParameters,
    seed: int,
) -> tuple[Bundle, pd.DataFrame]:
    """The model of the best epoch and the history of all of them; each epoch is tracked as it ends."""
    from hand_gestures.store.selection import remaining_channels, select_channels
    from hand_gestures.training.train import train_classifier

    chosen = remaining_channels(train_embeddings.header.channel_names, channels.leave_out)
    trained = train_classifier(
        select_channels(train_embeddings, chosen),
        select_channels(val_embeddings, chosen),
        checkpoint=checkpoint,
        seed=seed,
        on_epoch=lambda metrics: tracking.log_metrics(metrics.tracked(), step=metrics.epoch),
        **network.model_dump(),
        **training.model_dump(),
    )
    return trained.best, trained.history


def describe_embeddings(
    train_embeddings: EmbeddingFile, val_embeddings: EmbeddingFile, split: pd.DataFrame
) -> dict[str, Any]:
    """Size, classes, groups and fingerprint of both files, which are named in the run; the digest becomes its tag."""
    from hand_gestures.dataset.split_table import count_groups
    from hand_gestures.store.fingerprint import content_digest, describe_file, fingerprint_digest

    files = {"training": train_embeddings, "validation": val_embeddings}
    for context, file in files.items():
        tracking.log_input(file.path.name, content_digest(file.header), context)
    train, validation = (
        describe_file(file) | {"groups": count_groups(split, file.sequence_ids)} for file in files.values()
    )
    tracking.set_tags(
        {
            "dataset_fingerprint": fingerprint_digest(train_embeddings.header.fingerprint),
            "classes": str(len(train["rows_by_class"])),
            "clips": str(train["sequences"] + validation["sequences"]),
        }
    )
    return {"train": train, "validation": validation}


def record_run(parameters: dict[str, Any], history: pd.DataFrame) -> dict[str, Any]:
    """Parameters, packages, date and MLflow run of the training that gave this history."""
    from hand_gestures.reporting import run_summary as run_record

    plain = {
        name: value.model_dump(mode="json") if isinstance(value, Topic) else value for name, value in parameters.items()
    }
    return run_record.record_run(plain, history, tracking.tracked_run(), datetime.now(UTC))


def evaluate_validation(
    classifier: Bundle,
    val_embeddings: EmbeddingFile,
    split: pd.DataFrame,
    training: TrainingParameters,
    evaluation: EvaluationParameters,
    seed: int,
) -> tuple[
    dict[str, Any],
    pd.DataFrame,
    pd.DataFrame,
    pd.DataFrame,
    pd.DataFrame,
    pd.DataFrame,
    pd.DataFrame,
    pd.DataFrame,
]:
    """Figures, predictions, tables by class and group, confusion matrix, and what both attention layers look at: their
    statistics by class and their weights in each clip; of the model on disk."""
    from hand_gestures.evaluation.attention import channel_statistics, clip_attention, frame_statistics
    from hand_gestures.evaluation.tables import confusion

    score = _score(classifier, val_embeddings, "validation", split, training, evaluation, seed)
    tracking.log_metrics(_comparable(score.figures, "best_val"))
    result = score.evaluation
    classes = result.predictions["class_name"].tolist()
    return (
        score.figures,
        result.predictions,
        score.by_class,
        score.by_group,
        confusion(result.predictions),
        channel_statistics(result.channel_attention, classes, classifier.channel_names),
        frame_statistics(result.sequence_attention, classes),
        clip_attention(result),
    )


def evaluate_test(
    classifier: Bundle,
    test_embeddings: EmbeddingFile,
    split: pd.DataFrame,
    training: TrainingParameters,
    evaluation: EvaluationParameters,
    seed: int,
) -> tuple[dict[str, Any], pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Figures, predictions, tables by class and group of the test; empty where there is none.

    Nothing else looks at the test: the epoch was chosen on validation before, and nothing is chosen after.
    """
    score = _score(classifier, test_embeddings, "test", split, training, evaluation, seed)
    tracking.log_metrics(_comparable(score.figures, "test"))
    return score.figures, score.evaluation.predictions, score.by_class, score.by_group


def _score(
    bundle: Bundle,
    file: EmbeddingFile,
    side: str,
    split: pd.DataFrame,
    training: TrainingParameters,
    evaluation: EvaluationParameters,
    seed: int,
) -> Score:
    from hand_gestures.evaluation.summary import score_classifier

    groups = dict(zip(split["sequence_id"], split["group"], strict=True))
    return score_classifier(
        bundle,
        file,
        side,
        groups,
        batch_size=training.batch_size,
        device=training.device,
        seed=seed,
        **evaluation.scoring(),
    )


def _comparable(figures: dict[str, Any], prefix: str) -> dict[str, float]:
    """What runs are compared by: no counts, and of the intervals only that of the accuracy."""
    kept = {name for name, value in figures.items() if isinstance(value, float)}
    ends = {name for name in kept if name.endswith(("_low", "_high"))} - {"accuracy_low", "accuracy_high"}
    return {f"{prefix}_{name}": figures[name] for name in sorted(kept - ends)}
