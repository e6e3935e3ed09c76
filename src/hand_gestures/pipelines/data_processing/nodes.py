"""From a folder of frames to sequences on the sides of a split, and what is to be known of them."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from hand_gestures.dataset.sequences import build_sequences, find_group
from hand_gestures.dataset.split_assignment import TEST, TRAIN, VAL
from hand_gestures.dataset.split_table import leave_one_group_out
from hand_gestures.mlflow_support import tracking
from hand_gestures.parameters import (
    ClipParameters,
    DatasetReportParameters,
    FrameCatalogParameters,
    LeakAuditParameters,
    SplitParameters,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure
else:  # Kedro resolves annotations as it starts, and this would import matplotlib
    Figure = Any

logger = logging.getLogger(__name__)


def scan_frames(frames_dir: Path, frame_catalog: FrameCatalogParameters) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Catalog all frames; what is no frame goes to a table of its own."""
    from hand_gestures.dataset.frame_catalog import catalog_frames

    frames, rejected = catalog_frames(frames_dir, frame_catalog.full_decode, frame_catalog.processes)
    videos = frames[["class_name", "video_id"]].drop_duplicates()
    logger.info("%d frames of %d videos in %d classes", len(frames), len(videos), frames["class_name"].nunique())
    if len(rejected):
        counted = ", ".join(f"{count} x {reason}" for reason, count in rejected["reason"].value_counts().items())
        logger.warning("%d files rejected, see rejected_frames.csv: %s", len(rejected), counted)
    return frames, rejected


def make_sequences(frames: pd.DataFrame, clips: ClipParameters, split: SplitParameters) -> pd.DataFrame:
    """One sequence a video."""
    sequences = build_sequences(frames, clips.frames, split.group_pattern)
    short = sequences["repeated"] > 0
    if short.any():
        logger.info(
            "%d of %d videos are shorter than %d frames and repeat their last one",
            short.sum(),
            len(sequences),
            clips.frames,
        )
    if split.group_pattern is not None:
        without = sum(find_group(split.group_pattern, video_id) is None for video_id in sequences["video_id"])
        if without:
            logger.warning(
                "group_pattern '%s' is not found in %d of %d video ids: each of those videos is a group of its own, "
                "so that clips of one recording may stand on both sides of the split",
                split.group_pattern,
                without,
                len(sequences),
            )
    return sequences


def make_split(
    sequences: pd.DataFrame, split: SplitParameters, seed: int
) -> tuple[pd.DataFrame, list[str], pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """The split table, the classes that train in the order of their labels, and the sequences of each side."""
    from hand_gestures.dataset.official_split import read_official_split
    from hand_gestures.dataset.split_table import make_split_table

    listed = read_official_split(Path(split.lists)) if split.lists else None
    table = make_split_table(sequences, split.val_fraction, split.test_fraction, seed, listed)
    for side, does in ((TRAIN, "train"), (VAL, "validate"), (TEST, "are kept for the test")):
        rows = table[table["side"] == side]
        if len(rows):
            logger.info("%d sequences of %d groups %s", len(rows), rows["group"].nunique(), does)
    by_id = sequences.set_index("sequence_id", drop=False)
    train, val, test = (
        by_id.loc[table["sequence_id"][table["side"] == side]].reset_index(drop=True) for side in (TRAIN, VAL, TEST)
    )
    return table, sorted(train["class_name"].unique()), train, val, test


def make_folds(split: pd.DataFrame) -> pd.DataFrame:
    """A fold for each group; none where no groups are known."""
    return leave_one_group_out(split)


def audit_leaks(
    sequences: pd.DataFrame, split: pd.DataFrame, frames_dir: Path, leak_audit: LeakAuditParameters
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """What stands on both sides of the split; and the sizes and leaks of the split and of a random one beside it."""
    from hand_gestures.dataset.leak_audit import audit_split, hash_clips
    from hand_gestures.dataset.split_table import summarise_sides

    sequences = sequences.set_index("sequence_id", drop=False).loc[split["sequence_id"]].reset_index(drop=True)
    hashes = hash_clips(sequences, frames_dir, leak_audit.frames, leak_audit.processes)
    leaks, counts = audit_split(sequences, split["side"], hashes, leak_audit.distance, frames_dir)
    _, by_chance = audit_split(sequences, split["random_side"], hashes, leak_audit.distance, frames_dir)
    tracking.log_metrics({f"leaks_{name}": count for name, count in counts._asdict().items()})
    compared = f" (of a random split: {by_chance.copies} and {by_chance.look_alikes})"
    logger.log(
        logging.WARNING if len(leaks) else logging.INFO,
        "leak audit: of %d held-out clips %d have a copy and %d a look-alike on another side%s, %d groups stand on two "
        "sides; see leaks.csv",
        counts.held_out,
        counts.copies,
        counts.look_alikes,
        "" if split["side"].equals(split["random_side"]) else compared,
        counts.groups_on_both_sides,
    )
    return leaks, {
        "split": {**summarise_sides(split, split["side"]), "leaks": counts._asdict()},
        "random_split": {**summarise_sides(split, split["random_side"]), "leaks": by_chance._asdict()},
    }


def report_dataset(
    frames: pd.DataFrame,
    rejected: pd.DataFrame,
    sequences: pd.DataFrame,
    split: pd.DataFrame,
    frames_dir: Path,
    clips: ClipParameters,
) -> tuple[pd.DataFrame, Figure, Figure]:
    """What each class holds, how long its videos are, and how it stands on the sides of the split."""
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
    """A picture of each class: some of its clips."""
    from hand_gestures.dataset.split_table import sides_of
    from hand_gestures.reporting.picture_sheets import contact_sheets

    sides = sides_of(sequences, split)
    return contact_sheets(sequences, sides, frames_dir, dataset_report.sheet_clips, dataset_report.sheet_frames)
