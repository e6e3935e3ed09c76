"""CNNBiLSTMWithAttention: from a clip's twelve channels to a gesture."""

import torch
from einops import einsum, rearrange
from torch import nn

from hand_gestures.classifier.base import GestureNetwork, GestureOutput


class CNNBiLSTMWithAttention(GestureNetwork):
    """Classifies clip embeddings by how they move.

    One recurrence, shared by all channels, runs over time within each of them; attention pools the time
    steps, then the channels.

    Args:
        classes, channels, width: see `GestureNetwork`.
        hidden, layers, dropout: of the bidirectional LSTM.
    """

    def __init__(self, *, classes: int, channels: int, width: int, hidden: int, layers: int, dropout: float) -> None:
        super().__init__(classes, channels, width)
        self.recurrence = ResidualLSTM(width, hidden, layers, dropout)
        self.sequence_attention = SequenceAttentionLayer(2 * hidden)
        self.channel_attention = ChannelAttentionLayer(2 * hidden)
        self.head = nn.Sequential(nn.LayerNorm(2 * hidden), nn.Dropout(dropout), nn.Linear(2 * hidden, classes))

    def forward(self, clips: torch.Tensor) -> GestureOutput:
        """(B, C, T, D) → logits and both attention maps."""
        channels = clips.shape[1]
        steps = self.recurrence(rearrange(self.standardise(clips), "b c t d -> (b c) t d"))  # (B C, T, 2 hidden)
        pooled, over_time = self.sequence_attention(steps)  # (B C, 2 hidden), (B C, T)
        pooled = rearrange(pooled, "(b c) d -> b c d", c=channels)
        clip, over_channels = self.channel_attention(pooled)  # (B, 2 hidden), (B, C)
        return GestureOutput(self.head(clip), over_channels, rearrange(over_time, "(b c) t -> b c t", c=channels))


class ResidualLSTM(nn.Module):
    """Bidirectional LSTM layers plus a linear residual of the input: (N, T, D) → (N, T, 2 * hidden)."""

    def __init__(self, width: int, hidden: int, layers: int, dropout: float) -> None:
        super().__init__()
        self.lstm = nn.LSTM(
            width, hidden, layers, batch_first=True, bidirectional=True, dropout=dropout if layers > 1 else 0.0
        )
        self.residual = nn.Linear(width, 2 * hidden)

    def forward(self, steps: torch.Tensor) -> torch.Tensor:
        return self.lstm(steps)[0] + self.residual(steps)


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
