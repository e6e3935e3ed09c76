"""Real webcam frames, where they lie beside the project."""

from pathlib import Path

import pytest

from hand_gestures.video.clips import read_clip
from hand_gestures.video.frame_catalog import catalog_frames
from hand_gestures.video.sequences import build_sequences
from hand_gestures.video.splits import split_sequences

FRAMES = Path(__file__).parents[3] / "shared/data/real_gestures/frames"
pytestmark = pytest.mark.skipif(not FRAMES.is_dir(), reason="the real frames are not beside this project")


@pytest.fixture(scope="module")
def catalog():
    return catalog_frames(FRAMES)


def test_every_frame_is_catalogued(catalog):
    assert len(catalog.frames) == sum(1 for path in FRAMES.rglob("*.jpg"))
    assert catalog.frames["class_name"].nunique() == 16
    assert catalog.rejected.empty


def test_clips_of_sixteen_frames_are_filled_to_thirty_two(catalog):
    sequences = build_sequences(catalog.frames, 32, None)
    assert (sequences["available"] == 16).all()
    assert (sequences["repeated"] == 16).all()
    frames, times = read_clip(FRAMES, sequences["frames"].iloc[0])
    assert frames.shape == (16, 240, 320, 3)
    assert times.tolist() == [*range(16), *[15] * 16]


def test_each_class_is_on_both_sides(catalog):
    split = split_sequences(build_sequences(catalog.frames, 32, None), 0.25, 42)
    assert set(split.train["class_name"]) == set(split.val["class_name"])
    assert not set(split.train["sequence_id"]) & set(split.val["sequence_id"])
