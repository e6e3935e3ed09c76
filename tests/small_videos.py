"""Writes small real videos with PyAV."""

import struct
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

CODECS = {".mp4": "libx264", ".mov": "libx264", ".mkv": "libx264", ".avi": "mpeg4", ".webm": "libvpx", ".gif": "gif"}


def picture(number: int, height: int, width: int) -> np.ndarray:
    """A grey level that rises with the number, with a red rectangle in the top left corner; RGB uint8 (H, W, 3)."""
    frame = np.full((height, width, 3), 40 + 5 * (number % 40), np.uint8)
    frame[: height // 3, : width // 4] = (255, 0, 0)
    return frame


def write_video(
    path: Path, frames: int = 12, fps: int = 30, height: int = 48, width: int = 64, every: int = 1, **options: str
) -> Path:
    """Write pictures 0 to frames-1 as a video; `every` above 1 leaves gaps on the time line."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w", options=options) as container:
        stream = container.add_stream(CODECS[path.suffix.lower()], rate=fps)
        stream.width, stream.height = width, height
        stream.pix_fmt = "rgb8" if path.suffix == ".gif" else "yuv420p"
        for number in range(frames):
            frame = av.VideoFrame.from_ndarray(picture(number, height, width), "rgb24").reformat(format=stream.pix_fmt)
            frame.pts = number * every
            frame.time_base = Fraction(1, fps)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def turn(path: Path, degrees: int) -> None:
    """Make players rotate the pictures of an mp4 clockwise: write the display matrix of its track header."""
    content = bytearray(path.read_bytes())
    matrix = content.index(b"tkhd") + 4 + 4 + 20 + 8 + 8
    one = 1 << 16
    turns = {90: (0, one, 0, -one, 0, 0), 180: (-one, 0, 0, 0, -one, 0), 270: (0, -one, 0, one, 0, 0)}
    content[matrix : matrix + 36] = struct.pack(">9i", *turns[degrees], 0, 0, 1 << 30)
    path.write_bytes(content)
