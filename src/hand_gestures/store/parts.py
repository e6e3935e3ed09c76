"""Finished sequences of a run that is not: one file each, so that a kill costs no more than what was in hand."""

import io
import json
import os
import re
import shutil
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from filelock import FileLock, Timeout

from hand_gestures.store.chunk_packing import pack_chunk
from hand_gestures.store.embedding_file import EmbeddedSequence
from hand_gestures.utils.errors import HandGesturesError

IDENTITY, PART, PARTIAL = "identity.json", ".npz", ".partial"


@contextmanager
def writing_to(folder: Path) -> Iterator[None]:
    """Turns a full disk and the like into one sentence."""
    try:
        yield
    except OSError as error:
        told = re.search("error message = '(.+?)'", str(error))  # how HDF5 hands on what the system said
        reason = told.group(1) if told else error.strerror or error
        raise HandGesturesError(
            f"embeddings must be written to {folder}, but that failed ({reason}); make room or mend the folder and "
            "run again: it goes on where it was"
        ) from error


class PackedSequence(NamedTuple):
    """A sequence as it stands on disk: one packed chunk a view, `labels` (V,), and the hands."""

    chunks: list[bytes]
    labels: np.ndarray
    boxes: np.ndarray
    scores: np.ndarray


class Parts:
    """The parts of one embeddings file, in a folder beside it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Two runs that write the same file would each remove what the other needs; a killed one's lock is free."""
        with writing_to(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
        try:
            with FileLock(self.folder / "lock", timeout=0):
                yield
        except Timeout as error:
            raise HandGesturesError(
                f"one run at a time may write to {self.folder}, but another is at work there; wait for it to end"
            ) from error

    def identity(self) -> dict[str, Any] | None:
        """Of which rows these are parts; None where there are none."""
        path = self.folder / IDENTITY
        return json.loads(path.read_text()) if path.is_file() else None

    def begin(self, identity: dict[str, Any]) -> None:
        """Start afresh."""
        for path in self.folder.glob(f"*{PART}"):
            path.unlink()
        _write(self.folder / IDENTITY, json.dumps(identity).encode())

    def finished(self) -> set[int]:
        """Places of the sequences that are there."""
        return {int(path.stem) for path in self.folder.glob(f"*{PART}")}

    def write(self, place: int, sequence: EmbeddedSequence, storage: str) -> None:
        """Pack a sequence and put it on disk, whole or not at all; may run in several threads."""
        views = [pack_chunk(np.ascontiguousarray(view, storage)) for view in sequence.embeddings]
        arrays: dict[str, Any] = {f"view_{view}": np.frombuffer(chunk, np.uint8) for view, chunk in enumerate(views)}
        stream = io.BytesIO()
        np.savez(stream, labels=sequence.labels, boxes=sequence.boxes, scores=sequence.scores, **arrays)
        _write(self._path(place), stream.getbuffer())

    def read(self, place: int, views: int) -> PackedSequence:
        """Read a part; its checksums are compared.

        Raises:
            HandGesturesError: it is damaged.
        """
        path = self._path(place)
        try:
            with np.load(path, allow_pickle=False) as part:
                chunks = [part[f"view_{view}"].tobytes() for view in range(views)]
                return PackedSequence(chunks, part["labels"], part["boxes"], part["scores"])
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, NotImplementedError) as error:
            raise HandGesturesError(
                f"{path} must hold a finished sequence, but is damaged ({error}); remove it and run again: "
                "that sequence alone is embedded anew"
            ) from error

    def remove(self) -> None:
        """Remove all parts, and the folder."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _path(self, place: int) -> Path:
        return self.folder / f"{place:08d}{PART}"


def _write(path: Path, content: bytes | memoryview) -> None:
    """The name appears when all of it is on disk."""
    partial = path.with_name(path.name + PARTIAL)
    with writing_to(path.parent):
        try:
            with partial.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)
