"""A YOLOv8 in half the width of YOLOv8n, trained on drawn hands, saved as ultralytics saves its weights."""

import logging
from pathlib import Path

import numpy as np
import torch
from hand_frames import HandFrames
from torchvision.ops import box_iou

from hand_gestures.backbones.hand_detector import HandDetector, restrict_ultralytics
from hand_gestures.backbones.model_files import ModelFiles
from hand_gestures.utils.progress import progress

logger = logging.getLogger(__name__)

SCALE = [0.33, 0.125, 512]  # depth, width, most channels; the width of YOLOv8n is 0.25
BATCH = 32
LEARNING_RATE = 4e-3


def train_compact_yolo(
    frames: HandFrames, held_out: HandFrames, file: Path, epochs: int, seed: int
) -> dict[str, float]:
    """Train the detector and save it as a `.pt` file.

    Args:
        frames: for the training.
        held_out: frames of other performers.
        file: where the weights are written.
        epochs: passes over `frames`.
        seed: of weights and order.

    Returns:
        `frames_found`: share of the held-out frames in which the detector finds the hand.
    """
    restrict_ultralytics()
    from ultralytics.cfg import get_cfg
    from ultralytics.nn.tasks import DetectionModel, yaml_model_load

    torch.manual_seed(seed)
    architecture = yaml_model_load("yolov8n.yaml")
    architecture.update(nc=1, scale="compact", scales={"compact": SCALE})
    model = DetectionModel(architecture, nc=1, verbose=False)
    model.names = {0: "hand"}
    model.args = get_cfg()
    _fit(model, frames, epochs, seed)
    file.parent.mkdir(parents=True, exist_ok=True)
    model.criterion = None  # belongs to the training; ultralytics saves none either
    model.args = {"imgsz": frames.images.shape[1], "task": "detect"}
    torch.save({"model": model.half().eval(), "ema": None, "train_args": dict(model.args)}, file)
    found = {"frames_found": _share_found(file, held_out)}
    logger.info("compact YOLO, unseen performers: %s", found)
    return found


def _fit(model: torch.nn.Module, frames: HandFrames, epochs: int, seed: int) -> None:
    steps = len(frames) // BATCH
    optimiser = torch.optim.AdamW(model.parameters(), lr=LEARNING_RATE, weight_decay=5e-4)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, LEARNING_RATE, total_steps=steps * epochs, pct_start=0.15)
    for epoch in range(epochs):
        model.train()
        order = np.random.default_rng([seed, epoch]).permutation(len(frames))
        for step in progress(range(steps), steps, f"compact YOLO, epoch {epoch + 1} of {epochs}"):
            loss, _ = model.loss(_batch(frames, order[step * BATCH : (step + 1) * BATCH]))
            optimiser.zero_grad()
            loss.sum().backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 10.0)
            optimiser.step()
            schedule.step()


def _batch(frames: HandFrames, rows: np.ndarray) -> dict[str, torch.Tensor]:
    boxes = frames.boxes[rows]
    centres_and_sizes = np.concatenate([(boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]], axis=1)
    return {
        "img": torch.from_numpy(frames.images[rows]).permute(0, 3, 1, 2).float() / 255,
        "cls": torch.zeros(len(rows), 1),
        "bboxes": torch.from_numpy(centres_and_sizes),
        "batch_idx": torch.arange(len(rows)).float(),
    }


def _share_found(file: Path, frames: HandFrames) -> float:
    """Share of frames whose most confident box overlaps the hand (IoU over 0.5), by the detector of the program."""
    files = ModelFiles(file.stem, None, None, str(file.parent), file.name, "")
    detector = HandDetector(files, frames.images.shape[1], confidence=0.25, max_hands=1, device="cpu")
    found = []
    for start in range(0, len(frames), BATCH):
        detected = detector(frames.images[start : start + BATCH])
        for hands, box in zip(detected, frames.boxes[start : start + BATCH], strict=True):
            overlaps = box_iou(torch.as_tensor(hands.boxes).float(), torch.from_numpy(box)[None])
            found.append(bool((overlaps > 0.5).any()))
    return round(float(np.mean(found)), 4)
