"""Is this file a whole picture? And: read it."""

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
import simplejpeg
from PIL import Image, ImageOps

from hand_gestures.utils.errors import HandGesturesError

JPEG_START, JPEG_END = b"\xff\xd8\xff", b"\xff\xd9"
PNG_START, PNG_END = b"\x89PNG\r\n\x1a\n", b"IEND\xaeB`\x82"
HEAD = 1024  # most JPEGs tell their size here; those with a thumbnail in front of it are read on
TAIL = 4096  # some cameras append a few bytes after the end mark
SIZE_MARKS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # start of frame: its segment holds the size
NO_SEGMENT = frozenset(range(0xD0, 0xDB))  # pixels or the end: no size comes after them
MOST_SEGMENTS = 500


def check_image(path: str) -> tuple[int, str | None]:
    """Size in bytes, and what is wrong with an image file by its header and its last bytes, or None.

    The pixels are not decoded. Plain system calls: a data set has millions of these files.
    """
    try:
        file = os.open(path, os.O_RDONLY)
        try:
            size = os.fstat(file).st_size
            head = os.read(file, HEAD)
            tail = os.pread(file, TAIL, max(0, size - TAIL))
            return size, _fault(file, size, head, tail)
        finally:
            os.close(file)
    except OSError as error:
        return 0, f"cannot be read: {error.strerror}"


def _fault(file: int, size: int, head: bytes, tail: bytes) -> str | None:
    if size == 0:
        return "empty file"
    if head.startswith(JPEG_START):
        if JPEG_END not in tail:
            return "truncated jpeg"
        return None if _jpeg_tells_size(file, head) else "unreadable jpeg header"
    if head.startswith(PNG_START):
        if PNG_END not in tail:
            return "truncated png"
        return None if head[12:16] == b"IHDR" and any(head[16:20]) and any(head[20:24]) else "unreadable png header"
    return "not a jpeg or png image"


def _jpeg_tells_size(file: int, head: bytes) -> bool:
    """Walk from segment to segment up to the one that holds height and width."""
    place = 2
    for _ in range(MOST_SEGMENTS):
        segment = head[place : place + 9] if place + 9 <= len(head) else os.pread(file, 9, place)
        if len(segment) < 9 or segment[0] != 0xFF or segment[1] in NO_SEGMENT:
            return False
        if segment[1] in SIZE_MARKS:
            return any(segment[5:7]) and any(segment[7:9])
        # one mark may have several 0xFF before it; else its two bytes and a length follow
        place += 1 if segment[1] == 0xFF else 2 + int.from_bytes(segment[2:4], "big")
    return False


def decode_fault(path: str) -> str | None:
    """What is wrong with the pixels of an image file, or None; stricter than decoders that paint gaps grey."""
    try:
        encoded = Path(path).read_bytes()
        if encoded.startswith(JPEG_START):
            simplejpeg.decode_jpeg(encoded, strict=True)
        else:
            with Image.open(io.BytesIO(encoded)) as image:
                image.load()
    except (OSError, ValueError, SyntaxError) as error:  # Pillow raises SyntaxError for a broken PNG
        return f"pixels cannot be decoded: {error}"
    return None


def read_frame(path: Path) -> np.ndarray:
    """Decode one frame to RGB uint8 (H, W, 3).

    Raises:
        HandGesturesError: the file is gone or cannot be decoded any more.
    """
    with _catalogued(path):
        encoded = np.frombuffer(path.read_bytes(), np.uint8)
    image = cv2.imdecode(encoded, cv2.IMREAD_COLOR_RGB) if encoded.size else None
    if image is None:
        raise HandGesturesError(
            f"every catalogued frame must be a picture, but {path} cannot be decoded; "
            "replace or remove the file, then run data_processing again"
        )
    return image


def read_small(path: Path, mode: str, side: int) -> Image.Image:
    """A frame for looking at, upright, in grey ("L") or colour ("RGB"); made smaller while decoding, not below `side`.

    A JPEG decoder can give an eighth of the size at an eighth of the cost.

    Raises:
        HandGesturesError: the file is gone or cannot be decoded any more.
    """
    with _opened(path) as image:
        image.draft(mode, (side, side))
        ImageOps.exif_transpose(image, in_place=True)
        return image.convert(mode)


def picture_size(path: Path) -> tuple[int, int]:
    """Width and height, pixels, from the header.

    Raises:
        HandGesturesError: as `read_small`.
    """
    with _opened(path) as image:
        return image.size


@contextmanager
def _opened(path: Path) -> Iterator[Image.Image]:
    try:
        with Image.open(path) as image:
            yield image
    except (OSError, SyntaxError) as error:  # Pillow raises SyntaxError for a broken PNG
        raise HandGesturesError(
            f"every catalogued frame must be a picture, but {path} cannot be decoded ({error}); "
            "replace or remove the file, then run data_processing again"
        ) from error


def frame_bytes(path: Path) -> int:
    """Size of a frame's file.

    Raises:
        HandGesturesError: the file is gone.
    """
    with _catalogued(path):
        return path.stat().st_size


@contextmanager
def _catalogued(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise HandGesturesError(
            f"every catalogued frame must be readable, but {path} is not ({error.strerror}); "
            "restore the file, or run data_processing again to catalog what is there"
        ) from error
