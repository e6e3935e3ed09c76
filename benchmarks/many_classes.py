"""Time, memory and sizes of a data set in the shape of Slovo: 1,001 classes, 20,400 clips, 194 performers.

Frames are hard links to a few pictures, and embeddings are drawn numbers of a small shape, written by the writers of
the program. Everything else is real: the pipelines data_processing and modeling (one epoch, then plots and report) run
as a user runs them, each in its own process. Prints Markdown tables of the steps and of what they leave to read.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

ROOT = Path(__file__).parents[1]
CLASSES, CLIPS, PERFORMERS = 1001, 20_400, 194
QUICK = (65, 195, 6)  # more classes than a plot shows
FRAMES, WIDTH = 4, 8
NO_MODELS = {"models": {}}  # no network computed these embeddings
PARAMETERS = (
    rf"clips.frames={FRAMES},clips.size=32,split.group_pattern=^(performer\d+),split.val_fraction=0.2,"
    "split.test_fraction=0.1,network.hidden=16,network.layers=1,training.epochs=1,training.batch_size=64"
)


def write_frames(folder: Path, classes: int, clips: int, performers: int) -> None:
    """Create the frames of each clip, named `performerNNN-C`; performers differ from class to class."""
    import cv2
    import numpy as np

    rng = np.random.default_rng(0)
    pictures: list[Path] = []
    folder.mkdir(parents=True)
    for number in range(100):
        small = rng.integers(0, 256, (6, 8, 3), dtype=np.uint8)
        pictures.append(folder.parent / f"picture{number}.jpg")
        cv2.imwrite(str(pictures[-1]), cv2.resize(small, (64, 48), interpolation=cv2.INTER_CUBIC))
    for clip in range(clips):
        class_folder = folder / f"class_{clip % classes:04d}"
        class_folder.mkdir(parents=True, exist_ok=True)
        performer = rng.integers(performers)
        for frame in range(FRAMES):
            name = f"performer{performer:03d}-{clip:05d}_frame_{frame}.jpg"
            os.link(pictures[rng.integers(100)], class_folder / name)


def write_embeddings(root: Path) -> None:
    """Write the files of feature_engineering with drawn numbers: each class has a mean, each clip differs from it."""
    import numpy as np
    import pandas as pd

    from hand_gestures.embedding.channels import CHANNEL_NAMES
    from hand_gestures.embedding.hand_tables import hand_rates, hand_table
    from hand_gestures.store import write
    from hand_gestures.store.embedding_file import (
        ClipRequest,
        EmbeddedSequence,
        EmbeddingFile,
        EmbeddingHeader,
        FileGroup,
        PendingEmbeddings,
    )
    from hand_gestures.store.row_keys import KEY_BYTES, digest, digest_rows
    from hand_gestures.utils.contract import make_contract

    names = json.loads((root / "03_primary/class_names.json").read_text())
    split = pd.read_csv(root / "03_primary/split.csv", dtype=str)
    shape = (FRAMES, len(CHANNEL_NAMES), WIDTH)
    means = np.random.default_rng(1).normal(0, 1, (len(names), *shape))
    contract = make_contract({}, {"frames": FRAMES, "size": 32}, CHANNEL_NAMES, "float32", "float32")
    files = {}
    for side in ("train", "val", "test"):
        clips = split[split["side"] == side]
        labels = pd.Categorical(clips["class_name"], names).codes

        def embed(requests: list[ClipRequest], labels: np.ndarray = labels) -> Iterator[EmbeddedSequence]:
            rng = np.random.default_rng(2)
            for request in requests:
                clip = means[labels[request.sequence]] + rng.normal(0, 3, shape)
                boxes = rng.uniform(0, 1, (1, 2, 4)).astype(np.float32)
                yield EmbeddedSequence(clip[None].astype(np.float32), np.zeros(1, bool), boxes, boxes[..., 0])

        ids = clips["sequence_id"].tolist()
        contents = np.frombuffer(b"".join(digest(name.encode()) for name in ids), np.uint8).reshape(-1, KEY_BYTES)
        pairs = np.stack([labels, labels], axis=1).astype(np.int64)
        header = EmbeddingHeader(
            (len(clips), *shape), tuple(names), CHANNEL_NAMES, (0,), 2, contract, provenance=NO_MODELS
        )
        header = replace(header, rows_digest=digest_rows(header.keys(), contents, 1, pairs, ids))
        files[side] = EmbeddingFile(root / f"05_model_input/preprocessed_{side}_dataset.h5")
        files[side].path.parent.mkdir(parents=True, exist_ok=True)
        pending = PendingEmbeddings(header, ids, contents, pairs, 1, embed, (), lambda _: None, FileGroup(1))
        write.write_embeddings(files[side].path, pending)
    hand_rates(hand_table(files)).to_csv(root / "08_reporting/dataset/hand_rates.csv", index=False)
    (root / "08_reporting/dataset/hand_sheets").mkdir()  # the report shows none


def run_step(name: str, command: list[str], environment: dict[str, str], log: Path) -> None:
    """Run a step in its own process, append its output to `log`, and print its row."""
    start = time.perf_counter()
    with log.open("ab") as output:
        process = subprocess.Popen(command, cwd=ROOT, env=os.environ | environment, stdout=output, stderr=output)
        _, status, usage = os.wait4(process.pid, 0)  # memory of this process alone
    if status:
        sys.exit(f"{name} failed:\n{log.read_text()[-3000:]}")
    print(f"| {name} | {time.perf_counter() - start:.0f} s | {usage.ru_maxrss // 1024} MB |", flush=True)


def main() -> None:
    """Create the data set, run the steps, print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="only see that it works: the numbers mean nothing")
    parser.add_argument("--folder", type=Path, help="an empty folder that is kept; default: a temporary one")
    parser.add_argument("--embeddings", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.embeddings:
        write_embeddings(arguments.embeddings)
    elif arguments.folder:
        measure(arguments.folder.resolve(), *(QUICK if arguments.quick else (CLASSES, CLIPS, PERFORMERS)))
    else:
        with tempfile.TemporaryDirectory() as folder:
            measure(Path(folder), *(QUICK if arguments.quick else (CLASSES, CLIPS, PERFORMERS)))


def measure(folder: Path, classes: int, clips: int, performers: int) -> None:
    """Measure every step on a new data set below `folder`."""
    frames, root = folder / "frames", folder / "data"
    write_frames(frames, classes, clips, performers)
    print(f"{clips:,} clips of {classes:,} classes\n\n| step | time | peak memory |\n|---|---|---|")
    environment = {"TRACKING_URI": f"sqlite:///{folder / 'mlflow.db'}"}
    parameters = f"frames_dir={frames},data_root={root},{PARAMETERS}"
    log = folder / "log.txt"
    for pipeline in ("data_processing", "modeling"):
        run = ["run", "--pipeline", pipeline, "--params", parameters]
        run_step(pipeline, [sys.executable, "-m", "kedro", *run], environment, log)
        if pipeline == "data_processing":
            run_step("drawn embeddings", [sys.executable, __file__, "--embeddings", str(root)], environment, log)
    print("\n| file | size |\n|---|---|")
    reporting = root / "08_reporting"
    for path in [reporting / "report.html", *sorted(reporting.rglob("*.png")), *sorted(reporting.rglob("*.csv"))]:
        print(f"| {path.relative_to(reporting)} | {path.stat().st_size / 1e6:.2f} MB |")


if __name__ == "__main__":
    main()
