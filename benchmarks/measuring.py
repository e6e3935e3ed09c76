"""What the benchmarks share: interleaved runs, a line about the machine, Markdown tables."""

import argparse
import atexit
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

neighbours: list[subprocess.Popen] = []  # busy programs that run beside the benchmark
PACKAGES = ("torch", "numpy", "h5py", "opencv-python", "albumentations", "transformers", "timm", "zlib-ng")


def arguments(purpose: str | None, *numbers: str) -> argparse.Namespace:
    """Parse the command line.

    Args:
        purpose: the help text.
        numbers: integer options that a script passes to its own subprocess; they are not shown in the help.

    Returns:
        `quick` (run once on as little data as possible, to see that the benchmark works) and the `numbers`. With
        `--neighbour` a busy program runs beside this one from now on.
    """
    parser = argparse.ArgumentParser(description=purpose)
    parser.add_argument("--quick", action="store_true", help="only see that it works: the numbers mean nothing")
    parser.add_argument("--neighbour", action="store_true", help="run beside a program that keeps one core busy")
    for name in numbers:
        parser.add_argument(f"--{name}", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.neighbour:
        start_neighbour()
    return given


def start_neighbour() -> None:
    """Start a program that keeps one core busy until this process ends."""
    # it also ends where this process is killed: its parent is then another one
    script = "import os\nparent = os.getppid()\nwhile os.getppid() == parent:\n    sum(range(100_000))"
    neighbours.append(subprocess.Popen([sys.executable, "-c", script]))
    atexit.register(neighbours[-1].kill)


def interleaved(ways: Mapping[str, Callable[[], Any]], rounds: int) -> dict[str, list[float]]:
    """Measure several ways of doing the same work.

    The ways take turns in every round, so that other load on the machine slows down all of them.

    Args:
        ways: name to the function that is measured.
        rounds: how often each function runs.

    Returns:
        Name to the seconds of each round.
    """
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, run in ways.items():
            start = time.perf_counter()
            run()
            seconds[name].append(time.perf_counter() - start)
    return seconds


def ratio(slow: Sequence[float], fast: Sequence[float]) -> str:
    """How many times faster `fast` is: median and range over the rounds."""
    by_round = [one / other for one, other in zip(slow, fast, strict=True)]
    return f"{statistics.median(by_round):,.1f}x ({min(by_round):,.1f} to {max(by_round):,.1f})"


def milliseconds(seconds: Sequence[float], units: int) -> str:
    """The median time per unit."""
    return f"{statistics.median(seconds) / units * 1e3:,.2f} ms"


def print_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a Markdown table, with the machine and the package versions above it."""
    versions = ", ".join(f"{package} {version(package)}" for package in PACKAGES)
    beside = ", beside a busy program" if neighbours else ""
    print(f"\n### {title}{beside}\n")
    print(f"{_processor()}, {os.cpu_count()} cores; Python {platform.python_version()}, {versions}\n")
    print("| " + " | ".join(columns) + " |")
    print("|" + "---|" * len(columns))
    for row in rows:
        print("| " + " | ".join(row) + " |", flush=True)


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.is_file() else []
    return next((line.partition(": ")[2] for line in lines if line.startswith("model name")), platform.machine())
