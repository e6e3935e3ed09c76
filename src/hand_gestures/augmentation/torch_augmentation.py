"""The augmentation in PyTorch: what Albumentations draws for a clip is applied to its frames on the device."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
import torch
from einops import rearrange
from torch.nn import functional

LUMA = (0.299, 0.587, 0.114)  # weights of red, green and blue in a grey value (ITU-R BT.601)
LARGEST_COUNT = 12  # of the Poisson noise of a pixel; its mean is below 1


class DrawnView(NamedTuple):
    """What was drawn for one augmented view of a clip.

    Attributes:
        mirrored: whether the frames are mirrored first.
        steps: name and parameters of each transform of Albumentations, in the order in which they are applied. Maps
            and noise are float32 tensors of the height and width of the frames.
    """

    mirrored: bool
    steps: list[tuple[str, dict[str, Any]]]


def drawn_step(name: str, parameters: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Reduce a transform that Albumentations applied to what `augment_frames` needs.

    Args:
        name: class of the transform.
        parameters: its applied parameters.

    Returns:
        The name, and numbers and tensors that can be sent to another process.
    """
    kept = {key: parameters[key] for key in PARAMETERS[name]}
    if name == "ISONoise":
        # one pattern for the whole clip, as from Albumentations, which starts every frame from this seed
        draws = np.random.default_rng(parameters["random_seed"])
        shape = parameters["shape"][:2]
        kept["uniform"], kept["normal"] = draws.random(shape, np.float32), draws.standard_normal(shape, np.float32)
    return name, {
        key: torch.from_numpy(np.asarray(value, np.float32)) if isinstance(value, np.ndarray) else value
        for key, value in kept.items()
    }


def augment_frames(frames: torch.Tensor, view: DrawnView, size: int) -> torch.Tensor:
    """Make one augmented view of a clip.

    The result differs from that of Albumentations by rounding, and where noise of a camera sensor is added, by the
    draws of that noise, which have the same distribution.

    Args:
        frames: RGB uint8 (T, H, W, 3), at most `size` high and wide.
        view: what was drawn.
        size: side of the resulting frames, pixels.

    Returns:
        RGB uint8 (T, size, size, 3) on the device of `frames`.
    """
    pixels = rearrange(frames, "t h w c -> t c h w").to(torch.float32, memory_format=torch.contiguous_format)
    if view.mirrored:
        pixels = pixels.flip(-1)
    for name, parameters in view.steps:
        on_device = {
            key: value.to(frames.device, non_blocking=True) if isinstance(value, torch.Tensor) else value
            for key, value in parameters.items()
        }
        # each transform of Albumentations returns whole numbers from 0 to 255
        pixels = TRANSFORMS[name](pixels, **on_device).clamp_(0, 255).round_()
    if pixels.shape[-2:] != (size, size):
        pixels = functional.interpolate(pixels, (size, size), mode="bilinear", align_corners=False).round_()
    return rearrange(pixels.to(torch.uint8), "t c h w -> t h w c")


def _distort(pixels: torch.Tensor, map_x: torch.Tensor, map_y: torch.Tensor) -> torch.Tensor:
    height, width = pixels.shape[-2:]
    grid = torch.stack([2 * map_x / (width - 1) - 1, 2 * map_y / (height - 1) - 1], dim=-1)
    grid = grid.expand(len(pixels), *grid.shape)
    return functional.grid_sample(pixels, grid, mode="bilinear", padding_mode="zeros", align_corners=True)


def _brightness_contrast(pixels: torch.Tensor, alpha: float, beta: float) -> torch.Tensor:
    return (pixels * alpha + beta).floor()  # a table of whole numbers there


def _colour(
    pixels: torch.Tensor, brightness: float, contrast: float, saturation: float, hue: float, order: list[int]
) -> torch.Tensor:
    for index in order:
        if index == 0:
            pixels = (pixels * brightness).floor()
        elif index == 1:
            mean = _grey(pixels).round().mean(dim=(1, 2, 3), keepdim=True)
            pixels = (pixels * contrast + mean * (1 - contrast)).floor()
        elif index == 2:
            pixels = (pixels * saturation + _grey(pixels) * (1 - saturation)).round()
        else:
            pixels = _shift_hue(pixels, hue).round()
        pixels = pixels.clamp(0, 255)
    return pixels


def _grey(pixels: torch.Tensor) -> torch.Tensor:
    return (pixels * torch.tensor(LUMA, device=pixels.device).view(3, 1, 1)).sum(dim=1, keepdim=True)


def _shift_hue(pixels: torch.Tensor, turn: float) -> torch.Tensor:
    """Turn the hue by a fraction of the circle; value and saturation stay."""
    value, least = pixels.amax(dim=1), pixels.amin(dim=1)
    # in the whole numbers of OpenCV: 180 steps of hue, 30 a sector, and 255 of saturation
    hue = ((_hue(pixels, value, value - least) * 30).round() % 180 + 180 * turn) % 180
    saturation = (255 * (value - least) / value.clamp(min=1)).round()
    return _from_sectors(hue.floor() / 30, value, value * saturation / 255)


def _hue(pixels: torch.Tensor, value: torch.Tensor, chroma: torch.Tensor) -> torch.Tensor:
    """Hue (T, H, W) in sectors, 0 to 6; 0 for grey."""
    red, green, blue = pixels.unbind(dim=1)
    safe = torch.where(chroma > 0, chroma, 1)
    sector = torch.where(
        value == red,
        ((green - blue) / safe) % 6,
        torch.where(value == green, (blue - red) / safe + 2, (red - green) / safe + 4),
    )
    return torch.where(chroma > 0, sector, 0)


def _from_sectors(hue: torch.Tensor, value: torch.Tensor, chroma: torch.Tensor) -> torch.Tensor:
    """RGB (T, 3, H, W) from hue in sectors, largest colour and chroma."""
    # each colour is `value` in two sectors and `value - chroma` in the two opposite ones
    distance = (hue[:, None] + torch.tensor([5.0, 3.0, 1.0], device=hue.device).view(3, 1, 1)) % 6
    share = torch.minimum(distance, 4 - distance).clamp(0, 1)
    return value[:, None] - chroma[:, None] * share


def _gauss_noise(pixels: torch.Tensor, noise_map: torch.Tensor) -> torch.Tensor:
    return pixels + rearrange(noise_map, "h w c -> c h w")


def _sensor_noise(
    pixels: torch.Tensor, color_shift: float, intensity: float, uniform: torch.Tensor, normal: torch.Tensor
) -> torch.Tensor:
    """Poisson noise of the lightness and normal noise of the hue, in the HLS colour space."""
    # the hue compares colours with the largest: scaled to 0..1 and back, equal numbers differ on some devices
    hue = _hue(pixels, pixels.amax(dim=1), pixels.amax(dim=1) - pixels.amin(dim=1))
    value, least = pixels.amax(dim=1) / 255, pixels.amin(dim=1) / 255
    lightness, chroma = (value + least) / 2, value - least
    saturation = chroma / (1 - (2 * lightness - 1).abs()).clamp(min=1e-6)
    mean = lightness.std(dim=(1, 2), correction=0, keepdim=True) * intensity
    count = _poisson(uniform, mean)
    lightness = (lightness + count * intensity * (1 - lightness)).clamp(0, 1)
    hue = (hue + normal * color_shift * intensity / 60) % 6  # in degrees there
    chroma = saturation * (1 - (2 * lightness - 1).abs())
    return 255 * _from_sectors(hue, lightness + chroma / 2, chroma)


def _poisson(uniform: torch.Tensor, mean: torch.Tensor) -> torch.Tensor:
    """Poisson counts by inversion: uniform (H, W) in 0..1 and mean (T, 1, 1) to counts (T, H, W)."""
    probability = (-mean).exp()
    cumulated, count = probability, torch.zeros_like(uniform)
    for number in range(1, LARGEST_COUNT):
        count = count + (uniform > cumulated)
        probability = probability * mean / number
        cumulated = cumulated + probability
    return count


def _blur(pixels: torch.Tensor, kernel: torch.Tensor) -> torch.Tensor:
    """Correlate with a kernel (k, k), or with one of k numbers along both axes; mirrored at the edges."""
    kernels = [kernel] if kernel.ndim == 2 else [kernel[:, None], kernel[None]]
    for weights in kernels:
        rows, columns = weights.shape
        padded = functional.pad(pixels, (columns // 2, columns // 2, rows // 2, rows // 2), mode="reflect")
        pixels = functional.conv2d(padded, weights.expand(3, 1, rows, columns), groups=3)
    return pixels


TRANSFORMS: dict[str, Callable[..., torch.Tensor]] = {
    "OpticalDistortion": _distort,
    "GridDistortion": _distort,
    "RandomBrightnessContrast": _brightness_contrast,
    "ColorJitter": _colour,
    "GaussNoise": _gauss_noise,
    "ISONoise": _sensor_noise,
    "MotionBlur": _blur,
    "GaussianBlur": _blur,
}
# the applied parameters of Albumentations that each transform needs
PARAMETERS = {
    "OpticalDistortion": ("map_x", "map_y"),
    "GridDistortion": ("map_x", "map_y"),
    "RandomBrightnessContrast": ("alpha", "beta"),
    "ColorJitter": ("brightness", "contrast", "saturation", "hue", "order"),
    "GaussNoise": ("noise_map",),
    "ISONoise": ("color_shift", "intensity"),
    "MotionBlur": ("kernel",),
    "GaussianBlur": ("kernel",),
}
