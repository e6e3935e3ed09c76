"""One clip in, its (T, 12, D) embedding out."""

import numpy as np
import torch
from einops import rearrange

from hand_gestures.embedding.backbones import Backbone
from hand_gestures.embedding.channels import CHANNEL_NAMES, assemble_channels, check_widths
from hand_gestures.embedding.device import DTYPES
from hand_gestures.embedding.regions import cut_regions


class ClipEmbedder:
    """Runs left half, right half and full frame through both backbones.

    Args:
        vit, resnext: the frozen backbones.
        device: where they run.
        precision: "float32", "bfloat16" or "float16" for weights and activations; what comes out is float32.
        batch_size: frames at a time (each gives three regions).
    """

    def __init__(
        self, vit: Backbone, resnext: Backbone, device: torch.device, precision: str = "float32", batch_size: int = 32
    ) -> None:
        check_widths(vit.width, resnext.width)
        self.vit = vit.to(device, DTYPES[precision])
        self.resnext = resnext.to(device, DTYPES[precision])
        self.device = device
        self.batch_size = batch_size
        self.width = vit.width

    @torch.inference_mode()
    def __call__(self, clip: torch.Tensor) -> np.ndarray:
        """RGB uint8 (T, H, W, 3) → float32 (T, 12, D)."""
        embedded = np.empty((len(clip), len(CHANNEL_NAMES), self.width), np.float32)
        for start in range(0, len(clip), self.batch_size):
            rows = slice(start, start + self.batch_size)
            frames = rearrange(clip[rows].to(self.device, non_blocking=True), "n h w c -> n c h w")
            regions = cut_regions(frames)
            vit = torch.stack([self.vit(region) for region in regions])
            resnext = torch.stack([self.resnext(region) for region in regions])
            embedded[rows] = assemble_channels(vit, resnext).cpu().numpy()
        return embedded
