"""Where the hands are, by YOLOv8. Its boxes are stored beside the embeddings and never enter them."""

import os
import pickle
import tempfile
import zipfile
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from hand_gestures.backbones.model_files import ModelFiles, ModelUnavailableError, loading, require_sha256, sha256_of

if TYPE_CHECKING:
    from ultralytics import YOLO

# What training left in detectors of early 2023: module of that time → today's, and the classes in it. They hold
# numbers, names and networks. The other names of that time are on ultralytics' own list of known classes.
MOVED = {
    "ultralytics.yolo.utils.loss": ("ultralytics.utils.loss", ["v8DetectionLoss", "BboxLoss"]),
    "ultralytics.yolo.utils.tal": ("ultralytics.utils.tal", ["TaskAlignedAssigner"]),
}


class Hands(NamedTuple):
    """Hands of one frame: `boxes` float32 (k, 4) as x0, y0, x1, y1 in fractions of the frame, and `scores` (k,),
    the surest first."""

    boxes: np.ndarray
    scores: np.ndarray


class HandDetector:
    """A YOLOv8 whose classes all count as "hand".

    Args:
        files: the weights, a `.pt` of ultralytics; loaded as `load_detector` says.
        image_size: side of the square the network sees, a multiple of 32.
        confidence: boxes below it are dropped, 0..1.
        max_hands: how many boxes a frame may have.
        device: "cpu", "cuda", "cuda:1", ...
    """

    def __init__(self, files: ModelFiles, image_size: int, confidence: float, max_hands: int, device: str) -> None:
        self.model = load_detector(files)
        self.options = {
            "imgsz": image_size,
            "conf": confidence,
            "max_det": max_hands,
            "agnostic_nms": True,
            "device": device,
            "verbose": False,
        }

    def __call__(self, frames: np.ndarray) -> list[Hands]:
        """Find the hands in RGB frames, uint8 (n, H, W, 3)."""
        bgr = [np.ascontiguousarray(frame[..., ::-1]) for frame in frames]  # ultralytics expects OpenCV's order
        found = (result.boxes for result in self.model.predict(bgr, **self.options))
        return [Hands(boxes.xyxyn.cpu().numpy(), boxes.conf.cpu().numpy()) for boxes in found]


def restrain_ultralytics(run_pickled_code: bool = False) -> None:
    """No look-ups, no installs, and no code from pickles unless asked for: read once, at ultralytics' first import."""
    os.environ["ULTRALYTICS_SAFE_LOAD"] = "0" if run_pickled_code else "1"
    os.environ["YOLO_OFFLINE"] = "true"
    os.environ["YOLO_AUTOINSTALL"] = "false"
    os.environ.setdefault("YOLO_CONFIG_DIR", tempfile.gettempdir())
    from PIL import Image

    opener = Image.open
    import ultralytics.utils.patches  # noqa: F401

    Image.open = opener  # it puts one in its place that fails on broken pictures, for want of a package


def load_detector(files: ModelFiles) -> "YOLO":
    """Load the weights; code in them runs only where `files.trusted_sha256` is theirs.

    Raises:
        ModelUnavailableError: they cannot be loaded, or not without running code from them.
    """
    run_pickled_code = files.trusted_sha256 is not None
    if files.trusted_sha256 is not None:  # once more, and last before it counts: the file may have changed since
        require_sha256("hand detector", files.weights_path, sha256_of(files.weights_path), files.trusted_sha256)
    restrain_ultralytics(run_pickled_code)
    from ultralytics import YOLO
    from ultralytics.utils import SAFE_LOAD

    if run_pickled_code == SAFE_LOAD:
        raise ModelUnavailableError(_imported_in_other_mode(run_pickled_code))
    if not run_pickled_code:
        _know_old_names()
    try:
        with loading("hand detector", files, "give a YOLOv8 file of ultralytics, or set hands.enabled to false"):
            return YOLO(files.weights_path, task="detect")
    except ModelUnavailableError as error:
        if run_pickled_code or not _refused(files.weights_path, error):
            raise
        raise ModelUnavailableError(_how_to_trust(files)) from error


def _know_old_names() -> None:
    """Let torch's restricted unpickler make these classes, each under its one old name, and numbers of numpy."""
    from torch.serialization import add_safe_globals

    add_safe_globals([type(np.dtype(code)) for code in np.typecodes["AllInteger"] + np.typecodes["Float"]])
    for old, (module, names) in MOVED.items():
        add_safe_globals([(getattr(import_module(module), name), f"{old}.{name}") for name in names])


def _refused(file: Path, error: ModelUnavailableError) -> bool:
    """Whether a whole file was refused for what it would make: it may load where its code may run."""
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, pickle.UnpicklingError):
        cause = cause.__cause__
    return cause is not None and zipfile.is_zipfile(file)


def _how_to_trust(files: ModelFiles) -> str:
    from torch.serialization import get_unsafe_globals_in_checkpoint

    unknown = sorted(get_unsafe_globals_in_checkpoint(files.weights_path))  # known ones are no longer counted
    reason = f" (it names {', '.join(unknown[:5])})" if unknown else ""
    return (
        f"the hand detector {files.name} (revision {files.commit or 'local'}) cannot be loaded from "
        f"{files.weights_path} without running code from it{reason}; give another file, set hands.enabled to false, "
        f"or, where you trust this one, set hands.run_pickled_code to true and hands.sha256 to {files.sha256}"
    )


def _imported_in_other_mode(run_pickled_code: bool) -> str:
    wanted = "may run code from them" if run_pickled_code else "are loaded without running code from them"
    value = "0" if run_pickled_code else "1"
    return (
        f"detection weights {wanted}, but ultralytics was imported before ULTRALYTICS_SAFE_LOAD={value} was set; "
        "set it in the environment"
    )
