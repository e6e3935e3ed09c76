"""Clips as the average of a few tiny frames: what is left when everything that makes a gesture is gone.

What a classifier of these still recognises, it recognises by room, clothes, light or framing. Where clips of one
recording stand on both sides of a split, that is much.
"""

from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from hand_gestures.processes import in_processes
from hand_gestures.progress import progress
from hand_gestures.video.image_files import read_small
from hand_gestures.video.perceptual_hash import WORTH_A_PROCESS, key_frames

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
