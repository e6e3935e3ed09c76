"""The resize of CUDA devices gives the bits of the CPU; its arithmetic is the same on both."""

import pytest
import torch
from torchvision.transforms.v2 import InterpolationMode
from torchvision.transforms.v2 import functional as F

from hand_gestures.backbones.exact_resize import exact_resize


@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
@pytest.mark.parametrize(
    ("height", "width", "size"),
    [(640, 320, [224, 224]), (480, 854, [126, 224]), (37, 53, [224, 224]), (224, 100, [224, 224]), (5, 7, [3, 3])],
)
def test_it_equals_the_resize_of_the_cpu_bit_for_bit(interpolation, height, width, size):
    torch.manual_seed(height)
    pictures = torch.randint(0, 256, (2, 3, height, width), dtype=torch.uint8)
    pictures[1] = (pictures[1] > 127) * 255  # the strongest edges, where a cubic filter leaves 0 to 255
    for layout in (torch.contiguous_format, torch.channels_last):
        source = pictures.contiguous(memory_format=layout)
        expected = F.resize(source, size, InterpolationMode(interpolation), antialias=True)
        assert torch.equal(exact_resize(source, size, interpolation), expected)
