"""The training step and what is measured after each epoch."""

from collections.abc import Callable
from typing import Any, NamedTuple

import lightning
import torch
from torch import nn
from torchmetrics import MeanMetric
from torchmetrics.classification import MulticlassAccuracy

from hand_gestures.classifier import CNNBiLSTMWithAttention
from hand_gestures.training.hdf5_dataset import EmbeddedClip


class EpochMetrics(NamedTuple):
    """Mean loss and share of right answers of both splits after one epoch, counted from 1, and the learning
    rate of its last step."""

    epoch: int
    train_loss: float
    train_accuracy: float
    val_loss: float
    val_accuracy: float
    learning_rate: float

    def tracked(self) -> dict[str, float]:
        """All but the epoch's number."""
        return {name: value for name, value in self._asdict().items() if name != "epoch"}


class SplitMetrics(nn.Module):
    """Loss and accuracy of one split over an epoch."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.loss = MeanMetric()
        self.accuracy = MulticlassAccuracy(classes, average="micro")

    def update(self, loss: torch.Tensor, logits: torch.Tensor, labels: torch.Tensor) -> None:
        self.loss.update(loss.detach(), weight=len(labels))
        self.accuracy.update(logits.detach(), labels)

    def finish(self) -> tuple[float, float]:
        """Loss and accuracy since the last call."""
        values = float(self.loss.compute()), float(self.accuracy.compute())
        self.loss.reset()
        self.accuracy.reset()
        return values


class GestureModule(lightning.LightningModule):
    """RAdam on cross entropy, the learning rate of one cycle stepped with every batch.

    Args:
        network: what is trained.
        learning_rate: the highest of the cycle.
        weight_decay: of RAdam.
        on_epoch: called with the metrics of each finished epoch.
    """

    def __init__(
        self,
        network: CNNBiLSTMWithAttention,
        learning_rate: float,
        weight_decay: float,
        on_epoch: Callable[[EpochMetrics], None],
    ) -> None:
        super().__init__()
        self.network = network
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.on_epoch = on_epoch
        self.train_metrics = SplitMetrics(network.classes)
        self.val_metrics = SplitMetrics(network.classes)
        self.rate = 0.0  # of the last step

    def training_step(self, batch: EmbeddedClip, _: int) -> torch.Tensor:
        self.rate = self.optimizers(use_pl_optimizer=False).param_groups[0]["lr"]  # type: ignore[union-attr]
        return self._loss(batch, self.train_metrics)

    def validation_step(self, batch: EmbeddedClip, _: int) -> None:
        self._loss(batch, self.val_metrics)

    def _loss(self, batch: EmbeddedClip, metrics: SplitMetrics) -> torch.Tensor:
        logits = self.network(batch.clip).logits
        loss = nn.functional.cross_entropy(logits, batch.label)
        metrics.update(loss, logits, batch.label)
        return loss

    def on_train_epoch_end(self) -> None:  # validation of the same epoch has run by then
        train, val = self.train_metrics.finish(), self.val_metrics.finish()
        self.on_epoch(EpochMetrics(self.current_epoch + 1, *train, *val, self.rate))

    def configure_optimizers(self) -> Any:
        optimizer = torch.optim.RAdam(
            self.network.parameters(),
            lr=self.learning_rate,
            weight_decay=self.weight_decay,
            decoupled_weight_decay=True,
        )
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            optimizer, max_lr=self.learning_rate, total_steps=int(self.trainer.estimated_stepping_batches)
        )
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}
