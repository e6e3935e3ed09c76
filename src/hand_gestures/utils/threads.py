"""How many threads torch computes with on a CPU (docs/adr/0025)."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import torch
from torch import nn

from hand_gestures.utils.machine import available_cores

# Parameters from which a network is faster with several threads. Those of a smaller one spend their time waiting for
# each other, and beside another program this waiting multiplies the time of a training.
LARGE_NETWORK = 2_000_000


def choose_threads(setting: int | Literal["auto"], network: nn.Module) -> int:
    """Number of threads for a network.

    The size of the network decides, never a measured time: the number of threads changes the last digits of a result,
    and a training that continues after a kill must choose as before.

    Args:
        setting: `training.threads`.
        network: the network that is trained or evaluated.

    Returns:
        The setting; for "auto", 1 for a small network, and for a large one the cores of this process, or fewer where
        OMP_NUM_THREADS asks for fewer.
    """
    if setting != "auto":
        return setting
    if sum(parameter.numel() for parameter in network.parameters()) < LARGE_NETWORK:
        return 1
    return min(torch.get_num_threads(), available_cores())


@contextmanager
def torch_threads(count: int) -> Iterator[None]:
    """Let torch compute with so many threads inside the block.

    Args:
        count: number of threads.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
