"""Metrics of predicted probabilities, computed for many weightings of the clips at once.

The bootstrap repeats every metric a thousand times. As weights instead of copies of the clips, all repetitions are a
few matrix products, and the metrics themselves are the case where every weight is 1.
"""

from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.sparse import csr_array

TOP_K = 5
RANKED_AT_ONCE = 1024  # clips; limits the memory
CALIBRATION_BINS = 15  # as in the experiments of Guo et al. 2017


class ScoredClips(NamedTuple):
    """True classes and predicted probabilities of N clips, over K classes.

    Attributes:
        labels: int (N,), index of the true class.
        probabilities: float (N, K), each row sums to 1.
        subsets: bool (N,) by name; the accuracy of each subset becomes a metric.

    Example:
        >>> clips = ScoredClips(np.array([0, 1]), np.array([[0.9, 0.1], [0.6, 0.4]]), {})
        >>> compute_metrics(clips, np.ones((1, 2)))["accuracy"]
        array([0.5])
    """

    labels: np.ndarray
    probabilities: np.ndarray
    subsets: dict[str, np.ndarray]


def compute_metrics(clips: ScoredClips, weights: np.ndarray) -> dict[str, np.ndarray]:
    """Compute all metrics for B weightings of N clips.

    scikit-learn gives the same values but takes one weighting at a time, see docs/adr/0013.

    Args:
        clips: labels and probabilities of the N clips.
        weights: (B, N), how often each clip counts; (1, N) ones give the plain metrics.

    Returns:
        float (B,) by name: `accuracy`; `top5_accuracy` with more than five classes; `mean_class_accuracy` and
        `macro_f1` over the classes that have clips; `loss` (cross entropy, nats); `ece` (expected calibration error);
        `accuracy_{name}` of each subset, NaN where no clip of the subset has weight.
    """
    labels, probabilities, subsets = clips
    n_classes = probabilities.shape[1]
    ranking = rank_classes(probabilities)
    predicted = ranking[:, 0]
    correct = (predicted == labels).astype(float)
    true_probability = np.take_along_axis(probabilities, labels[:, None], axis=1)[:, 0]
    ones = np.ones(len(labels))
    true_counts, predicted_counts, correct_counts = (  # (B, K) each
        _sum_by_class(classes, values, n_classes, weights)
        for classes, values in ((labels, ones), (predicted, ones), (labels, correct))
    )
    # a draw may hold no clip of a class: NaN takes the class out of this draw's means
    present = np.where(true_counts > 0, 1.0, np.nan)
    metrics = {"accuracy": _weighted_mean(correct, weights)}
    if n_classes > TOP_K:
        metrics["top5_accuracy"] = _weighted_mean((ranking == labels[:, None]).any(axis=1), weights)
    metrics |= {
        "mean_class_accuracy": np.nanmean(correct_counts / (true_counts * present), axis=1),
        "macro_f1": np.nanmean(2 * correct_counts / ((true_counts + predicted_counts) * present), axis=1),
        # a probability of 0 for the true class would make the mean loss infinite
        "loss": _weighted_mean(-np.log(np.maximum(true_probability, np.finfo(float).eps)), weights),
        "ece": expected_calibration_error(probabilities.max(axis=1), correct, weights),
    }
    for name, members in subsets.items():
        metrics[f"accuracy_{name}"] = _weighted_mean(correct[members], weights[:, members])
    return metrics


def rank_classes(probabilities: np.ndarray) -> np.ndarray:
    """The most probable classes of each clip.

    Args:
        probabilities: float (N, K).

    Returns:
        int (N, min(K, `TOP_K`)), class indices, the most probable first; equal probabilities keep the order of the
        classes.
    """
    ranked = np.empty((len(probabilities), min(TOP_K, probabilities.shape[1])), int)
    for start in range(0, len(ranked), RANKED_AT_ONCE):
        rest = probabilities[start : start + RANKED_AT_ONCE].copy()
        # a few searches of the first largest value: sorting a thousand classes takes longer and more memory
        for rank in range(ranked.shape[1]):
            best = rest.argmax(axis=1)
            ranked[start : start + len(rest), rank] = best
            rest[np.arange(len(rest)), best] = -np.inf
    return ranked


def calibration_bins(confidence: np.ndarray, correct: np.ndarray) -> pd.DataFrame:
    """Compare confidence with accuracy in bins of equal width.

    `sklearn.calibration.calibration_curve` has the same bins but neither their counts nor the empty ones.

    Args:
        confidence: float (N,), probability of the predicted class.
        correct: float (N,), 1 where the prediction is correct, else 0.

    Returns:
        One row per bin: `low` (excluded) and `high` (included), `clips`, mean `confidence` and `accuracy`; the means
        of an empty bin are NaN.
    """
    members = _bin_members(confidence)
    edges, clips = np.linspace(0, 1, CALIBRATION_BINS + 1), members.sum(axis=0)
    divisor = np.where(clips, clips, np.nan)
    bins = pd.DataFrame({"low": edges[:-1], "high": edges[1:], "clips": clips.astype(int)})
    return bins.assign(confidence=confidence @ members / divisor, accuracy=correct @ members / divisor)


def expected_calibration_error(confidence: np.ndarray, correct: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Mean distance between confidence and accuracy of a bin, weighted by the clips in it.

    Guo, Pleiss, Sun, Weinberger: On Calibration of Modern Neural Networks, ICML 2017, equation 3, with 15 bins.

    Args:
        confidence: float (N,), probability of the predicted class.
        correct: float (N,), 1 where the prediction is correct, else 0.
        weights: (B, N), how often each clip counts.

    Returns:
        float (B,), between 0 and 1.
    """
    # the clips of a bin cancel out in both means: only their summed difference matters
    overconfidence = (confidence - correct)[:, None] * _bin_members(confidence)  # (N, bins)
    return np.abs(weights @ overconfidence).sum(axis=1) / weights.sum(axis=1)


def _sum_by_class(classes: np.ndarray, values: np.ndarray, n_classes: int, weights: np.ndarray) -> np.ndarray:
    """(B, K) sums of the weighted values of the N clips of each class."""
    # sparse: a dense table of clips x classes has a value for one class of each clip only
    members = csr_array((values, (np.arange(len(classes)), classes)), (len(classes), n_classes))
    return np.ascontiguousarray(weights @ members)  # means over classes add in the same order as those of other arrays


def _weighted_mean(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    total = weights.sum(axis=1)
    return weights @ values / np.where(total > 0, total, np.nan)


def _bin_members(confidence: np.ndarray) -> np.ndarray:
    """(N, bins), 1 where the clip is in the bin, else 0."""
    inner_edges = np.linspace(0, 1, CALIBRATION_BINS + 1)[1:-1]
    return np.eye(CALIBRATION_BINS)[np.digitize(confidence, inner_edges, right=True)]
