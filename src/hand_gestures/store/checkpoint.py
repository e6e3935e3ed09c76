"""Checkpoint of an unfinished extraction: one file per finished sequence, so that a kill loses a few clips at most."""

import io
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from hand_gestures.store.chunk_packing import pack_chunk
from hand_gestures.store.embedding_file import EmbeddedSequence
from hand_gestures.store.file_check import explain_lock
from hand_gestures.utils.errors import HandGesturesError
from hand_gestures.utils.resumable import UnfinishedWork, exclusive_lock, write_bytes

SUFFIX = ".npz"


class PackedSequence(NamedTuple):
    """A finished sequence as it is on disk.

    Attributes:
        chunks: one packed clip (T, C, D) per view.
        labels, boxes, scores: as in `EmbeddedSequence`.
    """

    chunks: list[bytes]
    labels: np.ndarray
    boxes: np.ndarray
    scores: np.ndarray


class DamagedPartError(Exception):
    """A file of the checkpoint is damaged: its sequence must be embedded again."""


class ExtractionCheckpoint:
    """The finished sequences of one embeddings file, in the folder `{name}.parts` beside it.

    Args:
        target: the embeddings file that the sequences become in the end.

    Example:
        >>> checkpoint = ExtractionCheckpoint(Path("train.h5"))
        >>> with checkpoint.locked():
        ...     finished = checkpoint.resume({"seed": 42})
    """

    def __init__(self, target: Path) -> None:
        self.folder = target.with_name(target.name + ".parts")
        self._work = UnfinishedWork(self.folder, target.name)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep a second run out: each run would remove files that the other one needs.

        Raises:
            HandGesturesError: another run writes the same file, or the folder cannot be created.
        """
        with explain_disk_errors(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
        with exclusive_lock(self.folder):
            yield

    def resume(self, identity: Mapping[str, Any]) -> set[int]:
        """Continue an interrupted run of the same identity; discard what any other run left.

        Args:
            identity: everything that decides the rows, see `EmbeddingHeader.identity`.

        Returns:
            Indices of the sequences that are finished. Their files are not read yet.
        """
        with explain_disk_errors(self.folder):
            self._work.resume(identity)
        return {int(path.stem) for path in self.folder.glob(f"*{SUFFIX}") if path.stem.isdecimal()}

    def write(self, index: int, sequence: EmbeddedSequence, storage: str) -> None:
        """Pack a sequence and write it to disk, completely or not at all; several threads may call this.

        Args:
            index: index of the sequence.
            sequence: its embeddings, labels and hands.
            storage: dtype of the numbers on disk, "float32" or "float16".
        """
        chunks = [pack_chunk(np.ascontiguousarray(view, storage)) for view in sequence.embeddings]
        arrays: dict[str, Any] = {f"view_{view}": np.frombuffer(chunk, np.uint8) for view, chunk in enumerate(chunks)}
        stream = io.BytesIO()
        np.savez(stream, labels=sequence.labels, boxes=sequence.boxes, scores=sequence.scores, **arrays)
        with explain_disk_errors(self.folder):
            write_bytes(self._path(index), stream.getbuffer())

    def read(self, index: int, views: int) -> PackedSequence:
        """Read a finished sequence; the checksums of its zip file are compared.

        Args:
            index: index of the sequence.
            views: number of its views.

        Returns:
            The sequence with its chunks still packed.

        Raises:
            DamagedPartError: the file is missing or damaged.
        """
        path = self._path(index)
        try:
            with np.load(path, allow_pickle=False) as part:
                chunks = [part[f"view_{view}"].tobytes() for view in range(views)]
                packed = PackedSequence(chunks, part["labels"], part["boxes"], part["scores"])
            if packed.labels.shape != (views,):
                raise ValueError(f"labels have the shape {packed.labels.shape}")
            return packed
        except Exception as error:  # a damaged zip file raises almost any class
            raise DamagedPartError(f"{path} ({error})") from error

    def discard(self, indices: Iterable[int]) -> None:
        """Remove the files of these sequences, so that they count as missing."""
        with explain_disk_errors(self.folder):
            for index in indices:
                self._path(index).unlink(missing_ok=True)

    def remove(self) -> None:
        """Remove the folder: the embeddings file is complete."""
        self._work.remove()

    def _path(self, index: int) -> Path:
        return self.folder / f"{index:08d}{SUFFIX}"


@contextmanager
def explain_disk_errors(folder: Path) -> Iterator[None]:
    """Turn a full disk, a read-only folder and similar failures into one sentence.

    Args:
        folder: where the block writes.

    Raises:
        LockedFileError: HDF5 could not lock a file there.
        HandGesturesError: the block raised another `OSError`.
    """
    try:
        yield
    except OSError as error:
        explain_lock(folder, error)
        from_hdf5 = re.search("error message = '(.+?)'", str(error))  # how HDF5 quotes the operating system
        reason = from_hdf5.group(1) if from_hdf5 else error.strerror or error
        raise HandGesturesError(
            f"embeddings must be written to {folder}, but that failed ({reason}); free disk space or repair the "
            "folder and run again: the run continues where it stopped"
        ) from error
