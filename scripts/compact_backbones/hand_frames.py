"""Single frames with known hands, to teach the compact backbones where a hand is, how large and how open."""

from dataclasses import dataclass

import numpy as np

from hand_gestures.augmentation import ClipAugmentation, resize_clip
from hand_gestures.synthetic.hand import Pose
from hand_gestures.synthetic.scene import draw_frame, make_performer
from hand_gestures.utils.progress import progress
from hand_gestures.utils.workers import in_processes

HEIGHT, WIDTH = 240, 320
STRANGERS = 1  # the seed stream of these performers; those of the sample are drawn from stream 0


@dataclass(frozen=True)
class HandFrames:
    """`images` uint8 (N, S, S, 3); `hands` float32 (N, 4): x, y in fractions of the frame, palm size
    over frame height, openness; `boxes` float32 (N, 4): x0, y0, x1, y1 in fractions of the frame."""

    images: np.ndarray
    hands: np.ndarray
    boxes: np.ndarray

    def __len__(self) -> int:
        return len(self.images)


def render_hand_frames(
    *, performers: int, frames_each: int, first: int, size: int, seed: int, augmentation: dict, processes: int
) -> HandFrames:
    """Render `frames_each` frames of each performer `first` .. `first + performers - 1`."""
    tasks = [(seed, first + i, frames_each, size, augmentation) for i in range(performers)]
    parts = list(progress(in_processes(_render_performer, tasks, processes), performers, "rendering hands"))
    images, hands, boxes = (np.concatenate(column) for column in zip(*parts, strict=True))
    return HandFrames(images, hands, boxes)


def _render_performer(task: tuple[int, int, int, int, dict]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    seed, performer_id, count, size, augmentation = task
    rng = np.random.default_rng([seed, STRANGERS, performer_id])
    performer = make_performer(rng, HEIGHT, WIDTH)
    augment = ClipAugmentation(size=size, **augmentation)
    images = np.empty((count, size, size, 3), np.uint8)
    hands = np.empty((count, 4), np.float32)
    boxes = np.empty((count, 4), np.float32)
    for i in range(count):
        pose = _any_pose(rng, performer.tilt)
        frame, corners = draw_frame(performer, pose, HEIGHT, WIDTH, rng, tuple(rng.uniform(0, 1, 2)))
        hand = np.array([pose.x, pose.y, pose.size, pose.openness])
        box = np.array(corners) / (WIDTH, HEIGHT, WIDTH, HEIGHT)
        if i % 4 == 0:
            image = resize_clip(frame[None], size)[0]
        else:
            clip, mirrored = augment(frame[None], int(rng.integers(2**31)))
            image = clip[0]
            if mirrored:
                hand[0] = 1 - hand[0]
                box[[0, 2]] = 1 - box[[2, 0]]
        images[i], hands[i], boxes[i] = image, hand, box
    return images, hands, boxes


def _any_pose(rng: np.random.Generator, tilt: float) -> Pose:
    openness = rng.choice([0.0, 1.0, rng.uniform(0, 1), rng.uniform(0, 1)])
    return Pose(
        x=rng.uniform(0.08, 0.92),
        y=rng.uniform(0.15, 0.95),
        size=float(np.exp(rng.uniform(np.log(0.08), np.log(0.38)))),
        openness=float(openness),
        tilt=tilt + rng.normal(0, 9),
    )
