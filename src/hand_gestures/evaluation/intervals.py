"""Confidence intervals over groups (performers, recordings): clips of one group are no independent evidence.

The cluster bootstrap resamples whole groups. Where it gives an accuracy no interval, the binomial distribution does.
"""

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
from scipy.stats import beta

from hand_gestures.utils.progress import progress

MAX_CELLS = 16_000_000  # draws x clips that are weighted at once: 128 MB of weights
MIN_WIDTH = 1e-12  # a narrower interval is rounding error of a constant
BIASED_METRICS = ("ece",)  # sums of distances: resampling raises them, as sampling did before


def bootstrap_intervals(
    measure: Callable[[np.ndarray], dict[str, np.ndarray]],
    groups: Sequence[str] | np.ndarray | pd.Series,
    draws: int,
    level: float,
    seed: int,
) -> dict[str, tuple[float, float]]:
    """Compute confidence intervals of metrics by resampling groups with replacement.

    Each draw takes as many groups as exist, and all clips of each: clips of one performer or recording resemble each
    other and are no independent evidence. If every group has one clip, this is the plain bootstrap. The ends are
    percentiles of the draws (Efron and Tibshirani: An Introduction to the Bootstrap, 1993, chapter 13); for
    `BIASED_METRICS` they are reflected at the metric (the basic bootstrap interval of Davison and Hinkley: Bootstrap
    Methods and their Application, 1997). With fewer than about 20 groups the intervals are too narrow.

    Args:
        measure: maps weights (B, N) of the clips to metrics (B,) by name, such as `compute_metrics`.
        groups: the group of each of the N clips.
        draws: number of resamplings; 0 computes no interval.
        level: of confidence, e.g. 0.95.
        seed: of the draws.

    Returns:
        `(low, high)` by name, `low <= metric <= high`. A metric that no draw changes has no interval: predictions
        that are all correct do not show how rare wrong ones are; an accuracy then has an `exact_interval`. With fewer
        than two groups the result is empty.
    """
    codes, names = pd.factorize(np.asarray(groups, object))
    if len(names) < 2 or not draws:
        return {}
    generator = np.random.default_rng(seed)
    block = max(1, MAX_CELLS // len(codes))  # bounds the memory; the draws are the same in blocks of any size
    parts = []
    starts = range(0, draws, block)
    for start in progress(starts, len(starts), "resampling groups", quiet_seconds=5):
        size = min(block, draws - start)
        # how often each group is drawn has a multinomial distribution
        times = generator.multinomial(len(names), np.full(len(names), 1 / len(names)), size)  # (B, groups)
        parts.append(measure(times[:, codes].astype(float)))
    drawn = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    metrics = measure(np.ones((1, len(codes))))
    intervals = {name: _interval(values, float(metrics[name][0]), level, name) for name, values in drawn.items()}
    return {name: (low, high) for name, (low, high) in intervals.items() if high - low > MIN_WIDTH}


def exact_interval(accuracy: float, units: int, level: float) -> tuple[float, float]:
    """Compute the exact binomial confidence interval of an accuracy (Clopper and Pearson 1934).

    The number of independent observations is the number of groups, not of clips: clips of one group may all be correct
    or wrong together (the effective sample size of Korn and Graubard, "Confidence intervals for proportions with small
    expected number of positive counts estimated from survey data", Survey Methodology 1998, in the worst case). So if
    all clips are correct, this is the interval of as many correct groups, close to the rule of three. Where groups are
    unknown, each clip is a unit.

    Args:
        accuracy: 0..1; `accuracy * units` need not be a whole number.
        units: number of groups, or of clips where groups are unknown.
        level: of confidence, e.g. 0.95.

    Returns:
        `(low, high)`, `low <= accuracy <= high`; 0 and 1 are ends only where no unit is correct or wrong.
    """
    correct = accuracy * units
    low = float(beta.ppf((1 - level) / 2, correct, units - correct + 1)) if accuracy > 0 else 0.0
    high = float(beta.ppf((1 + level) / 2, correct + 1, units - correct)) if accuracy < 1 else 1.0
    return low, high


def _interval(values: np.ndarray, metric: float, level: float, name: str) -> tuple[float, float]:
    values = values[np.isfinite(values)]  # NaN: a draw without any clip of a subset
    if not len(values):
        return metric, metric
    low, high = map(float, np.quantile(values, ((1 - level) / 2, (1 + level) / 2)))
    if name in BIASED_METRICS:
        low, high = max(0.0, 2 * metric - high), 2 * metric - low
    return min(low, metric), max(high, metric)
