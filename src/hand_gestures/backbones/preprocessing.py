"""From uint8 regions to what one backbone expects: its size, its interpolation, its mean and spread."""

from dataclasses import asdict, dataclass

import torch
from torchvision.transforms.v2 import InterpolationMode
from torchvision.transforms.v2 import functional as F


@dataclass(frozen=True)
class Preprocessing:
    """How a backbone wants its pictures.

    A region is resized to (size, size) without keeping its aspect and without a crop, since a crop
    would cut off hands at the edge. With `letterbox` the aspect is kept and the rest filled with that
    grey value (0..255), as the HaGRID classifiers were trained.
    """

    size: int
    interpolation: str
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    letterbox: int | None = None

    def __call__(self, *regions: torch.Tensor) -> torch.Tensor:
        """uint8 (N, 3, H, W), one tensor or several of different sizes → float32 (all N, 3, size, size), normalised."""
        resized = torch.cat([self._resize(region) for region in regions])
        # one fused multiply-add: (x / 255 - mean) / std
        std = torch.tensor(self.std, device=resized.device).view(3, 1, 1)
        mean = torch.tensor(self.mean, device=resized.device).view(3, 1, 1)
        return torch.addcmul(-mean / std, resized.float(), 1 / (255 * std))

    def describe(self) -> dict:
        """All fields, for the fingerprint."""
        return asdict(self)

    def _resize(self, regions: torch.Tensor) -> torch.Tensor:
        height, width = regions.shape[-2:]
        mode = InterpolationMode(self.interpolation)
        if self.letterbox is None:
            return F.resize(regions, [self.size, self.size], mode, antialias=True)
        scale = self.size / max(height, width)
        inner = [max(1, round(height * scale)), max(1, round(width * scale))]
        top, left = (self.size - inner[0]) // 2, (self.size - inner[1]) // 2
        padding = [left, top, self.size - inner[1] - left, self.size - inner[0] - top]
        return F.pad(F.resize(regions, inner, mode, antialias=True), padding, fill=self.letterbox)
