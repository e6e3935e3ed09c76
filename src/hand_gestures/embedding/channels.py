"""The regions of a frame and the twelve channels of an embedding, in their fixed order."""

import torch
from einops import rearrange
from torch.nn import functional

from hand_gestures.backbones.networks import CHUNKS

CHANNEL_NAMES = (
    "left_vit",
    "right_vit",
    "left_resnext_1",
    "left_resnext_2",
    "left_resnext_3",
    "right_resnext_1",
    "right_resnext_2",
    "right_resnext_3",
    "full_vit",
    "full_resnext_1",
    "full_resnext_2",
    "full_resnext_3",
)


def cut_regions(frames: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Cut frames into their regions without copying.

    Args:
        frames: (N, C, H, W).

    Returns:
        Left half, right half, each (N, C, H, W // 2), and the full frames. An odd middle column is in neither half.
    """
    half = frames.shape[-1] // 2
    return frames[..., :half], frames[..., -half:], frames


def assemble_channels(vit: torch.Tensor, resnext: torch.Tensor) -> torch.Tensor:
    """Put the vectors of the regions into channel order.

    Args:
        vit: (3, N, D), regions as in `REGIONS`.
        resnext: (3, N, F) with 2 D < F <= 3 D.

    Returns:
        (N, 12, D), channels as in `CHANNEL_NAMES`; the third chunk of a ResNeXt vector ends with zeros.
    """
    width = vit.shape[-1]
    padded = functional.pad(resnext, (0, CHUNKS * width - resnext.shape[-1]))
    left, right, full = rearrange(padded, "region n (chunk d) -> region n chunk d", d=width)
    left_vit, right_vit, full_vit = rearrange(vit, "region n d -> region n 1 d")
    return torch.cat([left_vit, right_vit, left, right, full_vit, full], dim=1)
