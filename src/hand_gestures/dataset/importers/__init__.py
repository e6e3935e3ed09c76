"""Public annotation formats → the table of segments of `hand_gestures.video.segments.parse_segments`.

Each module knows one format and has a function that reads it. All later steps are the same for every format.
"""

from collections.abc import Callable
from pathlib import Path

import pandas as pd

from hand_gestures.dataset.importers import cvat, ipn_hand, jester, label_studio, path_lists, slovo, wlasl
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
}


def read_annotations(annotation_format: str, path: str | None) -> pd.DataFrame | None:
    """Read annotations.

    Args:
        annotation_format: a key of `READERS`.
        path: the file or folder that this format describes, or None.

    Returns:
        A table of segments; paths of videos are relative to the folder of videos. None without a path.

    Raises:
        HandGesturesError: a file is missing or has another form.
    """
    return None if path is None else READERS[annotation_format](Path(path))
