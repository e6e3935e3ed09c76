"""WLASL v0.3, American sign language (github.com/dxli94/WLASL, 2020): about 21,000 videos of 2,000 words.

`WLASL_v0.3.json` is a list of words: `gloss`, and `instances` with video_id, signer_id, split (train, val, test),
frame_start, frame_end and more. The videos are `videos/{video_id}.mp4`. Many videos are no longer on the web; their
rows are rejected as missing.

The script of the data set cuts the videos of YouTube from frame_start to frame_end when it writes `videos/`, and the
videos that the authors send are cut too. So each file is one clip, and frame_start and frame_end must not be applied
again.
"""

from pathlib import Path

import pandas as pd

from hand_gestures.dataset.importers.annotation_files import SegmentRow, reading, segment_table
from hand_gestures.utils.nested import parse_json

FILE = "WLASL_v0.3.json"
FORM = f"a folder of WLASL with {FILE} (a list of gloss and instances) and videos/"


def read(root: Path) -> pd.DataFrame:
    """Read the list of words.

    Args:
        root: the folder of the JSON file and of `videos`.

    Returns:
        A table of segments: each video is one clip; group: the signer.

    Raises:
        HandGesturesError: the file is missing or has another form.
    """
    path = root / FILE
    with reading(path, FORM):
        rows = [
            SegmentRow(
                f"videos/{instance['video_id']}.mp4",
                word["gloss"],
                group=f"signer{instance['signer_id']}",
                split=instance["split"],
            )
            for word in parse_json(path.read_bytes())
            for instance in word["instances"]
        ]
    return segment_table(rows)
