"""Segments of videos: a table with the class of each part of a video."""

import math
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

import pandas as pd

from hand_gestures.utils.errors import HandGesturesError
from hand_gestures.utils.names import escape_control_characters, has_control_character, nfc
from hand_gestures.utils.rules import ALL_CLASSES
from hand_gestures.video.class_folders import Rejected, reject
from hand_gestures.video.video_files import SUFFIXES

REQUIRED = ("video", "class_name")
SECONDS, FRAMES = ("start_seconds", "end_seconds"), ("start_frame", "end_frame")
OPTIONAL = ("group", "split")
SPLITS = ("train", "val", "test")
FORM = (
    "columns 'video' and 'class_name', start_seconds and end_seconds or start_frame and end_frame for parts of videos, "
    "and optionally 'group' and 'split'"
)
MAX_NAME_BYTES = 230  # file systems allow 255, and `_frame_0000.jpg` follows


@dataclass(frozen=True)
class Segment:
    """A part of a video that shows one class.

    Attributes:
        video: path below the folder of videos, spelled as on disk: a video file, or a folder of numbered pictures.
        class_name: the class; of a table, in NFC.
        start: first second, or number of the first frame, from 0; None for the whole video.
        end: the first second or frame after the segment; None with `start`.
        in_frames: whether `start` and `end` are frames.
        group: performer or recording, in NFC; without one in the table, the video.
        split: train, val, test, or None.

    Example:
        >>> Segment("day1/anna.mp4", "wave", 1.5, 3.0).video_id
        'day1-anna_1.5-3'
    """

    video: str
    class_name: str
    start: float | None = None
    end: float | None = None
    in_frames: bool = False
    group: str = ""
    split: str | None = None

    @property
    def video_id(self) -> str:
        """`{video}_{start}-{end}`, or the name of the video where the segment is the whole video."""
        path = PurePosixPath(self.video)
        name = "-".join((path.with_suffix("") if path.suffix.lower() in SUFFIXES else path).parts)
        return name if self.start is None else f"{name}_{_short(self.start)}-{_short(self.end or 0)}"

    def contains(self, index: int, seconds: float) -> bool:
        """Whether a frame belongs to the segment.

        Args:
            index: of the frame in the video, from 0.
            seconds: since the first frame of the video.
        """
        if self.start is None or self.end is None:
            return True
        return self.start <= (index if self.in_frames else seconds + 1e-6) < self.end


def read_segments(path: Path) -> pd.DataFrame:
    """Read a CSV of segments.

    Args:
        path: the file.

    Returns:
        The columns of the file, as text.

    Raises:
        HandGesturesError: the file is missing or is no CSV.
    """
    try:
        return pd.read_csv(path, dtype=str, keep_default_na=False, skipinitialspace=True)
    except (OSError, ValueError) as error:
        raise HandGesturesError(
            f"video_ingest.segments must be a CSV with {FORM}, but {path} cannot be read as one ({error}); "
            "correct the file or its path"
        ) from error


def parse_segments(table: pd.DataFrame, videos_dir: Path, rejected: list[Rejected]) -> Iterator[Segment]:
    """Turn the rows of a table into segments.

    Args:
        table: columns `video` and `class_name`; `start_seconds` and `end_seconds`, or `start_frame` and `end_frame` (a
            row without a start and an end is the whole video); `group`; `split`.
        videos_dir: the folder that holds the videos.
        rejected: every faulty row is appended to it.

    Yields:
        The good rows, in their order.

    Raises:
        HandGesturesError: the table has not these columns.
    """
    _require_columns(table)
    used: dict[tuple[str, str], int] = {}
    for number, texts, segment in _rows(table, videos_dir):
        try:
            if isinstance(segment, _RowError):
                raise segment
            _check(segment, videos_dir)
            first = used.setdefault((segment.class_name, nfc(segment.video_id)), number)
            if first != number:
                raise _RowError(f"the same class and clip name as row {first}")
        except _RowError as fault:
            place = f"{_valid_text(texts['video'])}, row {number} of the segments"
            rejected.append(reject(place, escape_control_characters(_valid_text(str(fault)))))
            continue
        yield segment


def listed_segments(table: pd.DataFrame, videos_dir: Path) -> Iterator[Segment]:
    """The segments of all rows that have names and times, whatever else is wrong with them.

    Args:
        table: see `parse_segments`.
        videos_dir: the folder that holds the videos.

    Yields:
        Segments without group and split: what says whether the frames of a clip still have their row.

    Raises:
        HandGesturesError: the table has not these columns.
    """
    _require_columns(table)
    for _, _, segment in _rows(table, videos_dir):
        if isinstance(segment, Segment):
            yield replace(segment, group="", split=None)


def _rows(table: pd.DataFrame, videos_dir: Path) -> Iterator[tuple[int, dict[str, str], "Segment | _RowError"]]:
    """(number, texts, segment or its fault) of each row; the first row is row 1."""
    find = _PathFinder(videos_dir)
    for number, row in enumerate(table.to_dict("records"), start=1):
        texts = {str(name): _text(value) for name, value in row.items()}
        try:
            segment: Segment | _RowError = _segment(texts, find)
        except _RowError as fault:
            segment = fault
        yield number, texts, segment


class _PathFinder:
    """Finds the path on disk of a name whose accents may be spelled in another way."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._names: dict[PurePosixPath, dict[str, str]] = {}  # of each folder: name in NFC → name on disk

    def __call__(self, video: str) -> str:
        """The path as it is on disk, or `video` itself if there is no such path."""
        path = PurePosixPath(video)
        if video.isascii() or path.is_absolute() or ".." in path.parts or (self._root / video).exists():
            return video
        found = PurePosixPath()
        for part in path.parts:
            if found not in self._names:
                folder = self._root / found
                names = sorted(entry.name for entry in folder.iterdir()) if folder.is_dir() else []
                self._names[found] = {nfc(name): name for name in names}
            found /= self._names[found].get(nfc(part), part)
        return str(found) if (self._root / found).exists() else video


class _RowError(Exception):
    """Why a row cannot be used."""


def _require_columns(table: pd.DataFrame) -> None:
    missing = [name for name in REQUIRED if name not in table.columns]
    for pair in (SECONDS, FRAMES):
        given = [name for name in pair if name in table.columns]
        missing += [name for name in pair if len(given) == 1 and name not in given]
    if missing:
        raise HandGesturesError(f"a table of segments needs {FORM}, but has no column '{missing[0]}'; add it")
    if SECONDS[0] in table.columns and FRAMES[0] in table.columns:
        raise HandGesturesError(
            f"a table of segments gives times in seconds or in frames, but has '{SECONDS[0]}' and '{FRAMES[0]}'; "
            "remove one pair of columns"
        )


def _segment(texts: dict[str, str], find: Callable[[str], str]) -> Segment:
    names = FRAMES if FRAMES[0] in texts else SECONDS
    start, end = (_number(texts.get(name, ""), name) for name in names)
    if (start is None) != (end is None):
        raise _RowError(f"only one of {names[0]} and {names[1]}")
    for name in ("video", "class_name", "group"):
        text = texts.get(name, "")
        if has_control_character(text):  # no table and no log line can show it as it is
            raise _RowError(f"{name} holds a control character")
        if _valid_text(text) != text:
            raise _RowError(f"{name} is not UTF-8")
        if name == "video" and any(len(os.fsencode(part)) > 255 for part in PurePosixPath(text).parts):
            raise _RowError("no such video")  # to look for such a name is an error
    return Segment(
        video=find(texts["video"]),
        class_name=nfc(texts["class_name"]),
        start=start,
        end=end,
        in_frames=start is not None and names == FRAMES,
        group=nfc(texts.get("group") or texts["video"]),
        split=texts.get("split") or None,
    )


def _check(segment: Segment, videos_dir: Path) -> None:
    if segment.split is not None and segment.split not in SPLITS:
        raise _RowError(f"split '{segment.split}' is none of {', '.join(SPLITS)}")
    path = PurePosixPath(segment.video)
    if not segment.video or path.is_absolute() or ".." in path.parts:
        raise _RowError("video is not a path below videos_dir")
    if not (videos_dir / path).exists():
        raise _RowError("no such video")
    if not (videos_dir / path).resolve().is_relative_to(videos_dir.resolve()):
        raise _RowError("link that leads outside the folder")
    name = segment.class_name
    if not name or name.startswith(".") or "/" in name or name == ALL_CLASSES:
        raise _RowError(f"class_name '{name}' cannot be the name of a class folder")
    if max(len(os.fsencode(text)) for text in (name, segment.video_id)) > MAX_NAME_BYTES:
        raise _RowError(f"name longer than {MAX_NAME_BYTES} bytes")
    if segment.start is not None and segment.end is not None:
        if segment.start < 0:
            raise _RowError(f"start {_short(segment.start)} is negative")
        if segment.end <= segment.start:
            raise _RowError(f"end {_short(segment.end)} is not after start {_short(segment.start)}")


def _valid_text(text: str) -> str:
    """The text with a question mark for each half of a character, which JSON can hold and UTF-8 cannot."""
    return text.encode(errors="replace").decode()


def _text(value: Any) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    return str(value).strip()


def _number(text: str, column: str) -> float | None:
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise _RowError(f"{column} '{text}' is not a number")
    if column in FRAMES and value != int(value):
        raise _RowError(f"{column} '{text}' is not a whole number")
    return value


def _short(value: float) -> str:
    """Up to milliseconds, without zeros at the end: `1.500` → `"1.5"`."""
    return f"{value:.3f}".rstrip("0").rstrip(".")
