"""Hands of many sequences: a table with one row a hand, and the arrays that stand in the file."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from hand_gestures.embedding.hands import HandDetector
from hand_gestures.progress import progress
from hand_gestures.video.clips import VideoSequenceDataset, clip_loader

HAND_COLUMNS = ["sequence_id", "frame", "x0", "y0", "x1", "y1", "score"]


def find_hands(
    sequences: pd.DataFrame, frames_dir: Path, size: int, detector: HandDetector, every: int, workers: int
) -> pd.DataFrame:
    """Hands on every `every`-th time step of each sequence, in frames resized to (size, size).

    Returns a table with one row a hand: `HAND_COLUMNS`, boxes in fractions of the frame.
    """
    searched = sequences.assign(
        frames=pd.Series([list(frames[::every]) for frames in sequences["frames"]], index=sequences.index)
    )
    clips = VideoSequenceDataset(searched, frames_dir, size)
    rows = []
    for clip in progress(clip_loader(clips, workers), len(clips), "finding hands"):
        found = detector(clip.views[0].numpy())
        for i, shown in enumerate(clip.times.tolist()):
            for box, score in zip(*found[shown], strict=True):
                rows.append((clips.sequence_ids[clip.row], i * every, *map(float, box), float(score)))
    return pd.DataFrame(rows, columns=HAND_COLUMNS)


def hand_arrays(hands: pd.DataFrame | None, steps: Sequence[int], most: int) -> tuple[np.ndarray, np.ndarray]:
    """Hands of one sequence as boxes (S, most, 4) and scores (S, most), NaN where there is none."""
    boxes = np.full((len(steps), most, 4), np.nan, np.float32)
    scores = np.full((len(steps), most), np.nan, np.float32)
    if hands is not None:
        for place, step in enumerate(steps):
            found = hands[hands["frame"] == step].nlargest(most, "score")
            boxes[place, : len(found)] = found[["x0", "y0", "x1", "y1"]]
            scores[place, : len(found)] = found["score"]
    return boxes, scores
