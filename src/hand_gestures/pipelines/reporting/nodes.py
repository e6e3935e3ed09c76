"""Tables and metrics → plots and sheets of pictures; all of them → a report and a model card."""

from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import pandas as pd

from hand_gestures.pipelines.types import Figure
from hand_gestures.reporting.run_summary import RunResults


def draw_plots(
    history: pd.DataFrame, predictions: pd.DataFrame, groups: pd.DataFrame, confusion: pd.DataFrame
) -> tuple[Figure, Figure, Figure, Figure, Figure]:
    """Curves, confusion matrix, and accuracy by class, by group and by confidence."""
    from hand_gestures.evaluation.tables import TRUE_CLASS
    from hand_gestures.reporting import training_plots as plots

    return (
        plots.training_curves(history),
        plots.confusion_matrix(confusion.set_index(TRUE_CLASS)),
        plots.class_accuracy(predictions),
        plots.group_accuracy(groups),
        plots.reliability_diagram(predictions),
    )


def draw_attention(
    channel_attention: pd.DataFrame, frame_attention: pd.DataFrame, faithfulness: pd.DataFrame
) -> tuple[Figure, Figure, Figure, Figure, Figure]:
    """Attention weights over all classes and by class, and accuracy without the most attended parts."""
    from hand_gestures.reporting import attention_plots as plots

    return (
        plots.channel_attention(channel_attention),
        plots.frame_attention(frame_attention),
        plots.channel_map(channel_attention),
        plots.frame_map(frame_attention),
        plots.deletion_curves(faithfulness),
    )


def draw_film_strips(
    sequences: pd.DataFrame, predictions: pd.DataFrame, attention: pd.DataFrame, frames_dir: Path
) -> Iterator[tuple[str, bytes]]:
    """A sheet for each class: a right clip and a wrong one with the weight of each frame."""
    from hand_gestures.reporting.picture_sheets import film_strips

    return film_strips(sequences, predictions, attention, frames_dir)


def draw_confused_pairs(
    sequences: pd.DataFrame, predictions: pd.DataFrame, frames_dir: Path
) -> Iterator[tuple[str, bytes]]:
    """A sheet for each of the most frequent mistakes."""
    from hand_gestures.reporting.picture_sheets import confused_pairs

    return confused_pairs(sequences, predictions, frames_dir)


def write_report(**entries: Any) -> str:
    """The report on one page.

    Args:
        **entries: by catalog name: the fields of `RunResults`, and paths of plots and picture folders.
    """
    from hand_gestures.reporting.report import report

    results = {field.name: entries.pop(field.name) for field in fields(RunResults)}
    return report(RunResults(**results), entries)


def write_model_card(**results: Any) -> str:
    """The model card.

    Args:
        **results: the fields of `RunResults`.
    """
    from hand_gestures.reporting.model_card import model_card

    return model_card(RunResults(**results))
