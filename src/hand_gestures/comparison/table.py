"""Trials and variants as tables: metrics over the seeds, the difference from the first variant and what it shows."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from hand_gestures.comparison.variants import Trial
from hand_gestures.evaluation.intervals import bootstrap_intervals
from hand_gestures.utils.rules import MIN_CLIPS, groups_known

DIFFERENCE = ("difference", "difference_low", "difference_high")
MIN_SEEDS = 2  # one seed does not show how much a training differs from the next
# Even if all of five groups agree which variant is better, that is no evidence at 95 %: sign test, 2 * 0.5**5 > 0.05.
MIN_GROUPS = 6
TOO_LITTLE_DATA = "too little data to compare"
PERHAPS = "perhaps "  # the beginning of a verdict that holds for one comparison, but not for all of them together


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
        Columns `variant`, `split`, `seeds` (number of trials), `clips` and `groups` (that validate; groups are missing
        where unknown), the mean of each metric over the seeds, `accuracy_spread` (standard deviation over the seeds,
        NaN for one seed), `parameters`, `seconds` (median), `difference` (mean accuracy minus that of the first variant
        on the same clips), `difference_low` and `difference_high` (its interval over resampled groups, see
        `bootstrap_intervals`) and `verdict`: "better", "worse", these after `PERHAPS`, "no difference shown" or
        `TOO_LITTLE_DATA`. The last four are missing for the first variant and for variants that were validated on other
        clips.
    """
    table_of_trials = tabulate_trials(trials)
    # nearest neighbour has no loss, so the metrics of the first trial need not be those of all
    metrics = list(dict.fromkeys(name for trial in trials for name in trial.metrics))
    right = {name: _share_right(trials, name) for name in table_of_trials["variant"].unique()}
    reference, first_seeds = next(iter(right.values())), sum(trial.variant == trials[0].variant for trial in trials)
    comparisons = sum(set(clips.index) == set(reference.index) for clips in right.values()) - 1  # without the reference
    levels = (level, 1 - (1 - level) / max(1, comparisons))
    rows = []
    for name, runs in table_of_trials.groupby("variant", sort=False):
        clips, trained = right[str(name)], runs["parameters"].notna().all()
        n_groups = _count_groups(clips.index, groups)
        difference = _difference(clips, reference, groups, draws, levels, seed)
        # what is not trained has the same result with every seed
        seeds = min(first_seeds, len(runs)) if trained else first_seeds
        if difference["verdict"] and _too_little(len(clips), n_groups, seeds):
            difference["verdict"] = TOO_LITTLE_DATA
        rows.append(
            {
                "variant": name,
                "split": runs["split"].iloc[0],
                "seeds": len(runs),
                "clips": len(clips),
                "groups": n_groups,
                **runs[metrics].mean(),
                "accuracy_spread": runs["accuracy"].std(),
                "parameters": runs["parameters"].iloc[0],
                "seconds": runs["seconds"].median(),
                **difference,
            }
        )
    table = pd.DataFrame(rows).astype({"parameters": "Int64", "groups": "Int64"})
    table.loc[0, [*DIFFERENCE, "verdict"]] = np.nan  # the first variant is not compared with itself
    return table


def _too_little(clips: int, groups: int | None, seeds: int) -> bool:
    return clips < MIN_CLIPS or seeds < MIN_SEEDS or (groups is not None and groups < MIN_GROUPS)


def _count_groups(sequence_ids: pd.Index, groups: Mapping[str, str]) -> int | None:
    """Number of groups of these clips; None where groups are unknown."""
    found = [groups[sequence_id] for sequence_id in sequence_ids]
    return len(set(found)) if groups_known(sequence_ids, found) else None


def _share_right(trials: Sequence[Trial], name: str) -> pd.Series:
    """By sequence_id, the share of the trials of a variant whose prediction is correct."""
    return pd.DataFrame([trial.right for trial in trials if trial.variant.name == name]).mean()


def _difference(
    right: pd.Series,
    reference: pd.Series,
    groups: Mapping[str, str],
    draws: int,
    levels: tuple[float, float],
    seed: int,
) -> dict[str, Any]:
    """The difference, its interval at the first of the levels, and its verdict.

    The second level is that of all comparisons together (Bonferroni).
    """
    if set(right.index) != set(reference.index):  # another split: the accuracies are of other clips
        return dict.fromkeys(DIFFERENCE, np.nan) | {"verdict": None}
    by_clip = (right - reference.reindex(right.index)).to_numpy(float)  # (N,)

    def measure(weights: np.ndarray) -> dict[str, np.ndarray]:
        return {"difference": weights @ by_clip / weights.sum(axis=1)}

    group_of_clip = [groups[sequence_id] for sequence_id in right.index]
    none = (np.nan, np.nan)
    low, high = bootstrap_intervals(measure, group_of_clip, draws, levels[0], seed).get("difference", none)
    wide = bootstrap_intervals(measure, group_of_clip, draws, levels[1], seed).get("difference", none)
    difference = float(by_clip.mean())
    if draws and np.isnan(low):  # every group has this difference: a sign test
        chance = 2 * 0.5 ** len(set(group_of_clip))
        shown = [difference != 0 and chance <= 1 - level for level in levels]
    else:
        shown = [ends[0] > 0 or ends[1] < 0 for ends in ((low, high), wide)]
    return {
        "difference": difference,
        "difference_low": low,
        "difference_high": high,
        "verdict": _verdict(difference, *shown),
    }


def _verdict(difference: float, shown_alone: bool, shown_together: bool) -> str:
    if not shown_alone:
        return "no difference shown"
    return ("" if shown_together else PERHAPS) + ("better" if difference > 0 else "worse")
