"""Groups and splits of segments, on their way from the table of segments to the split."""

import logging
from pathlib import Path

import pandas as pd

from hand_gestures.dataset.text_tables import read_setting_table, values_by_sequence
from hand_gestures.utils.names import nfc
from hand_gestures.utils.rules import pluralise

logger = logging.getLogger(__name__)

GROUP_COLUMNS = ["class_name", "video_id", "group"]
SPLIT_COLUMNS = ["class_name", "video_id", "split"]


def add_groups_and_splits(videos: pd.DataFrame, segments: pd.DataFrame | None, videos_dir: Path) -> pd.DataFrame:
    """Add the columns `group` and `split` of the segments to the table of ingested videos.

    Args:
        videos: columns `class_name` and `video_id`, in NFC, and `leftover_frames`.
        segments: see `hand_gestures.video.segments.parse_segments`; None: both columns are empty.
        videos_dir: the folder of videos.

    Returns:
        `videos` with two more columns; empty text where nothing is known.
    """
    from hand_gestures.video.segments import parse_segments  # loads FFmpeg

    known = {
        (segment.class_name, nfc(segment.video_id)): segment
        for segment in (() if segments is None else parse_segments(segments, videos_dir, []))
    }
    found = [known.get(names) for names in zip(videos["class_name"], videos["video_id"], strict=True)]
    videos = videos.assign(
        group=[segment.group if segment else "" for segment in found],
        split=[(segment.split or "") if segment else "" for segment in found],
    )
    if segments is not None:
        _log_next_settings(videos)
    return videos


def list_splits(videos: pd.DataFrame) -> pd.DataFrame:
    """The clips whose split is known, in the form that `split.lists` reads.

    Args:
        videos: see `add_groups_and_splits`.
    """
    return videos.loc[videos["split"] != "", SPLIT_COLUMNS]


def read_groups(path: Path) -> pd.Series:
    """Read a CSV file with the columns `class_name`, `video_id` and `group`.

    Returns:
        The group, indexed by sequence_id, both in NFC; rows without a group are left out.

    Raises:
        HandGesturesError: the file is missing or has another form, or a video is in several groups.
    """
    form = f"columns {', '.join(GROUP_COLUMNS)}"
    rows = read_setting_table(path, "split.groups", form, GROUP_COLUMNS)
    rows = rows[rows["group"] != ""]
    return values_by_sequence(rows, rows["group"].map(nfc), "group", path)


def _log_next_settings(videos: pd.DataFrame) -> None:
    groups = set(videos["group"]) - {""}
    if groups:
        logger.info(
            "%s known: set split.groups to the path of 02_intermediate/ingested_videos.csv",
            pluralise(len(groups), "group"),
        )
    if (videos["split"] != "").any():
        logger.info("splits known: set split.lists to the path of 02_intermediate/split_lists.csv")
    # the clip of a removed row has a warning of its own: its frames are leftovers
    unlisted = videos[(videos["group"] == "") & (videos["leftover_frames"] == 0)]
    if len(unlisted):
        logger.warning(
            "%s in the folder of frames %s in no row of video_ingest.segments, the first: %s/%s; "
            "remove its frames if the row was corrected or removed",
            pluralise(len(unlisted), "clip"),
            "is" if len(unlisted) == 1 else "are",
            *unlisted[["class_name", "video_id"]].iloc[0],
        )
