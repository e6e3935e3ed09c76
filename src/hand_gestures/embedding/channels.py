"""The twelve channels of an embedding and their order."""

import torch
from einops import rearrange
from torch.nn import functional

from hand_gestures.errors import HandGesturesError

CHUNKS = 3  # a ResNeXt vector is cut into three rows of the ViT's width, the last padded with zeros
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


def check_widths(vit_width: int, resnext_width: int) -> None:
    """Raise `HandGesturesError` unless the ResNeXt's vector fills exactly three rows of the ViT's width."""
    if not (CHUNKS - 1) * vit_width < resnext_width <= CHUNKS * vit_width:
        raise HandGesturesError(
            f"the ResNeXt's features must fill {CHUNKS} rows of the ViT's width, but {resnext_width} features do not "
            f"fill {CHUNKS} rows of {vit_width}; choose backbones that fit, such as 2048 with 768"
        )


def assemble_channels(vit: torch.Tensor, resnext: torch.Tensor) -> torch.Tensor:
    """Put region vectors into channel order.

    Args:
        vit: (3, N, D), regions left, right, full.
        resnext: (3, N, F) with 2 D < F <= 3 D.

    Returns:
        (N, 12, D), channels as in `CHANNEL_NAMES`.
    """
    width = vit.shape[-1]
    padded = functional.pad(resnext, (0, CHUNKS * width - resnext.shape[-1]))
    left, right, full = rearrange(padded, "region n (chunk d) -> region n chunk d", d=width)
    left_vit, right_vit, full_vit = rearrange(vit, "region n d -> region n 1 d")
    return torch.cat([left_vit, right_vit, left, right, full_vit, full], dim=1)
