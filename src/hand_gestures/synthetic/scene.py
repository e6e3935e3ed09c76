"""A performer and a room: who stands before the camera, what is behind, and what the camera adds."""

from dataclasses import dataclass

import cv2
import numpy as np

from hand_gestures.synthetic.hand import Anatomy, HandPainter, Pose

# RGB, from very fair to very dark; every performer mixes two neighbours
SKIN_TONES = [
    (247, 215, 190),
    (240, 200, 170),
    (226, 180, 145),
    (208, 158, 120),
    (184, 132, 94),
    (156, 106, 72),
    (124, 80, 54),
    (94, 60, 42),
]


@dataclass(frozen=True)
class Performer:
    """One person: hand, clothes, room, camera, and the way of moving."""

    anatomy: Anatomy
    room: np.ndarray  # uint8 RGB (H, W, 3), larger than a frame so that the camera can stand elsewhere
    hand_size: float  # palm width over frame height
    pace: float  # 1.0 = average; larger is quicker
    reach: float  # how far the motions go, in fractions of the frame
    tilt: float  # how the hand is held, degrees
    unsteadiness: float
    camera_noise: float  # standard deviation of the sensor noise, 0..255
    brightness: float
    warmth: float


def make_performer(rng: np.random.Generator, height: int, width: int) -> Performer:
    """Draw a person and a room at random; `height`, `width` are those of the frames in pixels."""
    tone = rng.uniform(0, len(SKIN_TONES) - 1.001)
    lighter, darker = np.array(SKIN_TONES[int(tone)]), np.array(SKIN_TONES[int(tone) + 1])
    skin = lighter + (darker - lighter) * (tone % 1) + rng.normal(0, 3, 3)
    sleeve = _cloth(rng)
    anatomy = Anatomy(
        skin=tuple(np.clip(skin, 20, 250)),
        sleeve=tuple(sleeve),
        finger_radius=rng.uniform(0.105, 0.135),
        finger_length=rng.uniform(0.88, 1.12),
        spread=rng.uniform(0.6, 1.5),
        left_handed=bool(rng.random() < 0.3),
        sleeve_start=rng.uniform(0.9, 2.2),
    )
    return Performer(
        anatomy=anatomy,
        room=draw_room(rng, round(height * 1.12), round(width * 1.12), np.clip(skin, 20, 250), sleeve),
        hand_size=rng.uniform(0.15, 0.22),
        pace=rng.uniform(0.8, 1.3),
        reach=rng.uniform(0.8, 1.15),
        tilt=rng.normal(0, 7),
        unsteadiness=rng.uniform(0.002, 0.008),
        camera_noise=rng.uniform(2, 7),
        brightness=rng.uniform(0.85, 1.12),
        warmth=rng.normal(0, 0.03),
    )


def draw_room(rng: np.random.Generator, height: int, width: int, skin: np.ndarray, shirt: np.ndarray) -> np.ndarray:
    """A wall with things on it, a person out of focus before it; uint8 RGB (height, width, 3)."""
    wall = _wall_colour(rng)
    shade = np.linspace(rng.uniform(1.0, 1.12), rng.uniform(0.78, 0.95), height)[:, None, None]
    drift = np.linspace(rng.uniform(0.9, 1.05), rng.uniform(0.9, 1.05), width)[None, :, None]
    room = np.clip(wall * shade * drift, 0, 255).astype(np.uint8)
    if rng.random() < 0.4:
        _stripes(room, rng, wall)
    for _ in range(rng.integers(4, 9)):
        THINGS[rng.integers(len(THINGS))](room, rng)
    room = cv2.GaussianBlur(room, (0, 0), rng.uniform(0.8, 2.2))
    if rng.random() < 0.7:
        _person(room, rng, skin, shirt)
    return room


def draw_frame(
    performer: Performer,
    pose: Pose,
    height: int,
    width: int,
    rng: np.random.Generator,
    offset: tuple[float, float] = (0.5, 0.5),
) -> tuple[np.ndarray, tuple[float, float, float, float]]:
    """One camera frame, uint8 RGB (height, width, 3), and the hand's box (x0, y0, x1, y1) in pixels,
    cut at the frame's edge. `offset` in 0..1 says where in the room the camera looks."""
    top = round(offset[1] * (performer.room.shape[0] - height))
    left = round(offset[0] * (performer.room.shape[1] - width))
    frame = performer.room[top : top + height, left : left + width].copy()
    _drop_shadow(frame, pose)
    mask = HandPainter(frame, performer.anatomy, pose).paint()
    x, y, box_width, box_height = cv2.boundingRect(mask)
    return _camera(frame, performer, rng), (x, y, x + box_width, y + box_height)


def _drop_shadow(frame: np.ndarray, pose: Pose) -> None:
    """The hand darkens the room a little, down and to the right: it lifts it off the background."""
    height, width = frame.shape[:2]
    small = np.zeros((height // 4, width // 4), np.uint8)
    centre = (round((pose.x + 0.02) * width / 4), round((pose.y + 0.02) * height / 4))
    radius = pose.size * height / 4
    cv2.ellipse(
        small, centre, (round(radius * 0.75), round(radius * (0.8 + 0.5 * pose.openness))), pose.tilt, 0, 360, 110, -1
    )
    soft = cv2.resize(
        cv2.GaussianBlur(small, (0, 0), max(1.0, radius * 0.25)), (width, height), interpolation=cv2.INTER_LINEAR
    )
    frame[:] = cv2.multiply(frame, cv2.merge([255 - soft] * 3), scale=1 / 255)


def _camera(frame: np.ndarray, performer: Performer, rng: np.random.Generator) -> np.ndarray:
    gain = (
        performer.brightness * (1 + rng.normal(0, 0.01)) * np.array([1 + performer.warmth, 1.0, 1 - performer.warmth])
    )
    noise = np.empty(frame.shape, np.int16)
    cv2.setRNGSeed(int(rng.integers(2**31)))
    cv2.randn(noise, (0, 0, 0), (performer.camera_noise,) * 3)
    bright = cv2.multiply(frame, (*gain, 1.0), dtype=cv2.CV_16S)
    return cv2.add(bright, noise, dtype=cv2.CV_8U)


def _cloth(rng: np.random.Generator) -> np.ndarray:
    return _hsv(rng.uniform(0, 180), rng.uniform(40, 190), rng.uniform(50, 210))


def _wall_colour(rng: np.random.Generator) -> np.ndarray:
    return _hsv(rng.uniform(0, 180), rng.uniform(8, 70), rng.uniform(110, 235))


def _hsv(hue: float, saturation: float, value: float) -> np.ndarray:
    pixel = np.array([[[hue, saturation, value]]]).astype(np.uint8)
    return np.asarray(cv2.cvtColor(pixel, cv2.COLOR_HSV2RGB)[0, 0], float)


def _colour(rng: np.random.Generator) -> tuple[float, float, float]:
    red, green, blue = map(float, _hsv(rng.uniform(0, 180), rng.uniform(20, 170), rng.uniform(40, 230)))
    return red, green, blue


def _place(room: np.ndarray, rng: np.random.Generator) -> tuple[int, int, int]:
    height, width = room.shape[:2]
    return int(rng.integers(0, width)), int(rng.integers(0, height * 3 // 4)), height


def _stripes(room: np.ndarray, rng: np.random.Generator, wall: np.ndarray) -> None:
    step = int(rng.integers(14, 40))
    for x in range(0, room.shape[1], step):
        cv2.rectangle(room, (x, 0), (x + step // 2, room.shape[0]), tuple(map(float, wall * 0.92)), -1)


def _picture(room: np.ndarray, rng: np.random.Generator) -> None:
    x, y, height = _place(room, rng)
    w, h = (int(v) for v in rng.integers(height // 10, height // 3, 2))
    cv2.rectangle(room, (x, y), (x + w, y + h), _colour(rng), -1)
    cv2.rectangle(room, (x + w // 8, y + h // 8), (x + w * 7 // 8, y + h * 7 // 8), _colour(rng), -1)
    cv2.circle(room, (x + w // 2, y + h // 2), max(2, min(w, h) // 5), _colour(rng), -1, cv2.LINE_AA)


def _shelf(room: np.ndarray, rng: np.random.Generator) -> None:
    x, y, height = _place(room, rng)
    books, tallest = int(rng.integers(4, 10)), height // 6
    cursor = x
    for _ in range(books):
        thick, tall = int(rng.integers(5, 13)), int(rng.integers(tallest // 2, tallest))
        cv2.rectangle(room, (cursor, y - tall), (cursor + thick, y), _colour(rng), -1)
        cursor += thick + 1
    cv2.rectangle(room, (x - 6, y), (cursor + 6, y + 5), (96.0, 70.0, 48.0), -1)


def _lamp(room: np.ndarray, rng: np.random.Generator) -> None:
    x, y, height = _place(room, rng)
    size = int(rng.integers(height // 14, height // 7))
    cv2.line(room, (x, 0), (x, y), (60.0, 60.0, 64.0), 2, cv2.LINE_AA)
    shade = np.array([(x - size, y + size), (x - size // 2, y), (x + size // 2, y), (x + size, y + size)], np.int32)
    cv2.fillPoly(room, [shade], _colour(rng), cv2.LINE_AA)
    cv2.ellipse(room, (x, y + size), (size, size // 4), 0, 0, 180, (255.0, 240.0, 200.0), -1, cv2.LINE_AA)


def _plant(room: np.ndarray, rng: np.random.Generator) -> None:
    x, y, height = _place(room, rng)
    y += height // 5
    for angle in rng.uniform(-1.2, 1.2, 9):
        tip = (int(x + np.sin(angle) * height * 0.16), int(y - np.cos(angle) * height * 0.2))
        middle = ((x + tip[0]) // 2, (y + tip[1]) // 2)
        green = tuple(map(float, _hsv(rng.uniform(38, 75), rng.uniform(70, 160), rng.uniform(60, 150))))
        cv2.ellipse(
            room, middle, (height // 10, height // 40), float(np.rad2deg(angle)) - 90, 0, 360, green, -1, cv2.LINE_AA
        )
    pot = np.array([(x - 14, y), (x + 14, y), (x + 10, y + 22), (x - 10, y + 22)], np.int32)
    cv2.fillPoly(room, [pot], _colour(rng), cv2.LINE_AA)


def _window(room: np.ndarray, rng: np.random.Generator) -> None:
    x, y, height = _place(room, rng)
    w, h = int(height * rng.uniform(0.2, 0.4)), int(height * rng.uniform(0.25, 0.45))
    cv2.rectangle(room, (x, y), (x + w, y + h), (236.0, 240.0, 240.0), -1)
    cv2.rectangle(
        room, (x + 4, y + 4), (x + w - 4, y + h - 4), tuple(map(float, _hsv(rng.uniform(90, 115), 60, 235))), -1
    )
    cv2.line(room, (x + w // 2, y), (x + w // 2, y + h), (236.0, 240.0, 240.0), 3)
    cv2.line(room, (x, y + h // 2), (x + w, y + h // 2), (236.0, 240.0, 240.0), 3)


THINGS = (_picture, _shelf, _lamp, _plant, _window)


def _person(room: np.ndarray, rng: np.random.Generator, skin: np.ndarray, shirt: np.ndarray) -> None:
    """Head and shoulders out of focus: skin that is not a hand."""
    height, width = room.shape[:2]
    layer = room.copy()
    x, y = int(width * rng.uniform(0.38, 0.62)), int(height * rng.uniform(0.34, 0.5))
    head = height * rng.uniform(0.11, 0.15)
    hair = _hsv(rng.uniform(5, 25), rng.uniform(30, 140), rng.uniform(20, 150))
    cv2.ellipse(
        layer,
        (x, int(y - head * 0.35)),
        (int(head * 1.08), int(head * 1.15)),
        0,
        0,
        360,
        tuple(map(float, hair)),
        -1,
        cv2.LINE_AA,
    )
    if rng.random() < 0.4:
        cv2.rectangle(
            layer,
            (int(x - head * 1.05), int(y - head * 0.3)),
            (int(x + head * 1.05), int(y + head * 1.3)),
            tuple(map(float, hair)),
            -1,
        )
    shoulders = np.array([(-2.6, 5.5), (-2.2, 2.6), (-0.5, 1.75), (0.5, 1.75), (2.2, 2.6), (2.6, 5.5)]) * head + (x, y)
    cv2.fillPoly(layer, [shoulders.astype(np.int32)], tuple(map(float, shirt * 0.9)), cv2.LINE_AA)
    cv2.rectangle(
        layer, (int(x - head * 0.4), y), (int(x + head * 0.4), int(y + head * 1.9)), tuple(map(float, skin * 0.8)), -1
    )
    cv2.ellipse(
        layer, (x, y), (int(head * 0.85), int(head * 1.1)), 0, 0, 360, tuple(map(float, skin * 0.92)), -1, cv2.LINE_AA
    )
    for side in (-1, 1):
        eye = (int(x + side * head * 0.35), int(y - head * 0.05))
        cv2.circle(layer, eye, max(1, int(head * 0.09)), (40.0, 32.0, 30.0), -1, cv2.LINE_AA)
    cv2.ellipse(
        layer,
        (x, int(y + head * 0.5)),
        (int(head * 0.3), int(head * 0.1)),
        0,
        0,
        180,
        tuple(map(float, skin * 0.55)),
        2,
        cv2.LINE_AA,
    )
    room[:] = cv2.GaussianBlur(layer, (0, 0), rng.uniform(1.0, 1.8))
