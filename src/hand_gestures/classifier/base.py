"""What every network that classifies clip embeddings takes and gives."""

from typing import NamedTuple

import torch
from einops import rearrange
from torch import nn


class GestureOutput(NamedTuple):
    """`logits` (B, classes); `channel_attention` (B, C) and `sequence_attention` (B, C, T), each summing to 1
    over its last axis."""

    logits: torch.Tensor
    channel_attention: torch.Tensor
    sequence_attention: torch.Tensor


class GestureNetwork(nn.Module):
    """Clip embeddings (B, C, T, D) → `GestureOutput`.

    The input is standardised per channel and feature with the training file's mean and spread, which are buffers
    and travel with the weights.

    Args:
        classes: number of gestures.
        channels, width: C and D of the embeddings.
    """

    mean: torch.Tensor
    spread: torch.Tensor

    def __init__(self, classes: int, channels: int, width: int) -> None:
        super().__init__()
        self.classes = classes
        self.register_buffer("mean", torch.zeros(channels, 1, width))
        self.register_buffer("spread", torch.ones(channels, 1, width))

    def standardise_with(self, mean: torch.Tensor, spread: torch.Tensor) -> None:
        """Set the input's mean and spread, each (C, D); a feature without spread is left as it is."""
        self.mean.copy_(rearrange(mean, "c d -> c 1 d"))
        self.spread.copy_(rearrange(torch.where(spread > 1e-6, spread, 1.0), "c d -> c 1 d"))

    def standardise(self, clips: torch.Tensor) -> torch.Tensor:
        """(B, C, T, D) without the training file's mean and spread."""
        return (clips - self.mean) / self.spread
