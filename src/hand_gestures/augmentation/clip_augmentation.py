"""Clip transforms: the same random change on every frame of a clip."""

import hashlib
import os
import random
from collections.abc import Mapping, Sequence
from typing import Any

os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")  # albumentations reads it when it is imported

import albumentations as A
import cv2
import numpy as np
from pydantic import ValidationError

from hand_gestures.augmentation.torch_augmentation import DrawnView, drawn_step
from hand_gestures.parameters import AugmentationParameters
from hand_gestures.utils.errors import HandGesturesError


def view_seed(seed: int, clip: str, view: int) -> int:
    """The random seed of one augmented view: it depends only on the arguments, not on workers, order or machine.

    Args:
        seed: the seed of the augmentation.
        clip: what identifies the clip: the digest of its frames in hex digits, so that no name changes the view.
        view: the number of the view; 0 is the clean one.

    Returns:
        An integer from 0 to 2**31 - 1.
    """
    digest = hashlib.blake2b(f"{seed}\0{clip}\0{view}".encode(), digest_size=4).digest()
    return int.from_bytes(digest, "big") >> 1


def is_mirrored(parameters: AugmentationParameters, seed: int) -> bool:
    """Whether `ClipAugmentation` mirrors the view that it makes with this seed. No frame is needed to answer this.

    Args:
        parameters: those of the augmentation.
        seed: the seed of the view, see `view_seed`.
    """
    return _draw_mirror(parameters, np.random.default_rng(seed))


def mirrored_rows_of_schema_1(
    augmentation: Mapping[str, Any], sequence_ids: Sequence[str], views: Sequence[int]
) -> np.ndarray:
    """Which rows of an embeddings file of schema version 1 are mirror images: it drew them from the names of clips.

    Args:
        augmentation: of the view recipe of the file, with its seed.
        sequence_ids: sequence of each row.
        views: view of each row.

    Returns:
        bool (N,).

    Raises:
        HandGesturesError: the recipe is none that this program wrote.
    """
    if not any(views):
        return np.zeros(len(views), bool)  # clean rows need no recipe
    try:
        # schema version 1 had this engine only
        parameters = AugmentationParameters.model_validate({"engine": "albumentations", **augmentation})
    except ValidationError as error:
        raise HandGesturesError(
            f"an embeddings file with augmented rows needs its augmentation, but it is incomplete "
            f"({error.error_count()} faults); run feature_engineering again"
        ) from error
    rows, seed = zip(sequence_ids, views, strict=True), augmentation["seed"]
    return np.array([view > 0 and is_mirrored(parameters, view_seed(seed, name, view)) for name, view in rows], bool)


def _draw_mirror(parameters: AugmentationParameters, draws: np.random.Generator) -> bool:
    return bool(draws.random() < parameters.horizontal_flip)


def resize_clip(clip: np.ndarray, size: int) -> np.ndarray:
    """Resize every frame to a square; the aspect ratio is not kept.

    Args:
        clip: uint8 (T, H, W, 3).
        size: side of the square, pixels.

    Returns:
        uint8 (T, size, size, 3): `clip` itself where it already has that size.
    """
    frames, height, width = clip.shape[:3]
    if (height, width) == (size, size):
        return clip
    # area averaging avoids moiré when a frame shrinks, but looks blocky when it grows
    method = cv2.INTER_AREA if height * width > size * size else cv2.INTER_LINEAR
    resized = np.empty((frames, size, size, 3), np.uint8)
    for source, target in zip(clip, resized, strict=True):
        cv2.resize(source, (size, size), dst=target, interpolation=method)
    return resized


class ClipAugmentation:
    """Flip, distort, change light, add noise, blur, resize: each drawn once for the whole clip.

    Args:
        parameters: probability and strength of each step.
        size: side of the resulting frames, pixels.

    Example:
        >>> augment = ClipAugmentation(parameters, size=640)
        >>> view, mirrored = augment(clip, view_seed(42, content, 1))
    """

    def __init__(self, parameters: AugmentationParameters, size: int) -> None:
        self.size = size
        self.parameters = parameters
        self.transforms = _build_transforms(parameters)

    def draw(self, frame: np.ndarray, seed: int) -> DrawnView:
        """Draw what `augment_frames` does to a clip: the same as a call with this seed does to its frames.

        Args:
            frame: one of the frames, uint8 RGB (H, W, 3), at most `size` high and wide.
            seed: the seed of all draws, see `view_seed`.

        Returns:
            The drawn view.
        """
        mirrored = self._start_draws(seed)
        # the parameters that were drawn are known only after they were applied: to one frame
        applied = self.transforms(images=frame[None])["applied_transforms"]
        return DrawnView(mirrored, [drawn_step(name, parameters) for name, parameters in applied])

    def __call__(self, clip: np.ndarray, seed: int) -> tuple[np.ndarray, bool]:
        """Augment one clip. The same clip and seed give the same result, bit for bit.

        Args:
            clip: uint8 RGB (T, H, W, 3).
            seed: the seed of all draws, see `view_seed`.

        Returns:
            The view, uint8 (T, size, size, 3), and whether it is mirrored: the caller must then map the label, see
            `mirrored_labels`.
        """
        if clip.shape[1] > self.size or clip.shape[2] > self.size:
            clip = resize_clip(clip, self.size)  # before all other steps: they are cheaper on fewer pixels
        mirrored = self._start_draws(seed)
        if mirrored:
            clip = np.ascontiguousarray(clip[:, :, ::-1])
        return resize_clip(self.transforms(images=clip)["images"], self.size), mirrored

    def _start_draws(self, seed: int) -> bool:
        """Make the next draws of all steps those of this seed; whether the view is mirrored."""
        draws = np.random.default_rng(seed)
        mirrored = _draw_mirror(self.parameters, draws)  # the first draw: `is_mirrored` repeats it
        # `set_random_seed` would give every step the same numbers: noise and blur would always come together
        self.transforms.set_random_state(draws, random.Random(seed))
        return mirrored


def _build_transforms(limits: AugmentationParameters) -> A.Compose:
    """One of two transforms a step, each step with its own probability."""
    optical = A.OpticalDistortion(distort_limit=_range(0, limits.optical_limit))
    grid = A.GridDistortion(num_steps=limits.grid_steps, distort_limit=_range(0, limits.grid_limit))
    # two changes of light: brightness and contrast alone, or with colour, where 1 means no change
    plain_light = A.RandomBrightnessContrast(
        brightness_limit=_range(0, limits.brightness), contrast_limit=_range(0, limits.contrast)
    )
    coloured_light = A.ColorJitter(
        brightness=_range(1, limits.brightness),
        contrast=_range(1, limits.contrast),
        saturation=_range(1, limits.saturation),
        hue=_range(0, limits.hue),
    )
    gauss = A.GaussNoise(std_range=limits.noise_std)
    sensor = A.ISONoise(color_shift=limits.iso_color, intensity=limits.iso_intensity)
    kernel = (3, limits.blur_limit)
    return A.Compose(
        [
            A.OneOf([optical, grid], p=limits.distortion),
            A.OneOf([plain_light, coloured_light], p=limits.light),
            A.OneOf([gauss, sensor], p=limits.noise),
            A.OneOf([A.MotionBlur(blur_limit=kernel), A.GaussianBlur(blur_limit=kernel)], p=limits.blur),
        ],
        save_applied_params=True,
    )


def _range(centre: float, limit: float) -> tuple[float, float]:
    return (centre - limit, centre + limit)
