"""Compile backbones: on a CPU they are then 6 to 15 % faster, after half a minute of compiling."""

import logging
from typing import Any, Literal

import torch
from torch import nn

from hand_gestures.utils.errors import HandGesturesError

logger = logging.getLogger(__name__)

COMPILE_FROM_FRAMES = 20_000  # for fewer frames, compiling takes longer than it saves
Compilation = Literal["off", "optional", "required"]  # "optional": a failure is a warning, not an error


def choose_compilation(setting: bool | Literal["auto"], frames: int) -> Compilation:
    """Decide whether to compile, by the number of frames.

    The decision never depends on measured time: a run that continues after a kill must decide the same.

    Args:
        setting: `extraction.compile`.
        frames: number of frames of the whole run, also of clips that are embedded already.

    Returns:
        "off", "optional" or "required".
    """
    if setting == "auto":
        return "optional" if frames >= COMPILE_FROM_FRAMES else "off"
    return "required" if setting else "off"


def compile_network(network: nn.Module, example: torch.Tensor, required: bool) -> nn.Module:
    """Compile a frozen network for inputs of exactly one shape, and run it once.

    Args:
        network: in eval mode, on its device.
        example: an input of that shape, (N, 3, H, W).
        required: raise where compiling fails, instead of a warning.

    Returns:
        The compiled network, or `network` itself where compiling failed.

    Raises:
        HandGesturesError: `required`, and compiling failed.
    """
    logging.getLogger("torch.utils.cpp_extension").setLevel(logging.ERROR)  # it warns about CUDA toolkits without a GPU
    options: dict[str, Any] = {"freezing": True} if example.device.type == "cpu" else {}
    compiled: Any = torch.compile(network, dynamic=False, options=options)
    try:
        compiled(example)
    except Exception as error:  # the errors have no common base class; usually a C++ compiler is missing
        reason = str(error).strip().splitlines()[0][:200]
        if required:
            raise HandGesturesError(
                f"extraction.compile is true, but the backbones cannot be compiled here ({reason}); install a C++ "
                "compiler and the Python headers, or set it to auto or false"
            ) from error
        logger.warning("compiling failed, the backbones run uncompiled and somewhat slower (%s)", reason)
        return network
    return compiled
