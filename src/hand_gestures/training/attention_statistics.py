"""What the two attention layers look at, over all clips of a file."""

import numpy as np
import pandas as pd
from einops import rearrange


def channel_statistics(weights: np.ndarray, channel_names: list[str]) -> pd.DataFrame:
    """Statistics of channel attention (N, C), one row a channel; `times_...` count clips."""
    return _statistics(weights, pd.Index(channel_names, name="channel"))


def frame_statistics(weights: np.ndarray) -> pd.DataFrame:
    """Statistics of sequence attention (N, C, T), one row a frame; `times_...` count channels of clips."""
    return _statistics(rearrange(weights, "n c t -> (n c) t"), pd.RangeIndex(weights.shape[2], name="frame"))


def _statistics(weights: np.ndarray, index: pd.Index) -> pd.DataFrame:
    """Mean, lowest and highest weight of each column, and how often it is its row's highest or lowest.

    Counts, since the mean of winning positions would name a position that may never have won.
    """
    places = weights.shape[1]
    return pd.DataFrame(
        {
            "mean": weights.mean(axis=0),
            "lowest": weights.min(axis=0),
            "highest": weights.max(axis=0),
            "times_highest": np.bincount(weights.argmax(axis=1), minlength=places),
            "times_lowest": np.bincount(weights.argmin(axis=1), minlength=places),
        },
        index=index,
    ).reset_index()
