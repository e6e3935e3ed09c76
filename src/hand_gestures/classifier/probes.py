"""Probes: the least that can be put on frozen embeddings. What a deeper network adds is what it gains over them."""

import torch
from einops import rearrange, reduce
from torch import nn

from hand_gestures.classifier.base import GestureNetwork, GestureOutput

HEAD_WIDTH = 64  # of attention, where the embeddings are as wide


class LinearProbe(GestureNetwork):
    """A linear layer on the mean over time of every channel: blind to the order of the frames.

    Its attention maps are equal weights.
    """

    def __init__(self, *, classes: int, channels: int, width: int) -> None:
        super().__init__(classes, channels, width)
        self.head = nn.Linear(channels * width, classes)

    def forward(self, clips: torch.Tensor) -> GestureOutput:
        """(B, C, T, D) → logits and equal weights."""
        batch, channels, steps, _ = clips.shape
        logits = self.head(reduce(self.standardise(clips), "b c t d -> b (c d)", "mean"))
        return GestureOutput(
            logits,
            clips.new_full((batch, channels), 1 / channels),
            clips.new_full((batch, channels, steps), 1 / steps),
        )


class AttentiveProbe(GestureNetwork):
    """One learned query attends to all frames of all channels (the attentive probe of Bardes et al., "Revisiting
    Feature Prediction for Learning Visual Representations from Video", 2024, without its feed-forward block).

    Every frame's embedding is made alone, so what tells the query when and in which channel it stands is added to it.
    Weights of the attention are means over its heads.

    Args:
        classes, channels, width: see `GestureNetwork`.
        frames: T of the clips.
        dropout: before the linear layer.
    """

    def __init__(self, *, classes: int, channels: int, frames: int, width: int, dropout: float) -> None:
        super().__init__(classes, channels, width)
        self.channel_place = nn.Parameter(0.02 * torch.randn(channels, 1, width))
        self.frame_place = nn.Parameter(0.02 * torch.randn(1, frames, width))
        self.query = nn.Parameter(0.02 * torch.randn(1, 1, width))
        self.norm = nn.LayerNorm(width)
        self.attention = nn.MultiheadAttention(width, _heads(width), batch_first=True)
        self.head = nn.Sequential(nn.LayerNorm(width), nn.Dropout(dropout), nn.Linear(width, classes))

    def forward(self, clips: torch.Tensor) -> GestureOutput:
        """(B, C, T, D) → logits and both attention maps."""
        placed = self.norm(self.standardise(clips) + self.channel_place + self.frame_place)
        tokens = rearrange(placed, "b c t d -> b (c t) d")
        clip, weights = self.attention(self.query.expand(len(clips), -1, -1), tokens, tokens)  # (B, 1, D), (B, 1, C T)
        by_place = rearrange(weights, "b 1 (c t) -> b c t", c=clips.shape[1])
        by_channel = by_place.sum(dim=-1)
        return GestureOutput(
            self.head(rearrange(clip, "b 1 d -> b d")), by_channel, by_place / by_channel[..., None].clamp_min(1e-9)
        )


def _heads(width: int) -> int:
    return next(heads for heads in range(max(1, width // HEAD_WIDTH), 0, -1) if width % heads == 0)
