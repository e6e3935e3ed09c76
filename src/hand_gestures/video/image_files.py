"""Is this file a whole picture? And: read it."""

from pathlib import Path

import cv2
import numpy as np

from hand_gestures.errors import HandGesturesError

JPEG_START, JPEG_END = b"\xff\xd8\xff", b"\xff\xd9"
PNG_START, PNG_END = b"\x89PNG\r\n\x1a\n", b"IEND\xaeB`\x82"
TAIL = 4096  # some cameras append a few bytes after the end mark


def image_fault(path: Path) -> str | None:
    """What is wrong with an image file by its first and last bytes, or None; the pixels are not decoded."""
    with path.open("rb") as file:
        head = file.read(8)
        size = file.seek(0, 2)
        file.seek(max(0, size - TAIL))
        tail = file.read()
    if size == 0:
        return "empty file"
    if head.startswith(JPEG_START):
        return None if JPEG_END in tail else "truncated jpeg"
    if head == PNG_START:
        return None if PNG_END in tail else "truncated png"
    return "not a jpeg or png image"


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
