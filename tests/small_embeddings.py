"""Small embeddings files whose classes differ only in the direction of motion."""

from collections.abc import Iterator

import numpy as np

from hand_gestures.embedding.channels import CHANNEL_NAMES
from hand_gestures.store.embedding_file import EmbeddedSequence, EmbeddingHeader, PendingEmbeddings

FRAMES, CHANNELS, WIDTH = 8, len(CHANNEL_NAMES), 6
CLASS_NAMES = ("fist", "swipe_left", "swipe_right")
FINGERPRINT = {"models": {"vit": {"sha256": "a"}}, "clips": {"size": 64}, "seed": 1}


def embedded_sequence(label: int, number: int, noise: float = 0.3, views: int = 1) -> EmbeddedSequence:
    """A clip whose class is the direction in which its features change over time: none, down or up."""
    rng = np.random.default_rng(number)
    ramp = np.linspace(-1, 1, FRAMES) * (0, -1, 1)[label]
    clips = ramp[:, None, None] + rng.normal(0, noise, (views, FRAMES, CHANNELS, WIDTH))
    boxes = rng.uniform(0, 1, (2, 3, 4)).astype(np.float32)
    return EmbeddedSequence(clips.astype(np.float32), np.full(views, label), boxes, boxes[..., 0])


def pending_embeddings(
    sequences: list[EmbeddedSequence], fingerprint: dict | None = None, first: int = 0, **header: object
) -> PendingEmbeddings:
    """Pending embeddings of these sequences, named by class and number from `first`."""
    views = len(sequences[0].labels) if sequences else 1

    def embed(indices: list[int]) -> Iterator[EmbeddedSequence]:
        return (sequences[index] for index in indices)

    return PendingEmbeddings(
        EmbeddingHeader(
            shape=(len(sequences) * views, FRAMES, CHANNELS, WIDTH),
            class_names=CLASS_NAMES,
            channel_names=CHANNEL_NAMES,
            hand_frames=(0, 4),
            max_hands=3,
            fingerprint=FINGERPRINT if fingerprint is None else fingerprint,
            **header,
        ),
        [f"{CLASS_NAMES[sequence.labels[0]]}/v{first + n}" for n, sequence in enumerate(sequences)],
        views,
        embed,
    )
