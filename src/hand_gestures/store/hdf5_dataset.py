"""Embeddings as PyTorch items and batches."""

import os
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Literal, NamedTuple

import numpy as np
import psutil
import torch
from torch.utils.data import Dataset

from hand_gestures.store.selection import Embeddings
from hand_gestures.utils.errors import HandGesturesError

DTYPES = {"float32": torch.float32, "float16": torch.float16}


class EmbeddedClip(NamedTuple):
    """One item, or one batch of them: `clip` float32 (C, T, D), time after channel as the network wants it."""

    clip: torch.Tensor
    label: torch.Tensor
    row: torch.Tensor


class HDF5Dataset(Dataset):
    """Rows of an embeddings file or selection, kept in memory or read one by one.

    A `DataLoader` with `collate_fn=identity_collate` gets whole batches, which costs a tenth of collating items.

    Args:
        file: handle on the file; it is opened when first read, and in each process anew.
        preload: keep all rows in memory; "auto" does so where they fit in `share` of what is free.
        share: of the free memory, 0..1.
        precision: of the numbers in memory; items are float32 always.
    """

    def __init__(
        self,
        file: Embeddings,
        preload: bool | Literal["auto"] = "auto",
        share: float = 0.25,
        precision: Literal["float32", "float16"] = "float32",
    ) -> None:
        self.file = file
        self.labels = torch.from_numpy(file.labels)
        self._read = file.reader()
        size = int(np.prod(file.header.shape)) * DTYPES[precision].itemsize
        fits = size <= psutil.virtual_memory().available * share
        self.preloaded = self._read_all(DTYPES[precision]) if (fits if preload == "auto" else preload) else None

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, row: int) -> EmbeddedClip:
        batch = self.__getitems__([row])
        return EmbeddedClip(batch.clip[0], batch.label[0], batch.row[0])

    def __getitems__(self, rows: list[int]) -> EmbeddedClip:
        """The batch of these rows; what a `DataLoader` calls."""
        _, frames, channels, width = self.file.header.shape
        index = torch.as_tensor(rows)
        if self.preloaded is None:
            batch = torch.empty((len(rows), channels, frames, width))
            for row, clip in zip(rows, batch, strict=True):
                self._read_into(row, clip)
        else:
            batch = self.preloaded.index_select(0, index).float()
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

    def _read_all(self, dtype: torch.dtype) -> torch.Tensor:
        """All rows (N, C, T, D), inflated by a thread a core."""
        rows, frames, channels, width = self.file.header.shape
        clips = torch.empty((rows, channels, frames, width), dtype=dtype)
        self._read.open()
        with ThreadPoolExecutor(os.cpu_count()) as readers:
            for _ in readers.map(self._read_into, range(rows), clips):
                pass
        return clips


def identity_collate(batch: Any) -> EmbeddedClip:
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
