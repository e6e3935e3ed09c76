"""Score a trained classifier on one embeddings file: metrics with intervals, predictions, tables and attention."""

import logging
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from hand_gestures.classifier import Bundle
from hand_gestures.evaluation.attention import channel_statistics, clip_attention, frame_statistics
from hand_gestures.evaluation.baselines import measure_baselines
from hand_gestures.evaluation.evaluate import Evaluation, evaluate_classifier
from hand_gestures.evaluation.intervals import bootstrap_intervals, exact_interval
from hand_gestures.evaluation.metrics import ScoredClips, compute_metrics
from hand_gestures.evaluation.tables import confusion, per_class, per_group
from hand_gestures.parameters import EvaluationParameters
from hand_gestures.store.selection import Embeddings
from hand_gestures.utils.devices import choose_device

logger = logging.getLogger(__name__)


class Score(NamedTuple):
    """Everything that is measured on one split.

    Without clips (no test split), every field exists and is empty.

    Attributes:
        metrics: as `summarise` gives them.
        predictions: one row per clip, as `describe_predictions` gives it.
        per_class, per_group, confusion: the tables of those names in `evaluation.tables`.
        channel_attention: statistics by class, see `channel_statistics`.
        frame_attention: statistics by class, see `frame_statistics`.
        clip_attention: the weights of each clip, see `clip_attention`.

    Example:
        >>> score = score_classifier(bundle, file, "validation", groups, batch_size=32, device="auto",
        ...                          parameters=parameters.evaluation, seed=42)
        >>> score.metrics["accuracy"], score.metrics["accuracy_low"]
    """

    metrics: dict[str, Any]
    predictions: pd.DataFrame
    per_class: pd.DataFrame
    per_group: pd.DataFrame
    confusion: pd.DataFrame
    channel_attention: pd.DataFrame
    frame_attention: pd.DataFrame
    clip_attention: pd.DataFrame


def score_classifier(
    bundle: Bundle,
    file: Embeddings,
    split_name: str,
    groups: Mapping[str, str],
    *,
    batch_size: int,
    device: str,
    parameters: EvaluationParameters,
    seed: int,
) -> Score:
    """Score a classifier on every row of `file`, possibly none.

    Args:
        bundle: the trained model.
        file: embeddings with the classes and the contract of its training file.
        split_name: name of the split in the log, e.g. "validation".
        groups: group by sequence_id.
        batch_size: clips per batch.
        device: where the network runs; "auto" chooses.
        parameters: class sets, bootstrap draws and confidence level.
        seed: of the bootstrap draws.

    Returns:
        Metrics, predictions, tables and attention.

    Raises:
        HandGesturesError: as `evaluate_classifier`.
    """
    evaluation = evaluate_classifier(bundle, file, batch_size, choose_device(device), groups)
    predictions = evaluation.predictions
    classes = predictions["class_name"].tolist()
    settings = (parameters.class_sets, parameters.bootstrap_draws, parameters.confidence_level)
    score = Score(
        metrics=summarise(evaluation, bundle.class_names, *settings, seed),
        predictions=predictions,
        per_class=per_class(predictions, bundle.class_names),
        per_group=per_group(predictions),
        confusion=confusion(predictions),
        channel_attention=channel_statistics(evaluation.channel_attention, classes, bundle.channel_names),
        frame_attention=frame_statistics(evaluation.sequence_attention, classes),
        clip_attention=clip_attention(evaluation),
    )
    _log_score(score, split_name)
    return score


def summarise(
    evaluation: Evaluation,
    class_names: list[str],
    class_sets: dict[str, list[str]],
    draws: int = 1000,
    level: float = 0.95,
    seed: int = 0,
) -> dict[str, Any]:
    """Compute the metrics of an evaluation with their intervals.

    Args:
        evaluation: of N clips.
        class_names: the K classes, in the order of the probabilities.
        class_sets: name → classes; each set gets its own accuracy.
        draws: of the bootstrap; 0 computes no intervals.
        level: of confidence.
        seed: of the draws.

    Returns:
        All metrics of `compute_metrics` by name, and the ends of their intervals as `{name}_low` and `{name}_high`.
        `exact_intervals` lists the accuracies whose interval is an `exact_interval`, because no draw of the bootstrap
        changes them; `measure_baselines` gives `chance_accuracy` and `majority_accuracy`.
        Subsets are the class sets and the clips with and without a detected hand; an empty subset is left out. Also
        the counts `clips`, `classes` (that have clips), `groups` (where known) and `clips_without_hands` (where hands
        were searched), and `worst_group`, `worst_group_accuracy` and `worst_group_clips` with two groups or more.
        Empty without clips.
    """
    predictions = evaluation.predictions
    if predictions.empty:
        return {}
    labels = pd.Categorical(predictions["class_name"], class_names).codes.astype(int)
    subsets = _subsets(predictions, class_sets)
    clips = ScoredClips(labels, evaluation.probabilities, subsets)
    # without known groups every clip is its own group, which makes this the plain bootstrap
    intervals = bootstrap_intervals(
        lambda weights: compute_metrics(clips, weights), predictions["group"], draws, level, seed
    )
    metrics = {name: float(values[0]) for name, values in compute_metrics(clips, np.ones((1, len(labels)))).items()}
    accuracies = {name: metrics[name] for name in metrics if name.startswith("accuracy") and name not in intervals}
    exact = _exact_intervals(accuracies, predictions["group"], subsets, level) if draws else {}
    result: dict[str, Any] = {}
    for name, value in metrics.items():
        result[name] = value
        if name in intervals or name in exact:
            result[f"{name}_low"], result[f"{name}_high"] = (intervals | exact)[name]
        if name == "accuracy":  # the baselines are beside it in every table
            result |= measure_baselines(labels, len(class_names))
    counts = {"clips": len(predictions), "classes": len(set(labels)), "exact_intervals": list(exact)}
    return result | counts | _hand_counts(predictions) | _group_metrics(predictions)


def _exact_intervals(
    accuracies: dict[str, float], groups: pd.Series, subsets: dict[str, np.ndarray], level: float
) -> dict[str, tuple[float, float]]:
    """The `exact_interval` of each accuracy over two groups or more; one group says nothing about others."""
    members = {f"accuracy_{name}": groups[subset] for name, subset in subsets.items()} | {"accuracy": groups}
    units = {name: members[name].nunique() for name in accuracies}
    return {name: exact_interval(accuracies[name], count, level) for name, count in units.items() if count > 1}


def _subsets(predictions: pd.DataFrame, class_sets: dict[str, list[str]]) -> dict[str, np.ndarray]:
    """Members of each subset that is not empty, bool (N,)."""
    subsets = {name: predictions["class_name"].isin(classes).to_numpy() for name, classes in class_sets.items()}
    if predictions["hand_found"].notna().all():
        found = predictions["hand_found"].to_numpy(bool)
        subsets |= {"with_hands": found, "without_hands": ~found}
    return {name: members for name, members in subsets.items() if members.any()}


def _hand_counts(predictions: pd.DataFrame) -> dict[str, int]:
    found = predictions["hand_found"]
    return {"clips_without_hands": int((~found.astype(bool)).sum())} if found.notna().all() else {}


def _group_metrics(predictions: pd.DataFrame) -> dict[str, Any]:
    groups = per_group(predictions)
    if groups.empty:
        return {}
    name, clips, _, accuracy = groups.iloc[0]  # GROUP_COLUMNS, the worst group first
    worst = {"worst_group": str(name), "worst_group_accuracy": float(accuracy), "worst_group_clips": int(clips)}
    return {"groups": len(groups)} | (worst if len(groups) > 1 else {})  # an only group is not the worst of several


def _log_score(score: Score, split_name: str) -> None:
    """Log what a mean hides: classes without clips and the worst group."""
    metrics, table = score.metrics, score.per_class
    absent = table.loc[table["clips"] == 0, "class_name"].tolist()
    if absent:
        share = f"{len(absent)} of {len(table)} classes"
        logger.info("%s: %s have no clips and are left out of class means: %s", split_name, share, ", ".join(absent))
    if metrics.get("worst_group_accuracy", 1.0) < metrics.get("accuracy", 0.0):  # equal groups have no worst
        names = ("groups", "worst_group", "worst_group_accuracy", "worst_group_clips", "accuracy")
        message = "%s: the worst of %d groups is %s, accuracy %.3f on %d clips (on all clips: %.3f)"
        logger.info(message, split_name, *(metrics[name] for name in names))
