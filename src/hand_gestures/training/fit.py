"""One training from its first or its last whole epoch to the end, in this process or as one of several."""

import logging
import pickle
import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lightning
from lightning.pytorch.plugins.environments import LightningEnvironment
from lightning.pytorch.strategies import DDPStrategy
from torch.utils.data import DataLoader

from hand_gestures.classifier import Bundle, GestureNetwork, save_bundle
from hand_gestures.training.module import EpochMetrics, GestureModule
from hand_gestures.training.ranks import place
from hand_gestures.training.resume import TrainingFolder

LIGHTNING_PRECISION: dict[str, Any] = {"float32": "32-true", "bfloat16": "bf16-mixed"}
# preloaded rows need no loader processes; a small set has fewer batches than the logging interval; the folder of the
# checkpoint holds the best epoch too; with fewer clips than devices, some validate none
EXPECTED = (
    ".*does not have many workers.*|.*log_every_n_steps.*|Checkpoint directory .* is not empty|"
    ".*local rank has zero length.*"
)


@dataclass(frozen=True)
class Fit:
    """Everything that a training needs, ready to be sent to another process."""

    module: GestureModule
    train: DataLoader
    val: DataLoader
    folder: TrainingFolder
    last: Path | None
    make_bundle: Callable[[GestureNetwork, EpochMetrics], Bundle]
    epochs: int
    gradient_clip: float
    precision: str
    device: str

    def __call__(self, report: Callable[[EpochMetrics], None]) -> None:
        """Train; keep the best epoch's bundle, and tell `report` of every epoch that ends."""

        def after_epoch(metrics: EpochMetrics) -> None:
            if metrics is max(self.module.history, key=EpochMetrics.rank):
                save_bundle(self.make_bundle(self.module.network, metrics), self.folder.best)
            report(metrics)

        self.module.on_epoch = after_epoch
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=EXPECTED)
            self._trainer().fit(self.module, self.train, self.val, ckpt_path=self.last, weights_only=True)

    def _trainer(self) -> lightning.Trainer:
        _, ranks = place()
        kind, _, number = self.device.partition(":")
        # its messages go to the logger of whichever of its three packages was imported last
        for chatty in ("lightning.pytorch", "lightning.fabric", "pytorch_lightning"):
            logging.getLogger(chatty).setLevel(logging.WARNING)
        return lightning.Trainer(
            max_epochs=self.epochs,
            accelerator="gpu" if kind == "cuda" else kind,
            devices=[int(number)] if number else ranks,
            strategy=_together() if ranks > 1 else "auto",
            use_distributed_sampler=False,  # the batches are shared out already
            precision=LIGHTNING_PRECISION[self.precision],
            gradient_clip_val=self.gradient_clip,
            num_sanity_val_steps=0,
            deterministic="warn",
            logger=False,
            callbacks=[self.folder.keep_last()],
            enable_progress_bar=sys.stderr.isatty(),  # the first rank draws it
            enable_model_summary=False,
        )

    def __getstate__(self) -> dict[str, Any]:
        # as bytes: a tensor that is sent becomes one memory for all processes, and each needs weights of its own
        return self.__dict__ | {"module": pickle.dumps(self.module)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state | {"module": pickle.loads(state["module"])})


def _together() -> DDPStrategy:
    # nothing that the network keeps beside its weights changes in training, and validation is not in step
    return DDPStrategy(cluster_environment=LightningEnvironment(), forward_sync_buffers=False)
