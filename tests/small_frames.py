"""Fixtures that write small real pictures."""

import zlib
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

HEIGHT, WIDTH = 24, 32


@pytest.fixture
def frames_dir(tmp_path: Path) -> Path:
    folder = tmp_path / "frames"
    folder.mkdir()
    return folder


@pytest.fixture
def encode() -> Callable[..., bytes]:
    """Encodes a picture of coloured noise; the same text gives the same picture."""

    def encode_noise(suffix: str, text: str = "", height: int = HEIGHT, width: int = WIDTH) -> bytes:
        noise = np.random.default_rng(zlib.crc32(text.encode())).integers(0, 256, (height, width, 3), dtype=np.uint8)
        return cv2.imencode(suffix.lower(), noise)[1].tobytes()

    return encode_noise


@pytest.fixture
def write_frame(frames_dir: Path, encode: Callable[..., bytes]) -> Callable[..., Path]:
    """Writes a picture below the frames folder; each path gets different noise."""

    def write(path: str, height: int = HEIGHT, width: int = WIDTH) -> Path:
        target = frames_dir / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(encode(target.suffix, path, height, width))
        return target

    return write


@pytest.fixture
def two_classes(frames_dir: Path, write_frame: Callable[..., Path]) -> Path:
    """A frames folder with three readable frames in each of the classes fist and wave."""
    for class_name in ("fist", "wave"):
        for number in range(3):
            write_frame(f"{class_name}/v_frame_{number}.jpg")
    return frames_dir
