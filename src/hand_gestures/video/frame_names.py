"""The name of a frame file: `{video_id}_frame_{number}.jpg`."""

import re
from typing import NamedTuple

# A video id may contain `_frame_` and any character that a file name may, even a line break. The first group is greedy,
# so only the last `_frame_` separates the number.
_PATTERN = re.compile(r"(?P<video_id>.+)_frame_(?P<number>\d{1,18})\.(?:jpg|jpeg|png)", re.IGNORECASE | re.DOTALL)


class FrameName(NamedTuple):
    """The parts of a frame's file name.

    Example:
        >>> parse_frame_name("a_frame_007.jpg")
        FrameName(video_id='a', number=7)
    """

    video_id: str
    number: int


def parse_frame_name(file_name: str) -> FrameName | None:
    """Split the name of a frame file.

    Args:
        file_name: without folders; .jpg, .jpeg or .png in any case.

    Returns:
        Video id and frame number, or None where the name does not match the pattern.
    """
    match = _PATTERN.fullmatch(file_name)
    return FrameName(match["video_id"], int(match["number"])) if match else None


def format_frame_name(video_id: str, number: int) -> str:
    """The file name that `parse_frame_name` splits again.

    Args:
        video_id: any text without a path separator.
        number: from 0; padded to four digits.
    """
    return f"{video_id}_frame_{number:04d}.jpg"
