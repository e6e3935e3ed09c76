"""All clips of a split, embedded one after the other: a stream that holds one clip at a time."""

from collections.abc import Iterator, Mapping, Sequence

import pandas as pd

from hand_gestures.embedding.channels import CHANNEL_NAMES
from hand_gestures.embedding.extractor import ClipEmbedder
from hand_gestures.embedding.hand_table import hand_arrays
from hand_gestures.embedding.store import EmbeddedView, EmbeddingHeader, EmbeddingStream
from hand_gestures.progress import progress
from hand_gestures.video.clips import VideoSequenceDataset, clip_loader


def embed_sequences(
    *,
    clips: VideoSequenceDataset,
    embedder: ClipEmbedder,
    labels: Sequence[str],
    mirrored_labels: Mapping[str, str],
    hands: pd.DataFrame,
    hand_frames: Sequence[int],
    max_hands: int,
    fingerprint: dict,
    frames_per_clip: int,
    workers: int,
    doing: str,
) -> EmbeddingStream:
    """The embeddings of every view of every sequence, in the order of `clips`, computed as they are consumed.

    Args:
        clips: the sequences and their views.
        embedder: turns a view into its embedding.
        labels: class name of each sequence.
        mirrored_labels: for every class, in the order of their numbers, the one that its mirrored views take.
        hands: table of `find_hands`.
        hand_frames: the time steps that were searched for hands.
        doing: what progress calls the work.
    """
    views = 1 + clips.augmented_views
    header = EmbeddingHeader(
        shape=(len(clips) * views, frames_per_clip, len(CHANNEL_NAMES), embedder.width),
        class_names=tuple(mirrored_labels),
        channel_names=CHANNEL_NAMES,
        hand_frames=tuple(hand_frames),
        max_hands=max_hands,
        fingerprint=fingerprint,
    )
    number = {name: i for i, name in enumerate(mirrored_labels)}
    hands_of = dict(tuple(hands.groupby("sequence_id")))

    def rows() -> Iterator[EmbeddedView]:
        for clip in progress(clip_loader(clips, workers), len(clips), doing):
            sequence_id, label = clips.sequence_ids[clip.row], labels[clip.row]
            boxes, scores = hand_arrays(hands_of.get(sequence_id), hand_frames, max_hands)
            for view, mirrored in enumerate(clip.mirrored.tolist()):
                yield EmbeddedView(
                    embedding=embedder(clip.views[view])[clip.times.numpy()],
                    label=number[mirrored_labels[label] if mirrored else label],
                    sequence_id=sequence_id,
                    view=view,
                    boxes=boxes,
                    scores=scores,
                )

    return EmbeddingStream(header, rows())
