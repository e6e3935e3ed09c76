"""The decoders behind a video file: FFmpeg, and Pillow for animated WebP, which FFmpeg cannot decode.

Only the file itself is ever read. A list of allowed containers excludes playlists, such as HLS, and scripts, whatever
the suffix says; a list of allowed protocols excludes every address.
"""

import re
from collections.abc import Callable, Iterator
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import NamedTuple, cast

import av
import cv2
import numpy as np
from av.container import InputContainer
from av.stream import Disposition
from av.video.codeccontext import VideoCodecContext
from av.video.stream import VideoStream
from PIL import Image

from hand_gestures.video.limits import MAX_PIXELS, MAX_VIDEO_SECONDS, size_fault
from hand_gestures.video.video_pictures import PictureConverter, deinterlace, display_size, on_background

# FFmpeg's names of containers that hold their own data.
CONTAINERS = "mov,matroska,webm,avi,gif,mpegts,mpeg,asf,flv,ogg"
DECODER_OPTIONS = {"max_pixels": str(MAX_PIXELS), "threads": "1"}
# The decoder options count here too: FFmpeg may decode a frame to find out what a stream is.
OPEN_OPTIONS = {"format_whitelist": CONTAINERS, "protocol_whitelist": "file", **DECODER_OPTIONS}
# Streams that a player does not show as the video: cover art, previews.
PREVIEWS = Disposition.attached_pic | Disposition.timed_thumbnails | Disposition.still_image
# The decoders that FFmpeg would choose for these two drop the transparency.
ALPHA_DECODERS = {"vp8": "libvpx", "vp9": "libvpx-vp9"}


class VideoFaultError(Exception):
    """The reason why a file cannot be used as a video, in a few words."""


class DecodedFrame(NamedTuple):
    """A frame before its conversion.

    Attributes:
        picture: makes the picture, BGR uint8 (H, W, 3), from the longest side in pixels or None.
        seconds: time stamp, or None.
        duration: seconds that the frame is shown, or None.
    """

    picture: Callable[[int | None], np.ndarray]
    seconds: float | None
    duration: float | None


class FfmpegSource:
    """A file that FFmpeg reads.

    Args:
        path: the file.

    Attributes:
        fps: mean frame rate that the file declares, or None.
        declared_seconds: duration that the file declares, or None.
        size: width and height in square pixels, before rotation.
        damaged_frames: how many frames could not be decoded so far.
        last_error: what the decoder raised last, or None.

    Raises:
        VideoFaultError: there is no video stream, or it exceeds a limit.

    Example:
        >>> source = FfmpegSource(Path("wave.mp4"))
        >>> times = [frame.seconds for frame in source.decode()]
        >>> source.close()
    """

    def __init__(self, path: Path) -> None:
        self.damaged_frames = 0
        self.last_error: Exception | None = None
        # "file:" makes a path of a name that looks like an address
        self._container = av.open(f"file:{path}", options=OPEN_OPTIONS)
        try:
            self._stream = _best_stream(self._container)
            self.declared_seconds = _declared_seconds(self._container, self._stream)
            pixel_aspect = self._stream.sample_aspect_ratio or Fraction(1)
            self.size = display_size(self._stream.width, self._stream.height, pixel_aspect)
            fault = size_fault(*self.size)
            if fault is None and (self.declared_seconds or 0) > MAX_VIDEO_SECONDS:
                fault = f"video of {self.declared_seconds:.0f} seconds, allowed: at most {MAX_VIDEO_SECONDS}"
            if fault is not None:
                raise VideoFaultError(fault)
        except BaseException:
            self.close()
            raise
        self.fps = float(self._stream.average_rate) if self._stream.average_rate else None
        self._convert = PictureConverter(pixel_aspect)

    def close(self) -> None:
        """Close the file."""
        self._container.close()

    def decode(self) -> Iterator[DecodedFrame]:
        """All frames that can be decoded, in the order of their time stamps."""
        for frame in deinterlace(self._frames()):
            unit = frame.time_base or Fraction(1, av.time_base)
            seconds = None if frame.pts is None else float(frame.pts * unit)
            duration = float(frame.duration * unit) if frame.duration else None
            yield DecodedFrame(partial(self._convert, frame), seconds, duration)

    def _frames(self) -> Iterator[av.VideoFrame]:
        decoder = _decoder(self._stream)
        for packet in self._packets():
            try:
                frames = decoder.decode(packet)
            except av.EOFError:  # the decoder is empty
                continue
            except Exception as error:  # decoders raise many kinds; the next packet may be readable
                self._count_damage(error)
                continue
            for frame in frames:
                if frame.is_corrupt:
                    self._count_damage()
                else:
                    # PyAV leaves it out of the frames that an emptied decoder returns
                    frame.time_base = frame.time_base or self._stream.time_base
                    yield frame

    def _packets(self) -> Iterator[av.Packet | None]:
        """The packets of the stream; None where the file breaks off: it makes the decoder return its last frames."""
        try:
            for packet in self._container.demux(self._stream):
                if packet.is_corrupt:  # a part of it is missing
                    self._count_damage()
                yield packet
        except Exception as error:
            self._count_damage(error)
            yield None

    def _count_damage(self, error: Exception | None = None) -> None:
        self.damaged_frames += 1
        self.last_error = error or self.last_error


class WebpSource:
    """An animated WebP, read by Pillow; attributes as in `FfmpegSource`.

    Args:
        path: the file.

    Example:
        >>> [frame.duration for frame in WebpSource(Path("wave.webp")).decode()]
        [0.04, 0.04]
    """

    def __init__(self, path: Path) -> None:
        self.damaged_frames = 0
        self.last_error: Exception | None = None
        self.declared_seconds: float | None = None
        self.fps: float | None = None
        self._image = Image.open(path, formats=["WEBP"])
        self.size = self._image.size
        fault = size_fault(*self.size)
        if fault is not None:
            self.close()
            raise VideoFaultError(fault)

    def close(self) -> None:
        """Close the file."""
        self._image.close()

    def decode(self) -> Iterator[DecodedFrame]:
        """All frames up to the first one that cannot be decoded."""
        elapsed, count = 0.0, getattr(self._image, "n_frames", 1)
        for index in range(count):
            try:
                self._image.seek(index)
                pixels = np.asarray(self._image.convert("RGBA"))
                duration = self._image.info.get("duration", 0) / 1000
            except Exception as error:  # Pillow raises many kinds
                self.damaged_frames, self.last_error = count - index, error
                self.declared_seconds = elapsed / index * count if index else None
                return
            yield DecodedFrame(partial(_reduced, pixels), elapsed, duration)
            elapsed += duration


def open_source(path: Path) -> FfmpegSource | WebpSource:
    """Open a video file with the decoder for its content; the suffix is ignored.

    Args:
        path: the file.

    Raises:
        VideoFaultError: the file has no video stream, or it exceeds a limit.
    """
    with path.open("rb") as file:
        head = file.read(12)
    return WebpSource(path) if head[:4] == b"RIFF" and head[8:] == b"WEBP" else FfmpegSource(path)


def _best_stream(container: InputContainer) -> VideoStream:
    """The stream with the largest pictures, the first of equals."""
    streams = [stream for stream in container.streams.video if not stream.disposition & PREVIEWS]
    if not streams:
        raise VideoFaultError("no video stream")
    # PyAV has no codec context where FFmpeg has no decoder
    known = [stream for stream in streams if stream.codec_context is not None]
    if not known:
        raise VideoFaultError("no decoder for the codec of its video stream")
    return max(known, key=lambda stream: stream.width * stream.height)


def _declared_seconds(container: InputContainer, stream: VideoStream) -> float | None:
    """Duration of the video stream as the file declares it."""
    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    # Matroska keeps the duration of a stream in a tag: 00:00:03.366000000
    match = re.fullmatch(r"(\d+):(\d+):([\d.]+)", stream.metadata.get("DURATION", ""))
    if match:
        hours, minutes, seconds = match.groups()
        return int(hours) * 3600 + int(minutes) * 60 + float(seconds)
    only_stream = len(container.streams) == 1  # sound may continue after the last picture
    return container.duration / av.time_base if container.duration and only_stream else None


def _decoder(stream: VideoStream) -> VideoCodecContext:
    own: VideoCodecContext = stream.codec_context
    decoder = own
    if stream.metadata.get("alpha_mode") == "1" and own.name in ALPHA_DECODERS:
        decoder = cast(VideoCodecContext, av.CodecContext.create(ALPHA_DECODERS[own.name], "r"))
        decoder.extradata = own.extradata
    decoder.options = DECODER_OPTIONS
    return decoder


def _reduced(rgba: np.ndarray, longest_side: int | None) -> np.ndarray:
    """RGBA (H, W, 4) → BGR (H, W, 3), not larger than `longest_side`."""
    pixels = on_background(rgba[..., [2, 1, 0, 3]])
    height, width = pixels.shape[:2]
    if longest_side is None or max(height, width) <= longest_side:
        return pixels
    scale = longest_side / max(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
