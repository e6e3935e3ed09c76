"""Memory for batches that is used again: for large batches, fresh memory costs more than filling it (docs/adr/0019)."""

import sys

import numpy as np
import torch

MAX_ARRAYS = 4  # arrays that are kept: a training holds two batches at a time, and the last of an epoch is smaller
UNUSED = 3  # references to an array that no tensor holds: of the list, of the loop variable and of getrefcount itself


class BatchMemory:
    """Gives out float32 tensors and uses the memory of a tensor again when it and all its views are gone.

    Example:
        >>> memory = BatchMemory()
        >>> batch = memory.take((32, 12, 32, 768))
    """

    def __init__(self) -> None:
        self._arrays: list[np.ndarray] = []

    def take(self, shape: tuple[int, ...]) -> torch.Tensor:
        """A tensor whose content is arbitrary.

        Args:
            shape: of the tensor.
        """
        for array in self._arrays:
            # a tensor made by `from_numpy` holds a reference to the array for as long as anything holds its memory
            if array.shape == shape and sys.getrefcount(array) == UNUSED:
                return torch.from_numpy(array)
        array = np.empty(shape, np.float32)
        self._arrays = [array, *self._arrays[: MAX_ARRAYS - 1]]
        return torch.from_numpy(array)

    def __getstate__(self) -> dict:
        return {"_arrays": []}  # worker processes need their own memory
