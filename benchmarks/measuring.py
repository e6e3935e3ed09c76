"""What the benchmarks share: runs that take turns, the machine in one line, Markdown tables."""

import argparse
import os
import platform
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

PACKAGES = ("torch", "numpy", "h5py", "opencv-python", "albumentations", "transformers", "timm", "zlib-ng")


def arguments(purpose: str | None, *numbers: str) -> argparse.Namespace:
    """`quick`: whether to go through once with as little as possible, to see that it runs; and `numbers` that a script
    hands to a process of its own."""
    parser = argparse.ArgumentParser(description=purpose)
    parser.add_argument("--quick", action="store_true", help="a smoke run: its figures mean nothing")
    for name in numbers:
        parser.add_argument(f"--{name}", type=int, help=argparse.SUPPRESS)
    return parser.parse_args()


def interleaved(ways: Mapping[str, Callable[[], Any]], rounds: int) -> dict[str, list[float]]:
    """Seconds of each way in each round. The ways take turns: what slows the machine down meets all of them."""
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, run in ways.items():
            start = time.perf_counter()
            run()
            seconds[name].append(time.perf_counter() - start)
    return seconds


def ratio(slow: Sequence[float], fast: Sequence[float]) -> str:
    """How many times faster: the median over rounds, and the range of it."""
    by_round = [one / other for one, other in zip(slow, fast, strict=True)]
    return f"{statistics.median(by_round):,.1f}x ({min(by_round):,.1f} to {max(by_round):,.1f})"


def milliseconds(seconds: Sequence[float], units: int) -> str:
    """The median for one of `units`."""
    return f"{statistics.median(seconds) / units * 1e3:,.2f} ms"


def print_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A Markdown table below the machine and the versions it was measured with."""
    versions = ", ".join(f"{package} {version(package)}" for package in PACKAGES)
    print(f"\n### {title}\n\n{_processor()}, {os.cpu_count()} cores; Python {platform.python_version()}, {versions}\n")
    print("| " + " | ".join(columns) + " |")
    print("|" + "---|" * len(columns))
    for row in rows:
        print("| " + " | ".join(row) + " |", flush=True)


def _processor() -> str:
    names = Path("/proc/cpuinfo")
    lines = names.read_text().splitlines() if names.is_file() else []
    return next((line.partition(": ")[2] for line in lines if line.startswith("model name")), platform.machine())
