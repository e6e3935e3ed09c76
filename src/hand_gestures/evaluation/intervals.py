"""How far figures would differ on other groups of the same kind: confidence intervals by resampling whole groups."""

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

CELLS = 16_000_000  # draws times clips weighed at once: what bounds the memory
SAME = 1e-12
BIASED = ("ece",)  # a sum of distances: draws lie as far above the figure as it lies above the truth


def bootstrap_intervals(
    measure: Callable[[np.ndarray], dict[str, np.ndarray]],
    groups: Sequence[str] | np.ndarray | pd.Series,
    draws: int,
    level: float,
    seed: int,
) -> dict[str, tuple[float, float]]:
    """Intervals of all figures that `measure` gives as (B,) for weights (B, N) of the clips; (1, N) of ones gives the
    figures themselves.

    Each draw takes as many groups as there are, with repetition, and all clips of each: clips of one person or
    recording are right or wrong together, and are no independent evidence. Groups of one clip make it the plain
    bootstrap. Intervals over few groups, say below twenty, are rather too narrow.

    The intervals are those between percentiles of the draws; for `BIASED` figures they are reflected at the figure.
    A figure that no draw changes has no interval: answers that are all right do not show how rare wrong ones are.
    Nor is there any over fewer than two groups.
    """
    codes, names = pd.factorize(np.asarray(groups, object))
    if len(names) < 2 or not draws:
        return {}
    generator = np.random.default_rng(seed)
    block = max(1, CELLS // len(codes))
    parts = []
    for start in range(0, draws, block):
        size = min(block, draws - start)
        times = generator.multinomial(len(names), np.full(len(names), 1 / len(names)), size)  # (B, groups)
        parts.append(measure(times[:, codes].astype(float)))
    drawn = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    figures = measure(np.ones((1, len(codes))))
    intervals = {name: _interval(values, float(figures[name][0]), level, name) for name, values in drawn.items()}
    return {name: (low, high) for name, (low, high) in intervals.items() if high - low > SAME}


def _interval(values: np.ndarray, figure: float, level: float, name: str) -> tuple[float, float]:
    values = values[np.isfinite(values)]  # in some draws no clip of a subset
    if not len(values):
        return figure, figure
    low, high = map(float, np.quantile(values, ((1 - level) / 2, (1 + level) / 2)))
    if name in BIASED:
        low, high = max(0.0, 2 * figure - high), 2 * figure - low
    return min(low, figure), max(high, figure)
