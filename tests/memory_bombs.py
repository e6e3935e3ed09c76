"""Small files that declare something huge, and the peak memory of each step that meets them.

`python tests/memory_bombs.py FOLDER` prints, as JSON, how many megabytes each step takes more than before.
"""

import json
import logging
import struct
import sys
import zlib
from collections.abc import Callable
from pathlib import Path

import cv2
import h5py
import numpy as np

from base_parameters import base_parameters
from hand_gestures.classifier import load_bundle
from hand_gestures.classifier.bundle import Bundle, save_bundle
from hand_gestures.classifier.networks import build_network
from hand_gestures.dataset.data_check import check_data
from hand_gestures.dataset.frame_catalog import scan_frames
from hand_gestures.parameters import FrameCatalogParameters, SplitParameters, VideoIngestParameters
from hand_gestures.store.embedding_file import EmbeddingFile
from hand_gestures.store.write import write_embeddings
from hand_gestures.utils.errors import HandGesturesError
from hand_gestures.video.ingest import ingest_videos
from hand_gestures.video.ingest_records import IngestRecords
from hand_gestures.video.video_files import Sampling
from small_embeddings import CLASS_NAMES, CONTRACT, FRAMES, WIDTH, embedded_sequence, pending_embeddings
from small_videos import replace, write_pictures, write_video

CHANNELS = ["left_vit", "right_vit"]
LONG = 9_000_000  # bytes of a name


def png_header(width: int, height: int) -> bytes:
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return header + struct.pack(">I", zlib.crc32(header))


def frame_path(folder: Path, name: str) -> Path:
    path = folder / "frames" / "wave" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def good_frames(folder: Path) -> None:
    for class_name in ("wave", "fist"):
        path = folder / "frames" / class_name / "a_frame_0.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        assert cv2.imwrite(str(path), np.full((48, 64, 3), 90, np.uint8))


def png_bomb(folder: Path) -> None:
    """74 bytes."""
    chunks = [(b"IDAT", b"x" * 17), (b"IEND", b"")]
    content = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + png_header(40_000, 40_000)
    for kind, data in chunks:
        content += struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    frame_path(folder, "png_frame_0.png").write_bytes(content)


def jpeg_bomb(height: int, width: int) -> Callable[[Path], None]:
    def make(folder: Path) -> None:
        content = bytearray(cv2.imencode(".jpg", np.full((48, 64, 3), 90, np.uint8))[1].tobytes())
        start = content.index(b"\xff\xc0") + 5
        content[start : start + 4] = struct.pack(">HH", height, width)
        frame_path(folder, "jpg_frame_0.jpg").write_bytes(content)

    return make


def good_video(folder: Path) -> None:
    write_video(folder / "videos/wave/a.mp4")


def video_bomb(folder: Path) -> None:
    """32 frames of 20,000 x 20,000 pixels: the container and each frame say so."""
    path = video_bomb_in_frames(folder)
    replace(path, struct.pack("<II", 64, 48), struct.pack("<II", 20_000, 20_000))


def video_bomb_in_frames(folder: Path) -> Path:
    """Only the frames say so: the container declares 64 x 48 pixels."""
    pictures = [np.zeros((48, 64, 3), np.uint8)] * 32
    path = write_pictures(folder / "videos/wave/bomb.avi", pictures, codec="png", pix_fmt="rgb24")
    replace(path, png_header(64, 48), png_header(20_000, 20_000))
    return path


def good_embeddings(folder: Path) -> None:
    sequences = [embedded_sequence(number % 3, number) for number in range(4)]
    write_embeddings(folder / "a.h5", pending_embeddings(sequences))


def shape_bomb(folder: Path) -> None:
    """A million million rows."""
    good_embeddings(folder)
    with h5py.File(folder / "a.h5", "r+") as file:
        file["embeddings/data"].resize(10**12, axis=0)


def chunk_bomb(folder: Path) -> None:
    """0.26 MB that inflate to 268 MB."""
    good_embeddings(folder)
    with h5py.File(folder / "a.h5", "r+") as file:
        del file["labels/data"]
        data = file.create_dataset("labels/data", shape=(4,), dtype="i8", chunks=(4,), compression="gzip")
        data.id.write_direct_chunk((0,), zlib.compress(bytes(1 << 28), 9))


def name_bomb(folder: Path) -> None:
    """A file of 9 MB whose 4,000 class names take 36 GB."""
    good_embeddings(folder)
    with h5py.File(folder / "a.h5", "r+") as file:
        del file.attrs["class_names"]
        file.attrs.create("class_names", ["a" * LONG] + ["b"] * 3999, dtype=h5py.string_dtype())
    content = bytearray((folder / "a.h5").read_bytes())
    record = content.index(LONG.to_bytes(4, "little"), content.index(b"class_names\0"))
    content[record : record + 16 * 4000] = content[record : record + 16] * 4000
    (folder / "a.h5").write_bytes(content)


def good_model(folder: Path) -> None:
    architecture = {"name": "bilstm", "classes": 3, "channels": 2, "width": WIDTH}
    architecture |= {"hidden": 4, "layers": 1, "dropout": 0.0}
    weights = build_network(architecture).copy_weights()
    save_bundle(Bundle(weights, architecture, list(CLASS_NAMES), CHANNELS, FRAMES, CONTRACT), folder / "classifier")


def model_bomb(**sizes: int) -> Callable[[Path], None]:
    def make(folder: Path) -> None:
        good_model(folder)
        path = folder / "classifier/model.json"
        content = json.loads(path.read_text())
        path.write_text(json.dumps(content | {"architecture": content["architecture"] | sizes}))

    return make


def weights_bomb(folder: Path) -> None:
    """A header that declares a tensor of 4 TB."""
    good_model(folder)
    header = json.dumps({"mean": {"dtype": "F32", "shape": [10**12], "data_offsets": [0, 4 * 10**12]}}).encode()
    (folder / "classifier/model.safetensors").write_bytes(struct.pack("<Q", len(header)) + header)


def check(folder: Path) -> bool:
    catalog = base_parameters(FrameCatalogParameters, processes=1)
    split, ingest = base_parameters(SplitParameters), base_parameters(VideoIngestParameters)
    return not check_data(folder / "videos", folder / "frames", ingest, catalog, split, 32).rejected.empty


def catalog(folder: Path) -> bool:
    return not scan_frames(folder / "frames", full_decode=True, processes=1, pattern=None).rejected.empty


def ingest(folder: Path) -> bool:
    ingest_videos(folder / "videos", folder / "frames", Sampling(longest_side=1280), 90, 1)
    return bool(IngestRecords(folder / "frames").rejected())


def read_embeddings(folder: Path) -> bool:
    file = EmbeddingFile(folder / "a.h5")
    try:
        read, out = file.reader(), np.empty(file.header.shape[1:], np.float32)
        for row in range(len(file.labels)):
            read(row, out)
    except HandGesturesError:
        return True
    return False


def load_model(folder: Path) -> bool:
    try:
        load_bundle(folder / "classifier").build()
    except HandGesturesError:
        return True
    return False


Make = Callable[[Path], object]
# step → whether it refuses something, and good files for it
STEPS: dict[str, tuple[Callable[[Path], bool], Make]] = {
    "check_data": (check, good_frames),
    "data_processing": (catalog, good_frames),
    "video_ingest": (ingest, good_video),
    "reading embeddings": (read_embeddings, good_embeddings),
    "loading a model": (load_model, good_model),
}
FRAME_STEPS, VIDEO_STEPS = ("check_data", "data_processing"), ("video_ingest",)
# file → how it is made, and the steps that meet it
BOMBS: dict[str, tuple[Make, tuple[str, ...]]] = {
    "PNG of 40,000 x 40,000 pixels (74 bytes)": (png_bomb, FRAME_STEPS),
    "JPEG of 14,000 x 14,000 pixels": (jpeg_bomb(14_000, 14_000), FRAME_STEPS),
    "JPEG of 65,500 x 1 pixels": (jpeg_bomb(1, 65_500), FRAME_STEPS),
    "video of 32 frames of 20,000 x 20,000 pixels": (video_bomb, ("check_data", "video_ingest")),
    "video whose frames are larger than it declares": (video_bomb_in_frames, VIDEO_STEPS),
    "HDF5 with a million million rows": (shape_bomb, ("reading embeddings",)),
    "HDF5 with a chunk that inflates to 268 MB": (chunk_bomb, ("reading embeddings",)),
    "HDF5 with class names of 36 GB": (name_bomb, ("reading embeddings",)),
    "model with 1,000,000,000 units": (model_bomb(hidden=10**9), ("loading a model",)),
    "model with 1,000,000,000 layers": (model_bomb(layers=10**9), ("loading a model",)),
    "model with weights of 4 TB": (weights_bomb, ("loading a model",)),
}


LIMIT_MB = 50  # that a step may take more than before


def memory(field: str) -> float:
    """Resident memory of this process (VmRSS) or its peak (VmHWM), megabytes."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(field)).split()[1]) / 1024


def peak_of(step: Callable[[Path], object], folder: Path) -> tuple[object, float]:
    """What a step returns, and the megabytes that it takes at its peak, more than before."""
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts again
    before = memory("VmRSS")
    result = step(folder)
    return result, memory("VmHWM") - before


def measure(root: Path) -> dict[str, dict[str, float]]:
    """Megabytes that each step takes more than before, by bomb and step."""
    for name, (step, make_good) in STEPS.items():  # the first use of a library takes memory once
        folder = root / "good" / name
        folder.mkdir(parents=True)
        make_good(folder)
        assert not step(folder), name
    found: dict[str, dict[str, float]] = {}
    for number, (bomb, (make, steps)) in enumerate(BOMBS.items()):
        for name in steps:
            folder = root / f"{number} {name}"
            folder.mkdir()
            make(folder)
            refused, found.setdefault(bomb, {})[name] = peak_of(STEPS[name][0], folder)
            assert refused, (bomb, name)
    return found


if __name__ == "__main__":
    logging.disable()
    sys.stdout.write(json.dumps(measure(Path(sys.argv[1]))) + "\n")
