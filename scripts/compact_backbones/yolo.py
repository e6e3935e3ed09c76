"""A YOLOv8 of an eighth of the widths, taught on drawn hands, saved as ultralytics saves its weights."""

import logging
from pathlib import Path

import numpy as np
import torch
from hand_gestures.synthetic.training_frames import HandFrames

from hand_gestures.backbones.hand_detector import HandDetector, restrict_ultralytics
from hand_gestures.backbones.model_files import ModelFiles
from hand_gestures.utils.progress import progress

logger = logging.getLogger(__name__)

SCALE = [0.33, 0.125, 512]  # depth, width, most channels: YOLOv8n has a width of 0.25


def train_compact_yolo(frames: HandFrames, held_out: HandFrames, file: Path, epochs: int, seed: int) -> dict:
    """Train the detector on square frames and save it as a `.pt`; returns its figures on `held_out`."""
    restrict_ultralytics()
    from ultralytics.cfg import get_cfg
    from ultralytics.nn.tasks import DetectionModel, yaml_model_load

    torch.manual_seed(seed)
    architecture = yaml_model_load("yolov8n.yaml")
    architecture.update(nc=1, scale="compact", scales={"compact": SCALE})
    model = DetectionModel(architecture, nc=1, verbose=False)
    model.names = {0: "hand"}
    model.args = get_cfg()
    batch = 32
    steps = len(frames) // batch
    rate = 4e-3
    optimiser = torch.optim.AdamW(model.parameters(), lr=rate, weight_decay=5e-4)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, rate, total_steps=steps * epochs, pct_start=0.15)
    for epoch in range(epochs):
        model.train()
        order = np.random.default_rng([seed, epoch]).permutation(len(frames))
        for step in progress(range(steps), steps, f"compact YOLO, epoch {epoch + 1} of {epochs}"):
            loss, _ = model.loss(_batch(frames, order[step * batch : (step + 1) * batch]))
            optimiser.zero_grad()
            loss.sum().backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 10.0)
            optimiser.step()
            schedule.step()
    file.parent.mkdir(parents=True, exist_ok=True)
    model.criterion = None
    model.args = {"imgsz": frames.images.shape[1], "task": "detect"}
    torch.save({"model": model.half().eval(), "ema": None, "train_args": dict(model.args)}, file)
    figures = _figures(file, held_out)
    logger.info("compact YOLO, unseen performers: %s", figures)
    return figures


def _batch(frames: HandFrames, rows: np.ndarray) -> dict[str, torch.Tensor]:
    boxes = frames.boxes[rows]
    centres_and_sizes = np.concatenate([(boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]], axis=1)
    return {
        "img": torch.from_numpy(frames.images[rows]).permute(0, 3, 1, 2).float() / 255,
        "cls": torch.zeros(len(rows), 1),
        "bboxes": torch.from_numpy(centres_and_sizes),
        "batch_idx": torch.arange(len(rows)).float(),
    }


def _figures(file: Path, frames: HandFrames) -> dict:
    """Share of frames whose surest box meets the hand (IoU over 0.5), by the project's own detector."""
    size = frames.images.shape[1]
    files = ModelFiles(file.stem, None, None, str(file.parent), file.name, "")
    detector = HandDetector(files, size, confidence=0.25, max_hands=1, device="cpu")
    met = []
    for start in range(0, len(frames), 32):
        found = detector(frames.images[start : start + 32])
        for hands, box in zip(found, frames.boxes[start : start + 32], strict=True):
            met.append(len(hands.boxes) > 0 and overlap(hands.boxes[0], box) > 0.5)
    return {"frames_found": round(float(np.mean(met)), 4)}


def overlap(one: np.ndarray, other: np.ndarray) -> float:
    """Intersection over union of two boxes."""
    low, high = np.maximum(one[:2], other[:2]), np.minimum(one[2:], other[2:])
    shared = float(np.prod(np.clip(high - low, 0, None)))
    return shared / (float(np.prod(one[2:] - one[:2])) + float(np.prod(other[2:] - other[:2])) - shared)
