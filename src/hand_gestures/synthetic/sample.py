"""The drawn gesture set: every performer shows every gesture."""

from collections.abc import Iterator

import cv2
import numpy as np

from hand_gestures.synthetic.gestures import GESTURES, clip_length, gesture_poses
from hand_gestures.synthetic.scene import draw_frame, make_performer
from hand_gestures.utils.progress import progress
from hand_gestures.utils.workers import in_processes
from hand_gestures.video.frame_names import format_frame_name

SAMPLE = 0  # the seed stream of the sample's performers; the backbones learn from another


def render_sample(
    *, performers: int, takes: int, height: int, width: int, jpeg_quality: int, processes: int, seed: int
) -> Iterator[tuple[str, bytes]]:
    """Render `takes` clips of each gesture by each performer, as (`{class}/{video_id}_frame_{n}.jpg`, jpeg).

    The video id is `performer07-take1`. The same arguments give the same bytes, whatever the number of
    processes.
    """
    tasks = [(seed, performer, takes, height, width, jpeg_quality) for performer in range(1, performers + 1)]
    for clips in progress(in_processes(_render_performer, tasks, processes), performers, "rendering performers"):
        yield from clips


def _render_performer(task: tuple[int, int, int, int, int, int]) -> list[tuple[str, bytes]]:
    seed, performer_id, takes, height, width, quality = task
    performer = make_performer(np.random.default_rng([seed, SAMPLE, performer_id]), height, width)
    frames = []
    for number, gesture in enumerate(GESTURES):
        for take in range(1, takes + 1):
            rng = np.random.default_rng([seed, SAMPLE, performer_id, number, take])
            where = tuple(rng.uniform(0, 1, 2))
            video_id = f"performer{performer_id:02d}-take{take}"
            for n, pose in enumerate(gesture_poses(gesture, performer, rng, clip_length(performer, rng))):
                image, _ = draw_frame(performer, pose, height, width, rng, where)
                _, jpeg = cv2.imencode(".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
                frames.append((f"{gesture}/{format_frame_name(video_id, n)}", jpeg.tobytes()))
    return frames
