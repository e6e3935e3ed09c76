"""CNNBiLSTMWithAttention: from a clip's twelve channels to a gesture."""

from typing import NamedTuple

import torch
from einops import rearrange
from torch import nn

from hand_gestures.classifier.attention import ChannelAttentionLayer, SequenceAttentionLayer
from hand_gestures.classifier.residual_lstm import ResidualLSTM


class GestureOutput(NamedTuple):
    """`logits` (B, classes); `channel_attention` (B, C) and `sequence_attention` (B, C, T), each summing to 1
    over its last axis."""

    logits: torch.Tensor
    channel_attention: torch.Tensor
    sequence_attention: torch.Tensor


class CNNBiLSTMWithAttention(nn.Module):
    """Classifies clip embeddings.

    One recurrence, shared by all channels, runs over time within each of them; attention pools the time
    steps, then the channels. The input is standardised per channel and feature with the training file's
    mean and spread, which are buffers and travel with the weights.

    Args:
        classes: number of gestures.
        channels, width: C and D of the embeddings.
        hidden, layers, dropout: of the bidirectional LSTM.
    """

    mean: torch.Tensor
    spread: torch.Tensor

    def __init__(self, *, classes: int, channels: int, width: int, hidden: int, layers: int, dropout: float) -> None:
        super().__init__()
        self.classes = classes
        self.register_buffer("mean", torch.zeros(channels, 1, width))
        self.register_buffer("spread", torch.ones(channels, 1, width))
        self.recurrence = ResidualLSTM(width, hidden, layers, dropout)
        self.sequence_attention = SequenceAttentionLayer(2 * hidden)
        self.channel_attention = ChannelAttentionLayer(2 * hidden)
        self.head = nn.Sequential(nn.LayerNorm(2 * hidden), nn.Dropout(dropout), nn.Linear(2 * hidden, classes))

    def standardise_with(self, mean: torch.Tensor, spread: torch.Tensor) -> None:
        """Set the input's mean and spread, each (C, D); a feature without spread is left as it is."""
        self.mean.copy_(rearrange(mean, "c d -> c 1 d"))
        self.spread.copy_(rearrange(torch.where(spread > 1e-6, spread, 1.0), "c d -> c 1 d"))

    def forward(self, clips: torch.Tensor) -> GestureOutput:
        """(B, C, T, D) → logits and both attention maps."""
        channels = clips.shape[1]
        standardised = (clips - self.mean) / self.spread
        steps = self.recurrence(rearrange(standardised, "b c t d -> (b c) t d"))  # (B C, T, 2 hidden)
        pooled, over_time = self.sequence_attention(steps)  # (B C, 2 hidden), (B C, T)
        pooled = rearrange(pooled, "(b c) d -> b c d", c=channels)
        clip, over_channels = self.channel_attention(pooled)  # (B, 2 hidden), (B, C)
        return GestureOutput(self.head(clip), over_channels, rearrange(over_time, "(b c) t -> b c t", c=channels))
