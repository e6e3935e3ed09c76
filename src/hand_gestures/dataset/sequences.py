"""From frames to sequences: one row per video, with the paths of its sampled frames."""

import logging
import re

import numpy as np
import pandas as pd

from hand_gestures.utils.errors import HandGesturesError

logger = logging.getLogger(__name__)


def sample_indices(available: int, wanted: int) -> np.ndarray:
    """Indices of the frames that make a clip.

    Args:
        available: number of ordered frames, at least 1.
        wanted: number of frames of a clip.

    Returns:
        int (wanted,), non-decreasing: floor(i * available / wanted) where there are at least `wanted` frames; otherwise
        all frames, the last one repeated.
    """
    steps = np.arange(wanted)  # integers: the floor has no rounding error
    return steps * available // wanted if available >= wanted else np.minimum(steps, available - 1)


def build_sequences(
    frames: pd.DataFrame, frames_per_clip: int, group_pattern: str | None, listed_groups: pd.Series | None = None
) -> pd.DataFrame:
    """Build one sequence per video of the frame catalog.

    Args:
        frames: columns of `frame_catalog.Frame`, in any order.
        frames_per_clip: number of sampled frames.
        group_pattern: regular expression that finds the group in a video id, see `find_group`.
        listed_groups: group by sequence_id, used instead of the pattern.

    Returns:
        Ordered by class and video: `sequence_id` (class/video), `class_name`, `video_id`, `group` (without a match the
        sequence id: the video is its own group), `available` frames, `repeated` frames, and `frames`: the list of
        `frames_per_clip` paths.

    Raises:
        HandGesturesError: the pattern is not a regular expression.
    """
    frames = frames.sort_values(["class_name", "video_id", "frame_number"], ignore_index=True)
    names = frames[["class_name", "video_id"]]
    first = np.flatnonzero((names != names.shift()).any(axis=1))  # row of each video's first frame
    available = np.diff(first, append=len(frames))
    paths = frames["path"].to_numpy(object)  # an array takes a list of indices, and faster than a Series
    clips = names.iloc[first].reset_index(drop=True)
    sequence_ids = clips["class_name"] + "/" + clips["video_id"]
    if listed_groups is None:
        groups = [find_group(group_pattern, video_id) for video_id in clips["video_id"]]
    else:
        groups = [listed_groups.get(sequence_id) for sequence_id in sequence_ids]
    sequences = pd.DataFrame(
        {
            "sequence_id": sequence_ids,
            **clips,
            # an empty match names no group either
            "group": [group or sequence_id for group, sequence_id in zip(groups, sequence_ids, strict=True)],
            "available": available,
            "repeated": np.maximum(0, frames_per_clip - available),
            "frames": [
                list(paths[start + sample_indices(count, frames_per_clip)])
                for start, count in zip(first, available, strict=True)
            ],
        }
    )
    setting = f"group_pattern '{group_pattern}'" if group_pattern is not None else None
    _log_repeats_and_missing_groups(sequences, frames_per_clip, setting if listed_groups is None else "groups")
    return sequences


def find_group(group_pattern: str | None, video_id: str) -> str | None:
    """Find the group (a performer or a recording) in a video id.

    Args:
        group_pattern: regular expression; if it has parentheses, the first pair marks the group.
        video_id: the id to search.

    Returns:
        The matched text; None without a pattern or a match.

    Raises:
        HandGesturesError: the pattern is not a regular expression.
    """
    if group_pattern is None:
        return None
    try:
        match = re.search(group_pattern, video_id)
    except re.error as error:
        raise HandGesturesError(
            f"split.group_pattern must be a regular expression, but '{group_pattern}' is not ({error}); "
            "correct it or set it to null"
        ) from error
    if match is None:
        return None
    return match.group(1) if match.re.groups else match.group(0)


def _log_repeats_and_missing_groups(sequences: pd.DataFrame, frames_per_clip: int, setting: str | None) -> None:
    videos, short = len(sequences), (sequences["repeated"] > 0).sum()
    if short:
        logger.info(
            "%d of %d videos have fewer than %d frames and repeat their last frame", short, videos, frames_per_clip
        )
    unmatched = (sequences["group"] == sequences["sequence_id"]).sum()
    if setting is not None and unmatched:
        logger.warning(
            "split.%s finds no group in %d of %d video ids: each of these videos is its own group, so "
            "clips of one recording may be in more than one split",
            setting,
            unmatched,
            videos,
        )
