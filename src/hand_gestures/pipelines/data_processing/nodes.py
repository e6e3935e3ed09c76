"""From a folder of frames to two tables of sequences."""

import logging
from pathlib import Path

import pandas as pd

from hand_gestures.parameters import ClipParameters, SplitParameters
from hand_gestures.video.frame_catalog import catalog_frames
from hand_gestures.video.sequences import build_sequences, find_group
from hand_gestures.video.splits import split_sequences

logger = logging.getLogger(__name__)


def scan_frames(frames_dir: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Catalog all frames; what is no frame goes to a table of its own."""
    frames, rejected = catalog_frames(frames_dir)
    videos = frames[["class_name", "video_id"]].drop_duplicates()
    logger.info("%d frames of %d videos in %d classes", len(frames), len(videos), frames["class_name"].nunique())
    if len(rejected):
        counted = ", ".join(f"{count} x {reason}" for reason, count in rejected["reason"].value_counts().items())
        logger.warning("%d files rejected, see rejected_frames.csv: %s", len(rejected), counted)
    return frames, rejected


def make_sequences(
    frames: pd.DataFrame, clips: ClipParameters, split: SplitParameters
) -> tuple[pd.DataFrame, list[str]]:
    """One sequence a video, and the class names in the order of their labels."""
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
    return sequences, sorted(sequences["class_name"].unique())


def make_split(sequences: pd.DataFrame, split: SplitParameters, seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The sequences that train and those that validate."""
    train, val = split_sequences(sequences, split.val_fraction, seed)
    logger.info(
        "%d sequences of %d groups train, %d of %d validate",
        len(train),
        train["group"].nunique(),
        len(val),
        val["group"].nunique(),
    )
    return train, val
