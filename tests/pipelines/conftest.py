"""The command line in a copied project, and frames for it to read."""

import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from tiny_project import copy_project


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return copy_project(tmp_path)


@pytest.fixture
def kedro(project: Path) -> Callable[..., subprocess.CompletedProcess]:
    """Runs the command line in the copied project, as a user would."""

    def run(*arguments: str) -> subprocess.CompletedProcess:
        command = [str(Path(sys.executable).with_name("kedro")), *arguments]
        return subprocess.run(command, cwd=project, capture_output=True, text=True, check=False)

    return run


@pytest.fixture
def write_frames(project: Path) -> Callable[..., Path]:
    """Writes real pictures: `write_frames(wave=3)` makes three videos of class "wave", four frames each.

    Pictures differ between classes: a video with the same frames in two classes is an error.
    """

    def write(**videos: int) -> Path:
        folder = project / "frames"
        for class_name, count in videos.items():
            for video in range(count):
                for number in range(4):
                    path = folder / class_name / f"v{video}_frame_{number}.jpg"
                    path.parent.mkdir(parents=True, exist_ok=True)
                    blue, green = zlib.crc32(class_name.encode()).to_bytes(4)[:2]
                    picture = np.full((48, 64, 3), (blue, green, 40 * number), np.uint8)
                    cv2.imwrite(str(path), picture)
        return folder

    return write
