"""What is in a folder of frames: one row a frame, and one row for everything that is not one."""

from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from hand_gestures.utils.errors import HandGesturesError
from hand_gestures.utils.progress import progress
from hand_gestures.utils.workers import in_processes
from hand_gestures.video.class_folders import Rejected, class_files, class_folders, reject, rejects_table
from hand_gestures.video.frame_names import FrameName, parse_frame_name
from hand_gestures.video.image_files import check_image, decode_fault
from hand_gestures.video.ingest_records import unfinished_videos

LAYOUT = "{class_name}/{video_id}_frame_{number}.jpg"
FILES_A_TASK = 256


class Frame(NamedTuple):
    """One row of the frame catalog; `path` is relative to the frames folder."""

    class_name: str
    video_id: str
    frame_number: int
    path: str
    bytes: int


class FrameCatalog(NamedTuple):
    """`frames`: columns of `Frame`, ordered by class, video and number; `rejected`: columns of `Rejected`."""

    frames: pd.DataFrame
    rejected: pd.DataFrame


class _Files(NamedTuple):
    """Some files of one class that are named like frames, in the order of their names."""

    class_folder: Path
    names: list[tuple[str, FrameName]]
    full_decode: bool


class _Checked(NamedTuple):
    """The same files, each with its size and what is wrong with it."""

    class_name: str
    files: list[tuple[str, FrameName, int, str | None]]


def catalog_frames(frames_dir: Path, full_decode: bool = False, processes: int = 1) -> FrameCatalog:
    """Catalog `frames_dir`, laid out as `{class_name}/{video_id}_frame_{number}.jpg` (.jpeg, .png).

    Every file ends in exactly one of the two tables. A frame that stands twice (the same video and
    number, say as .jpg and .png) is kept once, the first name in order.

    Args:
        frames_dir: the folder.
        full_decode: decode all pixels; without it a file is judged by its first and last bytes.
        processes: how many decode; the result is the same for any number.

    Raises:
        HandGesturesError: the folder is missing, holds no frame, or fewer than two classes with frames.
    """
    if not frames_dir.is_dir():
        raise HandGesturesError(
            f"frames are read from {LAYOUT} below frames_dir, but {frames_dir} is no folder; "
            "give the right one with --params frames_dir=PATH"
        )
    rejected: list[Rejected] = []
    folders = class_folders(frames_dir, rejected)
    unfinished = unfinished_videos(frames_dir)
    tasks = _tasks(frames_dir, progress(folders, len(folders), "cataloguing classes"), full_decode, rejected)
    checked = in_processes(_check, tasks, processes if full_decode else 1)
    frames = [
        frame
        for class_name, results in groupby(checked, key=lambda result: result.class_name)
        for frame in _accept(class_name, results, unfinished, rejected)
    ]
    _reject_empty_classes(folders, frames, rejected)
    catalog = FrameCatalog(pd.DataFrame(frames, columns=Frame._fields), rejects_table(rejected))
    _require_two_classes(frames_dir, catalog)
    return catalog


def _tasks(frames_dir: Path, folders: Iterator[str], full_decode: bool, rejected: list[Rejected]) -> Iterator[_Files]:
    for class_name in folders:
        named = []
        for entry in class_files(frames_dir, class_name, rejected):
            name = parse_frame_name(entry.name)
            if name is None:
                reason = "name is not {video_id}_frame_{number}.jpg, .jpeg or .png"
                rejected.append(reject(f"{class_name}/{entry.name}", reason))
            else:
                named.append((entry.name, name))
        for first in range(0, len(named), FILES_A_TASK):
            yield _Files(frames_dir / class_name, named[first : first + FILES_A_TASK], full_decode)


def _check(task: _Files) -> _Checked:
    files = []
    for file_name, name in task.names:
        path = f"{task.class_folder}/{file_name}"
        size, fault = check_image(path)
        if fault is None and task.full_decode:
            fault = decode_fault(path)
        files.append((file_name, name, size, fault))
    return _Checked(task.class_folder.name, files)


def _accept(
    class_name: str, results: Iterator[_Checked], unfinished: set[tuple[str, str]], rejected: list[Rejected]
) -> list[Frame]:
    """The good frames of a class, ordered by video and number."""
    frames: dict[FrameName, Frame] = {}
    for file_name, name, size, fault in (file for checked in results for file in checked.files):
        path = f"{class_name}/{file_name}"
        if (class_name, name.video_id) in unfinished:
            fault = "of a video that was not wholly ingested; run video_ingest again"
        elif fault is None and name in frames:
            fault = "the same video and number stand twice"
        if fault is None:
            frames[name] = Frame(class_name, name.video_id, name.number, path, size)
        else:
            rejected.append(reject(path, fault))
    return sorted(frames.values())


def _reject_empty_classes(folders: list[str], frames: list[Frame], rejected: list[Rejected]) -> None:
    explained = {frame.class_name for frame in frames} | {row.path.rstrip("/") for row in rejected}
    rejected += [
        reject(f"{name}/", "class folder without a readable frame") for name in folders if name not in explained
    ]


def _require_two_classes(frames_dir: Path, catalog: FrameCatalog) -> None:
    frames, rejected = catalog
    classes = sorted(frames["class_name"].unique())
    if len(classes) >= 2:
        return
    found = f"only class '{classes[0]}'" if classes else "no frame"
    because = (
        f" ({len(rejected)} rejected, the first: {rejected.iloc[0]['path']}, {rejected.iloc[0]['reason']})"
        if len(rejected)
        else ""
    )
    raise HandGesturesError(
        f"a classifier needs frames of at least two classes, laid out as {LAYOUT}, but {frames_dir} holds "
        f"{found}{because}; add frames or give another folder with --params frames_dir=PATH"
    )
