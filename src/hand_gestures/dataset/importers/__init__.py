"""Public annotation formats → the table of segments of `hand_gestures.video.segments.parse_segments`.

Each module knows one format and has a function that reads it. All later steps are the same for every format.
"""

import math
from collections.abc import Callable
from pathlib import Path

import pandas as pd

from hand_gestures.dataset.importers import cvat, fiftyone, ipn_hand, jester, label_studio, path_lists, slovo, wlasl
from hand_gestures.parameters import VideoIngestParameters
from hand_gestures.utils.errors import HandGesturesError
from hand_gestures.video.segments import read_segments

READERS: dict[str, Callable[[Path], pd.DataFrame]] = {
    "csv": read_segments,
    "slovo": slovo.read,
    "slovo_original": slovo.read_original,
    "jester": jester.read,
    "ipn_hand": ipn_hand.read,
    "wlasl": wlasl.read,
    "path_lists": path_lists.read,
    "cvat": cvat.read,
    "label_studio": label_studio.read,
    "fiftyone": fiftyone.read,
}


OWN_FRAMES = {"label_studio"}  # formats whose frames need not be those of the video


def read_annotations(video_ingest: VideoIngestParameters) -> pd.DataFrame | None:
    """Read the annotations that `video_ingest.segments` names.

    Args:
        video_ingest: path, format and frames per second of the annotations.

    Returns:
        A table of segments; paths of videos are relative to the folder of videos. None without a path.

    Raises:
        HandGesturesError: a file is missing or has another form, or its frames need `video_ingest.segments_fps`.
    """
    path, fps = video_ingest.segments, video_ingest.segments_fps
    if path is None:
        return None
    table = READERS[video_ingest.segments_format](Path(path))
    if not {"start_frame", "end_frame"} <= set(table.columns):
        return table
    if fps is not None:
        seconds = table[["start_frame", "end_frame"]].map(lambda frame: _seconds(frame, fps))
        return table.assign(**seconds).rename(columns={"start_frame": "start_seconds", "end_frame": "end_seconds"})
    if video_ingest.segments_format in OWN_FRAMES:
        raise HandGesturesError(
            f"Label Studio counts frames by the frameRate of its Video tag, which need not be that of the video, but "
            f"no task of {path} has fps in its data; set video_ingest.segments_fps to the frameRate (24 unless your "
            "labelling interface sets it)"
        )
    return table


def _seconds(frame: object, fps: float) -> object:
    """Text that is no number stays as it is, so that its row is rejected with it."""
    try:
        seconds = float(str(frame)) / fps
    except ValueError:
        return frame
    return seconds if math.isfinite(seconds) else frame
