"""The figures of a run in a few lines."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from hand_gestures.reporting.rows import readable
from hand_gestures.reporting.wording import many

NOT_SETS = {"accuracy_low", "accuracy_high", "accuracy_with_hands", "accuracy_without_hands"}


def result_lines(validation: Mapping[str, Any], test: Mapping[str, Any], level: float) -> list[tuple[str, str]]:
    """Pairs of name and text: accuracy on both sides, of class sets, with and without hands, of the worst group.

    Args:
        validation: figures as `summarise` gives them.
        test: likewise; empty where there is no test.
        level: of the intervals.
    """
    lines = [("validation accuracy", _accuracy(validation, level))]
    sets = [name for name in validation if name.startswith("accuracy_") and name not in NOT_SETS]
    lines += [
        (f"  {readable(name.removeprefix('accuracy_'))}", f"{validation[name]:.3f}")
        for name in sets
        if not name.endswith(("_low", "_high"))
    ]
    if "accuracy_without_hands" in validation and "accuracy_with_hands" in validation:
        without = validation["clips_without_hands"]
        lines.append(("  hands found", f"{validation['accuracy_with_hands']:.3f}"))
        lines.append(("  no hands found", f"{validation['accuracy_without_hands']:.3f} ({without} clips)"))
    if "worst_group" in validation:
        named = f"{validation['worst_group']}, {validation['worst_group_clips']} clips"
        lines.append(("  worst group", f"{validation['worst_group_accuracy']:.3f} ({named})"))
    if test:
        lines.append(("test accuracy", _accuracy(test, level)))
    return lines


def variant_lines(comparison: pd.DataFrame) -> list[tuple[str, str]]:
    """Pairs of a variant's name and its accuracy; `comparison` is the table of `compare_variants`."""
    return [
        (
            readable(row["variant"]),
            f"{row['accuracy']:.3f} ({many(row['seeds'], 'seed')}"
            + (f", standard deviation {row['accuracy_spread']:.3f})" if pd.notna(row["accuracy_spread"]) else ")"),
        )
        for _, row in comparison.iterrows()
    ]


def _accuracy(figures: Mapping[str, Any], level: float) -> str:
    over = f"{figures['groups']} groups" if "groups" in figures else f"{figures['clips']} clips"
    if "accuracy_low" not in figures:
        return f"{figures['accuracy']:.3f} (over {over}; no interval)"
    low, high = figures["accuracy_low"], figures["accuracy_high"]
    return f"{figures['accuracy']:.3f} ({100 * level:g} % interval {low:.3f} to {high:.3f}, over {over})"
