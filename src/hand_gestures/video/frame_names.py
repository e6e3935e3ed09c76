"""The name of a frame: `{video_id}_frame_{number}.jpg`."""

import re
from typing import NamedTuple

# The video id may hold `_frame_` itself: the greedy first group leaves only the last one to the number.
# It may hold anything that a file name may, a line break too.
PATTERN = re.compile(r"(?P<video_id>.+)_frame_(?P<number>\d{1,18})\.(?:jpg|jpeg|png)", re.IGNORECASE | re.DOTALL)


class FrameName(NamedTuple):
    """What a file name says of its frame."""

    video_id: str
    number: int


def parse_frame_name(file_name: str) -> FrameName | None:
    """`"a_frame_007.jpg"` → `("a", 7)`; None where the name is off the pattern."""
    match = PATTERN.fullmatch(file_name)
    return FrameName(match["video_id"], int(match["number"])) if match else None


def format_frame_name(video_id: str, number: int) -> str:
    """The name that `parse_frame_name` reads back; numbers are padded to four digits."""
    return f"{video_id}_frame_{number:04d}.jpg"
