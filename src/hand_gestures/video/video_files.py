"""Frames out of a video file."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
from av.error import FFmpegError

SUFFIXES = (".mp4", ".avi", ".mov", ".mkv", ".webm", ".gif")
SHARE_NEEDED = 0.9  # of the frames or seconds that the container declares: it counts some that no decoder shows


class VideoFaultError(Exception):
    """Why a file cannot be used as a video."""


@dataclass(frozen=True)
class Sampling:
    """Which frames of a video are kept.

    Attributes:
        fps: frames a second by their time stamps, where a video has more; None keeps every `every`-th frame.
        every: 1 keeps all.
        longest_side: larger frames are made smaller, pixels; None keeps the size.
    """

    fps: float | None = None
    every: int = 1
    longest_side: int | None = None


@dataclass(frozen=True)
class VideoFrame:
    """A frame, upright: BGR uint8 (H, W, 3), at `seconds` from the start of the stream."""

    image: np.ndarray
    seconds: float


def read_video(path: Path, sampling: Sampling) -> Iterator[VideoFrame]:
    """The frames that `sampling` keeps, one by one.

    Raises:
        VideoFaultError: the file holds no video, ends early or cannot be decoded; said after the frames before.
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
            if decoded < SHARE_NEEDED * stream.frames:
                raise VideoFaultError(f"ends after {decoded} of {stream.frames} frames")
            alone = len(container.streams) == 1  # sound may go on after the last picture
            declared = (container.duration or 0) / av.time_base if alone else 0.0
            if seconds < SHARE_NEEDED * declared - 1:
                raise VideoFaultError(f"ends after {seconds:.1f} of {declared:.1f} seconds")
    except (FFmpegError, OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise VideoFaultError(f"cannot be decoded: {reason}") from error


def source_fps(path: Path) -> float | None:
    """Mean frames a second as the container says; None where it does not."""
    with av.open(str(path)) as container:
        rate = container.streams.video[0].average_rate
        return float(rate) if rate else None


def _keeper(sampling: Sampling) -> Callable[[int, float], bool]:
    """Says of each frame, by number and seconds, whether it is kept; by `fps`: the first of each 1/fps of a second."""
    fps = sampling.fps
    if fps is None:
        return lambda index, _: index % sampling.every == 0
    last: int | None = None
    start: float | None = None

    def first_of_its_interval(_: int, seconds: float) -> bool:
        nonlocal last, start
        start = seconds if start is None else start
        interval = math.floor((seconds - start) * fps + 1e-6)  # time stamps are rounded
        fresh, last = interval != last, interval
        return fresh

    return first_of_its_interval


def _upright(frame: av.VideoFrame, longest_side: int | None) -> np.ndarray:
    """The pixels as they are meant to be seen: players obey the container's rotation, decoders do not."""
    shrink = min(1.0, longest_side / max(frame.width, frame.height)) if longest_side else 1.0
    width, height = (max(1, round(side * shrink)) for side in (frame.width, frame.height))
    pixels = frame.reformat(width, height, format="bgr24", interpolation="AREA").to_ndarray()
    return np.ascontiguousarray(np.rot90(pixels, frame.rotation // 90))
