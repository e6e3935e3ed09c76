"""Unfinished extraction: one part file per embedded sequence, so that a kill loses a few clips at most.

A part names its rows by their keys. It is therefore useful to any later run that wants one of these rows, also with
another split, other labels or other clips.
"""

import io
import os
import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from hand_gestures.store.chunk_packing import pack_chunk
from hand_gestures.store.embedding_file import EmbeddedSequence
from hand_gestures.store.file_check import explain_lock
from hand_gestures.store.row_keys import KEY_BYTES, digest
from hand_gestures.utils.errors import HandGesturesError
from hand_gestures.utils.resumable import exclusive_lock, write_bytes

FOLDER_SUFFIX, PART_SUFFIX = ".parts", ".npz"


class Part(NamedTuple):
    """A part file and the keys of what it holds.

    Attributes:
        path: the file.
        row_keys: the keys of its rows.
        hands_key: the key of its hands; empty if it holds none.
    """

    path: Path
    row_keys: list[bytes]
    hands_key: bytes


class PartContent(NamedTuple):
    """The content of a part file.

    Attributes:
        chunks: the packed clips (T, C, D) of its rows.
        mirrored: bool (V,), whether each row is a mirror image.
        hands: boxes and scores as in `EmbeddedSequence`; None if it holds none.
    """

    chunks: list[bytes]
    mirrored: np.ndarray
    hands: tuple[np.ndarray, np.ndarray] | None


class ExtractionCheckpoint:
    """What is left of unfinished runs of one embeddings file, in the folder `{name}.parts` beside it.

    Args:
        target: the embeddings file.

    Example:
        >>> checkpoint = ExtractionCheckpoint(Path("train.h5"))
        >>> with checkpoint.locked():
        ...     part = checkpoint.write(sequence, [key], b"", "float32")
    """

    def __init__(self, target: Path) -> None:
        self.target = target
        self.folder = target.with_name(target.name + FOLDER_SUFFIX)

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

    def write(self, sequence: EmbeddedSequence, row_keys: Sequence[bytes], hands_key: bytes, storage: str) -> Part:
        """Pack a sequence and write it to disk, completely or not at all; several threads may call this.

        Args:
            sequence: its embeddings and hands.
            row_keys: the key of each view.
            hands_key: the key of its hands; empty if they were not searched.
            storage: dtype of the numbers on disk, "float32" or "float16".

        Returns:
            The part.
        """
        chunks = [pack_chunk(np.ascontiguousarray(view, storage)) for view in sequence.embeddings]
        arrays: dict[str, Any] = {f"chunk_{row}": np.frombuffer(chunk, np.uint8) for row, chunk in enumerate(chunks)}
        if hands_key:
            arrays |= {"boxes": sequence.boxes, "scores": sequence.scores}
        stream = io.BytesIO()
        np.savez(
            stream,
            row_keys=np.frombuffer(b"".join(row_keys), np.uint8),
            hands_key=np.frombuffer(hands_key, np.uint8),
            mirrored=np.asarray(sequence.mirrored, bool),
            **arrays,
        )
        path = self.folder / f"{digest(b''.join([*row_keys, hands_key])).hex()}{PART_SUFFIX}"
        with explain_disk_errors(self.folder):
            write_bytes(path, stream.getbuffer())
        return Part(path, list(row_keys), hands_key)

    def keep_earlier_file(self) -> None:
        """Keep the file at the target in the folder, before a new one replaces it: other files may need its rows."""
        if not self.target.exists():
            return
        earlier = list(self.folder.glob("earlier-*.h5"))
        if any(path.samefile(self.target) for path in earlier):  # a run was killed between this and the replacement
            return
        kept = self.folder / f"earlier-{len(earlier)}.h5"
        with explain_disk_errors(self.folder):
            try:
                os.link(self.target, kept)  # takes no space, and the target stays where it is
            except OSError:  # a file system without hard links
                self.target.replace(kept)

    def remove(self) -> None:
        """Remove the folder, unless another run writes there."""
        if self.folder.exists():
            with suppress(HandGesturesError), exclusive_lock(self.folder):
                shutil.rmtree(self.folder, ignore_errors=True)


def read_part_keys(path: Path) -> Part:
    """Read which rows a part file holds, without their numbers.

    Args:
        path: the file.

    Returns:
        Its keys.

    Raises:
        Exception: of almost any class, where the file is damaged.
    """
    with np.load(path, allow_pickle=False) as part:
        keys, hands_key = part["row_keys"].tobytes(), part["hands_key"].tobytes()
        rows = [keys[start : start + KEY_BYTES] for start in range(0, len(keys), KEY_BYTES)]
        if part["mirrored"].shape != (len(rows),) or len(keys) % KEY_BYTES or len(hands_key) not in (0, KEY_BYTES):
            raise ValueError("its keys do not fit its rows")
        return Part(path, rows, hands_key)


def read_part(path: Path) -> PartContent:
    """Read a part file; the checksums of its zip file are compared.

    Args:
        path: the file.

    Returns:
        Its content, with the chunks still packed.

    Raises:
        Exception: of almost any class, where the file is damaged.
    """
    with np.load(path, allow_pickle=False) as part:
        chunks = [part[f"chunk_{row}"].tobytes() for row in range(len(part["mirrored"]))]
        hands = (part["boxes"], part["scores"]) if "boxes" in part else None
        return PartContent(chunks, part["mirrored"], hands)


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
