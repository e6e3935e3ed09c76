"""Does one side of a split know the other? Copies, look-alikes and groups that stand on both."""

import hashlib
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import imagehash
import numpy as np
import pandas as pd

from hand_gestures.dataset.split_assignment import SIDES, TEST, TRAIN, VAL
from hand_gestures.utils.progress import progress
from hand_gestures.utils.workers import in_processes
from hand_gestures.video.image_files import read_small

PAIRS = ((VAL, TRAIN), (TEST, TRAIN), (TEST, VAL))  # a side that is held out, and one that must not know it
COPY, LOOK_ALIKE, SAME_GROUP = "copy", "look-alike", "same group"
LEAK_COLUMNS = ("kind", "side", "sequence_id", "group", "other_side", "other_sequence_id", "other_group", "distance")
NEVER = 65  # bits apart: more than there are
FILES_COMPARED = 3  # of a clip, spread evenly: two clips in which these are the same are copies


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


class LeakCounts(NamedTuple):
    """Of the held-out clips: how many have a copy or a look-alike on another side; and groups on both sides."""

    held_out: int
    copies: int
    look_alikes: int
    groups_on_both_sides: int


def audit_split(
    sequences: pd.DataFrame, sides: pd.Series, hashes: ClipHashes, distance: int, frames_dir: Path
) -> tuple[pd.DataFrame, LeakCounts]:
    """Compare each pair of sides; of every clip held out, its nearest clip on the other side is kept if near enough.

    Args:
        sequences: `sequence_id`, `group` and `frames` of all clips.
        sides: their sides.
        hashes: of the same rows.
        distance: two clips look alike if any frame of one differs from any of the other by at most so many bits of 64.
        frames_dir: where the frames are: files of the same bytes make a copy of a look-alike.

    Returns:
        A row a leak with `LEAK_COLUMNS`, the nearest first, then one for each group that stands on two sides, with a
        clip of it on each and no distance; and the counts.
    """
    ids, groups, frames = (sequences[name].to_numpy() for name in ("sequence_id", "group", "frames"))
    rows_of = {side: np.flatnonzero(sides == side) for side in SIDES}

    @cache
    def content(row: int) -> bytes:
        files = key_frames(frames[row], FILES_COMPARED)
        return b"".join(hashlib.blake2b((frames_dir / file).read_bytes()).digest() for file in files)

    leaks = [
        (kind, held, ids[row], groups[row], other, ids[twin], groups[twin], bits)
        for held, other in PAIRS
        for kind, row, twin, bits in (
            *_near_clips(hashes, rows_of[held], rows_of[other], distance, content),
            *_shared_groups(groups, rows_of[held], rows_of[other]),
        )
    ]
    table = pd.DataFrame(leaks, columns=list(LEAK_COLUMNS)).astype({"distance": "Int64"})
    table = table.sort_values(["distance", "sequence_id", "other_side"], ignore_index=True)
    clips, straddling = (table.groupby("kind")[name].nunique() for name in ("sequence_id", "group"))
    held_out = len(rows_of[VAL]) + len(rows_of[TEST])
    return table, LeakCounts(
        held_out, int(clips.get(COPY, 0)), int(clips.get(LOOK_ALIKE, 0)), int(straddling.get(SAME_GROUP, 0))
    )


def _near_clips(
    hashes: ClipHashes, held: np.ndarray, others: np.ndarray, distance: int, content: Callable[[int], bytes]
) -> Iterator[tuple[str, int, int, int]]:
    """(kind, row, nearest of the rows `others`, bits between them) of each row held out that has one near enough."""
    bits, usable = hashes.bits[others], hashes.usable[others]
    for row in map(int, held):
        twins = map(int, others[(bits == hashes.bits[row]).all(axis=1)])
        copy = next((twin for twin in twins if content(twin) == content(row)), None)
        if copy is not None:
            yield COPY, row, copy, 0
            continue
        apart = np.bitwise_count(bits[:, :, None] ^ hashes.bits[row])  # frames of each other clip x frames of this one
        nearest = np.where(usable[:, :, None] & hashes.usable[row], apart, NEVER).min(axis=(1, 2))
        if nearest.min(initial=NEVER) <= distance:
            yield LOOK_ALIKE, row, int(others[nearest.argmin()]), int(nearest.min())


def _shared_groups(groups: np.ndarray, held: np.ndarray, others: np.ndarray) -> Iterator[tuple[str, int, int, None]]:
    """(kind, a row of each side, no distance) of each group that stands on both."""
    one, other = ({groups[row]: int(row) for row in rows[::-1]} for rows in (held, others))
    for group in one.keys() & other.keys():
        yield SAME_GROUP, one[group], other[group], None


WORTH_A_PROCESS = 500  # clips: a process takes longer to start than to hash fewer
FLAT = 4.0  # standard deviation of grey below which a frame shows nothing: all such frames hash alike
