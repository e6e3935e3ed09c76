"""The hand landmark models of MediaPipe on this machine, and a mark for tests that need them."""

import os
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from hand_gestures.backbones.landmark_models import SHA256
from hand_gestures.synthetic.gestures import gesture_poses
from hand_gestures.synthetic.scene import draw_frame, make_performer

ROOT = Path(__file__).parents[1]
REAL_GESTURES = ROOT.parent / "shared/data/real_gestures"
MODELS = Path(os.environ.get("HAND_LANDMARKS", ROOT / "data/06_models/hand_landmarks"))
HAVE_MODELS = all((MODELS / name).is_file() for name in SHA256)
needs_landmark_models = pytest.mark.skipif(not HAVE_MODELS, reason=f"no models in {MODELS}: run `make install`")
needs_real_gestures = pytest.mark.skipif(
    not REAL_GESTURES.is_dir(), reason="the real frames are not beside this project"
)


@cache
def drawn_clip(gesture: str = "swipe_left", performer: int = 1) -> np.ndarray:
    """A clip of the drawn gesture set, uint8 (n, 240, 320, 3), RGB; the models find its hand in most frames."""
    rng = np.random.default_rng([42, 0, performer])
    person = make_performer(rng, 240, 320)
    poses = gesture_poses(gesture, person, rng, 32)
    return np.stack([draw_frame(person, pose, 240, 320, rng, (0.5, 0.5))[0] for pose in poses])
