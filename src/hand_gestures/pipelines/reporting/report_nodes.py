"""One page of everything that a run left: each node tells a part of it, the last one puts them together."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

if TYPE_CHECKING:
    from hand_gestures.reporting.html import Section
else:  # Kedro resolves annotations as it starts, and this would import a template engine
    Section = Any


def build_results_sections(
    evaluation: dict[str, Any], test_evaluation: dict[str, Any], split_summary: dict[str, Any], record: dict[str, Any]
) -> list[Section]:
    """All figures, and how far they can be trusted."""
    from hand_gestures.reporting.report import results

    return [results(evaluation, test_evaluation, split_summary, record)]


def build_prediction_sections(
    classes: pd.DataFrame,
    test_classes: pd.DataFrame,
    groups: pd.DataFrame,
    test_groups: pd.DataFrame,
    confusion: pd.DataFrame,
    class_figure: Path,
    confusion_plot: Path,
    group_figure: Path,
    reliability_plot: Path,
    confused_pairs: Path,
) -> list[Section]:
    """Where the classifier is right: by class, by group, by how sure it is."""
    from hand_gestures.reporting import report as report_sections

    return [
        report_sections.by_class(classes, test_classes, confusion, class_figure, confusion_plot, confused_pairs),
        report_sections.by_group(groups, test_groups, group_figure),
        report_sections.calibration(reliability_plot),
    ]


def build_training_sections(record: dict[str, Any], files: dict[str, Any], curves: Path) -> list[Section]:
    """How the classifier was trained."""
    from hand_gestures.reporting import report as report_sections

    return [report_sections.training(record, files["train"], curves)]


def build_attention_sections(
    faithfulness: pd.DataFrame,
    deletion: Path,
    channels: Path,
    frames: Path,
    channel_map: Path,
    frame_map: Path,
    film_strips: Path,
) -> list[Section]:
    """What the classifier looks at, and whether that is what matters."""
    from hand_gestures.reporting.report import attention

    return [attention(faithfulness, deletion, channels, frames, channel_map, frame_map, film_strips)]


def build_dataset_sections(
    classes: pd.DataFrame,
    split_summary: dict[str, Any],
    hand_rates: pd.DataFrame,
    lengths: Path,
    balance: Path,
    contact_sheets: Path,
    hand_sheets: Path,
) -> list[Section]:
    """What the data set holds."""
    from hand_gestures.reporting.report import data_set

    return [data_set(classes, split_summary, hand_rates, lengths, balance, contact_sheets, hand_sheets)]


def build_provenance_sections(files: dict[str, Any], record: dict[str, Any], decision: dict[str, Any]) -> list[Section]:
    """From what and how all this was made."""
    from hand_gestures.reporting.report import how_made

    return [how_made(files, record, decision)]


def write_report(
    evaluation: dict[str, Any],
    test_evaluation: dict[str, Any],
    files: dict[str, Any],
    record: dict[str, Any],
    *parts: list[Section],
) -> str:
    """The page: a headline, then the sections of all parts."""
    from hand_gestures.reporting import report as results_section
    from hand_gestures.reporting.html import render_report

    level = record["parameters"]["evaluation"]["confidence_level"]
    return render_report(
        "Hand gesture classifier",
        results_section.lead(evaluation, test_evaluation, len(files["train"]["rows_by_class"])),
        [section for part in parts for section in part],
        results_section.headlines(evaluation, test_evaluation, level),
        results_section.run_facts(record),
    )
