"""What the sections of `gpu_check.py` share: where measurements are written, and how time is taken."""

import hashlib
import json
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

Measurements = dict[str, Any]


@dataclass
class Section:
    """Where a section writes its measurements, and on what it runs.

    Attributes:
        name: the section.
        path: result file, one JSON object per line.
        quick: sizes so small that the numbers mean nothing.
        device: where the program computes.
    """

    name: str
    path: Path
    quick: bool
    device: torch.device = field(default_factory=lambda: torch.device("cuda:0" if torch.cuda.is_available() else "cpu"))

    @property
    def on_gpu(self) -> bool:
        """Whether this runs on a CUDA device."""
        return self.device.type == "cuda"

    def note(self, check: str, passed: bool | None = None, **values: object) -> None:
        """Write one measurement.

        Args:
            check: what was measured.
            passed: whether it is as it must be; None where there is no such requirement.
            values: the numbers.
        """
        line = {"section": self.name, "check": check, "passed": passed, **values}
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line, default=str) + "\n")
        print(json.dumps(line, default=str), flush=True)

    def skip(self, check: str, reason: str) -> None:
        """Write that something was not measured."""
        self.note(check, None, not_run=reason)

    @contextmanager
    def guarded(self, check: str) -> Iterator[None]:
        """Turn an error in the block into a measurement that failed; the section goes on."""
        try:
            yield
        except Exception as error:  # whatever a GPU raises is a result here
            self.note(check, False, error=f"{type(error).__name__}: {' '.join(str(error).split())}"[:600])


def synchronise(device: torch.device) -> None:
    """Wait until the device has finished."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def median_seconds(run: Callable[[], object], device: torch.device, rounds: int) -> float:
    """Median time of a call; the first two calls are not counted."""
    seconds = []
    for number in range(rounds + 2):
        synchronise(device)
        start = time.perf_counter()
        run()
        synchronise(device)
        if number >= 2:
            seconds.append(time.perf_counter() - start)
    return statistics.median(seconds)


def sha256(array: np.ndarray) -> str:
    """First digits of the digest of an array's bytes."""
    return hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()[:16]
