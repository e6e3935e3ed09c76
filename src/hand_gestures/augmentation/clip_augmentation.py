"""Clip transforms: the same random change on every frame of a clip."""

import hashlib
import os
import random

os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")

import albumentations as A
import cv2
import numpy as np

from hand_gestures.parameters import AugmentationParameters


def view_seed(seed: int, sequence_id: str, view: int) -> int:
    """A seed in 0..2**31-1 that depends on nothing but its arguments (not on workers, order or machine)."""
    digest = hashlib.blake2b(f"{seed}\0{sequence_id}\0{view}".encode(), digest_size=4).digest()
    return int.from_bytes(digest, "big") >> 1


def resize_clip(clip: np.ndarray, size: int) -> np.ndarray:
    """Resize every frame, uint8 (T, H, W, 3), to (T, size, size, 3); the aspect is not kept."""
    frames, height, width = clip.shape[:3]
    if (height, width) == (size, size):
        return clip
    method = cv2.INTER_AREA if height * width > size * size else cv2.INTER_LINEAR
    resized = np.empty((frames, size, size, 3), np.uint8)
    for source, target in zip(clip, resized, strict=True):
        cv2.resize(source, (size, size), dst=target, interpolation=method)
    return resized


class ClipAugmentation:
    """Flip, distort, change light, add noise, blur, resize: one draw of each for the whole clip.

    Args:
        parameters: probability and strength of each step; `views` and `mirrored_classes` are not used here.
        size: side of the output frames, pixels.
    """

    def __init__(self, parameters: AugmentationParameters, size: int) -> None:
        self.size = size
        self.horizontal_flip = parameters.horizontal_flip
        brightness, contrast = parameters.brightness, parameters.contrast
        blur_limit = (3, parameters.blur_limit)
        self.transforms = A.Compose(
            [
                A.OneOf(
                    [
                        A.OpticalDistortion(distort_limit=(-parameters.optical_limit, parameters.optical_limit)),
                        A.GridDistortion(
                            num_steps=parameters.grid_steps,
                            distort_limit=(-parameters.grid_limit, parameters.grid_limit),
                        ),
                    ],
                    p=parameters.distortion,
                ),
                A.OneOf(
                    [
                        A.RandomBrightnessContrast(
                            brightness_limit=(-brightness, brightness), contrast_limit=(-contrast, contrast)
                        ),
                        A.ColorJitter(
                            brightness=_around_one(brightness),
                            contrast=_around_one(contrast),
                            saturation=_around_one(parameters.saturation),
                            hue=(-parameters.hue, parameters.hue),
                        ),
                    ],
                    p=parameters.light,
                ),
                A.OneOf(
                    [
                        A.GaussNoise(std_range=parameters.noise_std),
                        A.ISONoise(color_shift=parameters.iso_color, intensity=parameters.iso_intensity),
                    ],
                    p=parameters.noise,
                ),
                A.OneOf(
                    [A.MotionBlur(blur_limit=blur_limit), A.GaussianBlur(blur_limit=blur_limit)], p=parameters.blur
                ),
            ]
        )

    def __call__(self, clip: np.ndarray, seed: int) -> tuple[np.ndarray, bool]:
        """Augment one clip, uint8 (T, H, W, 3).

        Returns the clip as uint8 (T, size, size, 3) and whether it is mirrored. The same clip and
        seed give the same result, bit for bit.
        """
        if clip.shape[1] > self.size or clip.shape[2] > self.size:
            clip = resize_clip(clip, self.size)  # first: every step after it is cheaper on fewer pixels
        draws = np.random.default_rng(seed)
        mirrored = bool(draws.random() < self.horizontal_flip)
        if mirrored:
            clip = np.ascontiguousarray(clip[:, :, ::-1])
        # set_random_seed would hand every step the same numbers, so that noise and blur always came together
        self.transforms.set_random_state(draws, random.Random(seed))
        return resize_clip(self.transforms(images=clip)["images"], self.size), mirrored


def _around_one(limit: float) -> tuple[float, float]:
    return (1 - limit, 1 + limit)
