"""All trials in one table: what each variant reaches over its seeds, and how far that is from the first one."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from hand_gestures.comparison.trials import KEPT, Trial
from hand_gestures.evaluation.intervals import bootstrap_intervals

FEWEST = 2  # seeds that have a spread


def tabulate_trials(trials: Sequence[Trial]) -> pd.DataFrame:
    """A row a trial: `variant`, `network`, `without`, `views`, `split`, `seed`, its figures, `parameters`, `seconds`,
    `epochs`."""
    return pd.DataFrame(
        [
            {
                "variant": trial.variant.name,
                "network": trial.variant.network,
                "without": trial.variant.without or "",
                "views": trial.variant.views,
                "split": trial.variant.split,
                "seed": trial.seed,
                **trial.figures,
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
    """A row a variant, in the order of the trials.

    Returns:
        `variant`, `split`, `seeds`, the mean of each figure over the seeds, `accuracy_spread` (their standard
        deviation, missing of one seed), `parameters`, `seconds` (median), and `difference` of the mean accuracy from
        the first variant's on the same clips, with the ends of its interval: of resampled groups, as in
        `bootstrap_intervals`; missing on other clips.
    """
    table = tabulate_trials(trials)
    figures = [name for name in table.columns if name in KEPT or name.startswith("accuracy_")]
    right = {name: _share_right(trials, name) for name in table["variant"].unique()}
    reference = next(iter(right.values()))
    rows = []
    for name, of_variant in table.groupby("variant", sort=False):
        rows.append(
            {
                "variant": name,
                "split": of_variant["split"].iloc[0],
                "seeds": len(of_variant),
                **of_variant[figures].mean(),
                "accuracy_spread": of_variant["accuracy"].std() if len(of_variant) >= FEWEST else np.nan,
                "parameters": of_variant["parameters"].iloc[0],
                "seconds": of_variant["seconds"].median(),
                **_difference(right[str(name)], reference, groups, draws, level, seed),
            }
        )
    table = pd.DataFrame(rows).astype({"parameters": "Int64"})
    table.loc[0, ["difference", "difference_low", "difference_high"]] = np.nan  # from itself
    return table


def _share_right(trials: Sequence[Trial], name: str) -> pd.Series:
    """In how many of a variant's trials each clip is right, 0..1, by sequence_id."""
    return pd.DataFrame([trial.right for trial in trials if trial.variant.name == name]).mean()


def _difference(
    right: pd.Series, reference: pd.Series, groups: Mapping[str, str], draws: int, level: float, seed: int
) -> dict[str, float]:
    if set(right.index) != set(reference.index):
        return dict.fromkeys(("difference", "difference_low", "difference_high"), np.nan)
    apart = (right - reference.reindex(right.index)).to_numpy(float)

    def measure(weights: np.ndarray) -> dict[str, np.ndarray]:
        return {"difference": weights @ apart / weights.sum(axis=1)}

    clustered = [groups[sequence_id] for sequence_id in right.index]
    low, high = bootstrap_intervals(measure, clustered, draws, level, seed).get("difference", (np.nan, np.nan))
    return {"difference": float(apart.mean()), "difference_low": low, "difference_high": high}
