"""What people look at: figures of what a run measured."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

if TYPE_CHECKING:
    from matplotlib.figure import Figure
else:  # Kedro resolves annotations as it starts, and this would import matplotlib
    Figure = Any


def draw_figures(
    history: pd.DataFrame,
    predictions: pd.DataFrame,
    groups: pd.DataFrame,
    confusion: pd.DataFrame,
    channel_attention: pd.DataFrame,
    frame_attention: pd.DataFrame,
) -> tuple[Figure, Figure, Figure, Figure, Figure, Figure, Figure]:
    """Curves, confusion matrix, accuracy by class, group and confidence, and what the attention layers look at."""
    from hand_gestures.reporting import figures

    return (
        figures.training_curves(history),
        figures.confusion_matrix(confusion.set_index("true")),
        figures.class_accuracy(predictions),
        figures.group_accuracy(groups),
        figures.reliability_diagram(predictions),
        figures.channel_attention(channel_attention),
        figures.frame_attention(frame_attention),
    )
