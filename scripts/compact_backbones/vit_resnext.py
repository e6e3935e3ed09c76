"""Copies of the two backbones in a quarter of their width, trained on drawn hands, saved as their libraries save them.

They know drawn hands only: good to run the whole program on two cores, useless to measure anything real.
"""

import json
import logging
from pathlib import Path

import timm
import torch
from hand_frames import HandFrames
from safetensors.torch import save_file
from torch import nn
from transformers import ViTConfig, ViTImageProcessor, ViTModel

from hand_gestures.backbones.networks import MeanTokens
from hand_gestures.backbones.preprocessing import Preprocessing
from hand_gestures.embedding.channels import cut_regions
from hand_gestures.utils.progress import progress

logger = logging.getLogger(__name__)

WIDTH = 192  # a quarter of the 768 of ViT-B
BATCH = 64
VIT_SIZE, RESNEXT_SIZE = 96, 80
IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
VIT_PREPROCESSING = Preprocessing(VIT_SIZE, "bilinear", (0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
RESNEXT_PREPROCESSING = Preprocessing(RESNEXT_SIZE, "bilinear", *IMAGENET)
RESNEXT_ARGS = {
    "layers": [2, 2, 2, 2],
    "channels": [16, 32, 64, 128],
    "cardinality": 8,
    "base_width": 8,
    "stem_type": "deep",
    "stem_width": 8,
}
REGIONS = ((0, 0.5), (0.5, 0.5), (0, 1))  # left edge and width of each region, fractions of the frame


def train_compact_vit(
    frames: HandFrames, held_out: HandFrames, folder: Path, epochs: int, seed: int
) -> dict[str, float]:
    """Train the small ViT and save it in the format of transformers.

    Args:
        frames: for the training.
        held_out: frames of other performers.
        folder: where the model is written.
        epochs: passes over `frames`.
        seed: of weights and order.

    Returns:
        The errors on `held_out`, see `_errors`.
    """
    torch.manual_seed(seed)
    config = ViTConfig(
        hidden_size=WIDTH,
        num_hidden_layers=4,
        num_attention_heads=3,
        intermediate_size=4 * WIDTH,
        image_size=VIT_SIZE,
        patch_size=16,
    )
    vit = ViTModel(config, add_pooling_layer=False)
    errors = _train(MeanTokens(vit), WIDTH, VIT_PREPROCESSING, frames, held_out, epochs, 1e-3, "compact ViT")
    vit.half().save_pretrained(folder)
    ViTImageProcessor(
        size={"height": VIT_SIZE, "width": VIT_SIZE},
        image_mean=list(VIT_PREPROCESSING.mean),
        image_std=list(VIT_PREPROCESSING.std),
    ).save_pretrained(folder)
    return errors


def train_compact_resnext(
    frames: HandFrames, held_out: HandFrames, folder: Path, epochs: int, seed: int
) -> dict[str, float]:
    """Train the small ResNeXt and save it in the format of timm; arguments and result as `train_compact_vit`."""
    torch.manual_seed(seed)
    resnext = timm.create_model("resnext50_32x4d", pretrained=False, num_classes=0, **RESNEXT_ARGS)
    width, name = resnext.num_features, "compact ResNeXt"
    errors = _train(resnext, width, RESNEXT_PREPROCESSING, frames, held_out, epochs, 3e-3, name)
    folder.mkdir(parents=True, exist_ok=True)
    weights = {key: value.half() if value.is_floating_point() else value for key, value in resnext.state_dict().items()}
    save_file(weights, folder / "model.safetensors")
    config = {
        "architecture": "resnext50_32x4d",
        "num_classes": 0,
        "num_features": width,
        "model_args": RESNEXT_ARGS,
        "pretrained_cfg": {
            "input_size": [3, RESNEXT_SIZE, RESNEXT_SIZE],
            "interpolation": RESNEXT_PREPROCESSING.interpolation,
            "mean": list(RESNEXT_PREPROCESSING.mean),
            "std": list(RESNEXT_PREPROCESSING.std),
            "num_classes": 0,
            "pool_size": [3, 3],
            "first_conv": "conv1.0",
            "classifier": "fc",
            "license": "apache-2.0",
        },
    }
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    return errors


def _train(
    backbone: nn.Module,
    width: int,
    preprocessing: Preprocessing,
    frames: HandFrames,
    held_out: HandFrames,
    epochs: int,
    learning_rate: float,
    name: str,
) -> dict[str, float]:
    """Predict the hand with one linear layer from the pooled vector (N, width), which must then describe the hand."""
    model = nn.Sequential(backbone, nn.LayerNorm(width), nn.Linear(width, 5))
    images, hands = torch.from_numpy(frames.images), torch.from_numpy(frames.hands)
    steps = len(images) // BATCH
    optimiser = torch.optim.AdamW(model.parameters(), lr=learning_rate, weight_decay=0.02)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, learning_rate, total_steps=steps * epochs, pct_start=0.15)
    for epoch in range(epochs):
        model.train()
        order = torch.randperm(len(images))
        for step in progress(range(steps), steps, f"{name}, epoch {epoch + 1} of {epochs}"):
            rows = order[step * BATCH : (step + 1) * BATCH]
            pixels, targets, present = _regions(images[rows], hands[rows], preprocessing)
            loss = _loss(model(pixels), targets, present)
            optimiser.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimiser.step()
            schedule.step()
        errors = _errors(model, preprocessing, held_out)
        logger.info("%s, epoch %d of %d, unseen performers: %s", name, epoch + 1, epochs, errors)
    backbone.eval()
    return errors


def _regions(images: torch.Tensor, hands: torch.Tensor, preprocessing: Preprocessing) -> tuple[torch.Tensor, ...]:
    """All three regions of frames (N, S, S, 3): pixels (3N, 3, s, s), targets (3N, 4) and presence of a hand (3N,)."""
    pixels, targets, present = [], [], []
    _, y, size, openness = hands.unbind(1)
    for region, (start, extent) in zip(cut_regions(images.permute(0, 3, 1, 2)), REGIONS, strict=True):
        x = (hands[:, 0] - start) / extent
        pixels.append(preprocessing(region))
        # scaled so that all four values vary by about 1 around 0
        columns = [4 * (x - 0.5), 4 * (y - 0.5), torch.log(size / 0.18) * 2.5, 2 * openness - 1]
        targets.append(torch.stack(columns, dim=1))
        present.append((x > -0.05) & (x < 1.05))
    return torch.cat(pixels), torch.cat(targets), torch.cat(present)


def _loss(outputs: torch.Tensor, targets: torch.Tensor, present: torch.Tensor) -> torch.Tensor:
    presence = nn.functional.binary_cross_entropy_with_logits(outputs[:, 4], present.float())
    return presence + nn.functional.smooth_l1_loss(outputs[present, :4], targets[present], beta=0.2)


@torch.inference_mode()
def _errors(model: nn.Module, preprocessing: Preprocessing, frames: HandFrames) -> dict[str, float]:
    """Mean absolute errors: position in fractions of a region, size as a ratio, openness from 0 to 1."""
    model.eval()
    batches = []
    for start in range(0, len(frames), BATCH):
        images, hands = (torch.from_numpy(part[start : start + BATCH]) for part in (frames.images, frames.hands))
        pixels, targets, present = _regions(images, hands, preprocessing)
        batches.append((model(pixels), targets, present))
    output, target, present = (torch.cat(column) for column in zip(*batches, strict=True))
    error = (output[present, :4] - target[present]).abs().mean(0)
    return {
        "position": round(float(error[:2].mean() / 4), 4),
        "size_ratio": round(float(torch.exp(error[2] / 2.5)), 4),
        "openness": round(float(error[3] / 2), 4),
        "presence_accuracy": round(float(((output[:, 4] > 0) == present).float().mean()), 4),
    }
