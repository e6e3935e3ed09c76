"""From frames to sequences: one row a video, with the paths of its sampled frames."""

import re

import numpy as np
import pandas as pd

from hand_gestures.utils.errors import HandGesturesError


def sample_indices(available: int, wanted: int) -> np.ndarray:
    """Which of `available` ordered frames make a clip of `wanted`: int (wanted,), non-decreasing.

    At least `wanted` frames: index floor(i * available / wanted). Fewer: all of them, the last repeated.
    """
    steps = np.arange(wanted)
    return steps * available // wanted if available >= wanted else np.minimum(steps, available - 1)


def build_sequences(frames: pd.DataFrame, frames_per_clip: int, group_pattern: str | None) -> pd.DataFrame:
    """One row a video of the frame catalog.

    Columns: `sequence_id` (class/video), `class_name`, `video_id`, `group` (what `group_pattern` finds in the
    video id, its first group where it has one; without a match the video is a group of its own),
    `available` frames, `repeated` frames, and `frames`: the list of `frames_per_clip` paths.
    """
    frames = frames.sort_values(["class_name", "video_id", "frame_number"], ignore_index=True)
    names = frames[["class_name", "video_id"]]
    first = np.flatnonzero((names != names.shift()).any(axis=1))
    available = np.diff(first, append=len(frames))
    paths = frames["path"].to_numpy(object)
    clips = names.iloc[first].reset_index(drop=True)
    sequence_ids = clips["class_name"] + "/" + clips["video_id"]
    groups = [find_group(group_pattern, video_id) for video_id in clips["video_id"]]
    return pd.DataFrame(
        {
            "sequence_id": sequence_ids,
            **clips,
            "group": [group or own for group, own in zip(groups, sequence_ids, strict=True)],
            "available": available,
            "repeated": np.maximum(0, frames_per_clip - available),
            "frames": [
                list(paths[start + sample_indices(count, frames_per_clip)])
                for start, count in zip(first, available, strict=True)
            ],
        }
    )


def find_group(group_pattern: str | None, video_id: str) -> str | None:
    """The group that `group_pattern` finds in a video id, or None.

    Raises:
        HandGesturesError: the pattern is no regular expression.
    """
    if group_pattern is None:
        return None
    try:
        match = re.search(group_pattern, video_id)
    except re.error as error:
        raise HandGesturesError(
            f"split.group_pattern must be a regular expression, but '{group_pattern}' is not ({error}); "
            "mend it or set it to null"
        ) from error
    if match is None:
        return None
    return match.group(1) if match.re.groups else match.group(0)
