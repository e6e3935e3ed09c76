"""Utilisation of a GPU: embed clips from the real loader, and say what limits the speed."""

import threading
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import torch
import yaml
from measuring import print_table

from hand_gestures.augmentation import ClipAugmentation
from hand_gestures.embedding.clip_views import VideoSequenceDataset, clip_loader
from hand_gestures.embedding.extractor import ClipEmbedder
from hand_gestures.parameters import AugmentationParameters, ExtractionParameters

PARAMETERS = Path(__file__).parents[1] / "conf" / "base" / "parameters_feature_engineering.yml"
SIZE, FRAMES, VIEWS, CLIPS = 640, 32, 4, 48
MAX_WAITING = 0.15  # share of time spent waiting for input; above it, more workers would be faster
MIN_UTILISATION = 70  # percent; below it, the device could do more


class Utilisation:
    """In its block, asks the driver every 50 ms for the share of time in which a kernel was running."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.seen: list[int] = []
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> "Utilisation":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def percent(self) -> float | None:
        """Mean utilisation; None where the driver does not report it."""
        return sum(self.seen) / len(self.seen) if self.seen else None

    def _watch(self) -> None:
        while not self._done.wait(0.05):
            try:
                self.seen.append(torch.cuda.utilization(self.device))
            except Exception:  # no driver library, no permission, no GPU: each raises another exception
                return


class Waiting:
    """Iterates over items and adds up the seconds of waiting for them."""

    def __init__(self, items: Iterable[Any]) -> None:
        self.items = iter(items)
        self.seconds = 0.0

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        start = time.perf_counter()
        try:
            return next(self.items)
        finally:
            self.seconds += time.perf_counter() - start


def make_clips(
    paths: list[Path], clips: int, views: int, engine: str = "albumentations", count: int = FRAMES
) -> VideoSequenceDataset:
    """Clips that repeat these frames."""
    frames = [paths[number % len(paths)].name for number in range(count)]
    # hard links, because a clip decodes each path only once
    names = [f"{number:02d}-{name}" for number, name in enumerate(frames)]
    for link, name in zip(names, frames, strict=True):
        (paths[0].parent / link).hardlink_to(paths[0].parent / name)
    ids = [f"wave/{clip}" for clip in range(clips)]
    table = pd.DataFrame({"sequence_id": ids, "content": ids, "frames": [names] * clips})
    parameters = AugmentationParameters(**base_parameters("augmentation") | {"engine": engine})
    augmentation = ClipAugmentation(parameters, SIZE)
    return VideoSequenceDataset(table, paths[0].parent, SIZE, augmentation, views - 1)


def print_throughput(paths: list[Path], embedder: ClipEmbedder, clips: int = CLIPS, views: int = VIEWS) -> None:
    """Embed clips as a run does, where the next clip starts before the result of the last one has arrived."""
    workers = ExtractionParameters(**base_parameters("extraction")).workers
    pinned = embedder.device.type == "cuda"
    loader = clip_loader(make_clips(paths, clips, views), range(clips), workers, pinned=pinned)
    running = embedder.start(next(loader).views.flatten(0, 1))  # starting the workers is not measured
    running()
    frames = 0
    waiting = Waiting(loader)
    with Utilisation(embedder.device) as utilisation:
        start = time.perf_counter()
        for clip in waiting:
            started = embedder.start(clip.views.flatten(0, 1))
            running()
            running = started
            frames += clip.views.shape[0] * clip.views.shape[1]
        running()
        seconds = time.perf_counter() - start
    share = waiting.seconds / seconds
    busy = utilisation.percent()
    utilisation_text = "n/a" if busy is None else f"{busy:.0f} %"
    print_table(
        f"Throughput on {_name(embedder.device)}: {frames} frames of 1280x720 to {SIZE}x{SIZE}, {views} views, "
        f"{workers} workers",
        ["frames/s", "device utilisation", "time spent waiting for input", "bound by"],
        [[f"{frames / seconds:.1f}", utilisation_text, f"{share:.0%}", what_bounds(share, busy)]],
    )


def what_bounds(waiting: float, busy: float | None) -> str:
    """Say in words what limits the speed.

    Args:
        waiting: share of the time spent waiting for input, 0..1.
        busy: the device's utilisation, percent; None where it is unknown.
    """
    if waiting > MAX_WAITING:
        return "decoding and augmenting: set extraction.workers higher, up to the number of cores"
    if busy is not None and busy < MIN_UTILISATION:
        return "copies and the starting of kernels: set extraction.compile to true or extraction.batch_size higher"
    return "the device: a lower extraction.precision, or another device, would be faster"


def base_parameters(topic: str) -> dict[str, Any]:
    """The parameters of a topic in conf/base."""
    return yaml.safe_load(PARAMETERS.read_text(encoding="utf-8"))[topic]


def _name(device: torch.device) -> str:
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type
