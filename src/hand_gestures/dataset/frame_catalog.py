"""The frame catalog: one row per frame of a folder, and one row for every other file."""

import logging
from collections.abc import Iterable, Iterator
from itertools import chain, groupby, islice
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from hand_gestures.utils.errors import HandGesturesError
from hand_gestures.utils.names import differing_only_in_case, nfc
from hand_gestures.utils.progress import progress
from hand_gestures.utils.rules import pluralise
from hand_gestures.utils.workers import in_processes
from hand_gestures.video.class_folders import (
    Rejected,
    class_files,
    class_folders,
    nested_class_files,
    reject,
    rejects_table,
)
from hand_gestures.video.frame_names import FrameName, parse_frame_name
from hand_gestures.video.image_files import check_image, decode_fault
from hand_gestures.video.ingest_records import unfinished_videos

logger = logging.getLogger(__name__)

LAYOUT = "{class_name}/{video_id}_frame_{number}.jpg"
FILES_PER_TASK = 256  # enough that sending a task costs little, few enough that all processes get work


class Frame(NamedTuple):
    """One row of the frame catalog.

    `path` is relative to the frames folder and spelled as on disk; `class_name` and `video_id` are spelled in NFC.
    """

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
    """Some files of one class whose names are names of frames, ordered by name; names are relative to `folder`."""

    folder: Path
    names: list[tuple[str, FrameName]]
    full_decode: bool


_CheckedFrame = tuple[Frame, str | None]  # with the reason to reject it


def catalog_frames(
    frames_dir: Path, full_decode: bool = False, processes: int = 1, pattern: str | None = None
) -> FrameCatalog:
    """Catalog a folder with the layout `{class_name}/{video_id}_frame_{number}.jpg` (.jpeg, .png).

    Every file is in exactly one of the two tables. If two files have the same video and number (a .jpg and a .png, for
    example), the first name in alphabetical order is kept. Folders whose names differ only in the spelling of accents
    (NFC and NFD) are one class; folders whose names differ only in case are two classes, with a warning.

    Args:
        frames_dir: the folder.
        full_decode: decode all pixels; otherwise only the first and last bytes of a file are checked.
        processes: number of processes that decode; the result does not depend on it.
        pattern: for another layout below the class folders, also in nested folders, see `parse_frame_name`.

    Returns:
        The frames and the rejected files.

    Raises:
        HandGesturesError: the folder is missing, contains no frame, or contains frames of only one class.
    """
    _require_folder(frames_dir)
    catalog = scan_frames(frames_dir, full_decode, processes, pattern)
    _require_two_classes(frames_dir, catalog)
    _log_counts(catalog)
    _warn_about_case(catalog.frames["class_name"].unique())
    return catalog


def require_frames(frames_dir: Path, full_decode: bool, processes: int, pattern: str | None) -> None:
    """Check at a glance that frames are there, with the errors of `catalog_frames`: before models are downloaded.

    The folder is only scanned where fewer than two class folders have content.

    Args:
        frames_dir: the folder.
        full_decode: see `catalog_frames`.
        processes: see `catalog_frames`.
        pattern: see `catalog_frames`.

    Raises:
        HandGesturesError: as `catalog_frames`.
    """
    _require_folder(frames_dir)
    folders = (frames_dir / name for name in class_folders(frames_dir, []))
    if len(list(islice((folder for folder in folders if any(folder.iterdir())), 2))) < 2:
        _require_two_classes(frames_dir, scan_frames(frames_dir, full_decode, processes, pattern))


def scan_frames(frames_dir: Path, full_decode: bool, processes: int, pattern: str | None) -> FrameCatalog:
    """`catalog_frames` for any folder: it may hold no frame, or frames of one class.

    Args:
        frames_dir: the folder.
        full_decode: decode all pixels.
        processes: number of processes that decode.
        pattern: see `catalog_frames`.

    Returns:
        The frames and the rejected files.
    """
    rejected: list[Rejected] = []
    folders = class_folders(frames_dir, rejected)
    classes = progress(folders, len(folders), "cataloguing classes")
    tasks = _tasks(frames_dir, classes, full_decode, pattern, rejected)
    # the quick check reads a few bytes per file: faster here than sent to other processes
    checked = chain.from_iterable(in_processes(_check_files, tasks, processes if full_decode else 1))
    unfinished = {(nfc(class_name), nfc(video_id)) for class_name, video_id in unfinished_videos(frames_dir)}
    # class by class, so that at most the files of one class are in memory twice
    frames = [
        frame
        for _, files in groupby(checked, key=lambda file: file[0].class_name)
        for frame in _good_frames(files, unfinished, rejected)
    ]
    _reject_empty_classes(folders, frames, rejected)
    return FrameCatalog(pd.DataFrame(frames, columns=Frame._fields), rejects_table(rejected))


def _tasks(
    frames_dir: Path, folders: Iterator[str], full_decode: bool, pattern: str | None, rejected: list[Rejected]
) -> Iterator[_Files]:
    list_files = class_files if pattern is None else nested_class_files
    expected = "{video_id}_frame_{number}.jpg, .jpeg or .png" if pattern is None else "what frame_pattern matches"
    for class_name in folders:
        named = []
        folder = f"{frames_dir / class_name}/"
        for entry in list_files(frames_dir, class_name, rejected):
            path = entry.path.removeprefix(folder)
            # a pattern has one spelling of accents, like all names
            name = parse_frame_name(path if pattern is None else nfc(path), pattern)
            if name is None:
                rejected.append(reject(f"{class_name}/{path}", f"name is not {expected}"))
            else:
                named.append((path, name))
        for first in range(0, len(named), FILES_PER_TASK):
            yield _Files(frames_dir / class_name, named[first : first + FILES_PER_TASK], full_decode)


def _check_files(task: _Files) -> list[_CheckedFrame]:
    folder_name, checked = task.folder.name, []
    class_name = nfc(folder_name)
    for file_name, (video_id, number) in task.names:
        path = f"{task.folder}/{file_name}"  # joining Path objects would cost more than the check
        size, fault = check_image(path)
        if fault is None and task.full_decode:
            fault = decode_fault(path)
        checked.append((Frame(class_name, nfc(video_id), number, f"{folder_name}/{file_name}", size), fault))
    return checked


def _good_frames(
    files: Iterable[_CheckedFrame], unfinished: set[tuple[str, str]], rejected: list[Rejected]
) -> list[Frame]:
    """The good frames of a class, ordered by video and number; the others are added to `rejected`."""
    good: dict[tuple[str, int], Frame] = {}
    for frame, fault in files:
        key = frame.video_id, frame.frame_number
        if (frame.class_name, frame.video_id) in unfinished:  # even a good frame: the video would be too short
            fault = "its video was ingested only in part; run video_ingest again"
        elif fault is None and key in good:
            fault = "another file has the same video and number"
        if fault is None:
            good[key] = frame
        else:
            rejected.append(reject(frame.path, fault))
    return sorted(good.values())


def _reject_empty_classes(folders: list[str], frames: list[Frame], rejected: list[Rejected]) -> None:
    # a folder that could not be read is already in the table, as "name/"
    # by folder: another folder of the same class may have frames
    explained = {frame.path.partition("/")[0] for frame in frames} | {row.path.rstrip("/") for row in rejected}
    rejected += [
        reject(f"{name}/", "class folder without a readable frame") for name in folders if name not in explained
    ]


def _require_folder(frames_dir: Path) -> None:
    if not frames_dir.is_dir():
        raise HandGesturesError(
            f"frames are read from {LAYOUT} below frames_dir, but {frames_dir} is no folder; "
            "give the right one with --params frames_dir=PATH"
        )


def _require_two_classes(frames_dir: Path, catalog: FrameCatalog) -> None:
    classes = sorted(catalog.frames["class_name"].unique())
    if len(classes) >= 2:
        return
    found = f"only class '{classes[0]}'" if classes else "no frame"
    if len(catalog.rejected):
        path, reason = catalog.rejected.iloc[0]
        found += f" ({len(catalog.rejected)} rejected, the first: {path}, {reason})"
    raise HandGesturesError(
        f"a classifier needs frames of at least two classes, laid out as {LAYOUT}, but {frames_dir} holds "
        f"{found}; add frames or give another folder with --params frames_dir=PATH"
    )


def _log_counts(catalog: FrameCatalog) -> None:
    frames, rejected = catalog
    videos = frames[["class_name", "video_id"]].drop_duplicates()
    logger.info("%d frames of %d videos in %d classes", len(frames), len(videos), frames["class_name"].nunique())
    if len(rejected):
        reasons = ", ".join(f"{count} x {reason}" for reason, count in rejected["reason"].value_counts().items())
        logger.warning("%s rejected, see rejected_frames.csv: %s", pluralise(len(rejected), "file"), reasons)


def _warn_about_case(class_names: Iterable[str]) -> None:
    groups = differing_only_in_case(class_names)
    if groups:
        logger.warning(
            "classes that differ only in case are different classes here, but one folder on a disk that ignores case "
            "(macOS, Windows), where their files would be mixed; rename one of: %s",
            "; ".join(" and ".join(f"'{name}'" for name in group) for group in groups),
        )
