"""Landmark features describe the hand and not the picture: its size, its place, its proportions."""

import cv2
import numpy as np
import pytest

from hand_gestures.augmentation.landmark_augmentation import (
    FOUND,
    IMAGE,
    LANDMARK_CHANNELS,
    PALM,
    RIGHT,
    SIZE,
    TIP,
    WIDTH,
    WORLD,
)
from hand_gestures.backbones.hand_landmarks import Hand
from hand_gestures.embedding.landmark_encoder import LandmarkEncoder, encode_hands
from landmark_models import MODELS, drawn_clip, needs_landmark_models


def hand(x=100.0, y=100.0, scale=1.0, seed=0):
    rng = np.random.default_rng(seed)
    points = rng.uniform(-20, 20, (21, 3)) * scale + [x, y, 0]
    return Hand(points.astype(np.float32), rng.normal(0, 0.05, (21, 3)).astype(np.float32), 0.9, 0.8)


def test_each_slot_is_a_channel_and_an_empty_slot_is_zero():
    features = encode_hands([[hand(), None]] * 3, 200, trim=False)
    assert features.shape == (3, len(LANDMARK_CHANNELS), WIDTH)
    assert features.dtype == np.float32
    assert (features[:, 1] == 0).all()
    assert (features[:, 0, FOUND] == 1).all()
    assert features[0, 0, RIGHT] == pytest.approx(0.8)


def test_shapes_do_not_depend_on_place_and_size_but_paths_do():
    clip = encode_hands([[hand(50, 60), None], [hand(90, 60, 2.0), None]], 200, trim=False)[:, 0]
    assert np.allclose(clip[0, WORLD], clip[1, WORLD], atol=1e-4)
    assert np.allclose(clip[0, IMAGE], clip[1, IMAGE], atol=1e-4)
    assert clip[1, SIZE] - clip[0, SIZE] == pytest.approx(np.log(2), abs=1e-4)
    assert clip[1, PALM][0] > clip[0, PALM][0]


def test_paths_are_in_picture_heights_around_the_mean_of_both_hands():
    clip = encode_hands([[hand(50), hand(150)], [hand(70), hand(150)]], 200, trim=False)
    assert np.allclose(clip[..., PALM].mean(axis=(0, 1)), 0, atol=1e-6)
    assert clip[0, 1, PALM][0] - clip[0, 0, PALM][0] == pytest.approx(100 / 200, abs=1e-5)
    moved = encode_hands([[hand(60, 130), hand(160, 130)], [hand(80, 130), hand(160, 130)]], 200, trim=False)
    assert np.allclose(clip, moved, atol=1e-5)


def test_gaps_are_interpolated_and_keep_the_found_flag():
    clip = encode_hands([[hand(50), None], [None, None], [hand(70), None]], 100, trim=False)[:, 0]
    assert clip[:, FOUND].tolist() == [1, 0, 1]
    assert clip[1, TIP] == pytest.approx((clip[0, TIP] + clip[2, TIP]) / 2, abs=1e-5)


def test_idle_ends_without_a_hand_are_trimmed_only_on_request():
    idle = [[None, None]] * 4
    hands = [[hand(50 + 10 * frame), None] for frame in range(5)]
    kept, trimmed = (encode_hands(idle + hands + idle, 100, trim)[:, 0] for trim in (False, True))
    assert kept[:, FOUND].tolist() == [0] * 4 + [1] * 5 + [0] * 4
    assert (trimmed[:, FOUND] == 1).all()
    assert np.allclose(np.diff(trimmed[:, PALM][:, 0]), 0.1 * 4 / 12, atol=1e-5)


def test_a_clip_without_hands_is_zero():
    assert (encode_hands([[None, None]] * 3, 100, trim=True) == 0).all()


@needs_landmark_models
def test_a_squeezed_clip_has_the_features_of_the_true_one():
    encoder = LandmarkEncoder(MODELS, "full", search_every=1, trim=False)
    clip = drawn_clip()
    squeezed = np.stack([cv2.resize(frame, (240, 240), interpolation=cv2.INTER_AREA) for frame in clip])
    true, other = encoder(clip)[:, 0], encoder(squeezed, aspect=320 / 240)[:, 0]
    both = (true[:, FOUND] > 0) & (other[:, FOUND] > 0)
    assert both.sum() > 16
    assert np.median(np.abs(true - other)[both][:, IMAGE]) < 0.05
    assert np.median(np.abs(true - other)[both][:, PALM]) < 0.02
