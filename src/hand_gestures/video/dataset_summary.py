"""What a data set holds, class by class."""

from collections import Counter
from pathlib import Path

import pandas as pd
from PIL import Image

from hand_gestures.video.splits import LEFT_OUT, SIDES

ALL_CLASSES = "(all)"


def summarise_classes(
    frames: pd.DataFrame, rejected: pd.DataFrame, sequences: pd.DataFrame, split: pd.DataFrame, frames_dir: Path
) -> pd.DataFrame:
    """One row a class, ordered, and one over all of them.

    Columns: `clips`, `groups`, `frames`, `shortest`, `median` and `longest` clip in frames, `repeating` (clips that
    repeat their last frame), `size` (of a clip's first frame, width x height: the usual one and how many others),
    `megabytes`, clips by side (`train`, `val`, `test`, `left_out`), `rejected` files.
    """
    sequences = sequences.assign(
        side=split.set_index("sequence_id")["side"].reindex(sequences["sequence_id"]).to_numpy(),
        size=[_size(frames_dir / paths[0]) for paths in sequences["frames"]],
    )
    of_class = Counter(path.partition("/")[0] for path in rejected["path"])
    rows = [
        _row(
            str(class_name),
            clips,
            frames[frames["class_name"] == class_name],
            of_class[str(class_name)],
        )
        for class_name, clips in sequences.groupby("class_name")
    ]
    return pd.DataFrame([*rows, _row(ALL_CLASSES, sequences, frames, len(rejected))])


def _row(name: str, clips: pd.DataFrame, frames: pd.DataFrame, rejected: int) -> dict[str, object]:
    return {
        "class_name": name,
        "clips": len(clips),
        "groups": clips["group"].nunique(),
        "frames": len(frames),
        "shortest": clips["available"].min(),
        "median": clips["available"].median(),
        "longest": clips["available"].max(),
        "repeating": (clips["repeated"] > 0).sum(),
        "size": _usual(Counter(clips["size"])),
        "megabytes": round(frames["bytes"].sum() / 1e6, 1),
        **{side: (clips["side"] == side).sum() for side in (*SIDES, LEFT_OUT)},
        "rejected": rejected,
    }


def _size(path: Path) -> str:
    with Image.open(path) as image:  # reads the header only
        return f"{image.width}x{image.height}"


def _usual(sizes: Counter[str]) -> str:
    (usual, _), others = sizes.most_common(1)[0], len(sizes) - 1
    return f"{usual} and {others} more" if others else usual
