"""Embed the clips of one split one after the other; memory holds a few clips at a time."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from hand_gestures.backbones.hand_detector import HandDetector
from hand_gestures.embedding.clip_views import ClipViews, DrawnClip, VideoSequenceDataset, clip_loader
from hand_gestures.embedding.extractor import ClipEmbedder
from hand_gestures.embedding.landmark_encoder import LandmarkEncoder
from hand_gestures.embedding.view_encoder import ViewEncoder
from hand_gestures.store.embedding_file import EmbeddedSequence, EmbeddingHeader, PendingEmbeddings
from hand_gestures.utils.progress import progress
from hand_gestures.video.image_files import frame_bytes


@dataclass(frozen=True)
class HandSearch:
    """In which frames of a clip hands are searched, and how many are kept.

    Attributes:
        detector: finds the hands; None finds nothing.
        steps: the S time steps that are searched.
        max_hands: K, number of hands kept per frame.

    Example:
        >>> HandSearch(None, (), max_hands=2)  # no search
    """

    detector: HandDetector | None
    steps: Sequence[int]
    max_hands: int

    def __call__(self, clip: ClipViews) -> tuple[np.ndarray, np.ndarray]:
        """Search the clean view of a clip.

        Args:
            clip: the views of a sequence.

        Returns:
            Boxes float32 (S, K, 4) in fractions of the frame and scores float32 (S, K), NaN where there is no hand.
        """
        boxes = np.full((len(self.steps), self.max_hands, 4), np.nan, np.float32)
        scores = np.full(boxes.shape[:2], np.nan, np.float32)
        if self.detector is None:
            return boxes, scores
        # a frame that several steps show is searched once
        frames, frame_of_step = torch.unique(clip.times[list(self.steps)], return_inverse=True)
        found = self.detector(clip.views[0, frames].cpu().numpy())
        for step, frame in enumerate(frame_of_step.tolist()):
            hands = found[frame]
            count = min(len(hands.scores), self.max_hands)
            boxes[step, :count], scores[step, :count] = hands.boxes[:count], hands.scores[:count]
        return boxes, scores


def embed_sequences(
    clips: VideoSequenceDataset,
    embedder: ClipEmbedder | None,
    search: HandSearch,
    recipe: Mapping[str, Any],
    precision_error: dict[str, Any],
    workers: int,
    task: str,
    landmarks: LandmarkEncoder | None = None,
) -> PendingEmbeddings:
    """Plan the embeddings of every view of every sequence; they are computed when the result is consumed.

    Args:
        clips: the sequences, with a column `class_name`, and their views.
        embedder: computes the twelve channels of frames; None where they are not wanted.
        search: finds hands in the clean view.
        recipe: becomes the fingerprint. `mirrored_labels` gives the classes, in the order of their indices, and the
            class of each one's mirror image; `clips.frames` is the clip length and `storage` the dtype on disk.
        precision_error: is written into the header.
        workers: processes that read and augment clips; 0 for none beside this one.
        task: what the progress lines call the work.
        landmarks: computes the channels of hand landmarks; None where they are not wanted.

    Returns:
        The header, and a function that embeds the sequences with given indices.

    Raises:
        HandGesturesError: a frame is missing.
    """
    views = 1 + clips.augmented_views
    encoder = ViewEncoder(embedder, landmarks)
    header = _make_header(clips, encoder, search, recipe, precision_error)
    labels = _labels_and_mirrored_labels(clips.sequences["class_name"], recipe["mirrored_labels"])

    def embed(indices: list[int]) -> Iterator[EmbeddedSequence]:
        """Embed the sequences with these indices, in this order."""
        if indices:
            encoder.prepare()  # compile before the first progress line, which estimates the remaining time
        loader = clip_loader(clips, indices, workers, pinned=encoder.on_gpu)
        for clip, by_view in _overlap(progress(loader, len(indices), task), encoder):
            yield EmbeddedSequence(
                by_view[:, clip.times.numpy()],  # (V, T, C, D): repeated frames are copied here
                labels[clip.row, clip.mirrored.numpy().astype(int)],
                *search(clip),
            )

    return PendingEmbeddings(header, list(clips.sequences["sequence_id"]), views, embed)


def sources_digest(sequences: pd.DataFrame, frames_dir: Path) -> str:
    """Digest of what sequences are made from: their ids, classes, and the paths and sizes of their frames.

    Args:
        sequences: table with `sequence_id`, `class_name` and `frames`.
        frames_dir: folder to which the paths are relative.

    Returns:
        64 hex digits.

    Raises:
        HandGesturesError: a frame is missing; better now than after hours of work.
    """
    digest = hashlib.sha256()
    columns = sequences[["sequence_id", "class_name", "frames"]]
    for sequence_id, class_name, paths in columns.itertuples(index=False):
        # sizes instead of contents: reading every frame would take as long as decoding it
        sizes = {path: frame_bytes(frames_dir / path) for path in paths}  # a repeated frame counts once
        digest.update(json.dumps([sequence_id, class_name, list(paths), list(sizes.values())]).encode())
    return digest.hexdigest()


def _make_header(
    clips: VideoSequenceDataset,
    encoder: ViewEncoder,
    search: HandSearch,
    recipe: Mapping[str, Any],
    precision_error: dict[str, Any],
) -> EmbeddingHeader:
    rows, frames = len(clips) * (1 + clips.augmented_views), recipe["clips"]["frames"]
    return EmbeddingHeader(
        shape=(rows, frames, len(encoder.channel_names), encoder.width),
        class_names=tuple(recipe["mirrored_labels"]),
        channel_names=encoder.channel_names,
        hand_frames=tuple(search.steps),
        max_hands=search.max_hands,
        fingerprint=dict(recipe),
        sources=sources_digest(clips.sequences, clips.frames_dir),
        precision_error=precision_error,
        storage=recipe["storage"],
    )


def _labels_and_mirrored_labels(class_names: pd.Series, mirrored_labels: Mapping[str, str]) -> np.ndarray:
    """int64 (N, 2): the class index of each sequence, and that of its mirror image."""
    index = {name: i for i, name in enumerate(mirrored_labels)}
    pairs = [(index[name], index[mirrored_labels[name]]) for name in class_names]
    return np.array(pairs, np.int64).reshape(-1, 2)


def _overlap(clips: Iterator[ClipViews | DrawnClip], encoder: ViewEncoder) -> Iterator[tuple[ClipViews, np.ndarray]]:
    """Yield each clip with the embeddings (V, n, C, D) of its frames; a GPU computes one clip ahead of the caller."""
    ahead = None
    for clip in clips:
        if isinstance(clip, DrawnClip):
            clip = clip.on_device(encoder.device)
        result = encoder.start(clip)
        if not encoder.on_gpu:  # a CPU has finished already: one clip ahead would only take memory
            yield clip, result()
            continue
        if ahead is not None:
            yield ahead[0], ahead[1]()
        ahead = clip, result
    if ahead is not None:
        yield ahead[0], ahead[1]()
