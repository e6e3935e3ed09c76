"""Label Studio, JSON export of a project with `TimelineLabels` on videos (from version 1.13).

A task has `data` with the address of the video, and `annotations` with `result`. A result of type `timelinelabels`
has `value` with `ranges` (start and end, frames counted from 1, both belong to the range) and `timelinelabels`. The
first annotation of a task that is not cancelled is read.

The video is the file name in the address; the 8 letters that an upload puts before the name (`1a2b3c4d-anna.mp4`) are
removed.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from urllib.parse import parse_qs, unquote, urlsplit

import pandas as pd

from hand_gestures.dataset.importers.annotation_files import SegmentRow, reading, segment_table

FORM = "a JSON export of Label Studio with timeline labels"


def read(root: Path) -> pd.DataFrame:
    """Read the timeline labels.

    Args:
        root: the JSON file.

    Returns:
        A table of segments.

    Raises:
        HandGesturesError: the file is missing or has another form.
    """
    with reading(root, FORM):
        rows = [row for task in json.loads(root.read_text(encoding="utf-8")) for row in _rows(task)]
        if not rows:
            raise ValueError("no timeline label")
    return segment_table(rows)


def _rows(task: dict) -> Iterator[SegmentRow]:
    annotations = [annotation for annotation in task["annotations"] if not annotation.get("was_cancelled")]
    for result in annotations[0]["result"] if annotations else []:
        if result.get("type") != "timelinelabels":
            continue
        video = _video(task["data"])
        for label in result["value"]["timelinelabels"]:
            for part in result["value"]["ranges"]:
                yield SegmentRow(video, label, int(part["start"]) - 1, int(part["end"]))


def _video(data: dict) -> str:
    address = data["video"] if "video" in data else next(value for value in data.values() if isinstance(value, str))
    parts = urlsplit(address)
    local = parse_qs(parts.query).get("d")  # /data/local-files/?d=folder/anna.mp4
    name = PurePosixPath(local[0] if local else unquote(parts.path)).name
    return re.sub(r"^[0-9a-f]{8}-", "", name)
