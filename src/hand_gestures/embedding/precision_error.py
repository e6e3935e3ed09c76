"""Precision error: the difference between embeddings in a lower precision and in float32."""

import logging
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from hand_gestures.augmentation import resize_clip
from hand_gestures.backbones.networks import Backbone
from hand_gestures.embedding.channels import CHANNEL_NAMES
from hand_gestures.embedding.extractor import ClipEmbedder
from hand_gestures.utils.rules import evenly_spaced
from hand_gestures.video.image_files import read_frame

logger = logging.getLogger(__name__)

SAMPLED_FRAMES = 24


def sample_frames(sequences: pd.DataFrame, frames_dir: Path, size: int) -> torch.Tensor:
    """Read the middle frames of evenly spaced sequences.

    Args:
        sequences: table with `frames`, the relative paths of each clip.
        frames_dir: folder to which the paths are relative.
        size: side of the output frames, pixels.

    Returns:
        RGB uint8 (n, size, size, 3), n <= `SAMPLED_FRAMES`.
    """
    sampled = sequences["frames"].iloc[evenly_spaced(len(sequences), SAMPLED_FRAMES)]
    paths = [frames[len(frames) // 2] for frames in sampled]
    return torch.from_numpy(np.concatenate([resize_clip(read_frame(frames_dir / path)[None], size) for path in paths]))


def measure_precision_error(
    vit: Backbone, resnext: Backbone, frames: torch.Tensor, device: torch.device, precision: str
) -> dict[str, dict[str, float]]:
    """Embed frames in a lower precision and in float32, and compare.

    Args:
        vit, resnext: the backbones.
        frames: RGB uint8 (N, H, W, 3).
        device: where both run.
        precision: "bfloat16" or "float16".

    Returns:
        See `compare_channels`.
    """
    exact, rounded = (ClipEmbedder(vit, resnext, device, kind)(frames) for kind in ("float32", precision))
    return compare_channels(exact, rounded)


def compare_channels(exact: np.ndarray, rounded: np.ndarray) -> dict[str, dict[str, float]]:
    """Compare two embeddings of the same frames, channel by channel.

    Args:
        exact: float32 (N, 12, D).
        rounded: float32 (N, 12, D).

    Returns:
        For each channel `cosine`: mean over frames of the cosine after the mean of the exact frames is subtracted
        from both; and `relative_l2`: norm of the difference divided by the norm of the exact embeddings.
    """
    # frames of one data set differ by little: without centring, the cosine is near 1 whatever the error is
    means = exact.mean(axis=0)
    errors = {}
    for name, one, other, mean in zip(CHANNEL_NAMES, exact.swapaxes(0, 1), rounded.swapaxes(0, 1), means, strict=True):
        centred, other_centred = one - mean, other - mean
        norms = np.linalg.norm(centred, axis=1) * np.linalg.norm(other_centred, axis=1)
        cosines = (centred * other_centred).sum(axis=1)[norms > 0] / norms[norms > 0]
        errors[name] = {
            # a channel that never changes has no direction, and so no error of direction
            "cosine": round(float(cosines.mean()), 5) if len(cosines) else 1.0,
            "relative_l2": round(float(np.linalg.norm(other - one)) / max(float(np.linalg.norm(one)), 1e-12), 5),
        }
    return errors


def log_precision_error(precision: str, errors: dict[str, dict[str, float]]) -> None:
    """Log the worst values, and below them the values of each channel.

    Args:
        precision: the lower precision.
        errors: result of `compare_channels`.
    """
    rows = [f"  {name:<16} {error['cosine']:8.5f} {error['relative_l2']:12.5f}" for name, error in errors.items()]
    logger.info(
        "%s compared with float32: centred cosine at least %.4f, relative L2 at most %.4f\n%s",
        precision,
        min(error["cosine"] for error in errors.values()),
        max(error["relative_l2"] for error in errors.values()),
        "\n".join([f"  {'channel':<16} {'cosine':>8} {'relative L2':>12}", *rows]),
    )
