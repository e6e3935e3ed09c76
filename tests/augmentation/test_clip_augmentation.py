import warnings
from collections import Counter

import albumentations as A
import numpy as np
import pandas as pd
import pytest

from base_parameters import base_parameters
from hand_gestures.augmentation import ClipAugmentation, is_mirrored, resize_clip, view_seed
from hand_gestures.parameters import AugmentationParameters

STEPS = ("horizontal_flip", "distortion", "light", "noise", "blur")
SIZE = 24


def base_augmentation(size=SIZE, **changes):
    return ClipAugmentation(base_parameters(AugmentationParameters, **changes), size)


def augmentation(size=SIZE, **changes):
    """The base parameters; steps that `changes` does not name are off."""
    return base_augmentation(size, **{**dict.fromkeys(STEPS, 0.0), **changes})


def everything(size=SIZE):
    return augmentation(size, **dict.fromkeys(STEPS, 1.0))


def noise_frames(count, height=SIZE, width=SIZE):
    return np.random.default_rng(5).integers(0, 256, (count, height, width, 3), dtype=np.uint8)


def still_clip(count=6):
    return noise_frames(1).repeat(count, axis=0)


def transforms(**changes):
    """The albumentations transforms of the base parameters by name."""
    steps = base_augmentation(**changes).transforms.transforms
    return {type(one).__name__: one for step in steps for one in step.transforms}


@pytest.mark.parametrize("step", STEPS[1:])
def test_each_step_changes_all_frames_of_a_clip_alike(step):
    augment, clip = augmentation(**{step: 1.0}), still_clip()
    results = [augment(clip, seed)[0] for seed in range(12)]
    assert all((result == result[:1]).all() for result in results)
    assert all((result != clip).any() for result in results)


def test_all_steps_together_change_all_frames_of_a_clip_alike():
    augment = everything()
    for seed in range(12):
        result, _ = augment(still_clip(), seed)
        assert (result == result[:1]).all()


def test_frames_that_differ_stay_different_and_in_order():
    ramp = np.arange(0, 240, 40, dtype=np.uint8)[:, None, None, None].repeat(SIZE, 1).repeat(SIZE, 2).repeat(3, 3)
    result, _ = augmentation(light=1.0, blur=1.0)(np.ascontiguousarray(ramp), 3)
    assert (np.diff(result.mean((1, 2, 3))) > 10).all()


@pytest.mark.parametrize("step", STEPS[1:])
def test_the_same_seed_gives_the_same_result_whatever_the_global_state(step):
    first, second, clip = augmentation(**{step: 1.0}), augmentation(**{step: 1.0}), noise_frames(3)
    expected = [first(clip, seed)[0] for seed in range(6)]
    np.random.seed(99)  # the global state must not matter
    again = [second(clip, seed)[0] for seed in reversed(range(6))]
    assert all(np.array_equal(one, other) for one, other in zip(expected, reversed(again), strict=True))
    assert len({one.tobytes() for one in expected}) == 6


def test_the_input_clip_is_not_changed():
    clip = noise_frames(3)
    before = clip.copy()
    everything()(clip, 1)
    assert np.array_equal(clip, before)


def test_a_clip_is_only_resized_when_all_steps_are_off():
    clip = noise_frames(3, 40, 30)
    result, mirrored = augmentation()(clip, 1)
    assert np.array_equal(result, resize_clip(clip, SIZE))
    assert mirrored is False


def test_a_flip_is_the_mirror_image():
    clip = noise_frames(3)
    result, mirrored = augmentation(horizontal_flip=1.0)(clip, 1)
    assert np.array_equal(result, clip[:, :, ::-1])
    assert mirrored is True


@pytest.mark.parametrize(
    ("probability", "least", "most"), [(0.0, 0, 0), (0.5, 80, 120), (0.9, 170, 190), (1.0, 200, 200)]
)
def test_clips_are_mirrored_with_the_given_probability_and_the_flag_says_so(probability, least, most):
    augment, clip = augmentation(8, horizontal_flip=probability), noise_frames(1, 8, 8)
    flags = []
    for view in range(200):
        result, mirrored = augment(clip, view_seed(1, "wave/v", view))
        assert np.array_equal(result, clip[:, :, ::-1] if mirrored else clip)
        flags.append(mirrored)
    assert least <= sum(flags) <= most


@pytest.mark.parametrize("probability", [0.0, 0.3, 1.0])
def test_whether_a_view_is_mirrored_is_known_without_its_frames(probability):
    parameters = base_parameters(AugmentationParameters, horizontal_flip=probability)
    augment, clip = ClipAugmentation(parameters, 8), noise_frames(1, 8, 8)
    seeds = [view_seed(1, "wave/v", view) for view in range(30)]
    assert [is_mirrored(parameters, seed) for seed in seeds] == [augment(clip, seed)[1] for seed in seeds]


@pytest.mark.parametrize("step", ["light", "noise", "blur"])
def test_each_step_is_applied_with_its_probability(step):
    augment, clip = augmentation(**{step: 0.7}), noise_frames(1)
    changed = sum(not np.array_equal(augment(clip, view_seed(1, "wave/v", view))[0], clip) for view in range(200))
    assert 120 <= changed <= 160


@pytest.mark.parametrize(
    ("height", "width"), [(24, 24), (48, 64), (10, 12), (240, 12), (12, 240), (25, 24)], ids=lambda side: str(side)
)
def test_frames_of_any_size_become_square_uint8_frames(height, width):
    result, _ = everything()(noise_frames(2, height, width), 4)
    assert result.shape == (2, SIZE, SIZE, 3)
    assert result.dtype == np.uint8


@pytest.mark.parametrize(("height", "width"), [(96, 128), (25, 24), (12, 240)])
def test_larger_frames_are_resized_before_all_other_steps(height, width):
    augment, clip = everything(), noise_frames(2, height, width)
    for seed in range(6):
        assert np.array_equal(augment(clip, seed)[0], augment(resize_clip(clip, SIZE), seed)[0])


def test_smaller_frames_are_resized_after_all_other_steps():
    clip = noise_frames(2, 12, 12)
    small, _ = augmentation(12, noise=1.0)(clip, 3)
    large, _ = augmentation(SIZE, noise=1.0)(clip, 3)
    assert np.array_equal(large, resize_clip(small, SIZE))


def test_resizing_to_the_same_size_changes_nothing():
    clip = noise_frames(2)
    assert np.array_equal(resize_clip(clip, SIZE), clip)


@pytest.mark.parametrize("size", [8, 24, 50])
def test_resizing_keeps_the_order_of_frames(size):
    clip = np.arange(4, dtype=np.uint8)[:, None, None, None].repeat(20, 1).repeat(30, 2).repeat(3, 3) * 60
    resized = resize_clip(clip, size)
    assert resized.shape == (4, size, size, 3)
    assert [set(frame.ravel().tolist()) for frame in resized] == [{0}, {60}, {120}, {180}]


@pytest.mark.parametrize(
    "other", [(2, "wave/v", 1), (1, "wave/w", 1), (1, "wave/v", 2), (1, "wave/v1", 1), (11, "wave/v", 1)]
)
def test_seed_sequence_and_view_each_change_the_draw(other):
    assert view_seed(*other) != view_seed(1, "wave/v", 1)
    clip, augment = noise_frames(2), everything()
    assert not np.array_equal(augment(clip, view_seed(*other))[0], augment(clip, view_seed(1, "wave/v", 1))[0])


def test_view_seeds_are_spread_over_31_bits_and_the_same_everywhere():
    seeds = {view_seed(seed, f"wave/v{n}", view) for seed in range(3) for n in range(50) for view in range(1, 5)}
    assert len(seeds) == 600
    assert 0 <= min(seeds) < 2**26
    assert 2**31 - 2**26 < max(seeds) < 2**31
    assert view_seed(1, "a/b", 2) == 530165338


@pytest.mark.parametrize("changes", [{}, {"blur_limit": 3}], ids=["base", "smallest blur"])
def test_albumentations_accepts_all_arguments_without_a_warning(changes):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        augment = augmentation(**dict.fromkeys(STEPS, 1.0), **changes)
        for seed in range(12):
            augment(noise_frames(2), seed)


def test_albumentations_warns_of_an_unknown_argument():
    with pytest.warns(UserWarning, match="var_limit"):
        A.GaussNoise(var_limit=(10, 50))


def test_the_base_probabilities_reach_albumentations():
    compose = base_augmentation().transforms
    assert [step.p for step in compose.transforms] == [0.5, 0.8, 0.6, 0.6]
    assert compose.p == 1.0


@pytest.mark.parametrize(
    ("transform", "limits"),
    [
        ("OpticalDistortion", {"distort_limit": (-0.05, 0.05)}),
        ("GridDistortion", {"distort_limit": (-0.3, 0.3), "num_steps": 5}),
        ("RandomBrightnessContrast", {"brightness_limit": (-0.2, 0.2), "contrast_limit": (-0.2, 0.2)}),
        (
            "ColorJitter",
            {"brightness": (0.8, 1.2), "contrast": (0.8, 1.2), "saturation": (0.8, 1.2), "hue": (-0.1, 0.1)},
        ),
        ("GaussNoise", {"std_range": (0.0124, 0.0277), "mean_range": (0.0, 0.0)}),
        ("ISONoise", {"color_shift": (0.01, 0.05), "intensity": (0.1, 0.5)}),
        ("MotionBlur", {"blur_limit": (3, 7)}),
        ("GaussianBlur", {"blur_limit": (3, 7)}),
    ],
)
def test_the_base_limits_reach_albumentations(transform, limits):
    assert len(transforms()) == 8
    for name, limit in limits.items():
        assert getattr(transforms()[transform], name) == pytest.approx(limit)


@pytest.mark.parametrize(
    ("change", "transform", "limits"),
    [
        ({"optical_limit": 0.02}, "OpticalDistortion", {"distort_limit": (-0.02, 0.02)}),
        ({"grid_limit": 0.1, "grid_steps": 7}, "GridDistortion", {"distort_limit": (-0.1, 0.1), "num_steps": 7}),
        ({"brightness": 0.3}, "RandomBrightnessContrast", {"brightness_limit": (-0.3, 0.3)}),
        ({"contrast": 0.4}, "RandomBrightnessContrast", {"contrast_limit": (-0.4, 0.4)}),
        ({"brightness": 0.3, "contrast": 0.4}, "ColorJitter", {"brightness": (0.7, 1.3), "contrast": (0.6, 1.4)}),
        ({"saturation": 0.5, "hue": 0.3}, "ColorJitter", {"saturation": (0.5, 1.5), "hue": (-0.3, 0.3)}),
        ({"noise_std": (0.1, 0.2)}, "GaussNoise", {"std_range": (0.1, 0.2)}),
        ({"iso_color": (0.2, 0.3)}, "ISONoise", {"color_shift": (0.2, 0.3)}),
        ({"iso_intensity": (0.6, 0.7)}, "ISONoise", {"intensity": (0.6, 0.7)}),
        ({"blur_limit": 3}, "MotionBlur", {"blur_limit": (3, 3)}),
        ({"blur_limit": 11}, "GaussianBlur", {"blur_limit": (3, 11)}),
    ],
)
def test_changed_limits_reach_albumentations_too(change, transform, limits):
    for name, limit in limits.items():
        assert getattr(transforms(**change)[transform], name) == pytest.approx(limit)


def test_gaussian_noise_is_as_strong_as_its_range_says():
    grey = np.full((1, 200, 200, 3), 128, np.uint8)
    augment = augmentation(200, noise=1.0, noise_std=(0.02, 0.02))
    spreads = [augment(grey, seed)[0].std() for seed in range(10)]
    noisy = [spread for spread in spreads if spread > 0]  # sensor noise leaves plain grey alone
    assert noisy
    assert noisy == pytest.approx([0.02 * 255] * len(noisy), rel=0.15)  # albumentations rounds towards zero


STEP_OF = {
    "OpticalDistortion": "distortion",
    "GridDistortion": "distortion",
    "RandomBrightnessContrast": "light",
    "ColorJitter": "light",
    "GaussNoise": "noise",
    "ISONoise": "noise",
    "MotionBlur": "blur",
    "GaussianBlur": "blur",
}


@pytest.fixture(scope="module")
def draws():
    """Of 600 views whose steps all have probability 0.5: whether it is mirrored, and what each step applied."""
    augment = augmentation(8, **dict.fromkeys(STEPS, 0.5))
    transforms = [one for step in augment.transforms.transforms for one in step.transforms]
    clip = np.random.default_rng(5).integers(0, 256, (1, 8, 8, 3), dtype=np.uint8)
    rows = []
    for view in range(600):
        for transform in transforms:
            transform.params = {}
        row = {"flip": augment(clip, view_seed(1, "wave/v", view))[1]}
        applied = [type(one).__name__ for one in transforms if one.get_applied_params()]
        rows.append(row | {STEP_OF[name]: name for name in applied})
    return pd.DataFrame(rows)


@pytest.mark.parametrize(
    ("one", "other"), [("distortion", "light"), ("light", "noise"), ("noise", "blur"), ("distortion", "blur")]
)
def test_steps_are_applied_independently_of_each_other(draws, one, other):
    both = (draws[one].notna() & draws[other].notna()).mean()
    assert 0.19 < both < 0.31


@pytest.mark.parametrize(
    ("one", "other"), [("flip", "distortion"), ("distortion", "noise"), ("light", "noise"), ("noise", "blur")]
)
def test_the_transform_of_a_step_is_independent_of_the_other_steps(draws, one, other):
    applied = draws.dropna(subset=[one, other])
    assert len(Counter(zip(applied[one], applied[other], strict=True))) == 4
