"""Selected rows and channels of embeddings files, read as if they were a file."""

import hashlib
from collections.abc import Callable, Container, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain
from pathlib import Path

import numpy as np

from hand_gestures.store.embedding_file import EmbeddingFile, EmbeddingHeader
from hand_gestures.utils.errors import HandGesturesError


@dataclass(frozen=True, eq=False)
class EmbeddingSelection:
    """Some rows and channels of files that were made alike; as light as the handles on its files.

    It has the properties and methods of `EmbeddingFile`, for the selected rows only.

    Attributes:
        files: files with equal classes, channels and contracts.
        rows: for each file, indices of the selected rows.
        channels: indices of the selected channels.

    Example:
        >>> selection = select_clean_views([train, val], {"wave/a", "wave/b"})
        >>> narrow = select_channels(selection, ["left_vit", "right_vit"])
    """

    files: tuple[EmbeddingFile, ...]
    rows: tuple[np.ndarray, ...]
    channels: tuple[int, ...]

    @property
    def path(self) -> Path:
        """The first file, for messages."""
        return self.files[0].path

    @cached_property
    def header(self) -> EmbeddingHeader:
        """The header of the first file with the shape, the channels and the digest of the rows of this selection."""
        whole = self.files[0].header
        _, frames, _, width = whole.shape
        digest = hashlib.sha256()  # another choice of rows must have another digest, or training would resume
        for file, rows in zip(self.files, self.rows, strict=True):
            digest.update(file.header.rows_digest.encode())
            digest.update(rows.astype(np.int64).tobytes())
        return replace(
            whole,
            shape=(len(self), frames, len(self.channels), width),
            channel_names=tuple(whole.channel_names[channel] for channel in self.channels),
            rows_digest=digest.hexdigest(),
        )

    @cached_property
    def labels(self) -> np.ndarray:
        """See `EmbeddingFile.labels`."""
        return np.concatenate(self._from_each_file(lambda file: file.labels))

    @cached_property
    def views(self) -> np.ndarray:
        """See `EmbeddingFile.views`."""
        return np.concatenate(self._from_each_file(lambda file: file.views))

    @cached_property
    def sequence_ids(self) -> list[str]:
        """See `EmbeddingFile.sequence_ids`."""
        return list(chain(*self._from_each_file(lambda file: np.array(file.sequence_ids, object))))

    @cached_property
    def hands(self) -> tuple[np.ndarray, np.ndarray]:
        """See `EmbeddingFile.hands`."""
        boxes, scores = (self._from_each_file(lambda file, i=i: file.hands[i]) for i in (0, 1))  # type: ignore[misc]
        return np.concatenate(boxes), np.concatenate(scores)

    def __len__(self) -> int:
        return sum(map(len, self.rows))

    def location(self, row: int) -> str:
        """Where a row is on disk, in words for messages."""
        file, file_row = self.find_row(row)
        return self.files[file].location(file_row)

    def find_row(self, row: int) -> tuple[int, int]:
        """Find a row of the selection in its files.

        Args:
            row: index of the row, 0 to N - 1.

        Returns:
            Index of the file, and index of the row in that file.
        """
        ends = np.cumsum([len(rows) for rows in self.rows])
        file = int(np.searchsorted(ends, row, side="right"))
        return file, int(self.rows[file][row - ends[file]])  # a negative index: counted from the end of this file

    def reader(self) -> "SelectionReader":
        """A reader of single clips, (T, selected channels, D)."""
        return SelectionReader(self)

    def _from_each_file(self, array: Callable[[EmbeddingFile], np.ndarray]) -> list[np.ndarray]:
        return [array(file)[rows] for file, rows in zip(self.files, self.rows, strict=True)]


Embeddings = EmbeddingFile | EmbeddingSelection


class SelectionReader:
    """Reads single clips of a selection, as `ClipReader` does for a file.

    Args:
        selection: the rows and channels.
    """

    def __init__(self, selection: EmbeddingSelection) -> None:
        self.selection = selection
        self._readers = [file.reader() for file in selection.files]
        self._channels = list(selection.channels)
        self._stored_shape = selection.files[0].header.shape[1:]

    def __call__(self, row: int, out: np.ndarray) -> None:
        """Read one row.

        Args:
            row: index of the row in the selection.
            out: array (T, selected channels, D) of any float dtype, which is filled.
        """
        file, file_row = self.selection.find_row(row)
        clip = np.empty(self._stored_shape, out.dtype)
        self._readers[file](file_row, clip)
        # a chunk holds all channels of a clip, so they are all unpacked
        np.take(clip, self._channels, axis=1, out=out)

    def open(self) -> None:
        """Open the files in this process; call it before several threads read."""
        for reader in self._readers:
            reader.open()


def select_clean_views(files: Sequence[EmbeddingFile], sequence_ids: Container[str]) -> EmbeddingSelection:
    """Select the clean view of some sequences.

    Args:
        files: files that were made alike.
        sequence_ids: the sequences; an id that is in no file is ignored.

    Returns:
        All channels of these rows, in the order of the files.
    """
    rows = tuple(
        np.flatnonzero((file.views == 0) & np.array([name in sequence_ids for name in file.sequence_ids], bool))
        for file in files
    )
    return EmbeddingSelection(tuple(files), rows, tuple(range(len(files[0].header.channel_names))))


def select_channels(embeddings: Embeddings, names: Iterable[str]) -> Embeddings:
    """Select channels by name.

    Args:
        embeddings: a file or a selection.
        names: channel names in any order.

    Returns:
        These channels in the order of the file; `embeddings` itself where all channels are selected.

    Raises:
        HandGesturesError: a channel does not exist.
    """
    existing, wanted = embeddings.header.channel_names, set(names)
    if wanted == set(existing):  # a plain file needs no copy per clip
        return embeddings
    if unknown := wanted - set(existing):
        raise HandGesturesError(
            f"channels are chosen among those of {embeddings.path}, but {min(unknown)!r} is none of "
            f"{', '.join(existing)}; run feature_engineering again or choose another channel"
        )
    if isinstance(embeddings, EmbeddingFile):
        every_row, every_channel = np.arange(len(embeddings)), tuple(range(len(existing)))
        embeddings = EmbeddingSelection((embeddings,), (every_row,), every_channel)
    chosen = zip(embeddings.channels, existing, strict=True)
    return replace(embeddings, channels=tuple(channel for channel, name in chosen if name in wanted))


def remaining_channels(channel_names: Sequence[str], leave_out: Iterable[str]) -> list[str]:
    """The channels that remain when some are left out.

    Args:
        channel_names: all channels.
        leave_out: names ("left_vit"), regions ("left") or backbones ("vit").

    Returns:
        Channel names in their order.

    Raises:
        HandGesturesError: an entry of `leave_out` matches no channel, or no channel remains.
    """
    remaining = list(channel_names)
    for entry in leave_out:
        matching = {name for name in channel_names if entry == name or entry in name.split("_")[:2]}
        if not matching:
            raise HandGesturesError(
                f"channels.leave_out names channels, regions (left, right, full) or backbones (vit, resnext), but "
                f"{entry!r} is none; the channels are {', '.join(channel_names)}"
            )
        remaining = [name for name in remaining if name not in matching]
    if not remaining:
        raise HandGesturesError(
            f"a classifier needs one channel at least, but channels.leave_out, {', '.join(leave_out)}, leaves none; "
            "name fewer"
        )
    return remaining
