"""Part of what embeddings files hold, read as if it were a file of its own: some rows, of one or of several files, and
some channels."""

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
    """Rows of files that were made alike, in this order, and some of their channels. It is as light as its files'
    handles.

    Args:
        files: which all have the same classes, channels and fingerprint.
        rows: of each file, those that are selected.
        channels: places of those that are selected.
    """

    files: tuple[EmbeddingFile, ...]
    rows: tuple[np.ndarray, ...]
    channels: tuple[int, ...]

    @property
    def path(self) -> Path:
        return self.files[0].path

    @cached_property
    def header(self) -> EmbeddingHeader:
        whole = self.files[0].header
        _, frames, _, width = whole.shape
        return replace(
            whole,
            shape=(len(self), frames, len(self.channels), width),
            channel_names=tuple(whole.channel_names[place] for place in self.channels),
            sources=self._sources(),
        )

    def _sources(self) -> str:
        digest = hashlib.sha256()
        for file, rows in zip(self.files, self.rows, strict=True):
            digest.update(file.header.sources.encode())
            digest.update(rows.astype(np.int64).tobytes())
        return digest.hexdigest()

    @cached_property
    def labels(self) -> np.ndarray:
        return np.concatenate(self._of_each(lambda file: file.labels))

    @cached_property
    def views(self) -> np.ndarray:
        return np.concatenate(self._of_each(lambda file: file.views))

    @cached_property
    def sequence_ids(self) -> list[str]:
        return list(chain(*self._of_each(lambda file: np.array(file.sequence_ids, object))))

    @cached_property
    def hands(self) -> tuple[np.ndarray, np.ndarray]:
        return tuple(np.concatenate(self._of_each(lambda file, n=n: file.hands[n])) for n in (0, 1))  # type: ignore

    def _of_each(self, array: Callable[[EmbeddingFile], np.ndarray]) -> list[np.ndarray]:
        return [array(file)[rows] for file, rows in zip(self.files, self.rows, strict=True)]

    def __len__(self) -> int:
        return sum(map(len, self.rows))

    def place(self, row: int) -> str:
        """Where a row lies on disk."""
        file, inside = self.locate(row)
        return self.files[file].place(inside)

    def locate(self, row: int) -> tuple[int, int]:
        """Number of the file that holds the row, and the row's number in it."""
        ends = np.cumsum([len(rows) for rows in self.rows])
        file = int(np.searchsorted(ends, row, side="right"))
        return file, int(self.rows[file][row - ends[file]])  # counted from the file's end, so below zero

    def reader(self) -> "SelectionReader":
        """Reads single clips, (T, selected channels, D)."""
        return SelectionReader(self)


Embeddings = EmbeddingFile | EmbeddingSelection


class SelectionReader:
    """A `ClipReader` for a selection."""

    def __init__(self, selection: EmbeddingSelection) -> None:
        self.selection = selection
        self._readers = [file.reader() for file in selection.files]
        self._channels = list(selection.channels)
        self._stored = selection.files[0].header.shape[1:]

    def __call__(self, row: int, out: np.ndarray) -> None:
        """Read row `row` into `out`, (T, selected channels, D) of any float type."""
        file, inside = self.selection.locate(row)
        clip = np.empty(self._stored, out.dtype)
        self._readers[file](inside, clip)
        np.take(clip, self._channels, axis=1, out=out)

    def open(self) -> None:
        """Open the files before threads ask for it."""
        for reader in self._readers:
            reader.open()


def select_clean_views(files: Sequence[EmbeddingFile], chosen: Container[str]) -> EmbeddingSelection:
    """The clean view of each sequence whose id is `chosen`, from files that were made alike."""
    rows = tuple(
        np.flatnonzero((file.views == 0) & np.array([name in chosen for name in file.sequence_ids], bool))
        for file in files
    )
    return EmbeddingSelection(tuple(files), rows, tuple(range(len(files[0].header.channel_names))))


def select_channels(embeddings: Embeddings, names: Iterable[str]) -> Embeddings:
    """These channels alone, in the order of the file.

    Raises:
        HandGesturesError: there is no such channel.
    """
    there, wanted = embeddings.header.channel_names, set(names)
    if wanted == set(there):
        return embeddings
    if unknown := wanted - set(there):
        raise HandGesturesError(
            f"channels are chosen among those of {embeddings.path}, but {min(unknown)!r} is none of "
            f"{', '.join(there)}; run feature_engineering again or choose another"
        )
    places = [place for place, name in enumerate(there) if name in wanted]
    if isinstance(embeddings, EmbeddingFile):
        return EmbeddingSelection((embeddings,), (np.arange(len(embeddings)),), tuple(places))
    return replace(embeddings, channels=tuple(embeddings.channels[place] for place in places))


def remaining_channels(channel_names: Sequence[str], leave_out: Iterable[str]) -> list[str]:
    """The channels that are left when some are left out: by name ("left_vit"), region ("left") or backbone ("vit").

    Raises:
        HandGesturesError: one of `leave_out` names no channel, or no channel is left.
    """
    remaining = list(channel_names)
    for name in leave_out:
        meant = {channel for channel in channel_names if name == channel or name in channel.split("_")[:2]}
        if not meant:
            raise HandGesturesError(
                f"channels.leave_out names channels, regions (left, right, full) or backbones (vit, resnext), but "
                f"{name!r} is none; the channels are {', '.join(channel_names)}"
            )
        remaining = [channel for channel in remaining if channel not in meant]
    if not remaining:
        raise HandGesturesError(
            f"a classifier needs one channel at least, but channels.leave_out, {', '.join(leave_out)}, leaves none; "
            "name fewer"
        )
    return remaining
