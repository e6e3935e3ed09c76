"""The same draws, applied by Albumentations and by PyTorch."""

import numpy as np
import pytest
import torch

from base_parameters import base_parameters
from hand_gestures.augmentation import ClipAugmentation
from hand_gestures.augmentation.torch_augmentation import TRANSFORMS, DrawnView, augment_frames
from hand_gestures.parameters import AugmentationParameters

SIZE, SEEDS = 64, range(60)
PARAMETERS = base_parameters(AugmentationParameters)


@pytest.fixture(scope="module")
def clip():
    """Smooth pictures: bilinear sampling at the fixed-point positions of OpenCV differs little there."""
    rows, columns = np.mgrid[0:48, 0:60] / 60
    first = np.stack([rows, columns, 1 - rows * columns], axis=-1)
    second = np.stack([0.5 + 0.5 * np.sin(7 * columns), rows**2, 0.3 + 0.5 * columns], axis=-1)
    return (255 * np.stack([first, second])).astype(np.uint8)


@pytest.fixture(scope="module")
def compared(clip):
    """For each seed: names of the transforms, and the views of Albumentations and of PyTorch."""
    augmentation = ClipAugmentation(PARAMETERS, SIZE)
    results = []
    for seed in SEEDS:
        expected, mirrored = augmentation(clip, seed)
        drawn = augmentation.draw(clip[0], seed)
        assert drawn.mirrored == mirrored
        view = augment_frames(torch.from_numpy(clip), drawn, SIZE)
        assert (view.dtype, view.shape) == (torch.uint8, expected.shape)
        results.append(([name for name, _ in drawn.steps], expected, view.numpy()))
    return results


def test_every_transform_is_drawn_by_these_seeds(compared):
    assert {name for names, _, _ in compared for name in names} == set(TRANSFORMS)


def test_a_view_equals_that_of_albumentations_but_for_rounding(compared):
    for names, expected, view in compared:
        if "ISONoise" not in names:  # it has draws of its own
            difference = np.abs(expected.astype(int) - view)
            assert difference.mean() < 1.2, names
            assert np.percentile(difference, 99) <= 5, names


def test_sensor_noise_has_the_same_distribution():
    """Mean and spread over many draws on a grey and a coloured area, against Albumentations."""
    augmentation = ClipAugmentation(
        PARAMETERS.model_copy(update={"distortion": 0, "light": 0, "blur": 0, "noise": 1.0, "horizontal_flip": 0}), SIZE
    )
    clip = np.full((1, SIZE, SIZE, 3), 90, np.uint8)
    clip[:, :, SIZE // 2 :] = (200, 120, 40)
    collected = {"albumentations": [], "torch": []}
    for seed in range(80):
        drawn = augmentation.draw(clip[0], seed)
        if [name for name, _ in drawn.steps] == ["ISONoise"]:
            collected["albumentations"].append(augmentation(clip, seed)[0])
            collected["torch"].append(augment_frames(torch.from_numpy(clip), drawn, SIZE).numpy())
    assert len(collected["torch"]) > 20
    one, other = (np.stack(views).astype(float) for views in collected.values())
    for columns in (slice(0, SIZE // 2), slice(SIZE // 2, SIZE)):
        a, b = one[..., columns, :], other[..., columns, :]
        assert np.abs(a.mean(axis=(0, 1, 2, 3)) - b.mean(axis=(0, 1, 2, 3))).max() < 0.5
        np.testing.assert_allclose(a.std(axis=(0, 1, 2, 3)), b.std(axis=(0, 1, 2, 3)), rtol=0.05, atol=0.1)


def test_sensor_noise_without_strength_changes_nothing():
    """Colours that are no whole numbers: the hue must find the largest of them again."""
    frames = torch.rand(1, 3, 32, 32) * 255
    noise = {"uniform": torch.zeros(32, 32), "normal": torch.zeros(32, 32)}
    same = TRANSFORMS["ISONoise"](frames, color_shift=0.0, intensity=0.0, **noise)
    torch.testing.assert_close(same, frames, atol=1e-2, rtol=0)


def test_the_frames_of_a_clip_get_the_same_change(clip):
    augmentation = ClipAugmentation(PARAMETERS, SIZE)
    twice = torch.from_numpy(np.stack([clip[0], clip[0]]))
    for seed in SEEDS[:20]:
        view = augment_frames(twice, augmentation.draw(clip[0], seed), SIZE)
        assert torch.equal(view[0], view[1])


def test_a_view_without_steps_is_the_mirrored_resized_clip(clip):
    view = augment_frames(torch.from_numpy(clip), DrawnView(True, []), SIZE)
    plain = augment_frames(torch.from_numpy(clip[:, :, ::-1].copy()), DrawnView(False, []), SIZE)
    assert torch.equal(view, plain)
