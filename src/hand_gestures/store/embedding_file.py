"""Embeddings on disk: gzip HDF5 that any h5py reads.

Layout: `embeddings/data` float32 or float16 (N, T, 12, D) in chunks of one clip, `labels/data` int64 (N,),
`sequence_ids/data`, `views/data` (0 = clean), `hands/frames` (S,), `hands/boxes` float32 (N, S, K, 4),
`hands/scores` (N, S, K) with NaN where there is no hand. A row is one view of one sequence; its hands are
those of the sequence's clean view, whichever view the row holds.
"""

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, NamedTuple

import h5py
import numpy as np

from hand_gestures.store.chunk_packing import packed_by_clip, unpack_chunk
from hand_gestures.utils.errors import HandGesturesError

SCHEMA_VERSION = 1


class EmbeddedSequence(NamedTuple):
    """All V views of one sequence: `embeddings` float (V, T, C, D), `labels` int (V,), the clean view first;
    `boxes` float32 (S, K, 4) and `scores` (S, K) of its hands."""

    embeddings: np.ndarray
    labels: np.ndarray
    boxes: np.ndarray
    scores: np.ndarray


@dataclass(frozen=True)
class EmbeddingHeader:
    """What a file says of itself: everything a reader needs to trust its rows.

    Attributes:
        shape: (N, T, C, D).
        hand_frames: the S time steps that were searched for hands.
        max_hands: K, hands kept of each.
        fingerprint: how the embeddings are made; equal in all files that belong together.
        sources: digest of what they are made from: sequences, labels, frames.
        precision_error: how near a lower precision comes to float32, by channel; empty for float32.
        storage: type of the numbers on disk.
    """

    shape: tuple[int, int, int, int]
    class_names: tuple[str, ...]
    channel_names: tuple[str, ...]
    hand_frames: tuple[int, ...]
    max_hands: int
    fingerprint: dict[str, Any]
    sources: str = ""
    precision_error: dict[str, Any] = field(default_factory=dict)
    storage: Literal["float32", "float16"] = "float32"

    def identity(self) -> dict[str, Any]:
        """What decides whether rows that are on disk are the rows that are wanted; survives JSON unchanged."""
        return {
            "fingerprint": self.fingerprint,
            "sources": self.sources,
            "shape": list(self.shape),
            "class_names": list(self.class_names),
            "channel_names": list(self.channel_names),
            "hand_frames": list(self.hand_frames),
            "max_hands": self.max_hands,
            "storage": self.storage,
        }


class PendingEmbeddings(NamedTuple):
    """Sequences to be embedded: `embed` takes their places, ascending, and gives each in turn, lazily.

    The rows of a file are the `views` views of each of `sequence_ids`, in that order.
    """

    header: EmbeddingHeader
    sequence_ids: list[str]
    views: int
    embed: Callable[[list[int]], Iterator[EmbeddedSequence]]


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
                sources=file.attrs.get("sources", ""),
                precision_error=json.loads(file.attrs.get("closeness", "{}")),
                storage=file["embeddings/data"].dtype.name,
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

    @cached_property
    def hands(self) -> tuple[np.ndarray, np.ndarray]:
        """Boxes float32 (N, S, K, 4) in fractions of the frame and scores (N, S, K), NaN where there is no hand."""
        with self.open() as file:
            return file["hands/boxes"][:], file["hands/scores"][:]

    def __len__(self) -> int:
        return self.header.shape[0]

    def place(self, row: int) -> str:
        """Where a row lies on disk."""
        return f"row {row} of {self.path}"

    def reader(self) -> "ClipReader":
        """Reads single clips, (T, C, D)."""
        return ClipReader(self)

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


class ClipReader:
    """Reads single clips of a file. It opens the file at the first read in each process: no HDF5 handle survives a
    fork. Threads may share it."""

    def __init__(self, file: EmbeddingFile) -> None:
        self.file = file
        self._owner: int | None = None
        self._data: h5py.Dataset = None
        self._packed = False

    def __call__(self, row: int, out: np.ndarray) -> None:
        """Read row `row` into the contiguous array `out`, (T, C, D) of any float type.

        Raises:
            HandGesturesError: the clip is damaged.
        """
        data = self.data()
        try:
            if self._packed:
                skipped_filters, chunk = data.id.read_direct_chunk((row, 0, 0, 0))
                if skipped_filters == 0:
                    _unpack(chunk, out, data.dtype)
                    return
            out[...] = data[row]
        except (OSError, ValueError) as error:
            raise HandGesturesError(
                f"every clip of {self.file.path} must be readable, but row {row} is not ({error}); remove the file "
                "and run feature_engineering again"
            ) from error

    def open(self) -> None:
        """Open the file before threads ask for it."""
        self.data()

    def data(self) -> h5py.Dataset:
        """`embeddings/data` as this process has it open."""
        if self._owner != os.getpid():
            self._data = self.file.open()["embeddings/data"]
            self._packed = packed_by_clip(self._data)
            self._owner = os.getpid()
        return self._data

    def __getstate__(self) -> dict:
        return {"file": self.file, "_owner": None, "_data": None, "_packed": False}


def _unpack(chunk: bytes, out: np.ndarray, stored: np.dtype) -> None:
    if out.dtype == stored:
        unpack_chunk(chunk, out)
    else:
        clip = np.empty(out.shape, stored)
        unpack_chunk(chunk, clip)
        out[...] = clip
