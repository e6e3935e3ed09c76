"""Probes: the simplest networks on frozen embeddings. They show how much the LSTM adds."""

import torch
from einops import rearrange, reduce
from torch import nn

from hand_gestures.classifier.base import GestureNetwork, GestureOutput

HEAD_WIDTH = 64  # features of one attention head, as in ViT


class LinearProbe(GestureNetwork):
    """A linear layer on the mean over time of every channel (Alain and Bengio, "Understanding intermediate layers using
    linear classifier probes", 2016).

    It does not see the order of the frames. Its attention weights are all equal.

    Args:
        classes: number of gestures.
        channels: C of the embeddings.
        width: D of the embeddings.

    Example:
        >>> LinearProbe(classes=18, channels=12, width=768)(torch.randn(4, 12, 32, 768)).logits.shape
        torch.Size([4, 18])
    """

    def __init__(self, *, classes: int, channels: int, width: int) -> None:
        super().__init__(classes, channels, width)
        self.head = nn.Linear(channels * width, classes)

    def forward(self, clips: torch.Tensor) -> GestureOutput:
        """Classify clips.

        Args:
            clips: float32 (B, C, T, D).

        Returns:
            Logits and equal attention weights.
        """
        batch, channels, frames, _ = clips.shape
        logits = self.head(reduce(self.standardise(clips), "b c t d -> b (c d)", "mean"))
        return GestureOutput(
            logits,
            clips.new_full((batch, channels), 1 / channels),
            clips.new_full((batch, channels, frames), 1 / frames),
        )


class AttentiveProbe(GestureNetwork):
    """One learned query attends to all frames of all channels (the attentive probe of Bardes et al., "Revisiting
    Feature Prediction for Learning Visual Representations from Video", 2024, without its feed-forward block).

    The embedding of a frame holds neither its time nor its channel, so a learned vector for each is added. The
    attention weights are means over the heads.

    Args:
        classes: number of gestures.
        channels: C of the embeddings.
        frames: T of the clips.
        width: D of the embeddings.
        dropout: before the linear layer, 0..1.

    Example:
        >>> probe = AttentiveProbe(classes=18, channels=12, frames=32, width=768, dropout=0.3)
        >>> probe(torch.randn(4, 12, 32, 768)).sequence_attention.shape
        torch.Size([4, 12, 32])
    """

    def __init__(self, *, classes: int, channels: int, frames: int, width: int, dropout: float) -> None:
        super().__init__(classes, channels, width)
        # these two names are part of every saved model: a new name could not load the old weights
        self.channel_place = nn.Parameter(0.02 * torch.randn(channels, 1, width))
        self.frame_place = nn.Parameter(0.02 * torch.randn(1, frames, width))
        self.query = nn.Parameter(0.02 * torch.randn(1, 1, width))
        self.norm = nn.LayerNorm(width)
        self.attention = nn.MultiheadAttention(width, _count_heads(width), batch_first=True)
        self.head = nn.Sequential(nn.LayerNorm(width), nn.Dropout(dropout), nn.Linear(width, classes))

    def forward(self, clips: torch.Tensor) -> GestureOutput:
        """Classify clips.

        Args:
            clips: float32 (B, C, T, D).

        Returns:
            Logits and both attention maps.
        """
        encoded = self.norm(self.standardise(clips) + self.channel_place + self.frame_place)  # (B, C, T, D)
        tokens = rearrange(encoded, "b c t d -> b (c t) d")
        clip, weights = self.attention(self.query.expand(len(clips), -1, -1), tokens, tokens)  # (B, 1, D), (B, 1, C T)
        joint = rearrange(weights, "b 1 (c t) -> b c t", c=clips.shape[1])
        channel_weights = joint.sum(dim=-1)  # (B, C)
        # a channel without any weight would divide by zero
        frame_weights = joint / channel_weights[..., None].clamp_min(1e-9)  # (B, C, T)
        return GestureOutput(self.head(rearrange(clip, "b 1 d -> b d")), channel_weights, frame_weights)


def _count_heads(width: int) -> int:
    """The number of heads of about `HEAD_WIDTH` features that divides the width."""
    return next(heads for heads in range(max(1, width // HEAD_WIDTH), 0, -1) if width % heads == 0)
