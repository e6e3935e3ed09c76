"""From embeddings to an evaluated classifier. torch is imported where it is used: the CLI starts without it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from hand_gestures import tracking
from hand_gestures.parameters import EvaluationParameters, NetworkParameters, TrainingParameters

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from hand_gestures.classifier import Bundle
    from hand_gestures.embedding.store import EmbeddingFile
else:  # Kedro resolves annotations as it starts, and these would import torch
    Bundle = EmbeddingFile = Figure = Any

COUNTS = ("clips", "classes")  # say how far the other figures can be trusted, but are none to compare runs by


def train(
    train_embeddings: EmbeddingFile,
    val_embeddings: EmbeddingFile,
    checkpoint: Path,
    network: NetworkParameters,
    training: TrainingParameters,
    seed: int,
) -> tuple[Bundle, pd.DataFrame]:
    """The model of the best epoch and the history of all of them; each epoch is tracked as it ends."""
    from hand_gestures.training.train import train_classifier

    trained = train_classifier(
        train_embeddings,
        val_embeddings,
        checkpoint=checkpoint,
        seed=seed,
        on_epoch=lambda metrics: tracking.log_metrics(metrics.tracked(), step=metrics.epoch),
        **network.model_dump(),
        **training.model_dump(),
    )
    return trained.best, trained.history


def describe_embeddings(train_embeddings: EmbeddingFile, val_embeddings: EmbeddingFile) -> dict[str, Any]:
    """Size, classes and fingerprint of both files; the digest becomes a tag of the run."""
    from hand_gestures.embedding.fingerprint import describe_file, fingerprint_digest

    tracking.set_tags({"dataset_fingerprint": fingerprint_digest(train_embeddings.header.fingerprint)})
    return {"train": describe_file(train_embeddings), "validation": describe_file(val_embeddings)}


def evaluate(
    classifier: Bundle, val_embeddings: EmbeddingFile, training: TrainingParameters, evaluation: EvaluationParameters
) -> tuple[dict[str, float], pd.DataFrame, pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Metrics, predictions, confusion matrix and the statistics of both attention layers, of the model on disk."""
    from hand_gestures.embedding.device import choose_device
    from hand_gestures.training.attention_statistics import channel_statistics, frame_statistics
    from hand_gestures.training.evaluate import confusion, evaluate_classifier, summarise

    result = evaluate_classifier(classifier, val_embeddings, training.batch_size, choose_device(training.device))
    metrics = summarise(result, classifier.class_names, evaluation.class_sets)
    tracking.log_metrics({f"best_val_{name}": value for name, value in metrics.items() if name not in COUNTS})
    return (
        metrics,
        result.predictions,
        confusion(result).reset_index(),
        channel_statistics(result.channel_attention, classifier.channel_names),
        frame_statistics(result.sequence_attention),
    )


def draw_figures(
    history: pd.DataFrame,
    predictions: pd.DataFrame,
    confusion: pd.DataFrame,
    channel_attention: pd.DataFrame,
    frame_attention: pd.DataFrame,
) -> tuple[Figure, Figure, Figure, Figure, Figure]:
    """Curves, confusion matrix, accuracy by class, and what the attention layers look at."""
    from hand_gestures.reporting import figures

    return (
        figures.training_curves(history),
        figures.confusion_matrix(confusion.set_index("true")),
        figures.class_accuracy(predictions),
        figures.channel_attention(channel_attention),
        figures.frame_attention(frame_attention),
    )
