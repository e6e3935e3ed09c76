"""The training step and what is measured after each epoch."""

from collections.abc import Callable
from typing import Any, NamedTuple

import lightning
import numpy as np
import torch
from torch import nn
from torchmetrics import MeanMetric
from torchmetrics.classification import MulticlassAccuracy

from hand_gestures.classifier import GestureNetwork
from hand_gestures.training.hdf5_dataset import EmbeddedClip
from hand_gestures.training.ranks import over_whole_batch, place


class EpochMetrics(NamedTuple):
    """Mean loss and share of right answers of both splits after one epoch, counted from 1, and the learning
    rate of its last step. The training loss is the one that is minimised, the validation loss plain cross entropy."""

    epoch: int
    train_loss: float
    train_accuracy: float
    val_loss: float
    val_accuracy: float
    learning_rate: float

    def tracked(self) -> dict[str, float]:
        """All but the epoch's number."""
        return {name: value for name, value in self._asdict().items() if name != "epoch"}

    def rank(self) -> tuple[float, float]:
        """The better of two epochs ranks higher: by validation accuracy, of equals by the lower loss."""
        return self.val_accuracy, -self.val_loss


def out_of_patience(history: list[EpochMetrics], patience: int | None) -> bool:
    """Whether the last `patience` epochs brought nothing better; None has no end."""
    if patience is None or not history:
        return False
    return history[-1].epoch - max(history, key=EpochMetrics.rank).epoch >= patience


class SplitMetrics(nn.Module):
    """Loss and accuracy of one split over an epoch."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        alone: dict[str, Any] = {"sync_on_compute": False, "compute_with_cache": False}
        self.loss = MeanMetric(**alone)
        self.accuracy = MulticlassAccuracy(classes, average="micro", **alone)

    def update(
        self, loss: torch.Tensor, logits: torch.Tensor, labels: torch.Tensor, rows: int | torch.Tensor | None = None
    ) -> None:
        """Add a batch; its loss stands for `rows` rows, or as many as there are labels."""
        self.loss.update(loss.detach(), weight=len(labels) if rows is None else rows)
        self.accuracy.update(logits.detach(), labels)

    def values(self) -> dict[str, torch.Tensor]:
        """Loss and accuracy so far, in this process."""
        return {"loss": self.loss.compute(), "accuracy": self.accuracy.compute()}

    def finish(self) -> tuple[float, float]:
        """Loss and accuracy since the last call, over all processes that train together."""
        self.loss.sync()
        self.accuracy.sync()
        loss, accuracy = map(float, self.values().values())
        self.loss.reset()
        self.accuracy.reset()
        return loss, accuracy


class GestureModule(lightning.LightningModule):
    """RAdam on cross entropy, the learning rate of one cycle stepped with every batch.

    What a step draws (dropout) depends on `seed`, its epoch, its number and the rank of the process alone, so that an
    epoch that is run again after a kill gives the same result.

    Args:
        network: what is trained.
        learning_rate: the highest of the cycle.
        weight_decay: of RAdam.
        label_smoothing: share of the target that goes to the other classes, 0..1.
        class_weights: (classes,) factors of the loss, or None.
        seed: of what is drawn.
        patience: epochs without a better one after which training stops; None never stops early.

    Attributes:
        on_epoch: called with the metrics of each finished epoch, in the first process alone.
    """

    on_epoch: Callable[[EpochMetrics], None]

    def __init__(
        self,
        network: GestureNetwork,
        *,
        learning_rate: float,
        weight_decay: float,
        label_smoothing: float,
        class_weights: torch.Tensor | None,
        seed: int,
        patience: int | None,
    ) -> None:
        super().__init__()
        self.network = network
        self.loss = nn.CrossEntropyLoss(class_weights, label_smoothing=label_smoothing)
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.seed = seed
        self.patience = patience
        self.history: list[EpochMetrics] = []
        self.train_metrics = SplitMetrics(network.classes)
        self.val_metrics = SplitMetrics(network.classes)
        self.rate = 0.0  # of the last step
        self.allow_zero_length_dataloader_with_multiple_devices = True  # fewer validation clips than devices

    def training_step(self, batch: EmbeddedClip, step: int) -> torch.Tensor:
        draw = np.random.SeedSequence((self.seed, self.current_epoch, step, place()[0]))
        torch.manual_seed(int(draw.generate_state(1)[0]))
        self.rate = self.optimizers(use_pl_optimizer=False).param_groups[0]["lr"]  # type: ignore[union-attr]
        logits = self.network(batch.clip).logits
        loss, rows = over_whole_batch(self.loss(logits, batch.label), batch.label, self.loss.weight)
        self.train_metrics.update(loss, logits, batch.label, rows)
        if self.trainer.progress_bar_callback is not None:
            self.log_dict(self.train_metrics.values(), prog_bar=True, batch_size=len(batch.label))
        return loss

    def validation_step(self, batch: EmbeddedClip, _: int) -> None:
        logits = self.network(batch.clip).logits
        self.val_metrics.update(nn.functional.cross_entropy(logits, batch.label), logits, batch.label)

    def on_train_epoch_end(self) -> None:  # validation of the same epoch has run by then
        train, val = self.train_metrics.finish(), self.val_metrics.finish()
        self.history.append(EpochMetrics(self.current_epoch + 1, *train, *val, self.rate))
        if self.trainer.is_global_zero:
            self.on_epoch(self.history[-1])
        self.trainer.should_stop = out_of_patience(self.history, self.patience)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint["history"] = [tuple(metrics) for metrics in self.history]

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
