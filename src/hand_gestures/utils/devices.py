"""Which device to compute on, in which precision, and how many frames at a time."""

import logging
import re
from pathlib import Path

import torch

from hand_gestures.utils.errors import HandGesturesError

logger = logging.getLogger(__name__)

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
CPU_BATCH, CUDA_BATCH = 8, 128  # frames; on a CPU larger batches gain nothing and cost memory
FRAME_MEMORY = 96 << 20  # bytes of a CUDA device that one frame needs at most: its regions and their activations
BFLOAT16_CAPABILITY = (8, 0)  # the first CUDA devices whose matrix units compute in bfloat16
NVIDIA_DRIVER = Path("/proc/driver/nvidia/version")  # exists where the kernel has loaded NVIDIA's driver
ALLOCATION_FAILED = ("can't allocate memory", "CUBLAS_STATUS_ALLOC_FAILED", "CUDNN_STATUS_ALLOC_FAILED")


def choose_device(name: str) -> torch.device:
    """The device with this name.

    Args:
        name: "auto" (a CUDA device if there is one, else the CPU), "cpu", "cuda", "cuda:1" or "mps".

    Raises:
        HandGesturesError: a device is named that is not visible.
    """
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        warn_about_unused_gpu()
        return torch.device("cpu")
    visible = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if name.startswith("cuda") and (torch.device(name).index or 0) >= visible:
        seen = f"only {visible} of them are visible" if visible else "none is visible"
        raise HandGesturesError(f"device '{name}' needs a CUDA device, but {seen} here; set device to auto or cpu")
    if name == "mps" and not torch.backends.mps.is_available():
        raise HandGesturesError("device 'mps' needs an Apple GPU, but none is visible here; set device to auto or cpu")
    return torch.device(name)


def warn_about_unused_gpu() -> None:
    """Warn where the machine has an NVIDIA GPU that PyTorch cannot use."""
    if not NVIDIA_DRIVER.is_file():
        return
    remedy = (
        f"PyTorch is built for CUDA {torch.version.cuda}, so update the driver, or start the container with --gpus all"
        if torch.version.cuda
        else "this PyTorch is built without CUDA, so install the default build"
    )
    logger.warning(
        "computing on the CPU, because PyTorch cannot use the NVIDIA GPU of this machine (driver %s); %s",
        _driver_version(),
        remedy,
    )


def describe_gpus() -> dict[str, str]:
    """The CUDA devices that PyTorch sees, for the record of a run.

    Returns:
        Their names with memory and compute capability, the versions of driver and CUDA; empty without such a device.
    """
    if not torch.cuda.is_available():
        return {}
    devices = [torch.cuda.get_device_properties(index) for index in range(torch.cuda.device_count())]
    names = [f"{device.name} ({device.total_memory >> 30} GiB, {device.major}.{device.minor})" for device in devices]
    return {"gpus": ", ".join(names), "gpu_driver": _driver_version(), "cuda": str(torch.version.cuda)}


def _driver_version() -> str:
    text = NVIDIA_DRIVER.read_text() if NVIDIA_DRIVER.is_file() else ""
    found = re.search(r"\b\d+\.\d+(\.\d+)*\b", text)
    return found.group() if found else "unknown"


def choose_precision(precision: str, device: str) -> str:
    """The precision to compute in.

    Args:
        precision: "auto" or a key of `DTYPES`. "auto" is float32 on a CPU and on Apple GPUs; on CUDA devices it is
            bfloat16, or float16 where they have no matrix units for bfloat16 (T4, V100, RTX 20).
        device: as in `choose_device`.
    """
    if precision != "auto":
        return precision
    chosen = choose_device(device)
    if chosen.type != "cuda":
        return "float32"
    # `torch.cuda.is_bf16_supported` also accepts devices that emulate it, many times slower
    return "bfloat16" if torch.cuda.get_device_capability(chosen) >= BFLOAT16_CAPABILITY else "float16"


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
    return isinstance(error, torch.OutOfMemoryError) or any(text in str(error) for text in ALLOCATION_FAILED)
