"""Twelve gestures as poses over time.

Ten of them are pairs with the same poses in opposite order, so that no single frame distinguishes them. Directions are
those that the viewer of the picture sees.
"""

from collections.abc import Callable

import numpy as np

from hand_gestures.synthetic.hand import Pose
from hand_gestures.synthetic.scene import Performer

# progress of the motion from 0 to 1 → values of the pose that differ from the performer's usual ones
Motion = Callable[[np.ndarray], dict[str, np.ndarray]]


def _swipe(dx: float, dy: float) -> Motion:
    return lambda s: {"x": dx * (s - 0.5) * 0.46, "y": dy * (s - 0.5) * 0.38}


def _circle(turn: float) -> Motion:
    return lambda s: {"x": 0.14 * np.sin(2 * np.pi * s * turn), "y": -0.17 * np.cos(2 * np.pi * s)}


def _distance(start: float, end: float) -> Motion:
    return lambda s: {"size": start * (end / start) ** s}


GESTURES: dict[str, Motion] = {
    "swipe_left": _swipe(-1, 0),
    "swipe_right": _swipe(1, 0),
    "swipe_up": _swipe(0, -1),
    "swipe_down": _swipe(0, 1),
    "open_hand": lambda s: {"openness": s},
    "close_hand": lambda s: {"openness": 1 - s},
    "move_closer": _distance(0.62, 1.5),
    "move_away": _distance(1.5, 0.62),
    "circle_clockwise": _circle(1),
    "circle_counterclockwise": _circle(-1),
    "hold_palm": lambda s: {},
    "hold_fist": lambda s: {"openness": np.zeros_like(s)},
}
DIRECTION_ONLY = [name for name in GESTURES if not name.startswith("hold_")]


def gesture_poses(name: str, performer: Performer, rng: np.random.Generator, frames: int) -> list[Pose]:
    """The poses of one clip: a short hold, a smooth motion, a short hold, with the performer's unsteady hand.

    Args:
        name: a key of `GESTURES`.
        performer: gives reach, tilt and size of the hand.
        rng: draws timing, position and unsteadiness.
        frames: length of the clip.

    Returns:
        One pose per frame.
    """
    start, end = rng.uniform(0.02, 0.12), rng.uniform(0.86, 0.98)
    time = np.clip((np.linspace(0, 1, frames) - start) / (end - start), 0, 1)
    progress = _eased(time, rng.uniform(0.5, 1.0))
    if name.startswith("circle"):
        # a random start on the circle: the first frame must not reveal the direction
        progress = progress * rng.uniform(1.0, 1.3) + rng.uniform(0, 1)
    offsets = GESTURES[name](progress)
    scale = performer.reach * rng.uniform(0.9, 1.1)
    wander = np.cumsum(rng.normal(0, performer.unsteadiness, (frames, 2)), axis=0)
    wander -= np.linspace(wander[0], wander[-1], frames)  # the hand trembles but does not drift
    home_x, home_y = rng.uniform(0.42, 0.58), rng.uniform(0.48, 0.58)
    tilt = performer.tilt + rng.normal(0, 4) + np.cumsum(rng.normal(0, 0.35, frames))
    openness = np.clip(offsets.get("openness", np.ones(frames)) * rng.uniform(0.93, 1.0), 0, 1)
    size = performer.hand_size * offsets.get("size", np.ones(frames)) * rng.uniform(0.95, 1.05)
    x = home_x + scale * offsets.get("x", np.zeros(frames)) + wander[:, 0]
    y = home_y + scale * offsets.get("y", np.zeros(frames)) + wander[:, 1]
    return [Pose(*values) for values in zip(x, y, size, openness, tilt, strict=True)]


def clip_length(performer: Performer, rng: np.random.Generator) -> int:
    """Draw the number of frames of one clip, 24 to 48; quick performers need fewer."""
    return int(np.clip(round(36 / performer.pace * rng.uniform(0.9, 1.1)), 24, 48))


def _eased(time: np.ndarray, softness: float) -> np.ndarray:
    return (1 - softness) * time + softness * time * time * (3 - 2 * time)
