"""Seconds from a JPEG frame to its twelve channels: the program in float32 and bfloat16 compared with the plain flow.

The real architectures with random weights: speed does not depend on the weights. How precision and image size change
the features is measured apart from speed, and may differ for trained weights.
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
HALF = (0.5, 0.5, 0.5)  # mean and standard deviation of the ViT's image processor
EXPECTED = {"float32": ("1.8x", "2.7x (OpenVINO)"), "bfloat16": ("4x", "5.8x (bf16 matrix peak of two Zen 4 cores)")}


class Networks(NamedTuple):
    """A `ViTModel` with its image processor, and a ResNeXt50 of timm without its head."""

    vit: Any
    processor: Any
    resnext: Any


def make_networks(quick: bool) -> Networks:
    """Random weights; the ResNeXt gets batch statistics of some images, so that its features do not vanish."""
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
    """The same networks in the form of the program."""
    return (
        Backbone(MeanTokens(networks.vit).eval(), 768, Preprocessing(224, "bilinear", HALF, HALF)),
        Backbone(networks.resnext, 2048, Preprocessing(224, "bicubic", reference.MEAN, reference.STD)),
    )


def draw_frames(folder: Path, count: int) -> list[Path]:
    """Write JPEG frames of 1280x720 with structure at many scales and return their paths."""
    rng = np.random.default_rng(0)
    paths = [folder / f"wave_frame_{number:04d}.jpg" for number in range(count)]
    for path in paths:
        picture = rng.normal(0, 8, (720, 1280, 3))
        for cells in (3, 9, 40):
            picture += cv2.resize(rng.uniform(0, 85, (cells, cells, 3)), (1280, 720), interpolation=cv2.INTER_CUBIC)
        cv2.imwrite(str(path), picture.clip(0, 255).astype(np.uint8))
    return paths


def read_frames(paths: list[Path]) -> torch.Tensor:
    """Decode and resize frames as the program does: uint8 (N, 640, 640, 3)."""
    return torch.from_numpy(resize_clip(np.stack([read_frame(path) for path in paths]), reference.SIZE))


def print_speed(paths: list[Path], plain: Callable[..., np.ndarray], embedders: Embedders, rounds: int) -> None:
    """Measure and print the time per frame of each way, decoding included."""

    def program(embedder: ClipEmbedder) -> Callable[[], np.ndarray]:
        return lambda: embedder(read_frames(paths))

    seconds = interleaved(
        {
            "reference": lambda: plain(reference.read(paths), reference.UNRESIZED),
            "plain 224": lambda: plain(reference.read(paths), reference.AT_224),
            **{way: program(embedder) for way, embedder in embedders.items()},
        },
        rounds,
    )
    print_table(
        f"Extraction, a frame of 1280x720 to its channels on {_device_name()} ({len(paths)} frames, {rounds} rounds)",
        ["metric", "per frame", "faster than the reference", "expected", "known limit"],
        [
            [way, milliseconds(measured, len(paths)), ratio(seconds["reference"], measured), *_goal(way)]
            for way, measured in seconds.items()
        ],
    )


def print_precision_error(frames: torch.Tensor, plain: Callable[..., np.ndarray], embedders: Embedders) -> None:
    """Print the difference of features from the plain flow with the ResNeXt at 224, in float32."""
    with torch.backends.cudnn.flags(enabled=True, allow_tf32=False):  # else a GPU would round float32 convolutions
        plain_224 = plain(frames.numpy(), reference.AT_224)
    others, first_call = {}, {}
    for way, embedder in embedders.items():
        start = time.perf_counter()
        others[way] = embedder(frames)
        first_call[way] = f"{time.perf_counter() - start:.0f} s"
    others["a change of features: the reference, ResNeXt at 640"] = plain(frames.numpy(), reference.UNRESIZED)
    rows = []
    for way, features in others.items():
        by_channel = compare_channels(plain_224, features).values()
        largest = max(channel["relative_l2"] for channel in by_channel)
        cosine = min(channel["cosine"] for channel in by_channel)
        rows.append([way, f"{largest:.5f}" if largest else "below 1e-5", f"{cosine:.5f}", first_call.get(way, "")])
    print_table(
        "Features compared with the plain flow, both backbones at 224 in float32 (random weights)",
        [
            "metric",
            "largest relative L2 of a channel",
            "smallest mean-centred cosine",
            "first call, compiling included",
        ],
        rows,
    )


def main() -> None:
    """Measure precision error, speed and, on a GPU, its utilisation."""
    quick = arguments(__doc__).quick
    device = choose_device("auto")
    networks = make_networks(quick)
    vit, resnext = as_backbones(networks)
    embedders = {
        precision + ", compiled" * compiled: ClipEmbedder(
            vit, resnext, device, precision, compilation="optional" if compiled else "off"
        )
        for precision in EXPECTED
        for compiled in ([False] if quick else [False, True])
    }
    on_device = networks._replace(vit=networks.vit.to(device), resnext=networks.resnext.to(device))

    def plain(frames: Iterable[np.ndarray], transform: Any) -> np.ndarray:
        return reference.extract(frames, *on_device, device, transform)

    with tempfile.TemporaryDirectory() as folder:
        paths = draw_frames(Path(folder), 2 if quick else FRAMES)
        print_precision_error(read_frames(paths), plain, embedders)  # first, because it also compiles
        print_speed(paths, plain, embedders, 1 if quick else ROUNDS)
        if device.type == "cuda":
            print_throughput(paths, embedders["bfloat16" + ", compiled" * (not quick)])


def _goal(way: str) -> tuple[str, str]:
    return EXPECTED.get(way.partition(",")[0], ("", ""))


def _device_name() -> str:
    return torch.cuda.get_device_name() if torch.cuda.is_available() else "the CPU"


if __name__ == "__main__":
    main()
