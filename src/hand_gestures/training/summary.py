"""What a trained classifier did on one embeddings file, in a few figures with their intervals."""

import logging
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from hand_gestures.training.bootstrap import bootstrap_intervals
from hand_gestures.training.evaluate import Evaluation
from hand_gestures.training.figures_of_merit import Answers, figures_of_merit
from hand_gestures.training.score_tables import per_group

logger = logging.getLogger(__name__)


def summarise(
    evaluation: Evaluation,
    class_names: list[str],
    class_sets: dict[str, list[str]],
    draws: int = 1000,
    level: float = 0.95,
    seed: int = 0,
) -> dict[str, Any]:
    """All `figures_of_merit` by name, with the ends of their intervals as `{name}_low` and `{name}_high`; nothing where
    there are no clips.

    Subsets of the clips are `class_sets` (name → classes), and those with and without a detected hand; one that has no
    clips is left out. Beside them stand the counts `clips`, `classes` (that have clips), `groups` (where known),
    `clips_without_hands` (where searched), and `worst_group` with its accuracy and clips where there are two or more.
    """
    rows = evaluation.predictions
    if rows.empty:
        return {}
    labels = pd.Categorical(rows["class_name"], class_names).codes.astype(int)
    answers = Answers(labels, evaluation.probabilities, _subsets(rows, class_sets))
    figures = {name: float(values[0]) for name, values in figures_of_merit(answers, np.ones((1, len(rows)))).items()}
    intervals = bootstrap_intervals(
        lambda weights: figures_of_merit(answers, weights), rows["group"], draws, level, seed
    )
    result: dict[str, Any] = {}
    for name, value in figures.items():
        low, high = intervals.get(name, (None, None))
        result |= {name: value} if low is None else {name: value, f"{name}_low": low, f"{name}_high": high}
    return result | {"clips": len(rows), "classes": len(set(labels))} | _hand_counts(rows) | _worst_group(rows)


def log_summary(figures: Mapping[str, Any], table: pd.DataFrame, side: str) -> None:
    """Say which classes of the table `per_class` the means leave out, and which group is worst."""
    absent = list(table.loc[table["clips"] == 0, "class_name"])
    if len(table) and absent:
        logger.info(
            "%s: %d of %d classes have no clips, and means leave them out: %s",
            side,
            len(absent),
            len(table),
            ", ".join(absent),
        )
    if "worst_group" in figures:
        logger.info(
            "%s: worst of %d groups is %s, accuracy %.3f of %d clips (of all: %.3f)",
            side,
            figures["groups"],
            figures["worst_group"],
            figures["worst_group_accuracy"],
            figures["worst_group_clips"],
            figures["accuracy"],
        )


def _subsets(rows: pd.DataFrame, class_sets: dict[str, list[str]]) -> dict[str, np.ndarray]:
    subsets = {name: rows["class_name"].isin(members).to_numpy() for name, members in class_sets.items()}
    if rows["hand_found"].notna().all():
        found = rows["hand_found"].to_numpy(bool)
        subsets |= {"with_hands": found, "without_hands": ~found}
    return {name: members for name, members in subsets.items() if members.any()}


def _hand_counts(rows: pd.DataFrame) -> dict[str, int]:
    found = rows["hand_found"]
    return {"clips_without_hands": int((~found.astype(bool)).sum())} if found.notna().all() else {}


def _worst_group(rows: pd.DataFrame) -> dict[str, Any]:
    groups = per_group(rows)
    if groups.empty:
        return {}
    worst = groups.iloc[0]
    named = {
        "worst_group": str(worst["group"]),
        "worst_group_accuracy": float(worst["accuracy"]),
        "worst_group_clips": int(worst["clips"]),
    }
    return {"groups": len(groups)} | (named if len(groups) > 1 else {})
