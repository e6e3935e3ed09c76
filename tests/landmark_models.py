"""The hand landmark models of MediaPipe on this machine, and a mark for tests that need them."""

import os
from pathlib import Path

import pytest

from hand_gestures.backbones.landmark_models import SHA256

ROOT = Path(__file__).parents[1]
MODELS = Path(os.environ.get("HAND_LANDMARKS", ROOT / "data/06_models/hand_landmarks"))
HAVE_MODELS = all((MODELS / name).is_file() for name in SHA256)
needs_landmark_models = pytest.mark.skipif(not HAVE_MODELS, reason=f"no models in {MODELS}: run `make install`")
