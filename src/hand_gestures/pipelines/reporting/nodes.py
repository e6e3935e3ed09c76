"""What people look at: figures and pictures of what a run measured."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

if TYPE_CHECKING:
    from matplotlib.figure import Figure
else:  # Kedro resolves annotations as it starts, and this would import matplotlib
    Figure = Any


def draw_plots(
    history: pd.DataFrame,
    predictions: pd.DataFrame,
    groups: pd.DataFrame,
    confusion: pd.DataFrame,
) -> tuple[Figure, Figure, Figure, Figure, Figure]:
    """Curves, confusion matrix, accuracy by class, group and confidence."""
    from hand_gestures.evaluation.tables import TRUE_CLASS
    from hand_gestures.reporting import training_plots as figures

    return (
        figures.training_curves(history),
        figures.confusion_matrix(confusion.set_index(TRUE_CLASS)),
        figures.class_accuracy(predictions),
        figures.group_accuracy(groups),
        figures.reliability_diagram(predictions),
    )


def draw_attention(
    channel_attention: pd.DataFrame, frame_attention: pd.DataFrame, faithfulness: pd.DataFrame
) -> tuple[Figure, Figure, Figure, Figure, Figure]:
    """What the attention layers look at, over all and by class, and whether that is what matters."""
    from hand_gestures.reporting import attention_plots as attention_figures
    from hand_gestures.reporting import attention_plots as faithfulness_plot

    return (
        attention_figures.channel_attention(channel_attention),
        attention_figures.frame_attention(frame_attention),
        attention_figures.channel_map(channel_attention),
        attention_figures.frame_map(frame_attention),
        faithfulness_plot.deletion_curves(faithfulness),
    )


def draw_film_strips(
    sequences: pd.DataFrame, predictions: pd.DataFrame, attention: pd.DataFrame, frames_dir: Path
) -> Iterator[tuple[str, bytes]]:
    """A picture of each class: a clip that was recognised, one that was not, and what was attended in them."""
    from hand_gestures.reporting.picture_sheets import film_strips

    return film_strips(sequences, predictions, attention, frames_dir)


def draw_confused_pairs(
    sequences: pd.DataFrame, predictions: pd.DataFrame, frames_dir: Path
) -> Iterator[tuple[str, bytes]]:
    """A picture of each of the most frequent mistakes."""
    from hand_gestures.reporting.picture_sheets import confused_pairs

    return confused_pairs(sequences, predictions, frames_dir)
