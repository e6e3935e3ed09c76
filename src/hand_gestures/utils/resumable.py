"""Work that survives a kill: files that appear whole, one writer at a time, unfinished work that is continued."""

import json
import logging
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from hand_gestures.utils.errors import HandGesturesError
from hand_gestures.utils.nested import Difference, first_difference, parse_json

logger = logging.getLogger(__name__)

IDENTITY, LOCK = "identity.json", "lock"


@contextmanager
def atomic_write(target: Path, durable: bool = True) -> Iterator[Path]:
    """Write a file or a folder aside and move it to its place when it is complete.

    A reader sees the old content or the new content, never a part. After an error or a kill the old content stays.

    Args:
        target: the file or folder; its parent folder is created.
        durable: flush the content to the disk before the move. False is for content that is cheap to make again.

    Yields:
        A path beside `target` where nothing exists; the block creates a file or a folder there.

    Example:
        >>> with atomic_write(Path("metrics.json")) as partial:
        ...     partial.write_text("{}")
    """
    partial, previous = (target.with_name(target.name + end) for end in (".partial", ".previous"))
    target.parent.mkdir(parents=True, exist_ok=True)
    if previous.exists() and not target.exists():
        previous.replace(target)  # a kill came between the two moves below
    for leftover in (partial, previous):
        _remove(leftover)
    try:
        yield partial
        if durable:
            _flush(partial)
        if target.is_dir():
            target.replace(previous)  # a folder cannot replace another one that has content
        partial.replace(target)
        if durable:
            _flush_entry(target.parent)
    finally:
        _remove(partial)
        _remove(previous)


def write_bytes(path: Path, content: bytes | memoryview) -> None:
    """`atomic_write` for content that is in memory."""
    with atomic_write(path) as partial:
        partial.write_bytes(content)


def write_json(path: Path, content: Any) -> None:
    """`atomic_write` for what JSON can hold."""
    write_bytes(path, json.dumps(content, ensure_ascii=False).encode())


@contextmanager
def exclusive_lock(folder: Path) -> Iterator[None]:
    """Allow one process at a time to write to a folder. The lock of a killed process is free.

    Raises:
        HandGesturesError: another process holds the lock.
    """
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(folder / LOCK, timeout=0):
            yield
    except Timeout as error:
        raise HandGesturesError(
            f"one run at a time may write to {folder}, but another run is writing there; wait until it ends"
        ) from error


class UnfinishedWork:
    """A folder with what an interrupted run has finished so far, and with the identity of that work.

    Args:
        folder: where the work is kept; it need not exist.
        name: what the work is called in log lines.

    Example:
        >>> work = UnfinishedWork(Path("train.parts"), "train embeddings")
        >>> work.resume({"seed": 42})  # False: nothing to continue
        False
    """

    def __init__(self, folder: Path, name: str) -> None:
        self.folder = folder
        self.name = name

    def resume(self, identity: Mapping[str, Any]) -> bool:
        """Whether the folder holds work of this identity; otherwise its content is removed and the work starts afresh.

        Args:
            identity: everything that decides the result; JSON must be able to hold it.
        """
        saved = read_json(self.folder / IDENTITY)
        if saved is not None and not isinstance(saved, dict):
            saved = None
        difference = None if saved is None else identity_difference(saved, identity)
        if saved is not None and difference is None:
            return True
        if saved is None and self._has_content():
            logger.warning(
                "%s: unfinished work is discarded, because %s is missing or damaged",
                self.name,
                self.folder / IDENTITY,
            )
        if difference is not None:
            logger.warning("%s: unfinished work is discarded, because %s was %s and is now %s", self.name, *difference)
        self._clear()
        write_json(self.folder / IDENTITY, dict(identity))
        return False

    def remove(self) -> None:
        """Remove the folder: the work is finished."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _has_content(self) -> bool:
        return any(path.name != LOCK and not path.name.startswith(IDENTITY) for path in self.folder.glob("*"))

    def _clear(self) -> None:
        for path in self.folder.glob("*"):
            if path.name != LOCK:
                _remove(path)


def identity_difference(saved: Mapping[str, Any], wanted: Mapping[str, Any]) -> Difference | None:
    """The first field in which a saved identity differs from a wanted one, or None.

    Args:
        saved: as it was read from JSON.
        wanted: the identity now; tuples count as lists, as in JSON.
    """
    return first_difference(saved, json.loads(json.dumps(wanted)))


def read_json(path: Path) -> Any:
    """The content of a JSON file; None where the file is missing or is not JSON, such as one that a kill cut off."""
    try:
        return parse_json(path.read_bytes())
    except (OSError, ValueError):
        return None


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _flush(path: Path) -> None:
    """Flush a file, or every file below a folder, to the disk."""
    for file in path.rglob("*") if path.is_dir() else [path]:
        _flush_entry(file)


def _flush_entry(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
