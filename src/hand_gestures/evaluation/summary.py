"""What a trained classifier did on one embeddings file, in a few figures with their intervals."""

import logging
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from hand_gestures.classifier import Bundle
from hand_gestures.evaluation.evaluate import Evaluation, evaluate_classifier
from hand_gestures.evaluation.intervals import bootstrap_intervals
from hand_gestures.evaluation.metrics import Answers, compute_metrics
from hand_gestures.evaluation.tables import per_class, per_group
from hand_gestures.store.selection import Embeddings
from hand_gestures.utils.devices import choose_device

logger = logging.getLogger(__name__)


def summarise(
    evaluation: Evaluation,
    class_names: list[str],
    class_sets: dict[str, list[str]],
    draws: int = 1000,
    level: float = 0.95,
    seed: int = 0,
) -> dict[str, Any]:
    """All `compute_metrics` by name, with the ends of their intervals as `{name}_low` and `{name}_high`; nothing where
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
    figures = {name: float(values[0]) for name, values in compute_metrics(answers, np.ones((1, len(rows)))).items()}
    intervals = bootstrap_intervals(
        lambda weights: compute_metrics(answers, weights), rows["group"], draws, level, seed
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


class Score(NamedTuple):
    """An `Evaluation`, its figures as `summarise` gives them, and its tables `per_class` and `per_group`."""

    evaluation: Evaluation
    figures: dict[str, Any]
    by_class: pd.DataFrame
    by_group: pd.DataFrame


def score_classifier(
    bundle: Bundle,
    file: Embeddings,
    side: str,
    groups: Mapping[str, str],
    *,
    batch_size: int,
    device: str,
    class_sets: dict[str, list[str]],
    bootstrap_draws: int,
    confidence_level: float,
    seed: int,
) -> Score:
    """Score the rows of `file`; there may be none, as where there is no test.

    Args:
        bundle: the model as it lies on disk.
        file: embeddings made like those that it was trained on.
        side: what the file is called in the log.
        groups: group of each sequence_id.
        batch_size: clips at a time.
        device: where the network runs; auto chooses.
        class_sets: name → classes whose accuracy is told apart.
        bootstrap_draws: of whole groups, for intervals; 0 makes none.
        confidence_level: of the intervals.
        seed: of the draws.
    """
    result = evaluate_classifier(bundle, file, batch_size, choose_device(device), groups)
    names = bundle.class_names
    figures = summarise(result, names, class_sets, bootstrap_draws, confidence_level, seed)
    by_class = per_class(result.predictions, names)
    log_summary(figures, by_class, side)
    return Score(result, figures, by_class, per_group(result.predictions))
