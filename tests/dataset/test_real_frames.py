"""Real webcam frames, if they are beside the project."""

from pathlib import Path

import pytest

from hand_gestures.dataset.frame_catalog import catalog_frames
from hand_gestures.dataset.leak_audit import audit_split, hash_clips
from hand_gestures.dataset.sequences import build_sequences
from hand_gestures.dataset.split_assignment import assign_splits
from hand_gestures.dataset.split_table import leave_one_group_out
from hand_gestures.embedding.clip_views import read_clip

FRAMES = Path(__file__).parents[3] / "shared/data/real_gestures/frames"
pytestmark = pytest.mark.skipif(not FRAMES.is_dir(), reason="the real frames are not beside this project")


@pytest.fixture(scope="module")
def catalog():
    return catalog_frames(FRAMES)


def test_every_frame_is_catalogued(catalog):
    assert len(catalog.frames) == sum(1 for path in FRAMES.rglob("*.jpg"))
    assert catalog.frames["class_name"].nunique() == 16
    assert catalog.rejected.empty


def test_clips_of_sixteen_frames_repeat_the_last_to_thirty_two(catalog):
    sequences = build_sequences(catalog.frames, 32, None)
    assert (sequences["available"] == 16).all()
    assert (sequences["repeated"] == 16).all()
    frames, times, _ = read_clip(FRAMES, sequences["frames"].iloc[0], 640)
    assert frames.shape == (16, 240, 320, 3)
    assert times.tolist() == [*range(16), *[15] * 16]


def test_each_class_is_in_both_splits(catalog):
    sequences = build_sequences(catalog.frames, 32, None)
    sides = assign_splits(sequences, 0.25, 0.0, 42)
    assert set(sequences["class_name"][sides == "train"]) == set(sequences["class_name"][sides == "val"])


def test_a_split_by_video_leaks_nearly_every_take_and_a_split_by_person_leaks_none(catalog):
    sequences = build_sequences(catalog.frames, 32, None)
    hashes = hash_clips(sequences, FRAMES, 3, 1)
    _, by_video = audit_split(sequences, assign_splits(sequences, 0.25, 0.0, 42), hashes, 8, FRAMES)
    assert by_video.copies + by_video.look_alikes >= 0.9 * by_video.held_out
    letters = sequences[sequences["class_name"].isin(["letter_a", "letter_u"])].reset_index(drop=True)
    by_person = letters["video_id"].str.contains("p03").map({True: "val", False: "train"})
    _, fair = audit_split(letters, by_person, hash_clips(letters, FRAMES, 3, 1), 8, FRAMES)
    assert (fair.held_out, fair.copies, fair.look_alikes) == (12, 0, 0)


def test_the_third_person_validates_the_letters_of_the_second(catalog):
    sequences = build_sequences(catalog.frames, 32, r"-(p\d+)-")
    folds = leave_one_group_out(sequences.assign(side="train")).set_index("group")
    assert list(folds.index) == ["p01", "p02", "p03"]
    assert folds["val_classes"]["p03"] == 2
    assert folds["untrained_classes"]["p03"] == "letter_e, letter_i, letter_o"
