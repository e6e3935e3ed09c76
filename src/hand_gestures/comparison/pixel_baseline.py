"""A baseline without a network: predict the class of the training clip whose averaged pixels are nearest.

A few averaged pixels show the room, the clothes and the light, but no gesture. Accuracy above chance therefore shows
how much these alone give away.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image
from sklearn.neighbors import KNeighborsClassifier

from hand_gestures.store.selection import Embeddings
from hand_gestures.utils.errors import HandGesturesError
from hand_gestures.utils.progress import progress
from hand_gestures.utils.rules import evenly_spaced
from hand_gestures.utils.workers import in_processes
from hand_gestures.video.image_files import read_small

SIDE = 8  # pixels
FRAMES = 8  # of a clip, evenly spaced
CLIPS_PER_PROCESS = 500  # a process takes longer to start than to average fewer clips


def average_pixels(sequences: pd.DataFrame, frames_dir: Path, processes: int) -> pd.DataFrame:
    """Average `FRAMES` frames of each sequence, reduced to `SIDE` x `SIDE` RGB pixels.

    Args:
        sequences: columns `sequence_id` and `frames` (paths below `frames_dir`).
        frames_dir: the folder of the frames.
        processes: at most as many processes read frames.

    Returns:
        Columns `sequence_id` and `pixels`, float32 (SIDE * SIDE * 3,) in 0..255.

    Raises:
        HandGesturesError: a frame is missing or cannot be decoded.
    """
    tasks = [
        [frames_dir / paths[index] for index in evenly_spaced(len(paths), FRAMES)] for paths in sequences["frames"]
    ]
    averaged = in_processes(_average, tasks, min(processes, 1 + len(tasks) // CLIPS_PER_PROCESS))
    pixels = list(progress(averaged, len(tasks), "averaging pixels"))
    return pd.DataFrame({"sequence_id": sequences["sequence_id"].to_numpy(), "pixels": pixels})


def nearest_neighbour(train: Embeddings, val: Embeddings, pixels: Mapping[str, np.ndarray]) -> np.ndarray:
    """Predict the classes of the rows of `val` by the nearest row of `train` (Euclidean distance of the pixels).

    Args:
        train: rows whose classes are known.
        val: rows to predict; the embeddings themselves are not read.
        pixels: sequence_id to averaged pixels, all of one length.

    Returns:
        Probabilities float64 (N, classes), each 0 or 1.

    Raises:
        HandGesturesError: a sequence has no pixels.
    """
    model = KNeighborsClassifier(1).fit(_find_pixels(train, pixels), train.labels)
    labels = model.predict(_find_pixels(val, pixels))
    return np.eye(len(val.header.class_names))[labels]


def _average(paths: list[Path]) -> np.ndarray:
    # BOX averages all pixels of a cell; other filters would weigh neighbours or skip pixels
    tiny = [read_small(path, "RGB", SIDE).resize((SIDE, SIDE), Image.Resampling.BOX) for path in paths]
    return np.mean([np.asarray(frame, np.float32) for frame in tiny], axis=0).reshape(-1)


def _find_pixels(file: Embeddings, pixels: Mapping[str, np.ndarray]) -> np.ndarray:
    """The pixels of each row, (N, SIDE * SIDE * 3)."""
    unknown = [sequence_id for sequence_id in file.sequence_ids if sequence_id not in pixels]
    if unknown:
        raise HandGesturesError(
            f"every clip of {file.path} must have averaged pixels, but {len(unknown)} have none, for example "
            f"{unknown[0]!r}; run data_processing and feature_engineering again"
        )
    return np.stack([pixels[sequence_id] for sequence_id in file.sequence_ids])
