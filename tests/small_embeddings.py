"""Small embeddings files whose classes differ only in the direction of motion."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from hand_gestures.embedding.channels import CHANNEL_NAMES
from hand_gestures.store.embedding_file import (
    ClipRequest,
    EmbeddedSequence,
    EmbeddingHeader,
    FileGroup,
    PendingEmbeddings,
)
from hand_gestures.store.row_keys import digest, digest_rows

FRAMES, CHANNELS, WIDTH = 8, len(CHANNEL_NAMES), 6
CLASS_NAMES = ("fist", "swipe_left", "swipe_right")
CONTRACT = {"backbones": {"vit": {"sha256": "a"}}, "size": 64}
RECIPE = {"version": 1, "augmentation": {"hue": 0.1, "seed": 1}}


class Clip(NamedTuple):
    """All views of a clip, its labels and its hands. Mirrored views have another label, unless `mirrored` says it."""

    embeddings: np.ndarray
    labels: np.ndarray
    boxes: np.ndarray
    scores: np.ndarray
    mirrored: np.ndarray | None = None

    @property
    def content(self) -> bytes:
        """What the digest of the frames of a real clip is."""
        return digest(b"".join(array.tobytes() for array in (self.embeddings[0], self.boxes, self.scores)))


def embedded_sequence(label: int, number: int, noise: float = 0.3, views: int = 1) -> Clip:
    """A clip whose class is the direction in which its features change over time: none, down or up."""
    rng = np.random.default_rng(number)
    ramp = np.linspace(-1, 1, FRAMES) * (0, -1, 1)[label]
    clips = ramp[:, None, None] + rng.normal(0, noise, (views, FRAMES, CHANNELS, WIDTH))
    boxes = rng.uniform(0, 1, (2, 3, 4)).astype(np.float32)
    return Clip(clips.astype(np.float32), np.full(views, label), boxes, boxes[..., 0])


def pending_embeddings(
    clips: Sequence[Clip], contract: dict | None = None, first: int = 0, **header: object
) -> PendingEmbeddings:
    """Pending embeddings of these clips, named by class and number from `first`."""
    views = len(clips[0].labels) if clips else 1
    fields = {
        "shape": (len(clips) * views, FRAMES, CHANNELS, WIDTH),
        "class_names": CLASS_NAMES,
        "channel_names": CHANNEL_NAMES,
        "hand_frames": (0, 4),
        "max_hands": 3,
        "contract": CONTRACT if contract is None else contract,
        "recipe": RECIPE if views > 1 else {},
    }
    names = [f"{CLASS_NAMES[clip.labels[0]]}/v{first + n}" for n, clip in enumerate(clips)]
    return make_pending(clips, EmbeddingHeader(**{**fields, **header}), names)


def make_pending(clips: Sequence[Clip], header: EmbeddingHeader, sequence_ids: list[str]) -> PendingEmbeddings:
    """Pending embeddings of these clips with this header; its digest of the rows is filled in."""
    views = len(clips[0].labels) if clips else 1

    def embed(requests: list[ClipRequest]) -> Iterator[EmbeddedSequence]:
        for request in requests:
            clip, numbers = clips[request.sequence], list(request.views)
            mirrored = clip.labels != clip.labels[0] if clip.mirrored is None else clip.mirrored
            hands = (clip.boxes, clip.scores) if request.hands else (None, None)
            yield EmbeddedSequence(clip.embeddings[numbers], mirrored[numbers], *hands)

    contents = np.frombuffer(b"".join(clip.content for clip in clips), np.uint8).reshape(-1, 16)
    other = [next((label for label in clip.labels if label != clip.labels[0]), clip.labels[0]) for clip in clips]
    labels = np.array([(clip.labels[0], label) for clip, label in zip(clips, other, strict=True)], int).reshape(-1, 2)
    rows_digest = digest_rows(header.keys(), contents, views, labels, sequence_ids)
    return PendingEmbeddings(
        replace(header, rows_digest=rows_digest),
        sequence_ids,
        contents,
        labels,
        views,
        embed,
        sources=(),
        upgrade=lambda file: None,
        group=FileGroup(1),
    )
