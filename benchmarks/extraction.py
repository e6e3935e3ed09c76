"""Seconds from a JPEG frame to its twelve channels: the program in float32 and bfloat16 beside the plain flow.

The real architectures with random weights, which serve for speed. What a change of precision or of the picture's
size does to the features is told apart from speed, with weights that are not trained: real ones may differ.
"""

import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import reference
import torch
from measuring import arguments, interleaved, milliseconds, print_table, ratio
from throughput import print_throughput

from hand_gestures.augmentation import resize_clip
from hand_gestures.backbones.networks import Backbone, MeanTokens
from hand_gestures.backbones.preprocessing import Preprocessing
from hand_gestures.embedding.extractor import ClipEmbedder
from hand_gestures.embedding.precision_error import compare_channels
from hand_gestures.utils.devices import choose_device
from hand_gestures.video.image_files import read_frame

Embedders = dict[str, ClipEmbedder]
FRAMES, ROUNDS = 8, 3
HALF = (0.5, 0.5, 0.5)  # mean and spread of the ViT's image processor
REACH = {"float32": ("1.8x", "2.7x (OpenVINO)"), "bfloat16": ("4x", "5.8x (bf16 matrix peak of two Zen 4 cores)")}


class Networks(NamedTuple):
    """A `ViTModel` with its image processor, and a ResNeXt50 of timm without its head."""

    vit: Any
    processor: Any
    resnext: Any


def make_networks(quick: bool) -> Networks:
    """Random weights; the ResNeXt's statistics are those of some pictures, so that its features keep their size."""
    import timm
    from transformers import ViTConfig, ViTImageProcessor, ViTModel

    torch.manual_seed(0)
    vit = ViTModel(ViTConfig(num_hidden_layers=1) if quick else ViTConfig(), add_pooling_layer=False)
    shallow = {"layers": [1, 1, 1, 1]} if quick else {}
    resnext = timm.create_model("resnext50_32x4d", pretrained=False, num_classes=0, zero_init_last=False, **shallow)
    with torch.no_grad():
        for _ in range(4):
            resnext.train()(torch.nn.functional.interpolate(torch.randn(8, 3, 7, 7), 224, mode="bicubic"))
    return Networks(vit.eval(), ViTImageProcessor(), resnext.eval())


def as_backbones(networks: Networks) -> tuple[Backbone, Backbone]:
    """The same networks as the program has them."""
    return (
        Backbone(MeanTokens(networks.vit).eval(), 768, Preprocessing(224, "bilinear", HALF, HALF)),
        Backbone(networks.resnext, 2048, Preprocessing(224, "bicubic", reference.MEAN, reference.STD)),
    )


def draw_frames(folder: Path, count: int) -> list[Path]:
    """JPEG frames of 1280x720 with structure at many scales."""
    rng = np.random.default_rng(0)
    paths = [folder / f"wave_frame_{number:04d}.jpg" for number in range(count)]
    for path in paths:
        picture = rng.normal(0, 8, (720, 1280, 3))
        for cells in (3, 9, 40):
            picture += cv2.resize(rng.uniform(0, 85, (cells, cells, 3)), (1280, 720), interpolation=cv2.INTER_CUBIC)
        cv2.imwrite(str(path), picture.clip(0, 255).astype(np.uint8))
    return paths


def read_frames(paths: list[Path]) -> torch.Tensor:
    """Decoded and resized as the program does it: uint8 (N, 640, 640, 3)."""
    return torch.from_numpy(resize_clip(np.stack([read_frame(path) for path in paths]), reference.SIZE))


def print_speed(paths: list[Path], plain: Callable[..., np.ndarray], embedders: Embedders, rounds: int) -> None:
    """Seconds a frame of each way, from the file on."""

    def program(embedder: ClipEmbedder) -> Callable[[], np.ndarray]:
        return lambda: embedder(read_frames(paths))

    seconds = interleaved(
        {
            "reference": lambda: plain(reference.read(paths), reference.AS_IT_IS),
            "plain 224": lambda: plain(reference.read(paths), reference.AT_224),
            **{way: program(embedder) for way, embedder in embedders.items()},
        },
        rounds,
    )
    print_table(
        f"Extraction, a frame of 1280x720 to its channels on {_device_name()} ({len(paths)} frames, {rounds} rounds)",
        ["figure", "a frame", "faster than the reference", "reach", "limit known"],
        [
            [way, milliseconds(of, len(paths)), ratio(seconds["reference"], of), *_goal(way)]
            for way, of in seconds.items()
        ],
    )


def print_closeness(frames: torch.Tensor, plain: Callable[..., np.ndarray], embedders: Embedders) -> None:
    """How near the features come to those of the plain flow with the ResNeXt at 224, in float32."""
    with torch.backends.cudnn.flags(enabled=True, allow_tf32=False):  # a GPU would not convolve in float32 otherwise
        plain_224 = plain(frames.numpy(), reference.AT_224)
    others, first_call = {}, {}
    for way, embedder in embedders.items():
        start = time.perf_counter()
        others[way] = embedder(frames)
        first_call[way] = f"{time.perf_counter() - start:.0f} s"
    others["a change of features: the reference, ResNeXt at 640"] = plain(frames.numpy(), reference.AS_IT_IS)
    rows = []
    for way, features in others.items():
        by_channel = compare_channels(plain_224, features).values()
        largest = max(channel["relative_l2"] for channel in by_channel)
        cosine = min(channel["cosine"] for channel in by_channel)
        rows.append([way, f"{largest:.5f}" if largest else "below 1e-5", f"{cosine:.5f}", first_call.get(way, "")])
    print_table(
        "Features beside those of the plain flow with both backbones at 224 in float32 (random weights)",
        [
            "figure",
            "largest relative L2 of a channel",
            "smallest mean-centred cosine",
            "first call, compiling included",
        ],
        rows,
    )


def main() -> None:
    """Speed, precision_error and, on a GPU, how well it is used."""
    quick = arguments(__doc__).quick
    device = choose_device("auto")
    networks = make_networks(quick)
    vit, resnext = as_backbones(networks)
    embedders = {
        precision + ", compiled" * compiled: ClipEmbedder(vit, resnext, device, precision, compiled=compiled)
        for precision in REACH
        for compiled in ([False] if quick else [False, True])
    }
    on_device = networks._replace(vit=networks.vit.to(device), resnext=networks.resnext.to(device))

    def plain(frames: Iterable[np.ndarray], transform: Any) -> np.ndarray:
        return reference.extract(frames, *on_device, device, transform)

    with tempfile.TemporaryDirectory() as folder:
        paths = draw_frames(Path(folder), 2 if quick else FRAMES)
        print_closeness(read_frames(paths), plain, embedders)  # first: it compiles, too
        print_speed(paths, plain, embedders, 1 if quick else ROUNDS)
        if device.type == "cuda":
            print_throughput(paths, embedders["bfloat16" + ", compiled" * (not quick)])


def _goal(way: str) -> tuple[str, str]:
    return REACH.get(way.partition(",")[0], ("", ""))


def _device_name() -> str:
    return torch.cuda.get_device_name() if torch.cuda.is_available() else "the CPU"


if __name__ == "__main__":
    main()
