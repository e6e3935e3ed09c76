"""Find rows that were computed before: in the embeddings files of a folder, in unfinished parts, in files elsewhere."""

import logging
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

import h5py
import numpy as np

from hand_gestures.store.checkpoint import FOLDER_SUFFIX, PART_SUFFIX, Part, PartContent, read_part, read_part_keys
from hand_gestures.store.chunk_packing import is_packed_by_clip, pack_chunk
from hand_gestures.store.embedding_file import EmbeddingFile, EmbeddingHeader, UpgradedRows
from hand_gestures.store.file_check import EMBEDDINGS, find_dataset
from hand_gestures.utils.errors import HandGesturesError

logger = logging.getLogger(__name__)


class DamagedRowError(Exception):
    """A row that was found cannot be read: it must be computed again."""


class FoundRow(NamedTuple):
    """A row as it is on disk: the packed clip (T, C, D), and whether it is a mirror image."""

    chunk: bytes
    mirrored: bool


class RowSearch:
    """Where each wanted row is on disk.

    Args:
        wanted: the header of the file that is written.
        row_keys: the keys of its rows.
        hands_keys: the keys of its hands.
        upgrade: see `PendingEmbeddings.upgrade`.

    Example:
        >>> with RowSearch(header, row_keys, hands_keys, upgrade) as search:
        ...     search.add_folder(Path("data/05_model_input"))
        ...     chunk, mirrored = search.read_row(key)
    """

    def __init__(
        self,
        wanted: EmbeddingHeader,
        row_keys: set[bytes],
        hands_keys: set[bytes],
        upgrade: Callable[[EmbeddingFile], UpgradedRows | None],
    ) -> None:
        self.wanted = wanted
        self.rows: dict[bytes, tuple[_FileRows | _PartRows, int]] = {}
        self.hands: dict[bytes, tuple[_FileRows | _PartRows, int]] = {}
        self._row_keys, self._hands_keys = row_keys, hands_keys
        self._upgrade = upgrade
        self._parts = _PartReader()
        self._open: list[_FileRows] = []

    def __enter__(self) -> "RowSearch":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Close all files; reading opens them again."""
        for source in self._open:
            source.close()

    def add_folder(self, folder: Path) -> None:
        """Search all embeddings files of a folder, and what unfinished runs left there.

        Args:
            folder: the folder of an embeddings file.
        """
        leftovers = sorted(folder.glob(f"*{FOLDER_SUFFIX}"))
        for path in [*sorted(folder.glob("*.h5")), *(path for left in leftovers for path in sorted(left.glob("*.h5")))]:
            self.add_file(path)
        damaged = []
        for path in (path for left in leftovers for path in sorted(left.glob(f"*{PART_SUFFIX}"))):
            try:
                self.add_part(read_part_keys(path))
            except Exception as error:  # a damaged zip file raises almost any class
                damaged.append((path, error))
        if damaged:
            logger.warning(
                "%d unfinished parts cannot be read, their rows are computed again if they are wanted; the first is "
                "%s (%s)",
                len(damaged),
                *damaged[0],
            )

    def add_file(self, path: Path) -> None:
        """Search one embeddings file; a file that cannot be used is left out with a warning.

        Args:
            path: the file.
        """
        try:
            source = _FileRows(EmbeddingFile(path), self._upgrade)
        except HandGesturesError as error:
            logger.warning("%s cannot be read, no rows are copied from it (%s)", path.name, error)
            return
        if source.contents is None:
            logger.warning(
                "%s has schema version 1, and its clips differ from those of today: no rows are copied from it", path
            )
            return
        self._open.append(source)
        header, keys = source.file.header, source.file.header.keys()
        fits = header.shape[1:] == self.wanted.shape[1:] and header.storage == self.wanted.storage
        same_hands = (header.hand_frames, header.max_hands) == (self.wanted.hand_frames, self.wanted.max_hands)
        for row, (content, view) in enumerate(zip(source.contents, source.views.tolist(), strict=True)):
            key = keys.row(content.tobytes(), view)
            if fits and key in self._row_keys:
                self.rows.setdefault(key, (source, row))
            key = keys.hands(content.tobytes())
            if same_hands and key in self._hands_keys:
                self.hands.setdefault(key, (source, row))

    def add_part(self, part: Part) -> None:
        """Add a part file; its rows have priority, because what was found before may be damaged.

        Args:
            part: its path and keys.
        """
        source = _PartRows(part.path, self._parts)
        for row, key in enumerate(part.row_keys):
            if key in self._row_keys:
                self.rows[key] = source, row
        if part.hands_key in self._hands_keys:
            self.hands[part.hands_key] = source, 0

    def forget(self, keys: Iterable[bytes]) -> None:
        """Count these rows and hands as missing, because they cannot be read.

        Args:
            keys: of rows or hands.
        """
        for key in keys:
            self.rows.pop(key, None)
            self.hands.pop(key, None)

    def read_row(self, key: bytes) -> FoundRow:
        """Read a row without unpacking it.

        Args:
            key: of a row in `rows`.

        Raises:
            DamagedRowError: it cannot be read.
        """
        source, row = self.rows[key]
        try:
            return source.read_row(row)
        except Exception as error:  # damaged files raise almost any class
            raise DamagedRowError(f"{source.path} ({error})") from error

    def read_hands(self, key: bytes) -> tuple[np.ndarray, np.ndarray]:
        """Read hands.

        Args:
            key: of hands in `hands`.

        Returns:
            Boxes float32 (S, K, 4) and scores float32 (S, K).

        Raises:
            DamagedRowError: they cannot be read.
        """
        source, row = self.hands[key]
        shape = len(self.wanted.hand_frames), self.wanted.max_hands
        try:
            boxes, scores = source.read_hands(row)
            if boxes.shape != (*shape, 4) or scores.shape != shape:
                raise ValueError(f"hands have the shape {scores.shape} instead of {shape}")
            return boxes, scores
        except Exception as error:
            raise DamagedRowError(f"{source.path} ({error})") from error


class _FileRows:
    """Rows of an embeddings file."""

    def __init__(self, file: EmbeddingFile, upgrade: Callable[[EmbeddingFile], UpgradedRows | None]) -> None:
        self.file, self.path = file, file.path
        self.views, self.contents, self.mirrored = file.views, file.contents, file.mirrored
        if file.header.schema_version == 1 and (upgraded := upgrade(file)) is not None:
            self.contents, self.mirrored = upgraded
        self._data: h5py.Dataset = None
        self._packed = False

    def read_row(self, row: int) -> FoundRow:
        assert self.mirrored is not None
        if self._data is None:
            self._data = find_dataset(self.file.open(), EMBEDDINGS)
            self._packed = is_packed_by_clip(self._data)
        if self._packed:
            skipped_filters, chunk = self._data.id.read_direct_chunk((row, 0, 0, 0))
            if skipped_filters == 0:
                return FoundRow(chunk, bool(self.mirrored[row]))
        clip = np.empty(self._data.shape[1:], self._data.dtype.newbyteorder("="))  # a layout of another program
        self.file.reader()(row, clip)
        return FoundRow(pack_chunk(clip), bool(self.mirrored[row]))

    def read_hands(self, row: int) -> tuple[np.ndarray, np.ndarray]:
        boxes, scores = self.file.hands
        return boxes[row], scores[row]

    def close(self) -> None:
        if self._data is not None:
            self._data.file.close()
            self._data = None


class _PartReader:
    """Reads part files and keeps the last one: the rows of a sequence are read one after another."""

    def __init__(self) -> None:
        self._path: Path | None = None
        self._content: PartContent | None = None

    def __call__(self, path: Path) -> PartContent:
        if self._content is None or path != self._path:
            self._path, self._content = path, read_part(path)
        return self._content


class _PartRows:
    """Rows of a part file."""

    def __init__(self, path: Path, reader: _PartReader) -> None:
        self.path = path
        self._reader = reader

    def read_row(self, row: int) -> FoundRow:
        part = self._reader(self.path)
        return FoundRow(part.chunks[row], bool(part.mirrored[row]))

    def read_hands(self, row: int) -> tuple[np.ndarray, np.ndarray]:
        hands = self._reader(self.path).hands
        if hands is None:
            raise ValueError("it holds no hands")
        return hands
