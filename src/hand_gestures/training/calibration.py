"""Whether a classifier is right as often as it is sure."""

import numpy as np
import pandas as pd

BINS = 15
BIN_COLUMNS = ["low", "high", "clips", "confidence", "accuracy"]


def calibration_bins(confidence: np.ndarray, right: np.ndarray) -> pd.DataFrame:
    """Columns `BIN_COLUMNS`: clips by how sure the answer is, in bins of equal width, with mean confidence and accuracy
    of each; NaN where a bin has no clips. A bin holds its upper end, not its lower one."""
    member = _members(confidence)
    edges, clips = np.linspace(0, 1, BINS + 1), member.sum(axis=0)
    sums = {"confidence": confidence @ member, "accuracy": right @ member}
    means = {name: total / np.where(clips, clips, np.nan) for name, total in sums.items()}
    return pd.DataFrame({"low": edges[:-1], "high": edges[1:], "clips": clips.astype(int), **means})


def expected_calibration_error(confidence: np.ndarray, right: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Mean distance between confidence and accuracy of a bin, weighted by the clips in it; (B,) for weights (B, N).

    Guo, Pleiss, Sun, Weinberger: On Calibration of Modern Neural Networks, ICML 2017, equation 3, with 15 bins.
    """
    too_sure = (confidence - right)[:, None] * _members(confidence)
    return np.abs(weights @ too_sure).sum(axis=1) / weights.sum(axis=1)


def _members(confidence: np.ndarray) -> np.ndarray:
    """(N, BINS), 1 where the clip lies in the bin, else 0."""
    place = np.digitize(confidence, np.linspace(0, 1, BINS + 1)[1:-1], right=True)
    return np.eye(BINS)[place]
