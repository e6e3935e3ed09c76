"""Does one side of a split know the other? Copies, look-alikes and groups that stand on both."""

from itertools import combinations
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from hand_gestures.video.perceptual_hash import ClipHashes, key_frames
from hand_gestures.video.splits import SIDES, TEST, TRAIN, VAL

COPY, LOOK_ALIKE = "copy", "look-alike"
LEAK_COLUMNS = ("kind", "side", "sequence_id", "group", "other_side", "other_sequence_id", "other_group", "distance")
NEVER = 65  # bits apart: more than there are


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
        A row a leak with `LEAK_COLUMNS`, the nearest first, and the counts.
    """
    leaks = []
    rows_of = {side: np.flatnonzero(sides == side) for side in SIDES}
    ids, groups, frames = (sequences[name].to_numpy() for name in ("sequence_id", "group", "frames"))
    for held, other in ((VAL, TRAIN), (TEST, TRAIN), (TEST, VAL)):
        for row in rows_of[held]:
            twins = rows_of[other][(hashes.bits[rows_of[other]] == hashes.bits[row]).all(axis=1)]
            copies = [twin for twin in twins if _same_files(frames_dir, frames[row], frames[twin])]
            nearest, bits = (copies[0], 0) if copies else _nearest(hashes, int(row), rows_of[other])
            if bits <= distance:
                kind = COPY if copies else LOOK_ALIKE
                leaks.append((kind, held, ids[row], groups[row], other, ids[nearest], groups[nearest], bits))
    table = pd.DataFrame(leaks, columns=list(LEAK_COLUMNS)).sort_values(["distance", "sequence_id"], ignore_index=True)
    clips = table.groupby("kind")["sequence_id"].nunique()
    straddling = {
        group
        for one, other in combinations(SIDES, 2)
        for group in set(groups[rows_of[one]]) & set(groups[rows_of[other]])
    }
    held_out = len(rows_of[VAL]) + len(rows_of[TEST])
    return table, LeakCounts(held_out, int(clips.get(COPY, 0)), int(clips.get(LOOK_ALIKE, 0)), len(straddling))


def _nearest(hashes: ClipHashes, row: int, others: np.ndarray) -> tuple[int, int]:
    """Which of the rows `others` has a frame nearest to a frame of `row`, and how many bits apart they are."""
    if not len(others):
        return row, NEVER
    apart = np.bitwise_count(hashes.bits[others][:, :, None] ^ hashes.bits[row])
    usable = hashes.usable[others][:, :, None] & hashes.usable[row]
    bits = np.where(usable, apart, NEVER).min(axis=(1, 2))
    return int(others[bits.argmin()]), int(bits.min())


def _same_files(frames_dir: Path, paths: list[str], other_paths: list[str]) -> bool:
    pairs = zip(key_frames(paths, 3), key_frames(other_paths, 3), strict=True)
    return all((frames_dir / one).read_bytes() == (frames_dir / other).read_bytes() for one, other in pairs)
