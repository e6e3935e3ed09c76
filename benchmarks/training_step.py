"""Time of a training step: the precision that the program chooses for this CPU, compared with float32."""

import numpy as np
import torch
from measuring import arguments, interleaved, milliseconds, print_table, ratio

from hand_gestures.classifier.bilstm import CNNBiLSTMWithAttention
from hand_gestures.training.train import choose_training_precision

CLASSES, CHANNELS, FRAMES, WIDTH = 18, 12, 32, 768
BATCH, STEPS, ROUNDS = 32, 2, 5


class Step:
    """`STEPS` training steps on one batch of random numbers: forward, backward, gradient clipping and RAdam.

    The same work as in training, without Lightning around it.
    """

    def __init__(self, precision: str, hidden: int, layers: int, batch: int) -> None:
        torch.manual_seed(0)
        self.network = CNNBiLSTMWithAttention(
            classes=CLASSES, channels=CHANNELS, width=WIDTH, hidden=hidden, layers=layers, dropout=0.3
        )
        self.optimizer = torch.optim.RAdam(self.network.parameters(), weight_decay=1e-4, decoupled_weight_decay=True)
        rng = np.random.default_rng(0)
        self.clips = torch.from_numpy(rng.standard_normal((batch, CHANNELS, FRAMES, WIDTH), np.float32))
        self.labels = torch.from_numpy(rng.integers(0, CLASSES, batch))
        self.mixed = precision == "bfloat16"

    def __call__(self) -> None:
        for _ in range(STEPS):
            self.optimizer.zero_grad()
            with torch.autocast("cpu", torch.bfloat16, enabled=self.mixed):
                logits = self.network(self.clips).logits
            torch.nn.functional.cross_entropy(logits.float(), self.labels).backward()
            torch.nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
            self.optimizer.step()


def main() -> None:
    """Measure both precisions in turn and print a table."""
    quick = arguments(__doc__).quick
    hidden, layers, batch, rounds = (8, 1, 2, 1) if quick else (512, 3, BATCH, ROUNDS)
    precision = choose_training_precision("auto", "cpu")
    ways = {name: Step(kind, hidden, layers, batch) for name, kind in (("plain", "float32"), ("ours", precision))}
    for step in ways.values():
        step()  # the first call allocates memory, so it is not measured
    seconds = interleaved(ways, rounds)
    clips = STEPS * batch
    print_table(
        f"A training step, a clip of 12 x 32 x 768 (hidden {hidden}, {layers} layers, batch {batch}, {rounds} rounds)",
        ["metric", "float32", "program", "faster", "expected"],
        [
            [
                f"in {precision}",
                milliseconds(seconds["plain"], clips),
                milliseconds(seconds["ours"], clips),
                ratio(seconds["plain"], seconds["ours"]),
                "1.6x where bf16 is native",
            ]
        ],
    )


if __name__ == "__main__":
    main()
