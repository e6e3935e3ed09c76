"""IPN Hand (Benitez-Garcia et al., ICPR 2020): 200 videos of continuous gestures, 13 gestures and "no gesture".

`Annot_List.txt` has lines `video,label,id,t_start,t_end,frames`, with or without a header; it is in the folder or in
its subfolder `annotations`. Frames are counted from 1, and `t_end` belongs to the gesture. Labels are codes such as
G01; D0X is no gesture. `Annot_TestList.txt` beside it has the lines of the published test videos. The pictures are
`frames/{video}/{video}_000001.jpg`; without a folder `frames`, the videos are `videos/{video}.avi`.

The makers read them in the same way (github.com/GibranBenitez/IPN-hand): `utils/ipn_prepare.py` takes the columns 0, 2,
3 and 4 of these lists, and `datasets/ipn.py` the pictures `{video}_{number:06d}.jpg` from t_start to t_end, both
included. In their lists, a video starts with frame 1, and each next line with the frame after t_end.

The lists name no subjects. The group is the part of the video's name before the first underscore: `1CM1` in
`1CM1_1_R_#217`. The lists do not say whether it names one subject.
"""

from pathlib import Path

import pandas as pd

from hand_gestures.dataset.importers.annotation_files import SegmentRow, first_existing, reading, segment_table

COLUMNS = ("video", "label", "id", "t_start", "t_end", "frames")
FORM = f"a folder of IPN Hand with Annot_List.txt (lines {','.join(COLUMNS)})"


def read(root: Path) -> pd.DataFrame:
    """Read the list of annotations.

    Args:
        root: the folder of the data set.

    Returns:
        A table of segments. Split: test for videos of `Annot_TestList.txt`, otherwise train; none without that file.

    Raises:
        HandGesturesError: the list is missing or has another form.
    """
    path = first_existing(root / "Annot_List.txt", root / "annotations" / "Annot_List.txt")
    with reading(path, FORM):
        table = _read_list(path)
        test_list = path.with_name("Annot_TestList.txt")
        tested = set(_read_list(test_list)["video"]) if test_list.exists() else None
        in_pictures = (root / "frames").is_dir()
        rows = []
        for video_name, label, _, start, end, _ in table.astype(str).to_numpy().tolist():
            video = f"frames/{video_name}" if in_pictures else f"videos/{video_name}.avi"
            split = "" if tested is None else "test" if video_name in tested else "train"
            rows.append(SegmentRow(video, label, int(start) - 1, int(end), video_name.partition("_")[0], split))
    return segment_table(rows)


def _read_list(path: Path) -> pd.DataFrame:
    table = pd.read_csv(path, dtype=str, keep_default_na=False, header=None, skipinitialspace=True)
    table.columns = pd.Index(COLUMNS)  # raises where the number of columns is another
    return table[table["video"] != "video"]  # without a header
