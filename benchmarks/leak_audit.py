"""Time and memory of the leak audit of 10,000 to 1,000,000 clips of three frames, each size in its own process.

"unlike" clips have random hashes, and one in five held-out clips resembles another one. "alike" clips show nearly the
same picture: all hashes differ from one in at most five bits, which no index can separate. "equal" clips have one hash.
The hashes are given, so no picture is read but one. Prints a Markdown table.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SIZES, QUICK_SIZES = (10_000, 100_000, 1_000_000), (100, 1000)
KINDS = ("unlike", "alike", "equal")


def measure(kind: str, clips: int) -> dict[str, float]:
    """Measure the seconds of one audit and the peak memory of this process."""
    import numpy as np
    import pandas as pd

    from hand_gestures.dataset.leak_audit import ClipHashes, audit_splits

    rng = np.random.default_rng(0)
    bits = rng.integers(0, 2**64, (clips, 3), dtype=np.uint64) if kind == "unlike" else np.zeros((clips, 3), np.uint64)
    if kind == "unlike":
        near = rng.random(clips) < 0.2
        bits[near] = bits[rng.integers(0, clips, near.sum())]
    for _ in range(0 if kind == "equal" else 5):
        bits ^= np.uint64(1) << rng.integers(0, 64, bits.shape, np.uint64)
    ids = [f"class{number % 1000:03d}/v{number}" for number in range(clips)]
    sequences = pd.DataFrame({"sequence_id": ids, "group": ids, "frames": [["picture"]] * clips})
    splits = [pd.Series(rng.choice(["train", "val"], clips, p=[0.8, 0.2])) for _ in range(2)]
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "picture").write_bytes(b"picture")
        start = time.perf_counter()
        audit, _ = audit_splits(sequences, splits, ClipHashes(bits, np.ones(bits.shape, bool)), 8, Path(folder))
        seconds = time.perf_counter() - start
    megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    found = audit.counts.copies + audit.counts.look_alikes
    return {"seconds": seconds, "megabytes": megabytes, "found": found, "partly": audit.partly_compared}


def main() -> None:
    """Measure every kind and size, print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="only see that it works: the numbers mean nothing")
    parser.add_argument("--measure", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        print(json.dumps(measure(arguments.measure[0], int(arguments.measure[1]))))
        return
    print("| clips | kind | audit of two splits | peak memory | clips with a leak | partly compared |")
    print("|---|---|---|---|---|---|")
    for kind in KINDS:
        for clips in QUICK_SIZES if arguments.quick else SIZES:
            command = [sys.executable, __file__, "--measure", kind, str(clips)]
            done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
            row = json.loads(done.stdout.splitlines()[-1])
            print(
                f"| {clips:,} | {kind} | {row['seconds']:.1f} s | {row['megabytes']:.0f} MB | {row['found']:,} "
                f"| {row['partly']:,} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
