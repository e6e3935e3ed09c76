"""Slovo, Russian sign language (github.com/hukenovs/slovo, 2023): 20,400 videos of 1,000 signs by 194 signers.

The archive has `annotations.csv`, separated by tabs, with the columns attachment_id, text, user_id, height, width,
length, train, begin, end. The videos are `train/{attachment_id}.mp4` and `test/{attachment_id}.mp4`, or all in one
folder. `text` is the sign, `user_id` the signer; the columns begin and end count frames of the original videos.

The main download (`slovo.zip`) contains trimmed videos: each is one clip, so begin and end must not be applied again.
The downloads `slovo_full.zip` and `slovo_full360.zip` contain the original videos: there, the frames from begin to
end are the clip.
"""

from pathlib import Path

import pandas as pd

from hand_gestures.dataset.importers.annotation_files import SegmentRow, reading, segment_table

FILE = "annotations.csv"
FORM = f"a folder of Slovo with {FILE} (attachment_id, text, user_id, train, begin, end, separated by tabs)"


def read(root: Path) -> pd.DataFrame:
    """Read the annotations of the trimmed videos.

    Args:
        root: the folder of `annotations.csv` and the videos.

    Returns:
        A table of segments: each video is one clip; group: the signer; split: train or test.

    Raises:
        HandGesturesError: the file is missing or has another form.
    """
    return _read(root, trimmed=True)


def read_original(root: Path) -> pd.DataFrame:
    """Read the annotations of the original videos: as `read`, but a clip has the frames from begin to end."""
    return _read(root, trimmed=False)


def _read(root: Path, trimmed: bool) -> pd.DataFrame:
    path = root / FILE
    with reading(path, FORM):
        table = pd.read_csv(path, sep="\t", dtype=str, keep_default_na=False)
        in_folders = (root / "train").is_dir()
        rows = []
        for row in table.to_dict("records"):
            split = {"true": "train", "false": "test"}[row["train"].lower()]
            name = f"{row['attachment_id']}.mp4"
            video = f"{split}/{name}" if in_folders else name
            start, end = (None, None) if trimmed else (int(row["begin"]), int(row["end"]))
            rows.append(SegmentRow(video, row["text"].strip(), start, end, row["user_id"], split))
    return segment_table(rows)
