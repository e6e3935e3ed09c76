"""Check whether a file is a complete picture, and read it."""

import io
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
import simplejpeg
from PIL import Image, ImageOps

from hand_gestures.utils.errors import HandGesturesError
from hand_gestures.video.limits import MAX_IMAGE_BYTES, size_fault

logger = logging.getLogger(__name__)

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
        path: a JPEG or PNG file that `check_image` accepts.

    Returns:
        The reason why the pixels cannot be used, or None.
    """
    try:
        encoded = Path(path).read_bytes()
        if _jpeg_pixels(encoded) is None:
            with Image.open(io.BytesIO(encoded)) as image:
                image.load()
    except Exception as error:  # decoders raise many kinds; whatever it is, this file cannot be used
        return f"pixels cannot be decoded: {error}"
    return None


def read_frame(path: Path) -> np.ndarray:
    """Decode one frame.

    A damaged JPEG that still decodes is logged with a warning: its decoder fills the damaged area, and
    `frame_catalog.full_decode` rejects such files.

    Args:
        path: a JPEG or PNG file.

    Returns:
        RGB uint8 (H, W, 3).

    Raises:
        HandGesturesError: the file is missing or cannot be decoded.
    """
    with _readable(path):
        encoded = path.read_bytes()
    damage = None
    try:
        image = _jpeg_pixels(encoded)
    except Exception as error:  # decoders raise many kinds
        image, damage = None, error
    if image is None or _has_exif(encoded):  # OpenCV obeys the EXIF orientation; without one, its pixels are the same
        image = _opencv_pixels(encoded)
    if image is None:
        raise HandGesturesError(
            f"every catalogued frame must be a picture, but {path} cannot be decoded; "
            "replace or remove the file, then run data_processing again"
        )
    if damage is not None:
        logger.warning(
            "%s is damaged (%s), the decoder fills gaps with grey; frame_catalog.full_decode=true rejects such frames",
            path,
            damage,
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
        if image.mode.startswith("I;16"):  # Pillow would clip 16-bit values to white
            image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))  # the high byte, as OpenCV takes it
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
    if size > MAX_IMAGE_BYTES:
        return f"file of {size} bytes, allowed: at most {MAX_IMAGE_BYTES}"
    if head.startswith(JPEG_START):
        kind, end, declared = "jpeg", JPEG_END, _jpeg_size
    elif head.startswith(PNG_START):
        kind, end, declared = "png", PNG_END, _png_size
    else:
        return "not a jpeg or png image"
    if end not in tail:
        return f"truncated {kind}"
    width, height = declared(file, head)
    return size_fault(width, height) if width and height else f"unreadable {kind} header"


def _png_size(file: int, head: bytes) -> tuple[int, int]:
    """Width and height in pixels, or zeros."""
    if head[12:16] != b"IHDR":
        return 0, 0
    return int.from_bytes(head[16:20], "big"), int.from_bytes(head[20:24], "big")


def _jpeg_size(file: int, head: bytes) -> tuple[int, int]:
    """Width and height in pixels, or zeros. Goes from segment to segment; why not with a library: docs/adr/0017."""
    position = 2
    for _ in range(_MAX_SEGMENTS):
        segment = head[position : position + 9] if position + 9 <= len(head) else os.pread(file, 9, position)
        if len(segment) < 9 or segment[0] != 0xFF or segment[1] in _PIXEL_MARKERS:
            break
        if segment[1] in _START_OF_FRAME:
            return int.from_bytes(segment[7:9], "big"), int.from_bytes(segment[5:7], "big")
        # a marker may have several 0xFF before it; otherwise it has two bytes and a length follows
        position += 1 if segment[1] == 0xFF else 2 + int.from_bytes(segment[2:4], "big")
    return 0, 0


def _jpeg_pixels(encoded: bytes) -> np.ndarray | None:
    """RGB uint8 (H, W, 3) without the EXIF orientation; None if this is no JPEG or one of a rare subsampling.

    Raises whatever the decoder warns of. The pixels are those of OpenCV, bit for bit.
    """
    if not encoded.startswith(JPEG_START):
        return None
    try:
        return simplejpeg.decode_jpeg(encoded, strict=True)
    except KeyError:  # a subsampling that simplejpeg cannot name
        return None
    except ValueError as error:
        if "subsampling" in str(error):  # one that libjpeg-turbo cannot name
            return None
        raise


def _has_exif(encoded: bytes) -> bool:
    return encoded.find(b"Exif\0", 0, 1 << 17) >= 0


def _opencv_pixels(encoded: bytes) -> np.ndarray | None:
    try:
        return cv2.imdecode(np.frombuffer(encoded, np.uint8), cv2.IMREAD_COLOR_RGB) if encoded else None
    except cv2.error:  # more pixels than OpenCV allows
        return None


@contextmanager
def _opened(path: Path) -> Iterator[Image.Image]:
    try:
        with Image.open(path) as image:
            yield image
    except Exception as error:  # Pillow raises many kinds
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
