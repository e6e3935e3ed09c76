"""The command line in a copied project, and frames for it to read."""

import subprocess
import sys
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
    """Writes real pictures: `write_frames(wave=3)` makes three videos of class "wave", four frames each."""

    def write(**videos: int) -> Path:
        folder = project / "frames"
        for class_name, count in videos.items():
            for video in range(count):
                for number in range(4):
                    path = folder / class_name / f"v{video}_frame_{number}.jpg"
                    path.parent.mkdir(parents=True, exist_ok=True)
                    cv2.imwrite(str(path), np.full((48, 64, 3), 40 * number, np.uint8))
        return folder

    return write
