"""Embeddings as PyTorch items."""

from typing import Literal, NamedTuple

import h5py
import numpy as np
import psutil
import torch
from einops import rearrange
from torch.utils.data import Dataset

from hand_gestures.embedding.store import EmbeddingFile

PRELOAD_SHARE = 0.25  # of the memory that is free


class EmbeddedClip(NamedTuple):
    """One item, or one batch of them: `clip` float32 (C, T, D), time after channel as the network wants it."""

    clip: torch.Tensor
    label: torch.Tensor
    row: torch.Tensor


class HDF5Dataset(Dataset):
    """Rows of an embeddings file.

    Args:
        file: handle on the file; it is opened when first read and in each process anew, since an HDF5 handle
            does not survive a fork.
        preload: keep all rows in memory; "auto" does so where they fit in a quarter of what is free.
    """

    def __init__(self, file: EmbeddingFile, preload: bool | Literal["auto"] = "auto") -> None:
        self.file = file
        self.labels = torch.from_numpy(file.labels)
        size = int(np.prod(file.header.shape)) * 4
        fits = size <= psutil.virtual_memory().available * PRELOAD_SHARE
        self.preloaded = self._read_all() if (fits if preload == "auto" else preload) else None
        self._open: h5py.File | None = None

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, row: int) -> EmbeddedClip:
        clip = self.preloaded[row] if self.preloaded is not None else torch.from_numpy(self._data()[row])
        return EmbeddedClip(rearrange(clip, "t c d -> c t d"), self.labels[row], torch.tensor(row))

    def __getstate__(self) -> dict:
        return {**self.__dict__, "_open": None}

    def _data(self) -> h5py.Dataset:
        if self._open is None:
            self._open = self.file.open()
        return self._open["embeddings/data"]

    def _read_all(self) -> torch.Tensor:
        rows = torch.empty(self.file.header.shape)
        with self.file.open() as opened:
            for row in range(len(rows)):
                opened["embeddings/data"].read_direct(rows[row].numpy(), np.s_[row])
        return rows


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
