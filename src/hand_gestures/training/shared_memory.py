"""Memory that several processes share."""

import math
import shutil
from pathlib import Path

import psutil
import torch

from hand_gestures.errors import HandGesturesError

PLACE = Path("/dev/shm")  # where Linux keeps it; elsewhere it has no limit of its own


def free_memory(shared: bool) -> int:
    """Bytes that are free, for memory that is shared or not."""
    free = psutil.virtual_memory().available
    return min(free, shutil.disk_usage(PLACE).free) if shared and PLACE.is_dir() else free


def shared_tensor(shape: tuple[int, ...], dtype: torch.dtype) -> torch.Tensor:
    """A tensor that is the same memory in every process that it is sent to.

    Raises:
        HandGesturesError: there is not enough shared memory; containers have little unless more is asked for.
    """
    try:
        return torch.empty(shape, dtype=dtype).share_memory_()  # untouched, the first one takes no room
    except RuntimeError as error:
        raise HandGesturesError(
            "embeddings that several devices train on are kept in shared memory, but "
            f"{math.prod(shape) * dtype.itemsize / 1e9:.1f} GB do not fit into the {free_memory(True) / 1e9:.1f} GB "
            "that are free there; give more (docker run --shm-size) or set training.preload to false"
        ) from error
