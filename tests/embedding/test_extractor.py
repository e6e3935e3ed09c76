import copy
import shutil
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from hand_gestures.backbones.compilation import choose_compilation
from hand_gestures.backbones.networks import Backbone, load_resnext, load_vit
from hand_gestures.backbones.preprocessing import Preprocessing
from hand_gestures.embedding.channels import CHANNEL_NAMES, cut_regions
from hand_gestures.embedding.extractor import ClipEmbedder
from hand_gestures.utils.devices import choose_batch_size, choose_device, choose_precision
from hand_gestures.utils.errors import HandGesturesError
from small_backbones import RESNEXT_WIDTH, VIT_WIDTH, local_files, random_frames

CPU = torch.device("cpu")
LEFT = [i for i, name in enumerate(CHANNEL_NAMES) if name.startswith("left")]
RIGHT = [i for i, name in enumerate(CHANNEL_NAMES) if name.startswith("right")]
FULL = [i for i, name in enumerate(CHANNEL_NAMES) if name.startswith("full")]


class Brightness(nn.Module):
    """Feature i is the region's mean brightness in 0..1, of all colours or of one, times `factor` + i."""

    def __init__(self, width, factor, colour=slice(None)):
        super().__init__()
        self.weight = nn.Parameter(factor + torch.arange(float(width)), requires_grad=False)
        self.colour = colour

    def forward(self, pixels):
        return pixels[:, self.colour].flatten(1).mean(dim=1, keepdim=True) * self.weight


def brightness(width, factor, colour=slice(None)):
    no_change = Preprocessing(8, "bilinear", (0.0, 0.0, 0.0), (1.0, 1.0, 1.0))
    return Backbone(Brightness(width, factor, colour), width, no_change)


def linear_embedder(colour=slice(None)):
    return ClipEmbedder(brightness(4, 100, colour), brightness(10, 200, colour), CPU)


@pytest.fixture(scope="module")
def backbones(vit_folder, resnext_folder):
    return load_vit(local_files(vit_folder)), load_resnext(local_files(resnext_folder))


@pytest.fixture
def embed(backbones):
    """Embeds a clip with the tiny networks."""

    def run(clip, **options):
        vit, resnext = copy.deepcopy(backbones)  # no test may change the networks of another
        return ClipEmbedder(vit, resnext, CPU, **options)(clip)

    return run


@pytest.fixture(scope="module")
def clip():
    """RGB frames (7, H, W, 3), none like the others."""
    return random_frames(seed=7, count=7, height=60, width=80).permute(0, 2, 3, 1).contiguous()


def test_every_channel_holds_its_region_seen_by_its_backbone():
    clip = torch.zeros((2, 8, 16, 3), dtype=torch.uint8)
    clip[0, :, :8], clip[0, :, 8:] = 51, 204
    clip[1, :, :8], clip[1, :, 8:] = 255, 0
    seen = {"left": [0.2, 1.0], "right": [0.8, 0.0], "full": [0.5, 0.5]}
    embedded = linear_embedder()(clip)
    assert embedded.shape == (2, 12, 4)
    for frame in range(2):
        for channel, name in enumerate(CHANNEL_NAMES):
            region, backbone, *chunk = name.split("_")
            if backbone == "vit":
                weights = [100, 101, 102, 103]
            else:
                weights = [[200, 201, 202, 203], [204, 205, 206, 207], [208, 209, 0, 0]][int(chunk[0]) - 1]
            expected = seen[region][frame] * np.array(weights)
            np.testing.assert_allclose(embedded[frame, channel], expected, rtol=1e-5, err_msg=name)


@pytest.mark.parametrize(("colour", "level"), [(0, 0.2), (1, 0.4), (2, 0.8)])
def test_backbones_see_red_green_and_blue_in_this_order(colour, level):
    clip = torch.tensor([51, 102, 204], dtype=torch.uint8).expand(1, 8, 16, 3)
    embedded = linear_embedder(colour)(clip)
    np.testing.assert_allclose(embedded[0, 0], level * np.array([100, 101, 102, 103]), rtol=1e-5)


def test_the_embedding_has_one_float32_row_a_frame_and_channel(embed, clip):
    embedded = embed(clip)
    assert isinstance(embedded, np.ndarray)
    assert embedded.shape == (7, 12, VIT_WIDTH)
    assert embedded.dtype == np.float32
    assert np.isfinite(embedded).all()


def test_the_embedding_holds_the_backbones_vectors_of_the_regions(embed, backbones, clip):
    vit, resnext = backbones
    frames = clip.permute(0, 3, 1, 2)
    named = dict(zip(CHANNEL_NAMES, embed(clip).transpose(1, 0, 2), strict=True))
    for region, pixels in {"left": frames[..., :40], "right": frames[..., 40:], "full": frames}.items():
        np.testing.assert_allclose(named[f"{region}_vit"], vit(pixels).numpy(), atol=1e-4)
        rows = np.concatenate([named[f"{region}_resnext_{chunk}"] for chunk in (1, 2, 3)], axis=1)
        np.testing.assert_allclose(rows[:, :RESNEXT_WIDTH], resnext(pixels).numpy(), atol=1e-4)
        assert (rows[:, RESNEXT_WIDTH:] == 0).all()


@pytest.mark.parametrize("batch_size", [1, 2, 7, 100])
def test_the_batch_size_does_not_change_an_embedding(embed, clip, batch_size):
    whole, parts = embed(clip, batch_size=32), embed(clip, batch_size=batch_size)
    np.testing.assert_allclose(parts, whole, atol=1e-4)


def test_the_order_of_the_frames_does_not_change_their_embeddings(embed, clip):
    order = torch.tensor([4, 0, 6, 2, 2, 5, 1, 3])
    np.testing.assert_allclose(embed(clip[order], batch_size=3), embed(clip, batch_size=3)[order.numpy()], atol=1e-4)


def test_another_frame_does_not_change_a_frames_embedding(embed, clip):
    changed = clip.clone()
    changed[3] = 255 - changed[3]
    before, after = embed(clip), embed(changed)
    others = [0, 1, 2, 4, 5, 6]
    np.testing.assert_allclose(after[others], before[others], atol=1e-4)
    assert (np.abs(after[3] - before[3]).max(axis=1) > 0.01).all()


@pytest.mark.parametrize(("half", "changed", "unchanged"), [(slice(0, 40), LEFT, RIGHT), (slice(40, 80), RIGHT, LEFT)])
def test_a_change_in_one_half_shows_in_that_half_and_in_the_full_frame(embed, clip, half, changed, unchanged):
    other = clip.clone()
    other[:, :, half] = 255 - other[:, :, half]
    before, after = embed(clip), embed(other)
    difference = np.abs(after - before).max(axis=(0, 2))
    assert (difference[changed] > 0.01).all()
    assert (difference[FULL] > 0.01).all()
    assert (difference[unchanged] < 1e-4).all()


def test_exchanging_the_halves_exchanges_left_and_right(embed, clip):
    exchanged = torch.cat([clip[:, :, 40:], clip[:, :, :40]], dim=2)
    before, after = embed(clip), embed(exchanged)
    np.testing.assert_allclose(after[:, LEFT], before[:, RIGHT], atol=1e-4)
    np.testing.assert_allclose(after[:, RIGHT], before[:, LEFT], atol=1e-4)


@pytest.mark.parametrize("width", [10, 11])
def test_regions_are_the_left_half_the_right_half_and_all(width):
    frames = torch.arange(width).expand(1, 3, 4, width)
    left, right, full = cut_regions(frames)
    assert left[0, 0, 0].tolist() == [0, 1, 2, 3, 4]
    assert right[0, 0, 0].tolist() == list(range(width - 5, width))
    assert torch.equal(full, frames)


def test_a_lower_precision_gives_nearly_the_same_float32_embedding(embed, clip):
    exact, rough = embed(clip), embed(clip, precision="bfloat16")
    assert rough.dtype == np.float32
    assert not np.array_equal(exact, rough)
    assert np.linalg.norm(rough - exact) < 0.1 * np.linalg.norm(exact)


def test_backbones_of_unfitting_widths_are_an_error():
    with pytest.raises(HandGesturesError, match="8 features do not fill 3 rows of 4"):
        ClipEmbedder(brightness(4, 1), brightness(8, 1), CPU)


def test_without_a_cuda_device_the_choice_is_the_cpu_in_float32(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert choose_device("auto") == CPU
    assert choose_precision("auto", "auto") == "float32"
    assert choose_precision("bfloat16", "cpu") == "bfloat16"
    with pytest.raises(HandGesturesError, match="device 'cuda:1' needs a CUDA device"):
        choose_device("cuda:1")


class MemoryLimit(nn.Module):
    """Runs out of memory for more than `most` pictures at a time."""

    def __init__(self, network, most, error):
        super().__init__()
        self.network, self.most, self.error = network, most, error

    def forward(self, pixels):
        if len(pixels) > self.most:
            raise self.error
        return self.network(pixels)


OUT_OF_MEMORY = {
    "cuda": torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"),
    "cpu": RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes."),
}


def limited_embedder(backbones, most, error):
    vit, resnext = backbones
    return ClipEmbedder(replace(vit, network=MemoryLimit(vit.network, most, error)), resnext, CPU, batch_size=7)


@pytest.mark.parametrize("error", OUT_OF_MEMORY.values(), ids=OUT_OF_MEMORY)
def test_batches_are_halved_when_memory_runs_out(backbones, embed, clip, error, caplog):
    embedder = limited_embedder(backbones, 3 * 2, error)
    np.testing.assert_allclose(embedder(clip), embed(clip), atol=1e-4)
    assert embedder.batch_size == 1  # 7, 3, 1: three regions each
    assert caplog.messages[-1] == "cpu is out of memory: continuing with batches of 1 frames"


def test_the_error_of_a_frame_that_does_not_fit_names_the_remedy(backbones, clip):
    with pytest.raises(HandGesturesError, match=r"one frame must fit .*out of memory.*; free memory there, or set"):
        limited_embedder(backbones, 2, OUT_OF_MEMORY["cuda"])(clip)


def test_other_errors_are_raised_unchanged(backbones, clip):
    with pytest.raises(RuntimeError, match="another fault"):
        limited_embedder(backbones, 2, RuntimeError("another fault"))(clip)


@pytest.mark.skipif(shutil.which("g++") is None, reason="compiling needs a C++ compiler")
def test_compiled_backbones_give_the_same_embeddings_for_any_number_of_frames(backbones, embed, clip):
    embedder = ClipEmbedder(*backbones, CPU, batch_size=4, compilation="required")
    for frames in (clip, clip[:4], clip[2:3]):
        np.testing.assert_allclose(embedder(frames), embed(frames), atol=1e-4)
    assert embedder.vit.network is not backbones[0].network


@pytest.mark.parametrize("required", [True, False])
def test_a_failed_compilation_is_a_warning_or_where_required_an_error(
    backbones, embed, clip, required, monkeypatch, caplog
):
    def no_compiler(network, **options):
        def fail(pixels):
            raise RuntimeError("InvalidCxxCompiler: no working C++ compiler found\nmuch more")

        return fail

    monkeypatch.setattr(torch, "compile", no_compiler)
    embedder = ClipEmbedder(*backbones, CPU, batch_size=4, compilation="required" if required else "optional")
    if required:
        with pytest.raises(HandGesturesError, match=r"no working C\+\+ compiler found\); install a C\+\+ compiler"):
            embedder(clip)
    else:
        np.testing.assert_allclose(embedder(clip), embed(clip), atol=1e-4)
        assert len([message for message in caplog.messages if "run uncompiled" in message]) == 2


@pytest.mark.parametrize(
    ("setting", "frames", "compilation"),
    [("auto", 19_999, "off"), ("auto", 20_000, "optional"), (True, 1, "required"), (False, 10**6, "off")],
)
def test_the_number_of_frames_decides_whether_to_compile_unless_it_is_set(setting, frames, compilation):
    assert choose_compilation(setting, frames) == compilation


def test_the_batch_size_depends_on_the_total_memory_of_the_device(monkeypatch):
    assert choose_batch_size(CPU) == 8
    for gigabytes, frames in ((1, 8), (4, 32), (16, 128), (80, 128)):
        device = SimpleNamespace(total_memory=gigabytes << 30)
        monkeypatch.setattr(torch.cuda, "get_device_properties", lambda _, device=device: device)
        assert choose_batch_size(torch.device("cuda")) == frames
