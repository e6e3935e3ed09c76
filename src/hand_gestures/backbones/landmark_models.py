"""The hand landmark models of MediaPipe: downloaded once inside a wheel, pinned by sha256, never installed.

Run `python -m hand_gestures.backbones.landmark_models fetch FOLDER`. This module needs the standard library only, so
that an image can be built with it before any package is installed.
"""

import argparse
import hashlib
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Literal

from hand_gestures.backbones.model_files import ModelFiles, ModelUnavailableError, require_sha256, sha256_of
from hand_gestures.utils.errors import show_user_errors_in_one_sentence

Complexity = Literal["lite", "full"]
Part = Literal["palm_detection", "hand_landmark"]

# Later wheels contain no models. The platform is that of the wheel, not of this machine: only its files are read.
WHEEL = "mediapipe-0.10.21-cp311-cp311-manylinux_2_28_x86_64.whl"
WHEEL_SHA256 = "05dc4a9e593655a79558d05d6227d31018c2537a4bd3362b51e230cf22aecfe3"
PIP_DOWNLOAD = (
    *("download", "mediapipe==0.10.21", "--no-deps", "--only-binary=:all:"),
    *("--python-version", "3.11", "--platform", "manylinux_2_28_x86_64"),
)
WHEEL_LICENCE = "mediapipe-0.10.21.dist-info/LICENSE"
MODULES = "mediapipe/modules"
SHA256 = {
    "palm_detection_lite.tflite": "e9a4aaddf90dda56a87235303cf00e4c2d3fb28725f68fd88772997dac905c18",
    "palm_detection_full.tflite": "1b14e9422c6ad006cde6581a46c8b90dd573c07ab7f3934b5589e7cea3f89a54",
    "hand_landmark_lite.tflite": "048edd3645c9bf7397d19a9f6e3a42957d6e414c9bea6598030a2e9b624156e6",
    "hand_landmark_full.tflite": "11c272b891e1a99ab034208e23937a8008388cf11ed2a9d776ed3d01d0ba00e3",
}
LICENCE, ATTRIBUTION = "LICENSE", "ATTRIBUTION.md"
ATTRIBUTION_TEXT = f"""# Hand landmark models of MediaPipe

Copyright The MediaPipe Authors. Licensed under the Apache License 2.0, see {LICENCE}.

These files are unchanged copies from `{MODULES}` in {WHEEL}
(sha256 {WHEEL_SHA256}) on the Python package index. Source: github.com/google-ai-edge/mediapipe.

"""


def find_landmark_model(folder: Path, part: Part, complexity: Complexity) -> ModelFiles:
    """Find one of the four models and check that it is the pinned one.

    Args:
        folder: the folder that `fetch_landmark_models` filled.
        part: "palm_detection" or "hand_landmark".
        complexity: "lite", or "full", which is slower and finds more hands.

    Returns:
        The file.

    Raises:
        ModelUnavailableError: it is missing or is another file.
    """
    name = f"{part}_{complexity}.tflite"
    file = folder / name
    if not file.is_file():
        raise ModelUnavailableError(
            f"hand landmarks need the file {name}, but {folder} does not contain it; download it once with "
            f"`python -m hand_gestures.backbones.landmark_models fetch {folder}`"
        )
    sha256 = sha256_of(file)
    require_sha256(f"model {part} of MediaPipe", file, sha256, SHA256[name])
    return ModelFiles(name, None, None, str(folder), name, sha256)


def fetch_landmark_models(folder: Path, wheel: Path | None = None) -> bool:
    """Download the wheel of MediaPipe and unpack its four hand models, with licence and attribution.

    Args:
        folder: is created; a folder that is complete already is not touched.
        wheel: the wheel, where it was downloaded by other means; None downloads it with pip.

    Returns:
        Whether files were written.

    Raises:
        ModelUnavailableError: the wheel could not be downloaded, or a file has another sha256.
    """
    if (folder / LICENCE).is_file() and all(_has_sha256(folder / name, pinned) for name, pinned in SHA256.items()):
        return False
    with tempfile.TemporaryDirectory() as scratch:
        if wheel is None:
            wheel = _download(Path(scratch))
        require_sha256("wheel of MediaPipe", wheel, sha256_of(wheel), WHEEL_SHA256)
        folder.mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(wheel) as archive:
            for name, pinned in SHA256.items():
                content = archive.read(f"{MODULES}/{name.rpartition('_')[0]}/{name}")
                require_sha256("model of MediaPipe", folder / name, hashlib.sha256(content).hexdigest(), pinned)
                (folder / name).write_bytes(content)
            (folder / ATTRIBUTION).write_text(ATTRIBUTION_TEXT + "".join(f"- {name}\n" for name in SHA256))
            (folder / LICENCE).write_bytes(archive.read(WHEEL_LICENCE))  # last: it marks the folder as complete
    return True


def main(arguments: list[str] | None = None) -> None:
    """The command line.

    Args:
        arguments: those behind the name of the module; None takes them from the command line.
    """
    parser = argparse.ArgumentParser(prog="python -m hand_gestures.backbones.landmark_models", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="fetch")
    fetch = commands.add_parser("fetch", help="download the models of MediaPipe into a folder")
    fetch.add_argument("folder", type=Path, help="folder of the models, such as data/06_models/hand_landmarks")
    fetch.add_argument("--wheel", type=Path, help=f"{WHEEL}, if you downloaded it by other means")
    options = parser.parse_args(arguments)
    written = fetch_landmark_models(options.folder, options.wheel)
    state = "are ready" if written else "were complete already"
    sys.stdout.write(f"the hand landmark models of MediaPipe (Apache-2.0) in {options.folder} {state}\n")


def _has_sha256(file: Path, pinned: str) -> bool:
    return file.is_file() and sha256_of(file) == pinned


def _download(folder: Path) -> Path:
    command = [sys.executable, "-m", "pip", *PIP_DOWNLOAD, "--dest", str(folder)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode != 0 or not (folder / WHEEL).is_file():
        lines = [line for line in (result.stderr + result.stdout).splitlines() if line.startswith("ERROR")]
        raise ModelUnavailableError(
            f"the hand landmark models are part of {WHEEL}, but pip could not download it "
            f"({' '.join(lines[-1:]) or 'no such file'}); check the network, or download it elsewhere with "
            f"`pip {' '.join(PIP_DOWNLOAD)}` and give it with --wheel"
        )
    return folder / WHEEL


if __name__ == "__main__":
    show_user_errors_in_one_sentence()
    main()
