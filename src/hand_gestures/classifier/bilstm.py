"""The main network: a recurrence over time in each channel, then attention over time and over channels."""

import torch
from einops import einsum, rearrange
from torch import nn

from hand_gestures.classifier.base import GestureNetwork, GestureOutput


class CNNBiLSTMWithAttention(GestureNetwork):
    """Classifies clip embeddings by how they change over time.

    One bidirectional LSTM (Hochreiter and Schmidhuber, "Long Short-Term Memory", 1997; Schuster and Paliwal,
    "Bidirectional Recurrent Neural Networks", 1997) runs over the frames of each channel; all channels share its
    weights. Additive attention (Bahdanau et al., "Neural Machine Translation by Jointly Learning to Align and
    Translate", 2015) pools the frames of a channel, then the channels of a clip.

    Args:
        classes: number of gestures.
        channels: C of the embeddings.
        width: D of the embeddings.
        hidden: width of the LSTM in each direction.
        layers: number of LSTM layers.
        dropout: between LSTM layers and before the last linear layer, 0..1.

    Example:
        >>> network = CNNBiLSTMWithAttention(classes=18, channels=12, width=768, hidden=512, layers=3, dropout=0.3)
        >>> network(torch.randn(4, 12, 32, 768)).channel_attention.shape
        torch.Size([4, 12])
    """

    def __init__(self, *, classes: int, channels: int, width: int, hidden: int, layers: int, dropout: float) -> None:
        super().__init__(classes, channels, width)
        self.recurrence = ResidualLSTM(width, hidden, layers, dropout)
        self.sequence_attention = SequenceAttentionLayer(2 * hidden)
        self.channel_attention = ChannelAttentionLayer(2 * hidden)
        self.head = nn.Sequential(nn.LayerNorm(2 * hidden), nn.Dropout(dropout), nn.Linear(2 * hidden, classes))

    def forward(self, clips: torch.Tensor) -> GestureOutput:
        """Classify clips.

        Args:
            clips: float32 (B, C, T, D).

        Returns:
            Logits and both attention maps.
        """
        channels = clips.shape[1]
        # channels join the batch, so that the recurrence runs over time and never from one channel into the next
        steps = self.recurrence(rearrange(self.standardise(clips), "b c t d -> (b c) t d"))  # (B C, T, 2 hidden)
        pooled, over_time = self.sequence_attention(steps)  # (B C, 2 hidden), (B C, T)
        pooled = rearrange(pooled, "(b c) d -> b c d", c=channels)
        clip, over_channels = self.channel_attention(pooled)  # (B, 2 hidden), (B, C)
        return GestureOutput(self.head(clip), over_channels, rearrange(over_time, "(b c) t -> b c t", c=channels))


class ResidualLSTM(nn.Module):
    """Bidirectional LSTM layers plus a linear residual of the input: (N, T, D) to (N, T, 2 hidden)."""

    def __init__(self, width: int, hidden: int, layers: int, dropout: float) -> None:
        super().__init__()
        between_layers = dropout if layers > 1 else 0.0  # torch warns about dropout with a single layer
        self.lstm = nn.LSTM(width, hidden, layers, batch_first=True, bidirectional=True, dropout=between_layers)
        self.residual = nn.Linear(width, 2 * hidden)

    def forward(self, steps: torch.Tensor) -> torch.Tensor:
        return self.lstm(steps)[0] + self.residual(steps)


class SequenceAttentionLayer(nn.Module):
    """Weighted mean over the frames of a channel: (N, T, D) to (N, D) and weights (N, T) that sum to 1."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.score = nn.Sequential(nn.Linear(width, width // 2), nn.Tanh(), nn.Linear(width // 2, 1))

    def forward(self, steps: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        weights = rearrange(self.score(steps), "n t 1 -> n t").softmax(dim=-1)
        return einsum(weights, steps, "n t, n t d -> n d"), weights


class ChannelAttentionLayer(nn.Module):
    """Weighted mean over the channels of a clip: (B, C, D) to (B, D) and weights (B, C) that sum to 1."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.score = nn.Sequential(nn.Linear(width, width // 2), nn.Tanh(), nn.Linear(width // 2, 1))

    def forward(self, channels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        weights = rearrange(self.score(channels), "b c 1 -> b c").softmax(dim=-1)
        return einsum(weights, channels, "b c, b c d -> b d"), weights
