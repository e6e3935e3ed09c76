"""A digest of the frames of each clip. A file is read once: its digest is kept with its size and times."""

import logging
import sqlite3
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from hand_gestures.store.row_keys import KEY_BYTES, digest
from hand_gestures.utils.errors import HandGesturesError
from hand_gestures.video.image_files import frame_bytes

logger = logging.getLogger(__name__)

READERS = 8  # threads: on a network disk, most of the time is waiting
SEQUENCES_AT_ONCE = 64  # a kill loses the digests of so many sequences
# A file can change twice within one tick of its clock and keep its size. So the digest of a file is kept only if the
# file was last changed so long before it was read; otherwise it is read again next time.
SETTLED_NS = 2_000_000_000


class FrameFile(NamedTuple):
    """The state of a frame file: where one of these differs, the content may differ.

    Attributes:
        size: bytes.
        mtime_ns: when its content was changed.
        ctime_ns: when its content or its metadata was changed; no program can set it back.
    """

    size: int
    mtime_ns: int
    ctime_ns: int


class FrameDigests:
    """Digests of frame files, kept in a database. A killed run loses the last few; a damaged database is replaced.

    Args:
        database: a SQLite file; its folder is created.
        frames_dir: folder to which paths are relative.

    Example:
        >>> with closing(FrameDigests(Path("frame_digests.sqlite"), frames_dir)) as digests:
        ...     by_path = digests(["wave/a_frame_1.jpg"])
    """

    def __init__(self, database: Path, frames_dir: Path) -> None:
        self.frames_dir = frames_dir.absolute()
        self.database = database
        with _explain_disk_errors(database):
            database.parent.mkdir(parents=True, exist_ok=True)
            try:
                self._kept = _open(database)
            except sqlite3.OperationalError:  # locked or not writable, not damaged
                raise
            except sqlite3.DatabaseError as error:
                logger.warning("%s is damaged: all frames are read again (%s)", database, error)
                for path in database.parent.glob(f"{database.name}*"):  # also its journal
                    path.unlink()
                self._kept = _open(database)
        self._readers = ThreadPoolExecutor(READERS)

    def __call__(self, paths: Iterable[str]) -> dict[str, bytes]:
        """The digest of each file.

        Args:
            paths: relative to `frames_dir`.

        Returns:
            `KEY_BYTES` bytes by path.

        Raises:
            HandGesturesError: a frame is missing.
        """
        found, unknown = {}, []
        for path in dict.fromkeys(paths):
            file = _state(self.frames_dir / path)
            query = "SELECT digest FROM frames WHERE path = ? AND size = ? AND mtime_ns = ? AND ctime_ns = ?"
            row = self._kept.execute(query, (self._name(path), *file)).fetchone()
            if row is not None and len(row[0]) == KEY_BYTES:
                found[path] = row[0]
            else:
                unknown.append(path)
        with _explain_disk_errors(self.database), self._kept:  # one transaction
            for path, (content, state) in zip(unknown, self._readers.map(self._read, unknown), strict=True):
                found[path] = content
                if state is not None:
                    self._kept.execute(
                        "INSERT OR REPLACE INTO frames VALUES (?, ?, ?, ?, ?)", (self._name(path), *state, content)
                    )
        return found

    def close(self) -> None:
        """Close the database."""
        self._readers.shutdown()
        self._kept.close()

    def _name(self, path: str) -> str:
        return str(self.frames_dir / path)

    def _read(self, path: str) -> tuple[bytes, FrameFile | None]:
        """The digest of a file, and its state where the digest may be kept."""
        before = _state(self.frames_dir / path)
        read_at = time.time_ns()
        content = digest((self.frames_dir / path).read_bytes())
        settled = max(before.mtime_ns, before.ctime_ns) < read_at - SETTLED_NS
        return content, before if settled and _state(self.frames_dir / path) == before else None


def digest_clips(sequences: pd.DataFrame, digests: FrameDigests) -> list[str]:
    """A digest of the frames that each clip shows, in their order.

    Args:
        sequences: table with `frames`, the T relative paths of each clip.
        digests: the digests of frame files.

    Returns:
        32 hex digits for each clip. Clips of equal frames have equal digests, whatever their names are.

    Raises:
        HandGesturesError: a frame is missing; better now than after hours of work.
    """
    rows: list[str] = []
    for start in range(0, len(sequences), SEQUENCES_AT_ONCE):
        clips = sequences["frames"].iloc[start : start + SEQUENCES_AT_ONCE]
        by_path = digests(path for clip in clips for path in clip)
        rows += [digest(b"".join(by_path[path] for path in clip)).hex() for clip in clips]
    return rows


def content_bytes(contents: Iterable[str]) -> np.ndarray:
    """The digests of clips as an embeddings file stores them.

    Args:
        contents: N results of `digest_clips`.

    Returns:
        uint8 (N, 16).
    """
    return np.frombuffer(bytes.fromhex("".join(contents)), np.uint8).reshape(-1, KEY_BYTES)


def _open(database: Path) -> sqlite3.Connection:
    kept = sqlite3.connect(database)
    try:
        kept.execute(
            "CREATE TABLE IF NOT EXISTS frames "
            "(path TEXT PRIMARY KEY, size INTEGER, mtime_ns INTEGER, ctime_ns INTEGER, digest BLOB) WITHOUT ROWID"
        )
        (state,) = kept.execute("PRAGMA quick_check(1)").fetchone()
        if state != "ok":
            raise sqlite3.DatabaseError(state)
    except sqlite3.DatabaseError:
        kept.close()
        raise
    return kept


@contextmanager
def _explain_disk_errors(database: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.OperationalError as error:
        raise HandGesturesError(
            f"digests of frames must be written to {database}, but that failed ({error}); free disk space, end other "
            "runs that use this file, or remove it, and run again"
        ) from error


def _state(path: Path) -> FrameFile:
    try:
        state = path.stat()
    except OSError:
        frame_bytes(path)  # explains why
        raise
    return FrameFile(state.st_size, state.st_mtime_ns, state.st_ctime_ns)
