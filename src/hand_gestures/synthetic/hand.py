"""Draws one hand from a pose and an anatomy: palm, five fingers, wrist and sleeve.

Hand coordinates: the palm is one unit wide, its centre is the origin, and fingers point to -y.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import ArrayLike

SUBPIXEL_BITS = 4  # OpenCV draws in sixteenths of a pixel: otherwise slow motion would jump

# base of each finger on the edge of the palm, length, and direction in degrees (0 = straight up)
FINGERS = {
    "index": ((-0.37, -0.40), 0.86, -9.0),
    "middle": ((-0.125, -0.47), 0.98, -2.5),
    "ring": ((0.125, -0.45), 0.90, 4.0),
    "little": ((0.35, -0.36), 0.68, 12.0),
}
# x and y of the corners of the palm, clockwise from the wrist
PALM = np.array(
    [
        [-0.34, -0.47, -0.49, -0.36, 0.0, 0.34, 0.48, 0.44, 0.30],
        [0.56, 0.18, -0.30, -0.47, -0.52, -0.44, -0.24, 0.20, 0.56],
    ]
).T
THUMB_BASE = (-0.40, 0.16)


@dataclass(frozen=True)
class Anatomy:
    """Properties of one person's hand that never change; colours are RGB from 0 to 255."""

    skin: tuple[float, float, float]
    sleeve: tuple[float, float, float]
    finger_radius: float = 0.125
    finger_length: float = 1.0
    spread: float = 1.0
    left_handed: bool = False
    sleeve_start: float = 1.15


@dataclass(frozen=True)
class Pose:
    """Position and shape of the hand in one frame.

    `x` and `y` are fractions of the frame, `size` is the palm width divided by the frame height, `openness` goes from 0
    (fist) to 1 (spread fingers), and `tilt` is in degrees clockwise.
    """

    x: float
    y: float
    size: float
    openness: float
    tilt: float = 0.0


class HandPainter:
    """Paints one hand on an image and keeps a mask of the pixels that it covers.

    Args:
        image: uint8 RGB (H, W, 3), changed in place.
        anatomy: properties of the hand.
        pose: its position and shape.

    Example:
        >>> mask = HandPainter(frame, performer.anatomy, Pose(0.5, 0.5, 0.2, openness=1.0)).paint()
    """

    def __init__(self, image: np.ndarray, anatomy: Anatomy, pose: Pose) -> None:
        self.image = image
        self.mask = np.zeros(image.shape[:2], np.uint8)
        self.anatomy = anatomy
        self.pose = pose
        height, width = image.shape[:2]
        self.unit = pose.size * height
        self.centre = np.array([pose.x * width, pose.y * height])
        turn = np.deg2rad(pose.tilt)
        self.rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
        self.light = np.array(anatomy.skin)

    def paint(self) -> np.ndarray:
        """Paint the parts of the hand from back to front.

        Returns:
            Mask of the hand without the arm, uint8 (H, W).
        """
        self._arm()
        self.mask[:] = 0  # the box of the hand must not include the arm
        self._thumb()
        for name in FINGERS:
            self._finger(name, tip=False)
        self._palm()
        for name in FINGERS:
            self._finger(name, tip=True)
        if self.pose.openness < 0.65:
            self._thumb()  # again: over the fingers of a fist
        return self.mask

    def _to_pixels(self, points: ArrayLike) -> np.ndarray:
        corners = np.array(points, float).reshape(-1, 2)
        if self.anatomy.left_handed:
            corners = corners * (-1.0, 1.0)
        return corners @ self.rotation.T * self.unit + self.centre

    def _fixed(self, points: ArrayLike) -> np.ndarray:
        return np.round(self._to_pixels(points) * (1 << SUBPIXEL_BITS)).astype(np.int32)

    def _polygon(self, points: ArrayLike, colour: np.ndarray) -> None:
        corners = self._fixed(points)
        cv2.fillPoly(self.image, [corners], tuple(map(float, colour)), cv2.LINE_AA, SUBPIXEL_BITS)
        cv2.fillPoly(self.mask, [corners], 255, cv2.LINE_8, SUBPIXEL_BITS)

    def _capsule(
        self, start: np.ndarray, end: np.ndarray, radius_start: float, radius_end: float, colour: np.ndarray
    ) -> None:
        axis = np.subtract(end, start)
        length = float(np.hypot(*axis))
        angle = np.arctan2(axis[1], axis[0]) if length > 1e-6 else 0.0
        around = np.linspace(np.pi / 2, 3 * np.pi / 2, 9) + angle
        ring_start = np.stack([np.cos(around), np.sin(around)], 1) * radius_start + start
        ring_end = np.stack([np.cos(around + np.pi), np.sin(around + np.pi)], 1) * radius_end + end
        self._polygon(np.concatenate([ring_start, ring_end]), colour)

    def _limb(self, start: ArrayLike, end: ArrayLike, radius_start: float, radius_end: float, tone: float) -> None:
        """A capsule with a dark rim, a body and a soft highlight on its lit side."""
        start, end = np.asarray(start, float), np.asarray(end, float)
        rim = 0.022
        self._capsule(start, end, radius_start + rim, radius_end + rim, self.light * 0.55 * tone)
        self._capsule(start, end, radius_start, radius_end, self.light * tone)
        lit = np.array([-0.03, -0.02])
        shine = np.minimum(self.light * tone * 1.10 + 6, 255)
        self._capsule(start + lit, end + lit, radius_start * 0.48, radius_end * 0.48, shine)

    def _arm(self) -> None:
        reach = 8.0
        top = self.anatomy.sleeve_start
        self._limb((0, 0.42), (0.05, top + 0.5), 0.33, 0.36, 0.93)
        cloth = np.array(self.anatomy.sleeve)
        self._polygon([(-0.47, top), (0.50, top), (0.95, reach), (-0.75, reach)], cloth * 0.62)
        self._polygon([(-0.44, top + 0.03), (0.47, top + 0.03), (0.90, reach), (-0.70, reach)], cloth)
        self._polygon(
            [(-0.44, top + 0.03), (0.47, top + 0.03), (0.49, top + 0.20), (-0.46, top + 0.20)],
            np.minimum(cloth * 1.12, 255),
        )

    def _palm(self) -> None:
        self._polygon(_rounded(PALM * 1.035), self.light * 0.58)
        self._polygon(_rounded(PALM), self.light * 0.97)
        self._polygon(_rounded(PALM * 0.66 + (-0.03, 0.02)), np.minimum(self.light * 1.04 + 3, 255))
        crease = self.light * 0.80
        for curve in (((-0.36, -0.12), (-0.05, -0.02), (0.40, -0.16)), ((-0.40, 0.00), (-0.10, 0.10), (-0.02, 0.50))):
            line, thickness = self._fixed(_bezier(curve)), max(1, round(self.unit * 0.022))
            cv2.polylines(self.image, [line], False, tuple(map(float, crease)), thickness, cv2.LINE_AA, SUBPIXEL_BITS)

    def _finger(self, name: str, tip: bool) -> None:
        """The half near the knuckle keeps its place; the other half folds over it as the hand closes."""
        base, length, direction = FINGERS[name]
        openness = self.pose.openness
        length = length * self.anatomy.finger_length
        angle = np.deg2rad(direction * self.anatomy.spread * (0.25 + 0.75 * openness))
        along = np.array([np.sin(angle), -np.cos(angle)])
        knuckle = np.array(base)
        middle = knuckle + along * length * 0.5 * (0.30 + 0.70 * openness)
        end = middle + along * length * 0.5 * np.cos(np.pi * (1 - openness) * 0.97)
        radius = self.anatomy.finger_radius * (0.9 if name == "little" else 1.0)
        if not tip:
            self._limb(knuckle + (0, 0.12), middle, radius * 1.04, radius, 0.97)
            if openness >= 0.5:
                self._limb(middle, end, radius, radius * 0.84, 1.0)
        elif openness < 0.5:
            self._limb(middle, end, radius, radius * 0.92, 1.03)

    def _thumb(self) -> None:
        closed = 1.0 - self.pose.openness
        angle = np.deg2rad(-52 + 112 * max(0.0, closed - 0.1))
        along = np.array([np.sin(angle), -np.cos(angle)])
        bend = np.deg2rad(np.rad2deg(angle) + 14 + 26 * closed)  # the tip bends further than the base
        along_tip = np.array([np.sin(bend), -np.cos(bend)])
        base = np.array(THUMB_BASE) + (0.10 * closed, 0.06)
        joint = base + along * 0.40
        end = joint + along_tip * 0.34
        radius = self.anatomy.finger_radius * 1.12
        self._limb(base, joint, radius * 1.15, radius, 0.99)
        self._limb(joint, end, radius, radius * 0.82, 1.01)


def _rounded(corners: np.ndarray) -> np.ndarray:
    """Smooth an outline: Chaikin's corner cutting (1974), twice."""
    for _ in range(2):
        following = np.roll(corners, -1, axis=0)
        corners = np.stack([0.75 * corners + 0.25 * following, 0.25 * corners + 0.75 * following], 1).reshape(-1, 2)
    return corners


def _bezier(control: tuple) -> np.ndarray:
    a, b, c = (np.array(p) for p in control)
    return np.array([(1 - t) ** 2 * a + 2 * t * (1 - t) * b + t**2 * c for t in np.linspace(0, 1, 9)])
