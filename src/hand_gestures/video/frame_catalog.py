"""What is in a folder of frames: one row a frame, and one row for everything that is not one."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from hand_gestures.errors import HandGesturesError
from hand_gestures.progress import progress
from hand_gestures.video.frame_names import FrameName, parse_frame_name
from hand_gestures.video.image_files import image_fault

OUTSIDE = "link that leads outside frames_dir"
NOT_UTF8 = "name is not UTF-8"
LAYOUT = "{class_name}/{video_id}_frame_{number}.jpg"


class Frame(NamedTuple):
    """One row of the frame catalog; `path` is relative to the frames folder."""

    class_name: str
    video_id: str
    frame_number: int
    path: str


class RejectedFrame(NamedTuple):
    """One row of the rejects."""

    path: str
    reason: str


class FrameCatalog(NamedTuple):
    """`frames`: columns of `Frame`, ordered by class, video and number; `rejected`: columns of `RejectedFrame`."""

    frames: pd.DataFrame
    rejected: pd.DataFrame


def catalog_frames(frames_dir: Path) -> FrameCatalog:
    """Catalog `frames_dir`, laid out as `{class_name}/{video_id}_frame_{number}.jpg` (.jpeg, .png).

    Every file ends in exactly one of the two tables. A frame that stands twice (the same video and
    number, say as .jpg and .png) is kept once, the first name in order.

    Raises:
        HandGesturesError: the folder is missing, holds no frame, or fewer than two classes with frames.
    """
    if not frames_dir.is_dir():
        raise HandGesturesError(
            f"frames are read from {LAYOUT} below frames_dir, but {frames_dir} is no folder; "
            "give the right one with --params frames_dir=PATH"
        )
    frames: list[Frame] = []
    rejected: list[RejectedFrame] = []
    folders = sorted(entry.name for entry in _entries(frames_dir, rejected))
    for class_name in progress(folders, len(folders), "cataloguing classes"):
        _catalog_class(frames_dir, class_name, frames, rejected)
    frames.sort()
    table = pd.DataFrame(frames, columns=Frame._fields)
    rejects = pd.DataFrame(sorted(rejected), columns=RejectedFrame._fields)
    _require_two_classes(frames_dir, table, rejects)
    return FrameCatalog(table, rejects)


def _entries(frames_dir: Path, rejected: list[RejectedFrame]) -> Iterator[os.DirEntry]:
    """The class folders; whatever else stands beside them is rejected."""
    with os.scandir(frames_dir) as entries:
        for entry in entries:
            reason = _reason_to_reject_folder(entry, frames_dir)
            if reason is None:
                yield entry
            else:
                rejected.append(_rejected(entry.name, reason))


def _reason_to_reject_folder(entry: os.DirEntry, frames_dir: Path) -> str | None:
    try:
        if entry.name.startswith("."):
            return "hidden"
        if not entry.is_dir():
            return "not inside a class folder"
        if _leads_outside(entry, frames_dir):
            return OUTSIDE
        return None if _is_text(entry.name) else NOT_UTF8
    except OSError as error:
        return f"cannot be read: {error.strerror}"


def _catalog_class(frames_dir: Path, class_name: str, frames: list[Frame], rejected: list[RejectedFrame]) -> None:
    taken: set[tuple[str, int]] = set()
    try:
        with os.scandir(frames_dir / class_name) as scanned:
            entries = sorted(scanned, key=lambda entry: entry.name)
    except OSError as error:
        rejected.append(RejectedFrame(f"{class_name}/", f"cannot be read: {error.strerror}"))
        return
    for entry in entries:
        path = f"{class_name}/{entry.name}"
        name = parse_frame_name(entry.name)
        reason = _reason_to_reject(entry, name, frames_dir)
        if reason is None and name in taken:
            reason = "the same video and number stand twice"
        if name is None or reason is not None:
            rejected.append(_rejected(path, reason or ""))
        else:
            taken.add(name)
            frames.append(Frame(class_name, name.video_id, name.number, path))
    if not taken:
        rejected.append(RejectedFrame(f"{class_name}/", "class folder without a readable frame"))


def _reason_to_reject(entry: os.DirEntry, name: FrameName | None, frames_dir: Path) -> str | None:
    try:
        if entry.name.startswith("."):
            return "hidden"
        if entry.is_dir():
            return "folder inside a class folder"
        if name is None:
            return "name is not {video_id}_frame_{number}.jpg, .jpeg or .png"
        if not _is_text(entry.name):
            return NOT_UTF8
        if _leads_outside(entry, frames_dir):
            return OUTSIDE
        return image_fault(Path(entry.path))
    except OSError as error:
        return f"cannot be read: {error.strerror}"


def _rejected(path: str, reason: str) -> RejectedFrame:
    return RejectedFrame(os.fsencode(path).decode(errors="replace"), reason)


def _is_text(name: str) -> bool:
    """False for a name whose bytes are not UTF-8: no table could hold it."""
    return name.encode(errors="ignore").decode() == name


def _leads_outside(entry: os.DirEntry, frames_dir: Path) -> bool:
    return entry.is_symlink() and not Path(entry.path).resolve().is_relative_to(frames_dir.resolve())


def _require_two_classes(frames_dir: Path, frames: pd.DataFrame, rejected: pd.DataFrame) -> None:
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
