from dataclasses import replace

import numpy as np
import pytest

from hand_gestures.augmentation import mirrored_labels
from hand_gestures.synthetic.gestures import DIRECTION_ONLY, GESTURES, clip_length, gesture_poses
from hand_gestures.synthetic.scene import make_performer

PAIRS = [
    ("swipe_left", "swipe_right"),
    ("swipe_up", "swipe_down"),
    ("open_hand", "close_hand"),
    ("move_closer", "move_away"),
    ("circle_clockwise", "circle_counterclockwise"),
]
MOMENTS = np.linspace(0, 1, 41)


@pytest.fixture(scope="module")
def performer():
    return make_performer(np.random.default_rng(3), 64, 64)


def poses(name, performer, seed=1, frames=36):
    return gesture_poses(name, performer, np.random.default_rng(seed), frames)


def course(name, value, performer, seed=1):
    return np.array([getattr(pose, value) for pose in poses(name, performer, seed)])


def test_there_are_twelve_gestures_and_ten_of_them_differ_by_direction_only():
    assert len(GESTURES) == 12
    assert sorted(DIRECTION_ONLY) == sorted(name for pair in PAIRS for name in pair)


@pytest.mark.parametrize(("one", "other"), PAIRS)
def test_a_pair_passes_through_the_same_poses_in_opposite_order(one, other):
    forward, backward = GESTURES[one](MOMENTS), GESTURES[other](1 - MOMENTS)
    assert forward.keys() == backward.keys()
    assert forward
    for value in forward:
        np.testing.assert_allclose(forward[value], backward[value], atol=1e-12)
        assert np.ptp(forward[value]) > 0.2 or value == "y" or np.ptp(forward["y"]) > 0.2


@pytest.mark.parametrize(("one", "other"), PAIRS)
def test_a_pair_differs_in_the_same_order(one, other):
    forward, backward = GESTURES[one](MOMENTS), GESTURES[other](MOMENTS)
    assert max(np.abs(forward[value] - backward[value]).max() for value in forward) > 0.2


def test_both_circles_have_the_same_points():
    rings = [GESTURES[name](MOMENTS) for name in PAIRS[-1]]
    points = [set(zip(ring["x"].round(9) + 0.0, ring["y"].round(9) + 0.0, strict=True)) for ring in rings]
    assert points[0] == points[1]
    assert len(points[0]) == 40


@pytest.mark.parametrize("name", ["hold_palm", "hold_fist"])
def test_a_hold_does_not_move(name):
    assert all(np.ptp(values) == 0 for values in GESTURES[name](MOMENTS).values())


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(
    ("name", "value", "sign"),
    [
        ("swipe_left", "x", -1),
        ("swipe_right", "x", 1),
        ("swipe_up", "y", -1),
        ("swipe_down", "y", 1),
        ("open_hand", "openness", 1),
        ("close_hand", "openness", -1),
        ("move_closer", "size", 1),
        ("move_away", "size", -1),
    ],
)
def test_a_motion_has_the_direction_of_its_name(performer, name, value, sign, seed):
    values = course(name, value, performer, seed)
    assert sign * (values[-1] - values[0]) > 0.05
    assert sign * (values[-6:].mean() - values[:6].mean()) > 0.05


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(("name", "sign"), [("circle_clockwise", 1), ("circle_counterclockwise", -1)])
def test_circles_turn_as_the_viewer_sees_them(performer, name, sign, seed):
    x, y = course(name, "x", performer, seed), course(name, "y", performer, seed)
    x, y = x - x.mean(), y - y.mean()
    area = (x[:-1] * y[1:] - x[1:] * y[:-1]).sum() / 2  # y grows downwards: positive is clockwise
    assert sign * area > 0.02


@pytest.mark.parametrize("name", GESTURES)
def test_a_clip_has_the_given_length_and_plausible_hands(performer, name):
    clip = poses(name, performer, frames=30)
    assert len(clip) == 30
    assert all(0 <= pose.openness <= 1 for pose in clip)
    assert all(0 < pose.x < 1 and 0 < pose.y < 1 and 0.05 < pose.size < 0.5 for pose in clip)


def test_two_takes_differ(performer):
    assert poses("swipe_left", performer, seed=1) != poses("swipe_left", performer, seed=2)
    assert poses("swipe_left", performer, seed=1) == poses("swipe_left", performer, seed=1)


def test_clips_last_24_to_48_frames_and_some_are_shorter_than_32():
    lengths = [
        clip_length(make_performer(np.random.default_rng(seed), 16, 16), np.random.default_rng(seed))
        for seed in range(60)
    ]
    assert 24 <= min(lengths) < 32 < max(lengths) <= 48


@pytest.mark.parametrize(("pace", "frames"), [(10.0, 24), (0.1, 48)])
def test_clips_of_the_quickest_and_the_slowest_stay_in_this_range(performer, pace, frames):
    assert clip_length(replace(performer, pace=pace), np.random.default_rng(1)) == frames


def test_mirroring_the_gestures_needs_two_pairs():
    labels = mirrored_labels(
        list(GESTURES),
        {"swipe_left": "swipe_right", "circle_clockwise": "circle_counterclockwise"},
        flips=True,
    )
    changed = {name for name, mirrored in labels.items() if name != mirrored}
    assert changed == {"swipe_left", "swipe_right", "circle_clockwise", "circle_counterclockwise"}


@pytest.mark.parametrize(("name", "mirrored"), [PAIRS[0], PAIRS[-1]])
def test_a_mirror_turns_the_motions_of_these_pairs_into_each_other(name, mirrored):
    np.testing.assert_allclose(-GESTURES[name](MOMENTS)["x"], GESTURES[mirrored](MOMENTS)["x"], atol=1e-12)
    np.testing.assert_allclose(GESTURES[name](MOMENTS)["y"], GESTURES[mirrored](MOMENTS)["y"], atol=1e-12)
