"""Hand landmarks of a clip as two channels of features, one for each hand slot."""

from pathlib import Path

import numpy as np
import torch

from hand_gestures.augmentation.landmark_augmentation import (
    FOUND,
    IMAGE,
    PALM,
    RIGHT,
    SCORE,
    SIZE,
    TIP,
    WIDTH,
    WORLD,
    fill_gaps,
    resample,
)
from hand_gestures.backbones.hand_landmarks import SLOTS, Hand, HandFinder, Slots
from hand_gestures.backbones.landmark_models import Complexity

PALM_POINTS = [0, 5, 9, 13, 17]  # wrist and the bases of the fingers
INDEX_TIP, MIDDLE_BASE = 8, 9
SMALLEST = 1e-6
FEATURES_VERSION = 1  # part of the fingerprint: increase it when the layout or the geometry changes


class LandmarkEncoder:
    """Turns the frames of a clip into landmark features.

    Args:
        folder: folder of MediaPipe's models.
        complexity: "lite", or "full", which is slower and finds more hands.
        search_every: frames between two searches for a further hand.
        trim: cut off the frames before the first and after the last hand of the clip, and stretch the rest.

    Raises:
        ModelUnavailableError: a model is missing or is not the pinned one.

    Example:
        >>> encoder = LandmarkEncoder(Path("data/06_models/hand_landmarks"), "full", search_every=1, trim=True)
        >>> encoder(np.zeros((32, 480, 640, 3), np.uint8)).shape
        (32, 2, 113)
    """

    def __init__(self, folder: Path, complexity: Complexity, search_every: int, trim: bool) -> None:
        self.finder = HandFinder(folder, complexity, search_every)
        self.trim = trim

    def __call__(self, frames: np.ndarray, aspect: float | None = None) -> np.ndarray:
        """Encode a clip.

        Args:
            frames: RGB uint8 (n, H, W, 3), in the order of time.
            aspect: width divided by height before the frames were squeezed into a square; None where they were not.

        Returns:
            float32 (n, 2, `WIDTH`), channels as in `LANDMARK_CHANNELS`, columns as in landmark_augmentation.py.
        """
        return encode_hands(self.finder(frames, aspect), frames.shape[1], self.trim)


def encode_hands(found: list[Slots], height: int, trim: bool) -> np.ndarray:
    """The features of the hands of a clip.

    Args:
        found: both slots of each of the n frames.
        height: of the picture, pixels.
        trim: see `LandmarkEncoder`.

    Returns:
        float32 (n, 2, `WIDTH`); gaps are interpolated, a slot without any hand is zero.
    """
    features = np.zeros((len(found), SLOTS, WIDTH), np.float32)
    for frame, slots in enumerate(found):
        for slot, hand in enumerate(slots):
            if hand is not None:
                features[frame, slot] = _features_of(hand, height)
    seen = features[..., FOUND] > 0
    if not seen.any():
        return features
    # both hands are centred on one point, so that the distance between them remains
    middle = features[seen][:, PALM].mean(axis=0)
    for path in (PALM, TIP):
        features[..., path] -= middle
    # the functions below expect (B, S, T, D)
    filled = fill_gaps(torch.from_numpy(features.swapaxes(0, 1)[None]), torch.from_numpy(seen.T[None]))
    if trim:
        first, last = np.flatnonzero(seen.any(axis=1))[[0, -1]]
        filled = resample(filled, torch.linspace(first, last, len(found))[None])
    return filled[0].numpy().swapaxes(0, 1)


def _features_of(hand: Hand, height: int) -> np.ndarray:
    row = np.zeros(WIDTH, np.float32)
    points = hand.points[:, :2] / height
    palm = max(float(np.linalg.norm(points[PALM_POINTS[1:]] - points[0], axis=1).max()), SMALLEST)
    world = hand.world - hand.world[0]
    row[WORLD] = (world / max(float(np.linalg.norm(world[MIDDLE_BASE])), SMALLEST)).ravel()
    # the longest length, because a palm that is seen from the side is narrow in the picture
    row[IMAGE] = ((points - points[0]) / palm).ravel()
    row[PALM] = points[PALM_POINTS].mean(axis=0)
    row[TIP] = points[INDEX_TIP]
    row[SIZE] = np.log(palm)
    row[[RIGHT, SCORE, FOUND]] = hand.right, hand.score, 1
    return row
