"""What is done with an epoch that has ended."""

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import lightning
from lightning.pytorch.callbacks import Checkpoint
from torch import nn

from hand_gestures.classifier import Bundle, save_bundle
from hand_gestures.training.module import EpochMetrics, GestureModule


class MakeBundle(Protocol):
    """Makes the bundle of an epoch."""

    def __call__(self, network: nn.Module, *, metrics: EpochMetrics) -> Bundle: ...


class BestEpoch(Checkpoint):
    """Keeps the bundle of the best epoch so far and tells of every one, in the first process alone.

    As a `Checkpoint` it is called when the module has measured the epoch; it stands before the one that writes
    `last.ckpt`, so that an epoch one goes on from has been told of.
    """

    def __init__(self, folder: Path, make_bundle: MakeBundle, report: Callable[[EpochMetrics], None]) -> None:
        self.folder = folder
        self.make_bundle = make_bundle
        self.report = report

    def on_train_epoch_end(self, trainer: lightning.Trainer, module: GestureModule) -> None:  # type: ignore[override]
        if not trainer.is_global_zero:
            return
        metrics = module.history[-1]
        if metrics is max(module.history, key=EpochMetrics.rank):
            save_bundle(self.make_bundle(module.network, metrics=metrics), self.folder)
        self.report(metrics)
