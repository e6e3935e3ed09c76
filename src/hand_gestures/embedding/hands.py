"""Where the hands are, by YOLOv8. Its boxes are stored beside the embeddings and never enter them."""

import os
import tempfile
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from hand_gestures.embedding.model_files import ModelFiles, ModelUnavailableError, loading

if TYPE_CHECKING:
    from ultralytics import YOLO


class Hands(NamedTuple):
    """Hands of one frame: `boxes` float32 (k, 4) as x0, y0, x1, y1 in fractions of the frame, and `scores` (k,),
    the surest first."""

    boxes: np.ndarray
    scores: np.ndarray


class HandDetector:
    """A YOLOv8 whose classes all count as "hand".

    Args:
        files: the weights, a `.pt` of ultralytics; loaded without running code from it.
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


def restrain_ultralytics() -> None:
    """No code from pickles, no look-ups, no installs: ultralytics reads this once, at its first import."""
    os.environ["ULTRALYTICS_SAFE_LOAD"] = "1"
    os.environ["YOLO_OFFLINE"] = "true"
    os.environ["YOLO_AUTOINSTALL"] = "false"
    os.environ.setdefault("YOLO_CONFIG_DIR", tempfile.gettempdir())


def load_detector(files: ModelFiles) -> "YOLO":
    """Load the weights without running code from them; `ModelUnavailableError` where that cannot be done."""
    restrain_ultralytics()
    from ultralytics import YOLO
    from ultralytics.utils import SAFE_LOAD

    if not SAFE_LOAD:
        raise ModelUnavailableError(
            "detection weights are loaded without running code from them, but ultralytics was imported before "
            "ULTRALYTICS_SAFE_LOAD=1 was set; set it in the environment"
        )
    with loading("hand detector", files, "give a YOLOv8 file of ultralytics, or set hands.enabled to false"):
        return YOLO(files.weights_path, task="detect")
