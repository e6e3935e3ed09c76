"""Confidence intervals by the cluster bootstrap: whole groups (performers, recordings) are resampled, not clips."""

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

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
        that are all correct do not show how rare wrong ones are. With fewer than two groups the result is empty.
    """
    codes, names = pd.factorize(np.asarray(groups, object))
    if len(names) < 2 or not draws:
        return {}
    generator = np.random.default_rng(seed)
    block = max(1, MAX_CELLS // len(codes))  # bounds the memory; the draws are the same in blocks of any size
    parts = []
    for start in range(0, draws, block):
        size = min(block, draws - start)
        # how often each group is drawn has a multinomial distribution
        times = generator.multinomial(len(names), np.full(len(names), 1 / len(names)), size)  # (B, groups)
        parts.append(measure(times[:, codes].astype(float)))
    drawn = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    metrics = measure(np.ones((1, len(codes))))
    intervals = {name: _interval(values, float(metrics[name][0]), level, name) for name, values in drawn.items()}
    return {name: (low, high) for name, (low, high) in intervals.items() if high - low > MIN_WIDTH}


def _interval(values: np.ndarray, metric: float, level: float, name: str) -> tuple[float, float]:
    values = values[np.isfinite(values)]  # NaN: a draw without any clip of a subset
    if not len(values):
        return metric, metric
    low, high = map(float, np.quantile(values, ((1 - level) / 2, (1 + level) / 2)))
    if name in BIASED_METRICS:
        low, high = max(0.0, 2 * metric - high), 2 * metric - low
    return min(low, metric), max(high, metric)
