"""What is to be known of a model before it is used."""

from typing import Any

import pandas as pd


def write_model_card(
    record: dict[str, Any],
    decision: dict[str, Any],
    files: dict[str, Any],
    split: pd.DataFrame,
    split_summary: dict[str, Any],
    evaluation: dict[str, Any],
    test_evaluation: dict[str, Any],
    classes: pd.DataFrame,
    test_classes: pd.DataFrame,
) -> str:
    """The model card, written from what the run measured."""
    from hand_gestures.reporting.model_card import model_card

    return model_card(record, decision, files, split, split_summary, evaluation, test_evaluation, classes, test_classes)
