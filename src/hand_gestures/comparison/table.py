"""Trials and variants as tables: metrics over the seeds, and the difference from the first variant."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from hand_gestures.comparison.variants import Trial
from hand_gestures.evaluation.intervals import bootstrap_intervals

DIFFERENCE = ("difference", "difference_low", "difference_high")


def tabulate_trials(trials: Sequence[Trial]) -> pd.DataFrame:
    """One row per trial.

    Args:
        trials: as `run_trials` yields them.

    Returns:
        Columns `variant`, `network`, `without`, `views`, `split`, `seed`, the metrics, `parameters`, `seconds` and
        `epochs`.
    """
    return pd.DataFrame(
        [
            {
                "variant": trial.variant.name,
                "network": trial.variant.network,
                "without": trial.variant.without or "",
                "views": trial.variant.views,
                "split": trial.variant.split,
                "seed": trial.seed,
                **trial.metrics,
                "parameters": trial.parameters,
                "seconds": trial.seconds,
                "epochs": len(trial.history),
            }
            for trial in trials
        ]
    ).astype({"views": "Int64", "parameters": "Int64", "seconds": float})


def compare_variants(
    trials: Sequence[Trial], groups: Mapping[str, str], draws: int, level: float, seed: int
) -> pd.DataFrame:
    """One row per variant, in the order of the trials.

    Args:
        trials: as `run_trials` yields them.
        groups: sequence_id to its group.
        draws: bootstrap draws for the intervals.
        level: confidence level of the intervals, 0..1.
        seed: seed of the draws.

    Returns:
        Columns `variant`, `split`, `seeds` (number of trials), the mean of each metric over the seeds,
        `accuracy_spread` (standard deviation over the seeds, NaN for one seed), `parameters`, `seconds` (median),
        `difference` (mean accuracy minus that of the first variant on the same clips), `difference_low` and
        `difference_high` (its interval over resampled groups, see `bootstrap_intervals`). The last three are NaN for
        the first variant and for variants that were validated on other clips.
    """
    table_of_trials = tabulate_trials(trials)
    # nearest neighbour has no loss, so the metrics of the first trial need not be those of all
    metrics = list(dict.fromkeys(name for trial in trials for name in trial.metrics))
    right = {name: _share_right(trials, name) for name in table_of_trials["variant"].unique()}
    reference = next(iter(right.values()))
    rows = []
    for name, runs in table_of_trials.groupby("variant", sort=False):
        rows.append(
            {
                "variant": name,
                "split": runs["split"].iloc[0],
                "seeds": len(runs),
                **runs[metrics].mean(),
                "accuracy_spread": runs["accuracy"].std(),
                "parameters": runs["parameters"].iloc[0],
                "seconds": runs["seconds"].median(),
                **_difference(right[str(name)], reference, groups, draws, level, seed),
            }
        )
    table = pd.DataFrame(rows).astype({"parameters": "Int64"})
    table.loc[0, list(DIFFERENCE)] = np.nan  # the first variant is not compared with itself
    return table


def _share_right(trials: Sequence[Trial], name: str) -> pd.Series:
    """By sequence_id, the share of the trials of a variant whose prediction is correct."""
    return pd.DataFrame([trial.right for trial in trials if trial.variant.name == name]).mean()


def _difference(
    right: pd.Series, reference: pd.Series, groups: Mapping[str, str], draws: int, level: float, seed: int
) -> dict[str, float]:
    if set(right.index) != set(reference.index):  # another split: the accuracies are of other clips
        return dict.fromkeys(DIFFERENCE, np.nan)
    by_clip = (right - reference.reindex(right.index)).to_numpy(float)  # (N,)

    def measure(weights: np.ndarray) -> dict[str, np.ndarray]:
        return {"difference": weights @ by_clip / weights.sum(axis=1)}

    group_of_clip = [groups[sequence_id] for sequence_id in right.index]
    low, high = bootstrap_intervals(measure, group_of_clip, draws, level, seed).get("difference", (np.nan, np.nan))
    return {"difference": float(by_clip.mean()), "difference_low": low, "difference_high": high}
