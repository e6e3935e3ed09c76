"""Copies of videos: in two classes, which is an error; and leaks between the splits (docs/adr/0006).

A leak is a copy, a look-alike by perceptual hash, or a group in two splits.
"""

import hashlib
import logging
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import imagehash
import numpy as np
import pandas as pd

from hand_gestures.dataset.near_hashes import NONE, ROW_BITS, find_nearest
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


class SplitAudit(NamedTuple):
    """The leaks of a split.

    Attributes:
        leaks: `LEAK_COLUMNS`: a row per leak, the nearest clips first; then a row without distance for each group in
            two splits, with one clip of each.
        counts: of the leaks.
        partly_compared: held-out clips that resemble so many others that not all of these were compared.
    """

    leaks: pd.DataFrame
    counts: LeakCounts
    partly_compared: int


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
    # one search for both splits
    both = [split["side"], split["random_side"]]
    audit, random_audit = audit_splits(sequences, both, hashes, parameters.distance, frames_dir)
    leaks, counts, random_counts = audit.leaks, audit.counts, random_audit.counts
    same = split["side"].equals(split["random_side"])
    logger.log(
        logging.WARNING if len(leaks) else logging.INFO,
        "leak audit: of %d held-out clips, %d have a copy and %d have a look-alike in another split%s; "
        "%d groups are in two splits; see leaks.csv",
        *counts[:3],
        "" if same else f" (in a random split: {random_counts.copies} and {random_counts.look_alikes})",
        counts.groups_on_both_sides,
    )
    if audit.partly_compared:
        logger.warning(
            "leak audit: %d held-out clips resemble so many others that only some of these were compared: the "
            "look-alikes in leaks.csv may not be the nearest ones, and some clips may have a look-alike that is not "
            "listed; a smaller leak_audit.distance compares fewer",
            audit.partly_compared,
        )
    summary: dict[str, Any] = summarise_splits(split)
    summary["split"]["leaks"], summary["random_split"]["leaks"] = _count(audit), _count(random_audit)
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
    tasks = ([frames_dir / path for path in key_frames(paths, frames)] for paths in sequences["frames"])
    useful = min(processes, 1 + len(sequences) // WORTH_A_PROCESS)
    hashed = progress(in_processes(_hash_frames, tasks, useful), len(sequences), "hashing clips")
    # filled one by one: lists of a million clips take gigabytes
    shape = (len(sequences), min(frames, len(sequences["frames"].iloc[0])) if len(sequences) else frames)
    hashes = ClipHashes(np.empty(shape, np.uint64), np.empty(shape, bool))
    for row, (bits, usable) in enumerate(hashed):
        hashes.bits[row], hashes.usable[row] = bits, usable
    return hashes


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
        One hash of the hashes of the files, 16 bytes.
    """
    whole = hashlib.blake2b(digest_size=16)
    for file in key_frames(paths, FILES_COMPARED):
        whole.update(hashlib.blake2b((frames_dir / file).read_bytes()).digest())
    return whole.digest()


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
    """The leaks and the counts of `audit_splits` for one split."""
    return audit_splits(sequences, [splits], hashes, distance, frames_dir)[0][:2]


def audit_splits(
    sequences: pd.DataFrame, assignments: Sequence[pd.Series], hashes: ClipHashes, distance: int, frames_dir: Path
) -> list[SplitAudit]:
    """Find for each held-out clip the nearest clip of every split that must not know it.

    Args:
        sequences: `sequence_id`, `group` and `frames` of N clips.
        assignments: one or more splits of these clips: for each the split of each clip.
        hashes: of the same N clips.
        distance: two clips look alike if any two of their frames differ by at most this many of 64 bits.
        frames_dir: the folder of the frames: a look-alike whose files have the same bytes is a copy.

    Returns:
        An audit of each assignment.
    """
    ids, groups, frames = (sequences[name].to_numpy() for name in ("sequence_id", "group", "frames"))
    _, codes = np.unique(hashes.bits, axis=0, return_inverse=True)  # clips with the same code have equal hashes

    @cache  # many clips may share a hash, and files are slow to read
    def content(row: int) -> bytes:
        return content_hash(frames[row], frames_dir)

    nearest = _NearestClips(hashes, [splits.to_numpy() for splits in assignments], distance)
    audits = []
    for number, splits in enumerate(assignments):
        rows = {split: np.flatnonzero(splits == split) for split in SPLITS}
        leaks: list[tuple[Any, ...]] = []
        uncertain: set[int] = set()
        for held_out, other in PAIRS:
            copies = _copies(codes, rows[held_out], rows[other], content)
            alike, partly_compared = nearest.find(number, rows[held_out], other)
            uncertain.update(partly_compared - copies.keys())
            found = [
                *((COPY, row, copy, 0) for row, copy in copies.items()),
                *((LOOK_ALIKE, row, *twin) for row, twin in alike.items() if row not in copies),
                *_shared_groups(groups, rows[held_out], rows[other]),
            ]
            leaks += [
                (kind, held_out, ids[row], groups[row], other, ids[twin], groups[twin], bits)
                for kind, row, twin, bits in found
            ]
        audits.append(SplitAudit(*_tabulate(leaks, len(rows[VAL]) + len(rows[TEST])), len(uncertain)))
    return audits


def _tabulate(leaks: list[tuple[Any, ...]], held_out: int) -> tuple[pd.DataFrame, LeakCounts]:
    table = pd.DataFrame(leaks, columns=list(LEAK_COLUMNS)).astype({"distance": "Int64"})
    table = table.sort_values(["distance", "sequence_id", "other_side"], ignore_index=True)
    # unique: a test clip may have leaks in both other splits
    clips, shared = (table.groupby("kind")[name].nunique() for name in ("sequence_id", "group"))
    return table, LeakCounts(
        held_out, int(clips.get(COPY, 0)), int(clips.get(LOOK_ALIKE, 0)), int(shared.get(SAME_GROUP, 0))
    )


def _count(audit: SplitAudit) -> dict[str, int]:
    return audit.counts._asdict() | ({"partly_compared": audit.partly_compared} if audit.partly_compared else {})


def _hash_frames(paths: list[Path]) -> tuple[list[int], list[bool]]:
    bits, usable = [], []
    for path in paths:
        grey = read_small(path, "L", 64)
        bits.append(int(str(imagehash.phash(grey)), 16))  # a hash prints its 64 bits as hexadecimal
        usable.append(float(np.asarray(grey).std()) >= FLAT)
    return bits, usable


def _copies(
    codes: np.ndarray, held_out: np.ndarray, others: np.ndarray, content: Callable[[int], bytes]
) -> dict[int, int]:
    """The first row of `others` with the same hashes and the same files, for each held-out row that has one."""
    shared = np.intersect1d(codes[held_out], codes[others])
    suspects, originals = (rows[np.isin(codes[rows], shared)] for rows in (held_out, others))
    read = progress([*originals, *suspects], len(originals) + len(suspects), "comparing files", quiet_seconds=5)
    contents = {int(row): (codes[row], content(int(row))) for row in read}
    first = {contents[int(row)]: int(row) for row in originals[::-1]}
    return {int(row): first[contents[int(row)]] for row in suspects if contents[int(row)] in first}


class _NearestClips:
    """The nearest clips of the held-out clips of some splits; all frames are searched once."""

    def __init__(self, hashes: ClipHashes, assignments: list[np.ndarray], distance: int) -> None:
        held_out = np.any([np.isin(splits, (VAL, TEST)) for splits in assignments], axis=0)
        values, numbers = np.unique(hashes.bits[hashes.usable], return_inverse=True)
        # the number of the hash of each frame (N, K); -1 for a frame that is not compared
        frames = np.full(hashes.bits.shape, -1)
        frames[hashes.usable] = numbers
        self.owners = [(number, other) for number in range(len(assignments)) for other in (TRAIN, VAL)]
        first_rows = [_first_rows(frames, assignments[number] == other, len(values)) for number, other in self.owners]
        wanted = np.unique(frames[held_out])
        wanted = wanted[wanted >= 0]
        self.found = find_nearest(values[wanted], values, np.array(first_rows), distance)
        self.frames, self.wanted = frames, wanted

    def find(self, number: int, held_out: np.ndarray, other: str) -> tuple[dict[int, tuple[int, int]], set[int]]:
        """Row and distance of the nearest clip in the split `other` of an assignment, by held-out row that has one.

        The set contains the rows whose nearest clip may be another one, because not all similar clips were compared.
        """
        owner = self.owners.index((number, other))
        compared, columns = (self.frames[held_out] >= 0).nonzero()
        queries = np.searchsorted(self.wanted, self.frames[held_out[compared], columns])
        distance, row, certain = (part[owner][queries] for part in self.found)
        best = np.full(len(held_out), NONE)  # of all frames of a clip
        np.minimum.at(best, compared, np.where(row >= 0, distance << ROW_BITS | row, NONE))
        near = best != NONE
        rows, distances = best[near] & ((1 << ROW_BITS) - 1), best[near] >> ROW_BITS
        twins = zip(rows.tolist(), distances.tolist(), strict=True)
        return dict(zip(held_out[near].tolist(), twins, strict=True)), set(held_out[compared[~certain]].tolist())


def _first_rows(frames: np.ndarray, members: np.ndarray, hashes: int) -> np.ndarray:
    """The first row among the members that has each hash; -1 where there is none."""
    rows, columns = (members[:, None] & (frames >= 0)).nonzero()
    first = np.full(hashes, -1)
    first[frames[rows, columns][::-1]] = rows[::-1]  # of repeated indices numpy keeps the last
    return first


def _shared_groups(
    groups: np.ndarray, held_out: np.ndarray, others: np.ndarray
) -> Iterator[tuple[str, int, int, None]]:
    """(kind, a row of each split, no distance) for each group that is in both."""
    one, other = ({groups[row]: int(row) for row in rows[::-1]} for rows in (held_out, others))  # first row of a group
    for group in one.keys() & other.keys():
        yield SAME_GROUP, one[group], other[group], None
