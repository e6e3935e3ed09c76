"""From a folder of frames to sequences and their split, and reports about them.

Modules that load OpenCV, Pillow or matplotlib are imported inside the nodes: Kedro imports this file for every command.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from hand_gestures.dataset.official_split import read_official_split
from hand_gestures.dataset.segment_lists import read_groups
from hand_gestures.dataset.sequences import build_sequences
from hand_gestures.dataset.split_assignment import SPLITS
from hand_gestures.dataset.split_table import leave_one_group_out, make_split_table, select_sequences, sides_of
from hand_gestures.parameters import (
    ClipParameters,
    DatasetReportParameters,
    FrameCatalogParameters,
    LeakAuditParameters,
    SplitParameters,
)
from hand_gestures.pipelines.types import Figure


def scan_frames(frames_dir: Path, frame_catalog: FrameCatalogParameters) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Catalog all frames; the second table lists the files that are not frames."""
    from hand_gestures.dataset.frame_catalog import catalog_frames
    from hand_gestures.dataset.leak_audit import require_one_class_per_video

    checks = frame_catalog
    catalog = catalog_frames(frames_dir, checks.full_decode, checks.processes, checks.frame_pattern)
    require_one_class_per_video(catalog.frames, frames_dir)
    return catalog


def make_sequences(frames: pd.DataFrame, clips: ClipParameters, split: SplitParameters) -> pd.DataFrame:
    """Build one sequence per video."""
    groups = read_groups(Path(split.groups)) if split.groups else None
    return build_sequences(frames, clips.frames, split.group_pattern, groups)


def make_split(
    sequences: pd.DataFrame, split: SplitParameters, seed: int
) -> tuple[pd.DataFrame, list[str], pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Make the split table, the class names in the order of their labels, and the sequences of each split."""
    listed = read_official_split(Path(split.lists)) if split.lists else None
    table = make_split_table(sequences, split.val_fraction, split.test_fraction, split.seed_or(seed), listed)
    train, val, test = (select_sequences(sequences, table[table["side"] == name]) for name in SPLITS)
    return table, sorted(train["class_name"].unique()), train, val, test


def make_folds(split: pd.DataFrame) -> pd.DataFrame:
    """List one fold per group; none where groups are not known."""
    return leave_one_group_out(split)


def audit_leaks(
    sequences: pd.DataFrame, split: pd.DataFrame, frames_dir: Path, leak_audit: LeakAuditParameters
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """List the leaks of the split; count sizes and leaks of the split and of a random one."""
    from hand_gestures.dataset import leak_audit as audit

    return audit.audit_leaks(sequences, split, frames_dir, leak_audit)


def report_dataset(
    frames: pd.DataFrame,
    rejected: pd.DataFrame,
    sequences: pd.DataFrame,
    split: pd.DataFrame,
    frames_dir: Path,
    clips: ClipParameters,
) -> tuple[pd.DataFrame, Figure, Figure]:
    """Summarise each class; plot the lengths of its videos and its clips by split."""
    from hand_gestures.dataset.summary import summarise_classes
    from hand_gestures.reporting.dataset_plots import class_balance, clip_lengths

    return (
        summarise_classes(frames, rejected, sequences, split, frames_dir),
        clip_lengths(sequences, clips.frames),
        class_balance(split),
    )


def draw_contact_sheets(
    sequences: pd.DataFrame, split: pd.DataFrame, frames_dir: Path, dataset_report: DatasetReportParameters
) -> Iterator[tuple[str, bytes]]:
    """Draw some clips of each class on one picture."""
    from hand_gestures.reporting.picture_sheets import contact_sheets

    splits = sides_of(sequences, split)
    return contact_sheets(sequences, splits, frames_dir, dataset_report.sheet_clips, dataset_report.sheet_frames)
