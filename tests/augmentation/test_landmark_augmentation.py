"""Changes of landmark features are those of a hand that was turned, moved, mirrored or missed."""

import numpy as np
import pytest
import torch

from hand_gestures.augmentation.landmark_augmentation import (
    FOUND,
    IMAGE,
    PALM,
    PLANES,
    RIGHT,
    SCORE,
    SIZE,
    TIP,
    WIDTH,
    WORLD,
    LandmarkAugmentation,
    fill_gaps,
    mirror_landmarks,
    resample,
)
from hand_gestures.parameters import LandmarkAugmentationParameters

NOTHING = dict.fromkeys(("mirror", "rotation", "scale", "shift", "time_warp", "crop", "dropped_frames", "noise"), 0.0)


def generator(seed=1):
    return torch.Generator().manual_seed(seed)


def augmentation(mirrored_labels=None, **changes):
    return LandmarkAugmentation(LandmarkAugmentationParameters(**NOTHING | changes), mirrored_labels)


@pytest.fixture
def clips():
    random = torch.randn(6, 2, 20, WIDTH + 5, generator=generator(7))
    random[..., RIGHT] = 0.9
    random[..., [SCORE, FOUND]] = 1.0
    random[..., WIDTH:] = 0.0
    return random


LABELS = torch.tensor([0, 1, 2, 0, 1, 2])


def test_without_strength_nothing_changes(clips):
    changed, labels = augmentation([0, 2, 1])(clips, LABELS, generator())
    assert torch.allclose(changed, clips, atol=1e-5)
    assert torch.equal(labels, LABELS)


def test_the_same_generator_gives_the_same_clips_and_the_input_stays(clips):
    strong = augmentation([0, 2, 1], mirror=0.5, rotation=20, scale=0.2, shift=0.1, crop=0.3, noise=0.1)
    before = clips.clone()
    one, other, third = (strong(clips, LABELS, generator(seed))[0] for seed in (1, 1, 2))
    assert torch.equal(clips, before)
    assert torch.equal(one, other)
    assert not torch.allclose(one, third)


def test_a_rotation_keeps_all_lengths_and_the_direction_of_depth(clips):
    changed, _ = augmentation(rotation=90)(clips, LABELS, generator())
    pairs = torch.tensor(PLANES)
    before, after = clips[..., pairs], changed[..., pairs]  # (B, 2, T, points, 2)
    assert torch.allclose(before.norm(dim=-1), after.norm(dim=-1), atol=1e-4)
    turned = (before * after).sum(-1) / before.norm(dim=-1) / after.norm(dim=-1)
    assert (turned.amax(dim=(1, 2, 3)) - turned.amin(dim=(1, 2, 3)) < 1e-3).all()  # one angle per clip
    assert (turned.amin(dim=(1, 2, 3)) < 0.9).any()
    assert torch.allclose(changed[..., range(2, 63, 3)], clips[..., range(2, 63, 3)], atol=1e-5)


def test_a_scale_changes_paths_and_size_but_no_shape(clips):
    changed, _ = augmentation(scale=0.5)(clips, LABELS, generator())
    assert torch.allclose(changed[..., WORLD], clips[..., WORLD], atol=1e-5)
    assert torch.allclose(changed[..., IMAGE], clips[..., IMAGE], atol=1e-5)
    factor = (changed[..., SIZE] - clips[..., SIZE]).exp()
    assert (factor[:, :1, :1] - 1).abs().max() > 0.1
    for path in (PALM, TIP):
        assert torch.allclose(changed[..., path], clips[..., path] * factor[..., None], atol=1e-4)


def test_a_shift_moves_both_hands_alike(clips):
    changed, _ = augmentation(shift=0.5)(clips, LABELS, generator())
    moved = torch.cat([changed[..., path] - clips[..., path] for path in (PALM, TIP)], dim=1)  # (B, 4, T, 2)
    assert moved.abs().max() > 0.1
    assert (moved - moved[:, :1, :1]).abs().max() < 1e-5


def test_a_mirror_image_has_the_label_of_its_class_and_twice_mirrored_is_the_same(clips):
    changed, labels = augmentation([0, 2, 1], mirror=1.0)(clips, LABELS, generator())
    assert labels.tolist() == [0, 2, 1, 0, 2, 1]
    assert torch.allclose(changed[..., PALM][..., 0], -clips[..., PALM][..., 0], atol=1e-5)
    assert torch.allclose(changed[..., PALM][..., 1], clips[..., PALM][..., 1], atol=1e-5)
    assert torch.allclose(changed[..., RIGHT], 1 - clips[..., RIGHT], atol=1e-5)
    mirror_landmarks(changed)
    assert torch.allclose(changed, clips, atol=1e-5)


def test_without_known_mirror_classes_nothing_is_mirrored(clips):
    changed, labels = augmentation(None, mirror=1.0)(clips, LABELS, generator())
    assert torch.allclose(changed, clips, atol=1e-5)
    assert torch.equal(labels, LABELS)


def test_dropped_frames_are_interpolated_and_not_found(clips):
    line = clips.clone()
    line[..., :SIZE] = torch.arange(20.0)[:, None]
    changed, _ = augmentation(dropped_frames=0.5)(line, LABELS, generator())
    dropped = changed[..., FOUND] == 0
    assert 0.3 < dropped.float().mean() < 0.7
    assert (changed[..., SCORE][dropped] == 0).all()
    found = ~dropped
    inside = (found.cumsum(dim=2) > 0) & (found.flip(2).cumsum(dim=2).flip(2) > 0)  # the ends repeat the nearest hand
    assert (inside & dropped).any()
    assert torch.allclose(changed[..., 0][inside], line[..., 0][inside], atol=1e-4)


def test_a_slot_without_a_hand_stays_empty_and_padding_stays_zero(clips):
    clips[:, 1] = 0
    everything = {"mirror": 1.0, "rotation": 30, "scale": 0.3, "shift": 0.3, "dropped_frames": 0.3, "noise": 0.2}
    changed, _ = augmentation([0, 2, 1], **everything)(clips, LABELS, generator())
    assert (changed[:, 1] == 0).all()
    assert (changed[..., WIDTH:] == 0).all()


def test_time_is_cropped_and_warped_but_never_runs_backwards(clips):
    clips[..., 0] = torch.arange(20.0)
    changed, _ = augmentation(time_warp=0.9, crop=0.5)(clips, LABELS, generator())
    steps = changed[:, 0, :, 0].diff(dim=1)
    assert (steps > 0).all()
    assert changed[:, 0, 0, 0].max() > 0.5  # the start was cut off
    assert (steps.amax(dim=1) / steps.amin(dim=1)).max() > 1.5


def test_gaps_are_interpolated_and_the_ends_repeat_the_nearest_hand():
    clip = torch.zeros(1, 1, 6, WIDTH)
    clip[0, 0, [1, 4], 0] = torch.tensor([10.0, 40.0])
    clip[0, 0, [1, 4], FOUND] = 1.0
    filled = fill_gaps(clip, clip[..., FOUND] > 0)
    assert filled[0, 0, :, 0].tolist() == pytest.approx([10, 10, 20, 30, 40, 40])
    assert filled[0, 0, :, FOUND].tolist() == [0, 1, 0, 0, 1, 0]


def test_resampling_agrees_with_numpy():
    clip = torch.randn(1, 1, 9, WIDTH, generator=generator())
    positions = torch.tensor([[0.0, 0.25, 3.5, 8.0]])
    expected = np.interp(positions[0], np.arange(9), clip[0, 0, :, 3])
    assert np.allclose(resample(clip, positions)[0, 0, :, 3], expected, atol=1e-6)
