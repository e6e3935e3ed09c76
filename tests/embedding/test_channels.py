import pytest
import torch

from hand_gestures.backbones.networks import check_widths
from hand_gestures.embedding.channels import CHANNEL_NAMES, assemble_channels
from hand_gestures.utils.errors import HandGesturesError

REGIONS = ("left", "right", "full")
WIDTH, FEATURES = 4, 10


def marked():
    """Region vectors whose numbers encode region, backbone, frame and feature: r·1000 + b·100 + n·20 + feature."""
    region = 1000 * torch.arange(1, 4).view(3, 1, 1)
    frame = 20 * torch.arange(2).view(1, 2, 1)
    vit = region + 100 + frame + torch.arange(WIDTH)
    resnext = region + 200 + frame + torch.arange(FEATURES)
    return vit.float(), resnext.float()


def test_the_twelve_channels_have_a_fixed_order():
    assert CHANNEL_NAMES == (
        "left_vit",
        "right_vit",
        "left_resnext_1",
        "left_resnext_2",
        "left_resnext_3",
        "right_resnext_1",
        "right_resnext_2",
        "right_resnext_3",
        "full_vit",
        "full_resnext_1",
        "full_resnext_2",
        "full_resnext_3",
    )


@pytest.mark.parametrize("name", CHANNEL_NAMES)
def test_each_channel_holds_the_region_backbone_and_chunk_of_its_name(name):
    channels = assemble_channels(*marked())
    assert channels.shape == (2, 12, WIDTH)
    region, backbone, *chunk = name.split("_")
    for frame in range(2):
        first = 1000 * (REGIONS.index(region) + 1) + 20 * frame
        if backbone == "vit":
            expected = [first + 100 + i for i in range(WIDTH)]
        else:
            features = [first + 200 + i for i in range(FEATURES)] + [0] * (3 * WIDTH - FEATURES)
            start = (int(chunk[0]) - 1) * WIDTH
            expected = features[start : start + WIDTH]
        assert channels[frame, CHANNEL_NAMES.index(name)].tolist() == expected


def test_only_the_end_of_a_third_chunk_is_padded_with_zeros():
    channels = assemble_channels(*marked())
    padded = [[name.endswith("resnext_3") and feature >= 2 for feature in range(WIDTH)] for name in CHANNEL_NAMES]
    assert torch.equal(channels == 0, torch.tensor(padded).expand(2, 12, WIDTH))


def test_a_vector_that_fills_three_channels_is_not_padded():
    vit, _ = marked()
    channels = assemble_channels(vit, torch.arange(1.0, 1 + 3 * 12).view(3, 1, 12).expand(3, 2, 12))
    assert channels[0, CHANNEL_NAMES.index("left_resnext_3")].tolist() == [9, 10, 11, 12]
    assert channels[1, CHANNEL_NAMES.index("full_resnext_3")].tolist() == [33, 34, 35, 36]


def test_the_real_widths_leave_512_features_in_the_third_chunk():
    vit, resnext = torch.ones(3, 1, 768), torch.ones(3, 1, 2048)
    channels = assemble_channels(vit, resnext)
    assert channels.shape == (1, 12, 768)
    filled = (channels[0] != 0).sum(dim=1).tolist()
    assert filled == [512 if name.endswith("resnext_3") else 768 for name in CHANNEL_NAMES]


@pytest.mark.parametrize(("vit", "resnext"), [(768, 2048), (192, 512), (4, 9), (4, 12)])
def test_widths_that_fill_three_channels_are_accepted(vit, resnext):
    check_widths(vit, resnext)


@pytest.mark.parametrize(("vit", "resnext"), [(768, 768), (768, 1536), (768, 2305), (1024, 2048), (192, 2048)])
def test_widths_that_do_not_fill_three_channels_are_an_error(vit, resnext):
    with pytest.raises(HandGesturesError, match=f"{resnext} features do not fill 3 rows of {vit}; choose backbones"):
        check_widths(vit, resnext)
