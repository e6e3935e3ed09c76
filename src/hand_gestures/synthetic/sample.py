"""The drawn gesture set: every performer shows every gesture."""

from collections.abc import Iterator

import cv2
import numpy as np

from hand_gestures.parameters import SampleParameters
from hand_gestures.synthetic.gestures import GESTURES, clip_length, gesture_poses
from hand_gestures.synthetic.scene import draw_frame, make_performer
from hand_gestures.utils.progress import progress
from hand_gestures.utils.workers import in_processes
from hand_gestures.video.frame_names import format_frame_name

SAMPLE = 0  # random stream of these performers; the compact backbones are trained on performers of another stream


def render_sample(sample: SampleParameters, seed: int) -> Iterator[tuple[str, bytes]]:
    """Render `takes` clips of each gesture by each performer.

    The same arguments give the same bytes, whatever the number of processes.

    Args:
        sample: number of performers and takes, size and JPEG quality of the frames, number of processes.
        seed: of all draws.

    Yields:
        `("{class}/{video_id}_frame_{number}.jpg", JPEG)` of every frame; a video id is `performer07-take1`.
    """
    tasks = [(seed, number, sample) for number in range(1, sample.performers + 1)]
    clips = in_processes(_render_performer, tasks, sample.processes)
    for frames in progress(clips, sample.performers, "rendering performers"):
        yield from frames


def _render_performer(task: tuple[int, int, SampleParameters]) -> list[tuple[str, bytes]]:
    seed, performer_id, sample = task
    height, width = sample.height, sample.width
    performer = make_performer(np.random.default_rng([seed, SAMPLE, performer_id]), height, width)
    frames = []
    for number, gesture in enumerate(GESTURES):
        for take in range(1, sample.takes + 1):
            rng = np.random.default_rng([seed, SAMPLE, performer_id, number, take])
            offset = tuple(rng.uniform(0, 1, 2))
            video_id = f"performer{performer_id:02d}-take{take}"
            for n, pose in enumerate(gesture_poses(gesture, performer, rng, clip_length(performer, rng))):
                image, _ = draw_frame(performer, pose, height, width, rng, offset)
                _, jpeg = cv2.imencode(".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, sample.jpeg_quality])
                frames.append((f"{gesture}/{format_frame_name(video_id, n)}", jpeg.tobytes()))
    return frames
