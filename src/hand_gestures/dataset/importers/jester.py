"""Jester v1 (20BN, 2019): 148,092 clips of 27 gestures, as folders of pictures.

The pictures are `20bn-jester-v1/{id}/00001.jpg` and so on, 12 per second. The lists `jester-v1-train.csv` and
`jester-v1-validation.csv` have lines `id;label` without a header. The test list has no labels and is not read. The
release names no performers.
"""

from pathlib import Path

import pandas as pd

from hand_gestures.dataset.importers.annotation_files import SegmentRow, reading, segment_table

LISTS = {"train": "jester-v1-train.csv", "val": "jester-v1-validation.csv"}
PICTURES = "20bn-jester-v1"
FORM = f"a folder of Jester with {LISTS['train']} (lines id;label) and {PICTURES}/"


def read(root: Path) -> pd.DataFrame:
    """Read the lists of training and validation.

    Args:
        root: the folder of the lists and of `20bn-jester-v1`.

    Returns:
        A table of segments: each folder of pictures is one clip.

    Raises:
        HandGesturesError: the training list is missing, or a line has another form.
    """
    rows = []
    for split, name in LISTS.items():
        path = root / name
        if split != "train" and not path.exists():
            continue
        with reading(path, FORM):
            for line in path.read_text(encoding="utf-8").splitlines():
                if line.strip():
                    number, label = line.split(";")
                    rows.append(SegmentRow(f"{PICTURES}/{number.strip()}", label.strip(), split=split))
    return segment_table(rows)
