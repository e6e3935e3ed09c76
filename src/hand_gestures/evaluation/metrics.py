"""How good answers are, as figures; for any weighting of the clips, so that resampling needs no second formula."""

from typing import NamedTuple

import numpy as np
import pandas as pd

TOP = 5


class Answers(NamedTuple):
    """What was said of N clips: `labels` int (N,), `probabilities` (N, K), and `subsets`, bool (N,) by name, whose
    accuracy is told apart."""

    labels: np.ndarray
    probabilities: np.ndarray
    subsets: dict[str, np.ndarray]


def compute_metrics(answers: Answers, weights: np.ndarray) -> dict[str, np.ndarray]:
    """Each figure as (B,), for weights (B, N): how often each clip counts.

    `accuracy`, `top5_accuracy` where there are more than five classes, `mean_class_accuracy` and `macro_f1` over the
    classes that have clips, `loss` (cross entropy), `ece`, and `accuracy_{name}` of each subset: NaN without clips.
    """
    labels, probabilities, subsets = answers
    ranking = rank_classes(probabilities)
    predicted = ranking[:, 0]
    right = (predicted == labels).astype(float)
    chosen = np.take_along_axis(probabilities, labels[:, None], axis=1)[:, 0]
    confidence = probabilities.max(axis=1)
    by_class = np.eye(probabilities.shape[1])
    clips, said = weights @ by_class[labels], weights @ by_class[predicted]  # (B, K)
    hits = weights @ (by_class[labels] * right[:, None])
    present = np.where(clips > 0, 1.0, np.nan)
    figures = {"accuracy": _mean(right, weights)}
    if probabilities.shape[1] > TOP:
        figures["top5_accuracy"] = _mean((ranking[:, :TOP] == labels[:, None]).any(axis=1), weights)
    figures |= {
        "mean_class_accuracy": np.nanmean(hits / (clips * present), axis=1),
        "macro_f1": np.nanmean(2 * hits / ((clips + said) * present), axis=1),
        "loss": _mean(-np.log(np.maximum(chosen, np.finfo(float).eps)), weights),
        "ece": expected_calibration_error(confidence, right, weights),
    }
    for name, members in subsets.items():
        figures[f"accuracy_{name}"] = _mean(right[members], weights[:, members])
    return figures


def rank_classes(probabilities: np.ndarray) -> np.ndarray:
    """(N, K): the classes of each clip, the most likely first; of equals, the first in order."""
    return np.argsort(-probabilities, axis=1, kind="stable")


def _mean(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    total = weights.sum(axis=1)
    return weights @ values / np.where(total > 0, total, np.nan)


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
