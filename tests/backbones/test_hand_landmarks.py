"""Hands and landmarks agree with MediaPipe itself; hands are tracked, found again at once, and keep their slots."""

import json
from itertools import chain

import cv2
import numpy as np
import pytest

from hand_gestures.backbones.hand_landmarks import Hand, HandFinder, region_of_hand
from hand_gestures.backbones.palm_detector import Picture, merge_overlapping
from hand_gestures.video.image_files import read_frame
from landmark_models import MODELS, REAL_GESTURES, drawn_clip, needs_landmark_models, needs_real_gestures

TWO_HANDS = "frames/thank_you_two_hands/hieu-p01-c04-s03_frame_0008.jpg"


@pytest.fixture(scope="module")
def finder():
    return HandFinder(MODELS, "full", search_every=1)


@pytest.fixture(scope="module")
def two_hands():
    return read_frame(REAL_GESTURES / TWO_HANDS)


def hand_at(points):
    return Hand(np.asarray(points, np.float32), np.zeros((21, 3), np.float32), 1.0, 1.0)


def hand_size(points):
    return np.linalg.norm(np.ptp(points[:, :2], axis=0))


def count_searches(finder, monkeypatch):
    searches = []
    palms = finder.palms
    monkeypatch.setattr(finder, "palms", lambda picture: searches.append(1) or palms(picture))
    return searches


@needs_landmark_models
@needs_real_gestures
def test_hands_and_landmarks_agree_with_mediapipe(finder):
    expected = json.loads((REAL_GESTURES / "mediapipe_hands.json").read_text())["frames"]
    errors, labels = [], []
    for path, hands in expected.items():
        [slots] = finder(read_frame(REAL_GESTURES / path)[None])
        found = [hand for hand in slots if hand is not None]
        assert len(found) == len(hands), path
        for hand in hands:
            points = np.array(hand["landmarks"])
            nearest = min(found, key=lambda other: np.abs(other.points - points).sum())
            errors += list(np.linalg.norm(nearest.points - points, axis=1) / hand_size(points))
            # MediaPipe names hands for pictures that are mirrored
            labels.append((nearest.right > 0.5) == (hand["handedness"] == "Left"))
    assert np.median(errors) <= 0.006
    assert np.quantile(errors, 0.9) <= 0.012
    assert all(labels)


@needs_landmark_models
@needs_real_gestures
def test_a_squeezed_frame_gives_the_hand_in_its_true_proportions(finder, two_hands):
    squeezed = cv2.resize(two_hands, (480, 480))
    [plain], [true] = finder(two_hands[None]), finder(squeezed[None], aspect=320 / 240)
    wrong = finder(squeezed[None])[0]
    for one, other, without in zip(plain, true, wrong, strict=True):
        tolerance = 0.05 * hand_size(one.points)
        assert np.median(np.linalg.norm(one.points * 2 - other.points, axis=1)) < 2 * tolerance
        assert np.median(np.linalg.norm(one.points[:, :2] * 2 - without.points[:, :2], axis=1)) > 2 * tolerance


@needs_landmark_models
@needs_real_gestures
def test_a_hand_that_was_hidden_for_a_moment_keeps_its_slot(finder, two_hands):
    for half in (slice(None, 160), slice(160, None)):
        hidden = two_hands.copy()
        hidden[:, half] = 0
        first, second, third = finder(np.stack([two_hands, hidden, two_hands]))
        lost = [slot for slot in (0, 1) if second[slot] is None]
        assert len(lost) == 1
        for one, other in zip(first, third, strict=True):
            assert np.linalg.norm(one.points[0] - other.points[0]) < 0.1 * hand_size(one.points)


@needs_landmark_models
@needs_real_gestures
def test_after_a_pause_without_hands_a_hand_comes_back_to_its_slot(finder, two_hands):
    [slots] = finder(two_hands[None])
    for slot, hand in enumerate(slots):
        only_this = two_hands.copy()
        only_this[:, slice(160, None) if hand.points[0, 0] < 160 else slice(None, 160)] = 0
        *_, back = finder(np.stack([two_hands, 0 * two_hands, 0 * two_hands, only_this]))
        assert back[slot] is not None
        assert back[1 - slot] is None


@needs_landmark_models
@needs_real_gestures
def test_two_tracked_hands_need_no_further_search(finder, two_hands, monkeypatch):
    searches = count_searches(finder, monkeypatch)
    finder(np.stack([two_hands] * 4))
    assert len(searches) == 1


@needs_landmark_models
def test_a_hand_that_tracking_loses_is_found_again_in_the_same_frame(finder, monkeypatch):
    frame = next(frame for frame in drawn_clip() if any(finder(frame[None])[0]))
    [slots] = finder(frame[None])
    moved = np.roll(frame, 160, axis=1)  # far outside the tracked region
    searches = count_searches(finder, monkeypatch)
    found = finder.step(Picture.of(moved), slots, slots, search=False)
    assert len(searches) == 1
    [before], [after] = ([hand for hand in hands if hand is not None] for hands in (slots, found))
    assert (after.points[9, 0] - before.points[9, 0]) % 320 == pytest.approx(160, abs=12)


@needs_landmark_models
def test_a_tracked_hand_is_searched_only_every_few_frames(monkeypatch):
    finder = HandFinder(MODELS, "full", search_every=4)
    frame = next(frame for frame in drawn_clip() if any(finder(frame[None])[0]))
    searches = count_searches(finder, monkeypatch)
    found = finder(np.stack([frame] * 9))
    assert all(any(slots) for slots in found)
    assert len(searches) == 3


@needs_landmark_models
def test_each_clip_starts_without_tracked_hands(finder):
    clip = drawn_clip()[:6]
    first, second = finder(clip), finder(clip)
    assert sum(hand is not None for slots in first for hand in slots) >= 3
    for one, other in zip(chain(*first), chain(*second), strict=True):
        assert (one is None) == (other is None)
        assert one is None or np.array_equal(one.points, other.points)


@needs_landmark_models
def test_an_empty_frame_has_no_hand(finder):
    assert finder(np.zeros((2, 64, 48, 3), np.uint8)) == [[None, None], [None, None]]


@pytest.mark.parametrize("degrees", [0, 30, 90, 180, -75])
def test_the_region_turns_and_moves_with_the_hand(degrees):
    rng = np.random.default_rng(1)
    points = np.column_stack([rng.uniform(-20, 20, 21), rng.uniform(-60, 0, 21), np.zeros(21)])
    points[0], points[[5, 9, 13], :2] = 0, [[-10, -40], [0, -42], [10, -40]]
    angle = np.radians(degrees)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    turned = points.copy()
    turned[:, :2] = points[:, :2] @ turn.T + [100, 80]
    plain, other = region_of_hand(hand_at(points)), region_of_hand(hand_at(turned))
    assert other.side == pytest.approx(plain.side, rel=1e-4)
    assert np.allclose(other.centre, turn @ plain.centre + [100, 80], atol=1e-3)
    assert np.cos(other.rotation - plain.rotation - angle) == pytest.approx(1)
    assert plain.rotation == pytest.approx(0, abs=1e-6)


def test_overlapping_palms_become_their_mean_weighted_by_score():
    near = np.array([[[0, 0], [10, 10], [5, 5]], [[1, 0], [11, 10], [7, 5]]], float)
    far = near[:1] + 50
    merged, scores = merge_overlapping(np.concatenate([near, far]), np.array([0.6, 0.9, 0.7]))
    assert np.allclose(merged[0, :, 0], [0.6, 10.6, 6.2])
    assert np.allclose(merged[1], far[0])
    assert np.allclose(scores, [0.9, 0.7])


def test_boxes_without_area_end_the_merging():
    merged, _ = merge_overlapping(np.zeros((3, 9, 2)), np.array([0.9, 0.8, 0.7]))
    assert len(merged) == 3
