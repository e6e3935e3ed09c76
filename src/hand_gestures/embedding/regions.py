"""Left half, right half and full frame: what each backbone looks at."""

import torch

REGIONS = ("left", "right", "full")


def cut_regions(frames: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Views (no copies) of the left half, right half and the whole of (N, C, H, W) frames, in that order."""
    half = frames.shape[-1] // 2
    return frames[..., :half], frames[..., -half:], frames
