"""Embed the clips of one split one after the other; memory holds a few clips at a time."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from hand_gestures.augmentation.landmark_augmentation import LANDMARK_CHANNELS
from hand_gestures.backbones.hand_detector import HandDetector
from hand_gestures.embedding.clip_contents import content_bytes
from hand_gestures.embedding.clip_views import ClipViews, DrawnClip, VideoSequenceDataset, clip_loader
from hand_gestures.embedding.view_encoder import ViewEncoder
from hand_gestures.store.embedding_file import (
    ClipRequest,
    EmbeddedSequence,
    EmbeddingFile,
    EmbeddingHeader,
    FileGroup,
    PendingEmbeddings,
    UpgradedRows,
)
from hand_gestures.store.row_keys import digest_rows
from hand_gestures.utils.progress import progress


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


@dataclass(frozen=True)
class Extraction:
    """How the clips of all splits are embedded.

    Attributes:
        make_encoder: makes what computes the embeddings, for so many frames; it is called when the first clip is
            needed, because loading and compiling networks for no clip would be waste.
        channel_names: the C channels.
        width: D, the features of a channel.
        search: finds hands in the clean view.
        recipe: result of `make_extraction_recipe`.
        precision_error: is written into the headers.
        workers: processes that read and augment clips; 0 for none beside this one.
        sources: further files from which rows are copied.
    """

    make_encoder: Callable[[int], ViewEncoder]
    channel_names: tuple[str, ...]
    width: int
    search: HandSearch
    recipe: Mapping[str, Any]
    precision_error: dict[str, Any]
    workers: int
    sources: tuple[Path, ...] = ()


def embed_sequences(
    clips: VideoSequenceDataset,
    extraction: Extraction,
    group: FileGroup,
    upgrade: Callable[[EmbeddingFile], UpgradedRows | None],
    task: str,
) -> PendingEmbeddings:
    """Plan the embeddings of every view of every sequence; they are computed when the result is consumed.

    Args:
        clips: the sequences, with columns `sequence_id`, `class_name` and `content`, and their views.
        extraction: how they are embedded.
        group: the files that are written together.
        upgrade: see `PendingEmbeddings.upgrade`.
        task: what the progress lines call the work.

    Returns:
        The header, the labels, and a function that embeds what is requested.
    """
    recipe = extraction.recipe
    header = _make_header(clips, extraction)
    labels = _labels_and_mirrored_labels(
        clips.sequences["class_name"], recipe["class_names"], recipe["views"]["mirrored_labels"]
    )
    sequence_ids = list(clips.sequences["sequence_id"])
    contents, views = content_bytes(clips.sequences["content"]), 1 + clips.augmented_views
    header = replace(header, rows_digest=digest_rows(header.keys(), contents, views, labels, sequence_ids))

    def embed(requests: list[ClipRequest]) -> Iterator[EmbeddedSequence]:
        """Embed what is requested, in this order."""
        if not requests:
            return
        encoder = None
        if any(request.views for request in requests):
            shown = recipe["contract"]["frames"] * sum(len(request.views) for request in requests)
            encoder = extraction.make_encoder(shown)
            encoder.prepare()  # compile before the first progress line, which estimates the remaining time
        pinned = encoder is not None and encoder.on_gpu
        loader = clip_loader(clips, requests, extraction.workers, pinned)
        loaded = zip(requests, progress(loader, len(requests), task), strict=True)
        for request, clip, embedded in _overlap(loaded, encoder):
            # the clean view is also loaded where only hands need it
            mirrored = clip.mirrored.numpy()[len(clip.mirrored) - len(request.views) :]
            found = extraction.search(clip) if request.hands else (None, None)
            # repeated frames are copied here: (V, n, C, D) → (V, T, C, D)
            yield EmbeddedSequence(embedded[:, clip.times.numpy()], mirrored, *found)

    return PendingEmbeddings(header, sequence_ids, contents, labels, views, embed, extraction.sources, upgrade, group)


def _make_header(clips: VideoSequenceDataset, extraction: Extraction) -> EmbeddingHeader:
    recipe, search, channels = extraction.recipe, extraction.search, extraction.channel_names
    rows = len(clips) * (1 + clips.augmented_views)
    # clean rows depend on no augmentation, but landmarks are mirrored in training, with the labels of the recipe
    with_recipe = clips.augmented_views > 0 or any(name in LANDMARK_CHANNELS for name in channels)
    return EmbeddingHeader(
        shape=(rows, recipe["contract"]["frames"], len(channels), extraction.width),
        class_names=tuple(recipe["class_names"]),
        channel_names=channels,
        hand_frames=tuple(search.steps),
        max_hands=search.max_hands,
        contract=recipe["contract"],
        recipe=recipe["views"] if with_recipe else {},
        hand_search=recipe["hands"],
        provenance=recipe["provenance"],
        precision_error=extraction.precision_error,
        storage=recipe["contract"]["storage"],
    )


def _labels_and_mirrored_labels(
    class_names: pd.Series, all_names: Sequence[str], mirrored_labels: Mapping[str, str]
) -> np.ndarray:
    """int64 (N, 2): the class index of each sequence, and that of its mirror image."""
    index = {name: i for i, name in enumerate(all_names)}
    # where no view is mirrored, the class of a mirror image may have no clips
    pairs = [(index[name], index.get(mirrored_labels[name], -1)) for name in class_names]
    return np.array(pairs, np.int64).reshape(-1, 2)


def _overlap(
    loaded: Iterator[tuple[ClipRequest, ClipViews | DrawnClip]], encoder: ViewEncoder | None
) -> Iterator[tuple[ClipRequest, ClipViews, np.ndarray]]:
    """Yield each clip with the embeddings (V, n, C, D) of its frames; a GPU computes one clip ahead of the caller."""
    ahead = None
    for request, clip in loaded:
        if isinstance(clip, DrawnClip):
            clip = clip.on_device(encoder.device if encoder else torch.device("cpu"))
        result = _start(encoder, clip, len(request.views))
        if encoder is None or not encoder.on_gpu:  # a CPU has finished already: one clip ahead would only take memory
            yield request, clip, result()
            continue
        if ahead is not None:
            yield *ahead[:2], ahead[2]()
        ahead = request, clip, result
    if ahead is not None:
        yield *ahead[:2], ahead[2]()


def _start(encoder: ViewEncoder | None, clip: ClipViews, count: int) -> Callable[[], np.ndarray]:
    """Start to embed the last `count` views of a clip."""
    if encoder is None or not count:
        return lambda: np.empty((0, clip.views.shape[1], 1, 1), np.float32)
    return encoder.start(clip._replace(views=clip.views[len(clip.views) - count :]))
