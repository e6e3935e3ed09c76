"""What a data set holds, class by class."""

from collections import Counter
from pathlib import Path

import pandas as pd

from hand_gestures.dataset.split_assignment import LEFT_OUT, SIDES
from hand_gestures.dataset.split_table import sides_of
from hand_gestures.utils.rules import ALL_CLASSES
from hand_gestures.video.image_files import picture_size


def summarise_classes(
    frames: pd.DataFrame, rejected: pd.DataFrame, sequences: pd.DataFrame, split: pd.DataFrame, frames_dir: Path
) -> pd.DataFrame:
    """One row a class, ordered, and one over all of them.

    Columns: `clips`, `groups`, `frames`, `shortest`, `median` and `longest` clip in frames, `repeating` (clips that
    repeat their last frame) and `repeated_frames` (how often they do, all together), `size` (of a clip's first frame,
    width x height: the usual one and how many others), `megabytes`, clips by side (`train`, `val`, `test`,
    `left_out`), `rejected` files.
    """
    sequences = sequences.assign(
        side=sides_of(sequences, split),
        size=["{}x{}".format(*picture_size(frames_dir / paths[0])) for paths in sequences["frames"]],
    )
    of_class = Counter(path.partition("/")[0] for path in rejected["path"])
    sizes = frames.groupby("class_name")["bytes"]
    rows = [
        _row(str(name), clips, sizes.get_group(name), of_class[str(name)])
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
        "size": _usual(Counter(clips["size"])),
        "megabytes": round(frame_sizes.sum() / 1e6, 1),
        **{side: (clips["side"] == side).sum() for side in (*SIDES, LEFT_OUT)},
        "rejected": rejected,
    }


def _usual(sizes: Counter[str]) -> str:
    (usual, _), others = sizes.most_common(1)[0], len(sizes) - 1
    return f"{usual} and {others} more" if others else usual
