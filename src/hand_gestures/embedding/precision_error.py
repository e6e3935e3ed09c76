"""How near a lower precision comes to float32."""

import logging
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from hand_gestures.augmentation import resize_clip
from hand_gestures.backbones.networks import Backbone
from hand_gestures.embedding.channels import CHANNEL_NAMES
from hand_gestures.embedding.extractor import ClipEmbedder
from hand_gestures.video.image_files import read_frame

logger = logging.getLogger(__name__)

SAMPLED = 24  # frames


def measure_precision_error(
    vit: Backbone, resnext: Backbone, frames: torch.Tensor, device: torch.device, precision: str
) -> dict[str, dict[str, float]]:
    """Embed RGB frames, uint8 (N, H, W, 3), in `precision` and in float32 and compare them channel by channel."""
    exact, rounded = (ClipEmbedder(vit, resnext, device, kind)(frames) for kind in ("float32", precision))
    return compare_channels(exact, rounded)


def sample_frames(sequences: pd.DataFrame, frames_dir: Path, size: int) -> torch.Tensor:
    """The middle frames of `SAMPLED` sequences, evenly spaced: RGB uint8 (n, size, size, 3)."""
    places = np.unique(np.linspace(0, len(sequences) - 1, SAMPLED).round().astype(int))
    paths = [frames[len(frames) // 2] for frames in sequences["frames"].iloc[places]]
    frames = [resize_clip(read_frame(frames_dir / path)[None], size) for path in paths]
    return torch.from_numpy(np.concatenate(frames))


def compare_channels(exact: np.ndarray, rounded: np.ndarray) -> dict[str, dict[str, float]]:
    """Two embeddings (N, C, D) of the same frames, by channel.

    Returns for each `cosine`: the mean over frames of the cosine after the mean over the exact frames is taken off
    both (frames of one data set differ by little: the plain cosine is near 1 whatever the error); and
    `relative_l2`: the norm of the difference over that of the exact one.
    """
    mean = exact.mean(axis=0)
    found = {}
    for channel, name in enumerate(CHANNEL_NAMES):
        one, other = exact[:, channel], rounded[:, channel]
        centred, moved = one - mean[channel], other - mean[channel]
        norms = np.linalg.norm(centred, axis=1) * np.linalg.norm(moved, axis=1)
        cosines = (centred * moved).sum(axis=1)[norms > 0] / norms[norms > 0]
        found[name] = {
            "cosine": round(float(cosines.mean()), 5) if len(cosines) else 1.0,
            "relative_l2": round(float(np.linalg.norm(other - one)) / max(float(np.linalg.norm(one)), 1e-12), 5),
        }
    return found


def log_precision_error(precision: str, precision_error: dict[str, dict[str, float]]) -> None:
    """Print the precision_error by channel, and the worst of each figure."""
    rows = [f"  {name:<16} {of['cosine']:8.5f} {of['relative_l2']:12.5f}" for name, of in precision_error.items()]
    logger.info(
        "%s beside float32: centred cosine at least %.4f, relative L2 at most %.4f\n%s",
        precision,
        min(of["cosine"] for of in precision_error.values()),
        max(of["relative_l2"] for of in precision_error.values()),
        "\n".join([f"  {'channel':<16} {'cosine':>8} {'relative L2':>12}", *rows]),
    )
