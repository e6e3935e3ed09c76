"""Input and output of every network that classifies clip embeddings."""

from typing import NamedTuple

import numpy as np
import torch
from einops import rearrange
from torch import nn

SMALLEST_SPREAD = 1e-6


class GestureOutput(NamedTuple):
    """The output of a network for a batch of clips.

    Attributes:
        logits: (B, classes).
        channel_attention: (B, C), sums to 1 over the channels of a clip.
        sequence_attention: (B, C, T), sums to 1 over the frames of a channel.
    """

    logits: torch.Tensor
    channel_attention: torch.Tensor
    sequence_attention: torch.Tensor


class GestureNetwork(nn.Module):
    """Base class of the networks: clip embeddings float32 (B, C, T, D) to a `GestureOutput`.

    A network standardises its input per channel and feature. Mean and spread are buffers, so they are saved with the
    weights.

    Args:
        classes: number of gestures.
        channels: C of the embeddings.
        width: D of the embeddings.

    Example:
        >>> network = build_network({"name": "linear_probe", "classes": 18, "channels": 12, "width": 768})
        >>> network(torch.randn(4, 12, 32, 768)).logits.shape
        torch.Size([4, 18])
    """

    mean: torch.Tensor
    spread: torch.Tensor

    def __init__(self, classes: int, channels: int, width: int) -> None:
        super().__init__()
        self.classes = classes
        self.register_buffer("mean", torch.zeros(channels, 1, width))
        self.register_buffer("spread", torch.ones(channels, 1, width))

    def standardise_with(self, mean: torch.Tensor, spread: torch.Tensor) -> None:
        """Set mean and spread of the input.

        Args:
            mean: (C, D), the mean over the training clips and their frames.
            spread: (C, D), the standard deviation over the same; a feature that never varies is not scaled.
        """
        self.mean.copy_(rearrange(mean, "c d -> c 1 d"))
        # padded features are constant: to divide by their spread would turn rounding errors into large inputs
        self.spread.copy_(rearrange(torch.where(spread > SMALLEST_SPREAD, spread, 1.0), "c d -> c 1 d"))

    def standardise(self, clips: torch.Tensor) -> torch.Tensor:
        """Subtract the mean and divide by the spread.

        Args:
            clips: (B, C, T, D).

        Returns:
            (B, C, T, D).
        """
        return (clips - self.mean) / self.spread

    def copy_weights(self) -> dict[str, np.ndarray]:
        """Copy parameters and buffers for a `Bundle`.

        Returns:
            The state by name. The arrays share no memory with the network, which may train on.
        """
        return {name: value.detach().cpu().numpy().copy() for name, value in self.state_dict().items()}
