"""Work that survives a kill: files that appear whole, one writer at a time, unfinished work that is continued."""

import json
import logging
import os
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from hand_gestures.utils.errors import HandGesturesError
from hand_gestures.utils.nested import Difference, first_difference, parse_json
from hand_gestures.utils.process_identity import ProcessIdentity, is_gone, parse_process, this_process

logger = logging.getLogger(__name__)

IDENTITY, LOCK = "identity.json", "lock"
# A process that starts or ends holds a lock for a moment without its name in the file.
OWNER_READS, OWNER_WAIT_SECONDS, UNKNOWN_OWNER = 20, 0.05, "another run is writing there"


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
def exclusive_lock(folder: Path, name: str = LOCK, wait_seconds: float = 0) -> Iterator[None]:
    """Allow one process at a time to write to a folder.

    The operating system holds the lock, so the lock of a killed process is free. Its file says who holds it.

    Args:
        folder: what is locked; it is created.
        name: of the file of the lock in the folder.
        wait_seconds: how long to wait for another process.

    Raises:
        HandGesturesError: another process holds the lock, or the folder cannot be written or has no locks.
    """
    file = folder / name
    lock = FileLock(file, thread_local=False, fallback_to_soft=False)  # a soft lock would survive a kill
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _acquire(lock, file, wait_seconds)
        previous, since = _read_owner(file)
        _write_owner(file, {**this_process()._asdict(), "since": datetime.now().astimezone().isoformat(" ", "seconds")})
    except OSError as error:  # `Timeout` is an OSError too
        lock.release()
        if isinstance(error, Timeout):
            raise _locked_error(folder, *_read_owner(file)) from error
        raise HandGesturesError(
            f"a run needs a lock in the folder that it writes to, but {file} cannot be locked "
            f"({error.strerror or error}); make the folder writable, free disk space, or write to a file system that "
            "has locks"
        ) from error
    if previous is not None and previous.computer != this_process().computer:
        # some network file systems keep locks on one host
        logger.warning(
            "the last run that wrote to %s (process %d on host %s, since %s) did not say that it has ended; if it "
            "still runs, stop this run: the file system does not share locks between hosts",
            folder,
            previous.pid,
            previous.host,
            since,
        )
    try:
        yield
    finally:
        with suppress(OSError):
            _write_owner(file, None)
        lock.release()


def _acquire(lock: FileLock, file: Path, wait_seconds: float) -> None:
    """Acquire the lock, or fail when its owner is known and no time is left."""
    for _ in range(OWNER_READS):
        try:
            lock.acquire(timeout=wait_seconds)
            return
        except Timeout:
            owner, _since = _read_owner(file)
            if owner is not None and not is_gone(owner):
                raise
            time.sleep(OWNER_WAIT_SECONDS)  # the owner locks and unlocks a moment before it writes its name
    lock.acquire(timeout=wait_seconds)


def _read_owner(file: Path) -> tuple[ProcessIdentity | None, str]:
    """Who holds a lock, and since when."""
    content = read_json(file)
    owner = parse_process(content)
    return owner, content.get("since", "") if owner else ""


def _write_owner(file: Path, owner: Mapping[str, Any] | None) -> None:
    file.write_text("" if owner is None else json.dumps(owner))  # in place: the lock belongs to this file


def _locked_error(folder: Path, owner: ProcessIdentity | None, since: str) -> HandGesturesError:
    who = f"process {owner.pid} on host {owner.host} has been writing there since {since}" if owner else UNKNOWN_OWNER
    return HandGesturesError(
        f"one run at a time may write to {folder}, but {who}; wait until it ends, stop it, or let this run write to "
        "another folder"
    )


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
