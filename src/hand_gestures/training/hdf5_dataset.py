"""Embeddings as PyTorch items and batches."""

import os
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from torch.utils.data import Dataset

from hand_gestures.embedding.selection import Embeddings
from hand_gestures.errors import HandGesturesError
from hand_gestures.training.buffers import BatchBuffers
from hand_gestures.training.shared_memory import free_memory, shared_tensor

DTYPES = {"float32": torch.float32, "float16": torch.float16}


class EmbeddedClip(NamedTuple):
    """One item, or one batch of them: `clip` float32 (C, T, D), time after channel as the network wants it."""

    clip: torch.Tensor
    label: torch.Tensor
    row: torch.Tensor


class HDF5Dataset(Dataset):
    """Rows of an embeddings file or selection, kept in memory or read one by one.

    A `DataLoader` with `collate_fn=as_it_is` gets whole batches, which costs a tenth of collating items.

    Args:
        file: handle on the file; it is opened when first read, and in each process anew.
        preload: keep all rows in memory; "auto" does so where they fit in `share` of what is free.
        share: of the free memory, 0..1.
        precision: of the numbers in memory; items are float32 always.
        shared: what is kept in memory is sent to other processes as it is; else each gets a copy.
    """

    def __init__(
        self,
        file: Embeddings,
        preload: bool | Literal["auto"] = "auto",
        share: float = 0.25,
        precision: Literal["float32", "float16"] = "float32",
        shared: bool = False,
    ) -> None:
        self.file = file
        self.labels = torch.from_numpy(file.labels)
        self._read = file.reader()
        self._buffers = BatchBuffers()
        size = int(np.prod(file.header.shape)) * DTYPES[precision].itemsize
        fits = size <= free_memory(shared) * share
        self.preloaded = self._read_all(DTYPES[precision], shared) if (fits if preload == "auto" else preload) else None

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, row: int) -> EmbeddedClip:
        batch = self.__getitems__([row])
        return EmbeddedClip(batch.clip[0], batch.label[0], batch.row[0])

    def __getitems__(self, rows: list[int]) -> EmbeddedClip:
        """The batch of these rows; what a `DataLoader` calls."""
        _, frames, channels, width = self.file.header.shape
        index = torch.as_tensor(rows)
        batch = self._buffers.take((len(rows), channels, frames, width))
        if self.preloaded is None:
            for row, clip in zip(rows, batch, strict=True):
                self._read_into(row, clip)
        elif self.preloaded.dtype == batch.dtype:
            torch.index_select(self.preloaded, 0, index, out=batch)
        else:
            batch.copy_(self.preloaded[index])
        return EmbeddedClip(batch, self.labels[index], index)

    def _read_into(self, row: int, clip: torch.Tensor) -> None:
        """Read a row, (T, C, D) on disk, into (C, T, D)."""
        stored = np.empty(self.file.header.shape[1:], np.float32)
        self._read(row, stored)
        if not np.isfinite(stored).all():
            raise HandGesturesError(
                f"embeddings must be finite numbers, but those of '{self.file.sequence_ids[row]}', view "
                f"{self.file.views[row]} ({self.file.place(row)}) are not; remove the file and run "
                "feature_engineering again, in extraction.precision float32 if it was a lower one"
            )
        # numpy copies in this thread; torch would ask others, which readers beside this one keep busy
        np.copyto(clip.numpy(), stored.transpose(1, 0, 2), casting="same_kind")

    def _read_all(self, dtype: torch.dtype, shared: bool) -> torch.Tensor:
        """All rows (N, C, T, D), inflated by a thread a core."""
        rows, frames, channels, width = self.file.header.shape
        shape = (rows, channels, frames, width)
        clips = shared_tensor(shape, dtype) if shared else torch.empty(shape, dtype=dtype)
        self._read.open()
        with ThreadPoolExecutor(os.cpu_count()) as readers:
            for _ in readers.map(self._read_into, range(rows), clips):
                pass
        return clips


def as_it_is(batch: Any) -> EmbeddedClip:
    """`collate_fn` for a dataset that gives whole batches."""
    return batch


def mean_and_spread(dataset: HDF5Dataset) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean and standard deviation over all rows and time steps, each (C, D), one row in memory at a time."""
    total = square = torch.zeros((), dtype=torch.float64)
    count = 0
    for row in range(len(dataset)):
        clip = dataset[row].clip.double()
        total = total + clip.sum(dim=1)
        square = square + clip.square().sum(dim=1)
        count += clip.shape[1]
    mean = total / count
    return mean.float(), (square / count - mean.square()).clamp(min=0).sqrt().float()
