"""Nodes from video files to the folder of frames. PyAV is imported where it is used, because it loads FFmpeg."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

import pandas as pd

from hand_gestures.parameters import VideoIngestParameters
from hand_gestures.utils.names import nfc
from hand_gestures.utils.rules import pluralise

if TYPE_CHECKING:
    from hand_gestures.video.ingest_records import Record

logger = logging.getLogger(__name__)

# The 32 frames of a longer clip are more than 0.3 s apart: a gesture that takes a second is in three of them.
LONG_SECONDS = 10.0
COMPLETE_SHARE = 0.95  # the declared duration may be a few frames longer than the last time stamp


def ingest(videos_dir: Path, video_ingest: VideoIngestParameters) -> Callable[[Path], None]:
    """Prepare the ingest; the catalog runs it when it saves the folder of frames.

    Args:
        videos_dir: folder with one folder of videos per class.
        video_ingest: which frames are kept, their size and quality, and whether frames without a video are removed.

    Returns:
        A function that fills the folder of frames.
    """

    def fill(frames_dir: Path) -> None:
        from hand_gestures.dataset.importers import read_annotations
        from hand_gestures.video.ingest import ingest_videos, remove_leftover_frames
        from hand_gestures.video.ingest_records import IngestRecords
        from hand_gestures.video.video_files import Sampling

        sampling = Sampling(video_ingest.fps, video_ingest.every, video_ingest.longest_side)
        quality, processes = video_ingest.jpeg_quality, video_ingest.processes
        segments = read_annotations(video_ingest)
        counts = ingest_videos(videos_dir, frames_dir, sampling, quality, processes, segments)
        logger.info("%d videos ingested, %d were up to date", counts.written, counts.up_to_date)
        if video_ingest.prune:
            origins = _origins(IngestRecords(frames_dir).complete())
            removed = remove_leftover_frames(videos_dir, frames_dir, segments)
            logger.info("%s of videos that are no longer in %s removed", pluralise(removed, "frame"), origins)

    return fill


def report_ingest(
    frames_dir: Path, videos_dir: Path, video_ingest: VideoIngestParameters
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Make the tables of the ingest.

    Args:
        frames_dir: the folder of frames.
        videos_dir: the folder of videos.
        video_ingest: the table of segments, if there is one.

    Returns:
        The videos whose frames are complete, columns of `IngestedVideo`, `leftover_frames` (the frames of a video that
        is no longer in `videos_dir`, or of a segment that is no longer in the table), and `group` and `split` of the
        segments; the split of the segments in the form of `split.lists`; the files and segments that cannot be used,
        columns of `Rejected`.
    """
    from hand_gestures.dataset.importers import read_annotations
    from hand_gestures.dataset.segment_lists import add_groups_and_splits, list_splits
    from hand_gestures.video.class_folders import rejects_table
    from hand_gestures.video.ingest import leftover_frames
    from hand_gestures.video.ingest_records import IngestedVideo, IngestRecords

    records = IngestRecords(frames_dir)
    complete = list(records.complete())
    videos = pd.DataFrame([record.video for record in complete], columns=list(IngestedVideo.__annotations__))
    segments = read_annotations(video_ingest)
    leftovers = leftover_frames(videos_dir, frames_dir, segments)
    names = zip(videos["class_name"], videos["video_id"], strict=True)
    videos["leftover_frames"] = [len(leftovers.get(video, ())) for video in names]
    _warn_about_leftovers(videos[videos["leftover_frames"] > 0], _origins(complete))
    for column in ("class_name", "video_id"):  # as in the frame catalog; `file` is spelled as on disk
        videos[column] = videos[column].map(nfc)
    incomplete = videos[(videos["damaged_frames"] > 0) | (videos["readable_share"] < COMPLETE_SHARE)]
    if len(incomplete):
        least = incomplete.sort_values("readable_share", kind="stable").iloc[0]
        logger.warning(
            "%d videos are readable only in part, see readable_share and damaged_frames in ingested_videos.csv; "
            "the least: %s/%s, %.0f %% readable",
            len(incomplete),
            least["class_name"],
            least["file"],
            100 * least["readable_share"],
        )
    _warn_about_long_clips(videos)
    rejected = rejects_table(records.rejected())
    if len(rejected):
        logger.warning(
            "%d files rejected, see rejected_videos.csv; the first: %s, %s", len(rejected), *rejected.iloc[0]
        )
    videos = add_groups_and_splits(videos, segments, videos_dir)
    return videos, list_splits(videos), rejected


def _warn_about_long_clips(videos: pd.DataFrame) -> None:
    seconds = pd.to_numeric(videos["seconds"])  # a column of None only has the type object
    long_clips = videos[seconds > LONG_SECONDS]
    if len(long_clips):
        first = long_clips.iloc[0]
        logger.warning(
            "%d of %d clips are longer than %g s (the first: %s/%s, %.0f s), so that their sampled frames are far "
            "apart; if a clip shows more than one gesture, list its parts in video_ingest.segments",
            len(long_clips),
            len(videos),
            LONG_SECONDS,
            first["class_name"],
            first["video_id"],
            first["seconds"],
        )


def _origins(records: Iterable[Record]) -> str:
    """Where the videos and segments of these records are looked up."""
    of_segments = any("segment" in record.source.settings for record in records)
    return "videos_dir or in video_ingest.segments" if of_segments else "videos_dir"


def _warn_about_leftovers(videos: pd.DataFrame, origins: str) -> None:
    if len(videos):
        class_name, video_id, file = videos.iloc[0][["class_name", "video_id", "file"]]
        logger.warning(
            "%s of %s that are no longer in %s still take part in training, see leftover_frames in "
            "ingested_videos.csv; the first: %s/%s; remove them with --params video_ingest.prune=true",
            pluralise(int(videos["leftover_frames"].sum()), "frame"),
            pluralise(len(videos), "video"),
            origins,
            class_name,
            file if PurePath(file).stem == video_id else video_id,  # a segment has only part of the file
        )
