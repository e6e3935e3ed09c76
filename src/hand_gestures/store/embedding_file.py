"""Embeddings on disk, as gzip HDF5 that any h5py script reads: layout, header and reading.

Layout: `embeddings/data` float32 or float16 (N, T, C, D) in chunks of one clip, `labels/data` int64 (N,),
`sequence_ids/data` and `views/data` (N,), 0 = clean view, `hands/frames` (S,), `hands/boxes` float32 (N, S, K, 4),
`hands/scores` (N, S, K), NaN where no hand was found. A row is one view of one sequence. Its hands are those of the
sequence's clean view, also where the row is an augmented view.
"""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, NamedTuple

import h5py
import numpy as np

from hand_gestures.store.chunk_packing import is_packed_by_clip, unpack_chunk
from hand_gestures.store.file_check import (
    EMBEDDINGS,
    check_chunks,
    check_file,
    explain_content,
    explain_lock,
    find_dataset,
    read_array,
    read_json_attribute,
    read_names,
    read_sequence_ids,
    read_text,
)
from hand_gestures.utils.errors import HandGesturesError

SCHEMA_VERSION = 1


class EmbeddedSequence(NamedTuple):
    """All V views of one sequence, the clean view first, and the hands of the clean view.

    Attributes:
        embeddings: float (V, T, C, D).
        labels: int (V,), class index of each view.
        boxes: float32 (S, K, 4), fractions of the frame.
        scores: float32 (S, K).
    """

    embeddings: np.ndarray
    labels: np.ndarray
    boxes: np.ndarray
    scores: np.ndarray


@dataclass(frozen=True)
class EmbeddingHeader:
    """Everything that a reader must know about the rows of a file.

    Attributes:
        shape: (N, T, C, D).
        class_names: name of each class index.
        channel_names: name of each of the C channels.
        hand_frames: the S time steps in which hands were searched.
        max_hands: K, number of hands kept per frame.
        fingerprint: how the embeddings are made; equal in all files that belong together.
        sources: digest of what they are made from: sequences, labels, frames.
        precision_error: difference between a lower precision and float32, by channel; empty for float32.
        storage: dtype of the numbers on disk.
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
        """Everything that decides the rows: rows on disk are reused where this is equal.

        Returns:
            All fields except `precision_error`, in types that JSON returns unchanged.
        """
        fields = asdict(self)
        del fields["precision_error"]
        return json.loads(json.dumps(fields))


class PendingEmbeddings(NamedTuple):
    """Embeddings that are planned, not computed: the work happens while `write_embeddings` consumes `embed`.

    Attributes:
        header: the header of the file.
        sequence_ids: one per sequence; the rows of the file are the views of each sequence, in this order.
        views: number of views of each sequence.
        embed: takes ascending indices of sequences and yields each embedded sequence.
    """

    header: EmbeddingHeader
    sequence_ids: list[str]
    views: int
    embed: Callable[[list[int]], Iterator[EmbeddedSequence]]


@dataclass(frozen=True)
class EmbeddingFile:
    """A light, picklable handle on a written file; every property opens the file once and keeps what it read.

    Example:
        >>> file = EmbeddingFile(Path("preprocessed_train_dataset.h5"))
        >>> clip = np.empty(file.header.shape[1:], np.float32)
        >>> file.reader()(0, clip)  # fills clip with row 0
    """

    path: Path

    @cached_property
    def header(self) -> EmbeddingHeader:
        """The header.

        Returns:
            The header as it was written.

        Raises:
            HandGesturesError: the file breaks a rule of `check_file`, whatever it is that is read later.
        """
        with self.open() as file, explain_content(self.path):
            check_file(file)
            data = find_dataset(file, EMBEDDINGS)
            return EmbeddingHeader(
                shape=data.shape,
                class_names=read_names(file, "class_names"),
                channel_names=read_names(file, "channel_names"),
                hand_frames=tuple(map(int, read_array(file, "hands/frames"))),
                max_hands=find_dataset(file, "hands/boxes").shape[2],
                fingerprint=read_json_attribute(file, "fingerprint"),
                # early files of this schema version lack these two attributes
                sources=read_text(file, "sources", default=""),
                precision_error=read_json_attribute(file, "closeness"),
                storage=data.dtype.name,
            )

    @cached_property
    def labels(self) -> np.ndarray:
        """Class index of each row.

        Returns:
            int64 (N,).
        """
        return self._array("labels/data")

    @cached_property
    def views(self) -> np.ndarray:
        """View of each row.

        Returns:
            int64 (N,), 0 for the clean view.
        """
        return self._array("views/data")

    @cached_property
    def sequence_ids(self) -> list[str]:
        """Sequence of each row.

        Returns:
            N ids, each repeated for every view.
        """
        with self._checked() as file:
            return read_sequence_ids(file)

    @cached_property
    def hands(self) -> tuple[np.ndarray, np.ndarray]:
        """Hands of each row, NaN where none was found.

        Returns:
            Boxes float32 (N, S, K, 4) in fractions of the frame, and scores float32 (N, S, K).
        """
        return self._array("hands/boxes"), self._array("hands/scores")

    def __len__(self) -> int:
        return self.header.shape[0]

    def location(self, row: int) -> str:
        """Where a row is on disk, in words for messages."""
        return f"row {row} of {self.path}"

    def reader(self) -> "ClipReader":
        """A reader of single clips, (T, C, D)."""
        return ClipReader(self)

    def open(self) -> h5py.File:
        """Open the file for reading.

        Returns:
            The open HDF5 file; the caller closes it.

        Raises:
            LockedFileError: another program has it open for writing, or the file system has no locks.
            HandGesturesError: it is missing, not an HDF5 file, or has another schema version.
        """
        try:
            if self.path.exists() and not self.path.is_file():
                raise OSError("not a file")  # a named pipe would wait for a writer
            file = h5py.File(self.path, "r")
        except (OSError, RuntimeError, ValueError, MemoryError) as error:
            explain_lock(self.path, error)
            reason = "is not a complete HDF5 file" if self.path.exists() else "does not exist"
            raise HandGesturesError(
                f"embeddings are read from {self.path}, but it {reason}; run kedro run --pipeline feature_engineering"
            ) from error
        with explain_content(self.path), ExitStack() as on_error:
            on_error.callback(file.close)
            version = _schema_version(file)
            on_error.pop_all()
        if version != SCHEMA_VERSION:
            file.close()
            raise HandGesturesError(
                f"embeddings need schema version {SCHEMA_VERSION}, but {self.path} has {version}; "
                "run kedro run --pipeline feature_engineering to write it again"
            )
        return file

    @contextmanager
    def _checked(self) -> Iterator[h5py.File]:
        """The open file, once its header is accepted; errors of the block are explained."""
        self.header  # noqa: B018  # checks the file
        with self.open() as file, explain_content(self.path):
            yield file

    def _array(self, name: str) -> np.ndarray:
        with self._checked() as file:
            return read_array(file, name)


class ClipReader:
    """Reads single clips of a file. Threads may share a reader, and processes may receive a copy of it.

    Args:
        file: handle on the file; each process opens it at its first read, because no HDF5 handle survives a fork.

    Example:
        >>> read = ClipReader(EmbeddingFile(Path("train.h5")))
        >>> read(3, clip)  # fills clip, (T, C, D), with row 3
    """

    def __init__(self, file: EmbeddingFile) -> None:
        self.file = file
        self._process: int | None = None
        self._data: h5py.Dataset = None
        self._packed = False

    def __call__(self, row: int, out: np.ndarray) -> None:
        """Read one row.

        Args:
            row: index of the row.
            out: contiguous array (T, C, D) of any float dtype, which is filled.

        Raises:
            HandGesturesError: the clip is damaged.
        """
        self.open()
        try:
            if self._packed:  # five to nine times as fast as through h5py, see docs/adr/0008
                skipped_filters, chunk = self._data.id.read_direct_chunk((row, 0, 0, 0))
                if skipped_filters == 0:  # another program may have stored a chunk without a filter
                    _unpack_as(self._data.dtype, chunk, out)
                    return
            check_chunks(self._data, slice(row, row + 1))  # HDF5 inflates without limit
            out[...] = self._data[row]
        except Exception as error:  # as in `explain_content`
            raise HandGesturesError(
                f"every clip of {self.file.path} must be readable, but row {row} is not ({error}); remove the file "
                "and run feature_engineering again"
            ) from error

    def open(self) -> None:
        """Open the file in this process; call it before several threads read."""
        if self._process != os.getpid():
            self.file.header  # noqa: B018  # checks the file
            with explain_content(self.file.path):
                self._data = find_dataset(self.file.open(), EMBEDDINGS)
                self._packed = is_packed_by_clip(self._data)
            self._process = os.getpid()

    def __getstate__(self) -> dict:
        # a copy in another process starts closed
        return ClipReader(self.file).__dict__


def _schema_version(file: h5py.File) -> int | None:
    """The schema version; None where the attribute is missing or not one number."""
    if "schema_version" not in file.attrs or file.attrs.get_id("schema_version").shape != ():
        return None
    version = file.attrs["schema_version"]
    return int(version) if isinstance(version, np.integer) else None


def _unpack_as(stored: np.dtype, chunk: bytes, out: np.ndarray) -> None:
    """Unpack a chunk of `stored` numbers into an array that may have another float dtype."""
    if out.dtype == stored:
        unpack_chunk(chunk, out)
    else:
        clip = np.empty(out.shape, stored)
        unpack_chunk(chunk, clip)
        out[...] = clip
