"""Embeddings on disk, as gzip HDF5 that any h5py script reads: layout, header and reading.

Layout: `embeddings/data` float32 or float16 (N, T, C, D) in chunks of one clip, `labels/data` int64 (N,),
`sequence_ids/data` and `views/data` (N,), 0 = clean view, `hands/frames` (S,), `hands/boxes` float32 (N, S, K, 4),
`hands/scores` (N, S, K), NaN where no hand was found, `mirrored/data` uint8 (N,), 1 where the view is a mirror image,
and `contents/data` uint8 (N, 16), a digest of the frames of the sequence. A row is one view of one sequence. Its hands
are those of the sequence's clean view, also where the row is an augmented view.

Files of schema version 1 have no `mirrored` and no `contents`, and one attribute `fingerprint` instead of contract,
recipe, hand search and provenance. They are read like other files; `feature_engineering` writes them again.
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
from hand_gestures.store.row_keys import RowKeys
from hand_gestures.utils.contract import short_digest, split_fingerprint
from hand_gestures.utils.errors import HandGesturesError

SCHEMA_VERSION = 2
READABLE_VERSIONS = (1, SCHEMA_VERSION)


class ClipRequest(NamedTuple):
    """What must be computed of one sequence.

    Attributes:
        sequence: its index in its table.
        views: numbers of the views to embed, ascending.
        hands: whether hands are searched in the clean view.
    """

    sequence: int
    views: tuple[int, ...]
    hands: bool


class EmbeddedSequence(NamedTuple):
    """What was computed of one sequence: the V views that were requested, and its hands.

    Attributes:
        embeddings: float (V, T, C, D).
        mirrored: bool (V,), whether a view is a mirror image.
        boxes: float32 (S, K, 4), fractions of the frame; None where no hands were requested.
        scores: float32 (S, K); None where no hands were requested.
    """

    embeddings: np.ndarray
    mirrored: np.ndarray
    boxes: np.ndarray | None
    scores: np.ndarray | None


@dataclass(frozen=True)
class EmbeddingHeader:
    """Everything that a reader must know about the rows of a file.

    Attributes:
        shape: (N, T, C, D).
        class_names: name of each class index.
        channel_names: name of each of the C channels.
        hand_frames: the S time steps in which hands were searched.
        max_hands: K, number of hands kept per frame.
        contract: the embedding contract; equal in all files that belong together.
        recipe: the view recipe; empty in files without augmented rows.
        hand_search: how hands were searched.
        provenance: where the models come from and what computed the rows; never compared.
        rows_digest: digest of the keys, the labels and the order of the rows.
        precision_error: difference between a lower precision and float32, by channel; empty for float32.
        storage: dtype of the numbers on disk.
        schema_version: of the file that was read, or the one that is written.
    """

    shape: tuple[int, int, int, int]
    class_names: tuple[str, ...]
    channel_names: tuple[str, ...]
    hand_frames: tuple[int, ...]
    max_hands: int
    contract: dict[str, Any]
    recipe: dict[str, Any] = field(default_factory=dict)
    hand_search: dict[str, Any] = field(default_factory=dict)
    provenance: dict[str, Any] = field(default_factory=dict)
    rows_digest: str = ""
    precision_error: dict[str, Any] = field(default_factory=dict)
    storage: Literal["float32", "float16"] = "float32"
    schema_version: int = SCHEMA_VERSION

    def identity(self) -> dict[str, Any]:
        """Everything that decides what a network learns from the rows; hands and augmentation settings do not.

        Returns:
            Fields in types that JSON returns unchanged.
        """
        names = ("shape", "class_names", "channel_names", "contract", "rows_digest", "storage")
        return json.loads(json.dumps({name: getattr(self, name) for name in names}))

    def content(self) -> dict[str, Any]:
        """Everything that the file must contain: it is written again where this differs.

        Returns:
            All fields but `provenance` and `precision_error`, in types that JSON returns unchanged.
        """
        fields = asdict(self)
        for name in ("provenance", "precision_error"):
            del fields[name]
        return json.loads(json.dumps(fields))

    def keys(self) -> RowKeys:
        """Makes the keys of the rows."""
        return RowKeys(self.contract, self.recipe, self.hand_search)


class FileGroup:
    """Files that one plan writes one after another, and that copy rows from each other's earlier versions.

    What an earlier version or an unfinished run left is therefore kept until the last file is written.

    Args:
        count: number of files.

    Example:
        >>> group = FileGroup(3)  # the training, the validation and the test file
        >>> group.written(Path("train.h5"))  # None: two are missing
    """

    def __init__(self, count: int) -> None:
        self.count = count
        self._written: list[Path] = []

    def written(self, path: Path) -> list[Path] | None:
        """Note that a file is written.

        Args:
            path: the file.

        Returns:
            All files of the group where this was the last one, else None.
        """
        if path not in self._written:
            self._written.append(path)
        return self._written if len(self._written) == self.count else None


class UpgradedRows(NamedTuple):
    """What a file of schema version 1 does not hold.

    Attributes:
        contents: uint8 (N, 16), digest of the frames of each row's sequence.
        mirrored: bool (N,).
    """

    contents: np.ndarray
    mirrored: np.ndarray


class PendingEmbeddings(NamedTuple):
    """Embeddings that are planned, not computed: the work happens while `write_embeddings` consumes `embed`.

    Attributes:
        header: the header of the file.
        sequence_ids: one per sequence, S; the rows of the file are the views of each sequence, in this order.
        contents: uint8 (S, 16), digest of the frames of each sequence.
        labels: int64 (S, 2), class index of each sequence and of its mirror image.
        views: number of views of each sequence.
        embed: takes requests in the order of the sequences and yields each embedded sequence.
        sources: files from which rows are copied, beside those in the folder of the file.
        upgrade: completes a file of schema version 1; None where its rows are not proven to be those of today's frames.
        group: the files that are written together with this one.
    """

    header: EmbeddingHeader
    sequence_ids: list[str]
    contents: np.ndarray
    labels: np.ndarray
    views: int
    embed: Callable[[list[ClipRequest]], Iterator[EmbeddedSequence]]
    sources: tuple[Path, ...]
    upgrade: Callable[["EmbeddingFile"], UpgradedRows | None]
    group: FileGroup


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
            version = _schema_version(file)
            assert version is not None  # `open` has checked it
            check_file(file, version)
            data = find_dataset(file, EMBEDDINGS)
            return EmbeddingHeader(
                shape=data.shape,
                class_names=read_names(file, "class_names"),
                channel_names=read_names(file, "channel_names"),
                hand_frames=tuple(map(int, read_array(file, "hands/frames"))),
                max_hands=find_dataset(file, "hands/boxes").shape[2],
                storage=data.dtype.name,
                schema_version=version,
                **(_read_fingerprint(file) if version == 1 else _read_descriptions(file)),
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
    def mirrored(self) -> np.ndarray | None:
        """Whether each row is a mirror image.

        Returns:
            bool (N,); None for a file of schema version 1, which does not say it.
        """
        return None if self.header.schema_version == 1 else self._array("mirrored/data").astype(bool)

    @cached_property
    def contents(self) -> np.ndarray | None:
        """Digest of the frames of each row's sequence.

        Returns:
            uint8 (N, 16); None for a file of schema version 1, which does not hold it.
        """
        return None if self.header.schema_version == 1 else self._array("contents/data")

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
        if version not in READABLE_VERSIONS:
            file.close()
            raise HandGesturesError(
                f"embeddings need schema version {' or '.join(map(str, READABLE_VERSIONS))}, but {self.path} has "
                f"{version}; run kedro run --pipeline feature_engineering to write it again"
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


def _read_descriptions(file: h5py.File) -> dict[str, Any]:
    """The fields of the header that schema version 2 stores as attributes of the same names."""
    names = ("contract", "recipe", "hand_search", "provenance", "precision_error")
    return {name: read_json_attribute(file, name) for name in names} | {"rows_digest": read_text(file, "rows_digest")}


def _read_fingerprint(file: h5py.File) -> dict[str, Any]:
    """The same fields from the attributes of schema version 1; early files of that version lack the last two."""
    fingerprint = read_json_attribute(file, "fingerprint")
    sources = read_text(file, "sources", default="")
    error = read_json_attribute(file, "closeness", optional=True)
    fields = split_fingerprint(fingerprint)._asdict()
    fields["provenance"] |= {"sources": sources}
    return fields | {"precision_error": error, "rows_digest": short_digest({**fingerprint, "sources": sources})}


def _unpack_as(stored: np.dtype, chunk: bytes, out: np.ndarray) -> None:
    """Unpack a chunk of `stored` numbers into an array that may have another float dtype."""
    if out.dtype == stored:
        unpack_chunk(chunk, out)
    else:
        clip = np.empty(out.shape, stored)
        unpack_chunk(chunk, clip)
        out[...] = clip
