"""Small embeddings files whose classes differ only in the direction of motion."""

import numpy as np

from hand_gestures.embedding.channels import CHANNEL_NAMES
from hand_gestures.embedding.store import EmbeddedView, EmbeddingHeader, EmbeddingStream

FRAMES, CHANNELS, WIDTH = 8, len(CHANNEL_NAMES), 6
CLASS_NAMES = ("fist", "swipe_left", "swipe_right")
FINGERPRINT = {"models": {"vit": {"sha256": "a"}}, "clips": {"size": 64}, "seed": 1}


def embedded_view(label: int, number: int, noise: float = 0.3) -> EmbeddedView:
    """A clip whose class shows in how its features move: not at all, downwards or upwards in time."""
    rng = np.random.default_rng(number)
    ramp = np.linspace(-1, 1, FRAMES) * (0, -1, 1)[label]
    clip = ramp[:, None, None] + rng.normal(0, noise, (FRAMES, CHANNELS, WIDTH))
    boxes = rng.uniform(0, 1, (2, 3, 4)).astype(np.float32)
    return EmbeddedView(
        clip.astype(np.float32), label, f"{CLASS_NAMES[label]}/v{number}", number % 2, boxes, boxes[..., 0]
    )


def embedding_stream(
    views: list[EmbeddedView], fingerprint: dict | None = None, announced: int | None = None
) -> EmbeddingStream:
    header = EmbeddingHeader(
        shape=(len(views) if announced is None else announced, FRAMES, CHANNELS, WIDTH),
        class_names=CLASS_NAMES,
        channel_names=CHANNEL_NAMES,
        hand_frames=(0, 4),
        max_hands=3,
        fingerprint=FINGERPRINT if fingerprint is None else fingerprint,
    )
    return EmbeddingStream(header, iter(views))
