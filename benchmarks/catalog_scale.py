"""Time and memory of cataloguing 10,000 to 1,000,000 frames, each size in its own process.

The files are hard links to a hundred small JPEGs: the benchmark measures names, checks and tables, not the disk. There
are 100 classes and 40 frames per clip. The leak audit compares random hashes, because all these pictures look alike.
Prints a Markdown table of medians.
"""

import argparse
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

CLASSES, FRAMES_PER_CLIP = 100, 40
SIZES = (10_000, 100_000, 1_000_000)


def write_tree(root: Path, frames: int) -> None:
    """Create `frames` files below `root`, the same number for each class."""
    import cv2
    import numpy as np

    rng = np.random.default_rng(0)
    pictures = []
    for number in range(CLASSES):
        picture = root.parent / f"{root.name}-{number}.jpg"
        picture.write_bytes(cv2.imencode(".jpg", rng.integers(0, 256, (24, 32, 3), dtype=np.uint8))[1].tobytes())
        pictures.append(picture)
    for number, picture in enumerate(pictures):
        folder = root / f"class_{number:03d}"
        folder.mkdir(parents=True)
        for frame in range(frames // CLASSES):
            clip, index = divmod(frame, FRAMES_PER_CLIP)
            os.link(picture, folder / f"performer{clip % 50:02d}-take{clip // 50}_frame_{index:04d}.jpg")


def measure(root: Path) -> dict[str, float]:
    """Measure the seconds of each step and the peak memory of this process."""
    import numpy as np

    from hand_gestures.dataset.frame_catalog import catalog_frames
    from hand_gestures.dataset.leak_audit import ClipHashes, audit_split
    from hand_gestures.dataset.sequences import build_sequences
    from hand_gestures.dataset.split_table import make_split_table

    start = time.perf_counter()
    frames = catalog_frames(root).frames
    catalogued = time.perf_counter()
    sequences = build_sequences(frames, 32, r"^(performer\d+)")
    sequenced = time.perf_counter()
    split = make_split_table(sequences, 0.2, 0.0, 42)
    assigned = time.perf_counter()
    bits = np.random.default_rng(0).integers(0, 2**64, (len(sequences), 3), dtype=np.uint64)
    audit_split(sequences, split["side"], ClipHashes(bits, np.ones(bits.shape, bool)), 8, root)
    return {
        "frames": len(frames),
        "clips": len(sequences),
        "catalog": catalogued - start,
        "sequences": sequenced - catalogued,
        "split": assigned - sequenced,
        "audit": time.perf_counter() - assigned,
        "megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def main() -> None:
    """Create the folders, measure them in turn, print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, help="parent of the temporary folders; default: that of the system")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        print(json.dumps(measure(arguments.measure)))
        return
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        trees = [Path(folder) / str(size) for size in SIZES]
        for tree, size in zip(trees, SIZES, strict=True):
            write_tree(tree, size)
        runs = [[_in_own_process(tree) for tree in trees] for _ in range(arguments.repeats)]
    _print_table(runs)


def _in_own_process(tree: Path) -> dict[str, float]:
    command = [sys.executable, __file__, "--measure", str(tree)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def _print_table(runs: list[list[dict[str, float]]]) -> None:
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, medians of {len(runs)}\n")
    print("| frames | clips | catalog | sequences | split | these three, µs per frame | leak audit | peak memory |")
    print("|---|---|---|---|---|---|---|---|")
    for same_size in zip(*runs, strict=True):
        median = {name: statistics.median(run[name] for run in same_size) for name in same_size[0]}
        total = median["catalog"] + median["sequences"] + median["split"]
        print(
            f"| {median['frames']:,.0f} | {median['clips']:,.0f} | {median['catalog']:.2f} s "
            f"| {median['sequences']:.2f} s | {median['split']:.2f} s | {total / median['frames'] * 1e6:.1f} "
            f"| {median['audit']:.2f} s | {median['megabytes']:.0f} MB |"
        )


if __name__ == "__main__":
    main()
