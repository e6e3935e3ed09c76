"""The names of frame files: `{video_id}_frame_{number}.jpg`, or what a regular expression says."""

import re
from pathlib import PurePosixPath
from typing import NamedTuple

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png")
# A video id may contain `_frame_` and any character that a file name may, even a line break. The first group is greedy,
# so only the last `_frame_` separates the number.
_DEFAULT = re.compile(r"(?P<video_id>.+)_frame_(?P<number>\d{1,18})", re.DOTALL)
_NUMBER = re.compile(r"\d{1,18}")


class FrameName(NamedTuple):
    """The parts of a frame's file name.

    Example:
        >>> parse_frame_name("a_frame_007.jpg")
        FrameName(video_id='a', number=7)
    """

    video_id: str
    number: int


def parse_frame_name(path: str, pattern: str | None = None) -> FrameName | None:
    """Split the name of a frame file.

    Args:
        path: below the class folder; it ends with .jpg, .jpeg or .png in any case.
        pattern: regular expression that matches the whole path without its suffix, with the named groups `video_id` and
            `number`; None: `{video_id}_frame_{number}`.

    Returns:
        Video id and frame number, or None where the name does not match.

    Example:
        >>> parse_frame_name("1042/00007.jpg", r"(?P<video_id>[^/]+)/(?P<number>\\d+)")
        FrameName(video_id='1042', number=7)
    """
    stem, dot, suffix = path.rpartition(".")
    if dot + suffix.lower() not in IMAGE_SUFFIXES:
        return None
    match = (_DEFAULT if pattern is None else re.compile(pattern)).fullmatch(stem)  # re keeps compiled patterns
    if match is None or not match["video_id"] or not _NUMBER.fullmatch(match["number"] or ""):
        return None
    return FrameName(match["video_id"], int(match["number"]))


def propose_frame_pattern(path: PurePosixPath) -> str | None:
    """A pattern for `parse_frame_name` that a path suggests.

    Args:
        path: of a frame file, below the class folder.

    Returns:
        The pattern, or None: no number ends the name.

    Example:
        >>> propose_frame_pattern(PurePosixPath("1042/00007.jpg"))
        '(?P<video_id>.+)/(?P<number>\\\\d+)'
    """
    name = re.fullmatch(r"(.*?)(\d+)", path.stem, re.DOTALL)
    if name is None:
        return None
    if len(path.parts) > 1:
        start = r"\D*" if name[1] else ""
        return rf"(?P<video_id>.+)/{start}(?P<number>\d+)" if re.fullmatch(r"\D*", name[1], re.DOTALL) else None
    return rf"(?P<video_id>.+){name[1][-1]}(?P<number>\d+)" if name[1][:-1] and name[1][-1] in "-_ " else None


def format_frame_name(video_id: str, number: int) -> str:
    """The file name that `parse_frame_name` splits again.

    Args:
        video_id: any text without a path separator.
        number: from 0; padded to four digits.
    """
    return f"{video_id}_frame_{number:04d}.jpg"
