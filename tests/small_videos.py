"""Writes small real videos with PyAV, and changes what their headers declare."""

import struct
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

CODECS = {
    ".mp4": "libx264",
    ".m4v": "libx264",
    ".mov": "libx264",
    ".mkv": "libx264",
    ".avi": "mpeg4",
    ".webm": "libvpx",
    ".gif": "gif",
    ".3gp": "mpeg4",
    ".ts": "mpeg2video",
    ".mts": "mpeg2video",
    ".wmv": "wmv2",
}
FORMATS = {
    ".m4v": "mp4",
    ".mts": "mpegts",
    ".wmv": "asf",
}  # where FFmpeg does not know the suffix, or another container
ONE = 1 << 16  # 1 as a fixed point number of an mp4


def picture(number: int, height: int, width: int) -> np.ndarray:
    """A grey level that rises with the number, with a red rectangle in the top left corner; RGB uint8 (H, W, 3)."""
    frame = np.full((height, width, 3), 40 + 5 * (number % 40), np.uint8)
    frame[: height // 3, : width // 4] = (255, 0, 0)
    return frame


def write_video(
    path: Path, frames: int = 12, fps: int = 30, height: int = 48, width: int = 64, every: int = 1, **options: str
) -> Path:
    """Write pictures 0 to frames-1 as a video; `every` above 1 leaves gaps on the time line."""
    pictures = (picture(number, height, width) for number in range(frames))
    return write_pictures(path, pictures, fps, every=every, options=options)


def write_pictures(
    path: Path,
    pictures: Iterable[np.ndarray],
    fps: int = 30,
    every: int = 1,
    codec: str | None = None,
    pix_fmt: str | None = None,
    options: dict[str, str] | None = None,
    codec_options: dict[str, str] | None = None,
) -> Path:
    """Write pictures, RGB or RGBA uint8 (H, W, C), as a video."""
    path.parent.mkdir(parents=True, exist_ok=True)
    suffix = path.suffix.lower()
    with av.open(str(path), "w", format=FORMATS.get(suffix), options=options or {}) as container:
        stream = container.add_stream(codec or CODECS[suffix], rate=fps, options=codec_options or {})
        stream.pix_fmt = pix_fmt or ("rgb8" if suffix == ".gif" else "yuv420p")
        for number, pixels in enumerate(pictures):
            if number == 0:
                stream.height, stream.width = pixels.shape[:2]
            layout = "rgba" if pixels.shape[2] == 4 else "rgb24"
            frame = av.VideoFrame.from_ndarray(pixels, layout).reformat(format=stream.pix_fmt)
            frame.pts = number * every
            frame.time_base = Fraction(1, fps)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def turn(path: Path, degrees: int) -> None:
    """Make players rotate the pictures of an mp4 clockwise."""
    orient(path, *{90: (0, 1, -1, 0), 180: (-1, 0, 0, -1), 270: (0, -1, 1, 0)}[degrees])


def orient(path: Path, a: int, b: int, c: int, d: int) -> None:
    """Write the display matrix of an mp4's track header: x' = a x + c y, y' = b x + d y."""
    content = bytearray(path.read_bytes())
    matrix = content.index(b"tkhd") + 4 + 4 + 20 + 8 + 8
    content[matrix : matrix + 36] = struct.pack(">9i", a * ONE, b * ONE, 0, c * ONE, d * ONE, 0, 0, 0, 1 << 30)
    path.write_bytes(content)


def trim(path: Path, first: int, fps: int = 30) -> None:
    """Make an mp4 start at its frame `first`, as a lossless cut does: by its edit list, all packets stay."""
    content = bytearray(path.read_bytes())
    entry = content.index(b"elst") + 4 + 4 + 4
    duration, start = struct.unpack(">Ii", content[entry : entry + 8])
    timescale = content.index(b"mdhd") + 4 + 4 + 8
    (ticks,) = struct.unpack(">I", content[timescale : timescale + 4])
    content[entry : entry + 8] = struct.pack(">Ii", duration - first * 1000 // fps, start + first * ticks // fps)
    path.write_bytes(content)


def damage(path: Path, start: float, end: float) -> None:
    """Overwrite a part of a file with zeros, from `start` to `end` as shares of its bytes."""
    content = bytearray(path.read_bytes())
    first, last = (round(len(content) * share) for share in (start, end))
    content[first:last] = bytes(last - first)
    path.write_bytes(content)


def replace(path: Path, old: bytes, new: bytes) -> None:
    """Replace bytes of a file everywhere; both must be equally long."""
    content = path.read_bytes()
    assert old in content
    assert len(old) == len(new)
    path.write_bytes(content.replace(old, new))


def external_track(path: Path, other: Path) -> Path:
    """Make an mp4 declare that its pictures are in another file: a data reference of the type `alis`."""
    content = path.read_bytes()
    name = str(other).encode()
    alias = bytes(10) + bytes([0]) + bytes(27 + 12) + bytes([1]) + b"x" + bytes(62 + 16) + bytes(2 * 2 + 16)
    alias += struct.pack(">hH", 2, len(name)) + name + b"\0" * (len(name) % 2) + struct.pack(">h", -1)
    entry = struct.pack(">I", len(alias) + 12) + b"alis" + bytes(4) + alias
    start = content.index(b"dref") + 12
    old = int.from_bytes(content[start : start + 4], "big")
    grown = len(entry) - old
    changed = bytearray(content[:start] + entry + content[start + old :])
    for box in (b"moov", b"trak", b"mdia", b"minf", b"dinf", b"dref"):
        size = changed.index(box) - 4
        changed[size : size + 4] = struct.pack(">I", int.from_bytes(changed[size : size + 4], "big") + grown)
    path.write_bytes(changed)
    return path
