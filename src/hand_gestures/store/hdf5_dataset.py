"""Embeddings as PyTorch items and batches."""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from torch.utils.data import Dataset

from hand_gestures.store.batch_memory import BatchMemory
from hand_gestures.store.selection import Embeddings
from hand_gestures.utils.devices import DTYPES
from hand_gestures.utils.errors import HandGesturesError
from hand_gestures.utils.machine import available_cores, free_memory


class EmbeddedClip(NamedTuple):
    """One item, or one batch with a first axis B.

    Attributes:
        clip: float32 (C, T, D): time follows the channel, as the networks expect it.
        label: int64, class index.
        row: int64, index of the row in the file.
    """

    clip: torch.Tensor
    label: torch.Tensor
    row: torch.Tensor


class HDF5Dataset(Dataset):
    """Rows of an embeddings file or selection, kept in memory or read from disk one by one.

    Args:
        file: handle on the file; each process opens it at its first read.
        preload: keep all rows in memory; "auto" does so where they fit in `share` of `free_memory`.
        share: part of the free memory that "auto" may use, 0 to 1.
        precision: dtype of the numbers in memory; items are always float32.
        device: a CUDA device keeps the rows in its own memory, where they fit in `share` of what is free there.

    Raises:
        HandGesturesError: a preloaded clip is damaged or not finite; without preloading, reading that item raises it.

    Example:
        >>> dataset = HDF5Dataset(EmbeddingFile(Path("train.h5")))
        >>> loader = DataLoader(dataset, 32, shuffle=True, collate_fn=identity_collate)
    """

    def __init__(
        self,
        file: Embeddings,
        preload: bool | Literal["auto"] = "auto",
        share: float = 0.25,
        precision: Literal["float32", "float16"] = "float32",
        device: torch.device | None = None,
    ) -> None:
        self.file = file
        self.labels = torch.from_numpy(file.labels)
        self._read = file.reader()
        self._memory = BatchMemory()
        dtype = DTYPES[precision]
        # the memory that is free now: a second training beside this one leaves less
        size = int(np.prod(file.header.shape)) * dtype.itemsize
        on_device = device is not None and device.type == "cuda" and size <= torch.cuda.mem_get_info(device)[0] * share
        if preload == "auto":
            preload = on_device or size <= free_memory() * share
        self.preloaded = self._read_all(dtype, device if on_device else None) if preload else None

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, row: int) -> EmbeddedClip:
        batch = self.__getitems__([row])
        return EmbeddedClip(batch.clip[0], batch.label[0], batch.row[0])

    def __getitems__(self, rows: list[int]) -> EmbeddedClip:
        """The batch of these rows; a `DataLoader` calls this method, not `__getitem__`, where it exists."""
        index = torch.as_tensor(rows)
        if self.preloaded is not None and self.preloaded.is_cuda:
            clips = self.preloaded.index_select(0, index.to(self.preloaded.device, non_blocking=True)).float()
            return EmbeddedClip(clips, self.labels[index], index)
        clips = self._memory.take((len(rows), *self._item_shape()))
        fill = self._read_into if self.preloaded is None else self._copy_into
        for row, clip in zip(rows, clips, strict=True):
            fill(row, clip)
        return EmbeddedClip(clips, self.labels[index], index)

    def _item_shape(self) -> tuple[int, int, int]:
        _, frames, channels, width = self.file.header.shape
        return channels, frames, width

    def _read_into(self, row: int, clip: torch.Tensor) -> None:
        """Read a row, (T, C, D) on disk, into `clip`, (C, T, D)."""
        stored = np.empty(self.file.header.shape[1:], np.float32)
        self._read(row, stored)
        if not np.isfinite(stored).all():
            raise HandGesturesError(
                f"embeddings must be finite numbers, but those of '{self.file.sequence_ids[row]}', view "
                f"{self.file.views[row]} ({self.file.location(row)}) are not; remove the file and run "
                "feature_engineering again, with extraction.precision float32 if it was lower"
            )
        # numpy copies in this thread; torch would wait for its own threads, which the other readers keep busy
        np.copyto(clip.numpy(), stored.transpose(1, 0, 2), casting="same_kind")

    def _copy_into(self, row: int, clip: torch.Tensor) -> None:
        """Copy a preloaded row into `clip`, (C, T, D), in this thread.

        With several threads the copy is as fast on an idle machine, and beside another program all threads wait for
        the one whose core is taken.
        """
        stored = self.preloaded[row]  # type: ignore[index]
        if stored.dtype == clip.dtype:
            np.copyto(clip.numpy(), stored.numpy())
        else:  # torch converts ten times as fast as numpy, and uses one thread for fewer than 32,768 numbers
            for narrow, wide in zip(stored, clip, strict=True):
                wide.copy_(narrow)

    def _read_all(self, dtype: torch.dtype, device: torch.device | None) -> torch.Tensor:
        """All rows, (N, C, T, D); one thread per core unpacks them."""
        clips = torch.empty((len(self), *self._item_shape()), dtype=dtype, device=device)
        self._read.open()  # here, or all threads would open the file at once
        read = self._read_into if device is None else self._copy_to_device
        with ThreadPoolExecutor(available_cores()) as readers:
            for _ in readers.map(read, range(len(self)), clips):
                pass  # take every result: this raises the error of a thread
        return clips

    def _copy_to_device(self, row: int, clip: torch.Tensor) -> None:
        """Read a row into `clip`, (C, T, D) in the memory of a device."""
        unpacked = torch.empty(self._item_shape())
        self._read_into(row, unpacked)
        clip.copy_(unpacked)


def identity_collate(batch: Any) -> EmbeddedClip:
    """`collate_fn` for a dataset that returns whole batches; collating single items costs ten times as much.

    Args:
        batch: what `HDF5Dataset.__getitems__` returned.

    Returns:
        The same batch.
    """
    return batch


def mean_and_spread(dataset: HDF5Dataset, rows: Iterable[int]) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean and standard deviation over some rows and all their time steps, with one row in memory at a time.

    Args:
        dataset: the clips.
        rows: indices of at least one row.

    Returns:
        Mean and standard deviation, each float32 (C, D).
    """
    total = square = torch.zeros((), dtype=torch.float64)
    count = 0
    for row in rows:
        # (C, T, D); in float32 the sums of many rows would lose digits, and a device would add in another order
        clip = dataset[row].clip.cpu().double()
        total = total + clip.sum(dim=1)
        square = square + clip.square().sum(dim=1)
        count += clip.shape[1]
    mean = total / count
    # rounding can make the variance of a constant feature slightly negative
    return mean.float(), (square / count - mean.square()).clamp(min=0).sqrt().float()
