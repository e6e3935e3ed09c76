"""Which device to compute on, in which precision, and how many frames at a time."""

import torch

from hand_gestures.utils.errors import HandGesturesError

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
CPU_BATCH, CUDA_BATCH = 8, 128  # frames; on a CPU larger batches gain nothing and cost memory
FRAME_MEMORY = 96 << 20  # bytes of a CUDA device that one frame needs at most: its regions and their activations


def choose_device(name: str) -> torch.device:
    """The device with this name.

    Args:
        name: "auto" (a CUDA device if there is one, else the CPU), "cpu", "cuda", "cuda:1" or "mps".

    Raises:
        HandGesturesError: a CUDA device is named, but none is visible.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if name.startswith("cuda") and not torch.cuda.is_available():
        raise HandGesturesError(
            f"device '{name}' needs a CUDA device, but none is visible here; set device to auto or cpu"
        )
    return torch.device(name)


def choose_precision(precision: str, device: str) -> str:
    """The precision to compute in.

    Args:
        precision: "auto" (bfloat16 on CUDA, else float32) or a key of `DTYPES`.
        device: as in `choose_device`.
    """
    if precision == "auto":
        return "bfloat16" if choose_device(device).type == "cuda" else "float32"
    return precision


def choose_batch_size(device: torch.device) -> int:
    """Number of frames per batch of the backbones.

    The device's total memory decides, not the memory that is free now: a run that continues after a kill must compute
    in the same batches.
    """
    if device.type != "cuda":
        return CPU_BATCH
    fitting = torch.cuda.get_device_properties(device).total_memory // FRAME_MEMORY
    return max(CPU_BATCH, min(CUDA_BATCH, 1 << (fitting.bit_length() - 1)))


def is_out_of_memory(error: RuntimeError) -> bool:
    """Whether the error says that the device, or the machine itself, has too little memory."""
    return isinstance(error, torch.OutOfMemoryError) or "can't allocate memory" in str(error)
