"""What the two attention layers look at, over the clips of each class and over all clips of a file."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from einops import einsum, rearrange

from hand_gestures.evaluation.evaluate import Evaluation
from hand_gestures.utils.rules import ALL_CLASSES


def channel_statistics(weights: np.ndarray, classes: Sequence[str], channel_names: Sequence[str]) -> pd.DataFrame:
    """Statistics of channel attention (N, C), for clips of these N classes: one row a class and channel, the rows over
    all classes last. Columns `class_name`, `channel`, `mean`, `lowest`, `highest`, `times_highest`, `times_lowest`;
    `times_...` count clips."""
    return _by_class(weights, classes, pd.Index(channel_names, name="channel"))


def frame_statistics(weights: np.ndarray, classes: Sequence[str]) -> pd.DataFrame:
    """Statistics of sequence attention (N, C, T): as `channel_statistics`, one row a class and `frame`; `times_...`
    count channels of clips."""
    _, channels, frames = weights.shape
    in_turn = rearrange(weights, "n c t -> (n c) t")
    return _by_class(in_turn, np.repeat(np.asarray(classes, object), channels), pd.RangeIndex(frames, name="frame"))


def _by_class(weights: np.ndarray, classes: Sequence[str] | np.ndarray, places: pd.Index) -> pd.DataFrame:
    rows = pd.Series(np.arange(len(weights))).groupby(np.asarray(classes, object)).indices
    tables = [_statistics(weights[of_class], places, str(name)) for name, of_class in sorted(rows.items())]
    return pd.concat([*tables, _statistics(weights, places, ALL_CLASSES)], ignore_index=True)


def _statistics(weights: np.ndarray, places: pd.Index, class_name: str) -> pd.DataFrame:
    """Mean, lowest and highest weight of each column, and how often it is its row's highest or lowest.

    Counts, since the mean of winning positions would name a position that may never have won.
    """
    return pd.DataFrame(
        {
            "class_name": class_name,
            places.name: places,
            "mean": weights.mean(axis=0),
            "lowest": weights.min(axis=0),
            "highest": weights.max(axis=0),
            "times_highest": np.bincount(weights.argmax(axis=1), minlength=len(places)),
            "times_lowest": np.bincount(weights.argmin(axis=1), minlength=len(places)),
        }
    )


def frame_weights(channel_attention: np.ndarray, sequence_attention: np.ndarray) -> np.ndarray:
    """(N, C) and (N, C, T) → (N, T), each row summing to 1: the share of each time step in what is pooled over time
    and then over channels."""
    return einsum(channel_attention, sequence_attention, "n c, n c t -> n t")


def clip_attention(evaluation: Evaluation) -> pd.DataFrame:
    """One row a clip: sequence_id, view, class_name, predicted, correct, `channel_weights` (C of them) and
    `frame_weights` (T)."""
    told = evaluation.predictions[["sequence_id", "view", "class_name", "predicted", "correct"]]
    return told.assign(
        channel_weights=list(evaluation.channel_attention),
        frame_weights=list(frame_weights(evaluation.channel_attention, evaluation.sequence_attention)),
    )
