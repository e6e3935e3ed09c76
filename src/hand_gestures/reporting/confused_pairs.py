"""One picture for each of the most frequent mistakes: clips of one class that were taken for another, and clips of that
other class."""

import logging
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from hand_gestures.reporting.clip_frames import FrameReader, answer, with_frames
from hand_gestures.reporting.figures import BLUE, ORANGE
from hand_gestures.reporting.rows import shortened
from hand_gestures.reporting.strips import HEIGHT, Strip, draw_strips, jpeg

logger = logging.getLogger(__name__)
PAIRS, CLIPS, PICTURES = 10, 3, 8  # pairs of classes, clips of each of the two, frames of each clip
LONGEST_NAME = 90  # bytes of a class name in a file's name


def confused_pairs(sequences: pd.DataFrame, predictions: pd.DataFrame, frames_dir: Path) -> Iterator[tuple[str, bytes]]:
    """A sheet for each of the `PAIRS` most frequent mistakes as (`NN_true_as_predicted.jpg`, jpeg): the clips that were
    mistaken most surely and, beneath them, as many of the predicted class that were recognised most surely.

    Args:
        sequences: `sequence_id`, `video_id` and `frames` of the clips.
        predictions: as of an `Evaluation`; clean views are shown.
        frames_dir: where the frames' paths start.

    Raises:
        HandGesturesError: the tables are not of the same clips, or a frame cannot be decoded.
    """
    clips = with_frames(predictions, sequences).sort_values(["confidence", "sequence_id"], ascending=[False, True])
    reader = FrameReader(frames_dir, HEIGHT)
    pairs = most_confused(clips)
    if not pairs:
        logger.info("no validation clip was taken for another class: there are no confused pairs to draw")
    for place, (true, predicted, count) in enumerate(pairs, start=1):
        of_true = clips[clips["class_name"] == true]
        mistaken = of_true[of_true["predicted"] == predicted].head(CLIPS)
        right = clips[clips["correct"] & (clips["class_name"] == predicted)].head(len(mistaken))
        none = f"; no clip of {shortened(predicted)} was right" if right.empty else ""
        title = f"{shortened(true)} as {shortened(predicted)}: {count} of {len(of_true)} clips{none}"
        strips = [_strip(clip, reader) for clip in pd.concat([mistaken, right]).itertuples()]
        yield f"{place:02d}_{safe(true)}_as_{safe(predicted)}.jpg", jpeg(draw_strips(title, strips))
    reader.warn("pictures of confused pairs")


def most_confused(predictions: pd.DataFrame) -> list[tuple[str, str, int]]:
    """True class, predicted class and clips of the most frequent mistakes, `PAIRS` at most; of equals, the first by
    name."""
    counts = predictions[~predictions["correct"]].groupby(["class_name", "predicted"]).size().reset_index(name="clips")
    ordered = counts.sort_values(["clips", "class_name", "predicted"], ascending=[False, True, True]).head(PAIRS)
    return list(ordered.itertuples(index=False, name=None))


def safe(name: str) -> str:
    """A class name as a part of a file's name: letters and digits of any script, anything else a dash."""
    plain = re.sub(r"[^\w-]+", "-", name).encode()
    return plain[:LONGEST_NAME].decode(errors="ignore")


def _strip(clip: Any, reader: FrameReader) -> Strip:
    return Strip(answer(clip), BLUE if clip.correct else ORANGE, reader.read_some(clip.frames, PICTURES))
