"""Label Studio, JSON export of a project with `TimelineLabels` on videos (from version 1.13).

A task has `data` with the address of the video, and `annotations` with `result`. A result of type `timelinelabels`
has `value` with `ranges` (start and end, frames counted from 1, both belong to the range) and `timelinelabels`. The
first annotation of a task that is not cancelled is read. The makers read ranges in the same way
(github.com/HumanSignal/label-studio-ml-backend, example "yolo": frames from `start - 1` to before `end`).

A frame is `seconds * frameRate` of the `Video` tag, and `frameRate` is 24 unless it is set
(github.com/HumanSignal/label-studio: docs/source/tags/video.md, issue 3315): it need not be a frame of the file. So
where the data of the tasks have `fps`, as for `frameRate="$fps"`, ranges become seconds. Otherwise
`video_ingest.segments_fps` must say what `frameRate` was.

The video is the file name in the address; the 8 letters that an upload puts before the name (`1a2b3c4d-anna.mp4`) are
removed.
"""

import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from urllib.parse import parse_qs, unquote, urlsplit

import pandas as pd

from hand_gestures.dataset.importers.annotation_files import SegmentRow, reading, segment_table
from hand_gestures.utils.nested import parse_json

FORM = "a JSON export of Label Studio with timeline labels"


def read(root: Path) -> pd.DataFrame:
    """Read the timeline labels.

    Args:
        root: the JSON file.

    Returns:
        A table of segments, in seconds if the tasks have `fps`, otherwise in frames of Label Studio.

    Raises:
        HandGesturesError: the file is missing or has another form.
    """
    with reading(root, FORM):
        tasks = parse_json(root.read_bytes())
        with_fps = sum("fps" in task["data"] for task in tasks)
        if with_fps not in (0, len(tasks)):
            raise ValueError(f"{with_fps} of {len(tasks)} tasks have fps in their data; give it to all of them")
        rows = [row for task in tasks for row in _rows(task)]
        if not rows:
            raise ValueError("no timeline label")
    return segment_table(rows, in_seconds=with_fps > 0)


def _rows(task: dict) -> Iterator[SegmentRow]:
    annotations = [annotation for annotation in task["annotations"] if not annotation.get("was_cancelled")]
    fps = float(task["data"]["fps"]) if "fps" in task["data"] else None
    if fps is not None and not fps > 0:
        raise ValueError(f"fps must be above 0, but it is {fps:g}")
    for result in annotations[0]["result"] if annotations else []:
        if result.get("type") != "timelinelabels":
            continue
        video = _video(task["data"])
        for label in result["value"]["timelinelabels"]:
            for part in result["value"]["ranges"]:
                start, end = int(part["start"]) - 1, int(part["end"])
                yield SegmentRow(video, label, start / fps, end / fps) if fps else SegmentRow(video, label, start, end)


def _video(data: dict) -> str:
    address = data["video"] if "video" in data else next(value for value in data.values() if isinstance(value, str))
    parts = urlsplit(address)
    local = parse_qs(parts.query).get("d")  # /data/local-files/?d=folder/anna.mp4
    name = PurePosixPath(local[0] if local else unquote(parts.path)).name
    return re.sub(r"^[0-9a-f]{8}-", "", name)
