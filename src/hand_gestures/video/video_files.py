"""Read a video file: which frames are kept, when they are shown, and how much of the file is readable.

Time stamps decide; the counters in a file's header are hints. A trimmed file stores more frames than it shows, and a
recording with dropped frames counts those that it does not store.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from hand_gestures.video.limits import MAX_VIDEO_BYTES, MAX_VIDEO_FRAMES, MAX_VIDEO_SECONDS
from hand_gestures.video.video_sources import DecodedFrame, VideoFaultError, open_source

SUFFIXES = (".mp4", ".avi", ".mov", ".mkv", ".webm", ".gif", ".m4v", ".3gp", ".ts", ".mts", ".wmv", ".webp")
MIN_READABLE_SHARE = 0.5  # of the declared seconds; a video with less is rejected
MAX_GAP = 5  # in a damaged video, a pause of more frame intervals counts as unreadable
FALLBACK_FPS = 25.0  # for a file without time stamps and without a frame rate


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
        image: as a player shows it, BGR uint8 (H, W, 3).
        seconds: time since the first frame.
        index: number of the frame in the video, from 0; damaged frames are not counted.
    """

    image: np.ndarray
    seconds: float
    index: int


class VideoFile:
    """A video file that is open for reading.

    Args:
        path: the file.

    Attributes:
        source_fps: mean frame rate that the file declares, or None.
        declared_seconds: duration that the file declares, or None.
        size: width and height of the picture before rotation, pixels.
        damaged_frames: how many frames could not be decoded; set when `frames` has ended.
        readable_share: decoded seconds divided by declared seconds, 0 to 1; set when `frames` has ended.
        seconds: until the end of the last frame; set when `frames` has ended.
        frame_count: number of decoded frames; set when `frames` has ended.

    Raises:
        VideoFaultError: the file has no video, exceeds a limit or cannot be opened.

    Example:
        >>> with VideoFile(Path("wave.mp4")) as video:
        ...     images = [frame.image for frame in video.frames(Sampling(every=2))]
    """

    def __init__(self, path: Path) -> None:
        self.damaged_frames = 0
        self.readable_share = 0.0
        self.seconds = 0.0
        self.frame_count = 0
        try:
            size = path.stat().st_size
            if size == 0:
                raise VideoFaultError("empty file")
            if size > MAX_VIDEO_BYTES:
                raise VideoFaultError(f"file of {size} bytes, allowed: at most {MAX_VIDEO_BYTES}")
            self._source = open_source(path)
        except Exception as error:
            raise _fault(error) from error
        self.source_fps = self._source.fps
        self.declared_seconds = self._source.declared_seconds
        self.size = self._source.size

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._source.close()

    def frames(self, sampling: Sampling, wanted: Callable[[int, float], bool] | None = None) -> Iterator[VideoFrame]:
        """Decode the file, once. A damaged frame is left out and counted.

        Args:
            sampling: which frames are kept.
            wanted: says by index and seconds which of the kept frames are yielded; None yields all of them.

        Yields:
            The kept frames in the order of their time stamps.

        Raises:
            VideoFaultError: less than `MIN_READABLE_SHARE` is readable, or a limit is exceeded. The frames before the
                fault were yielded.
        """
        keep = _keeper(sampling)
        times = _TimeLine(self._source.fps or FALLBACK_FPS)
        try:
            for index, frame in enumerate(self._source.decode()):
                seconds = times.add(frame)
                if index >= MAX_VIDEO_FRAMES or seconds > MAX_VIDEO_SECONDS:
                    found = f"frame {index} at {seconds:.0f} seconds"
                    limit = f"at most {MAX_VIDEO_FRAMES} frames and {MAX_VIDEO_SECONDS} seconds"
                    raise VideoFaultError(f"{found}, allowed: {limit}")
                if keep(index, seconds) and (wanted is None or wanted(index, seconds)):
                    yield VideoFrame(frame.picture(sampling.longest_side), seconds, index)
            self._measure(times)
        except Exception as error:
            raise _fault(error) from error

    def _measure(self, times: "_TimeLine") -> None:
        """Set how much was readable, and raise if it is too little."""
        self.damaged_frames = self._source.damaged_frames
        if not times.seconds:
            raise self._source.last_error or VideoFaultError("no frame")
        readable = times.covered(count_gaps=self.damaged_frames == 0)
        self.seconds, self.frame_count = times.covered(count_gaps=True), len(times.seconds)
        declared = self._source.declared_seconds or self.seconds
        self.readable_share = min(1.0, readable / declared) if declared else 1.0
        if self.readable_share < MIN_READABLE_SHARE:
            raise VideoFaultError(
                f"{readable:.1f} of {declared:.1f} seconds can be decoded, needed: {MIN_READABLE_SHARE:.0%}"
            )


def read_video(path: Path, sampling: Sampling) -> Iterator[VideoFrame]:
    """Open a video file and decode it.

    Args:
        path: the file.
        sampling: which frames are kept.

    Yields:
        The kept frames in the order of their time stamps.

    Raises:
        VideoFaultError: as `VideoFile` and `VideoFile.frames`.
    """
    with VideoFile(path) as video:
        yield from video.frames(sampling)


class _TimeLine:
    """When the frames of a video are shown.

    Attributes:
        seconds: of each frame, from the first one; rises strictly.
    """

    def __init__(self, fps: float) -> None:
        self.seconds: list[float] = []
        self._interval = 1 / fps
        self._start: float | None = None
        self._last_duration = 0.0

    def add(self, frame: DecodedFrame) -> float:
        """The time of the next frame. Where its time stamp is missing or not later, the frame rate decides."""
        if self._start is None:
            self._start = frame.seconds or 0.0
        seconds = 0.0 if frame.seconds is None else frame.seconds - self._start
        if self.seconds and seconds <= self.seconds[-1]:
            seconds = self.seconds[-1] + self._interval
        self.seconds.append(seconds)
        self._last_duration = frame.duration or 0.0
        return seconds

    def covered(self, count_gaps: bool) -> float:
        """Seconds in which a frame is shown.

        Args:
            count_gaps: a frame is shown until the next one; otherwise a gap above `MAX_GAP` intervals is left out.
        """
        gaps = np.diff(self.seconds)
        interval = float(np.median(gaps)) if gaps.size else self._interval
        if not count_gaps:
            gaps = np.where(gaps > MAX_GAP * interval, interval, gaps)
        return float(gaps.sum()) + max(interval, self._last_duration)


def _keeper(sampling: Sampling) -> Callable[[int, float], bool]:
    """A function that decides by index and seconds whether a frame is kept; called once per frame, in order."""
    fps = sampling.fps
    if fps is None:
        return lambda index, _: index % sampling.every == 0
    previous: int | None = None

    def first_in_interval(_: int, seconds: float) -> bool:
        """True for the first frame in each 1 / fps of a second."""
        nonlocal previous
        interval = math.floor(seconds * fps + 1e-6)  # time stamps are rounded
        is_first, previous = interval != previous, interval
        return is_first

    return first_in_interval


def _fault(error: Exception) -> VideoFaultError:
    """Decoders raise many kinds of errors; each means that this file cannot be used."""
    if isinstance(error, VideoFaultError):
        return error
    reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return VideoFaultError(f"cannot be decoded: {' '.join(reason.split())}")
