"""Time of a training step: the precision and the number of threads that the program chooses, compared with plain ones.

The two sizes are the network of the base settings and that of the demo.
"""

from typing import Literal, NamedTuple

import numpy as np
import torch
from measuring import arguments, interleaved, milliseconds, print_table, ratio

from hand_gestures.classifier.bilstm import CNNBiLSTMWithAttention
from hand_gestures.training.train import choose_training_precision
from hand_gestures.utils.machine import available_cores
from hand_gestures.utils.threads import choose_threads, torch_threads

CLASSES, CHANNELS, FRAMES = 18, 12, 32
STEPS, ROUNDS = 2, 5


class Size(NamedTuple):
    """Sizes of a network and of its batches."""

    hidden: int
    layers: int
    width: int
    batch: int


BASE, DEMO, QUICK = Size(512, 3, 768, 32), Size(64, 2, 192, 16), Size(8, 1, 768, 2)


class Step:
    """`STEPS` training steps on one batch of random numbers: forward, backward, gradient clipping and RAdam.

    The same work as in training, without Lightning around it.
    """

    def __init__(self, size: Size, precision: str, threads: int | Literal["auto"]) -> None:
        torch.manual_seed(0)
        self.network = CNNBiLSTMWithAttention(
            classes=CLASSES, channels=CHANNELS, width=size.width, hidden=size.hidden, layers=size.layers, dropout=0.3
        )
        self.optimizer = torch.optim.RAdam(self.network.parameters(), weight_decay=1e-4, decoupled_weight_decay=True)
        rng = np.random.default_rng(0)
        self.clips = torch.from_numpy(rng.standard_normal((size.batch, CHANNELS, FRAMES, size.width), np.float32))
        self.labels = torch.from_numpy(rng.integers(0, CLASSES, size.batch))
        self.mixed = precision == "bfloat16"
        self.threads = choose_threads(threads, self.network)

    def __call__(self) -> None:
        with torch_threads(self.threads):
            for _ in range(STEPS):
                self.optimizer.zero_grad()
                with torch.autocast("cpu", torch.bfloat16, enabled=self.mixed):
                    logits = self.network(self.clips).logits
                torch.nn.functional.cross_entropy(logits.float(), self.labels).backward()
                torch.nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
                self.optimizer.step()


def main() -> None:
    """Measure each plain way and the program's way in turn and print a table."""
    quick = arguments(__doc__).quick
    base, demo, rounds = (QUICK, QUICK, 1) if quick else (BASE, DEMO, ROUNDS)
    precision, cores = choose_training_precision("auto", "cpu"), available_cores()
    compared = {
        f"in {precision}": (base, Step(base, "float32", "auto"), Step(base, precision, "auto"), "1.6x if native"),
        "threads, base": (base, Step(base, precision, 1), Step(base, precision, "auto"), "1x on one core"),
        "threads, demo": (demo, Step(demo, precision, cores), Step(demo, precision, "auto"), "0.9x when idle"),
    }
    rows = []
    for name, (size, plain, ours, expected) in compared.items():
        for step in (plain, ours):
            step()  # the first call allocates memory, so it is not measured
        seconds = interleaved({"plain": plain, "ours": ours}, rounds)
        clips = STEPS * size.batch
        rows.append(
            [
                f"{name}: {plain.threads} and {ours.threads} threads" if name.startswith("threads") else name,
                milliseconds(seconds["plain"], clips),
                milliseconds(seconds["ours"], clips),
                ratio(seconds["plain"], seconds["ours"]),
                expected,
            ]
        )
    print_table(
        f"A training step, a clip (base: {base}; demo: {demo}; {rounds} rounds)",
        ["metric", "plain", "program", "faster", "expected"],
        rows,
    )


if __name__ == "__main__":
    main()
