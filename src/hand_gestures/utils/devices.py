"""Which device to compute on, in which precision, and how much at a time."""

import torch

from hand_gestures.utils.errors import HandGesturesError

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
CPU_BATCH, CUDA_BATCH = 8, 128  # frames; on a CPU larger batches gain nothing and cost memory
FRAME_MEMORY = (
    96 << 20
)  # bytes of a CUDA device that a frame's regions take at most, with what the networks make of them


def choose_device(name: str) -> torch.device:
    """`"auto"` is a CUDA device where there is one, else the CPU."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if name.startswith("cuda") and not torch.cuda.is_available():
        raise HandGesturesError(
            f"device '{name}' needs a CUDA device, but none is visible here; set device to auto or cpu"
        )
    return torch.device(name)


def choose_precision(precision: str, device: str) -> str:
    """`"auto"` is bfloat16 on CUDA and float32 elsewhere."""
    if precision == "auto":
        return "bfloat16" if choose_device(device).type == "cuda" else "float32"
    return precision


def choose_batch_size(device: torch.device) -> int:
    """Frames at a time: by the device's whole memory, not by what is free now, so that a run that goes on after a
    kill computes in the same batches."""
    if device.type != "cuda":
        return CPU_BATCH
    fitting = torch.cuda.get_device_properties(device).total_memory // FRAME_MEMORY
    return max(CPU_BATCH, min(CUDA_BATCH, 1 << (fitting.bit_length() - 1)))


def out_of_memory(error: RuntimeError) -> bool:
    """Whether a device, or the machine itself, could not give the memory that was asked for."""
    return isinstance(error, torch.OutOfMemoryError) or "can't allocate memory" in str(error)
