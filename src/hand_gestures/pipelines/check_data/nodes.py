"""A first look at the data, before anything is computed. PyAV is imported where it is used, because it loads FFmpeg."""

from pathlib import Path

import pandas as pd

from hand_gestures.parameters import ClipParameters, FrameCatalogParameters, SplitParameters, VideoIngestParameters


def check(
    videos_dir: Path,
    frames_dir: Path,
    video_ingest: VideoIngestParameters,
    frame_catalog: FrameCatalogParameters,
    clips: ClipParameters,
    split: SplitParameters,
) -> tuple[str, pd.DataFrame]:
    """Check the folders of videos and frames.

    Returns:
        The report, Markdown; the rejected files.
    """
    from hand_gestures.dataset.data_check import check_data

    return check_data(videos_dir, frames_dir, video_ingest, frame_catalog, split, clips.frames)
