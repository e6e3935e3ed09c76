"""Augmentation of large frames: resized first, as the program does it, compared with resized last."""

import random
from pathlib import Path

import cv2
import numpy as np
import yaml
from measuring import arguments, interleaved, milliseconds, print_table, ratio

from hand_gestures.augmentation import ClipAugmentation, resize_clip
from hand_gestures.parameters import AugmentationParameters

BASE = Path(__file__).parents[1] / "conf" / "base" / "parameters_feature_engineering.yml"
SIZE = 640
FRAMES, DRAWS, ROUNDS = 16, 12, 3  # enough draws to apply each step about as often as its probability says


def augment_first(augmentation: ClipAugmentation, clip: np.ndarray, seed: int) -> np.ndarray:
    """Apply the same steps with the same draws to all pixels, and resize last."""
    draws = np.random.default_rng(seed)
    if draws.random() < augmentation.parameters.horizontal_flip:
        clip = np.ascontiguousarray(clip[:, :, ::-1])
    augmentation.transforms.set_random_state(draws, random.Random(seed))
    return resize_clip(augmentation.transforms(images=clip)["images"], SIZE)


def main() -> None:
    """Measure both ways on the same frames and draws."""
    quick = arguments(__doc__).quick
    draws, rounds = (2, 1) if quick else (DRAWS, ROUNDS)
    parameters = AugmentationParameters(**yaml.safe_load(BASE.read_text(encoding="utf-8"))["augmentation"])
    augmentation = ClipAugmentation(parameters, SIZE)
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 256, (FRAMES, 34, 60, 3), dtype=np.uint8)
    clip = np.stack([cv2.resize(frame, (1920, 1080), interpolation=cv2.INTER_CUBIC) for frame in coarse])
    seconds = interleaved(
        {
            "last": lambda: [augment_first(augmentation, clip, seed) for seed in range(draws)],
            "first": lambda: [augmentation(clip, seed) for seed in range(draws)],
        },
        rounds,
    )
    frames = FRAMES * draws
    print_table(
        f"Augmenting 1920x1080 frames to {SIZE}x{SIZE}, a frame ({frames} frames, {rounds} rounds)",
        ["figure", "augment first, resize last", "resize first", "faster", "reach", "limit known"],
        [
            [
                "all steps",
                milliseconds(seconds["last"], frames),
                milliseconds(seconds["first"], frames),
                ratio(seconds["last"], seconds["first"]),
                "5x",
                f"{1920 * 1080 / SIZE**2:.1f}x in pixels; caches add to it",
            ]
        ],
    )


if __name__ == "__main__":
    main()
