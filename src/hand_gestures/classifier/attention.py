"""Attention pooling over time steps and over channels."""

import torch
from einops import einsum, rearrange
from torch import nn


class SequenceAttentionLayer(nn.Module):
    """Weighs the time steps of one channel: (N, T, D) → (N, D) and weights (N, T) that sum to 1."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.score = nn.Sequential(nn.Linear(width, width // 2), nn.Tanh(), nn.Linear(width // 2, 1))

    def forward(self, steps: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        weights = rearrange(self.score(steps), "n t 1 -> n t").softmax(dim=-1)
        return einsum(weights, steps, "n t, n t d -> n d"), weights


class ChannelAttentionLayer(nn.Module):
    """Weighs the channels of one clip: (B, C, D) → (B, D) and weights (B, C) that sum to 1."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.score = nn.Sequential(nn.Linear(width, width // 2), nn.Tanh(), nn.Linear(width // 2, 1))

    def forward(self, channels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        weights = rearrange(self.score(channels), "b c 1 -> b c").softmax(dim=-1)
        return einsum(weights, channels, "b c, b c d -> b d"), weights
