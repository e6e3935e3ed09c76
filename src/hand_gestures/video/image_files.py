"""Check whether a file is a complete picture, and read it."""

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
HEAD_BYTES = 1024  # contains the size of most JPEGs; a thumbnail moves it further back
TAIL_BYTES = 4096  # some cameras append a few bytes after the end marker

# JPEG markers. A start of frame (C0 to CF without three that mean something else) holds the size; the markers from D0
# to DA begin or end the pixels, so no size can follow.
_START_OF_FRAME = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_PIXEL_MARKERS = frozenset(range(0xD0, 0xDB))
_MAX_SEGMENTS = 500  # a real file has about ten; the limit ends the search in a damaged one


def check_image(path: str) -> tuple[int, str | None]:
    """Check an image file by its header and its last bytes; the pixels are not decoded.

    Plain system calls are used, because a data set may have millions of these files.

    Args:
        path: a JPEG or PNG file.

    Returns:
        Size in bytes, and the reason why the file cannot be used or None.
    """
    try:
        file = os.open(path, os.O_RDONLY)
        try:
            size = os.fstat(file).st_size
            head = os.read(file, HEAD_BYTES)
            tail = os.pread(file, TAIL_BYTES, max(0, size - TAIL_BYTES))
            return size, _fault(file, size, head, tail)
        finally:
            os.close(file)
    except OSError as error:
        return 0, f"cannot be read: {error.strerror}"


def decode_fault(path: str) -> str | None:
    """Check the pixels of an image file; stricter than decoders that fill a damaged area with grey.

    Args:
        path: a JPEG or PNG file.

    Returns:
        The reason why the pixels cannot be used, or None.
    """
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
    """Decode one frame.

    Args:
        path: a JPEG or PNG file.

    Returns:
        RGB uint8 (H, W, 3).

    Raises:
        HandGesturesError: the file is missing or cannot be decoded.
    """
    with _readable(path):
        encoded = np.frombuffer(path.read_bytes(), np.uint8)
    image = cv2.imdecode(encoded, cv2.IMREAD_COLOR_RGB) if encoded.size else None
    if image is None:
        raise HandGesturesError(
            f"every catalogued frame must be a picture, but {path} cannot be decoded; "
            "replace or remove the file, then run data_processing again"
        )
    return image


def read_small(path: Path, mode: str, side: int) -> Image.Image:
    """Decode one frame at reduced size, for plots and for comparing pictures.

    A JPEG decoder produces 1/2, 1/4 or 1/8 of the size at a fraction of the cost.

    Args:
        path: a JPEG or PNG file.
        mode: "L" for grey, "RGB" for colour.
        side: neither side becomes shorter than this, pixels; a small picture keeps its size.

    Returns:
        The picture, upright by its EXIF orientation.

    Raises:
        HandGesturesError: the file is missing or cannot be decoded.
    """
    with _opened(path) as image:
        image.draft(mode, (side, side))
        ImageOps.exif_transpose(image, in_place=True)
        return image.convert(mode)


def picture_size(path: Path) -> tuple[int, int]:
    """Width and height from the header, pixels.

    Raises:
        HandGesturesError: the file is missing or has no readable header.
    """
    with _opened(path) as image:
        return image.size


def frame_bytes(path: Path) -> int:
    """Size of a frame's file in bytes.

    Raises:
        HandGesturesError: the file is missing.
    """
    with _readable(path):
        return path.stat().st_size


def _fault(file: int, size: int, head: bytes, tail: bytes) -> str | None:
    if size == 0:
        return "empty file"
    if head.startswith(JPEG_START):
        if JPEG_END not in tail:
            return "truncated jpeg"
        return None if _jpeg_declares_size(file, head) else "unreadable jpeg header"
    if head.startswith(PNG_START):
        if PNG_END not in tail:
            return "truncated png"
        return None if head[12:16] == b"IHDR" and any(head[16:20]) and any(head[20:24]) else "unreadable png header"
    return "not a jpeg or png image"


def _jpeg_declares_size(file: int, head: bytes) -> bool:
    """Go from segment to segment up to the one that holds height and width. Why not by a library: docs/adr/0017."""
    position = 2
    for _ in range(_MAX_SEGMENTS):
        segment = head[position : position + 9] if position + 9 <= len(head) else os.pread(file, 9, position)
        if len(segment) < 9 or segment[0] != 0xFF or segment[1] in _PIXEL_MARKERS:
            return False
        if segment[1] in _START_OF_FRAME:
            return any(segment[5:7]) and any(segment[7:9])
        # a marker may have several 0xFF before it; otherwise it has two bytes and a length follows
        position += 1 if segment[1] == 0xFF else 2 + int.from_bytes(segment[2:4], "big")
    return False


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


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise HandGesturesError(
            f"every catalogued frame must be readable, but {path} is not ({error.strerror}); "
            "restore the file, or run data_processing again to catalog the files that exist"
        ) from error
