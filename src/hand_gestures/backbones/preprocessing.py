"""Convert uint8 regions into the input of one backbone: its size, interpolation, mean and standard deviation."""

from dataclasses import asdict, dataclass

import torch
from torchvision.transforms.v2 import InterpolationMode
from torchvision.transforms.v2 import functional as F

from hand_gestures.backbones.exact_resize import SUPPORT, exact_resize


@dataclass(frozen=True)
class Preprocessing:
    """The input format of a backbone.

    A region is resized to a square without keeping its aspect ratio, and it is not cropped, because a crop would
    remove hands at the edge (docs/adr/0004).

    Attributes:
        size: side of the square, pixels.
        interpolation: "bilinear", "bicubic" or "nearest-exact".
        mean, std: of each colour, in 0..1.
        letterbox: grey value, 0..255, that fills the square where the aspect ratio is kept, as for HaGRID's
            classifiers; None squeezes the region instead.

    Example:
        >>> preprocessing = Preprocessing(224, "bilinear", (0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
        >>> preprocessing(torch.zeros(2, 3, 640, 320, dtype=torch.uint8)).shape
        torch.Size([2, 3, 224, 224])
    """

    size: int
    interpolation: str
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    letterbox: int | None = None

    def __call__(self, *regions: torch.Tensor, exact: bool = True) -> torch.Tensor:
        """Resize and normalise regions.

        Args:
            regions: uint8 (N, 3, H, W) each; H and W may differ between tensors.
            exact: a CUDA device gives the same bits as a CPU; False is three times as fast there, and one grey level
                off in an eighth of the pixels.

        Returns:
            float32 (sum of N, 3, size, size).
        """
        resized = torch.cat([self._resize(region, exact) for region in regions])
        # (x / 255 - mean) / std as one multiply-add
        std = torch.tensor(self.std, device=resized.device).view(3, 1, 1)
        mean = torch.tensor(self.mean, device=resized.device).view(3, 1, 1)
        return torch.addcmul(-mean / std, resized.float(), 1 / (255 * std))

    def describe(self) -> dict:
        """All fields, for the embedding contract.

        Returns:
            A dictionary that JSON can hold.
        """
        return asdict(self)

    def _resize(self, regions: torch.Tensor, exact: bool) -> torch.Tensor:
        height, width = regions.shape[-2:]
        if self.letterbox is None:
            return self._squeeze(regions, [self.size, self.size], exact)
        scale = self.size / max(height, width)
        inner = [max(1, round(height * scale)), max(1, round(width * scale))]
        top, left = (self.size - inner[0]) // 2, (self.size - inner[1]) // 2
        padding = [left, top, self.size - inner[1] - left, self.size - inner[0] - top]
        return F.pad(self._squeeze(regions, inner, exact), padding, fill=self.letterbox)

    def _squeeze(self, regions: torch.Tensor, size: list[int], exact: bool) -> torch.Tensor:
        # uint8 in and out: this equals the image processors of transformers, and is faster than resizing floats
        if exact and regions.is_cuda and self.interpolation in SUPPORT:
            return exact_resize(regions, size, self.interpolation)
        return F.resize(regions, size, InterpolationMode(self.interpolation), antialias=True)
