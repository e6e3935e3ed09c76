"""Damages small videos and pictures at random and reads them: each must be read or rejected, by no other error.

The tests use a few of them. By hand, 1,000 of each: `python tests/mutated_files.py 1000`
"""

import io
import logging
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from hand_gestures.utils.errors import HandGesturesError
from hand_gestures.video.image_files import check_image, decode_fault, picture_size, read_frame, read_small
from hand_gestures.video.video_files import Sampling, read_video
from hand_gestures.video.video_sources import VideoFaultError
from small_videos import CODECS, write_pictures, write_video

Originals = list[tuple[str, bytes]]  # suffix and content
HEADER_BYTES = 800  # half of the changes hit the header, where the structure of a file is


def videos(folder: Path) -> Originals:
    """One small video of each container, one with transparency and an animated WebP."""
    paths = [write_video(folder / f"v{suffix}", frames=6) for suffix in CODECS]
    rgba = [np.full((48, 64, 4), 60 * number, np.uint8) for number in range(4)]
    paths.append(write_pictures(folder / "alpha.webm", rgba, codec="libvpx-vp9", pix_fmt="yuva420p"))
    interlaced = [np.full((48, 64, 3), 60 * number, np.uint8) for number in range(4)]
    paths.append(write_pictures(folder / "fields.mp4", interlaced, codec_options={"x264-params": "tff=1"}))
    images = [Image.fromarray(picture) for picture in rgba]
    images[0].save(folder / "v.webp", save_all=True, append_images=images[1:], duration=40)
    return [(path.suffix, path.read_bytes()) for path in [*paths, folder / "v.webp"]]


def pictures(_: Path) -> Originals:
    """Small pictures of every kind that the catalog accepts."""
    noise = np.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype=np.uint8)
    originals = []
    for suffix, options in ((".jpg", {}), (".jpg", {"progressive": True}), (".png", {})):
        for mode in ("L", "RGB", "CMYK" if suffix == ".jpg" else "P"):
            encoded = io.BytesIO()
            Image.fromarray(noise).convert(mode).save(encoded, {".jpg": "JPEG", ".png": "PNG"}[suffix], **options)
            originals.append((suffix, encoded.getvalue()))
    originals.append((".png", cv2.imencode(".png", noise[..., 0].astype(np.uint16) * 257)[1].tobytes()))
    return originals


def mutations(originals: Originals, count: int, seed: int) -> Iterator[tuple[str, bytes]]:
    """`count` damaged files: mostly changed bytes, also zeroed, repeated, inserted and lost ones."""
    rng = np.random.default_rng(seed)
    for number in range(count):
        suffix, content = originals[number % len(originals)]
        changed = bytearray(content)
        for _ in range(rng.integers(1, 4)):
            reach = len(changed) if rng.random() < 0.7 else min(HEADER_BYTES, len(changed))
            start, length = int(rng.integers(reach)), int(rng.integers(1, 40))
            part = changed[start : start + length]
            if rng.random() < 0.7:
                changed[start] = rng.integers(256)
            else:
                changed[start : start + length] = (bytes(len(part)), rng.bytes(len(part)), part * 2, b"")[
                    rng.integers(4)
                ]
        yield suffix, bytes(changed[: rng.integers(len(changed))] if rng.random() < 0.05 else changed)


def read_as_video(path: Path) -> str:
    """Decode a file as the ingest does; "read" or "rejected"."""
    try:
        for frame in read_video(path, Sampling(longest_side=1280)):
            assert frame.image.dtype == np.uint8
            assert frame.image.ndim == 3
    except VideoFaultError as error:
        fault = str(error)
        assert fault.strip()
        assert "\n" not in fault
        return "rejected"
    return "read"


def read_as_picture(path: Path) -> str:
    """Check and decode a file as the catalog, the plots and the embedding do; "read" or "rejected"."""
    _, fault = check_image(str(path))
    if fault is not None:
        return "rejected"
    fault = decode_fault(str(path))
    for read in (read_frame, picture_size, lambda path: read_small(path, "L", 16)):
        try:
            read(path)
        except HandGesturesError as error:
            fault = str(error)
    return "read" if fault is None else "rejected"


KINDS: dict[str, tuple[Callable[[Path], Originals], Callable[[Path], str]]] = {
    "videos": (videos, read_as_video),
    "pictures": (pictures, read_as_picture),
}


def outcomes(kind: str, folder: Path, count: int, seed: int) -> tuple[Counter[str], float]:
    """Read `count` damaged files; how many were read and rejected, and the seconds of the slowest."""
    make, read = KINDS[kind]
    found: Counter[str] = Counter()
    slowest = 0.0
    for suffix, content in mutations(make(folder), count, seed):
        path = folder / f"mutated{suffix}"
        path.write_bytes(content)
        start = time.perf_counter()
        found[read(path)] += 1  # any other error ends the run; the file is still in the folder
        slowest = max(slowest, time.perf_counter() - start)
    return found, slowest


def main() -> None:
    """Read as many files of each kind as the command line says, with another seed for each hundred."""
    logging.disable()
    count = int(sys.argv[1])
    for kind in KINDS:
        folder = Path(tempfile.mkdtemp(prefix=f"mutated-{kind}-"))
        sys.stdout.write(f"{kind} in {folder}\n")
        total: Counter[str] = Counter()
        for seed in range(0, count, 100):
            found, slowest = outcomes(kind, folder, min(100, count - seed), seed)
            total += found
            sys.stdout.write(f"  seed {seed}: {dict(found)}, slowest {slowest:.2f} s\n")
        sys.stdout.write(f"{kind}: {dict(total)}\n")


if __name__ == "__main__":
    main()
