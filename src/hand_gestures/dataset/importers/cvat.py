"""CVAT, format "CVAT for video 1.1": one `annotations.xml` per task or job, or a folder of such XML files.

A `track` has a `label` and shapes (`box` and others) with `frame` and `outside`: 1 where the object has left. Each
stretch of frames in which a track is not outside becomes a segment of its label. The video is `source` in `meta` or in
one of its parts, `task` or `job`.

`frame` is the frame of the video, counted from 0, also in a task that starts later (`start_frame`) or skips frames
(`frame_filter`: `step=n`): the exporter writes `relative * step + start_frame` (github.com/cvat-ai/cvat:
`cvat/apps/dataset_manager/bindings.py`, `CommonData.abs_frame_id`). A shape holds until the next frame of the task, and
`stop_frame` belongs to the task. The export of a whole project adds up the frames of its tasks, so it is refused.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pandas as pd

from hand_gestures.dataset.importers.annotation_files import SegmentRow, reading, segment_table

FORM = "an XML file of CVAT for video 1.1 with tracks, or a folder of such files"


def read(root: Path) -> pd.DataFrame:
    """Read the tracks.

    Args:
        root: an XML file, or a folder of XML files.

    Returns:
        A table of segments.

    Raises:
        HandGesturesError: there is no such file, or it has another form.
    """
    rows: list[SegmentRow] = []
    with reading(root, FORM):
        files = sorted(root.rglob("*.xml")) if root.is_dir() else [root]
        if not files:
            raise ValueError("no XML file")
    for path in files:
        with reading(path, FORM):
            rows += _rows(ElementTree.parse(path).getroot())
    return segment_table(rows)


def _rows(annotations: ElementTree.Element) -> Iterator[SegmentRow]:
    if annotations.find("meta/project") is not None:
        raise ValueError("a project counts the frames of all its tasks; export each task by itself")
    video = annotations.findtext("meta//source")
    if not video:
        raise ValueError("no name of a video in meta/source")
    step_text = re.search(r"step\s*=\s*(\d+)", annotations.findtext("meta//frame_filter") or "")
    step = int(step_text[1]) if step_text else 1
    stop = annotations.findtext("meta//stop_frame")
    for track in annotations.iter("track"):
        for start, end in _stretches(track, step):
            yield SegmentRow(video.strip(), track.attrib["label"], start, min(end, int(stop) + 1) if stop else end)


def _stretches(track: ElementTree.Element, step: int) -> Iterator[tuple[int, int]]:
    """(first frame, first frame after) of each stretch in which the track is not outside."""
    start = last = None
    for frame, outside in sorted((int(shape.attrib["frame"]), shape.attrib.get("outside") == "1") for shape in track):
        if outside and start is not None:
            yield start, frame
            start = None
        elif not outside:
            start, last = frame if start is None else start, frame
    if start is not None and last is not None:
        yield start, last + step
