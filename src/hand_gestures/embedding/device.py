"""Which device to compute on, and in which precision."""

import torch

from hand_gestures.errors import HandGesturesError

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


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
