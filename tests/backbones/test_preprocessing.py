import json

import pytest
import torch
from PIL import Image

from hand_gestures.backbones.preprocessing import Preprocessing
from small_backbones import RESNEXT_MEAN, RESNEXT_SIZE, RESNEXT_STD, random_frames

MEAN, STD = (0.4, 0.5, 0.6), (0.2, 0.25, 0.3)
GREY = 144


def grey_levels(pixels, mean=MEAN, std=STD):
    """Undo the normalisation: back to 0..255."""
    return (pixels * torch.tensor(std).view(3, 1, 1) + torch.tensor(mean).view(3, 1, 1)) * 255


def letterboxed(height, width, value=255, size=48):
    frames = torch.full((1, 3, height, width), value, dtype=torch.uint8)
    return grey_levels(Preprocessing(size, "bilinear", MEAN, STD, letterbox=GREY)(frames))[0]


@pytest.mark.parametrize(("interpolation", "resample"), [("bilinear", 2), ("bicubic", 3)])
@pytest.mark.parametrize(("height", "width"), [(120, 90), (48, 48), (30, 37), (240, 160)])
def test_preprocessing_equals_the_image_processor_of_transformers(interpolation, resample, height, width):
    from transformers import ViTImageProcessor

    frames = random_frames(seed=1, count=3, height=height, width=width)
    processor = ViTImageProcessor(
        size={"height": 48, "width": 48}, image_mean=list(MEAN), image_std=list(STD), resample=resample
    )
    expected = processor(list(frames), return_tensors="pt")["pixel_values"]
    pixels = Preprocessing(48, interpolation, MEAN, STD)(frames)
    assert pixels.shape == expected.shape
    difference = (pixels - expected).abs().amax(dim=(0, 2, 3))
    assert (difference <= 2 / 255 / torch.tensor(STD)).all()


def test_normalisation_equals_that_of_timm():
    from timm.data import create_transform

    transform = create_transform(
        (3, RESNEXT_SIZE, RESNEXT_SIZE), interpolation="bicubic", mean=RESNEXT_MEAN, std=RESNEXT_STD, crop_pct=1.0
    )
    frames = random_frames(seed=2, count=2, height=RESNEXT_SIZE, width=RESNEXT_SIZE)
    expected = torch.stack([transform(Image.fromarray(frame.permute(1, 2, 0).numpy())) for frame in frames])
    pixels = Preprocessing(RESNEXT_SIZE, "bicubic", RESNEXT_MEAN, RESNEXT_STD)(frames)
    torch.testing.assert_close(pixels, expected, atol=1e-5, rtol=0)


def test_each_colour_has_its_own_mean_and_spread():
    frames = torch.tensor([0, 51, 255], dtype=torch.uint8).view(1, 3, 1, 1).expand(1, 3, 10, 10)
    pixels = Preprocessing(4, "bilinear", MEAN, STD)(frames)
    expected = torch.tensor([(0.0 - 0.4) / 0.2, (0.2 - 0.5) / 0.25, (1.0 - 0.6) / 0.3])
    torch.testing.assert_close(pixels, expected.view(1, 3, 1, 1).expand(1, 3, 4, 4))


def test_a_frame_without_letterbox_fills_the_square_to_its_edges():
    frames = torch.full((1, 3, 40, 90), 200, dtype=torch.uint8)
    frames[..., :9] = 20
    levels = grey_levels(Preprocessing(50, "bilinear", MEAN, STD)(frames))[0]
    assert levels.shape == (3, 50, 50)
    assert (levels[..., :4] - 20).abs().max() < 1
    assert (levels[..., 7:] - 200).abs().max() < 1


def test_a_wide_frame_is_letterboxed_above_and_below():
    levels = letterboxed(60, 120)
    assert levels.shape == (3, 48, 48)
    assert (levels[:, 12:36] - 255).abs().max() < 0.01
    assert (levels[:, :12] - GREY).abs().max() < 0.01
    assert (levels[:, 36:] - GREY).abs().max() < 0.01


def test_a_tall_frame_is_letterboxed_left_and_right():
    levels = letterboxed(120, 40)
    assert (levels[..., 16:32] - 255).abs().max() < 0.01
    assert (levels[..., :16] - GREY).abs().max() < 0.01
    assert (levels[..., 32:] - GREY).abs().max() < 0.01


def test_a_square_frame_needs_no_letterbox():
    assert (letterboxed(100, 100) - 255).abs().max() < 0.01


@pytest.mark.parametrize(("height", "width"), [(101, 57), (57, 101), (480, 853), (7, 300), (1, 500)])
def test_letterboxing_keeps_the_aspect_and_the_size_of_the_square(height, width):
    levels = letterboxed(height, width)
    assert levels.shape == (3, 48, 48)
    inside = (levels[0] - 255).abs() < 1
    rows, columns = inside.any(dim=1).sum().item(), inside.any(dim=0).sum().item()
    assert max(rows, columns) == 48
    assert min(rows, columns) == pytest.approx(max(1, 48 * min(height, width) / max(height, width)), abs=0.5)


def test_a_circle_stays_round_in_a_letterboxed_frame():
    y, x = torch.meshgrid(torch.arange(90), torch.arange(160), indexing="ij")
    disc = ((x - 80) ** 2 + (y - 45) ** 2 < 30**2).to(torch.uint8) * 255
    levels = grey_levels(Preprocessing(80, "bilinear", MEAN, STD, letterbox=0)(disc.expand(1, 3, 90, 160)))[0, 0]
    inside = levels > 128
    assert inside.any(dim=1).sum() == inside.any(dim=0).sum() == pytest.approx(30, abs=1)


def test_pixels_are_float32_and_the_frames_stay_as_they_were():
    frames = random_frames(seed=3, count=2, height=30, width=60)
    before = frames.clone()
    pixels = Preprocessing(24, "bicubic", MEAN, STD, letterbox=GREY)(frames)
    assert pixels.dtype == torch.float32
    assert torch.equal(frames, before)


def test_the_description_holds_every_field_and_is_json():
    description = Preprocessing(224, "bilinear", MEAN, STD, letterbox=GREY).describe()
    assert json.loads(json.dumps(description)) == {
        "size": 224,
        "interpolation": "bilinear",
        "mean": list(MEAN),
        "std": list(STD),
        "letterbox": GREY,
    }
