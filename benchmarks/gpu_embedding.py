"""Sections of `gpu_check.py` on embedding: right values, the backbones alone, from JPEG files to channels, compiled."""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
from gpu_section import Measurements, Section, median_seconds, sha256

ROOT = Path(__file__).parents[1]
TOLERANCE = 1e-4  # relative L2 of a channel: float32 on the GPU against float32 on the CPU
WAYS = ((4, "torch"), (1, "albumentations"), (4, "albumentations"))  # views of a clip, and what augments them


def relative_l2(exact: np.ndarray, other: np.ndarray) -> float:
    """Norm of the difference divided by the norm of `exact`."""
    return float(np.linalg.norm(other - exact) / max(float(np.linalg.norm(exact)), 1e-12))


def worst_channel(exact: np.ndarray, other: np.ndarray) -> Measurements:
    """The largest error over the channels; see `compare_channels`."""
    from hand_gestures.embedding.precision_error import compare_channels

    errors = compare_channels(exact, other)
    return {
        "largest_relative_l2": max(error["relative_l2"] for error in errors.values()),
        "smallest_cosine": min(error["cosine"] for error in errors.values()),
        "relative_l2_by_channel": {name: error["relative_l2"] for name, error in errors.items()},
    }


def structured_frames(count: int, size: int = 640) -> torch.Tensor:
    """Frames with structure at many scales: RGB uint8 (N, size, size, 3)."""
    import cv2

    rng = np.random.default_rng(0)
    frames = rng.normal(0, 8, (count, size, size, 3)).astype(np.float32)
    for frame in frames:
        for cells in (3, 9, 40):
            coarse = rng.uniform(0, 85, (cells, cells, 3)).astype(np.float32)
            frame += cv2.resize(coarse, (size, size), interpolation=cv2.INTER_CUBIC)
    return torch.from_numpy(frames.clip(0, 255).astype(np.uint8))


def check_correctness(section: Section) -> None:
    """Float32 equals the CPU, lower precisions are close, runs are alike, a full memory halves the batches."""
    from extraction import as_backbones, make_networks

    from hand_gestures.embedding.extractor import ClipEmbedder
    from hand_gestures.utils.devices import choose_precision

    backbones = as_backbones(make_networks(section.quick))
    frames = structured_frames(3 if section.quick else 16)
    on_cpu = ClipEmbedder(*backbones, torch.device("cpu"))(frames)
    exact = ClipEmbedder(*backbones, section.device)
    on_device = exact(frames)
    error = worst_channel(on_cpu, on_device)
    section.note("float32 equals the CPU", error["largest_relative_l2"] <= TOLERANCE, limit=TOLERANCE, **error)
    again = ClipEmbedder(*backbones, section.device)(frames)
    section.note("two embedders give the same bits", bool((again == on_device).all()), sha256=sha256(again))
    by_one = ClipEmbedder(*backbones, section.device, batch_size=1)(frames)
    section.note(
        "batches of one frame", relative_l2(on_device, by_one) <= TOLERANCE, relative_l2=relative_l2(on_device, by_one)
    )
    section.note("precision auto", None, chosen=choose_precision("auto", "auto"), device=str(section.device))
    for precision in ("bfloat16", "float16"):
        with section.guarded(precision):
            embedder = ClipEmbedder(*backbones, section.device, precision)
            first, second = embedder(frames), embedder(frames)
            section.note(
                f"{precision} is close to float32",
                bool(np.isfinite(first).all() and (first == second).all()),
                **worst_channel(on_device, first),
            )
    with section.guarded("a full memory halves the batches"):
        check_halving(section, backbones, on_device, frames)
    with section.guarded("hand detector"):
        check_detector(section)
    with section.guarded("augmentation on the device"):
        check_augmentation(section)
    with section.guarded("clip ahead"):
        # as a run does it: the next clip starts before the result of the last one is read
        first, second = exact.start(frames), exact.start(frames.flip(0))
        equal = (first() == on_device).all() and np.allclose(second()[::-1], on_device, atol=1e-3)
        section.note("a clip ahead changes nothing", bool(equal))


def check_augmentation(section: Section) -> None:
    """Views that PyTorch makes on the device, compared with those that it makes on the CPU and with Albumentations."""
    from throughput import base_parameters

    from hand_gestures.augmentation import ClipAugmentation
    from hand_gestures.augmentation.torch_augmentation import augment_frames
    from hand_gestures.parameters import AugmentationParameters

    augmentation = ClipAugmentation(AugmentationParameters(**base_parameters("augmentation")), 640)
    clip = structured_frames(2, 480)
    to_cpu, to_albumentations = [], []
    for seed in range(4 if section.quick else 24):
        drawn = augmentation.draw(clip[0].numpy(), seed)
        on_device = augment_frames(clip.to(section.device), drawn, 640).cpu().int()
        to_cpu.append(float((on_device - augment_frames(clip, drawn, 640).int()).abs().float().mean()))
        if "ISONoise" not in [name for name, _ in drawn.steps]:  # it has draws of its own
            expected = torch.from_numpy(augmentation(clip.numpy(), seed)[0]).int()
            to_albumentations.append(float((on_device - expected).abs().float().mean()))
    section.note(
        "augmentation on the device",
        max(to_cpu) < 0.05 and max(to_albumentations) < 1.5,
        largest_mean_difference_to_cpu=max(to_cpu),
        largest_mean_difference_to_albumentations=max(to_albumentations),
        views=len(to_cpu),
    )


def check_halving(section: Section, backbones: tuple, expected: np.ndarray, frames: torch.Tensor) -> None:
    """Allow the process so little memory that a batch does not fit, and embed more frames than fit."""
    from hand_gestures.embedding.extractor import ClipEmbedder

    if not section.on_gpu:
        section.skip("a full memory halves the batches", "needs a CUDA device")
        return
    many = frames.repeat(16, 1, 1, 1)  # 256 frames
    embedder = ClipEmbedder(*backbones, section.device, batch_size=len(many))
    torch.cuda.empty_cache()
    total = torch.cuda.get_device_properties(section.device).total_memory
    allowed = torch.cuda.memory_reserved(section.device) + 3e9
    torch.cuda.set_per_process_memory_fraction(min(1.0, allowed / total), section.device)
    try:
        embedded = embedder(many)
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0, section.device)
    error = relative_l2(np.tile(expected, (16, 1, 1)), embedded)
    section.note(
        "a full memory halves the batches",
        embedder.batch_size < len(many) and error <= TOLERANCE,
        batch_before=len(many),
        batch_after=embedder.batch_size,
        relative_l2=error,
    )


def check_detector(section: Section) -> None:
    """Boxes of the demo's detector on drawn frames: the GPU finds what the CPU finds."""
    if find_spec("ultralytics") is None:
        section.skip("hand detector", "ultralytics is not installed")
        return
    from hand_gestures.backbones.hand_detector import HandDetector
    from hand_gestures.backbones.model_files import ModelFiles, sha256_of

    weights = ROOT / "data/06_models/compact_backbones/yolo.pt"
    files = ModelFiles("demo", None, None, str(weights.parent), weights.name, sha256_of(weights))
    frames = drawn_frames(2 if section.quick else 16)
    found, seconds = {}, {}
    for device in ("cpu", str(section.device)):
        detector = HandDetector(files, image_size=320, confidence=0.25, max_hands=2, device=device)
        found[device] = detector(frames)
        seconds[device] = median_seconds(lambda detector=detector: detector(frames), section.device, 3)
    cpu, device = found["cpu"], found[str(section.device)]
    same = [len(one.scores) == len(other.scores) for one, other in zip(cpu, device, strict=True)]
    distance = max(
        (
            float(np.abs(one.boxes - other.boxes).max())
            for one, other in zip(cpu, device, strict=True)
            if len(one.boxes) and len(one.boxes) == len(other.boxes)
        ),
        default=0.0,
    )
    section.note(
        "hand detector",
        all(same) and distance < 0.01,
        frames=len(frames),
        hands=sum(len(hands.scores) for hands in cpu),
        frames_with_equal_count=sum(same),
        largest_box_difference=distance,
        ms_a_frame={device: round(value / len(frames) * 1e3, 2) for device, value in seconds.items()},
        cuda_visible_devices=os.environ.get("CUDA_VISIBLE_DEVICES"),
    )


def drawn_frames(count: int) -> np.ndarray:
    """Frames of the drawn gesture set: RGB uint8 (N, 320, 320, 3)."""
    from hand_gestures.augmentation import resize_clip
    from hand_gestures.synthetic.gestures import GESTURES, clip_length, gesture_poses
    from hand_gestures.synthetic.scene import draw_frame, make_performer

    rng = np.random.default_rng(0)
    performer = make_performer(rng, 240, 320)
    poses = [list(gesture_poses(gesture, performer, rng, clip_length(performer, rng)))[8] for gesture in GESTURES]
    frames = [draw_frame(performer, poses[n % len(poses)], 240, 320, rng, (0.5, 0.5))[0] for n in range(count)]
    return resize_clip(np.stack(frames), 320)


def check_backbones(section: Section) -> None:
    """Images per second of each backbone alone, by precision, memory layout, batch size and CUDA graphs."""
    from extraction import as_backbones, make_networks

    peak = matrix_peak(section)
    rounds = 1 if section.quick else 8
    sizes = (2,) if section.quick else (96, 384, 768)
    flops = {"vit": 35.1e9, "resnext": 8.5e9}  # per image of 224 pixels (docs/benchmarks.md)
    precisions = ["float32", "bfloat16", "float16"] if section.on_gpu else ["float32"]
    for name, backbone in zip(("vit", "resnext"), as_backbones(make_networks(section.quick)), strict=True):
        for precision in precisions:
            dtype = getattr(torch, precision)
            for images in sizes if precision == "bfloat16" else sizes[:1]:
                pixels = torch.randn(images, 3, 224, 224, device=section.device).to(dtype)
                ways = backbone_ways(backbone.to(section.device, dtype).network, pixels, section)
                for way, run in ways.items():
                    with section.guarded(f"{name} {way}"), torch.inference_mode():
                        rate = images / median_seconds(run, section.device, rounds)
                        section.note(
                            f"{name} alone",
                            way=way,
                            precision=precision,
                            images=images,
                            images_per_second=round(rate, 1),
                            share_of_matrix_peak=round(rate * flops[name] / peak, 3) if peak else None,
                        )
    with section.guarded("preprocessing"), torch.inference_mode():
        from hand_gestures.embedding.channels import cut_regions

        frames = structured_frames(2 if section.quick else 128).to(section.device).permute(0, 3, 1, 2)
        for backbone, name in zip(as_backbones(make_networks(True)), ("vit", "resnext"), strict=True):
            seconds = median_seconds(
                lambda backbone=backbone: backbone.pixels(*cut_regions(frames)), section.device, rounds
            )
            section.note(f"{name} preprocessing", frames_per_second=round(len(frames) / seconds, 1))


def backbone_ways(network: Any, pixels: torch.Tensor, section: Section) -> dict[str, Callable[[], object]]:
    """The ways to run a network: as it is, channels last, and as a CUDA graph."""
    ways: dict[str, Callable[[], object]] = {"plain": lambda: network(pixels)}
    if not section.on_gpu:
        return ways
    import copy

    last = copy.deepcopy(network).to(memory_format=torch.channels_last)
    last_pixels = pixels.to(memory_format=torch.channels_last)
    ways["channels last"] = lambda: last(last_pixels)
    with torch.inference_mode():
        stream = torch.cuda.Stream()
        with torch.cuda.stream(stream):
            for _ in range(3):
                last(last_pixels)
        torch.cuda.synchronize()
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            last(last_pixels)
    ways["channels last, CUDA graph"] = graph.replay
    return ways


def matrix_peak(section: Section) -> float | None:
    """Operations per second of a large bfloat16 matrix product; None on a CPU."""
    if not section.on_gpu:
        section.skip("matrix peak", "needs a CUDA device")
        return None
    a, b = (torch.randn(8192, 8192, device=section.device, dtype=torch.bfloat16) for _ in range(2))
    seconds = median_seconds(lambda: a @ b, section.device, 10)
    peak = 2 * 8192**3 / seconds
    section.note("matrix peak", tflops=round(peak / 1e12, 1))
    return peak


def check_compiled(section: Section) -> None:
    """Compiled backbones: their values, the seconds of compiling, and images per second."""
    from extraction import as_backbones, make_networks

    from hand_gestures.embedding.extractor import ClipEmbedder

    networks = make_networks(section.quick)
    backbones = as_backbones(networks)
    count = 4 if section.quick else 128
    frames = structured_frames(4).repeat(count // 4, 1, 1, 1)
    precision = "bfloat16" if section.on_gpu else "float32"
    plain = ClipEmbedder(*backbones, section.device, precision, batch_size=count)
    compiled = ClipEmbedder(*backbones, section.device, precision, batch_size=count, compilation="required")
    expected = plain(frames)
    start = time.perf_counter()
    compiled.prepare()
    seconds = time.perf_counter() - start
    result = compiled(frames)
    exact = ClipEmbedder(*backbones, section.device)(frames[:4])
    section.note(
        "compiled equals plain",
        bool(relative_l2(exact, result[:4]) <= 1.5 * relative_l2(exact, expected[:4]) + TOLERANCE),
        precision=precision,
        seconds_of_compiling=round(seconds, 1),
        relative_l2_to_plain=relative_l2(expected, result),
        plain_to_float32=relative_l2(exact, expected[:4]),
        compiled_to_float32=relative_l2(exact, result[:4]),
    )
    on_device = frames.to(section.device)
    rounds = 1 if section.quick else 6
    rates = {
        name: round(len(frames) / median_seconds(lambda e=embedder: e(on_device), section.device, rounds), 1)
        for name, embedder in (("plain", plain), ("compiled", compiled))
    }
    section.note("extractor alone, frames on the device", frames_per_second=rates, batch=count, precision=precision)


def check_extraction(section: Section) -> None:
    """Frames per second from JPEG files through the real loader, what it waits for, and the plain flow beside it."""
    import cv2
    import reference
    from extraction import as_backbones, draw_frames, make_networks
    from throughput import Utilisation, Waiting, make_clips, what_bounds

    from hand_gestures.embedding.channels import cut_regions
    from hand_gestures.embedding.clip_views import clip_loader
    from hand_gestures.embedding.extractor import ClipEmbedder

    networks = make_networks(section.quick)
    backbones = as_backbones(networks)
    precision = "bfloat16" if section.on_gpu else "float32"
    embedder = ClipEmbedder(*backbones, section.device, precision)
    workers = 1 if section.quick else len(os.sched_getaffinity(0))
    cases = [(480, 2, "torch")] if section.quick else [(height, *way) for height in (480, 1080) for way in WAYS]
    frames = structured_frames(2 if section.quick else 128).to(section.device)
    seconds = median_seconds(lambda: embedder(frames), section.device, 1 if section.quick else 5)
    section.note("extractor alone", frames_per_second=round(len(frames) / seconds, 1), precision=precision)
    with torch.inference_mode():
        pixels = frames.permute(0, 3, 1, 2)
        seconds = median_seconds(lambda: [b.pixels(*cut_regions(pixels)) for b in backbones], section.device, 3)
    section.note("preprocessing for both backbones", frames_per_second=round(len(frames) / seconds, 1))
    del frames, pixels
    if section.on_gpu:
        touch_memory(section, workers)
    with tempfile.TemporaryDirectory() as folder:
        for height, views, engine in cases:
            with section.guarded(f"{height}p, {views} views, {engine}"):
                source = Path(folder) / f"{height}-{views}-{engine}"
                source.mkdir()
                paths = draw_frames(source, 4)
                for path in paths:
                    cv2.imwrite(str(path), cv2.resize(cv2.imread(str(path)), (height * 16 // 9, height)))
                clips, ready = (1, 1) if section.quick else (48, 2 * workers)
                dataset = make_clips(paths, clips + ready, views, engine, 2 if section.quick else 32)
                loader = clip_loader(dataset, range(clips + ready), workers, pinned=section.on_gpu)
                running = embedder.start(views_of(next(loader), section.device))  # starts the workers
                running()
                for _ in range(ready - 1):  # clips that the workers had ready
                    running = embedder.start(views_of(next(loader), section.device))
                waiting = Waiting(loader)
                with Utilisation(section.device) as utilisation:
                    start = time.perf_counter()
                    for clip in waiting:
                        pixels = views_of(clip, section.device)
                        frames = len(pixels)
                        started = embedder.start(pixels)
                        running()
                        running = started
                    running()
                    seconds = time.perf_counter() - start
                share, busy = waiting.seconds / seconds, utilisation.percent()
                section.note(
                    "extraction from JPEG",
                    height=height,
                    views=views,
                    augmentation=engine,
                    workers=workers,
                    precision=precision,
                    frames_per_second=round(clips * frames / seconds, 1),
                    waiting_share=round(share, 3),
                    utilisation_percent=None if busy is None else round(busy),
                    bound_by=what_bounds(share, busy),
                )
        with section.guarded("plain flow"), torch.inference_mode():
            on_device = networks._replace(
                vit=networks.vit.to(section.device), resnext=networks.resnext.to(section.device)
            )
            source = Path(folder) / "plain"
            source.mkdir()
            paths = draw_frames(source, 1 if section.quick else 16)
            for path in paths:
                cv2.imwrite(str(path), cv2.resize(cv2.imread(str(path)), (854, 480)))
            for name, transform in (("ResNeXt at 640", reference.UNRESIZED), ("both at 224", reference.AT_224)):
                seconds = median_seconds(
                    lambda transform=transform: reference.extract(
                        reference.read(paths), *on_device, section.device, transform
                    ),
                    section.device,
                    1,
                )
                section.note(
                    "plain flow from JPEG", height=480, way=name, frames_per_second=round(len(paths) / seconds, 1)
                )
        with section.guarded("whole extraction"):
            check_whole_extraction(section, embedder, Path(folder), workers)
        with section.guarded("host to device"):
            clip = torch.zeros(128, 640, 640, 3, dtype=torch.uint8)
            if section.on_gpu:
                pinned = clip.pin_memory()
                seconds = median_seconds(lambda: pinned.to(section.device, non_blocking=True), section.device, 5)
                section.note("host to device", frames_per_second=round(128 / seconds), gb_s=round(0.157 / seconds, 1))


def touch_memory(section: Section, processes: int) -> None:
    """Touch memory once: a virtual machine may give it to the guest page by page, which slows the first clips down."""
    code = "import time, numpy; t = time.time(); numpy.ones(3 << 30, numpy.uint8); print(time.time() - t)"
    started = [
        subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) for _ in range(processes)
    ]
    seconds = [float(process.communicate()[0]) for process in started]
    section.note("first touch of memory", gb_per_second_and_process=round(3.2 / statistics.median(seconds), 2))


def check_whole_extraction(section: Section, embedder: Any, folder: Path, workers: int) -> None:
    """Clips to an embeddings file, as feature_engineering does it, with four views that are made on the device."""
    import cv2
    from extraction import draw_frames
    from throughput import make_clips

    from hand_gestures.embedding.channels import CHANNEL_NAMES
    from hand_gestures.embedding.embed_sequences import Extraction, HandSearch, embed_sequences
    from hand_gestures.embedding.view_encoder import ViewEncoder
    from hand_gestures.store.embedding_file import EmbeddingFile, FileGroup
    from hand_gestures.store.write import write_embeddings
    from hand_gestures.utils.contract import make_contract, make_recipe

    source = folder / "whole"
    source.mkdir()
    paths = draw_frames(source, 4)
    for path in paths:
        cv2.imwrite(str(path), cv2.resize(cv2.imread(str(path)), (854, 480)))
    clips, views = (1, 2) if section.quick else (64, 4)
    dataset = make_clips(paths, clips, views, "torch", frames := 2 if section.quick else 32)
    dataset.sequences["class_name"] = "wave"
    dataset.sequences["content"] = [f"{number:032x}" for number in range(clips)]
    recipe = {
        "contract": make_contract({}, {"frames": frames, "size": 640}, CHANNEL_NAMES, "any", "float32"),
        "views": make_recipe({"engine": "torch"}, {"wave": "wave"}),
        "hands": {"steps": [], "max_hands": 2},
        "provenance": {},
        "class_names": ["wave"],
    }
    search, encoder = HandSearch(None, (), 2), ViewEncoder(embedder, None)
    extraction = Extraction(lambda _: encoder, CHANNEL_NAMES, encoder.width, search, recipe, {}, workers)
    start = time.perf_counter()
    pending = embed_sequences(dataset, extraction, FileGroup(1), lambda _: None, "embedding")
    write_embeddings(folder / "whole.h5", pending)
    seconds = time.perf_counter() - start
    rows = len(EmbeddingFile(folder / "whole.h5"))
    section.note(
        "whole extraction to a file",
        rows == clips * views,
        rows=rows,
        seconds=round(seconds, 1),
        frames_per_second_with_start_of_workers=round(rows * frames / seconds, 1),
    )


def views_of(clip: Any, device: torch.device) -> torch.Tensor:
    """All frames of all views of a clip, uint8 (V n, size, size, 3)."""
    return (clip.on_device(device) if hasattr(clip, "on_device") else clip).views.flatten(0, 1)
