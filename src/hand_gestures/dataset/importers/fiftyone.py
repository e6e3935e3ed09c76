"""FiftyOne (docs.voxel51.com, "Exporting datasets"): a folder written by `dataset.export`.

Two of its formats are read. Both have the videos in `data/`:

- `FiftyOneTemporalDetectionDataset`: `labels.json` has `labels`: for the path of each video below `data`, without its
  suffix, a list with `label` and either `support` or `timestamps`. If the file has `classes`, `label` is an index.
- `FiftyOneDataset`: `samples.json` has `samples` with `filepath`, `tags` and one field per kind of label. A field with
  `Classification` labels the whole video, a field with `TemporalDetections` labels parts of it. With several such
  fields, `ground_truth` is read. A tag train, val or test is the split.

`support` is the first and the last frame, both included, and frames are counted from 1 (github.com/voxel51/fiftyone,
`TemporalDetection` and pull request 1330). `timestamps` are seconds.

A `VideoClassificationDirectoryTree` has class folders: it needs no import. Other formats have no class per clip.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from hand_gestures.dataset.importers.annotation_files import SegmentRow, reading, segment_table
from hand_gestures.utils.nested import parse_json

DATASET, DETECTIONS = "samples.json", "labels.json"
FORM = (
    f"a folder exported by FiftyOne as FiftyOneDataset ({DATASET}) or FiftyOneTemporalDetectionDataset ({DETECTIONS})"
)
GROUND_TRUTH = "ground_truth"
CLASSES = ("Classification", "TemporalDetection", "TemporalDetections")
SPLITS = {"train": "train", "val": "val", "validation": "val", "test": "test"}


def read(root: Path) -> pd.DataFrame:
    """Read the labels.

    Args:
        root: the folder of the export.

    Returns:
        A table of segments.

    Raises:
        HandGesturesError: there is no such file, or it has another form.
    """
    path = root / (DATASET if (root / DATASET).exists() else DETECTIONS)
    with reading(path, FORM):
        content = parse_json(path.read_bytes())
        if path.name == DETECTIONS:
            labels = list(_detections(content, root))
            in_seconds = any("timestamps" in label for _, label in labels)
            rows = [_row(video, label, in_seconds) for video, label in labels]
        else:
            in_seconds, rows = False, list(_sample_rows(content["samples"]))
        if not rows:
            raise ValueError("no label")
    return segment_table(rows, in_seconds)


def _detections(content: dict[str, Any], root: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Path of the video and the label of each temporal detection of `labels.json`."""
    data = root / "data"
    files = {path.relative_to(data).with_suffix("").as_posix(): path for path in sorted(data.rglob("*"))}
    for uuid, labels in content["labels"].items():
        video = files.get(uuid, data / uuid).relative_to(root).as_posix()
        for label in labels or []:
            classes = content.get("classes")
            yield video, label | {"label": classes[label["label"]]} if classes else label


def _sample_rows(samples: list[dict[str, Any]]) -> Iterator[SegmentRow]:
    field = _label_field(samples)
    for sample in samples:
        splits = {SPLITS[tag] for tag in sample.get("tags") or [] if tag in SPLITS}
        split = splits.pop() if len(splits) == 1 else ""
        value = sample.get(field) or {}
        for label in value.get("detections", []) if value.get("_cls") == "TemporalDetections" else [value]:
            if label:
                yield _row(sample["filepath"], label, in_seconds=False, split=split)


def _label_field(samples: list[dict[str, Any]]) -> str:
    fields = {
        name
        for sample in samples
        for name, value in sample.items()
        if isinstance(value, dict) and value.get("_cls") in CLASSES
    }
    if GROUND_TRUTH not in fields and len(fields) > 1:
        raise ValueError(f"several fields with labels: {', '.join(sorted(fields))}; export one of them")
    return GROUND_TRUTH if GROUND_TRUTH in fields else next(iter(fields), GROUND_TRUTH)


def _row(video: str, label: dict[str, Any], in_seconds: bool, split: str = "") -> SegmentRow:
    name = str(label["label"])
    if in_seconds:
        if "timestamps" not in label:
            raise ValueError("timestamps and support in one file")
        start, end = label["timestamps"]
        return SegmentRow(video, name, float(start), float(end), split=split)
    if "support" not in label:
        return SegmentRow(video, name, split=split)
    first, last = label["support"]
    return SegmentRow(video, name, int(first) - 1, int(last), split=split)
