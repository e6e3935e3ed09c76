"""Lists of lines `path label`, as UCF101 (2012) and many later data sets have them.

A folder with `trainlist01.txt` and `testlist01.txt`, or `train.txt`, `val.txt`, `test.txt`. A line is the path of a
video below the folder of videos, then a space and the label. A label that `classInd.txt` (lines `number name`) lists
is replaced by its name. A line without a label takes the folder of the video as its class. Of several numbered
splits, only the first is read: a video may be in one split only.

Names of UCF101 such as `v_Typing_g08_c01.avi` contain the group; groups are numbered within a class.
"""

import re
from pathlib import Path, PurePosixPath

import pandas as pd

from hand_gestures.dataset.importers.annotation_files import SegmentRow, first_existing, reading, segment_table

SPLITS = ("train", "val", "test")
FORM = "a folder with trainlist01.txt or train.txt (lines: path label)"


def read(root: Path) -> pd.DataFrame:
    """Read the lists.

    Args:
        root: the folder of the lists.

    Returns:
        A table of segments: each video is one clip.

    Raises:
        HandGesturesError: there is no training list, or a line has another form.
    """
    names = _class_names(root / "classInd.txt")
    rows = []
    for split in SPLITS:
        path = first_existing(root / f"{split}list01.txt", root / f"{split}.txt")
        if split != "train" and not path.exists():
            continue
        with reading(path, FORM):
            rows += [_row(line, names, split) for line in _lines(path)]
    return segment_table(rows)


def _class_names(path: Path) -> dict[str, str]:
    if not path.exists():
        return {}
    with reading(path, "classInd.txt (lines: number name)"):
        return dict(line.split(maxsplit=1) for line in _lines(path))


def _lines(path: Path) -> list[str]:
    return [line.strip() for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


def _row(line: str, names: dict[str, str], split: str) -> SegmentRow:
    video, _, label = line.rpartition(" ")
    if not video:
        video, label = line, PurePosixPath(line).parent.name
        if not label:
            raise ValueError(f"the line '{line}' has no label, and its video is in no folder")
    class_name = names.get(label, label)
    group = re.search(r"_(g\d+)_c\d+$", PurePosixPath(video).stem)
    return SegmentRow(video.strip(), class_name, group=f"{class_name} {group[1]}" if group else "", split=split)
