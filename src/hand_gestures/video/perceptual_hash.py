"""Perceptual hashes of clips: frames that look alike differ in few bits.

The hash is the 64-bit DCT hash of ImageHash (C. Zauner, "Implementation and benchmarking of perceptual image
hash functions", 2010).
"""

from pathlib import Path
from typing import NamedTuple

import imagehash
import numpy as np
import pandas as pd

from hand_gestures.processes import in_processes
from hand_gestures.progress import progress
from hand_gestures.video.image_files import read_small

WORTH_A_PROCESS = 500  # clips: a process takes longer to start than to hash fewer
FLAT = 4.0  # standard deviation of grey below which a frame shows nothing: all such frames hash alike


class ClipHashes(NamedTuple):
    """Hashes of K frames of each clip: `bits` uint64 (N, K); `usable` bool (N, K), False for a frame of one colour."""

    bits: np.ndarray
    usable: np.ndarray


def hash_clips(sequences: pd.DataFrame, frames_dir: Path, frames: int, processes: int) -> ClipHashes:
    """Hash `frames` evenly spaced frames of each sequence, first and last among them.

    Raises:
        HandGesturesError: a frame is gone or cannot be decoded.
    """
    tasks = [[frames_dir / path for path in key_frames(paths, frames)] for paths in sequences["frames"]]
    useful = min(processes, 1 + len(tasks) // WORTH_A_PROCESS)
    hashed = progress(in_processes(_hash_frames, tasks, useful), len(tasks), "hashing clips")
    bits, usable = zip(*hashed, strict=True)
    return ClipHashes(np.array(bits, np.uint64), np.array(usable, bool))


def key_frames(paths: list[str], frames: int) -> list[str]:
    """`frames` evenly spaced ones of a clip's frame paths."""
    places = np.linspace(0, len(paths) - 1, frames).round().astype(int)
    return [paths[place] for place in places]


def _hash_frames(paths: list[Path]) -> tuple[list[int], list[bool]]:
    bits, usable = [], []
    for path in paths:
        grey = read_small(path, "L", 64)
        bits.append(int(str(imagehash.phash(grey)), 16))
        usable.append(float(np.asarray(grey).std()) >= FLAT)
    return bits, usable
