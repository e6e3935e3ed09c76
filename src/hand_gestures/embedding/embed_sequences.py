"""All clips of a split, embedded one after the other: a stream that holds a few clips at a time."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
import torch

from hand_gestures.backbones.hand_detector import HandDetector, Hands
from hand_gestures.embedding.channels import CHANNEL_NAMES
from hand_gestures.embedding.clip_views import ClipViews, VideoSequenceDataset, clip_loader
from hand_gestures.embedding.extractor import ClipEmbedder
from hand_gestures.store.embedding_file import EmbeddedSequence, EmbeddingHeader, PendingEmbeddings
from hand_gestures.utils.progress import progress
from hand_gestures.video.image_files import frame_bytes


@dataclass(frozen=True)
class HandSearch:
    """Where hands are looked for: the `steps` of a clip, and how many of each are kept; `detector` may be None."""

    detector: HandDetector | None
    steps: Sequence[int]
    max_hands: int


def embed_sequences(
    *,
    clips: VideoSequenceDataset,
    embedder: ClipEmbedder,
    labels: Sequence[str],
    mirrored_labels: Mapping[str, str],
    search: HandSearch,
    fingerprint: dict[str, Any],
    precision_error: dict[str, Any],
    sources: str,
    frames_per_clip: int,
    storage: Literal["float32", "float16"],
    workers: int,
    doing: str,
) -> PendingEmbeddings:
    """The embeddings of every view of every sequence, in the order of `clips`, computed as they are consumed.

    Args:
        clips: the sequences and their views.
        embedder: turns frames into their embeddings.
        labels: class name of each sequence.
        mirrored_labels: for every class, in the order of their numbers, the one that its mirrored views take.
        search: how hands are found, in the frames of the clean view.
        sources: digest of what the clips are made from (`sources_digest`).
        doing: what progress calls the work.
    """
    views = 1 + clips.augmented_views
    header = EmbeddingHeader(
        shape=(len(clips) * views, frames_per_clip, len(CHANNEL_NAMES), embedder.width),
        class_names=tuple(mirrored_labels),
        channel_names=CHANNEL_NAMES,
        hand_frames=tuple(search.steps),
        max_hands=search.max_hands,
        fingerprint=fingerprint,
        sources=sources,
        precision_error=precision_error,
        storage=storage,
    )
    number = {name: i for i, name in enumerate(mirrored_labels)}

    def label_of(clip: ClipViews, mirrored: bool) -> int:
        name = labels[clip.row]
        return number[mirrored_labels[name] if mirrored else name]

    def embed(places: list[int]) -> Iterator[EmbeddedSequence]:
        if places:
            embedder.prepare()
        loader = clip_loader(clips, places, workers, pinned=embedder.device.type == "cuda")
        for clip, embedded in _one_ahead(progress(loader, len(places), doing), embedder):
            boxes, scores = _find_hands(clip, search)
            yield EmbeddedSequence(
                embeddings=embedded.reshape(views, -1, *embedded.shape[1:])[:, clip.times.numpy()],
                labels=np.array([label_of(clip, mirrored) for mirrored in clip.mirrored.tolist()]),
                boxes=boxes,
                scores=scores,
            )

    return PendingEmbeddings(header, clips.sequence_ids, views, embed)


def sources_digest(sequences: pd.DataFrame, frames_dir: Path) -> str:
    """Digest of what sequences are made from: their ids, classes, and the paths and sizes of their frames.

    Raises:
        HandGesturesError: a frame is gone; better now than hours later.
    """
    digest = hashlib.sha256()
    for sequence_id, class_name, paths in zip(
        sequences["sequence_id"], sequences["class_name"], sequences["frames"], strict=True
    ):
        sizes = {path: frame_bytes(frames_dir / path) for path in paths}
        digest.update(json.dumps([sequence_id, class_name, list(paths), list(sizes.values())]).encode())
    return digest.hexdigest()


def _one_ahead(clips: Iterator[ClipViews], embedder: ClipEmbedder) -> Iterator[tuple[ClipViews, np.ndarray]]:
    """Each clip with the embeddings (V n, 12, D) of all frames of all its views; on a GPU the next clip is under way
    while the caller works on one."""
    earlier = None
    for clip in clips:
        running = embedder.start(clip.views.flatten(0, 1))
        if embedder.device.type != "cuda":  # it is finished, and would only take memory
            yield clip, running()
            continue
        if earlier is not None:
            yield earlier[0], earlier[1]()
        earlier = clip, running
    if earlier is not None:
        yield earlier[0], earlier[1]()


def _find_hands(clip: ClipViews, search: HandSearch) -> tuple[np.ndarray, np.ndarray]:
    """Boxes (S, K, 4) and scores (S, K) at the searched steps of the clean view, NaN where there is no hand."""
    boxes = np.full((len(search.steps), search.max_hands, 4), np.nan, np.float32)
    scores = np.full((len(search.steps), search.max_hands), np.nan, np.float32)
    if search.detector is None:
        return boxes, scores
    shown, place = torch.unique(clip.times[list(search.steps)], return_inverse=True)  # a repeated frame once
    found: list[Hands] = search.detector(clip.views[0, shown].numpy())
    for step, frame in enumerate(place.tolist()):
        hands = found[frame]
        count = min(len(hands.scores), search.max_hands)
        boxes[step, :count], scores[step, :count] = hands.boxes[:count], hands.scores[:count]
    return boxes, scores
