"""Find hands with YOLOv8. The boxes are stored beside the embeddings and are never part of them."""

import os
import pickle
import tempfile
import zipfile
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from hand_gestures.backbones.model_files import (
    ModelFiles,
    ModelUnavailableError,
    explain_load_errors,
    require_sha256,
    sha256_of,
)

if TYPE_CHECKING:
    from ultralytics import YOLO

# Classes that a detector trained in early 2023 contains: module at that time → module today, and the class names. They
# hold numbers, names and networks. ultralytics' own list of safe classes has the other classes of that time.
MOVED_CLASSES = {
    "ultralytics.yolo.utils.loss": ("ultralytics.utils.loss", ["v8DetectionLoss", "BboxLoss"]),
    "ultralytics.yolo.utils.tal": ("ultralytics.utils.tal", ["TaskAlignedAssigner"]),
}


class Hands(NamedTuple):
    """The hands of one frame, the highest score first.

    Attributes:
        boxes: float32 (k, 4), x0, y0, x1, y1 in fractions of the frame.
        scores: float32 (k,).
    """

    boxes: np.ndarray
    scores: np.ndarray


class HandDetector:
    """A YOLOv8 detector; a box of any class counts as a hand.

    Args:
        files: the weights, a `.pt` file of ultralytics, see `load_detector`.
        image_size: side of the square input, pixels, a multiple of 32.
        confidence: lowest score of a box, 0 to 1.
        max_hands: highest number of boxes per frame.
        device: "cpu", "cuda", "cuda:1", ...

    Raises:
        ModelUnavailableError: the weights cannot be loaded.

    Example:
        >>> detector = HandDetector(files, image_size=640, confidence=0.25, max_hands=2, device="cpu")
        >>> [hands] = detector(frame[None])
    """

    def __init__(self, files: ModelFiles, image_size: int, confidence: float, max_hands: int, device: str) -> None:
        self.model = load_detector(files)
        self.options = {
            "imgsz": image_size,
            "conf": confidence,
            "max_det": max_hands,
            "agnostic_nms": True,  # two classes on one hand are one box
            "device": device,
            "verbose": False,
        }

    def __call__(self, frames: np.ndarray) -> list[Hands]:
        """Find the hands in frames.

        Args:
            frames: RGB uint8 (n, H, W, 3).

        Returns:
            The hands of each frame.
        """
        bgr = [np.ascontiguousarray(frame[..., ::-1]) for frame in frames]  # ultralytics expects OpenCV's order
        found = (result.boxes for result in self.model.predict(bgr, **self.options))
        return [Hands(boxes.xyxyn.cpu().numpy(), boxes.conf.cpu().numpy()) for boxes in found]


def load_detector(files: ModelFiles) -> "YOLO":
    """Load the weights. Code in them runs only in the file whose sha256 is `files.trusted_sha256`.

    Args:
        files: a `.pt` file of ultralytics.

    Returns:
        The detector of ultralytics.

    Raises:
        ModelUnavailableError: the weights cannot be loaded, or not without running code from them.
    """
    if files.weights_path.suffix != ".pt":
        raise ModelUnavailableError(
            "the hand detector must be a .pt file of ultralytics, because other formats (such as .onnx or .engine) run "
            f"in other libraries and without the checks of its content, but it is {files.weights_path}; give the .pt "
            "file that it was exported from, or set hands.enabled to false"
        )
    run_pickled_code = files.trusted_sha256 is not None
    if files.trusted_sha256 is not None:  # check again just before loading: the file may have changed
        require_sha256("hand detector", files.weights_path, sha256_of(files.weights_path), files.trusted_sha256)
    restrict_ultralytics(run_pickled_code)
    from ultralytics import YOLO
    from ultralytics.utils import SAFE_LOAD

    if run_pickled_code == SAFE_LOAD:
        raise ModelUnavailableError(_wrong_mode_message(run_pickled_code))
    if not run_pickled_code:
        _allow_classes_of_2023()
    try:
        remedy = "give a YOLOv8 file of ultralytics, or set hands.enabled to false"
        with explain_load_errors("hand detector", files, remedy):
            return YOLO(files.weights_path, task="detect")
    except ModelUnavailableError as error:
        if run_pickled_code or not _contains_code(files.weights_path, error):
            raise
        raise ModelUnavailableError(_how_to_trust_message(files)) from error


def restrict_ultralytics(run_pickled_code: bool = False) -> None:
    """Forbid ultralytics network access, package installs and code from pickles; call it before its first import.

    Args:
        run_pickled_code: allow code from pickles.
    """
    # ultralytics reads these once, when it is imported
    os.environ["ULTRALYTICS_SAFE_LOAD"] = "0" if run_pickled_code else "1"
    os.environ["YOLO_OFFLINE"] = "true"
    os.environ["YOLO_AUTOINSTALL"] = "false"
    os.environ.setdefault("YOLO_CONFIG_DIR", tempfile.gettempdir())
    from PIL import Image

    opener = Image.open
    import ultralytics.utils.patches  # noqa: F401

    # ultralytics replaces Image.open by a function that needs another package for damaged images
    Image.open = opener


def _allow_classes_of_2023() -> None:
    """Let torch's restricted unpickler create the moved classes, under their old names, and numbers of numpy."""
    from torch.serialization import add_safe_globals

    add_safe_globals([type(np.dtype(code)) for code in np.typecodes["AllInteger"] + np.typecodes["Float"]])
    for old, (module, names) in MOVED_CLASSES.items():
        add_safe_globals([(getattr(import_module(module), name), f"{old}.{name}") for name in names])


def _contains_code(file: Path, error: ModelUnavailableError) -> bool:
    """Whether a complete file was refused because it contains code; it may load where code may run."""
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, pickle.UnpicklingError):
        cause = cause.__cause__
    return cause is not None and zipfile.is_zipfile(file)


def _how_to_trust_message(files: ModelFiles) -> str:
    from torch.serialization import get_unsafe_globals_in_checkpoint

    unknown = sorted(get_unsafe_globals_in_checkpoint(files.weights_path))  # without the allowed classes
    reason = f" (it names {', '.join(unknown[:5])})" if unknown else ""
    return (
        f"the hand detector {files.name} (revision {files.commit or 'local'}) cannot be loaded from "
        f"{files.weights_path} without running code from it{reason}; give another file, set hands.enabled to false, "
        f"or, if you trust this file, set hands.run_pickled_code to true and hands.sha256 to {files.sha256}"
    )


def _wrong_mode_message(run_pickled_code: bool) -> str:
    wanted = "may run code from them" if run_pickled_code else "are loaded without running code from them"
    value = "0" if run_pickled_code else "1"
    return (
        f"detection weights {wanted}, but ultralytics was imported before ULTRALYTICS_SAFE_LOAD={value} was set; "
        "set it in the environment"
    )
