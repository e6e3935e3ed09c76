"""Memory for batches that is used again: fresh memory costs more than filling it."""

import sys

import numpy as np
import torch

KEPT = 4  # buffers of one shape
UNUSED = 3  # references to a buffer that no tensor holds: the list's, the loop's, the counter's own


class BatchBuffers:
    """Gives out float32 tensors. One's memory is given out again when the tensor and all views of it are gone."""

    def __init__(self) -> None:
        self._arrays: list[np.ndarray] = []

    def take(self, shape: tuple[int, ...]) -> torch.Tensor:
        """A tensor of this shape with anything in it."""
        for array in self._arrays:
            if array.shape == shape and sys.getrefcount(array) == UNUSED:
                return torch.from_numpy(array)  # holds the array for as long as anything holds its memory
        array = np.empty(shape, np.float32)
        self._arrays = [array, *self._arrays[: KEPT - 1]]
        return torch.from_numpy(array)

    def __getstate__(self) -> dict:
        return {"_arrays": []}
