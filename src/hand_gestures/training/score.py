"""A trained classifier on one embeddings file: run, summed up and laid out by class and group."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import pandas as pd

from hand_gestures.classifier import Bundle
from hand_gestures.embedding.device import choose_device
from hand_gestures.embedding.selection import Embeddings
from hand_gestures.training.evaluate import Evaluation, evaluate_classifier
from hand_gestures.training.score_tables import per_class, per_group
from hand_gestures.training.summary import log_summary, summarise


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
