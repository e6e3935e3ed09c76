"""Find the 21 landmarks of up to two hands in each frame, with the models and the geometry of MediaPipe Hands.

Lugaresi et al., "MediaPipe: A Framework for Building Perception Pipelines", arXiv:1906.08172; Zhang et al., "MediaPipe
Hands: On-device Real-time Hand Tracking", arXiv:2006.10214.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from hand_gestures.backbones.landmark_models import Complexity, find_landmark_model
from hand_gestures.backbones.palm_detector import (
    MIDDLE_BASE,
    WRIST,
    LiteModel,
    PalmDetector,
    Palms,
    Picture,
)

SLOTS = 2
POINTS = 21
CROP_SIZE = 224  # side of the landmark model's input, pixels
MIN_SCORE = 0.5
Z_SCALE = 0.4  # the model gives depth in a unit of its own
# Region around a palm: shift and scale in sides of its box
PALM_SHIFT, PALM_SCALE = 0.5, 2.6
# Region around a hand of the frame before: these points, of wrist, thumb and the lower halves of the fingers
TRACKED_POINTS = (0, 1, 2, 3, 5, 6, 9, 10, 13, 14, 17, 18)
TRACKED_SHIFT, TRACKED_SCALE = 0.1, 2.0
INDEX_BASE, MIDDLE_FINGER_BASE, RING_BASE = 5, 9, 13
SAME_HAND = 0.5  # share of a hand's box that another hand may cover before both are one hand


class Region(NamedTuple):
    """A rotated square around a hand.

    Attributes:
        centre: float (2,), x and y in pixels.
        side: pixels.
        rotation: radians, clockwise; 0 where the fingers point up.
    """

    centre: np.ndarray
    side: float
    rotation: float


@dataclass(frozen=True)
class Hand:
    """One hand in one frame.

    Attributes:
        points: float32 (21, 3), x and y in pixels of the picture, z in the same unit relative to the wrist.
        world: float32 (21, 3), metres, the origin in the middle of the hand.
        score: that the region shows a hand, 0 to 1.
        right: that it is a right hand, 0 to 1, for a picture that is not mirrored.
    """

    points: np.ndarray
    world: np.ndarray
    score: float
    right: float

    @property
    def box(self) -> np.ndarray:
        """The smallest upright box around the points: float (4,), x0, y0, x1, y1."""
        return np.concatenate([self.points[:, :2].min(axis=0), self.points[:, :2].max(axis=0)])


Slots = list[Hand | None]  # always SLOTS long


class HandFinder:
    """Finds hands in the frames of a clip and keeps each in its slot while it is tracked.

    A tracked hand needs no detection: its region comes from the frame before. Palms are searched in every frame in
    which a tracked hand was lost, and in every `search_every`-th frame while a slot is free.

    Args:
        folder: folder of the four models.
        complexity: "lite", or "full", which is slower and finds more hands.
        search_every: frames between two searches for a further hand; 1 searches in every frame.

    Raises:
        ModelUnavailableError: a model is missing or is not the pinned one.

    Example:
        >>> finder = HandFinder(Path("data/06_models/hand_landmarks"), "full", search_every=1)
        >>> [slots] = finder(frame[None])
    """

    def __init__(self, folder: Path, complexity: Complexity, search_every: int) -> None:
        self.palms = PalmDetector(find_landmark_model(folder, "palm_detection", complexity))
        self._model = LiteModel("landmark model", find_landmark_model(folder, "hand_landmark", complexity))
        self.search_every = search_every

    def __call__(self, frames: np.ndarray, aspect: float | None = None) -> list[Slots]:
        """Find the hands of a clip; each call starts without any tracked hand.

        Args:
            frames: RGB uint8 (n, H, W, 3), in the order of time.
            aspect: width divided by height before the frames were squeezed; None where they were not. Coordinates are
                those of a picture of H pixels height in the true proportions.

        Returns:
            For each frame both slots; None where a slot has no hand.
        """
        slots: Slots = [None] * SLOTS
        last_seen = slots
        found = []
        for number, frame in enumerate(frames):
            slots = self.step(Picture.of(frame, aspect), slots, last_seen, number % self.search_every == 0)
            last_seen = [hand or before for hand, before in zip(slots, last_seen, strict=True)]
            found.append(slots)
        return found

    def step(self, picture: Picture, previous: Slots, last_seen: Slots, search: bool) -> Slots:
        """Find the hands of one frame.

        Args:
            picture: the frame.
            previous: the slots of the frame before.
            last_seen: the last hand of each slot; a hand that appears takes the slot whose last hand is nearest.
            search: search palms while a slot is free; where a hand was lost they are searched anyway.

        Returns:
            The slots of this frame.
        """
        slots: Slots = [None] * SLOTS
        for slot, hand in enumerate(previous):
            tracked = self._find_landmarks(picture, region_of_hand(hand)) if hand is not None else None
            if tracked is not None and not _shows_one_of(tracked, slots):
                slots[slot] = tracked
        lost = [hand is not None and slots[slot] is None for slot, hand in enumerate(previous)]
        if any(lost) or (search and None in slots):
            self._fill_free_slots(picture, slots, last_seen)
        return slots

    def _fill_free_slots(self, picture: Picture, slots: Slots, last_seen: Slots) -> None:
        for region in regions_of_palms(self.palms(picture)):
            if None not in slots:
                return
            hand = self._find_landmarks(picture, region)
            if hand is not None and not _shows_one_of(hand, slots):
                slots[_choose_slot(hand, slots, last_seen)] = hand

    def _find_landmarks(self, picture: Picture, region: Region) -> Hand | None:
        pixels = picture.crop(region.centre, region.side, region.rotation, CROP_SIZE)
        points, score, left, world = self._model(pixels)  # (63,), (1,), (1,), (63,)
        if score[0] < MIN_SCORE:
            return None
        turn = _turn(region.rotation)
        crop = points.reshape(POINTS, 3) / CROP_SIZE
        placed = np.empty((POINTS, 3), np.float32)
        placed[:, :2] = (crop[:, :2] - 0.5) @ turn.T * region.side + region.centre
        placed[:, 2] = crop[:, 2] * region.side / Z_SCALE
        turned = world.reshape(POINTS, 3).copy()
        turned[:, :2] = turned[:, :2] @ turn.T
        return Hand(placed, turned, float(score[0]), float(left[0]))


def regions_of_palms(palms: Palms) -> list[Region]:
    """The regions in which landmarks are searched.

    Args:
        palms: the palms of a picture.

    Returns:
        One region per palm.
    """
    return [_region_of_palm(box, points) for box, points in zip(palms.boxes, palms.points, strict=True)]


def region_of_hand(hand: Hand) -> Region:
    """The region in which a hand is searched in the next frame.

    Args:
        hand: the hand in this frame.

    Returns:
        The region.
    """
    points = hand.points[:, :2].astype(np.float64)
    knuckles = (points[INDEX_BASE] + points[RING_BASE]) / 2
    rotation = _rotation(points[0], (knuckles + points[MIDDLE_FINGER_BASE]) / 2)
    chosen = points[list(TRACKED_POINTS)]
    turn, middle = _turn(rotation), (chosen.min(axis=0) + chosen.max(axis=0)) / 2
    upright = (chosen - middle) @ turn  # as if the fingers pointed up
    low, high = upright.min(axis=0), upright.max(axis=0)
    centre = middle + turn @ ((low + high) / 2 - [0, TRACKED_SHIFT * (high - low)[1]])
    return Region(centre, float((high - low).max()) * TRACKED_SCALE, rotation)


def _region_of_palm(box: np.ndarray, points: np.ndarray) -> Region:
    corner, size = box[:2].astype(np.float64), (box[2:] - box[:2]).astype(np.float64)
    rotation = _rotation(points[WRIST], points[MIDDLE_BASE])
    centre = corner + size / 2 + _turn(rotation) @ np.array([0, -PALM_SHIFT * size[1]])
    return Region(centre, float(size.max()) * PALM_SCALE, rotation)


def _rotation(wrist: np.ndarray, middle: np.ndarray) -> float:
    """Clockwise rotation of the direction from wrist to middle finger against "up", from -pi to pi."""
    x, y = middle - wrist
    return float(np.arctan2(x, -y))


def _turn(rotation: float) -> np.ndarray:
    """The matrix that turns a column (x, y) clockwise, y pointing down."""
    cos, sin = np.cos(rotation), np.sin(rotation)
    return np.array([[cos, -sin], [sin, cos]])


def _shows_one_of(hand: Hand, slots: Slots) -> bool:
    """Whether a slot already has this hand: two regions can lead to the same hand."""
    return any(other is not None and _covered(hand.box, other.box) > SAME_HAND for other in slots)


def _covered(box: np.ndarray, other: np.ndarray) -> float:
    """Share of the smaller box that the other one covers."""
    sides = np.clip(np.minimum(box[2:], other[2:]) - np.maximum(box[:2], other[:2]), 0, None)
    areas = (box[2:] - box[:2]).prod(), (other[2:] - other[:2]).prod()
    return float(sides.prod() / max(min(areas), 1e-6))


def _choose_slot(hand: Hand, slots: Slots, last_seen: Slots) -> int:
    """The free slot whose last hand was nearest, so that a hand that was lost for a moment keeps its slot."""
    free = [slot for slot in range(SLOTS) if slots[slot] is None]
    centre = hand.points[:, :2].mean(axis=0)

    def distance(slot: int) -> tuple[float, int]:
        before = last_seen[slot]
        if before is None:
            return np.inf, slot
        return float(np.linalg.norm(before.points[:, :2].mean(axis=0) - centre)), slot

    return min(free, key=distance)
