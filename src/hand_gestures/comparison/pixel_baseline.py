"""The class of the clip that looks most alike in averaged pixels."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image
from sklearn.neighbors import KNeighborsClassifier

from hand_gestures.dataset.leak_audit import WORTH_A_PROCESS, key_frames
from hand_gestures.store.selection import Embeddings
from hand_gestures.utils.errors import HandGesturesError
from hand_gestures.utils.progress import progress
from hand_gestures.utils.workers import in_processes
from hand_gestures.video.image_files import read_small


def nearest_neighbour(train: Embeddings, val: Embeddings, pixels: Mapping[str, np.ndarray]) -> np.ndarray:
    """Probabilities (N, classes), each 0 or 1, for the rows of `val`, by the clips of `train`.

    Args:
        pixels: of each sequence_id, arrays of one length.
    """
    known = _look_up(train, pixels)
    model = KNeighborsClassifier(1).fit(known, train.labels)
    labels = model.predict(_look_up(val, pixels))
    return np.eye(len(val.header.class_names))[labels]


def _look_up(file: Embeddings, pixels: Mapping[str, np.ndarray]) -> np.ndarray:
    strangers = [name for name in file.sequence_ids if name not in pixels]
    if strangers:
        raise HandGesturesError(
            f"every clip of {file.path} must be among the sequences whose pixels are averaged, but {len(strangers)} "
            f"are not, {strangers[0]!r} for one; run data_processing and feature_engineering again"
        )
    return np.stack([pixels[name] for name in file.sequence_ids])


SIDE = 8  # pixels
FRAMES = 8  # of a clip, evenly spaced


def average_pixels(sequences: pd.DataFrame, frames_dir: Path, processes: int) -> pd.DataFrame:
    """`sequence_id` and `pixels` of each sequence: the mean of `FRAMES` frames of `SIDE` x `SIDE` RGB pixels, 0..255,
    as a float32 array of their 192 numbers.

    Raises:
        HandGesturesError: a frame is gone or cannot be decoded.
    """
    tasks = [[frames_dir / path for path in key_frames(paths, FRAMES)] for paths in sequences["frames"]]
    averaged = in_processes(_average, tasks, min(processes, 1 + len(tasks) // WORTH_A_PROCESS))
    pixels = list(progress(averaged, len(tasks), "averaging pixels"))
    return pd.DataFrame({"sequence_id": sequences["sequence_id"].to_numpy(), "pixels": pixels})


def _average(paths: list[Path]) -> np.ndarray:
    tiny = [read_small(path, "RGB", SIDE).resize((SIDE, SIDE), Image.Resampling.BOX) for path in paths]
    return np.mean([np.asarray(frame, np.float32) for frame in tiny], axis=0).reshape(-1)
