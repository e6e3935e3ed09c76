"""A folder of numbered pictures, read as a video."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

import cv2

from hand_gestures.utils.errors import HandGesturesError
from hand_gestures.video.frame_names import IMAGE_SUFFIXES
from hand_gestures.video.image_files import check_image, read_frame
from hand_gestures.video.video_files import MIN_READABLE_SHARE, Sampling, VideoFrame
from hand_gestures.video.video_sources import VideoFaultError


class FrameFolder:
    """The pictures of a folder in the order of the number at the end of their names; used like `VideoFile`.

    Args:
        path: the folder.

    Attributes:
        source_fps: None, because pictures have no times.
        damaged_frames: how many pictures could not be read; set when `frames` has ended.
        readable_share: readable pictures divided by all that were to be read; set when `frames` has ended.
        seconds: number of pictures, because they have no times.
        frame_count: number of pictures.

    Raises:
        VideoFaultError: the folder has no numbered picture.

    Example:
        >>> with FrameFolder(Path("20bn-jester-v1/1042")) as folder:
        ...     images = [frame.image for frame in folder.frames(Sampling())]
    """

    def __init__(self, path: Path) -> None:
        self.source_fps: float | None = None
        self.damaged_frames = 0
        self.readable_share = 0.0
        numbered = ((re.search(r"(\d{1,18})$", file.stem), file) for file in path.iterdir() if _is_picture(file))
        self._files = [file for _, file in sorted((int(match[1]), file) for match, file in numbered if match)]
        self.frame_count = len(self._files)
        self.seconds = float(self.frame_count)
        if not self._files:
            raise VideoFaultError(f"folder without numbered pictures ({', '.join(IMAGE_SUFFIXES)})")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing is open between two pictures."""

    def frames(self, sampling: Sampling, wanted: Callable[[int, float], bool] | None = None) -> Iterator[VideoFrame]:
        """Read the pictures; arguments as those of `VideoFile.frames`.

        Yields:
            The kept pictures. `seconds` counts pictures, because there are no times.

        Raises:
            VideoFaultError: `sampling.fps` is set, or less than `MIN_READABLE_SHARE` of the pictures is readable.
        """
        if sampling.fps is not None:
            raise VideoFaultError("a folder of pictures has no times: set video_ingest.fps to null")
        tried = 0
        for index, file in enumerate(self._files):
            if index % sampling.every or (wanted is not None and not wanted(index, float(index))):
                continue
            tried += 1
            if check_image(str(file))[1] is not None:
                self.damaged_frames += 1
                continue
            try:
                image = read_frame(file)[..., ::-1]
            except HandGesturesError:
                self.damaged_frames += 1
                continue
            height, width = image.shape[:2]
            scale = min(1.0, sampling.longest_side / max(height, width)) if sampling.longest_side else 1.0
            if scale < 1:
                size = max(1, round(width * scale)), max(1, round(height * scale))
                image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
            yield VideoFrame(image, float(index), index)
        self.readable_share = 1 - self.damaged_frames / tried if tried else 1.0
        if self.readable_share < MIN_READABLE_SHARE:
            readable = tried - self.damaged_frames
            raise VideoFaultError(f"{readable} of {tried} pictures can be read, needed: {MIN_READABLE_SHARE:.0%}")


def _is_picture(path: Path) -> bool:
    return path.suffix.lower() in IMAGE_SUFFIXES and not path.name.startswith(".") and path.is_file()
