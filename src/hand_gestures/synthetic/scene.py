"""A performer and a room: the person in front of the camera, the background, and the effects of the camera."""

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
MARGIN = 1.12  # size of a room divided by the size of a frame
Colour = tuple[float, ...]  # RGB from 0 to 255, as OpenCV takes it


@dataclass(frozen=True)
class Performer:
    """One person: hand, clothes, room, camera, and the way of moving."""

    anatomy: Anatomy
    room: np.ndarray  # uint8 RGB (H, W, 3), larger than a frame: each clip shows another part of it
    hand_size: float  # palm width divided by frame height
    pace: float  # 1.0 = average; larger is quicker
    reach: float  # how large the motions are; 1.0 = average
    tilt: float  # usual angle of the hand, degrees
    unsteadiness: float  # standard deviation of the trembling per frame, fractions of the frame
    camera_noise: float  # standard deviation of the sensor noise, 0 to 255
    brightness: float  # 1.0 = average
    warmth: float  # gain of red and loss of blue, as a fraction


def make_performer(rng: np.random.Generator, height: int, width: int) -> Performer:
    """Draw a person and a room at random.

    Args:
        rng: the source of all draws.
        height: of the frames, pixels.
        width: of the frames, pixels.

    Returns:
        The performer; the same state of `rng` gives the same one.
    """
    tone = rng.uniform(0, len(SKIN_TONES) - 1.001)
    lighter, darker = np.array(SKIN_TONES[int(tone)]), np.array(SKIN_TONES[int(tone) + 1])
    skin = np.clip(lighter + (darker - lighter) * (tone % 1) + rng.normal(0, 3, 3), 20, 250)
    sleeve = _random_hsv(rng, (0, 180), (40, 190), (50, 210))
    anatomy = Anatomy(
        skin=tuple(skin),
        sleeve=tuple(sleeve),
        finger_radius=rng.uniform(0.105, 0.135),
        finger_length=rng.uniform(0.88, 1.12),
        spread=rng.uniform(0.6, 1.5),
        left_handed=bool(rng.random() < 0.3),
        sleeve_start=rng.uniform(0.9, 2.2),
    )
    return Performer(
        anatomy=anatomy,
        room=draw_room(rng, round(height * MARGIN), round(width * MARGIN), skin, sleeve),
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
    """Draw a wall with some objects and, often, the blurred performer in front of it.

    Args:
        rng: the source of all draws.
        height: of the room, pixels.
        width: of the room, pixels.
        skin: RGB (3,) of the performer.
        shirt: RGB (3,) of the clothes.

    Returns:
        uint8 RGB (height, width, 3).
    """
    wall = _random_hsv(rng, (0, 180), (8, 70), (110, 235))
    shade = np.linspace(rng.uniform(1.0, 1.12), rng.uniform(0.78, 0.95), height)[:, None, None]
    drift = np.linspace(rng.uniform(0.9, 1.05), rng.uniform(0.9, 1.05), width)[None, :, None]
    room = np.clip(wall * shade * drift, 0, 255).astype(np.uint8)
    if rng.random() < 0.4:
        _stripes(room, rng, wall)
    for _ in range(rng.integers(4, 9)):
        OBJECTS[rng.integers(len(OBJECTS))](room, rng)
    room = cv2.GaussianBlur(room, (0, 0), rng.uniform(0.8, 2.2))
    if rng.random() < 0.7:
        room = _with_person(room, rng, skin, shirt)
    return room


def draw_frame(
    performer: Performer,
    pose: Pose,
    height: int,
    width: int,
    rng: np.random.Generator,
    offset: tuple[float, float] = (0.5, 0.5),
) -> tuple[np.ndarray, tuple[float, float, float, float]]:
    """Draw one camera frame.

    Args:
        performer: the person, with room and camera.
        pose: of the hand.
        height: of the frame, pixels.
        width: of the frame, pixels.
        rng: draws the noise of the camera.
        offset: part of the room that the camera shows: x and y from 0 to 1.

    Returns:
        uint8 RGB (height, width, 3), and the box of the hand (x0, y0, x1, y1) in pixels, cut at the edge of the frame.
    """
    top = round(offset[1] * (performer.room.shape[0] - height))
    left = round(offset[0] * (performer.room.shape[1] - width))
    frame = performer.room[top : top + height, left : left + width].copy()
    _drop_shadow(frame, pose)
    mask = HandPainter(frame, performer.anatomy, pose).paint()
    x, y, box_width, box_height = cv2.boundingRect(mask)
    return _camera(frame, performer, rng), (x, y, x + box_width, y + box_height)


def _drop_shadow(frame: np.ndarray, pose: Pose) -> None:
    """Darken the room a little, below and to the right of the hand: this separates hand and background."""
    height, width = frame.shape[:2]
    small = np.zeros((height // 4, width // 4), np.uint8)  # a quarter of the size: blurring is cheaper
    centre = (round((pose.x + 0.02) * width / 4), round((pose.y + 0.02) * height / 4))
    radius = pose.size * height / 4
    axes = (round(radius * 0.75), round(radius * (0.8 + 0.5 * pose.openness)))
    cv2.ellipse(small, centre, axes, pose.tilt, 0, 360, 110, -1)
    blurred = cv2.GaussianBlur(small, (0, 0), max(1.0, radius * 0.25))
    shadow = cv2.resize(blurred, (width, height), interpolation=cv2.INTER_LINEAR)
    frame[:] = cv2.multiply(frame, cv2.merge([255 - shadow] * 3), scale=1 / 255)


def _camera(frame: np.ndarray, performer: Performer, rng: np.random.Generator) -> np.ndarray:
    """Exposure that flickers a little, colour temperature and sensor noise."""
    warmth = np.array([1 + performer.warmth, 1.0, 1 - performer.warmth])
    gain = performer.brightness * (1 + rng.normal(0, 0.01)) * warmth
    noise = np.empty(frame.shape, np.int16)
    cv2.setRNGSeed(int(rng.integers(2**31)))  # OpenCV draws noise several times faster than numpy
    cv2.randn(noise, (0, 0, 0), (performer.camera_noise,) * 3)
    bright = cv2.multiply(frame, (*gain, 1.0), dtype=cv2.CV_16S)
    return cv2.add(bright, noise, dtype=cv2.CV_8U)


def _hsv(hue: float, saturation: float, value: float) -> np.ndarray:
    """RGB float (3,) from 0 to 255; hue is from 0 to 180, as OpenCV has it."""
    pixel = np.array([[[hue, saturation, value]]]).astype(np.uint8)
    return np.asarray(cv2.cvtColor(pixel, cv2.COLOR_HSV2RGB)[0, 0], float)


def _random_hsv(rng: np.random.Generator, *ranges: tuple[float, float]) -> np.ndarray:
    return _hsv(*(rng.uniform(low, high) for low, high in ranges))


def _colour(rgb: np.ndarray) -> Colour:
    return tuple(map(float, rgb))


def _random_colour(rng: np.random.Generator) -> Colour:
    return _colour(_random_hsv(rng, (0, 180), (20, 170), (40, 230)))


def _random_point(room: np.ndarray, rng: np.random.Generator) -> tuple[int, int, int]:
    """x and y of a point in the upper three quarters of the room, and the height of the room."""
    height, width = room.shape[:2]
    return int(rng.integers(0, width)), int(rng.integers(0, height * 3 // 4)), height


def _stripes(room: np.ndarray, rng: np.random.Generator, wall: np.ndarray) -> None:
    step = int(rng.integers(14, 40))
    for x in range(0, room.shape[1], step):
        cv2.rectangle(room, (x, 0), (x + step // 2, room.shape[0]), _colour(wall * 0.92), -1)


def _picture(room: np.ndarray, rng: np.random.Generator) -> None:
    x, y, height = _random_point(room, rng)
    w, h = (int(v) for v in rng.integers(height // 10, height // 3, 2))
    cv2.rectangle(room, (x, y), (x + w, y + h), _random_colour(rng), -1)
    cv2.rectangle(room, (x + w // 8, y + h // 8), (x + w * 7 // 8, y + h * 7 // 8), _random_colour(rng), -1)
    cv2.circle(room, (x + w // 2, y + h // 2), max(2, min(w, h) // 5), _random_colour(rng), -1, cv2.LINE_AA)


def _shelf(room: np.ndarray, rng: np.random.Generator) -> None:
    x, y, height = _random_point(room, rng)
    books, tallest = int(rng.integers(4, 10)), height // 6
    right = x
    for _ in range(books):
        thickness, tall = int(rng.integers(5, 13)), int(rng.integers(tallest // 2, tallest))
        cv2.rectangle(room, (right, y - tall), (right + thickness, y), _random_colour(rng), -1)
        right += thickness + 1
    cv2.rectangle(room, (x - 6, y), (right + 6, y + 5), (96.0, 70.0, 48.0), -1)


def _lamp(room: np.ndarray, rng: np.random.Generator) -> None:
    x, y, height = _random_point(room, rng)
    size = int(rng.integers(height // 14, height // 7))
    cv2.line(room, (x, 0), (x, y), (60.0, 60.0, 64.0), 2, cv2.LINE_AA)
    shade = np.array([(x - size, y + size), (x - size // 2, y), (x + size // 2, y), (x + size, y + size)], np.int32)
    cv2.fillPoly(room, [shade], _random_colour(rng), cv2.LINE_AA)
    cv2.ellipse(room, (x, y + size), (size, size // 4), 0, 0, 180, (255.0, 240.0, 200.0), -1, cv2.LINE_AA)


def _plant(room: np.ndarray, rng: np.random.Generator) -> None:
    x, y, height = _random_point(room, rng)
    y += height // 5
    for angle in rng.uniform(-1.2, 1.2, 9):
        tip = (int(x + np.sin(angle) * height * 0.16), int(y - np.cos(angle) * height * 0.2))
        middle = ((x + tip[0]) // 2, (y + tip[1]) // 2)
        green = _colour(_random_hsv(rng, (38, 75), (70, 160), (60, 150)))
        turn = float(np.rad2deg(angle)) - 90
        cv2.ellipse(room, middle, (height // 10, height // 40), turn, 0, 360, green, -1, cv2.LINE_AA)
    pot = np.array([(x - 14, y), (x + 14, y), (x + 10, y + 22), (x - 10, y + 22)], np.int32)
    cv2.fillPoly(room, [pot], _random_colour(rng), cv2.LINE_AA)


def _window(room: np.ndarray, rng: np.random.Generator) -> None:
    x, y, height = _random_point(room, rng)
    w, h = int(height * rng.uniform(0.2, 0.4)), int(height * rng.uniform(0.25, 0.45))
    frame, sky = (236.0, 240.0, 240.0), _colour(_hsv(rng.uniform(90, 115), 60, 235))
    cv2.rectangle(room, (x, y), (x + w, y + h), frame, -1)
    cv2.rectangle(room, (x + 4, y + 4), (x + w - 4, y + h - 4), sky, -1)
    cv2.line(room, (x + w // 2, y), (x + w // 2, y + h), frame, 3)
    cv2.line(room, (x, y + h // 2), (x + w, y + h // 2), frame, 3)


OBJECTS = (_picture, _shelf, _lamp, _plant, _window)


def _with_person(room: np.ndarray, rng: np.random.Generator, skin: np.ndarray, shirt: np.ndarray) -> np.ndarray:
    """Add blurred head and shoulders: skin that is not a hand."""
    height, width = room.shape[:2]
    x, y = int(width * rng.uniform(0.38, 0.62)), int(height * rng.uniform(0.34, 0.5))
    head = height * rng.uniform(0.11, 0.15)
    hair = _colour(_random_hsv(rng, (5, 25), (30, 140), (20, 150)))

    def at(dx: float, dy: float) -> tuple[int, int]:
        """A point in units of half the head's height around its centre."""
        return int(x + dx * head), int(y + dy * head)

    def ellipse(dy: float, half_width: float, half_height: float, end: float, colour: Colour, thickness: int) -> None:
        axes = (int(head * half_width), int(head * half_height))
        cv2.ellipse(room, (x, int(y + head * dy)), axes, 0, 0, end, colour, thickness, cv2.LINE_AA)

    ellipse(-0.35, 1.08, 1.15, 360, hair, -1)
    if rng.random() < 0.4:  # long hair
        cv2.rectangle(room, at(-1.05, -0.3), at(1.05, 1.3), hair, -1)
    shoulders = np.array([(-2.6, 5.5), (-2.2, 2.6), (-0.5, 1.75), (0.5, 1.75), (2.2, 2.6), (2.6, 5.5)]) * head + (x, y)
    cv2.fillPoly(room, [shoulders.astype(np.int32)], _colour(shirt * 0.9), cv2.LINE_AA)
    cv2.rectangle(room, at(-0.4, 0), at(0.4, 1.9), _colour(skin * 0.8), -1)  # neck
    ellipse(0, 0.85, 1.1, 360, _colour(skin * 0.92), -1)
    for side in (-0.35, 0.35):
        cv2.circle(room, at(side, -0.05), max(1, int(head * 0.09)), (40.0, 32.0, 30.0), -1, cv2.LINE_AA)
    ellipse(0.5, 0.3, 0.1, 180, _colour(skin * 0.55), 2)  # mouth
    return cv2.GaussianBlur(room, (0, 0), rng.uniform(1.0, 1.8))
