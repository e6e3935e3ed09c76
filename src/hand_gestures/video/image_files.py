"""Is this file a whole picture? And: read it."""

import io
import os
from pathlib import Path

import cv2
import numpy as np
import simplejpeg
from PIL import Image

from hand_gestures.errors import HandGesturesError

JPEG_START, JPEG_END = b"\xff\xd8\xff", b"\xff\xd9"
PNG_START, PNG_END = b"\x89PNG\r\n\x1a\n", b"IEND\xaeB`\x82"
TAIL = 4096  # some cameras append a few bytes after the end mark


def check_image(path: str) -> tuple[int, str | None]:
    """Size in bytes, and what is wrong with an image file by its first and last bytes, or None.

    The pixels are not decoded. Plain system calls: a data set has millions of these files.
    """
    try:
        file = os.open(path, os.O_RDONLY)
        try:
            size = os.fstat(file).st_size
            head = os.read(file, 8)
            tail = os.pread(file, TAIL, max(0, size - TAIL))
        finally:
            os.close(file)
    except OSError as error:
        return 0, f"cannot be read: {error.strerror}"
    return size, _fault(size, head, tail)


def _fault(size: int, head: bytes, tail: bytes) -> str | None:
    if size == 0:
        return "empty file"
    if head.startswith(JPEG_START):
        return None if JPEG_END in tail else "truncated jpeg"
    if head == PNG_START:
        return None if PNG_END in tail else "truncated png"
    return "not a jpeg or png image"


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
    try:
        encoded = np.frombuffer(path.read_bytes(), np.uint8)
    except OSError as error:
        raise HandGesturesError(
            f"every catalogued frame must be readable, but {path} is not ({error.strerror}); "
            "restore the file, or run data_processing again to catalog what is there"
        ) from error
    image = cv2.imdecode(encoded, cv2.IMREAD_COLOR_RGB) if encoded.size else None
    if image is None:
        raise HandGesturesError(
            f"every catalogued frame must be a picture, but {path} cannot be decoded; "
            "replace or remove the file, then run data_processing again"
        )
    return image
