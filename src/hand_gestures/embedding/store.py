"""Embeddings on disk: gzip HDF5 that any h5py reads, written whole or not at all.

Layout: `embeddings/data` float32 (N, T, 12, D) in chunks of one clip, `labels/data` int64 (N,),
`sequence_ids/data`, `views/data` (0 = clean), `hands/frames` (S,), `hands/boxes` float32 (N, S, K, 4),
`hands/scores` (N, S, K) with NaN where there is no hand. A row is one view of one sequence; its hands are
those of the sequence's clean view, whichever view the row holds.
"""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import h5py
import numpy as np

from hand_gestures.errors import HandGesturesError

SCHEMA_VERSION = 1
GZIP_LEVEL = 4


class EmbeddedView(NamedTuple):
    """One row of the file; `boxes` float32 (S, K, 4) and `scores` (S, K)."""

    embedding: np.ndarray
    label: int
    sequence_id: str
    view: int
    boxes: np.ndarray
    scores: np.ndarray


@dataclass(frozen=True)
class EmbeddingHeader:
    """What a file says of itself: `shape` (N, T, C, D), and everything a reader needs to trust its rows."""

    shape: tuple[int, int, int, int]
    class_names: tuple[str, ...]
    channel_names: tuple[str, ...]
    hand_frames: tuple[int, ...]
    max_hands: int
    fingerprint: dict[str, Any]


class EmbeddingStream(NamedTuple):
    """Rows still to be computed, in the order of the file."""

    header: EmbeddingHeader
    rows: Iterator[EmbeddedView]


def write_embeddings(path: Path, stream: EmbeddingStream) -> None:
    """Consume `stream` and write `path`; memory holds one row at a time.

    The name appears only when the file is whole: rows go to `{name}.partial`, which is flushed to disk
    and renamed. If the stream raises, the partial file is removed and `path` stays as it was.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    try:
        with h5py.File(partial, "w") as file:
            written = _write(file, stream)
        if written != stream.header.shape[0]:
            raise HandGesturesError(
                f"{path.name} was announced with {stream.header.shape[0]} rows, but {written} came; "
                "run feature_engineering again"
            )
        _flush(partial)
        partial.replace(path)
        _flush(path.parent)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def _write(file: h5py.File, stream: EmbeddingStream) -> int:
    header = stream.header
    rows, frames, channels, width = header.shape
    sampled, hands = len(header.hand_frames), header.max_hands
    data = file.create_dataset(
        "embeddings/data",
        header.shape,
        "float32",
        chunks=(1, frames, channels, width),
        maxshape=(None, frames, channels, width),  # a chunk of one clip fits in a file of none
        shuffle=True,
        compression="gzip",
        compression_opts=GZIP_LEVEL,
    )
    labels = np.empty(rows, np.int64)
    views = np.empty(rows, np.int64)
    sequence_ids: list[str] = []
    boxes = np.empty((rows, sampled, hands, 4), np.float32)
    scores = np.empty((rows, sampled, hands), np.float32)
    written = 0
    for written, row in enumerate(stream.rows, start=1):
        index = written - 1
        data[index] = row.embedding
        labels[index], views[index] = row.label, row.view
        boxes[index], scores[index] = row.boxes, row.scores
        sequence_ids.append(row.sequence_id)
    file["labels/data"] = labels
    file["views/data"] = views
    file.create_dataset("sequence_ids/data", data=sequence_ids, dtype=h5py.string_dtype())
    file["hands/frames"] = np.array(header.hand_frames, np.int64)
    file["hands/boxes"], file["hands/scores"] = boxes, scores
    file.attrs["schema_version"] = SCHEMA_VERSION
    file.attrs.create("class_names", header.class_names, dtype=h5py.string_dtype())
    file.attrs.create("channel_names", header.channel_names, dtype=h5py.string_dtype())
    file.attrs["fingerprint"] = json.dumps(header.fingerprint, sort_keys=True)
    return written


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@dataclass(frozen=True)
class EmbeddingFile:
    """A light, picklable handle on a written file; every read opens the file anew."""

    path: Path

    @cached_property
    def header(self) -> EmbeddingHeader:
        with self.open() as file:
            return EmbeddingHeader(
                shape=file["embeddings/data"].shape,
                class_names=tuple(map(str, file.attrs["class_names"])),
                channel_names=tuple(map(str, file.attrs["channel_names"])),
                hand_frames=tuple(map(int, file["hands/frames"][:])),
                max_hands=file["hands/boxes"].shape[2],
                fingerprint=json.loads(file.attrs["fingerprint"]),
            )

    @cached_property
    def labels(self) -> np.ndarray:
        with self.open() as file:
            return file["labels/data"][:]

    @cached_property
    def views(self) -> np.ndarray:
        with self.open() as file:
            return file["views/data"][:]

    @cached_property
    def sequence_ids(self) -> list[str]:
        with self.open() as file:
            return list(file["sequence_ids/data"].asstr()[:])

    def __len__(self) -> int:
        return self.header.shape[0]

    def open(self) -> h5py.File:
        """The file opened for reading.

        Raises:
            HandGesturesError: it is missing, no HDF5 file, or of another schema.
        """
        try:
            file = h5py.File(self.path, "r")
        except OSError as error:
            reason = "does not exist" if not self.path.exists() else "is no whole HDF5 file"
            raise HandGesturesError(
                f"embeddings are read from {self.path}, but it {reason}; run kedro run --pipeline feature_engineering"
            ) from error
        if file.attrs.get("schema_version") != SCHEMA_VERSION:
            version = file.attrs.get("schema_version")
            file.close()
            raise HandGesturesError(
                f"embeddings need schema version {SCHEMA_VERSION}, but {self.path} has {version}; "
                "run kedro run --pipeline feature_engineering to write it anew"
            )
        return file
