"""Hand landmarks: CPU time of each part, on one thread, for drawn hands."""

import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from measuring import arguments, print_table

from hand_gestures.backbones.hand_landmarks import CROP_SIZE, HandFinder, region_of_hand
from hand_gestures.backbones.landmark_models import Complexity
from hand_gestures.backbones.palm_detector import INPUT_SIZE, Picture
from hand_gestures.synthetic.gestures import gesture_poses
from hand_gestures.synthetic.scene import draw_frame, make_performer

MODELS = Path(os.environ.get("HAND_LANDMARKS", Path(__file__).parents[1] / "data/06_models/hand_landmarks"))
HEIGHT, WIDTH, FRAMES, ROUNDS = 480, 640, 32, 5
COMPLEXITIES: tuple[Complexity, Complexity] = ("lite", "full")


def draw_clip() -> np.ndarray:
    """A drawn clip, uint8 (32, 480, 640, 3), with one hand."""
    rng = np.random.default_rng([42, 0, 1])
    performer = make_performer(rng, HEIGHT, WIDTH)
    poses = gesture_poses("swipe_left", performer, rng, FRAMES)
    return np.stack([draw_frame(performer, pose, HEIGHT, WIDTH, rng, (0.5, 0.5))[0] for pose in poses])


def cpu_milliseconds(run: Callable[[], Any], units: int, rounds: int) -> str:
    """Median CPU time of a unit: other load on the machine counts less than in wall time."""
    run()
    seconds = []
    for _ in range(rounds):
        start = time.process_time()
        run()
        seconds.append(time.process_time() - start)
    return f"{1000 * statistics.median(seconds) / units:.1f} ms"


def measure(complexity: Complexity, clip: np.ndarray, rounds: int) -> list[tuple[str, str]]:
    """Name and CPU time of each part."""
    finder, often = HandFinder(MODELS, complexity, FRAMES), HandFinder(MODELS, complexity, 1)
    found = finder(clip)
    number = next(number for number, slots in enumerate(found) if any(slots))
    picture = Picture.of(clip[number])
    region = region_of_hand(next(hand for hand in found[number] if hand is not None))
    centre = np.array([WIDTH, HEIGHT]) / 2
    crop = picture.crop(region.centre, region.side, region.rotation, CROP_SIZE)
    parts: dict[str, Callable[[], Any]] = {
        "crop for the palm detector": lambda: picture.crop(centre, WIDTH, 0.0, INPUT_SIZE),
        "palm detector, with its crop": lambda: finder.palms(picture),
        "crop of a hand": lambda: picture.crop(region.centre, region.side, region.rotation, CROP_SIZE),
        "landmark model": lambda: finder._model(crop),
    }
    times = [(name, cpu_milliseconds(run, 1, 4 * rounds)) for name, run in parts.items()]
    times.append(("a frame of a clip, tracked", cpu_milliseconds(lambda: finder(clip), len(clip), rounds)))
    times.append(
        ("a frame of a clip, searched in every frame", cpu_milliseconds(lambda: often(clip), len(clip), rounds))
    )
    return times


def main() -> None:
    """Measure both sizes of the models on the same clip."""
    quick = arguments(__doc__).quick
    cv2.setNumThreads(0)
    clip, rounds = (draw_clip()[:4], 1) if quick else (draw_clip(), ROUNDS)
    lite, full = (measure(complexity, clip, rounds) for complexity in COMPLEXITIES)
    rows = [[name, time, other] for (name, time), (_, other) in zip(lite, full, strict=True)]
    print_table(f"Hand landmarks, {WIDTH}x{HEIGHT}, one hand, CPU time on one thread", ["part", *COMPLEXITIES], rows)


if __name__ == "__main__":
    main()
