"""CNNBiLSTMWithAttention: from a clip's twelve channels to a gesture."""

import torch
from einops import rearrange
from torch import nn

from hand_gestures.classifier.attention import ChannelAttentionLayer, SequenceAttentionLayer
from hand_gestures.classifier.gesture_network import GestureNetwork, GestureOutput
from hand_gestures.classifier.residual_lstm import ResidualLSTM


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
