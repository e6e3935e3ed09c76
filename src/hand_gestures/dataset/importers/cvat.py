"""CVAT, format "CVAT for video 1.1": one `annotations.xml` per task, or a folder of such XML files.

A `track` has a `label` and shapes (`box` and others) with `frame`, counted from 0, and `outside`: 1 where the object
has left. Each stretch of frames in which a track is not outside becomes a segment of its label. The video is
`meta/source` or `meta/task/source`. A task that starts later (`start_frame`) or skips frames (`frame_filter`:
`step=n`) counts its own frames.
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
    video = annotations.findtext("meta/source") or annotations.findtext("meta/task/source")
    if not video:
        raise ValueError("no name of a video in meta/source")
    first = int(annotations.findtext("meta/task/start_frame") or 0)
    step_text = re.search(r"step\s*=\s*(\d+)", annotations.findtext("meta/task/frame_filter") or "")
    step = int(step_text[1]) if step_text else 1
    for track in annotations.iter("track"):
        for start, end in _stretches(track):
            yield SegmentRow(video.strip(), track.attrib["label"], first + start * step, first + end * step)


def _stretches(track: ElementTree.Element) -> Iterator[tuple[int, int]]:
    """(first frame, first frame after) of each stretch in which the track is not outside."""
    start = last = None
    for frame, outside in sorted((int(shape.attrib["frame"]), shape.attrib.get("outside") == "1") for shape in track):
        if outside and start is not None:
            yield start, frame
            start = None
        elif not outside:
            start, last = frame if start is None else start, frame
    if start is not None and last is not None:
        yield start, last + 1
