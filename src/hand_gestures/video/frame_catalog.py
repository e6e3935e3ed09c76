"""What is in a folder of frames: one row a frame, and one row for everything that is not one."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from hand_gestures.errors import HandGesturesError
from hand_gestures.progress import progress
from hand_gestures.video.frame_names import parse_frame_name
from hand_gestures.video.image_files import image_fault

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
            if entry.name.startswith("."):
                rejected.append(RejectedFrame(entry.name, "hidden"))
            elif not entry.is_dir():
                rejected.append(RejectedFrame(entry.name, "not inside a class folder"))
            else:
                yield entry


def _catalog_class(frames_dir: Path, class_name: str, frames: list[Frame], rejected: list[RejectedFrame]) -> None:
    taken: set[tuple[str, int]] = set()
    before = len(frames)
    with os.scandir(frames_dir / class_name) as entries:
        for entry in sorted(entries, key=lambda e: e.name):
            path = f"{class_name}/{entry.name}"
            name = parse_frame_name(entry.name)
            reason = _reason_to_reject(entry, name is not None, frames_dir)
            if reason is None and name is not None and (name.video_id, name.number) in taken:
                reason = f"frame {name.number} of video '{name.video_id}' stands twice"
            if reason is not None or name is None:
                rejected.append(RejectedFrame(path, reason or ""))
            else:
                taken.add(name)
                frames.append(Frame(class_name, name.video_id, name.number, path))
    if len(frames) == before:
        rejected.append(RejectedFrame(f"{class_name}/", "class folder without a readable frame"))


def _reason_to_reject(entry: os.DirEntry, named_as_frame: bool, frames_dir: Path) -> str | None:
    if entry.name.startswith("."):
        return "hidden"
    if entry.is_dir():
        return "folder inside a class folder"
    if not named_as_frame:
        return "name is not {video_id}_frame_{number}.jpg, .jpeg or .png"
    if entry.is_symlink() and not Path(entry.path).resolve().is_relative_to(frames_dir.resolve()):
        return "link that leads outside frames_dir"
    try:
        return image_fault(Path(entry.path))
    except OSError as error:
        return f"cannot be read: {error.strerror}"


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
