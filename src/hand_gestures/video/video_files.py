"""Decode the frames of a video file."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
from av.error import FFmpegError

SUFFIXES = (".mp4", ".avi", ".mov", ".mkv", ".webm", ".gif")
MIN_SHARE = 0.9  # of the declared frames or seconds: containers count some frames that no decoder returns


class VideoFaultError(Exception):
    """The reason why a file cannot be used as a video, in a few words."""


@dataclass(frozen=True)
class Sampling:
    """Which frames of a video are kept.

    Attributes:
        fps: frames kept per second of the time stamps, where a video has more; None keeps every `every`-th frame.
        every: 1 keeps all frames.
        longest_side: larger frames are reduced to it, pixels; None keeps the size.

    Example:
        >>> Sampling(fps=12, longest_side=640)
        Sampling(fps=12, every=1, longest_side=640)
    """

    fps: float | None = None
    every: int = 1
    longest_side: int | None = None


@dataclass(frozen=True)
class VideoFrame:
    """One decoded frame.

    Attributes:
        image: upright, BGR uint8 (H, W, 3).
        seconds: time stamp.
    """

    image: np.ndarray
    seconds: float


def read_video(path: Path, sampling: Sampling) -> Iterator[VideoFrame]:
    """Decode a video file.

    Args:
        path: the file.
        sampling: which frames are kept.

    Yields:
        The kept frames in the order of their time stamps.

    Raises:
        VideoFaultError: the file has no video, ends early or cannot be decoded; frames before the fault were yielded.
    """
    try:
        with av.open(str(path)) as container:
            if not container.streams.video:
                raise VideoFaultError("no video stream")
            stream = container.streams.video[0]
            stream.codec_context.thread_count = 1
            decoded = 0
            keep = _keeper(sampling)
            for decoded, frame in enumerate(container.decode(stream), start=1):
                seconds = float(frame.time) if frame.time is not None else float(decoded - 1)
                if keep(decoded - 1, seconds):
                    yield VideoFrame(_upright(frame, sampling.longest_side), seconds)
            if decoded == 0:
                raise VideoFaultError("no frame")
            if decoded < MIN_SHARE * stream.frames:
                raise VideoFaultError(f"ends after {decoded} of {stream.frames} frames")
            only_stream = len(container.streams) == 1  # sound may continue after the last picture
            declared = (container.duration or 0) / av.time_base if only_stream else 0.0
            if seconds < MIN_SHARE * declared - 1:
                raise VideoFaultError(f"ends after {seconds:.1f} of {declared:.1f} seconds")
    except (FFmpegError, OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise VideoFaultError(f"cannot be decoded: {reason}") from error


def source_fps(path: Path) -> float | None:
    """Mean frame rate that the container declares.

    Args:
        path: a file that `read_video` can read.

    Returns:
        Frames per second, or None if it is not declared.
    """
    with av.open(str(path)) as container:
        rate = container.streams.video[0].average_rate
        return float(rate) if rate else None


def _keeper(sampling: Sampling) -> Callable[[int, float], bool]:
    """A function that decides by index and seconds whether a frame is kept; called once per frame, in order."""
    fps = sampling.fps
    if fps is None:
        return lambda index, _: index % sampling.every == 0
    previous: int | None = None
    start: float | None = None

    def first_in_interval(_: int, seconds: float) -> bool:
        """True for the first frame in each 1 / fps of a second."""
        nonlocal previous, start
        start = seconds if start is None else start
        interval = math.floor((seconds - start) * fps + 1e-6)  # time stamps are rounded
        is_first, previous = interval != previous, interval
        return is_first

    return first_in_interval


def _upright(frame: av.VideoFrame, longest_side: int | None) -> np.ndarray:
    """The pixels as a player shows them: a decoder ignores the rotation that the container declares."""
    scale = min(1.0, longest_side / max(frame.width, frame.height)) if longest_side else 1.0
    width, height = (max(1, round(side * scale)) for side in (frame.width, frame.height))
    pixels = frame.reformat(width, height, format="bgr24", interpolation="AREA").to_ndarray()
    return np.ascontiguousarray(np.rot90(pixels, frame.rotation // 90))
