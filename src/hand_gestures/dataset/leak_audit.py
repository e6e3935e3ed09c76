"""Copies of videos: in two classes, which is an error; and leaks between the splits (docs/adr/0006).

A leak is a copy, a look-alike by perceptual hash, or a group in two splits.
"""

import hashlib
import logging
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import imagehash
import numpy as np
import pandas as pd

from hand_gestures.dataset.split_assignment import SPLITS, TEST, TRAIN, VAL
from hand_gestures.dataset.split_table import select_sequences, summarise_splits
from hand_gestures.parameters import LeakAuditParameters
from hand_gestures.utils.errors import HandGesturesError
from hand_gestures.utils.progress import progress
from hand_gestures.utils.rules import evenly_spaced, pluralise
from hand_gestures.utils.workers import in_processes
from hand_gestures.video.image_files import read_small

logger = logging.getLogger(__name__)

PAIRS = ((VAL, TRAIN), (TEST, TRAIN), (TEST, VAL))  # a held-out split, and one that must not know its clips
COPY, LOOK_ALIKE, SAME_GROUP = "copy", "look-alike", "same group"
LEAK_COLUMNS = ("kind", "side", "sequence_id", "group", "other_side", "other_sequence_id", "other_group", "distance")
FAR = 65  # distance of frames that are not compared: more than the 64 bits of a hash
FLAT = 4.0  # standard deviation of grey values: below it a frame shows nothing, and all such frames hash alike
FILES_COMPARED = 3  # per clip, evenly spaced: two clips are copies if these files are equal
WORTH_A_PROCESS = 500  # clips: starting a process takes longer than hashing fewer


class ClipHashes(NamedTuple):
    """Hashes of K frames of each clip: `bits` uint64 (N, K); `usable` bool (N, K), False for a frame of one colour."""

    bits: np.ndarray
    usable: np.ndarray


class LeakCounts(NamedTuple):
    """Held-out clips, those with a copy or a look-alike in another split, and the groups that are in two splits."""

    held_out: int
    copies: int
    look_alikes: int
    groups_on_both_sides: int


def audit_leaks(
    sequences: pd.DataFrame, split: pd.DataFrame, frames_dir: Path, parameters: LeakAuditParameters
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Audit the split and, for comparison, the random split of the same clips.

    Args:
        sequences: columns of `build_sequences`.
        split: the split table.
        frames_dir: the folder of the frames.
        parameters: frames per clip, largest distance and number of processes.

    Returns:
        The leaks of the split, see `audit_split`; and the counts of `summarise_splits`, with the `LeakCounts` of both
        splits as "leaks".

    Raises:
        HandGesturesError: a frame is missing or cannot be decoded.
    """
    sequences = select_sequences(sequences, split)
    hashes = hash_clips(sequences, frames_dir, parameters.frames, parameters.processes)
    leaks, counts = audit_split(sequences, split["side"], hashes, parameters.distance, frames_dir)
    _, random_counts = audit_split(sequences, split["random_side"], hashes, parameters.distance, frames_dir)
    same = split["side"].equals(split["random_side"])
    logger.log(
        logging.WARNING if len(leaks) else logging.INFO,
        "leak audit: of %d held-out clips, %d have a copy and %d have a look-alike in another split%s; "
        "%d groups are in two splits; see leaks.csv",
        *counts[:3],
        "" if same else f" (in a random split: {random_counts.copies} and {random_counts.look_alikes})",
        counts.groups_on_both_sides,
    )
    summary: dict[str, Any] = summarise_splits(split)
    summary["split"]["leaks"], summary["random_split"]["leaks"] = counts._asdict(), random_counts._asdict()
    return leaks, summary


def hash_clips(sequences: pd.DataFrame, frames_dir: Path, frames: int, processes: int) -> ClipHashes:
    """Hash evenly spaced frames of each clip with a 64-bit DCT hash, `imagehash.phash`.

    Args:
        sequences: column `frames`, equally long lists of paths.
        frames_dir: the folder that the paths are relative to.
        frames: frames per clip; the first and the last one are among them.
        processes: number of processes; fewer are used for few clips.

    Returns:
        The hashes, with K = `frames`, or all frames of shorter clips.

    Raises:
        HandGesturesError: a frame is missing or cannot be decoded.
    """
    tasks = [[frames_dir / path for path in key_frames(paths, frames)] for paths in sequences["frames"]]
    useful = min(processes, 1 + len(tasks) // WORTH_A_PROCESS)
    hashed = progress(in_processes(_hash_frames, tasks, useful), len(tasks), "hashing clips")
    bits, usable = zip(*hashed, strict=True)
    return ClipHashes(np.array(bits, np.uint64), np.array(usable, bool))


def key_frames(paths: list[str], frames: int) -> list[str]:
    """Choose evenly spaced frames of a clip.

    Args:
        paths: the frames of the clip.
        frames: how many to choose.

    Returns:
        `frames` of the paths, the first and the last among them; all paths of a shorter clip.
    """
    return [paths[index] for index in evenly_spaced(len(paths), frames)]


def content_hash(paths: list[str], frames_dir: Path) -> bytes:
    """Hash the bytes of `FILES_COMPARED` evenly spaced frames of a clip.

    Args:
        paths: the frames of the clip, in order.
        frames_dir: the folder that the paths are relative to.

    Returns:
        The hashes of the files, one after the other.
    """
    files = key_frames(paths, FILES_COMPARED)
    return b"".join(hashlib.blake2b((frames_dir / file).read_bytes()).digest() for file in files)


def require_one_class_per_video(frames: pd.DataFrame, frames_dir: Path) -> None:
    """Refuse a video whose frames are in two class folders, such as one that was moved after the ingest.

    Both labels would be trained. Only videos with equal id, number of frames and size are compared, so the check is
    quick on a large data set.

    Args:
        frames: columns of `frame_catalog.Frame`, ordered by number within each video.
        frames_dir: the folder of the frames.

    Raises:
        HandGesturesError: names the first video and its two classes.
    """
    videos = frames.groupby(["video_id", "class_name"])["bytes"].agg(["size", "sum"]).reset_index()
    alike = videos[videos.duplicated(["video_id", "size", "sum"], keep=False)]
    paths = frames.merge(alike, on=["video_id", "class_name"]).groupby(["video_id", "class_name"])["path"].agg(list)
    class_of: dict[tuple[str, int, bytes], str] = {}
    copies = []
    for video_id, class_name, files in paths.reset_index().itertuples(index=False, name=None):
        other = class_of.setdefault((video_id, len(files), content_hash(files, frames_dir)), class_name)
        if other != class_name:
            copies.append((video_id, other, class_name))
    if copies:
        video_id, one, other = copies[0]
        named = f"'{video_id}'" + (f" (and {pluralise(len(copies) - 1, 'more video')})" if len(copies) > 1 else "")
        raise HandGesturesError(
            f"a video belongs to one class, but below {frames_dir} the frames of video {named} are in both "
            f"'{one}' and '{other}'; remove them from the wrong class folder, or if video_ingest wrote them and the "
            "video was moved, run it again with --params video_ingest.prune=true"
        )


def audit_split(
    sequences: pd.DataFrame, splits: pd.Series, hashes: ClipHashes, distance: int, frames_dir: Path
) -> tuple[pd.DataFrame, LeakCounts]:
    """Find for each held-out clip the nearest clip of every split that must not know it.

    Args:
        sequences: `sequence_id`, `group` and `frames` of N clips.
        splits: the split of each clip.
        hashes: of the same N clips.
        distance: two clips look alike if any two of their frames differ by at most this many of 64 bits.
        frames_dir: the folder of the frames: a look-alike whose files have the same bytes is a copy.

    Returns:
        `LEAK_COLUMNS`: a row per leak, the nearest clips first; then a row without distance for each group in two
        splits, with one clip of each. And the counts.
    """
    ids, groups, frames = (sequences[name].to_numpy() for name in ("sequence_id", "group", "frames"))
    rows = {split: np.flatnonzero(splits == split) for split in SPLITS}

    @cache  # many clips may share a hash, and files are slow to read
    def content(row: int) -> bytes:
        return content_hash(frames[row], frames_dir)

    leaks = [
        (kind, held_out, ids[row], groups[row], other, ids[twin], groups[twin], bits)
        for held_out, other in PAIRS
        for kind, row, twin, bits in (
            *_near_clips(hashes, rows[held_out], rows[other], distance, content),
            *_shared_groups(groups, rows[held_out], rows[other]),
        )
    ]
    table = pd.DataFrame(leaks, columns=list(LEAK_COLUMNS)).astype({"distance": "Int64"})
    table = table.sort_values(["distance", "sequence_id", "other_side"], ignore_index=True)
    # unique: a test clip may have leaks in both other splits
    clips, shared = (table.groupby("kind")[name].nunique() for name in ("sequence_id", "group"))
    held_out_clips = len(rows[VAL]) + len(rows[TEST])
    return table, LeakCounts(
        held_out_clips, int(clips.get(COPY, 0)), int(clips.get(LOOK_ALIKE, 0)), int(shared.get(SAME_GROUP, 0))
    )


def _hash_frames(paths: list[Path]) -> tuple[list[int], list[bool]]:
    bits, usable = [], []
    for path in paths:
        grey = read_small(path, "L", 64)
        bits.append(int(str(imagehash.phash(grey)), 16))  # a hash prints its 64 bits as hexadecimal
        usable.append(float(np.asarray(grey).std()) >= FLAT)
    return bits, usable


def _near_clips(
    hashes: ClipHashes, held_out: np.ndarray, others: np.ndarray, distance: int, content: Callable[[int], bytes]
) -> Iterator[tuple[str, int, int, int]]:
    """(kind, held-out row, nearest row of `others`, bits that differ), for each held-out row that has one near it."""
    # row by row: all pairs at once would need N x M x K x K bytes
    bits, usable = hashes.bits[others], hashes.usable[others]
    for row in map(int, held_out):
        same_hash = map(int, others[(bits == hashes.bits[row]).all(axis=1)])
        copy = next((other for other in same_hash if content(other) == content(row)), None)
        if copy is not None:
            yield COPY, row, copy, 0
            continue
        differing = np.bitwise_count(bits[:, :, None] ^ hashes.bits[row])  # (other clips, their frames, own frames)
        nearest = np.where(usable[:, :, None] & hashes.usable[row], differing, FAR).min(axis=(1, 2))
        if nearest.min(initial=FAR) <= distance:
            yield LOOK_ALIKE, row, int(others[nearest.argmin()]), int(nearest.min())


def _shared_groups(
    groups: np.ndarray, held_out: np.ndarray, others: np.ndarray
) -> Iterator[tuple[str, int, int, None]]:
    """(kind, a row of each split, no distance) for each group that is in both."""
    one, other = ({groups[row]: int(row) for row in rows[::-1]} for rows in (held_out, others))  # first row of a group
    for group in one.keys() & other.keys():
        yield SAME_GROUP, one[group], other[group], None
