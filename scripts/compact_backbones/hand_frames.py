"""Single frames with known hands: the compact backbones learn position, size and openness of the hand."""

from dataclasses import dataclass

import numpy as np

from hand_gestures.augmentation import ClipAugmentation, resize_clip
from hand_gestures.parameters import AugmentationParameters
from hand_gestures.synthetic.hand import Pose
from hand_gestures.synthetic.scene import draw_frame, make_performer
from hand_gestures.utils.progress import progress
from hand_gestures.utils.workers import in_processes

HEIGHT, WIDTH = 240, 320
STRANGERS = 1  # random stream of these performers; those of the sample are drawn from stream 0


@dataclass(frozen=True)
class HandFrames:
    """N square frames of S pixels with one hand each.

    `images`: uint8 RGB (N, S, S, 3). `hands`: float32 (N, 4): x and y in fractions of the frame, palm size divided by
    frame height, openness. `boxes`: float32 (N, 4): x0, y0, x1, y1 in fractions of the frame.
    """

    images: np.ndarray
    hands: np.ndarray
    boxes: np.ndarray

    def __len__(self) -> int:
        return len(self.images)


def render_hand_frames(
    performers: range, frames_each: int, size: int, seed: int, augmentation: AugmentationParameters, processes: int
) -> HandFrames:
    """Render frames of drawn performers.

    Args:
        performers: numbers of the performers.
        frames_each: frames of each performer; every fourth one is not augmented.
        size: side of the frames, pixels.
        seed: of all draws; the number of processes does not change them.
        augmentation: without distortion, which would move the hands.
        processes: number of processes that render.
    """
    tasks = [(seed, number, frames_each, size, augmentation) for number in performers]
    parts = progress(in_processes(_render_performer, tasks, processes), len(tasks), "rendering hands")
    images, hands, boxes = (np.concatenate(column) for column in zip(*parts, strict=True))
    return HandFrames(images, hands, boxes)


def _render_performer(
    task: tuple[int, int, int, int, AugmentationParameters],
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    seed, performer_id, count, size, augmentation = task
    rng = np.random.default_rng([seed, STRANGERS, performer_id])
    performer = make_performer(rng, HEIGHT, WIDTH)
    augment = ClipAugmentation(augmentation, size)
    images = np.empty((count, size, size, 3), np.uint8)
    hands, boxes = np.empty((count, 4)), np.empty((count, 4))
    for i in range(count):
        pose = _random_pose(rng, performer.tilt)
        frame, corners = draw_frame(performer, pose, HEIGHT, WIDTH, rng, tuple(rng.uniform(0, 1, 2)))
        hands[i] = pose.x, pose.y, pose.size, pose.openness
        boxes[i] = np.array(corners) / (WIDTH, HEIGHT, WIDTH, HEIGHT)
        if i % 4 == 0:
            images[i] = resize_clip(frame[None], size)[0]
            continue
        view, mirrored = augment(frame[None], int(rng.integers(2**31)))
        images[i] = view[0]
        if mirrored:
            hands[i, 0] = 1 - hands[i, 0]
            boxes[i, [0, 2]] = 1 - boxes[i, [2, 0]]
    return images, hands.astype(np.float32), boxes.astype(np.float32)


def _random_pose(rng: np.random.Generator, tilt: float) -> Pose:
    openness = rng.choice([0.0, 1.0, rng.uniform(0, 1), rng.uniform(0, 1)])
    return Pose(
        x=rng.uniform(0.08, 0.92),
        y=rng.uniform(0.15, 0.95),
        size=float(np.exp(rng.uniform(np.log(0.08), np.log(0.38)))),
        openness=float(openness),
        tilt=tilt + rng.normal(0, 9),
    )
