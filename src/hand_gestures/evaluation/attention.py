"""Statistics of both attention layers, by class and over all clips, and the attention of each clip."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from einops import einsum, rearrange

from hand_gestures.evaluation.evaluate import Evaluation
from hand_gestures.utils.rules import ALL_CLASSES

STATISTICS = ["mean", "lowest", "highest", "times_highest", "times_lowest"]


def channel_statistics(weights: np.ndarray, classes: Sequence[str], channel_names: Sequence[str]) -> pd.DataFrame:
    """Summarise channel attention.

    Args:
        weights: float (N, C), channel attention of N clips.
        classes: the true class of each clip.
        channel_names: names of the C channels.

    Returns:
        `class_name`, `channel`, `mean`, `lowest`, `highest`, `times_highest`, `times_lowest`: one row per class and
        channel, then one per channel over all clips (class `ALL_CLASSES`). `times_...` count the clips in which the
        channel has the highest or lowest weight. Without clips the table is empty.
    """
    return _statistics_by_class(weights, classes, pd.Index(channel_names, name="channel"))


def frame_statistics(weights: np.ndarray, classes: Sequence[str]) -> pd.DataFrame:
    """Summarise sequence attention.

    Args:
        weights: float (N, C, T), sequence attention of N clips.
        classes: the true class of each clip.

    Returns:
        As `channel_statistics`, with the column `frame` (0 to T - 1) in place of `channel`; `times_...` count channels
        of clips, since each channel has its own attention over time.
    """
    _, channels, frames = weights.shape
    class_of_row = np.repeat(np.asarray(classes, object), channels)
    return _statistics_by_class(
        rearrange(weights, "n c t -> (n c) t"), class_of_row, pd.RangeIndex(frames, name="frame")
    )


def frame_weights(channel_attention: np.ndarray, sequence_attention: np.ndarray) -> np.ndarray:
    """Weight of each frame in the pooled features: the network pools over time and then over channels.

    Args:
        channel_attention: float (N, C), rows sum to 1.
        sequence_attention: float (N, C, T), sums to 1 over T.

    Returns:
        float (N, T), rows sum to 1.
    """
    return einsum(channel_attention, sequence_attention, "n c, n c t -> n t")


def clip_attention(evaluation: Evaluation) -> pd.DataFrame:
    """Attention of every single clip, as a table that fits into one parquet file.

    Args:
        evaluation: of N clips in C channels and T frames.

    Returns:
        One row per clip: `sequence_id`, `view`, `class_name`, `predicted`, `correct`, `channel_weights` (an array of
        C) and `frame_weights` (an array of T).
    """
    clips = evaluation.predictions[["sequence_id", "view", "class_name", "predicted", "correct"]]
    return clips.assign(
        channel_weights=list(evaluation.channel_attention),
        frame_weights=list(frame_weights(evaluation.channel_attention, evaluation.sequence_attention)),
    )


def _statistics_by_class(weights: np.ndarray, classes: Sequence[str] | np.ndarray, positions: pd.Index) -> pd.DataFrame:
    if not len(weights):  # nothing has a minimum or maximum
        return pd.DataFrame(columns=["class_name", positions.name, *STATISTICS])
    rows = pd.Series(np.arange(len(weights))).groupby(np.asarray(classes, object)).indices
    tables = [_statistics(weights[class_rows], positions, str(name)) for name, class_rows in sorted(rows.items())]
    return pd.concat([*tables, _statistics(weights, positions, ALL_CLASSES)], ignore_index=True)


def _statistics(weights: np.ndarray, positions: pd.Index, class_name: str) -> pd.DataFrame:
    """Statistics of each column of `weights` (rows, positions)."""
    # counts, not the mean index of the maximum: that index may never have had the highest weight
    return pd.DataFrame(
        {
            "class_name": class_name,
            positions.name: positions,
            "mean": weights.mean(axis=0),
            "lowest": weights.min(axis=0),
            "highest": weights.max(axis=0),
            "times_highest": np.bincount(weights.argmax(axis=1), minlength=len(positions)),
            "times_lowest": np.bincount(weights.argmin(axis=1), minlength=len(positions)),
        }
    )
