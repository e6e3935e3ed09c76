"""The content of a data set, class by class."""

from collections import Counter
from pathlib import Path

import pandas as pd

from hand_gestures.dataset.split_assignment import LEFT_OUT, SPLITS
from hand_gestures.dataset.split_table import sides_of
from hand_gestures.utils.names import nfc
from hand_gestures.utils.progress import progress
from hand_gestures.utils.rules import ALL_CLASSES
from hand_gestures.video.image_files import picture_size


def summarise_classes(
    frames: pd.DataFrame, rejected: pd.DataFrame, sequences: pd.DataFrame, split: pd.DataFrame, frames_dir: Path
) -> pd.DataFrame:
    """Count clips, groups and frames of each class.

    Args:
        frames: the frame catalog.
        rejected: its rejected files.
        sequences: columns of `build_sequences`.
        split: the split table.
        frames_dir: the folder of the frames.

    Returns:
        One row per class, ordered, then one over all classes: `clips`, `groups`, `frames`, `shortest`, `median` and
        `longest` clip in frames, `repeating` (clips that repeat their last frame) and `repeated_frames` (all repeats
        together), `size` (width x height of first frames: the most frequent one and how many others), `megabytes`,
        clips by split (`train`, `val`, `test`, `left_out`) and `rejected` files.

    Raises:
        HandGesturesError: a frame is missing or cannot be decoded.
    """
    videos = progress(sequences["frames"], len(sequences), "reading the size of videos", quiet_seconds=5)
    sequences = sequences.assign(
        side=sides_of(sequences, split),
        # of first frames only: opening every file of a large data set takes minutes
        size=["{}x{}".format(*picture_size(frames_dir / paths[0])) for paths in videos],
    )
    rejects = Counter(nfc(path.partition("/")[0]) for path in rejected["path"])
    sizes = frames.groupby("class_name")["bytes"]
    rows = [
        _row(str(name), clips, sizes.get_group(name), rejects[str(name)])
        for name, clips in sequences.groupby("class_name")
    ]
    return pd.DataFrame([*rows, _row(ALL_CLASSES, sequences, frames["bytes"], len(rejected))])


def _row(name: str, clips: pd.DataFrame, frame_sizes: pd.Series, rejected: int) -> dict[str, object]:
    return {
        "class_name": name,
        "clips": len(clips),
        "groups": clips["group"].nunique(),
        "frames": len(frame_sizes),
        "shortest": clips["available"].min(),
        "median": clips["available"].median(),
        "longest": clips["available"].max(),
        "repeating": (clips["repeated"] > 0).sum(),
        "repeated_frames": clips["repeated"].sum(),
        "size": _most_frequent(Counter(clips["size"])),
        "megabytes": round(frame_sizes.sum() / 1e6, 1),
        **{split: (clips["side"] == split).sum() for split in (*SPLITS, LEFT_OUT)},
        "rejected": rejected,
    }


def _most_frequent(sizes: Counter[str]) -> str:
    (size, _), others = sizes.most_common(1)[0], len(sizes) - 1
    return f"{size} and {others} more" if others else size
